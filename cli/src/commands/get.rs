//! `talaria-db get`: records and regions, by name or number.

pub(super) mod fetch;
pub(super) mod ids;
pub(super) mod numbers;
mod region;
pub(super) mod search;
pub(super) mod source;
pub(super) mod write;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum, ValueHint};
use talaria_db::read::filter::Filter;

use crate::exit::Exit;
use crate::failure::Result;
use crate::filter::FilterFlags;
use crate::message::{say, say_bytes};
use crate::open::DatabaseFlags;
use crate::output::Output;
use fetch::Fetcher;
use ids::IdFile;
use numbers::Numbers;
use search::{Missing, Wanted};
use source::Source;
use write::RecordWriter;

/// Names or records up to this number are looked up one after the other, without threads: starting those takes longer.
const FEW: usize = 16;
/// Most numbers of records that are held at a time.
const MOST_NUMBERS: u64 = 1 << 16;

/// Print records or regions, by id or number, in the order asked for
#[derive(Debug, Args)]
#[command(
    override_usage = "talaria-db get [OPTIONS] <DB> [ID]... [--file <FILE>] [--number <LIST>] [--min-length <N>]...",
    group(ArgGroup::new("what").required(true).multiple(true).args(["ids", "file", "number", "save_index"]).args(FilterFlags::NAMES)),
    after_help = "\
A name is the first word of a header, or an accession (with or without its
version) or entry name in it. All records that bear a name are printed. What is
not found is listed on standard error, and the exit code is 5 at the end.

DB may also be a plain FASTA file, which is then indexed in memory each time, or
once with --save-index; an index that is older than the file is not used. FASTA
has no checksums: what is printed is what the file says now.

Regions are as in samtools: ID:from-to, counted from 1, both ends included.
ID:from, ID:from- and ID:-to run to an end of the sequence. An id that has a
colon itself comes first; {ID}:from-to is never ambiguous.

Filters alone print all records that match, in the order of the input; with ids
or numbers those of them that match. Bounds are inclusive. Only the records that
are printed are decoded. Of FASTA there are lengths only.

Examples:
  talaria-db get uniref50.talaria P69905 HBB_HUMAN
  talaria-db get genome.talaria chr1:1,000,001-1,000,060 --reverse-complement
  talaria-db get nr.talaria --file ids.txt --format tsv > records.tsv
  talaria-db get nr.talaria --number 0,17,100-199
  talaria-db get contigs.talaria -m 1000 --min-gc 0.6 --min-complexity 0.8
  talaria-db get proteins.fasta P69905 --save-index"
)]
pub(crate) struct GetFlags {
    /// Ids, other names, or regions
    #[arg(value_name = "ID", index = 2)]
    ids: Vec<OsString>,
    /// A file with one of them a line; - is standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Numbers of records, from 0 in the order of the input, as in 0,17,5-9
    #[arg(short, long, value_name = "LIST")]
    number: Option<Numbers>,
    /// How records are printed; tsv and json give the length of the whole record and, for regions, from and to
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Residues a line of FASTA, 0 for one line
    #[arg(long, value_name = "N", default_value_t = 60)]
    line_width: u64,
    /// The other strand, of nucleotides; FASTA headers get /rc after the id
    #[arg(short = 'i', long)]
    reverse_complement: bool,
    /// Of several records with a name, the first one only
    #[arg(long)]
    first: bool,
    /// Keep the index of a FASTA file beside it, as FILE.talaria-index, for the next time
    #[arg(long)]
    save_index: bool,
    #[command(flatten)]
    filter: FilterFlags,
    #[command(flatten)]
    database: DatabaseFlags,
}

/// How records are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// FASTA
    #[default]
    Fasta,
    /// Columns with a line of names; blanks within them are spaces
    Tsv,
    /// One object a line
    Json,
}

