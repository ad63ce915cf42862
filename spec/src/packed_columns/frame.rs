//! A frame of a packed column: its items, all together or one by one.

use core::ops::Range;

use super::lane::{GROUP, Lane, WORD, bytes_of, length_of, most_of};
use super::{VALUES, widen};
use crate::error::SpecError;
use crate::section::SectionKind;

/// A frame whose widths and length have been checked.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    kind: SectionKind,
    number: u64,
    lanes: &'static [u32],
    widths: &'a [u8],
    least: &'a [u8],
    values: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Looks at the bytes of frame `number` of a column.
    ///
    /// # Errors
    /// W-3, if a width is more than its lane has, or the widths do not make up the length.
    #[inline(always)]
    pub fn new(kind: SectionKind, lanes: &'static [u32], number: u64, bytes: &'a [u8]) -> Result<Self, SpecError> {
        let broken =
            |field, got, expected| Err(SpecError::violation(kind.rules().name, field, "W-3", number, got, expected));
        let Some((widths, rest)) = bytes.split_at_checked(lanes.len()) else {
            return broken("frame length", widen(bytes.len()), widen(lanes.len()));
        };
        let (mut item, mut length) = (0, 0);
        for (&lane, &width) in lanes.iter().zip(widths) {
            if u32::from(width) > lane {
                return broken("width", width.into(), lane.into());
            }
            item += bytes_of(lane);
            length += length_of(width.into());
        }
        match rest.split_at_checked(item) {
            Some((least, values)) if values.len() == length => Ok(Self { kind, number, lanes, widths, least, values }),
            _ => broken("frame length", widen(bytes.len()), widen(lanes.len() + item + length)),
        }
    }

    /// Writes items from `first` on to `items`, as they would stand in the column: as many as there is room for, or up
    /// to the 128th. A value that its lane cannot hold is cut short; [`Frame::check`] finds it.
    pub fn unpack(&self, first: usize, items: &mut [u8]) {
        match self.least.len() {
            2 => self.unpack_sized::<2>(first, items),
            4 => self.unpack_sized::<4>(first, items),
            8 => self.unpack_sized::<8>(first, items),
            12 => self.unpack_sized::<12>(first, items),
            _ => self.unpack_sized::<16>(first, items),
        }
    }

    fn unpack_sized<const N: usize>(&self, first: usize, items: &mut [u8]) {
        let (items, _) = items.as_chunks_mut::<N>();
        let least = self.least.first_chunk().copied().unwrap_or([0; N]);
        let count = items.len().min(VALUES.saturating_sub(first));
        let items = items.get_mut(..count).unwrap_or_default();
        let (group, within) = (first / GROUP, first % GROUP);
        // Of the first group, if it is not whole, and of the last.
        let (before, rest) = items.split_at_mut(if within == 0 { 0 } else { count.min(GROUP - within) });
        let (groups, after) = rest.as_chunks_mut();
        let next = if within == 0 { group } else { group + 1 };
        for (part, group, within) in [(before, group, within), (after, next + groups.len(), 0)] {
            if !part.is_empty() {
                let mut whole = [[least; GROUP]];
                self.change_groups(group, &mut whole);
                part.iter_mut().zip(whole.as_flattened().iter().skip(within)).for_each(|(to, from)| *to = *from);
            }
        }
        groups.as_flattened_mut().fill(least);
        self.change_groups(next, groups);
    }

    /// Changes items that have the least values into those of the groups from `first` on.
    fn change_groups<const N: usize>(&self, first: usize, groups: &mut [[[u8; N]; GROUP]]) {
        if groups.is_empty() {
            return;
        }
        // Lanes that do not vary, which are most, are what they are to be.
        for lane in self.lanes().filter(|lane| lane.width > 0) {
            match lane.at / WORD {
                0 => lane.unpack::<N, 0>(first, groups),
                _ => lane.unpack::<N, 1>(first, groups),
            }
        }
    }

    /// Item `index`, which is below 128, as it would stand in the column, where items have `N` bytes.
    #[must_use]
    #[inline(always)]
    pub fn item<const N: usize>(&self, index: usize) -> [u8; N] {
        // Not with `lanes`, which tells the least value of lanes that do not vary too: an eighth more instructions.
        let mut words = words_of(&self.least.first_chunk().copied().unwrap_or([0; N]));
        let (mut at, mut start) = (0, 0);
        for (&bits, &width) in self.lanes.iter().zip(self.widths) {
            if width > 0
                && let Some(word) = words.get_mut(at / WORD)
            {
                let (least, width) = (*word >> (8 * (at % WORD)) & most_of(bits), width.into());
                let lane = Lane { at, bits, least, width, values: self.values, start };
                *word ^= lane.change(lane.above(index));
                start = start.wrapping_add(length_of(width));
            }
            at += bytes_of(bits);
        }
        let (mut item, words) = ([0; N], words.map(u64::to_le_bytes));
        item.iter_mut().zip(words.as_flattened()).for_each(|(to, from)| *to = *from);
        item
    }

    /// The first of the items `among`, which are below 128, that has `value` in lane `number`. Nothing else of them is
    /// looked at.
    #[must_use]
    pub fn find(&self, number: usize, value: u64, mut among: Range<usize>) -> Option<usize> {
        let lane = self.lanes().nth(number)?;
        // What is below the least value wraps to more than any value is above it.
        let wanted = value.wrapping_sub(lane.least);
        among.find(|&index| lane.above(index) == wanted)
    }

    /// Compares the frame, which has `count` items, with what the format asks of its values.
    ///
    /// # Errors
    /// W-4, if one is more than its lane holds, or those after the last item are not zero.
    pub fn check(&self, count: usize) -> Result<(), SpecError> {
        let broken = |field, got, expected| {
            Err(SpecError::violation(self.kind.rules().name, field, "W-4", self.number, got, expected))
        };
        for lane in self.lanes() {
            let most = most_of(lane.bits);
            for index in 0..VALUES {
                let above = lane.above(index);
                if index >= count && above != 0 {
                    return broken("value after the last", above, 0);
                }
                if lane.least.checked_add(above).is_none_or(|value| value > most) {
                    return broken("value", above, most - lane.least);
                }
            }
        }
        Ok(())
    }

    fn lanes(&self) -> impl Iterator<Item = Lane<'a>> {
        let mut least = [0; 2 * WORD];
        least.iter_mut().zip(self.least).for_each(|(to, from)| *to = *from);
        let (words, values) = (words_of(&least), self.values);
        let (mut at, mut start) = (0, 0);
        self.lanes.iter().zip(self.widths).map(move |(&bits, &width)| {
            let word = words.get(at / WORD).copied().unwrap_or(0);
            let lane =
                Lane { at, bits, least: word >> (8 * (at % WORD)) & most_of(bits), width: width.into(), values, start };
            (at, start) = (at + bytes_of(bits), start + length_of(lane.width));
            lane
        })
    }
}

