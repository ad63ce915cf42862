//! What the index holds of a record and of a name. The same items lie in memory and in a saved index, little-endian.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bits of a name's item that are the record's number.
const ORDINAL_BITS: u32 = 36;
/// Most records of an index: 2^36.
pub(super) const MOST_RECORDS: u64 = 1 << ORDINAL_BITS;

/// Where a record lies, and how its residues are found without reading all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Entry {
    /// Offset of its `>` in the file.
    pub(super) start: U64,
    /// Its residues.
    pub(super) residues: U64,
    /// Bytes of its header line, `>` and line end included.
    pub(super) header_line: U32,
    /// [`Lines`], encoded: bytes of a line end in the low two bits (0: irregular), residues a line above them (0: all
    /// on one).
    lines: U32,
}

/// How the residues of a record are broken into lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// Every line but the last has `width` residues, which is at least 1, and a line end of `end` bytes, which is 1 or
    /// 2.
    Regular { width: u64, end: u64 },
    /// Somehow: the record is to be read from its start.
    Irregular,
}

impl Entry {
    /// Lines wider than the item has room for are irregular, unless it is one.
    pub(super) fn new(start: u64, header_line: u32, residues: u64, lines: Lines) -> Self {
        let lines = match lines {
            Lines::Regular { width, .. } if width >= residues => 1,
            Lines::Regular { width, end: end @ 1..=2 } if width < 1 << 30 => {
                u32::try_from(width << 2 | end).unwrap_or(0)
            }
            _ => 0,
        };
        let (start, residues) = (U64::new(start), U64::new(residues));
        Self { start, residues, header_line: U32::new(header_line), lines: U32::new(lines) }
    }

    /// How its residues are broken into lines.
    pub(super) fn lines(&self) -> Lines {
        let (width, end) = (u64::from(self.lines.get() >> 2), u64::from(self.lines.get() & 3));
        match (width, end) {
            (_, 0 | 3) => Lines::Irregular,
            (0, end) => Lines::Regular { width: self.residues.get().max(1), end },
            (width, end) => Lines::Regular { width, end },
        }
    }
}

/// The item of a name: the high bits of its hash above the record's number, so that sorted items are sorted by hash.
pub(super) fn name_item(hash: u64, ordinal: u64) -> u64 {
    hash >> ORDINAL_BITS << ORDINAL_BITS | (ordinal & (MOST_RECORDS - 1))
}

/// The least item that a name with this hash can have.
pub(super) fn first_item(hash: u64) -> u64 {
    name_item(hash, 0)
}

/// The record of an item, if the name may be one with this hash.
pub(super) fn ordinal_of(item: u64, hash: u64) -> Option<u64> {
    (item >> ORDINAL_BITS == hash >> ORDINAL_BITS).then_some(item & (MOST_RECORDS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back() {
        let lines = |residues, lines| Entry::new(7, 9, residues, lines).lines();
        let regular = |width, end| Lines::Regular { width, end };
        assert_eq!(lines(100, regular(60, 2)), regular(60, 2));
        assert_eq!(lines(1 << 40, regular(1 << 40, 2)), regular(1 << 40, 1), "one line has no line end inside");
        assert_eq!(lines(0, regular(1, 1)), regular(1, 1));
        assert_eq!(lines(1 << 40, regular(1 << 30, 1)), Lines::Irregular);
        assert_eq!(lines(100, regular(60, 3)), Lines::Irregular);
        assert_eq!(lines(100, Lines::Irregular), Lines::Irregular);
    }

    #[test]
    fn names_are_sorted_by_hash() {
        let item = name_item(u64::MAX, MOST_RECORDS - 1);
        assert_eq!((item, ordinal_of(item, u64::MAX - 1)), (u64::MAX, Some(MOST_RECORDS - 1)));
        assert_eq!(ordinal_of(item, 0), None);
        assert!(first_item(1 << 40) > name_item(1 << 36, 5));
    }
}
