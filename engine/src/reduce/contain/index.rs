//! The words that records are looked up by, sorted, with a filter before them.

use super::counts::LEAST;
use crate::error::Result;
use crate::memory::budget::{Budget, Lease};

/// A record, or its reverse complement, and one of its words. Of a long record only the first residues are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// The hash of the word.
    pub(super) word: u64,
    /// How many residues, and where the word is among them.
    shape: u64,
    /// The hash of all of these residues.
    pub(super) whole: u64,
    pub(super) rank: u32,
    /// The number of the next entry with another shape or word, and whether it is the reverse complement.
    next: u32,
}

/// Bits of a place.
const PLACE: u32 = 32;
/// The bit of an entry for the reverse complement.
const REVERSE: u32 = 1 << 31;
/// Most entries that there may be.
const MOST: u64 = 1 << 30;
/// Bits of the filter an entry, at least.
const FILTER: u64 = 32;

impl Entry {
    pub(super) fn new(word: u64, at: usize, length: usize, whole: u64, rank: u32, reverse: bool) -> Self {
        let shape = (length as u64) << PLACE | at as u64;
        Self { word, shape, whole, rank, next: if reverse { REVERSE } else { 0 } }
    }

    /// Residues that are looked up.
    pub(super) fn length(&self) -> usize {
        (self.shape >> PLACE) as usize
    }

    /// Residues before the word.
    pub(super) fn offset(&self) -> usize {
        self.shape as u32 as usize
    }

    pub(super) fn is_reverse(&self) -> bool {
        self.next & REVERSE != 0
    }

    /// The first entry after this one that has another shape or word.
    pub(super) fn next(&self) -> usize {
        (self.next & !REVERSE) as usize
    }
}

/// Entries that are to be looked up in all records.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) entries: Vec<Entry>,
    capacity: usize,
    filter: Vec<u64>,
    filter_shift: u32,
    /// Where the entries begin whose words begin with so many bits.
    starts: Vec<u32>,
    starts_shift: u32,
    _lease: Lease,
}

impl Index {
    /// Bytes an entry: of itself, of the filter and of the places of words, each with room for the next power of two.
    const MEMORY: u64 = size_of::<Entry>() as u64 + 2 * FILTER / 8 + 2 * 4;

    /// The least memory for so many entries at a time.
    pub(super) const fn memory(entries: u64) -> u64 {
        entries * Self::MEMORY + LEAST
    }

    /// Room for `wanted` entries if so much memory is free, and for `least` in any case.
    pub(super) fn new(wanted: u64, least: u64, budget: &Budget) -> Result<Self> {
        let affordable = budget.available() / 3 / Self::MEMORY;
        let capacity = wanted.min(affordable).max(least).min(MOST);
        let lease = budget.lease("words of records", Self::memory(capacity))?;
        let entries = Vec::with_capacity(capacity as usize);
        let capacity = capacity as usize;
        let (filter, starts) = (Vec::new(), Vec::new());
        Ok(Self { entries, capacity, filter, filter_shift: 0, starts, starts_shift: 0, _lease: lease })
    }

    /// Entries that there is still room for.
    pub(super) fn room(&self) -> usize {
        self.capacity - self.entries.len()
    }

    /// Sorts the entries; they can be looked up from now on.
    pub(super) fn prepare(&mut self) {
        self.entries.sort_unstable();
        let mut next = self.entries.len() as u32;
        let mut above = None;
        for (at, entry) in self.entries.iter_mut().enumerate().rev() {
            if let Some((word, shape, after)) = above {
                next = if (word, shape) == (entry.word, entry.shape) { next } else { after };
            }
            entry.next = entry.next & REVERSE | next;
            above = Some((entry.word, entry.shape, at as u32));
        }
        let bits = (self.entries.len() as u64 * FILTER).next_power_of_two().max(64);
        self.filter_shift = 64 - bits.ilog2();
        self.filter.clear();
        self.filter.resize((bits / 64) as usize, 0);
        let prefixes = (self.entries.len() as u64).next_power_of_two().max(2);
        self.starts_shift = 64 - prefixes.ilog2();
        self.starts.clear();
        self.starts.resize(prefixes as usize + 1, 0);
        for entry in &self.entries {
            let bit = filter_bit(entry.word, self.filter_shift);
            self.filter[(bit / 64) as usize] |= 1 << (bit % 64);
            self.starts[(entry.word >> self.starts_shift) as usize + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += *start;
            *start = sum;
        }
    }

    /// Whether there may be entries with a word: there are none if not.
    #[inline]
    pub(super) fn may_have(&self, word: u64) -> bool {
        let bit = filter_bit(word, self.filter_shift);
        self.filter[(bit / 64) as usize] >> (bit % 64) & 1 == 1
    }

    /// The entries with a word: number of the first one, and of the first one after them.
    pub(super) fn find(&self, word: u64) -> (usize, usize) {
        let prefix = (word >> self.starts_shift) as usize;
        let (start, end) = (self.starts[prefix] as usize, self.starts[prefix + 1] as usize);
        let bucket = &self.entries[start..end];
        let first = bucket.partition_point(|entry| entry.word < word);
        let after = bucket.partition_point(|entry| entry.word <= word);
        (start + first, start + after)
    }
}

fn filter_bit(word: u64, shift: u32) -> u64 {
    word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_and_shapes_skipped() {
        let budget = Budget::new(1 << 20);
        let mut index = Index::new(1000, 10, &budget).unwrap();
        assert_eq!(index.room(), 1000);
        let scattered = |number: u64| number.wrapping_mul(0xd134_2543_de82_ef95);
        for number in (0..600_u64).rev() {
            let (word, shape) = (scattered(number / 6), number as usize / 3 % 2);
            index.entries.push(Entry::new(word, shape, 9, number, number as u32, number % 2 == 1));
        }
        index.prepare();
        assert_eq!(index.room(), 400);
        for number in 0..100 {
            let word = scattered(number);
            let (first, after) = index.find(word);
            assert!(index.may_have(word) && after - first == 6);
            for (at, entry) in index.entries[first..after].iter().enumerate() {
                let of = number * 6 + at as u64;
                assert_eq!((entry.offset(), entry.length(), entry.whole), (at / 3, 9, of));
                assert_eq!((entry.is_reverse(), entry.next()), (of % 2 == 1, first + at / 3 * 3 + 3));
            }
        }
        let (first, after) = index.find(scattered(100));
        assert_eq!(first, after);
        assert!((100..1000).filter(|&number| index.may_have(scattered(number))).count() < 100);
    }

    #[test]
    fn memory_that_is_not_there() {
        assert!(Index::new(10, 1000, &Budget::new(1000)).is_err());
        let small = Index::new(u64::MAX, 1000, &Budget::new(1 << 20)).unwrap();
        assert!((1000..10_000).contains(&small.room()));
    }
}
