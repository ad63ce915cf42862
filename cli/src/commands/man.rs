//! `talaria-db man`: the manual pages.

use std::path::PathBuf;

use clap::{Args, Command, CommandFactory, ValueHint};
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::Output;

/// Print the manual pages, or write them into a folder
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  talaria-db man | man -l -
  talaria-db man ~/.local/share/man/man1")]
pub(crate) struct ManFlags {
    /// Write one file a page into this folder
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    folder: Option<PathBuf>,
}

impl ManFlags {
    /// Prints or writes them.
    pub(crate) fn run(&self) -> Result<Exit> {
        let mut command = Arguments::command().disable_help_subcommand(true);
        if let Some(folder) = &self.folder {
            std::fs::create_dir_all(folder).map_err(Failure::io(folder, "create"))?;
            clap_mangen::generate_to(command, folder).map_err(Failure::io(folder, "write into"))?;
            return Ok(Exit::Done);
        }
        // Gives the sub-commands their full names.
        command.build();
        let mut output = Output::stdout()?;
        let pages = std::iter::once(&command).chain(command.get_subcommands());
        for page in pages.cloned().collect::<Vec<Command>>() {
            let mut roff = Vec::new();
            Man::new(page).render(&mut roff).map_err(Failure::io("manual page", "make"))?;
            output.bytes(&roff)?;
        }
        output.finish()?;
        Ok(Exit::Done)
    }
}
