//! `talaria-db stage cover`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{output, summarize, work};
use crate::exit::Exit;
use crate::failure::Result;
use crate::sizes;
use crate::work::WorkFlags;

/// Choose representatives from all links, and write who joins whom
#[derive(Debug, Args)]
pub(super) struct CoverFlags {
    /// The words of all shards, and all parts of the links, in any order
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// The file to write
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    #[command(flatten)]
    work: WorkFlags,
}

impl CoverFlags {
    pub(super) fn run(&self) -> Result<Exit> {
        let path = output(&self.files, &self.output)?;
        let summary = work(&self.work, &self.files, |stage| stage.cover(&self.files, &path))?;
        let counts = [sizes::counted(summary.pairs, "link"), sizes::counted(summary.references, "reference")];
        summarize(&self.work, &self.output, &summary, &counts.join(", "));
        Ok(Exit::Done)
    }
}
