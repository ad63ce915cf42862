//! Columns in fewer bits: FORMAT.md, section 14.
//!
//! The items of a column are taken in frames of 128. An item is cut into **lanes**, each a number that keeps to a range
//! of its own (the block of an address, its byte, a length), and a frame has for each lane its least value and how many
//! bits what is above it takes. So an item is read by itself, from a frame of some hundred bytes, and nothing is
//! decompressed.
//!
//! Both directions are here, since together they define the bytes. Cost: a lane of an item is a load and a shift, a
//! nanosecond in a run of items and two in one that is read by itself.

mod frame;
mod lane;

use alloc::vec::Vec;
use core::ops::Range;

use self::lane::{bytes_of, length_of, number};
use crate::error::SpecError;
use crate::section::SectionKind;
use crate::version::{REQUIRED_COMPACT_MEMBERSHIP, REQUIRED_PACKED_COLUMNS};

pub use self::frame::{Frame, few};

/// Items a frame; the last one may have fewer.
pub const FRAME: u64 = 128;
/// Bytes of an entry of the index of frames, which ends a packed section.
pub const INDEX_ITEM: u64 = 8;

/// Values of a lane in a frame, as the length of a slice.
const VALUES: usize = 128;

/// The lanes of a column, in bits, from the first byte of an item on; `None` if columns of the kind are not packed.
///
/// ```
/// use talaria_db_spec::{packed_columns::lanes, section::SectionKind};
///
/// assert_eq!(lanes(SectionKind::Offsets, 8), Some(&[24, 40][..]));
/// assert_eq!(lanes(SectionKind::GcContent, 4), None);
/// ```
#[must_use]
pub const fn lanes(kind: SectionKind, item_size: u32) -> Option<&'static [u32]> {
    use SectionKind as K;
    Some(match (kind, item_size) {
        (K::HeaderTable, _) => &[24, 40, 32, 16, 8, 8],
        (K::Offsets, _) => &[24, 40],
        (K::KeyEntries, _) => &[40, 24],
        (K::Membership, 8) => &[32, 16, 16],
        (K::Membership, 12) => &[64, 16, 16],
        (K::Identities | K::Coverages, 2) => &[16],
        (K::Shortcuts, 16) => &[64, 64],
        (K::Lengths | K::PhysicalOrder | K::KeyBuckets | K::Members | K::Groups, 4) => &[32],
        (K::Lengths | K::PhysicalOrder | K::KeyBuckets | K::Members | K::Groups, 8) => &[64],
        _ => return None,
    })
}

/// The lanes of a section in a file with these required features; `None` if it is not packed there.
///
/// ```
/// use talaria_db_spec::packed_columns::lanes_in;
/// use talaria_db_spec::section::SectionKind;
/// use talaria_db_spec::version::REQUIRED_COMPACT_MEMBERSHIP;
///
/// assert_eq!(lanes_in(REQUIRED_COMPACT_MEMBERSHIP, SectionKind::Members, 4), Some(&[32][..]));
/// assert_eq!(lanes_in(REQUIRED_COMPACT_MEMBERSHIP, SectionKind::Lengths, 4), None);
/// ```
#[must_use]
pub const fn lanes_in(required_features: u64, kind: SectionKind, item_size: u32) -> Option<&'static [u32]> {
    use SectionKind as K;
    let features = match kind {
        K::Members => REQUIRED_PACKED_COLUMNS | REQUIRED_COMPACT_MEMBERSHIP,
        K::Groups | K::Identities | K::Coverages | K::Shortcuts => REQUIRED_COMPACT_MEMBERSHIP,
        _ => REQUIRED_PACKED_COLUMNS,
    };
    if required_features & features == 0 { None } else { lanes(kind, item_size) }
}

/// Frames of a section of so many items.
#[must_use]
pub const fn frames(items: u64) -> u64 {
    items.div_ceil(FRAME)
}

/// Bytes of the longest frame of items of so many bytes in so many lanes.
#[must_use]
#[inline]
pub fn longest_frame(lanes: usize, item_size: u32) -> u64 {
    widen(lanes).saturating_add(u64::from(item_size) * (FRAME + 1))
}

/// Where frame `number` of a section lies whose frames end at `end` and are no longer than `longest`: from its own
/// place in the index to that of the next one, or to `end` after the last.
///
/// # Errors
/// W-2, if it does not lie inside, the first one does not start with the section, or it is longer than `longest`.
#[inline]
pub fn frame_range(
    kind: SectionKind,
    longest: u64,
    number: u64,
    (start, next): (u64, u64),
    end: u64,
) -> Result<Range<u64>, SpecError> {
    let most = start.saturating_add(longest).min(end);
    if start > next || next > most || number == 0 && start != 0 {
        return Err(SpecError::violation(kind.rules().name, "frame", "W-2", number, next, most));
    }
    Ok(start..next)
}

