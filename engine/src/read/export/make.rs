//! Turning a unit into text.

use talaria_db_spec::layout::Script;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::fasta::cursor::LayoutCursor;
use crate::read::columns::{ColumnRun, TextItem};
use crate::read::export::cut::{LineSource, Piece, Unit};
use crate::read::export::stash::Stash;
use crate::read::export::{Lines, Request};
use crate::read::pipeline::Work;
use crate::read::scan::LastBlock;
use crate::read::shared::SharedSequence;
use crate::read::window::Window;

/// What units are turned into text with.
pub(super) struct Maker<'e> {
    pub(super) database: &'e Database,
    pub(super) request: Request<'e>,
    pub(super) stash: Option<&'e Stash>,
    /// Where residues lie in another order than the records.
    pub(super) window: Option<&'e Window>,
}

impl Work for Maker<'_> {
    type Unit = Unit;
    type Buffer = Vec<u8>;

    fn memory(&self, unit: &Unit) -> u64 {
        // With the residues of deltas, which are made before the text, and whether each of the records matches a
        // filter.
        let deltas = if self.database.has_deltas() { unit.estimate as u64 } else { 0 };
        unit.estimate as u64
            + deltas
            + if self.request.options.filter.is_open() { 0 } else { unit.ordinals.end - unit.ordinals.start }
    }

    fn make(&self, unit: Unit, text: &mut Vec<u8>) -> Result<()> {
        text.clear();
        if text.capacity() < unit.estimate {
            // What is there need not be copied, nor room be made for more than was leased.
            *text = Vec::new();
            let need = unit.estimate as u64;
            text.try_reserve_exact(unit.estimate).map_err(|_| self.database.no_memory("text on its way out", need))?;
        }
        self.database.make(&unit, self, text)
    }
}

impl Database {
    /// Turns a unit into `text`.
    fn make(&self, unit: &Unit, maker: &Maker<'_>, text: &mut Vec<u8>) -> Result<()> {
        let Maker { request, stash, window, .. } = *maker;
        let options = request.options;
        if let Some(piece) = &unit.piece {
            return self.make_piece(unit, piece, request, text);
        }
        let (mut texts, mut home, mut guest) = (LastBlock::default(), LastBlock::default(), LastBlock::default());
        // Of records that are chosen most share no copy with each other.
        let keep = stash.is_none() && self.has_shared() && !request.chooses();
        let (mut layout, mut stashed) = (None, None);
        let columns = self.columns(unit.ordinals.clone())?;
        let filter = Some(&options.filter).filter(|filter| !filter.is_open());
        let matching = filter.map_or(Ok(Vec::new()), |filter| self.matching(filter, unit.ordinals.clone()))?;
        let mut deltas = self.deltas_of(unit, request, &columns, &matching)?.into_iter();
        for (index, ordinal) in unit.ordinals.clone().enumerate() {
            let entry = columns.header_entry(ordinal)?;
            let matches = matching.get(index).copied().unwrap_or(true);
            if !matches || request.leaves_out(self, ordinal, &entry)? {
                if entry.is_irregular() {
                    // Its script is passed over, so that the next one is another.
                    layout = None;
                }
                continue;
            }
            text.push(b'>');
            text.extend_from_slice(&texts.item(self, self.texts(), entry.text_item(), false)?);
            let item = columns.sequence_item(ordinal)?;
            let found;
            let residues: &[u8] = match stash.filter(|_| entry.is_shared()) {
                _ if entry.is_delta() => {
                    found = deltas.next().unwrap_or_else(|| SharedSequence::from(Vec::new()));
                    &found
                }
                _ if let Some(residues) = window.and_then(|window| window.get(ordinal, item.length)) => residues,
                Some(stash) if let Some(copy) = stash.get(item.address, item.length) => copy,
                _ => {
                    let (from, keep) = if entry.is_shared() { (&mut guest, true) } else { (&mut home, keep) };
                    found = from.item(self, self.sequences(), item, keep)?;
                    &found
                }
            };
            if let Some(stash) = stash.filter(|_| entry.is_reference() && item.length > 0) {
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
                let _lease = self.budget().lease("the layout of a record", beside)?;
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
            if request.is_partial() {
                end_line(text, unit);
            }
        }
        Ok(())
    }

    /// The residues of the deltas of a unit that are wanted, made in the order in which their items lie.
    fn deltas_of(
        &self,
        unit: &Unit,
        request: Request<'_>,
        columns: &ColumnRun<'_>,
        matching: &[bool],
    ) -> Result<Vec<SharedSequence>> {
        if !self.has_deltas() {
            return Ok(Vec::new());
        }
        let mut deltas = Vec::new();
        for (index, ordinal) in unit.ordinals.clone().enumerate() {
            let (matches, entry) = (matching.get(index).copied().unwrap_or(true), columns.header_entry(ordinal)?);
            if matches && entry.is_delta() && !request.leaves_out(self, ordinal, &entry)? {
                deltas.push(ordinal);
            }
        }
        self.resolve_here(&deltas)
    }

    fn make_piece(&self, unit: &Unit, piece: &Piece, request: Request<'_>, text: &mut Vec<u8>) -> Result<()> {
        let ordinal = unit.ordinals.start;
        if let Some(header_end) = &piece.header_end {
            text.push(b'>');
            text.extend_from_slice(&self.header(ordinal)?);
            text.extend_from_slice(header_end);
        }
        let mut cursor = piece.cursor.clone();
        let item = self.sequence_item(ordinal)?;
        // Pieces end where blocks do.
        self.for_each_passing_part(self.sequences(), item, piece.range.clone(), |_, block, part| {
            cursor.write(block.get(part).unwrap_or_default(), text);
            Ok(())
        })?;
        if piece.last {
            cursor.finish(text);
            if request.is_partial() {
                end_line(text, unit);
            }
        }
        Ok(())
    }

    /// The layout of an irregular record: what follows its header text, and a cursor for its body.
    pub(super) fn script(
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
}

/// Ends the last line, if its source ended without: another record may follow that did not follow there.
fn end_line(text: &mut Vec<u8>, unit: &Unit) {
    if !text.ends_with(b"\n") && !text.ends_with(b"\r") {
        text.extend_from_slice(unit.lines.line_end.bytes());
    }
}
