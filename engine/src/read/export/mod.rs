//! The way back: the very bytes of the sources, or FASTA in another line width.
//!
//! Records are cut into units of about 256 KiB in the order of the input; a record longer than that is cut into pieces. A window of units is
//! made in parallel while the one before is written. So memory is bounded by two windows, leased from the budget, and not by the
//! longest record.

mod stash;

use std::io::Write;
use std::ops::Range;

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::layout::Script;
use talaria_db_spec::source::LineEnd;
use talaria_db_spec::varint;

use crate::database::{Database, Source};
use crate::error::{Error, Result};
use crate::fasta::cursor::LayoutCursor;
use crate::read::columns::TextItem;
use crate::read::export::stash::Stash;
use crate::read::scan::LastBlock;
use crate::read::shared::SharedSequence;
use crate::read::stream::Item;
use crate::sys::map::Advice;

/// Bytes that a unit aims at.
const UNIT: u64 = 256 << 10;
/// Bytes that a window aims at where memory allows.
const WINDOW: u64 = 8 << 20;

/// How lines are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lines {
    /// As in the source: byte for byte.
    #[default]
    Original,
    /// This many residues a line, LF; 0 for one line.
    Width(u64),
}

/// Which records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Selection {
    /// All of them.
    #[default]
    All,
    /// The references of a reduction: no record whose residues another one stands for.
    References,
}

/// What [`Database::export`] writes.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExportOptions {
    /// Lines.
    pub lines: Lines,
    /// Records.
    pub selection: Selection,
    /// The source with this number only, from 0.
    pub source: Option<usize>,
}

/// Records, or a piece of one, that one thread turns into text.
struct Unit {
    ordinals: Range<u64>,
    piece: Option<Piece>,
    regular: LayoutCursor,
    lines: LineSource,
    /// About how many bytes of text it makes.
    estimate: usize,
}

/// What the layout of a source's records refers to.
#[derive(Clone, Copy)]
struct LineSource {
    line_end: LineEnd,
    byte_length: u64,
}

/// A part of a long record: where its residues start and end, and the layout at that place.
struct Piece {
    range: Range<u64>,
    header_end: Option<Vec<u8>>,
    cursor: LayoutCursor,
    last: bool,
}