/// Appends the frame of `items`: whole items with these lanes, at most 128.
pub fn pack(items: &[u8], lanes: &[u32], out: &mut Vec<u8>) {
    let item: usize = lanes.iter().map(|&lane| bytes_of(lane)).sum();
    let values = |at: usize, lane| {
        let bytes = items.chunks_exact(item.max(1));
        bytes.map(move |item| number(item.get(at..at + bytes_of(lane)).unwrap_or_default()))
    };
    let mut at = 0;
    let mut ranges = Vec::with_capacity(lanes.len());
    for &lane in lanes {
        let least = values(at, lane).min().unwrap_or(0);
        let most = values(at, lane).max().unwrap_or(0);
        ranges.push((at, lane, least, u64::BITS - (most - least).leading_zeros()));
        at += bytes_of(lane);
    }
    out.extend(ranges.iter().map(|&(.., width)| u8::try_from(width).unwrap_or(u8::MAX)));
    for &(_, lane, least, _) in &ranges {
        out.extend(least.to_le_bytes().iter().take(bytes_of(lane)));
    }
    for (at, lane, least, width) in ranges {
        let end = out.len() + length_of(width);
        let (mut waiting, mut bits) = (0_u128, 0);
        for value in values(at, lane) {
            waiting |= u128::from(value - least) << bits;
            bits += width;
            while bits >= 8 {
                out.extend(waiting.to_le_bytes().first());
                (waiting, bits) = (waiting >> 8, bits - 8);
            }
        }
        if bits > 0 {
            out.extend(waiting.to_le_bytes().first());
        }
        out.resize(end, 0);
    }
}

