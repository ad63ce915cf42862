//! The command line as a whole.

use clap::{Parser, Subcommand};

use crate::commands::build::BuildFlags;
use crate::commands::completions::CompletionsFlags;
use crate::commands::config::ConfigFlags;
use crate::commands::expand::ExpandFlags;
use crate::commands::export::ExportFlags;
use crate::commands::get::GetFlags;
use crate::commands::inspect::InspectFlags;
use crate::commands::man::ManFlags;
use crate::commands::members::MembersFlags;
use crate::commands::reduce::ReduceFlags;
use crate::commands::representative::RepresentativeFlags;
use crate::commands::stage::StageFlags;
use crate::commands::stats::StatsFlags;
use crate::commands::verify::VerifyFlags;
use crate::exit::{self, Exit};
use crate::failure::Result;

/// A storage engine for biological sequence databases
///
/// FASTA goes in once and becomes one sealed, checksummed file; records and regions come out by id or number, and the
/// very bytes of the FASTA on demand. All of it inside a memory limit.
#[derive(Debug, Parser)]
#[command(name = "talaria-db", version, after_help = exit::HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do. One variant, one file of [`crate::commands`].
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Build(BuildFlags),
    Get(GetFlags),
    Export(ExportFlags),
    Reduce(ReduceFlags),
    Stage(StageFlags),
    Members(MembersFlags),
    Representative(RepresentativeFlags),
    Expand(ExpandFlags),
    Verify(VerifyFlags),
    Stats(StatsFlags),
    Inspect(InspectFlags),
    Config(ConfigFlags),
    Man(ManFlags),
    Completions(CompletionsFlags),
}

impl Command {
    /// Does it.
    pub(crate) fn run(&self) -> Result<Exit> {
        match self {
            Self::Build(flags) => flags.run(),
            Self::Get(flags) => flags.run(),
            Self::Export(flags) => flags.run(),
            Self::Reduce(flags) => flags.run(),
            Self::Stage(flags) => flags.run(),
            Self::Members(flags) => flags.run(),
            Self::Representative(flags) => flags.run(),
            Self::Expand(flags) => flags.run(),
            Self::Verify(flags) => flags.run(),
            Self::Stats(flags) => flags.run(),
            Self::Inspect(flags) => flags.run(),
            Self::Config(flags) => flags.run(),
            Self::Man(flags) => flags.run(),
            Self::Completions(flags) => flags.run(),
        }
    }
}
