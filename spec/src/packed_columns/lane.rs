//! A lane of a frame: 128 values of so many bits each, above the least of them.
//!
//! Eight values of `w` bits take `w` bytes. So a run of items is taken eight by eight, by code that the compiler made
//! for this width, which knows where in those bytes each value is; that is twice as fast as finding each by itself.

use super::VALUES;

/// Values that start at a byte together, whatever their width.
pub(super) const GROUP: usize = 8;
/// Bytes of the words that an item is made of: one or two, of which the last may be shorter. No lane lies in two.
pub(super) const WORD: usize = 8;
/// So many bits are in eight bytes wherever they start.
const NARROW: u32 = 57;

/// A lane of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane<'a> {
    /// Byte of an item where it starts.
    pub(super) at: usize,
    /// Bits that it has in an item.
    pub(super) bits: u32,
    pub(super) least: u64,
    /// Bits of a value, at most those of the lane.
    pub(super) width: u32,
    /// The values of all lanes of the frame.
    pub(super) values: &'a [u8],
    /// Byte of them where those of this lane start.
    pub(super) start: usize,
}

impl Lane<'_> {
    /// What value `index` is above the least one.
    #[inline]
    pub(super) fn above(&self, index: usize) -> u64 {
        let bit = index.wrapping_mul(usize::try_from(self.width).unwrap_or(0));
        let rest = self.values.get(self.start.wrapping_add(bit / 8)..).unwrap_or_default();
        match rest.first_chunk::<WORD>() {
            // The compiler knows the first where it knows the lanes.
            Some(window) if self.bits <= NARROW || self.width <= NARROW => {
                u64::from_le_bytes(*window) >> (bit % 8) & most_of(self.width)
            }
            _ => last_or_wide(rest, bit % 8, self.width),
        }
    }

    /// What a value changes in its word of an item which has the least value; that word is as little-endian as the item.
    #[inline]
    pub(super) fn change(&self, above: u64) -> u64 {
        let value = self.least.wrapping_add(above) & most_of(self.bits);
        (value ^ self.least) << (8 * (self.at % WORD))
    }

    /// Changes groups of items of `N` bytes, which have the least value, into those from group `first` on. The lane
    /// lies in word `W`.
    pub(super) fn unpack<const N: usize, const W: usize>(&self, first: usize, groups: &mut [[[u8; N]; GROUP]]) {
        let eight = usize::try_from(self.width).ok().and_then(|width| EIGHT.get(width));
        for (number, group) in (first..).zip(groups) {
            let index = number.wrapping_mul(GROUP);
            let above = match eight {
                Some(eight) => {
                    let start = self.start.wrapping_add(bytes_before(index, self.width));
                    eight(self.values.get(start..).unwrap_or_default())
                }
                None => core::array::from_fn(|place| self.above(index.wrapping_add(place))),
            };
            for (item, above) in group.iter_mut().zip(above) {
                change_word::<N, W>(item, self.change(above));
            }
        }
    }
}

/// Changes bits of word `W` of an item.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a lane does not reach beyond the item, whose last word may be shorter"
)]
fn change_word<const N: usize, const W: usize>(item: &mut [u8; N], change: u64) {
    let bytes = item.get_mut(W * WORD..).unwrap_or_default();
    // Which of these it is is known to the compiler.
    if let Some(word) = bytes.first_chunk_mut() {
        *word = (u64::from_le_bytes(*word) ^ change).to_le_bytes();
    } else if let Some(word) = bytes.first_chunk_mut() {
        *word = (u32::from_le_bytes(*word) ^ change as u32).to_le_bytes();
    } else if let Some(word) = bytes.first_chunk_mut() {
        *word = (u16::from_le_bytes(*word) ^ change as u16).to_le_bytes();
    }
}

/// Takes eight values out of the bytes that they are.
type Eight = fn(&[u8]) -> [u64; GROUP];

/// For each width up to 32.
const EIGHT: [Eight; 33] = [
    eight::<0>,
    eight::<1>,
    eight::<2>,
    eight::<3>,
    eight::<4>,
    eight::<5>,
    eight::<6>,
    eight::<7>,
    eight::<8>,
    eight::<9>,
    eight::<10>,
    eight::<11>,
    eight::<12>,
    eight::<13>,
    eight::<14>,
    eight::<15>,
    eight::<16>,
    eight::<17>,
    eight::<18>,
    eight::<19>,
    eight::<20>,
    eight::<21>,
    eight::<22>,
    eight::<23>,
    eight::<24>,
    eight::<25>,
    eight::<26>,
    eight::<27>,
    eight::<28>,
    eight::<29>,
    eight::<30>,
    eight::<31>,
    eight::<32>,
];

/// Eight values of `BITS` bits, at most 32, which are that many bytes too.
fn eight<const BITS: usize>(bytes: &[u8]) -> [u64; GROUP] {
    let Some(bytes) = bytes.first_chunk::<BITS>() else { return [0; GROUP] };
    let mask = (1 << BITS) - 1;
    core::array::from_fn(|place| {
        let bit = place * BITS;
        // Eight bytes that hold the value, where there are as many.
        let start = (bit / 8).min(BITS.saturating_sub(WORD));
        word_of(bytes.get(start..).unwrap_or_default()) >> (bit - 8 * start) & mask
    })
}

/// Bits at the start of `bytes`, less the first `skip`, of which there are fewer than eight.
#[cold]
fn last_or_wide(bytes: &[u8], skip: usize, width: u32) -> u64 {
    let window = bytes.iter().take(9).rev().fold(0, |value, &byte| value << 8 | u128::from(byte));
    u64::try_from(window >> skip & u128::from(most_of(width))).unwrap_or(0)
}

/// Bytes that a lane takes of an item.
#[inline]
pub(super) fn bytes_of(lane: u32) -> usize {
    usize::try_from(lane / 8).unwrap_or(0)
}

/// Bytes of the values of a lane in a frame.
#[inline]
pub(super) fn length_of(width: u32) -> usize {
    bytes_before(VALUES, width)
}

/// Bytes of so many values; of a multiple of eight.
#[inline]
fn bytes_before(values: usize, width: u32) -> usize {
    values / GROUP * usize::try_from(width).unwrap_or(0)
}

/// The largest number of so many bits, at most 64.
#[inline]
pub(super) const fn most_of(bits: u32) -> u64 {
    match u64::BITS - bits {
        u64::BITS => 0,
        above => u64::MAX >> above,
    }
}

/// Up to eight bytes as a number.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// The first eight bytes as a number, or all, if they are fewer.
pub(super) fn word_of(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or_else(|| number(bytes), |word| u64::from_le_bytes(*word))
}
