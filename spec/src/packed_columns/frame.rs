//! A frame of a packed column: its items, all together or one by one.

use super::lane::{GROUP, Lane, WORD, bytes_of, length_of, most_of, word_of};
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
    pub fn new(kind: SectionKind, lanes: &'static [u32], number: u64, bytes: &'a [u8]) -> Result<Self, SpecError> {
        let broken =
            |field, got, expected| Err(SpecError::violation(kind.rules().name, field, "W-3", number, got, expected));
        let item = lanes.iter().map(|&lane| bytes_of(lane)).sum();
        let parts = bytes.split_at_checked(lanes.len());
        let Some((widths, (least, values))) =
            parts.and_then(|(widths, rest)| Some((widths, rest.split_at_checked(item)?)))
        else {
            return broken("frame length", widen(bytes.len()), widen(lanes.len() + item));
        };
        if let Some((&width, &lane)) = widths.iter().zip(lanes).find(|&(&width, &lane)| u32::from(width) > lane) {
            return broken("width", width.into(), lane.into());
        }
        let length: usize = widths.iter().map(|&width| length_of(width.into())).sum();
        if values.len() != length {
            return broken("frame length", widen(values.len()), widen(length));
        }
        Ok(Self { kind, number, lanes, widths, least, values })
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
        let count = items.len().min(VALUES.saturating_sub(first));
        let items = items.get_mut(..count).unwrap_or_default();
        let group = first.div_ceil(GROUP);
        let (before, rest) = items.split_at_mut(count.min(group * GROUP - first));
        let (groups, after) = rest.as_chunks_mut();
        self.one_by_one(first, before);
        self.one_by_one((group + groups.len()) * GROUP, after);
        self.groups(group, groups);
    }

    fn groups<const N: usize>(&self, first: usize, groups: &mut [[[u8; N]; GROUP]]) {
        if groups.is_empty() {
            return;
        }
        groups.as_flattened_mut().fill(self.least.first_chunk().copied().unwrap_or([0; N]));
        // Lanes that do not vary, which are most, are written with that.
        for lane in self.lanes().filter(|lane| lane.width > 0) {
            match lane.at / WORD {
                0 => lane.unpack::<N, 0>(first, groups),
                _ => lane.unpack::<N, 1>(first, groups),
            }
        }
    }

    fn one_by_one<const N: usize>(&self, first: usize, items: &mut [[u8; N]]) {
        for (index, item) in (first..).zip(items) {
            let mut words = self.least_words();
            for lane in self.lanes().filter(|lane| lane.width > 0) {
                if let Some(word) = words.get_mut(lane.at / WORD) {
                    *word ^= lane.change(lane.above(index));
                }
            }
            let words = words.map(u64::to_le_bytes);
            item.iter_mut().zip(words.as_flattened()).for_each(|(to, from)| *to = *from);
        }
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

    /// The words of an item of the least values.
    fn least_words(&self) -> [u64; 2] {
        [word_of(self.least), word_of(self.least.get(WORD..).unwrap_or_default())]
    }

    fn lanes(&self) -> impl Iterator<Item = Lane<'a>> {
        let (words, values) = (self.least_words(), self.values);
        let (mut at, mut start) = (0, 0);
        self.lanes.iter().zip(self.widths).map(move |(&bits, &width)| {
            let word = words.get(at / WORD).copied().unwrap_or(0);
            let lane = Lane {
                at,
                bits,
                least: word >> (8 * (at % WORD)) & most_of(bits),
                width: width.into(),
                values: values.get(start..).unwrap_or_default(),
            };
            (at, start) = (at + bytes_of(bits), start + length_of(lane.width));
            lane
        })
    }
}
