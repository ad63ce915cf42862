//! Cutting the records of a source into units that threads turn into text.

use std::ops::Range;
use std::sync::Arc;

use talaria_db_spec::columns::HeaderEntry;
use talaria_db_spec::source::LineEnd;

use crate::database::{Database, Source};
use crate::error::Result;
use crate::fasta::cursor::LayoutCursor;
use crate::memory::budget::Lease;
use crate::read::columns::ColumnRun;
use crate::read::export::{Lines, Request};

/// Bytes that a unit aims at, unless blocks are larger. A long record is cut into pieces of as many residues.
const UNIT: u64 = 256 << 10;
/// Most bytes that a unit aims at if there are deltas: the more of them are made together, the fewer blocks are decoded
/// more than once.
const WIDE_UNIT: u64 = 16 << 20;
/// Bytes that a record takes beside its residues, about.
const BESIDE: u64 = 128;
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
    /// For what the layout of a long record writes beside residues, wherever in the record that is.
    _layout: Option<Arc<Lease>>,
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
    width: u64,
    request: Request<'d>,
    /// Most records of a unit.
    most: u64,
    /// Bytes that a unit aims at.
    aim: u64,
    /// Residues of a piece of a long record.
    piece: u64,
    /// Whether units end where blocks do, so that no block is decoded for two.
    whole_blocks: bool,
    /// The columns of the next records.
    run: Option<ColumnRun<'d>>,
    /// Whether those match the filter; empty if all do.
    matching: Vec<bool>,
    /// The long record that is being cut.
    long: Option<Long>,
}

/// A long record that is being cut.
struct Long {
    position: u64,
    length: u64,
    /// The layout at the position.
    cursor: LayoutCursor,
    /// What follows the header text, until the first piece is cut.
    header_end: Option<Vec<u8>>,
    /// Bytes of the header text, until the first piece is cut.
    text_length: u64,
    layout: Arc<Lease>,
}

/// Bytes and records that a unit aims at: with deltas a share of what is free, so large that each thread has some.
fn aim(database: &Database) -> (u64, u64) {
    let records = database.memory().streaming.chunk_records.max(1) as u64;
    if !database.has_deltas() || database.memory().streaming.only {
        return (UNIT, records);
    }
    // Residues of the deltas and the text, of a unit for each thread and one that is written; half is for others.
    let threads = rayon::current_num_threads() as u64;
    let free = database.budget().available() / (4 * (threads + 1));
    let all = database.residue_count().saturating_add(database.len().saturating_mul(BESIDE));
    let aim = free.min(all / (4 * threads)).clamp(UNIT, WIDE_UNIT);
    (aim, records.max(aim / BESIDE))
}

impl<'d> Cutter<'d> {
    /// For some records of a source.
    pub(super) fn new(database: &'d Database, source: &Source, ordinals: Range<u64>, request: Request<'d>) -> Self {
        let (aim, most) = aim(database);
        let piece = UNIT.max(database.sequences().nominal.into());
        let whole_blocks = !database.is_placed();
        let (width, line_end) = match request.options.lines {
            Lines::Original => (source.line_width, source.line_end),
            Lines::Width(width) => (width, LineEnd::Lf),
        };
        Self {
            database,
            next: ordinals.start,
            end: ordinals.end,
            regular: LayoutCursor::regular(width, line_end),
            lines: LineSource { line_end, byte_length: source.byte_length },
            width,
            request,
            aim: if whole_blocks { aim.max(piece) } else { aim },
            piece,
            most,
            whole_blocks,
            run: None,
            matching: Vec::new(),
            long: None,
        }
    }

    /// The next unit, until there are no more.
    pub(super) fn next_unit(&mut self) -> Result<Option<Unit>> {
        if self.long.is_some() {
            return Ok(self.next_piece());
        }
        let (first, mut estimate, mut block) = (self.next, 0, None);
        // A block between whose records are many that share copies elsewhere may have no end in sight.
        let most_bytes = if self.whole_blocks { self.aim.saturating_add(2 * self.piece) } else { self.aim };
        // Records that are skipped make no text, but their columns are looked at.
        while self.next < self.end && self.next - first < self.most {
            let run = match self.run.take().filter(|run| run.ordinals().contains(&self.next)) {
                Some(run) => run,
                None => {
                    let ordinals = self.next..(self.next + RUN).min(self.end);
                    if !self.request.options.filter.is_open() {
                        self.matching = self.database.matching(&self.request.options.filter, ordinals.clone())?;
                    }
                    self.database.columns(ordinals)?
                }
            };
            let run = self.run.insert(run);
            let (length, entry) = (run.sequence_length(self.next)?, run.header_entry(self.next)?);
            let own = match self.whole_blocks && entry.is_reference() && length > 0 {
                true => Some(run.sequence_address(self.next)?.block()),
                false => None,
            };
            if estimate >= most_bytes || estimate >= self.aim && own.is_some_and(|own| block != Some(own)) {
                break;
            }
            block = own.or(block);
            let index = usize::try_from(self.next - run.ordinals().start).unwrap_or(usize::MAX);
            let matches = self.matching.get(index).copied().unwrap_or(true);
            let skipped = !matches || self.request.leaves_out(self.database, self.next, &entry)?;
            if length > self.piece && !skipped && !entry.is_delta() {
                if self.next > first {
                    break;
                }
                self.start_long(length, &entry)?;
                return Ok(self.next_piece());
            }
            if !skipped {
                estimate += self.estimate(length) + u64::from(entry.text_length.get());
            }
            self.next += 1;
        }
        if self.next == first {
            return Ok(None);
        }
        Ok(Some(self.unit(first..self.next, None, estimate, None)))
    }

