//! FASTA, taken apart into header texts, residues and layout, byte for byte.
//!
//! The input comes in chunks that may be cut anywhere. Every byte of it ends up in one of four places: the header
//! texts, the residues, the layout of records, or the preamble. What fits none of them is refused with its line, and
//! nothing is repaired: either [`crate::fasta::cursor::LayoutCursor`] gives the very bytes back, or there is an error.
//!
//! What is a record and what is layout does not depend on where chunks are cut; only the cutting of long records into
//! pieces does. The one thing that is looked for in the first chunk alone is the line width, which decides how records
//! are described, never what they are.
//!
//! What the parser does not do: decompress, know alphabets, look for names, or guess what a broken file meant.
//!
//! This is the serial part of an import, so it copies every residue once and looks at it with vector instructions:
//! several GB/s, however long the lines are. No line and no record is held as a whole. Memory is one chunk of output, a
//! record of at most `long` residues that is held back, one header line of at most 64 MiB, a preamble of at most 1 MiB,
//! and the script of the current record, which is leased.

pub(in crate::fasta) mod detect;
mod layout;
mod lines;
mod place;
mod script;
#[cfg(test)]
mod tests;

use std::path::Path;

use talaria_db_spec::columns;
use talaria_db_spec::source::LineEnd;

use crate::error::Result;
use crate::fasta::batch::{Batch, Parsed};
use crate::memory::budget::{Budget, Lease};

use detect::FirstLineEnd;
use layout::Tracker;
use lines::State;
use place::Place;

/// A header text of at most so many bytes goes without a lease.
const SHORT_HEADER: usize = 256 << 10;
/// Most bytes of a header line: 64 MiB.
pub(in crate::fasta) const HEADER_LIMIT: usize = 64 << 20;
/// Most bytes before the first record: 1 MiB.
pub(in crate::fasta) const PREAMBLE_LIMIT: usize = 1 << 20;

/// What of a source is not in its records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceLayout {
    /// The bytes before the first `>`.
    pub preamble: Vec<u8>,
    /// Residues a line in regular records; 0: one line, however long.
    pub line_width: u64,
    /// How lines end in regular records.
    pub line_end: LineEnd,
    /// Records.
    pub record_count: u64,
}

/// Parses one source.
///
/// After an error or [`Parser::finish`] it is of no more use.
///
/// ```
/// use std::path::Path;
/// use talaria_db::fasta::{batch::Batch, parse::Parser};
/// use talaria_db::memory::budget::Budget;
///
/// let mut parser = Parser::new(Path::new("two.fa"), 1 << 20, &Budget::new(1 << 20));
/// let mut batch = Batch::default();
/// parser.parse(b">one first\nACG\nT", &mut batch)?;
/// parser.parse(b"\n>two\nAC GT\n", &mut batch)?;
/// let layout = parser.finish(&mut batch)?;
///
/// assert_eq!((layout.record_count, layout.line_width), (2, 3));
/// assert_eq!(batch.text, b"one firsttwo");
/// assert_eq!(batch.residues, b"ACGTACGT");
/// assert_eq!(batch.records[0].script, None);
/// assert!(batch.records[1].script.is_some());
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug)]
pub struct Parser {
    place: Place,
    long: usize,
    /// Not known before the first line end has been seen.
    line_end: Option<LineEnd>,
    /// Not known before the first chunk has been seen.
    line_width: Option<u64>,
    state: State,
    /// The input so far ends in a carriage return, and what follows will tell whether it is a line end.
    undecided: bool,
    /// Carriage returns before the current place that only a line end or the end of the file may follow.
    returns: usize,
    preamble: Vec<u8>,
    has_comment: bool,
    open: Option<Open>,
    layout: Tracker,
    held_text: Vec<u8>,
    header_lease: Option<Lease>,
    budget: Budget,
    held_residues: Vec<u8>,
    record_count: u64,
}

/// The record that is being read.
#[derive(Debug)]
struct Open {
    /// Where its header text starts in the batch.
    text: usize,
    /// Where the header text ends in the batch.
    text_end: usize,
    id_length: u16,
    /// Where the residues that have not been given out start in the batch.
    residues: usize,
    /// Residues of the pieces that have been given out.
    given: u64,
    /// Whether a piece has been given out.
    started: bool,
}

impl Parser {
    /// A parser for the source at `path`, which is for messages only. A record that is cut by the end of a chunk is
    /// held back until it is complete if it has at most `long` residues by then, and given out in pieces else. Scripts
    /// and long header texts are leased from `budget`.
    #[must_use]
    pub fn new(path: &Path, long: usize, budget: &Budget) -> Self {
        Self {
            place: Place::new(path),
            long,
            line_end: None,
            line_width: None,
            state: State::Start,
            undecided: false,
            returns: 0,
            preamble: Vec::new(),
            has_comment: false,
            open: None,
            layout: Tracker::new(budget),
            held_text: Vec::new(),
            header_lease: None,
            budget: budget.clone(),
            held_residues: Vec::new(),
            record_count: 0,
        }
    }