/// Fills `items` with those from `first` on of the frame that [`Frame::new`] makes, up to the 128th: a few, each by
/// itself.
///
/// # Errors
/// W-3, as [`Frame::new`].
pub fn few<const N: usize>(
    kind: SectionKind,
    lanes: &'static [u32],
    number: u64,
    bytes: &[u8],
    first: usize,
    items: &mut [[u8; N]],
) -> Result<(), SpecError> {
    // The compiler knows where the lanes are in columns that lookups use: that halves the instructions.
    match lanes {
        [32] => fill(&Frame::new(kind, &[32], number, bytes)?, first, items),
        [24, 40] => fill(&Frame::new(kind, &[24, 40], number, bytes)?, first, items),
        [24, 40, 32, 16, 8, 8] => fill(&Frame::new(kind, &[24, 40, 32, 16, 8, 8], number, bytes)?, first, items),
        lanes => fill(&Frame::new(kind, lanes, number, bytes)?, first, items),
    }
    Ok(())
}

#[inline(always)]
fn fill<const N: usize>(frame: &Frame<'_>, first: usize, items: &mut [[u8; N]]) {
    // Not with `for_each`, which is a function of its own for all lanes.
    for (index, item) in (first..).zip(items) {
        *item = frame.item(index);
    }
}

/// The words of an item of at most 16 bytes.
fn words_of<const N: usize>(item: &[u8; N]) -> [u64; 2] {
    let mut words = [[0; WORD]; 2];
    words.as_flattened_mut().iter_mut().zip(item).for_each(|(to, from)| *to = *from);
    words.map(u64::from_le_bytes)
}
