//! How often words occur, at least roughly: a word that occurs once is in no other record.
//!
//! Of all words those with the smallest hashes are counted, in a table of bytes without the words themselves. So a
//! count is never too low, but may be too high. A record that has a word with a count of one is inside no other one,
//! and needs no further look; this is so for nearly all records that are not inside another one. Of the rest, the
//! rarest word is the one that is looked up.
//!
//! How many words are counted, and in how many bytes, depends on the memory; what comes of it all does not.

use std::sync::atomic::{AtomicU8, Ordering};

use super::words::Words;
use crate::error::Result;
use crate::memory::budget::{Budget, Lease};

/// At most one word in so many is counted.
const RATE: u64 = 8;
/// Bytes of the smallest table.
pub(super) const LEAST: u64 = 1 << 16;
/// Bytes of the largest one.
const MOST: u64 = 1 << 34;
/// Of Fibonacci hashing.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Counts of words.
#[derive(Debug)]
pub(super) struct Counts {
    slots: Vec<AtomicU8>,
    limit: u64,
    both_strands: bool,
    _lease: Lease,
}

/// How often a word occurs, if it was counted; one that was not is last.
pub(super) const UNKNOWN: u16 = u16::MAX;

impl Counts {
    /// For so many words.
    pub(super) fn new(words: u64, both_strands: bool, budget: &Budget) -> Result<Self> {
        let wanted = (words / RATE).next_power_of_two().clamp(LEAST, MOST);
        let free = (budget.available() / 4).max(LEAST);
        let slots = wanted.min(1 << free.ilog2());
        let lease = budget.lease("counts of words", slots)?;
        let mut table = Vec::new();
        table.resize_with(slots as usize, AtomicU8::default);
        let limit = u64::MAX / (2 * words / slots).max(RATE);
        Ok(Self { slots: table, limit, both_strands, _lease: lease })
    }

    /// The counter of a word, if it is one of those counted.
    #[inline]
    fn slot(&self, hash: u64) -> Option<&AtomicU8> {
        if hash.wrapping_mul(MULTIPLIER) > self.limit {
            return None;
        }
        self.slots.get(hash as usize & (self.slots.len() - 1))
    }

    /// Counts the words of a sequence.
    pub(super) fn add(&self, words: &Words, residues: &[u8]) {
        let count = |hash| {
            if let Some(slot) = self.slot(hash) {
                // Never lost, so that a word that occurs twice is never taken for one that occurs once.
                let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_add(1));
            }
        };
        if self.both_strands {
            words.each_of_both_strands(residues, |_, _, hash| {
                count(hash);
                true
            });
        } else {
            words.each(residues, |_, hash| count(hash));
        }
    }

    /// Calls `visit` with the place of each word, its hash, and how often it occurs, until it says that this is enough.
    #[inline]
    pub(super) fn each_while(&self, words: &Words, residues: &[u8], mut visit: impl FnMut(usize, u64, u16) -> bool) {
        let count = |hash| self.slot(hash).map_or(UNKNOWN, |slot| slot.load(Ordering::Relaxed).into());
        if self.both_strands {
            words.each_of_both_strands(residues, |at, hash, common| visit(at, hash, count(common)));
        } else {
            words.each_while(residues, |at, hash| visit(at, hash, count(hash)));
        }
    }

    /// Whether some word is in no other place.
    pub(super) fn has_own(&self, words: &Words, residues: &[u8]) -> bool {
        let mut own = false;
        self.each_while(words, residues, |_, _, count| {
            own = count == 1;
            !own
        });
        own
    }
}

#[cfg(test)]
mod tests {
    use super::super::letters::turn;
    use super::*;

    #[test]
    fn counts_are_never_too_low() {
        let words = Words::new(8);
        let sequence: Vec<u8> = (0..40_000_u64)
            .map(|at| b"ACGT"[(at.wrapping_mul(at | 1).wrapping_mul(MULTIPLIER) >> 40) as usize % 4])
            .collect();
        let mut turned = sequence.clone();
        turn(&mut turned);
        for both_strands in [false, true] {
            let counts = Counts::new(sequence.len() as u64, both_strands, &Budget::new(1 << 20)).unwrap();
            counts.add(&words, &sequence);
            assert!(counts.has_own(&words, &sequence));
            counts.add(&words, if both_strands { &turned } else { &sequence });
            assert!(!counts.has_own(&words, &sequence));
            let (mut known, mut all) = (0, 0);
            counts.each_while(&words, &sequence, |_, _, count| {
                assert!(count > 1);
                known += u64::from(count != UNKNOWN);
                all += 1;
                true
            });
            assert!(known > all / 16 && known < all / 4, "{known} of {all}");
            (0..300).for_each(|_| counts.add(&words, &sequence[..100]));
            counts.each_while(&words, &sequence[..100], |_, _, count| {
                count == 255 || count == UNKNOWN || panic!("{count}")
            });
        }
    }
}
