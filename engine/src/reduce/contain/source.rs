//! Residues by rank, in pieces that threads take one at a time.
//!
//! Records of up to [`LONGEST`] residues come from the table of the order, many at once; longer ones from the database,
//! a part at a time, so that a chromosome takes no more memory than a part of it.

use std::ops::Range;

use super::letters::{Letters, turn};
use crate::align::LONGEST;
use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Lease;
use crate::reduce::order::Order;

/// Bytes of residues that a thread reads at once, unless one record has more.
const PIECE: u64 = 256 << 10;
/// Residues of a part of a long record.
pub(super) const PART: u64 = 512 << 10;
/// Most records of a piece: each has at least the eight bytes of its hash in the table.
pub(super) const MOST_RECORDS: u64 = PIECE / 8;

/// What a thread takes at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Records from a rank to before another.
    Records(u32, u32),
    /// A part of a long record.
    Part(u32, Range<u64>),
}

impl Piece {
    /// The first rank of it.
    pub(super) fn first(&self) -> u32 {
        match *self {
            Self::Records(first, _) | Self::Part(first, _) => first,
        }
    }

    /// Most records of it.
    pub(super) fn records(&self) -> usize {
        match *self {
            Self::Records(first, end) => (end - first) as usize,
            Self::Part(..) => 1,
        }
    }
}

/// Where residues come from.
pub(super) struct Source<'a> {
    pub(super) database: &'a Database,
    pub(super) order: &'a Order,
    pub(super) letters: &'a Letters,
}

impl Source<'_> {
    /// Memory that reading takes of a thread, without what is read of long records.
    pub(super) const MEMORY: u64 = PIECE + LONGEST;

    /// Residues of a record.
    pub(super) fn length(&self, rank: u32) -> Result<u64> {
        match self.order.residues.length(rank as usize) {
            0 => self.database.sequence_length(self.order.ordinals[rank as usize].into()),
            length => Ok(length),
        }
    }

    /// Memory for the pieces of a database: two of them fill more than one piece, and their list may have twice the
    /// room it needs.
    pub(super) fn pieces_memory(records: u64, residues: u64) -> u64 {
        let pieces = residues.saturating_add(records.saturating_mul(8)) / PIECE * 2 + 64;
        2 * pieces * size_of::<Piece>() as u64
    }

    /// All residues of all records, longest first but for preference.
    pub(super) fn pieces(&self) -> Result<(Vec<Piece>, Lease)> {
        let (table, count) = (&self.order.residues, self.order.residues.len());
        let mut lease = self.database.budget().lease("pieces of records", 0)?;
        let (mut pieces, mut start) = (Vec::new(), 0);
        let mut push = |piece| -> Result<()> {
            if pieces.len() == pieces.capacity() {
                let grown = (2 * pieces.capacity()).max(64);
                lease.resize((grown * size_of::<Piece>()) as u64)?;
                pieces.reserve_exact(grown - pieces.len());
            }
            pieces.push(piece);
            Ok(())
        };
        for rank in 0..count {
            let length = if table.length(rank) == 0 { self.length(rank as u32)? } else { 0 };
            if start < rank && (length > 0 || table.bytes(start..rank + 1) > PIECE) {
                push(Piece::Records(start as u32, rank as u32))?;
                start = rank;
            }
            if length > 0 {
                let parts = (0..length.div_ceil(PART)).map(|part| part * PART..length.min((part + 1) * PART));
                parts.map(|part| Piece::Part(rank as u32, part)).try_for_each(&mut push)?;
                start = rank + 1;
            }
        }
        if start < count {
            push(Piece::Records(start as u32, count as u32))?;
        }
        Ok((pieces, lease))
    }

    /// Calls `visit` with the records from one rank to before another that are not long.
    pub(super) fn records(
        &self,
        (first, end): (u32, u32),
        scratch: &mut Vec<u8>,
        mut visit: impl FnMut(u32, &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.order.residues.read(first as usize..end as usize, scratch, |rank, residues| visit(rank as u32, residues))
    }

    /// The same for any number of records of one length, a piece at a time.
    pub(super) fn many(
        &self,
        mut first: u32,
        end: u32,
        scratch: &mut Vec<u8>,
        mut visit: impl FnMut(u32, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let together = (PIECE / (self.order.residues.length(first as usize) + 8)).max(1) as u32;
        while first < end {
            let until = end.min(first.saturating_add(together));
            self.records((first, until), scratch, &mut visit)?;
            first = until;
        }
        Ok(())
    }

    /// A stretch of a long record, in place of what is in `into`; with `reverse` one of its reverse complement.
    pub(super) fn stretch(&self, rank: u32, stretch: Range<u64>, reverse: bool, into: &mut Vec<u8>) -> Result<()> {
        let ordinal = u64::from(self.order.ordinals[rank as usize]);
        let length = self.length(rank)?;
        let place = if reverse { length - stretch.end..length - stretch.start } else { stretch };
        into.clear();
        self.letters.fold(&self.database.region(ordinal, place)?, into);
        if reverse {
            turn(into);
        }
        Ok(())
    }

    /// The first residues of a record, at most [`LONGEST`]; with `reverse` those of its reverse complement.
    pub(super) fn head(&self, rank: u32, reverse: bool, into: &mut Vec<u8>) -> Result<()> {
        let length = self.length(rank)?;
        if length > LONGEST {
            return self.stretch(rank, 0..LONGEST, reverse, into);
        }
        self.order.residues.item(rank as usize, into)?;
        if reverse {
            turn(into);
        }
        Ok(())
    }

    /// Whether two long records have the same residues.
    pub(super) fn equal_long(&self, left: u32, right: u32) -> Result<bool> {
        let length = self.length(left)?;
        Ok(length == self.length(right)? && self.holds(left, 0, right, false)?)
    }

    /// Whether a long record stands in another one, from this residue of that on.
    pub(super) fn holds(&self, container: u32, from: u64, member: u32, reverse: bool) -> Result<bool> {
        let (mut here, mut there, mut start) = (Vec::new(), Vec::new(), 0);
        let length = self.length(member)?;
        if from + length > self.length(container)? {
            return Ok(false);
        }
        while start < length {
            let end = length.min(start + PART);
            self.stretch(container, from + start..from + end, false, &mut here)?;
            self.stretch(member, start..end, reverse, &mut there)?;
            if here != there {
                return Ok(false);
            }
            start = end;
        }
        Ok(true)
    }
}
