//! From the place of a record to its header and residues.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;
use talaria_db_spec::alphabet::{are_residues, is_residue};

use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::read::record::Record;
use crate::read::shared::SharedSequence;

use super::MappedFasta;
use super::entry::{Entry, Lines};
use super::scan::{header_text, is_blank};

/// Most bytes that are read in one go.
pub(super) const PIECE: usize = 64 << 10;

impl MappedFasta {
    /// The header line of a record, without `>` and line end.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Index`] if the file has changed, [`Error::Io`], [`Error::Memory`].
    pub fn header(&self, ordinal: u64) -> Result<SharedSequence> {
        self.with_header(ordinal, |text| text.to_vec().into())
    }

    /// Bytes of a record's header line, with `>` and line end.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Index`] if a saved index is damaged.
    pub fn header_length(&self, ordinal: u64) -> Result<u32> {
        self.entry(ordinal).map(|entry| entry.header_line.get())
    }

    /// Residues of a record.
    ///
    /// # Errors
    /// As [`MappedFasta::header_length`].
    pub fn sequence_length(&self, ordinal: u64) -> Result<u64> {
        self.entry(ordinal).map(|entry| entry.residues.get())
    }

    /// Calls `visit` with the header text of a record.
    pub(super) fn with_header<T>(&self, ordinal: u64, visit: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let entry = self.entry(ordinal)?;
        let length = entry.header_line.get();
        let _lease = self.lease(length.into())?;
        let start = entry.start.get();
        let line = self.bytes(start, length.into())?;
        let ended = line.strip_suffix(&[self.last_byte()]);
        let at_the_end = start + u64::from(length) == self.storage.len();
        let line = ended.or(at_the_end.then_some(&*line));
        let text = line.and_then(|line| header_text(line, self.last_byte()));
        let text = text.filter(|text| memchr(self.last_byte(), text).is_none());
        text.map(visit).ok_or_else(|| self.changed(start))
    }

    /// Calls `part` with residues `range` of a record, counted from 0, piece by piece. Where lines are regular, nothing
    /// before the range is read, else the record from its start.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Index`] if the file has changed, [`Error::Io`], [`Error::Memory`], or what
    /// `part` returns.
    pub fn for_each_residues(
        &self,
        ordinal: u64,
        range: Range<u64>,
        part: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let entry = self.entry(ordinal)?;
        let count = entry.residues.get();
        if range.start > range.end || range.end > count {
            return Err(Error::OutOfRange { what: "residue", got: range.end, count });
        }
        let _lease = self.lease(PIECE as u64)?;
        match entry.lines() {
            Lines::Regular { width, end } => self.regular(&entry, (width, end), range, part),
            Lines::Irregular => self.irregular(&entry, range, part),
        }
    }

    /// Residues `range` of a record, counted from 0, copied out of their lines. The copy is the caller's; its length is
    /// leased while it is made.
    ///
    /// # Errors
    /// As [`MappedFasta::for_each_residues`].
    pub fn region(&self, ordinal: u64, range: Range<u64>) -> Result<SharedSequence> {
        let need = range.end.saturating_sub(range.start).min(self.sequence_length(ordinal)?);
        let _lease = self.budget().lease("a sequence", need)?;
        let mut residues = Vec::new();
        let too_much = |_| Error::Memory { what: "a sequence", need, free: 0, limit: self.budget().limit() };
        residues.try_reserve_exact(usize::try_from(need).unwrap_or(usize::MAX)).map_err(too_much)?;
        self.for_each_residues(ordinal, range, |part| {
            residues.extend_from_slice(part);
            Ok(())
        })?;
        Ok(residues.into())
    }

    /// The record with this number, from 0.
    ///
    /// # Errors
    /// As [`MappedFasta::for_each_residues`].
    pub fn record(&self, ordinal: u64) -> Result<Record> {
        let sequence = self.region(ordinal, 0..self.sequence_length(ordinal)?)?;
        Ok(Record::new(ordinal, self.header(ordinal)?, sequence))
    }

