//! Cutting the records of a source into units that threads turn into text.

use std::ops::Range;

use talaria_db_spec::source::LineEnd;

use crate::database::{Database, Source};
use crate::error::Result;
use crate::fasta::cursor::LayoutCursor;
use crate::read::columns::ColumnRun;
use crate::read::export::{ExportOptions, Lines, Selection};

/// Bytes that a unit aims at.
const UNIT: u64 = 256 << 10;
/// Bytes that a window aims at where memory allows.
const WINDOW: u64 = 8 << 20;
/// Records whose columns are looked at together.
const RUN: u64 = 1 << 12;

/// Records, or a piece of one, that one thread turns into text.
pub(super) struct Unit {
    pub(super) ordinals: Range<u64>,
    pub(super) piece: Option<Piece>,
    pub(super) regular: LayoutCursor,
    pub(super) lines: LineSource,
    /// About how many bytes of text it makes.
    pub(super) estimate: usize,
}

/// What the layout of a source's records refers to.
#[derive(Clone, Copy)]
pub(super) struct LineSource {
    pub(super) line_end: LineEnd,
    pub(super) byte_length: u64,
}

/// A part of a long record: where its residues start and end, and the layout at that place.
pub(super) struct Piece {
    pub(super) range: Range<u64>,
    pub(super) header_end: Option<Vec<u8>>,
    pub(super) cursor: LayoutCursor,
    pub(super) last: bool,
}

/// Cuts the records of a source into units.
pub(super) struct Cutter<'d> {
    database: &'d Database,
    next: u64,
    end: u64,
    regular: LayoutCursor,
    lines: LineSource,
    original: bool,
    references: bool,
    /// Bytes that a window aims at: two of them are to fit what is free of the budget several times over.
    window: u64,
    /// The columns of the next records.
    run: Option<ColumnRun<'d>>,
    /// The long record that is being cut: its position, length and layout there.
    long: Option<(u64, u64, LayoutCursor, Option<Vec<u8>>)>,
}

impl<'d> Cutter<'d> {
    pub(super) fn new(database: &'d Database, source: &Source, options: &ExportOptions) -> Self {
        let (width, line_end) = match options.lines {
            Lines::Original => (source.line_width, source.line_end),
            Lines::Width(width) => (width, LineEnd::Lf),
        };
        Self {
            database,
            next: source.first_record,
            end: source.first_record + source.record_count,
            regular: LayoutCursor::regular(width, line_end),
            lines: LineSource { line_end, byte_length: source.byte_length },
            original: options.lines == Lines::Original,
            references: options.selection == Selection::References,
            window: (database.budget().free() / 8).min(WINDOW),
            run: None,
            long: None,
        }
    }

    /// The next units, and about how many bytes of text they make.
    pub(super) fn next_window(&mut self) -> Result<(Vec<Unit>, u64)> {
        let (mut units, mut total) = (Vec::new(), 0);
        while total < self.window {
            let Some(unit) = self.next_unit()? else { break };
            total += unit.estimate as u64;
            units.push(unit);
        }
        Ok((units, total))
    }

    fn next_unit(&mut self) -> Result<Option<Unit>> {
        if self.long.is_some() {
            return Ok(Some(self.next_piece()));
        }
        let (first, mut estimate) = (self.next, 0);
        while self.next < self.end && estimate < UNIT {
            let run = match self.run.take().filter(|run| run.ordinals().contains(&self.next)) {
                Some(run) => run,
                None => self.database.columns(self.next..(self.next + RUN).min(self.end))?,
            };
            let run = self.run.insert(run);
            let (length, entry) = (run.sequence_length(self.next)?, run.header_entry(self.next)?);
            let skipped = self.references && entry.is_shared();
            if length > UNIT && !skipped {
                if self.next > first {
                    break;
                }
                self.start_long(length, entry.is_irregular())?;
                return Ok(Some(self.next_piece()));
            }
            if !skipped {
                // Line ends and the like: a quarter is more than enough for lines of 8 residues.
                estimate += length + length / 4 + u64::from(entry.text_length.get()) + 16;
            }
            self.next += 1;
        }
        if self.next == first {
            return Ok(None);
        }
        Ok(Some(self.unit(first..self.next, None, estimate)))
    }

    fn start_long(&mut self, length: u64, irregular: bool) -> Result<()> {
        let ordinal = self.next;
        let (header_end, cursor) = if irregular && self.original {
            let index = self.database.layout_position(ordinal)?;
            let (header_end, cursor, _) = self.database.script(index, ordinal, length, self.lines)?;
            (header_end, cursor)
        } else {
            (self.lines.line_end.bytes().to_vec(), self.regular.clone())
        };
        self.long = Some((0, length, cursor, Some(header_end)));
        Ok(())
    }

    fn next_piece(&mut self) -> Unit {
        let (position, length, mut cursor, header_end) =
            self.long.take().unwrap_or_else(|| (0, 0, self.regular.clone(), None));
        let end = length.min(position + UNIT);
        let last = end == length;
        let piece = Piece { range: position..end, header_end, cursor: cursor.clone(), last };
        let unit = self.unit(self.next..self.next + 1, Some(piece), (end - position) * 5 / 4);
        if last {
            self.next += 1;
        } else {
            cursor.skip(end - position);
            self.long = Some((end, length, cursor, None));
        }
        unit
    }

    fn unit(&self, ordinals: Range<u64>, piece: Option<Piece>, estimate: u64) -> Unit {
        let estimate = usize::try_from(estimate).unwrap_or(usize::MAX);
        Unit { ordinals, piece, regular: self.regular.clone(), lines: self.lines, estimate }
    }
}