fn widen(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const KIND: SectionKind = SectionKind::HeaderTable;

    fn column(kind: SectionKind, size: u32, items: usize, seed: u64) -> (&'static [u32], Vec<u8>) {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56).to_le_bytes()[0]
        };
        // Bytes of few values make narrow lanes, those of all values make full ones.
        let most = if seed.is_multiple_of(2) { 3 } else { 255 };
        (lanes(kind, size).unwrap(), (0..items * usize::try_from(size).unwrap()).map(|_| next() & most).collect())
    }

    #[test]
    fn items_come_back_one_by_one_and_together() {
        let kinds = [
            (SectionKind::HeaderTable, 16),
            (SectionKind::Lengths, 4),
            (SectionKind::PhysicalOrder, 8),
            (SectionKind::KeyEntries, 8),
            (SectionKind::Membership, 12),
            (SectionKind::Identities, 2),
            (SectionKind::Shortcuts, 16),
        ];
        for ((kind, size), seed) in kinds.into_iter().flat_map(|kind| (0..6).map(move |seed| (kind, seed))) {
            for count in [1, 2, 127, 128] {
                let (lanes, items) = column(kind, size, count, seed);
                let mut packed = vec![7];
                pack(&items, lanes, &mut packed);
                let frame = Frame::new(kind, lanes, 0, &packed[1..]).unwrap();
                frame.check(count).unwrap();
                let mut all = vec![0; items.len()];
                frame.unpack(0, &mut all);
                assert_eq!(all, items, "{kind:?}, {count}");
                let size = items.len() / count;
                for (index, item) in items.chunks(size).enumerate() {
                    let one = match size {
                        2 => one::<2>(kind, lanes, &packed[1..], index),
                        4 => one::<4>(kind, lanes, &packed[1..], index),
                        8 => one::<8>(kind, lanes, &packed[1..], index),
                        12 => one::<12>(kind, lanes, &packed[1..], index),
                        _ => one::<16>(kind, lanes, &packed[1..], index),
                    };
                    assert_eq!(one, item, "{kind:?}, {index}");
                }
            }
        }
    }

    fn one<const N: usize>(kind: SectionKind, lanes: &'static [u32], bytes: &[u8], index: usize) -> Vec<u8> {
        let mut items = [[0; N]];
        few(kind, lanes, 0, bytes, index, &mut items).unwrap();
        items.as_flattened().to_vec()
    }

    #[test]
    fn values_are_found_where_they_are() {
        for seed in 0..6 {
            let (lanes, items) = column(SectionKind::KeyEntries, 8, 128, seed);
            let values: Vec<u64> = items.chunks(8).map(|item| number(&item[5..])).collect();
            let mut packed = Vec::new();
            pack(&items, lanes, &mut packed);
            let frame = Frame::new(SectionKind::KeyEntries, lanes, 0, &packed).unwrap();
            let absent = [0, 5, 1 << 24, u64::MAX];
            for value in values.iter().copied().chain(absent) {
                for (from, end) in [(0, 128), (0, 9), (9, 9), (60, 77), (127, 128)] {
                    let expected = (from..end).find(|&index| values[index] == value);
                    assert_eq!(frame.find(1, value, from..end), expected, "{value} in {from}..{end}");
                }
            }
            assert_eq!(frame.find(2, 0, 0..128), None, "there is no such lane");
        }
    }

    #[test]
    fn runs_of_all_widths_come_back_from_everywhere() {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        for width in 0..=64_u32 {
            let most = if width == 0 { 0 } else { u64::MAX >> (64 - width) };
            let mut items: Vec<u8> = (0..126).flat_map(|_| (next() & most).to_le_bytes()).collect();
            items.extend([0, most].map(u64::to_le_bytes).as_flattened());
            let (lanes, mut packed) = (lanes(SectionKind::Lengths, 8).unwrap(), Vec::new());
            pack(&items, lanes, &mut packed);
            assert_eq!(u32::from(packed[0]), width);
            let frame = Frame::new(SectionKind::Lengths, lanes, 0, &packed).unwrap();
            for first in 0..=128_usize {
                for end in [first, first + 1, first + 9, first + 17, 128] {
                    let mut run = vec![7; end.saturating_sub(first) * 8];
                    frame.unpack(first, &mut run);
                    let there = (end.min(128) - first) * 8;
                    assert_eq!(&run[..there], &items[first * 8..][..there], "{width} bits, {first}..{end}");
                    assert!(run[there..].iter().all(|&byte| byte == 7));
                }
            }
        }
    }

    #[test]
    fn a_lane_of_one_value_takes_no_bits() {
        let mut packed = Vec::new();
        pack(&[7, 0, 0, 0].repeat(100), &[32], &mut packed);
        assert_eq!(packed, [0, 7, 0, 0, 0]);
        packed.clear();
        pack(&[7, 0, 0, 0, 8, 0, 0, 0, 10, 0, 0, 0], &[32], &mut packed);
        assert_eq!((&packed[..6], packed.len()), (&[2, 7, 0, 0, 0, 0b11_01_00][..], 5 + 32));
    }

    // EVIDENCE: W-3
    #[test]
    fn widths_and_lengths_are_compared() {
        let (lanes, items) = column(KIND, 16, 128, 0);
        let mut packed = Vec::new();
        pack(&items, lanes, &mut packed);
        let rule = |bytes: &[u8]| Frame::new(KIND, lanes, 0, bytes).map(|_| ()).map_err(|error| error.rule());
        assert_eq!(rule(&packed), Ok(()));
        for length in 0..packed.len() {
            assert_eq!(rule(&packed[..length]), Err("W-3"), "{length}");
        }
        packed[5] = 9;
        assert_eq!(rule(&packed), Err("W-3"));
        packed[5] = 8;
        packed.push(0);
        assert_eq!(rule(&packed), Err("W-3"));
    }

    // EVIDENCE: W-4
    #[test]
    fn values_stay_in_their_lane() {
        let mut packed = Vec::new();
        pack(&[0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], &[32], &mut packed);
        let rule = |bytes: &[u8], count| Frame::new(SectionKind::Lengths, &[32], 0, bytes).unwrap().check(count);
        assert_eq!(rule(&packed, 2), Ok(()));
        assert_eq!(rule(&packed, 1).unwrap_err().rule(), "W-4");
        packed[1] += 1;
        assert_eq!(rule(&packed, 2).unwrap_err().rule(), "W-4");
    }

    // EVIDENCE: W-2
    #[test]
    fn frames_lie_inside() {
        let longest = longest_frame(1, 1);
        let rule = |number, places, end| frame_range(KIND, longest, number, places, end).map_err(|error| error.rule());
        assert_eq!(rule(0, (0, 9), 9), Ok(0..9));
        assert_eq!(rule(1, (3, 9), 9), Ok(3..9));
        assert_eq!(rule(0, (1, 9), 9), Err("W-2"));
        assert_eq!(rule(1, (9, 3), 9), Err("W-2"));
        assert_eq!(rule(1, (3, 10), 9), Err("W-2"));
        assert_eq!(rule(1, (3, 3 + 130), 200), Ok(3..133));
        assert_eq!(rule(1, (3, 3 + 131), 200), Err("W-2"));
    }
}
