//! `talaria-db inspect`: the structures of a container, or of one record, by the names that FORMAT.md gives them.

mod container;
mod record;
mod tree;

use clap::Args;

use crate::exit::Exit;
use crate::failure::Result;
use crate::open::DatabaseFlags;
use crate::output::Output;

/// Show the structures of a container, or of one record in it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  talaria-db inspect uniref50.talaria
  talaria-db inspect uniref50.talaria --record P69905
  talaria-db inspect uniref50.talaria --json | jq '.sources[].sha256'")]
pub(crate) struct InspectFlags {
    /// The record with this name, else with this number, from 0
    #[arg(long, value_name = "ID|N")]
    record: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseFlags,
}

impl InspectFlags {
    /// Looks and prints.
    pub(crate) fn run(&self) -> Result<Exit> {
        let database = self.database.open()?;
        self.database.start_threads()?;
        let monitor = self.database.start_monitor(None)?;
        let tree = match &self.record {
            None => container::describe(&database)?,
            Some(text) => match record::find(&database, text)? {
                Some(ordinal) => record::describe(&database, ordinal)?,
                None => {
                    crate::message::say(format_args!("not found: {text}"));
                    return Ok(Exit::NotFound);
                }
            },
        };
        let mut output = Output::stdout()?;
        if self.json {
            writeln!(output, "{tree:#}")?;
        } else {
            tree::print(&mut output, &tree)?;
        }
        output.finish()?;
        monitor.finish_reading(&database)?;
        Ok(Exit::Done)
    }
}
