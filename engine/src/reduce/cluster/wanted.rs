//! Which words an update has any use for: those of the new records.
//!
//! A filter after Bloom (Communications of the ACM 1970): it may take a word for one that it is not, which costs the
//! sorting of that word, and never the other way round. So what is found does not depend on it, and where there is no
//! memory for it there is none.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::memory::budget::{Budget, Lease};

/// Most bytes.
const MOST: u64 = 16 << 20;

/// A set of hashes, with some that were never added.
#[derive(Debug)]
pub(super) struct Wanted {
    bits: Vec<AtomicU64>,
    _lease: Lease,
}

impl Wanted {
    /// For about `count` hashes, eight bits each. None if that is not free.
    pub(super) fn new(budget: &Budget, count: u64) -> Option<Self> {
        let bytes = count.clamp(1 << 10, MOST).next_power_of_two();
        let lease = budget.try_lease("words of new records", bytes)?;
        let mut bits = Vec::new();
        bits.resize_with(usize::try_from(bytes / 8).ok()?, AtomicU64::default);
        Some(Self { bits, _lease: lease })
    }

    /// Adds a hash, of which the low bits are even.
    pub(super) fn add(&self, hash: u64) {
        for (word, bit) in self.places(hash) {
            self.bits[word].fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Whether a hash may have been added.
    pub(super) fn has(&self, hash: u64) -> bool {
        self.places(hash).into_iter().all(|(word, bit)| self.bits[word].load(Ordering::Relaxed) & bit != 0)
    }

    /// Hashes that were selected are small: their high bits say nothing.
    fn places(&self, hash: u64) -> [(usize, u64); 2] {
        [hash, hash >> 20 ^ hash << 12].map(|hash| ((hash >> 6) as usize & (self.bits.len() - 1), 1 << (hash & 63)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_added_and_little_else() {
        let scattered = |number: u64| {
            number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 9
        };
        let budget = Budget::new(1 << 20);
        let wanted = Wanted::new(&budget, 4_000).unwrap();
        (0..4_000).for_each(|number| wanted.add(scattered(number)));
        assert!((0..4_000).all(|number| wanted.has(scattered(number))));
        let others = (4_000..44_000).filter(|&number| wanted.has(scattered(number))).count();
        assert!(others < 4_000, "{others}");
        assert!(Wanted::new(&budget, u64::MAX).is_none());
        assert_eq!(budget.in_use(), 4096);
    }
}
