//! `talaria-db members`: the records that a representative stands for.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueHint};
use talaria_db::Database;
use talaria_db::read::clusters::Clusters;

use super::expand::ids::{Ids, WINDOW};
use super::get::Format;
use super::get::fetch::Fetcher;
use super::get::ids::IdFile;
use super::get::numbers::Numbers;
use super::get::search::Wanted;
use super::get::source::Source;
use super::get::write::RecordWriter;
use crate::exit::Exit;
use crate::failure::Result;
use crate::message::{say, say_bytes};
use crate::open::DatabaseFlags;
use crate::output::Output;

/// Names that are looked up together.
const TOGETHER: usize = 1 << 14;

/// Print the cluster of each representative: itself, then the records that it stands for
#[derive(Debug, Args)]
#[command(
    override_usage = "talaria-db members [OPTIONS] <DB> [REP]... [--file <FILE>] [--number <LIST>]",
    group(ArgGroup::new("what").required(true).multiple(true).args(["ids", "file", "number"])),
    after_help = "\
DB is the result of `talaria-db reduce`. Names are those of `talaria-db get`. Of
a name that is not there, that another record stands for, or that no record stands
for, standard error says so, and the exit code is 5 at the end.

Examples:
  talaria-db members uniref50.talaria P69905
  talaria-db members uniref50.talaria --file references.txt --table > clusters.tsv
  talaria-db members uniref50.talaria --number 17 --fasta > cluster.fasta"
)]
pub(crate) struct MembersFlags {
    /// Ids or other names of representatives
    #[arg(value_name = "REP", index = 2)]
    ids: Vec<OsString>,
    /// A file with one of them a line; - is standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Numbers of records, from 0 in the order of the input, as in 0,17,5-9
    #[arg(short, long, value_name = "LIST")]
    number: Option<Numbers>,
    /// Representative, member, identity and coverage, as the table of `reduce` has them
    #[arg(long)]
    table: bool,
    /// The records, as FASTA
    #[arg(long, conflicts_with = "table")]
    fasta: bool,
    /// Residues a line of FASTA, 0 for one line
    #[arg(long, value_name = "N", default_value_t = 60)]
    line_width: u64,
    #[command(flatten)]
    database: DatabaseFlags,
}

impl MembersFlags {
    /// Looks up and prints: the names of the command line, those of the file, the numbers.
    pub(crate) fn run(&self) -> Result<Exit> {
        let database = self.database.open()?;
        self.database.start_threads()?;
        let monitor = self.database.start_monitor(self.file.as_deref())?;
        let clusters = database.clusters()?;
        let source = Source::Container(database.clone());
        let sink = if self.fasta {
            let writer = RecordWriter::new(Output::stdout()?, Format::Fasta, self.line_width)?;
            Sink::Records(Box::new(Fetcher::new(&self.database, &source, writer, false)))
        } else {
            Sink::Lines(Output::stdout()?, self.table)
        };
        let mut printer = Printer { database: &database, source: &source, clusters, sink, missing: false };
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
        let missing = printer.missing;
        match printer.sink {
            Sink::Records(fetcher) => fetcher.finish()?,
            Sink::Lines(output, _) => output.finish()?,
        }
        monitor.finish_reading(&database)?;
        Ok(if missing { Exit::NotFound } else { Exit::Done })
    }
}

/// Where clusters go.
enum Sink<'s> {
    /// Ids, or lines of the table.
    Lines(Output, bool),
    /// FASTA.
    Records(Box<Fetcher<'s>>),
}

/// Prints clusters in the order asked for.
struct Printer<'s> {
    database: &'s Database,
    source: &'s Source,
    clusters: Clusters,
    sink: Sink<'s>,
    missing: bool,
}

impl Printer<'_> {
    fn names(&mut self, names: &[&[u8]]) -> Result<()> {
        for names in names.chunks(TOGETHER) {
            let found = self.database.find_many(names)?;
            for (name, ordinals) in names.iter().zip(found.iter()) {
                if ordinals.is_empty() {
                    self.missing = true;
                    say_bytes(&[b"not found: ", name]);
                }
                for &ordinal in ordinals {
                    self.cluster(ordinal)?;
                }
            }
        }
        Ok(())
    }

    fn numbers(&mut self, first: u64, last: u64) -> Result<()> {
        let count = self.database.len();
        if last >= count {
            self.missing = true;
            say(format_args!("not found: number {last} (there are {count} records, from 0)"));
        }
        (first..last.saturating_add(1).min(count)).try_for_each(|ordinal| self.cluster(ordinal))
    }

    /// Prints the cluster of one record, if it is a representative.
    fn cluster(&mut self, ordinal: u64) -> Result<()> {
        match self.clusters.membership(ordinal)?.map(|found| found.representative) {
            Some(above) if above == ordinal => {}
            Some(above) => {
                self.missing = true;
                let ids = Ids::of(self.database, &[ordinal, above])?;
                say_bytes(&[b"no representative: ", ids.get(0), b" (", ids.get(1), b" stands for it)"]);
                return Ok(());
            }
            None => {
                self.missing = true;
                let ids = Ids::of(self.database, &[ordinal])?;
                say_bytes(&[b"no representative: ", ids.get(0), b" (no record stands for it)"]);
                return Ok(());
            }
        }
        let own = std::iter::once(Ok((ordinal, talaria_db::reduce::Similarity::FULL)));
        let mut members = own.chain(self.clusters.members(ordinal)?);
        let representative = Ids::of(self.database, &[ordinal])?;
        loop {
            let window: Vec<_> = members.by_ref().take(WINDOW).collect::<talaria_db::Result<_>>()?;
            if window.is_empty() {
                return Ok(());
            }
            let ordinals: Vec<u64> = window.iter().map(|&(member, _)| member).collect();
            match &mut self.sink {
                Sink::Records(fetcher) => {
                    fetcher.fetch(&Wanted::numbers(self.source, &ordinals)?)?;
                }
                Sink::Lines(output, table) => {
                    let ids = Ids::of(self.database, &ordinals)?;
                    for (index, (_, similarity)) in window.iter().enumerate() {
                        if *table {
                            output.bytes(representative.get(0))?;
                            output.bytes(b"\t")?;
                        }
                        output.bytes(ids.get(index))?;
                        if *table {
                            write!(output, "\t{similarity}")?;
                        }
                        output.bytes(b"\n")?;
                    }
                }
            }
        }
    }
}