    /// Appends to `batch` what `chunk` completes. Costs a copy of the residues, and one more of at most `long` residues
    /// and one header text that are held back.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for what is not FASTA, [`crate::Error::Memory`] if there is no room for a script. The
    /// batch is then good for nothing.
    pub fn parse(&mut self, chunk: &[u8], batch: &mut Batch) -> Result<()> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.resume(chunk.len(), batch);
        let settled = self.settle(chunk, batch)?;
        self.lines(settled, batch)?;
        self.suspend(batch)?;
        Ok(())
    }

    /// Appends the last record to `batch`, at the end of the input.
    ///
    /// # Errors
    /// As [`Parser::parse`]; a source with comments and no record is refused, one without anything but blanks is not.
    pub fn finish(&mut self, batch: &mut Batch) -> Result<SourceLayout> {
        self.resume(0, batch);
        if self.undecided {
            self.decide(LineEnd::Cr, batch)?;
        }
        self.end_of_input(batch)?;
        Ok(SourceLayout {
            preamble: std::mem::take(&mut self.preamble),
            line_width: self.line_width.unwrap_or_default(),
            line_end: self.line_end.unwrap_or_default(),
            record_count: self.record_count,
        })
    }

    /// Sees to the line end and the line width of the source; returns what of the chunk is to be parsed now.
    fn settle<'a>(&mut self, chunk: &'a [u8], batch: &mut Batch) -> Result<&'a [u8]> {
        let mut settled = chunk;
        if self.undecided {
            self.decide(if chunk.starts_with(b"\n") { LineEnd::CrLf } else { LineEnd::Cr }, batch)?;
        } else if self.line_end.is_none() {
            match detect::first_line_end(chunk) {
                FirstLineEnd::None => (),
                FirstLineEnd::Is(line_end) => self.line_end = Some(line_end),
                FirstLineEnd::CutAfterReturn => {
                    self.undecided = true;
                    settled = chunk.strip_suffix(b"\r").unwrap_or(chunk);
                }
            }
        }
        let width =
            *self.line_width.get_or_insert_with(|| self.line_end.map_or(0, |end| detect::line_width(chunk, end)));
        self.layout.source(width, self.line_end.unwrap_or_default());
        Ok(settled)
    }

    /// Parses the carriage return at the end of the last chunk, now that it is known what it is.
    fn decide(&mut self, line_end: LineEnd, batch: &mut Batch) -> Result<()> {
        self.undecided = false;
        self.line_end = Some(line_end);
        self.layout.source(self.line_width.unwrap_or_default(), line_end);
        self.lines(b"\r", batch)
    }

    fn begin_record(&mut self, batch: &Batch) {
        let (text, residues) = (batch.text.len(), batch.residues.len());
        self.open = Some(Open { text, text_end: text, id_length: 0, residues, given: 0, started: false });
    }

    /// The header text of the open record is complete.
    fn end_header(&mut self, batch: &Batch) {
        if let Some(open) = &mut self.open {
            open.text_end = batch.text.len();
            open.id_length = columns::id_length_field(batch.text.get(open.text..).unwrap_or_default());
        }
    }

    /// Gives out the open record, or the rest of it.
    fn end_record(&mut self, batch: &mut Batch) -> Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let script = self.layout.end()?.map(|item| {
            let start = batch.scripts.len();
            batch.scripts.extend_from_slice(&item);
            start..batch.scripts.len()
        });
        open.give(batch, true, script);
        self.record_count += 1;
        Ok(())
    }

    /// Puts the record that was held back at the end of `batch`.
    fn resume(&mut self, chunk: usize, batch: &mut Batch) {
        batch.residues.reserve(self.held_residues.len() + chunk);
        let Some(open) = &mut self.open else { return };
        open.text = batch.text.len();
        // One header may be a hundred thousand times as long as the next one; its memory is not kept.
        batch.text.append(&mut std::mem::take(&mut self.held_text));
        open.text_end = batch.text.len();
        open.residues = batch.residues.len();
        batch.residues.append(&mut self.held_residues);
    }

    /// Holds the open record back, or gives out what there is of it.
    fn suspend(&mut self, batch: &mut Batch) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let count = batch.residues.len() - open.residues;
        if open.started || count > self.long {
            if count > 0 {
                open.give(batch, false, None);
            }
        } else {
            self.held_text.extend_from_slice(batch.text.get(open.text..).unwrap_or_default());
            batch.text.truncate(open.text);
            self.held_residues.extend_from_slice(batch.residues.get(open.residues..).unwrap_or_default());
            batch.residues.truncate(open.residues);
            self.lease_header()?;
        }
        Ok(())
    }

    /// A long header text is here, in a batch, in a block and encoded at about the same time.
    fn lease_header(&mut self) -> Result<()> {
        if self.held_text.len() <= SHORT_HEADER {
            self.header_lease = None;
            return Ok(());
        }
        let need = (4 * self.held_text.len() as u64).next_multiple_of(1 << 20);
        match &mut self.header_lease {
            Some(lease) => lease.resize(need),
            None => {
                self.header_lease = Some(self.budget.lease("a header line", need)?);
                Ok(())
            }
        }
    }
}

impl Open {
    fn give(&mut self, batch: &mut Batch, ends: bool, script: Option<std::ops::Range<usize>>) {
        let residues = self.residues..batch.residues.len();
        self.given += u64::try_from(residues.len()).unwrap_or(u64::MAX);
        let starts = !self.started;
        let text = if starts { self.text..self.text_end } else { batch.text.len()..batch.text.len() };
        let id_length = if starts { self.id_length } else { 0 };
        batch.records.push(Parsed { text, id_length, residues, starts, ends, total_residues: self.given, script });
        self.started = true;
    }
}
