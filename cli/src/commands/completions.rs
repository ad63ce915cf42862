//! `talaria-db completions`: completion scripts for shells.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::Output;

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  talaria-db completions bash > ~/.local/share/bash-completion/completions/talaria-db
  talaria-db completions fish > ~/.config/fish/completions/talaria-db.fish")]
pub(crate) struct CompletionsFlags {
    /// The shell
    shell: Shell,
}

impl CompletionsFlags {
    /// Prints it.
    pub(crate) fn run(&self) -> Result<Exit> {
        // Into memory first: the generator panics if it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "talaria-db", &mut script);
        let mut output = Output::stdout()?;
        output.bytes(&script)?;
        output.finish()?;
        Ok(Exit::Done)
    }
}