    /// Lines of `width` residues and ends of `end` bytes: the place of a residue is computed.
    fn regular(
        &self,
        entry: &Entry,
        (width, end): (u64, u64),
        range: Range<u64>,
        mut part: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let start = entry.start.get();
        let offset_of = |residue: u64| {
            let lines = (residue / width).checked_mul(width.checked_add(end)?)?;
            start.checked_add(entry.header_line.get().into())?.checked_add(lines)?.checked_add(residue % width)
        };
        let Some(last) = range.end.checked_sub(1).filter(|_| !range.is_empty()) else { return Ok(()) };
        let mut position = range.start;
        while position < range.end {
            // At the start of a line the end of the one before is read too, and looked at.
            let before = |position: u64| if position > 0 && position.is_multiple_of(width) { end } else { 0 };
            let (Some(from), Some(last)) = (offset_of(position), offset_of(last)) else {
                return Err(self.changed(start));
            };
            let from = from.saturating_sub(before(position));
            let bytes = self.bytes(from, (last + 1).saturating_sub(from).min(PIECE as u64))?;
            let mut rest = &bytes[..];
            while position < range.end {
                let at = from + (bytes.len() - rest.len()) as u64;
                let gap = usize::try_from(before(position)).unwrap_or(0);
                if rest.len() <= gap {
                    break;
                }
                let (line_end, line) = rest.split_at(gap);
                let left = (width - position % width).min(range.end - position);
                let (line, after) = line.split_at(line.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
                let is_line_end = match line_end {
                    [] => true,
                    [byte] => *byte == self.last_byte(),
                    [returns, byte] => *returns == b'\r' && *byte == self.last_byte(),
                    _ => false,
                };
                let special = position.is_multiple_of(width) && matches!(line.first(), Some(b'>' | b';' | b'#'));
                if !is_line_end || special || !are_residues(line) {
                    return Err(self.changed(at));
                }
                part(line)?;
                position += line.len() as u64;
                rest = after;
            }
        }
        Ok(())
    }

    /// Lines as they come: the record is read from its start.
    fn irregular(&self, entry: &Entry, range: Range<u64>, mut part: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let body = entry.start.get().saturating_add(entry.header_line.get().into());
        let last_byte = self.last_byte();
        let (mut offset, mut position) = (body, 0_u64);
        let (mut line_start, mut comment) = (true, false);
        while position < range.end {
            let bytes = self.bytes(offset, self.storage.len().saturating_sub(offset).min(PIECE as u64))?;
            if bytes.is_empty() {
                return Err(self.changed(offset));
            }
            let mut rest = &bytes[..];
            while let Some(&first) = rest.first().filter(|_| position < range.end) {
                if std::mem::take(&mut line_start) {
                    comment = matches!(first, b';' | b'#');
                    if first == b'>' {
                        return Err(self.changed(offset));
                    }
                }
                let taken = if first == last_byte {
                    line_start = true;
                    1
                } else if comment {
                    memchr(last_byte, rest).unwrap_or(rest.len())
                } else if is_residue(first) {
                    let run = rest.iter().position(|&byte| !is_residue(byte)).unwrap_or(rest.len());
                    let residues = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).min(run);
                    let wanted = residues(range.start.saturating_sub(position))..residues(range.end - position);
                    position += run as u64;
                    if !wanted.is_empty() {
                        part(rest.get(wanted).unwrap_or_default())?;
                    }
                    run
                } else if is_blank(first) || first == b'\r' {
                    1
                } else {
                    return Err(self.changed(offset));
                };
                rest = rest.get(taken..).unwrap_or_default();
            }
            offset += bytes.len() as u64;
        }
        Ok(())
    }

    fn bytes(&self, offset: u64, length: u64) -> Result<Cow<'_, [u8]>> {
        // Past the end is where a saved index leads that is not the file's.
        if offset.checked_add(length).is_none_or(|end| end > self.storage.len()) {
            return Err(self.changed(offset));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.storage.bytes(offset, length).map_err(Error::io(self.path(), "read"))
    }

    /// A lease for `bytes` bytes that are read, which is nothing where they are mapped.
    fn lease(&self, bytes: u64) -> Result<Lease> {
        self.budget().lease("a piece of a FASTA file", if self.storage.borrows() { 0 } else { bytes })
    }
}
