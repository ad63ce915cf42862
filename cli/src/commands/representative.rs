//! `talaria-db representative`: which record stands for which.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueHint};
use talaria_db::Database;
use talaria_db::read::clusters::{Clusters, Membership};

use super::expand::ids::{Ids, WINDOW};
use super::get::ids::IdFile;
use super::get::numbers::Numbers;
use crate::exit::Exit;
use crate::failure::Result;
use crate::message::{say, say_bytes};
use crate::open::DatabaseFlags;
use crate::output::Output;

/// Print which record stands for each: id, representative, identity, coverage
#[derive(Debug, Args)]
#[command(
    override_usage = "talaria-db representative [OPTIONS] <DB> [ID]... [--file <FILE>] [--number <LIST>]",
    group(ArgGroup::new("what").required(true).multiple(true).args(["ids", "file", "number"])),
    after_help = "\
DB is the result of `talaria-db reduce`. Names are those of `talaria-db get`; all
records that bear a name are printed. A representative stands for itself. What is
not found, and what no record stands for, is listed on standard error, and the exit
code is 5 at the end.

Examples:
  talaria-db representative uniref50.talaria P69907 HBB_PANTR
  talaria-db representative uniref50.talaria --file ids.txt | cut -f 2 | sort -u"
)]
pub(crate) struct RepresentativeFlags {
    /// Ids or other names
    #[arg(value_name = "ID", index = 2)]
    ids: Vec<OsString>,
    /// A file with one of them a line; - is standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Numbers of records, from 0 in the order of the input, as in 0,17,5-9
    #[arg(short, long, value_name = "LIST")]
    number: Option<Numbers>,
    #[command(flatten)]
    database: DatabaseFlags,
}

impl RepresentativeFlags {
    /// Looks up and prints: the names of the command line, those of the file, the numbers.
    pub(crate) fn run(&self) -> Result<Exit> {
        let database = self.database.open()?;
        self.database.start_threads()?;
        let monitor = self.database.start_monitor(self.file.as_deref())?;
        let clusters = database.clusters()?;
        let mut printer = Printer { database: &database, clusters, output: Output::stdout()?, missing: false };
        let ids: Vec<&[u8]> = self.ids.iter().map(|id| id.as_bytes()).collect();
        printer.names(&ids)?;
        if let Some(path) = &self.file {
            let mut file = IdFile::open(path, database.budget())?;
            while let Some(chunk) = file.next_chunk()? {
                printer.names(&chunk.names())?;
            }
        }
        for range in self.number.iter().flat_map(Numbers::ranges) {
            printer.numbers(*range.start(), *range.end())?;
        }
        printer.output.finish()?;
        monitor.finish_reading(&database)?;
        Ok(if printer.missing { Exit::NotFound } else { Exit::Done })
    }
}

/// Prints lines in the order asked for.
struct Printer<'d> {
    database: &'d Database,
    clusters: Clusters,
    output: Output,
    missing: bool,
}

impl Printer<'_> {
    fn names(&mut self, names: &[&[u8]]) -> Result<()> {
        for names in names.chunks(WINDOW) {
            let found = self.database.find_many(names)?;
            for (name, ordinals) in names.iter().zip(found.iter()) {
                if ordinals.is_empty() {
                    self.missing = true;
                    say_bytes(&[b"not found: ", name]);
                }
            }
            found.ordinals().chunks(WINDOW).try_for_each(|ordinals| self.print(ordinals))?;
        }
        Ok(())
    }

    fn numbers(&mut self, first: u64, last: u64) -> Result<()> {
        let count = self.database.len();
        if last >= count {
            self.missing = true;
            say(format_args!("not found: number {last} (there are {count} records, from 0)"));
        }
        let (mut next, end) = (first, last.saturating_add(1).min(count));
        while next < end {
            let until = end.min(next.saturating_add(WINDOW as u64));
            self.print(&(next..until).collect::<Vec<u64>>())?;
            next = until;
        }
        Ok(())
    }

    fn print(&mut self, ordinals: &[u64]) -> Result<()> {
        let memberships: Vec<Option<Membership>> = self.clusters.memberships(ordinals)?;
        // Of a record without a representative its own id, twice.
        let above = |ordinal, found: &Option<Membership>| found.map_or(ordinal, |found| found.representative);
        let pairs = ordinals.iter().zip(&memberships);
        let both: Vec<u64> = pairs.flat_map(|(&ordinal, found)| [ordinal, above(ordinal, found)]).collect();
        let ids = Ids::of(self.database, &both)?;
        for (index, membership) in memberships.iter().enumerate() {
            let Some(membership) = membership else {
                self.missing = true;
                say_bytes(&[b"no representative: ", ids.get(2 * index)]);
                continue;
            };
            self.output.bytes(ids.get(2 * index))?;
            self.output.bytes(b"\t")?;
            self.output.bytes(ids.get(2 * index + 1))?;
            writeln!(self.output, "\t{}", membership.similarity)?;
        }
        Ok(())
    }
}