impl Database {
    /// Writes FASTA to `out` and returns the number of bytes.
    ///
    /// With [`ExportOptions::default`] these are the very bytes that the container was built from, all sources one after the other.
    ///
    /// # Errors
    /// Damage in what was touched, [`Error::Memory`], or [`Error::Io`] if `out` fails; then part of the bytes have been written.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">one\r\nAC\r\nGT\r\n\r\n>two\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// use talaria_db::read::export::{ExportOptions, Lines};
    ///
    /// let database = talaria_db::Database::open(&path)?;
    /// let mut bytes = Vec::new();
    /// database.export(&mut bytes, &ExportOptions::default())?;
    /// assert_eq!(bytes, b">one\r\nAC\r\nGT\r\n\r\n>two\n");
    ///
    /// bytes.clear();
    /// database.export(&mut bytes, &ExportOptions { lines: Lines::Width(0), ..Default::default() })?;
    /// assert_eq!(bytes, b">one\nACGT\n>two\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn export(&self, out: &mut (dyn Write + Send), options: &ExportOptions) -> Result<u64> {
        let sources = self.sources()?;
        let chosen = match options.source {
            None => &sources[..],
            Some(index) => match sources.get(index) {
                Some(source) => std::slice::from_ref(source),
                None => {
                    let (got, count) = (index as u64, sources.len() as u64);
                    return Err(Error::OutOfRange { what: "source", got, count });
                }
            },
        };
        let mut written = 0;
        for source in chosen {
            if options.lines == Lines::Original && options.selection == Selection::All {
                write(out, &source.preamble)?;
                written += source.preamble.len() as u64;
            }
            written += self.export_source(out, source, options)?;
        }
        Ok(written)
    }

    fn export_source(&self, out: &mut (dyn Write + Send), source: &Source, options: &ExportOptions) -> Result<u64> {
        self.advise_blocks(Advice::Sequential);
        let stash = match options.selection {
            Selection::All => Stash::new(self, source.first_record..source.first_record + source.record_count)?,
            Selection::References => None,
        };
        let mut cutter = Cutter::new(self, source, options);
        let mut written = 0;
        // The texts that are made and those that are written change places, and keep their memory.
        let (mut ready, mut making): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
        let (mut units, mut estimate) = cutter.next_window()?;
        while !(units.is_empty() && ready.is_empty()) {
            let _lease = self.budget().lease("text on its way out", 2 * estimate)?;
            making.resize_with(units.len(), Vec::new);
            let (made, (sent, next)) = rayon::join(
                || {
                    let made = units.par_iter().zip(&mut making);
                    made.try_for_each(|(unit, text)| self.make(unit, options, stash.as_ref(), text))
                },
                || {
                    let sent =
                        ready.iter().try_fold(0, |sum, bytes| write(out, bytes).map(|()| sum + bytes.len() as u64));
                    (sent, cutter.next_window())
                },
            );
            written += sent?;
            made?;
            (units, estimate) = next?;
            std::mem::swap(&mut ready, &mut making);
        }
        Ok(written)
    }

    /// Turns a unit into `text`.
    fn make(&self, unit: &Unit, options: &ExportOptions, stash: Option<&Stash>, text: &mut Vec<u8>) -> Result<()> {
        text.clear();
        text.reserve(unit.estimate);
        if let Some(piece) = &unit.piece {
            return self.make_piece(unit, piece, text);
        }
        let (mut texts, mut home, mut guest) = (LastBlock::default(), LastBlock::default(), LastBlock::default());
        let keep = stash.is_none() && self.has_shared();
        let (mut layout, mut stashed) = (None, None);
        for ordinal in unit.ordinals.clone() {
            let entry = self.header_entry(ordinal)?;
            if options.selection == Selection::References && entry.is_shared() {
                continue;
            }
            text.push(b'>');
            text.extend_from_slice(&texts.item(self, self.texts(), entry.text_item(), false)?);
            let item = self.sequence_item(ordinal)?;
            let found;
            let residues: &[u8] = match stash.filter(|_| entry.is_shared()) {
                Some(stash) if let Some(copy) = stash.get(item.address, item.length) => copy,
                _ => {
                    let (from, keep) = if entry.is_shared() { (&mut guest, true) } else { (&mut home, keep) };
                    found = from.item(self, self.sequences(), item, keep)?;
                    &found
                }
            };
            if let Some(stash) = stash.filter(|_| !entry.is_shared() && item.length > 0) {
                stash.offer(stashed.get_or_insert_with(|| stash.position(item.address)), item.address, residues);
            }
            if entry.is_irregular() && options.lines == Lines::Original {
                let index = match layout {
                    Some(index) => index,
                    None => self.layout_position(ordinal)?,
                };
                layout = Some(index + 1);
                let (header_end, mut cursor, beside) =
                    self.script(index, ordinal, residues.len() as u64, unit.lines)?;
                let room = usize::try_from(beside).unwrap_or(usize::MAX).saturating_add(residues.len());
                text.try_reserve(room).map_err(|_| self.no_memory("the layout of a record", beside))?;
                text.extend_from_slice(&header_end);
                cursor.write(residues, text);
                cursor.finish(text);
            } else {
                text.extend_from_slice(unit.lines.line_end.bytes());
                let mut cursor = unit.regular.clone();
                cursor.write(residues, text);
                cursor.finish(text);
            }
        }
        Ok(())
    }

    fn make_piece(&self, unit: &Unit, piece: &Piece, text: &mut Vec<u8>) -> Result<()> {
        let ordinal = unit.ordinals.start;
        if let Some(header_end) = &piece.header_end {
            text.push(b'>');
            text.extend_from_slice(&self.header(ordinal)?);
            text.extend_from_slice(header_end);
        }
        let mut cursor = piece.cursor.clone();
        let item = self.sequence_item(ordinal)?;
        self.for_each_part(self.sequences(), item, piece.range.clone(), |_, block, part| {
            cursor.write(block.get(part).unwrap_or_default(), text);
            Ok(())
        })?;
        if piece.last {
            cursor.finish(text);
        }
        Ok(())
    }

    /// The layout of an irregular record: what follows its header text, and a cursor for its body.
    fn script(
        &self,
        index: u64,
        ordinal: u64,
        residues: u64,
        lines: LineSource,
    ) -> Result<(Vec<u8>, LayoutCursor, u64)> {
        let bytes = self.layout_script(index, ordinal)?;
        let parsed = Script::parse(&bytes, residues).and_then(|script| {
            script.check_source(lines.byte_length)?;
            let (header_end, cursor) = LayoutCursor::script(&bytes, residues, lines.line_end)?;
            Ok((header_end, cursor, script.beside()))
        });
        parsed.map_err(Error::format(self.path()))
    }

    /// The bytes of the script of record `ordinal`, which is item `index` of the layout index.
    pub(crate) fn layout_script(&self, index: u64, ordinal: u64) -> Result<SharedSequence> {
        let entry = self.layout_entry(index)?;
        let Some(stream) = self.layouts().filter(|_| entry.ordinal.get() == ordinal) else {
            return Err(self.broken("layout index", "ordinal", "C-4", index, entry.ordinal.get(), ordinal));
        };
        let address = PackedAddress::from_bits(entry.address.get());
        let block = self.block(stream, address.block())?;
        let start = address.byte() as usize;
        let Some(mut rest) = block.get(start..) else {
            return Err(self.broken("layout", "address", "B-9", address.block(), start as u64, block.len() as u64));
        };
        let before = rest.len();
        let length = varint::read(&mut rest).map_err(Error::format(self.path()))?;
        let prefix = (before - rest.len()) as u64;
        let item = Item { address, length: prefix.saturating_add(length) };
        self.slice(stream, item, prefix..item.length)
    }
}

/// Cuts the records of a source into units.
struct Cutter<'d> {
    database: &'d Database,
    next: u64,
    end: u64,
    regular: LayoutCursor,
    lines: LineSource,
    original: bool,
    references: bool,
    /// Bytes that a window aims at: two of them are to fit what is free of the budget several times over.
    window: u64,
    /// The long record that is being cut: its position, length and layout there.
    long: Option<(u64, u64, LayoutCursor, Option<Vec<u8>>)>,
}

impl<'d> Cutter<'d> {
    fn new(database: &'d Database, source: &Source, options: &ExportOptions) -> Self {
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
            long: None,
        }
    }

    /// The next units, and about how many bytes of text they make.
    fn next_window(&mut self) -> Result<(Vec<Unit>, u64)> {
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
            let length = self.database.sequence_length(self.next)?;
            let entry = self.database.header_entry(self.next)?;
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

fn write(out: &mut (dyn Write + Send), bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).map_err(Error::io(std::path::Path::new("output"), "write"))
}
