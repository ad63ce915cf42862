//! Making the index: one pass over the file, all threads at once.
//!
//! The file is cut into stretches of equal length, and each thread takes the records that start in its stretch; so a
//! chromosome is read by one thread, however long it is. What comes out does not depend on threads or memory.

use std::ops::Range;
use std::path::Path;

use memchr::memmem::Finder;
use rayon::prelude::*;
use talaria_db_spec::source::LineEnd;

use crate::error::{Error, Result};
use crate::fasta::batch::Batch;
use crate::fasta::parse::detect::{FirstLineEnd, first_line_end, last_byte};
use crate::fasta::parse::{HEADER_LIMIT, PREAMBLE_LIMIT, Parser};
use crate::memory::budget::{Budget, Lease};
use crate::read::storage::Storage;

use super::entry::Entry;
use super::leased::LeasedList;
use super::scan::{Found, Scanner, Stop};

/// Bytes of a stretch.
const STRETCH: u64 = 4 << 20;
/// Stretches for each thread before what was found is put together.
const ROUND: usize = 4;
/// Bytes that are read in one go, where the file is not mapped.
const CHUNK: usize = 1 << 20;
/// UTF-8's byte order mark.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// An index in memory.
#[derive(Debug)]
pub(super) struct Made {
    /// The records, in order.
    pub(super) entries: LeasedList<Entry>,
    /// The names, sorted.
    pub(super) names: LeasedList<u64>,
    /// Residues of all records.
    pub(super) residues: u64,
    /// The byte that ends lines.
    pub(super) last_byte: u8,
}

/// The file that an index is made of.
#[derive(Debug, Clone, Copy)]
struct Text<'t> {
    path: &'t Path,
    storage: &'t Storage,
    budget: &'t Budget,
}

/// Makes the index of a file.
pub(super) fn make(path: &Path, storage: &Storage, budget: &Budget) -> Result<Made> {
    let text = Text { path, storage, budget };
    let last_byte = last_byte(text.line_end()?);
    let entries = LeasedList::new(budget)?;
    let mut made = Made { entries, names: LeasedList::new(budget)?, residues: 0, last_byte };
    let Some(first) = text.first_record(last_byte)? else {
        // Blanks and nothing else are a file without records; the parser tells them from everything else.
        return text.parse().map(|()| made);
    };
    match text.scan(first, &mut made) {
        Ok(()) => Ok(made),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::NotFasta) => Err(text.parse().err().unwrap_or_else(|| Error::Index {
            path: path.to_path_buf(),
            reason: "the file changed while its index was made".into(),
        })),
    }
}

