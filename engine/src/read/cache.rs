//! Decoded blocks, kept while they are likely to be used again.
//!
//! Sharded by key, each shard a least-recently-used list under a mutex, weighed in bytes of decoded data. The capacity is leased
//! from the memory budget when the cache is made. Two threads that miss the same block at the same time both decode it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::memory::budget::{Budget, Lease};
use crate::read::stream::StreamKind;

const SHARDS: usize = 16;
/// Bytes of memory that an entry takes beside its block.
const OVERHEAD: usize = 160;
/// List index of "no entry".
const NONE: usize = usize::MAX;

/// Names a block within one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockKey {
    /// Its stream.
    pub stream: StreamKind,
    /// Its number in the stream.
    pub block: u64,
}

/// A cache of decoded blocks.
#[derive(Debug)]
pub struct BlockCache {
    shards: Vec<Mutex<Shard>>,
    lease: Lease,
}

impl BlockCache {
    /// A cache for `capacity` bytes of decoded blocks; with less than 1 MiB it keeps nothing.
    ///
    /// # Errors
    /// [`crate::Error::Memory`] if the budget refuses the capacity.
    pub fn new(capacity: u64, budget: &Budget) -> Result<Self> {
        let lease = budget.lease("the block cache", capacity)?;
        let each = if capacity < 1 << 20 { 0 } else { usize::try_from(capacity).unwrap_or(usize::MAX) / SHARDS };
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::new(each))).collect();
        Ok(Self { shards, lease })
    }

    /// Bytes that it keeps at most.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.lease.bytes()
    }

    /// The block, if it is here.
    #[must_use]
    pub fn get(&self, key: BlockKey) -> Option<Arc<Vec<u8>>> {
        self.shard(key).lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    /// Keeps a block, at the cost of those that were not used for the longest time.
    pub fn insert(&self, key: BlockKey, block: &Arc<Vec<u8>>) {
        self.shard(key).lock().unwrap_or_else(PoisonError::into_inner).insert(key, block);
    }

    fn shard(&self, key: BlockKey) -> &Mutex<Shard> {
        // Neighbouring blocks go to different shards.
        let number = usize::try_from(key.block).unwrap_or(0) + key.stream.index();
        &self.shards[number % SHARDS]
    }
}

/// One least-recently-used list: entries in a slab, linked by index, the head the most recent.
#[derive(Debug)]
struct Shard {
    capacity: usize,
    weight: usize,
    index: HashMap<BlockKey, usize>,
    entries: Vec<Entry>,
    free: Vec<usize>,
    head: usize,
    tail: usize,
}

#[derive(Debug)]
struct Entry {
    key: BlockKey,
    block: Arc<Vec<u8>>,
    newer: usize,
    older: usize,
}

impl Shard {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            weight: 0,
            index: HashMap::new(),
            entries: Vec::new(),
            free: Vec::new(),
            head: NONE,
            tail: NONE,
        }
    }

    fn get(&mut self, key: BlockKey) -> Option<Arc<Vec<u8>>> {
        let at = *self.index.get(&key)?;
        self.unlink(at);
        self.link_newest(at);
        self.entries.get(at).map(|entry| Arc::clone(&entry.block))
    }

    fn insert(&mut self, key: BlockKey, block: &Arc<Vec<u8>>) {
        let weight = block.len() + OVERHEAD;
        if weight > self.capacity || self.index.contains_key(&key) {
            return;
        }
        self.evict_to_size(self.capacity - weight);
        let entry = Entry { key, block: Arc::clone(block), newer: NONE, older: NONE };
        let at = if let Some(at) = self.free.pop() {
            self.entries[at] = entry;
            at
        } else {
            self.entries.push(entry);
            self.entries.len() - 1
        };
        self.weight += weight;
        self.index.insert(key, at);
        self.link_newest(at);
    }

    fn evict_to_size(&mut self, size: usize) {
        while self.weight > size && self.tail != NONE {
            let at = self.tail;
            self.unlink(at);
            let entry = &mut self.entries[at];
            self.weight -= entry.block.len() + OVERHEAD;
            self.index.remove(&entry.key);
            entry.block = Arc::default();
            self.free.push(at);
        }
    }

    fn unlink(&mut self, at: usize) {
        let Entry { newer, older, .. } = self.entries[at];
        match newer {
            NONE => self.head = older,
            _ => self.entries[newer].older = older,
        }
        match older {
            NONE => self.tail = newer,
            _ => self.entries[older].newer = newer,
        }
    }

    fn link_newest(&mut self, at: usize) {
        self.entries[at].newer = NONE;
        self.entries[at].older = self.head;
        match self.head {
            NONE => self.tail = at,
            head => self.entries[head].newer = at,
        }
        self.head = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(block: u64) -> BlockKey {
        BlockKey { stream: StreamKind::Sequence, block }
    }

    proptest! {
        // Against the plainest model: a list, most recent first.
        #[test]
        fn one_shard_is_a_least_recently_used_list(steps in prop::collection::vec((0_u64..12, 1_usize..40), 1..300)) {
            let mut shard = Shard::new(100 + 6 * OVERHEAD);
            let mut model: Vec<(u64, usize)> = Vec::new();
            for (block, size) in steps {
                let expected = model.iter().position(|&(known, _)| known == block);
                let got = shard.get(key(block));
                prop_assert_eq!(got.as_ref().map(|block| block.len()), expected.map(|at| model[at].1));
                if let Some(at) = expected {
                    let entry = model.remove(at);
                    model.insert(0, entry);
                } else {
                    shard.insert(key(block), &Arc::new(vec![0; size]));
                    while model.iter().map(|entry| entry.1 + OVERHEAD).sum::<usize>() + size > 100 + 5 * OVERHEAD {
                        model.pop();
                    }
                    model.insert(0, (block, size));
                }
                prop_assert_eq!(shard.weight, model.iter().map(|entry| entry.1 + OVERHEAD).sum::<usize>());
                prop_assert_eq!(shard.index.len(), model.len());
            }
        }
    }

    #[test]
    fn capacity_is_leased_and_small_ones_keep_nothing() {
        let budget = Budget::new(4 << 20);
        let cache = BlockCache::new(2 << 20, &budget).unwrap();
        assert_eq!(budget.in_use(), 2 << 20);
        assert!(BlockCache::new(4 << 20, &budget).is_err());
        cache.insert(key(1), &Arc::new(vec![7; 100]));
        assert_eq!(cache.get(key(1)).unwrap().len(), 100);
        let none = BlockCache::new(10, &budget).unwrap();
        none.insert(key(1), &Arc::new(vec![7; 1]));
        assert!(none.get(key(1)).is_none());
        drop((cache, none));
        assert_eq!(budget.in_use(), 0);
    }
}