impl GetFlags {
    /// Looks up and prints: the ids of the command line, those of the file, the numbers.
    pub(crate) fn run(&self) -> Result<Exit> {
        let filter = self.filter.filter()?;
        let asked = self.file.is_some() || self.number.is_some() || !self.ids.is_empty();
        let many = !asked || self.file.is_some() || self.number.is_some() || self.ids.len() > FEW;
        let source = Source::open(&self.database, self.save_index)?;
        if let Some(filter) = &filter {
            source.check_filter(filter)?;
        }
        if many {
            self.database.start_threads()?;
        }
        let monitor = self.database.start_monitor(self.file.as_deref())?;
        let mut names = match &self.file {
            Some(path) => Some(IdFile::open(path, source.budget())?),
            None => None,
        };
        let writer = RecordWriter::new(Output::stdout()?, self.format, self.line_width)?;
        let fetcher = Fetcher::new(&self.database, &source, writer, self.reverse_complement);
        let mut getter = Getter { source: &source, fetcher, filter, first: self.first, missing: false };
        if !asked {
            getter.all()?;
        }
        let ids: Vec<&[u8]> = self.ids.iter().map(|id| id.as_bytes()).collect();
        getter.names(&ids)?;
        while let Some(chunk) = names.as_mut().map(IdFile::next_chunk).transpose()?.flatten() {
            getter.names(&chunk.names())?;
        }
        for range in self.number.iter().flat_map(Numbers::ranges) {
            getter.numbers(*range.start(), *range.end())?;
        }
        getter.fetcher.finish()?;
        let missing = getter.missing;
        source.finish(monitor)?;
        Ok(if missing { Exit::NotFound } else { Exit::Done })
    }
}

/// Takes what is asked for piece by piece, so that memory has a bound.
struct Getter<'s> {
    source: &'s Source,
    fetcher: Fetcher<'s>,
    filter: Option<Filter>,
    first: bool,
    missing: bool,
}

impl Getter<'_> {
    fn names(&mut self, names: &[&[u8]]) -> Result<()> {
        let mut found = search::search(self.source, names, self.first)?;
        for missing in &found.missing {
            self.missing = true;
            match missing {
                Missing::Name(name) => say_bytes(&[b"not found: ", name]),
                Missing::Region(name, length) => {
                    let reason = format!(" (the sequence ends at {length})");
                    say_bytes(&[b"not found: ", name, reason.as_bytes()]);
                }
            }
        }
        if let Some(filter) = &self.filter {
            let mut matching = Vec::with_capacity(found.wanted.len());
            for wanted in found.wanted {
                if self.source.matches(filter, wanted.ordinal)? {
                    matching.push(wanted);
                }
            }
            found.wanted = matching;
        }
        self.fetcher.fetch(&found.wanted)
    }

    /// All records that match the filter; without a filter none.
    fn all(&mut self) -> Result<()> {
        let Some(filter) = &self.filter else { return Ok(()) };
        let Some(database) = self.source.container() else {
            return match self.source.len().checked_sub(1) {
                Some(last) => self.numbers(0, last),
                None => Ok(()),
            };
        };
        for window in database.select(filter)? {
            for ordinals in window?.chunks(MOST_NUMBERS as usize) {
                self.fetcher.fetch(&Wanted::numbers(self.source, ordinals)?)?;
            }
        }
        Ok(())
    }

    /// Records `first` to `last`, as far as there are that many.
    fn numbers(&mut self, first: u64, last: u64) -> Result<()> {
        let count = self.source.len();
        if last >= count {
            self.missing = true;
            let range = if first == last { format!("number {first}") } else { format!("numbers {first}-{last}") };
            say(format_args!("not found: {range} (there are {count} records, from 0)"));
        }
        let (mut next, end) = (first, last.saturating_add(1).min(count));
        while next < end {
            let until = end.min(next + MOST_NUMBERS);
            let mut ordinals = Vec::new();
            for ordinal in next..until {
                if self.filter.as_ref().map_or(Ok(true), |filter| self.source.matches(filter, ordinal))? {
                    ordinals.push(ordinal);
                }
            }
            self.fetcher.fetch(&Wanted::numbers(self.source, &ordinals)?)?;
            next = until;
        }
        Ok(())
    }
}
