//! `talaria-db export`: the way back to FASTA.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use talaria_db::database::Source;
use talaria_db::read::export::{ExportOptions, Lines, Selection};
use talaria_db::spec::version::OPTIONAL_REDUCED;
use talaria_db::write::publish::Unpublished;
use talaria_db::{Database, Error};

use crate::ending;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::filter::FilterFlags;
use crate::open::DatabaseFlags;
use crate::output::Output;
use crate::target;

/// Most bytes of decoded blocks to keep: records that share a copy are far apart in a large file.
const CACHE: u64 = 1 << 30;

/// Write the FASTA that a container was built from, byte for byte
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  talaria-db export uniref50.talaria > uniref50.fasta
  talaria-db export genome.talaria --source chr1.fa -o chr1.fa
  talaria-db export genome.talaria --min-length 10000 > long.fasta
  talaria-db export uniref50.talaria --line-width 0 | grep -v '^>' | sort -u | wc -l")]
pub(crate) struct ExportFlags {
    /// Write to this file, which is replaced once the new one is complete, and not to standard output
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Residues a line, 0 for one line; as in the source unless given
    #[arg(long, value_name = "N")]
    line_width: Option<u64>,
    /// Only the references of a reduced container
    #[arg(long)]
    references: bool,
    /// Only what came from this source: its name, or its number from 0
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    #[command(flatten)]
    filter: FilterFlags,
    #[command(flatten)]
    database: DatabaseFlags,
}

impl ExportFlags {
    /// Exports.
    pub(crate) fn run(&self) -> Result<Exit> {
        let database = self.database.open_with(CACHE)?;
        let options = self.options(&database)?;
        self.database.start_threads()?;
        let monitor = self.database.start_monitor(self.output.as_deref())?;
        match &self.output {
            None => {
                let mut output = Output::stdout()?;
                database.export(output.writer(), &options).map_err(named("standard output"))?;
                output.finish()?;
                database.check_unchanged()?;
            }
            Some(path) => {
                target::check_not_input(database.path(), path)?;
                ending::tidy();
                to_file(&database, &options, path)?;
            }
        }
        monitor.finish_unchanged(&database)?;
        Ok(Exit::Done)
    }

    fn options(&self, database: &Database) -> Result<ExportOptions> {
        let reduced = database.container().header().optional_features.get() & OPTIONAL_REDUCED != 0;
        if self.references && !reduced {
            let path = database.path().display();
            return Err(Failure::Usage(format!("{path}: --references: this container is not reduced")));
        }
        let filter = self.filter.filter()?.unwrap_or_default();
        database.check_filter(&filter)?;
        Ok(ExportOptions {
            filter,
            lines: self.line_width.map_or(Lines::Original, Lines::Width),
            selection: if self.references { Selection::References } else { Selection::All },
            source: match &self.source {
                Some(text) => Some(find_source(&database.sources()?, text)?),
                None => None,
            },
        })
    }
}

/// The number of the source with this name, else with this number.
fn find_source(sources: &[Source], text: &str) -> Result<usize> {
    let mut named = sources.iter().enumerate().filter(|(_, source)| source.name == text);
    match (named.next(), named.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some(_), Some(_)) => Err(Failure::Usage(format!("--source {text}: several have this name; use the number"))),
        (None, _) => match text.parse() {
            Ok(index) if index < sources.len() => Ok(index),
            _ => Err(Failure::Usage(format!("--source {text}: no such source; `talaria-db inspect` lists them"))),
        },
    }
}

/// A regular file appears whole or not at all; anything else that exists, as a device or a pipe, is written to.
fn to_file(database: &Database, options: &ExportOptions, path: &Path) -> Result<()> {
    let target = match path.metadata() {
        Ok(metadata) if metadata.is_file() => path.canonicalize().map_err(Failure::io(path, "look at"))?,
        Ok(metadata) if !metadata.is_dir() => {
            let mut file: File = OpenOptions::new().write(true).open(path).map_err(Failure::io(path, "open"))?;
            database.export(&mut file, options).map_err(named(path))?;
            return Ok(database.check_unchanged()?);
        }
        _ => path.to_path_buf(),
    };
    let unpublished = Unpublished::create(&target)?;
    database.export(&mut &unpublished, options).map_err(named(path))?;
    database.check_unchanged()?;
    Ok(unpublished.publish()?)
}

/// Puts the name of what was written to into an error of writing, as the engine knows only that it is an output.
fn named(name: impl Into<PathBuf>) -> impl FnOnce(Error) -> Error {
    let name = name.into();
    move |error| match error {
        Error::Io { action: "write", source, .. } => Error::Io { path: name, action: "write", source },
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn only_errors_of_writing_are_named() {
        let error = |action| Error::Io { path: "x".into(), action, source: io::ErrorKind::Other.into() };
        assert!(named("out")(error("write")).to_string().starts_with("out: "));
        assert!(named("out")(error("read")).to_string().starts_with("x: "));
    }
}