impl Text<'_> {
    fn read(&self, offset: u64, most: usize) -> Result<std::borrow::Cow<'_, [u8]>> {
        let length = self.storage.len().saturating_sub(offset).min(most as u64);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.storage.bytes(offset, length).map_err(Error::io(self.path, "read"))
    }

    /// A lease for `bytes` bytes that are read, which is nothing where they are mapped.
    fn lease(&self, bytes: usize) -> Result<Lease> {
        let bytes = if self.storage.borrows() { 0 } else { (bytes as u64).min(self.storage.len()) };
        self.budget.lease("reading a FASTA file", bytes)
    }

    /// How the file's lines end, from its first line.
    fn line_end(&self) -> Result<LineEnd> {
        let mut most = 64 << 10;
        loop {
            let _lease = self.lease(most)?;
            let start = self.read(0, most)?;
            let all = start.len() as u64 == self.storage.len() || most > HEADER_LIMIT + PREAMBLE_LIMIT;
            match first_line_end(&start) {
                FirstLineEnd::Is(end) => return Ok(end),
                FirstLineEnd::CutAfterReturn if all => return Ok(LineEnd::Cr),
                FirstLineEnd::None if all => return Ok(LineEnd::Lf),
                FirstLineEnd::CutAfterReturn | FirstLineEnd::None => most *= 8,
            }
        }
    }

    /// Where the first record starts, after a look at what stands before it.
    fn first_record(&self, last_byte: u8) -> Result<Option<u64>> {
        let start = self.read(0, BYTE_ORDER_MARK.len() + 1)?;
        if start.first() == Some(&b'>') {
            return Ok(Some(0));
        }
        if start.strip_prefix(BYTE_ORDER_MARK) == Some(b">") {
            return Ok(Some(BYTE_ORDER_MARK.len() as u64));
        }
        let most = PREAMBLE_LIMIT + 2;
        let _lease = self.lease(most)?;
        let start = self.read(0, most)?;
        let Some(at) = Finder::new(&[last_byte, b'>']).find(&start) else { return Ok(None) };
        // A record without a name follows, so that the parser has what it takes to end well.
        let mut parser = Parser::new(self.path, 0, self.budget);
        let mut batch = Batch::default();
        parser.parse(start.get(..at + 2).unwrap_or_default(), &mut batch)?;
        parser.finish(&mut batch)?;
        Ok(Some(at as u64 + 1))
    }

    /// Reads the file as a build would, for the error that it would give.
    fn parse(&self) -> Result<()> {
        // The chunk, and the batch that it becomes.
        let _lease = self.budget.lease("reading a FASTA file", 3 * CHUNK as u64)?;
        let mut parser = Parser::new(self.path, 0, self.budget);
        let mut batch = Batch::default();
        for offset in (0..self.storage.len()).step_by(CHUNK) {
            batch.clear();
            parser.parse(&self.read(offset, CHUNK)?, &mut batch)?;
        }
        parser.finish(&mut batch).map(|_| ())
    }

    fn scan(&self, first: u64, made: &mut Made) -> Result<(), Stop> {
        let end = self.storage.len();
        let stretches: Vec<Range<u64>> = (first..end)
            .step_by(usize::try_from(STRETCH).unwrap_or(usize::MAX))
            .map(|start| start..end.min(start + STRETCH))
            .collect();
        for round in stretches.chunks(ROUND * rayon::current_num_threads()) {
            let found: Vec<Option<Found>> = round
                .par_iter()
                .map(|stretch| {
                    let _lease = self.lease(CHUNK)?;
                    self.stretch(stretch, first, made.last_byte)
                })
                .collect::<Result<_, Stop>>()?;
            let done = round.last().map_or(end, |last| last.end) - first;
            add(made, found, done, end - first)?;
        }
        let names = made.names.items_mut();
        names.par_sort_unstable();
        names.dedup();
        Ok(())
    }

    /// The records that start in a stretch.
    fn stretch(&self, stretch: &Range<u64>, first: u64, last_byte: u8) -> Result<Option<Found>, Stop> {
        let start = if stretch.start == first { Some(first) } else { self.next_record(stretch, last_byte)? };
        let Some(mut position) = start else { return Ok(None) };
        let mut scanner = Scanner::new(position, last_byte, self.budget)?;
        while position < self.storage.len() {
            let chunk = self.read(position, CHUNK)?;
            if scanner.feed(&chunk, stretch.end)? {
                return Ok(Some(scanner.into_found()));
            }
            position += chunk.len() as u64;
        }
        scanner.finish().map(Some)
    }

    /// Where the first record of a stretch starts.
    fn next_record(&self, stretch: &Range<u64>, last_byte: u8) -> Result<Option<u64>> {
        let finder = Finder::new(&[last_byte, b'>']).into_owned();
        // From the byte before, which may end a line.
        let mut position = stretch.start - 1;
        while position + 1 < stretch.end {
            let most = usize::try_from(stretch.end - position).unwrap_or(CHUNK).min(CHUNK);
            let chunk = self.read(position, most)?;
            if let Some(at) = finder.find(&chunk) {
                return Ok(Some(position + at as u64 + 1));
            }
            position += (chunk.len() as u64).saturating_sub(1).max(1);
        }
        Ok(None)
    }
}

/// Adds what was found in the stretches of a round, `done` of `all` bytes having been seen by then.
fn add(made: &mut Made, round: Vec<Option<Found>>, done: u64, all: u64) -> Result<()> {
    let found = || round.iter().flatten();
    let more = |count: usize| {
        // Room for what is to come, if it goes on as it has so far.
        let expected =
            u128::try_from(count).unwrap_or(u128::MAX).saturating_mul(u128::from(all)) / u128::from(done.max(1));
        usize::try_from(expected + expected / 64).unwrap_or(usize::MAX).max(count)
    };
    let entries = made.entries.items().len() + found().map(|found| found.entries.items().len()).sum::<usize>();
    let names = made.names.items().len() + found().map(|found| found.names.items().len()).sum::<usize>();
    if !made.entries.has_room(entries) {
        made.entries.reserve(more(entries))?;
    }
    if !made.names.has_room(names) {
        made.names.reserve(more(names))?;
    }
    for mut found in round.into_iter().flatten() {
        let before = made.entries.items().len() as u64;
        found.names.items_mut().iter_mut().for_each(|item| *item += before);
        made.entries.append(found.entries.items())?;
        made.names.append(found.names.items())?;
        made.residues += found.residues;
    }
    Ok(())
}
