//! A list of entries with a capacity, whose bytes are leased one by one as it grows.
//!
//! It takes only what is free in the budget ([`Lease::try_resize`]): a store never makes another one give memory back,
//! so it may be used under a lock that giving back takes, too. Where the budget has nothing free, it drops its own
//! coldest entries for the new one. What is taken out is handed to the caller, who drops it when no lock is held any
//! more.

use super::key::CacheKey;
use super::lru::{Segment, SegmentedLru, Weigh};
use crate::error::Result;
use crate::memory::budget::{Budget, Lease};

#[derive(Debug)]
pub(super) struct Store<V> {
    lru: SegmentedLru<V>,
    lease: Lease,
    capacity: usize,
    evictions: u64,
}

/// Entries that were taken out.
pub(super) type Evicted<V> = Vec<(CacheKey, V)>;

impl<V: Weigh> Store<V> {
    pub(super) fn new(what: &'static str, capacity: usize, budget: &Budget) -> Result<Self> {
        Ok(Self { lru: SegmentedLru::new(), lease: budget.lease(what, 0)?, capacity, evictions: 0 })
    }

    /// An entry, which becomes the most recent one.
    #[inline]
    pub(super) fn get(&mut self, key: CacheKey) -> Option<&V> {
        let protected = self.capacity / 5 * 4;
        self.lru.get(key, protected)
    }

    /// An entry, which stays as cold as it is.
    pub(super) fn peek(&self, key: CacheKey) -> Option<&V> {
        self.lru.peek(key)
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, key: CacheKey) -> Option<V> {
        let value = self.lru.remove(key);
        self.settle();
        value
    }

    /// Adds an entry at the cost of the coldest ones, and says whether it is kept.
    pub(super) fn insert(&mut self, key: CacheKey, value: V, evicted: &mut Evicted<V>) -> bool {
        let weight = value.weight();
        if weight > self.capacity || self.lru.peek(key).is_some() {
            return false;
        }
        while self.lru.weight() > self.capacity - weight || !self.take(weight) {
            let Some(entry) = self.lru.pop_coldest() else {
                self.settle();
                return false;
            };
            self.evictions += 1;
            evicted.push(entry);
        }
        let kept = self.lru.insert(key, value);
        self.settle();
        kept
    }

    /// Takes out the oldest entries of a segment until they make up `bytes`; returns the bytes of those taken.
    pub(super) fn evict(&mut self, segment: Segment, bytes: usize, evicted: &mut Evicted<V>) -> usize {
        let before = self.lru.weight();
        while before - self.lru.weight() < bytes {
            let Some(entry) = self.lru.pop(segment) else { break };
            self.evictions += 1;
            evicted.push(entry);
        }
        self.lru.shrink();
        self.settle();
        before - self.lru.weight()
    }

    /// Makes the capacity `bytes`, at the cost of the coldest entries.
    pub(super) fn set_capacity(&mut self, bytes: usize, evicted: &mut Evicted<V>) {
        self.capacity = bytes;
        for segment in [Segment::Probation, Segment::Protected] {
            self.evict(segment, self.lru.weight().saturating_sub(bytes), evicted);
        }
    }

    /// Bytes of all entries.
    pub(super) fn weight(&self) -> usize {
        self.lru.weight()
    }

    /// Entries.
    pub(super) fn len(&self) -> usize {
        self.lru.len()
    }

    /// Entries that were taken out for others, or because memory was wanted back.
    pub(super) fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Leases what `more` bytes need beside the entries; `false` if that is not free.
    fn take(&mut self, more: usize) -> bool {
        let bytes = (self.lru.weight() + more) as u64;
        self.lease.bytes() == bytes || self.lease.try_resize(bytes)
    }

    /// Gives back what is leased beyond the entries.
    fn settle(&mut self) {
        let settled = self.take(0);
        debug_assert!(settled, "a lease never refuses to shrink");
    }
}