    fn start_long(&mut self, length: u64, entry: &HeaderEntry) -> Result<()> {
        let ordinal = self.next;
        let (header_end, cursor, beside) = if entry.is_irregular() && self.request.options.lines == Lines::Original {
            let index = self.database.layout_position(ordinal)?;
            self.database.script(index, ordinal, length, self.lines)?
        } else {
            (self.lines.line_end.bytes().to_vec(), self.regular.clone(), 0)
        };
        let layout = Arc::new(self.database.budget().lease("the layout of a record", beside)?);
        let text_length = entry.text_length.get().into();
        self.long = Some(Long { position: 0, length, cursor, header_end: Some(header_end), text_length, layout });
        Ok(())
    }

    /// The next piece of the long record; `None` if there is none.
    fn next_piece(&mut self) -> Option<Unit> {
        let mut long = self.long.take()?;
        let end = long.length.min(long.position + self.piece);
        let last = end == long.length;
        let range = long.position..end;
        let estimate = self.estimate(end - long.position) + std::mem::take(&mut long.text_length);
        let header_end = long.header_end.take();
        let piece = Piece { range, header_end, cursor: long.cursor.clone(), last };
        let layout = Some(Arc::clone(&long.layout));
        let unit = self.unit(self.next..self.next + 1, Some(piece), estimate, layout);
        if last {
            self.next += 1;
        } else {
            long.cursor.skip(end - long.position);
            long.position = end;
            self.long = Some(long);
        }
        Some(unit)
    }

    /// About how many bytes of text residues make: with a line end a line, and some more.
    fn estimate(&self, residues: u64) -> u64 {
        let lines = residues.checked_div(self.width).unwrap_or(0) + 1;
        residues + 2 * lines + 16
    }

    fn unit(&self, ordinals: Range<u64>, piece: Option<Piece>, estimate: u64, _layout: Option<Arc<Lease>>) -> Unit {
        let estimate = usize::try_from(estimate).unwrap_or(usize::MAX);
        Unit { ordinals, piece, regular: self.regular.clone(), lines: self.lines, estimate, _layout }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::settings::MemorySettings;
    use crate::read::export::ExportOptions;
    use crate::{Builder, OpenOptions};

    #[test]
    fn no_block_is_in_two_units() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.talaria");
        // Every third is a copy of another one, and so are the last ones.
        let residues = |number: usize| format!("{:0>1500}", number % 3 + number / 3 * 5).into_bytes();
        let copies = (0..40).map(move |_| (b"copy".to_vec(), residues(0)));
        let records = (0..900).map(move |number| (b"r".to_vec(), residues(if number % 3 == 2 { 4 } else { number })));
        for block in [16 << 10, 128 << 10, 512 << 10] {
            let builder = Builder::new(&path).block_size(block).compression(crate::Compression::Packed);
            builder.add_records("made", records.clone().chain(copies.clone())).finish().unwrap();
            let database = OpenOptions::new().open(&path).unwrap();
            let (options, sources) = (ExportOptions::default(), database.sources().unwrap());
            let mut cutter = Cutter::new(&database, &sources[0], 0..database.len(), Request::of(&options));
            let (mut next, mut units) = (0, Vec::new());
            while let Some(unit) = cutter.next_unit().unwrap() {
                assert_eq!(unit.ordinals.start, next);
                next = unit.ordinals.end;
                let own = |&ordinal: &u64| database.header_entry(ordinal).unwrap().is_reference();
                let block = |ordinal| database.sequence_address(ordinal).unwrap().block();
                units.push(unit.ordinals.filter(own).map(block).collect::<Vec<_>>());
            }
            assert_eq!(next, database.len());
            assert!(units.len() > 1, "{block}");
            for pair in units.windows(2) {
                assert!(pair[0].last() < pair[1].first(), "{block}");
            }
        }
    }

    #[test]
    fn units_have_no_more_records_than_a_chunk() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in.fasta"), folder.path().join("out.talaria"));
        std::fs::write(&input, ">a\nMKV\n".repeat(10)).unwrap();
        Builder::new(&output).add_fasta(&input).finish().unwrap();
        for (most, expected) in [(0, 10), (1, 10), (4, 3), (10, 1), (10_000, 1)] {
            let mut memory = MemorySettings::default();
            memory.streaming.chunk_records = most;
            let database = OpenOptions::new().memory(memory).open(&output).unwrap();
            let (options, sources) = (ExportOptions::default(), database.sources().unwrap());
            let mut cutter = Cutter::new(&database, &sources[0], 0..10, Request::of(&options));
            let mut units = 0;
            while cutter.next_unit().unwrap().is_some() {
                units += 1;
            }
            assert_eq!(units, expected, "{most}");
        }
    }
}
