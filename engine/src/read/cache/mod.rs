//! Decoded blocks and checked pages, kept while they are likely to be used again.
//!
//! Sharded by key; each shard is a least-recently-used list in two segments under a mutex, weighed in bytes, so that a
//! pass over a file does not push out what is used again and again. A hit costs one lock, one probe and a few links.
//! Those who miss the same entry at the same time share one decode. Optionally blocks that leave the cache are kept
//! compressed: the second tier.
//!
//! The capacity is a maximum. What is kept is leased from the memory budget entry by entry, as long as it is free; when
//! somebody else wants the memory, the cache gives it back ([`Reclaim`]), what has been used once first. A block that
//! is evicted stays alive, and is no longer leased, as long as somebody who got it earlier holds on to it: usually for
//! the time of one lookup.
//!
//! Locks: a shard's lock and that of the second tier are never held together, nor while something is decoded,
//! compressed, waited for or leased by asking others; so whoever asks the cache for memory can hold any lock but these.
//! The parts with locks can be run in every order that threads can take: `RUSTFLAGS="--cfg loom" cargo test -p
//! talaria-db --release --lib loom`.

mod flight;
mod key;
#[cfg(test)]
#[cfg(loom)]
mod loom_tests;
mod lru;
#[cfg(test)]
#[cfg(not(loom))]
mod model_tests;
mod second;
mod shard;
mod statistics;
mod store;
mod sync;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
#[cfg(feature = "trace")]
pub mod trace;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use self::key::CacheKey;
use self::lru::Segment;
use self::second::SecondTier;
use self::shard::Shard;
pub use self::statistics::CacheStatistics;
use crate::error::Result;
use crate::memory::budget::{Budget, Reclaim};
use crate::memory::buffer::Buffer;
use crate::memory::settings::CompressionSettings;
use crate::options::DEFAULT_CACHE;

/// What is kept.
pub type Block = Arc<Buffer>;

/// A cache with less capacity keeps nothing.
const LEAST: u64 = 1 << 20;
const MOST_SHARDS: u64 = 32;
/// Largest entries that each shard has room for at least, unless there is one shard only.
const IN_A_SHARD: u64 = 8;

/// A cache of decoded blocks and checked pages.
#[derive(Debug)]
pub struct BlockCache {
    shards: Box<[Shard]>,
    /// What it was made for.
    full: u64,
    capacity: AtomicU64,
    second: Option<SecondTier>,
}

impl BlockCache {
    /// A cache for `capacity` bytes; with less than 1 MiB it keeps nothing. It has up to 32 shards, as many as have
    /// room for eight entries of `largest` bytes, the size of the largest block; that is settled here, for 64 MiB if
    /// `capacity` is 0. `budget` asks it for memory from now on.
    ///
    /// # Errors
    /// Those of a lease of no bytes: what is kept is leased as it comes.
    pub fn new(capacity: u64, largest: u64, compression: &CompressionSettings, budget: &Budget) -> Result<Arc<Self>> {
        let has_second = compression.enabled && capacity >= compression.least_cache;
        let (first, second) = Self::parts(if capacity == 0 { DEFAULT_CACHE } else { capacity }, has_second);
        let fitting = first as u64 / (largest.max(1).saturating_mul(IN_A_SHARD));
        let count = fitting.clamp(1, MOST_SHARDS);
        let each = if capacity < LEAST { 0 } else { first / count as usize };
        let second = if has_second && capacity >= LEAST { second } else { 0 };
        let cache = Arc::new(Self {
            shards: (0..count).map(|_| Shard::new(each, budget)).collect::<Result<_>>()?,
            full: capacity,
            capacity: AtomicU64::new(capacity),
            second: if has_second { Some(SecondTier::new(second, compression, budget)?) } else { None },
        });
        let holder: Arc<dyn Reclaim> = Arc::clone(&cache) as _;
        budget.add_holder(Arc::downgrade(&holder));
        Ok(cache)
    }

    /// Bytes that it keeps at most.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity.load(Ordering::Relaxed)
    }

    /// Makes the capacity `bytes`, at the cost of the coldest entries; with less than 1 MiB it keeps nothing from now
    /// on. Whether there is a second tier does not change.
    pub fn set_capacity(&self, bytes: u64) {
        self.capacity.store(bytes, Ordering::Relaxed);
        let (first, second) = Self::parts(if bytes < LEAST { 0 } else { bytes }, self.second.is_some());
        for shard in &self.shards {
            let mut evicted = Vec::new();
            shard.set_capacity(first / self.shards.len(), &mut evicted);
        }
        if let Some(tier) = &self.second {
            tier.set_capacity(second);
        }
    }

    /// The entry from the cache, or from `decode`, which is kept if there is room. Of those who ask for an entry that
    /// is not here at the same time, the first decodes and the others wait; if it fails, they decode for themselves. A
    /// cache without capacity calls `decode` right away.
    ///
    /// `decode` must not wait for work of a thread pool, all of whose threads may wait for it, nor ask the cache for
    /// blocks; it may ask for pages.
    ///
    /// # Errors
    /// What `decode` returns.
    #[inline]
    pub fn get_or_decode<B: Into<Buffer>, E>(
        &self,
        key: CacheKey,
        decode: impl FnOnce() -> std::result::Result<B, E>,
    ) -> std::result::Result<Block, E> {
        #[cfg(feature = "trace")]
        trace::add(key);
        if !self.keeps() {
            return decode().map(|bytes| Arc::new(bytes.into()));
        }
        let shard = self.shard(key);
        match shard.get(key) {
            Some(block) => Ok(block),
            None => self.decode_in(shard, key, || decode().map(Into::into)),
        }
    }

    /// The entry, if it is in the first tier; it does not count as used again. For passes, which ask for everything
    /// once.
    #[must_use]
    pub fn peek(&self, key: CacheKey) -> Option<Block> {
        #[cfg(feature = "trace")]
        trace::add(key);
        if self.keeps() { self.shard(key).peek(key) } else { None }
    }

    /// Drops the coldest entries until at most `bytes` are kept, in both tiers: first all of the second, then what was
    /// used once. Entries that others add meanwhile stay.
    pub fn evict_to_size(&self, bytes: u64) {
        let kept = self.weight();
        self.evict(usize::try_from(kept.saturating_sub(bytes)).unwrap_or(usize::MAX));
    }

    /// Drops all entries. Blocks that wait to be compressed may come in later.
    pub fn clear(&self) {
        self.evict(usize::MAX);
    }

    /// What it did so far, and holds now. Takes every shard's lock once.
    #[must_use]
    pub fn statistics(&self) -> CacheStatistics {
        let mut sum = CacheStatistics::default();
        for shard in &self.shards {
            shard.count(&mut sum);
        }
        if let Some(tier) = &self.second {
            tier.count(&mut sum);
        }
        sum
    }

    /// Bytes of the first and the second tier.
    fn parts(capacity: u64, has_second: bool) -> (usize, usize) {
        let second = if has_second { capacity / 2 } else { 0 };
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        (bytes(capacity - second), bytes(second))
    }

    fn keeps(&self) -> bool {
        self.capacity.load(Ordering::Relaxed) >= LEAST
    }

    fn shard(&self, key: CacheKey) -> &Shard {
        &self.shards[key.shard(self.shards.len())]
    }

    fn weight(&self) -> u64 {
        let first: usize = self.shards.iter().map(Shard::weight).sum();
        (first + self.second.as_ref().map_or(0, SecondTier::weight)) as u64
    }

    /// [`BlockCache::get_or_decode`] of what was not here a moment ago.
    #[inline(never)]
    fn decode_in<E>(
        &self,
        shard: &Shard,
        key: CacheKey,
        decode: impl FnOnce() -> std::result::Result<Buffer, E>,
    ) -> std::result::Result<Block, E> {
        let mut evicted = Vec::new();
        let recall = || self.second.as_ref()?.take(key);
        let block = shard.get_or_decode(key, &mut evicted, recall, decode);
        if let Some(tier) = &self.second {
            for (key, block) in evicted {
                tier.offer(key, block);
            }
        }
        block
    }

    /// Drops entries that make up at least `bytes`, or all.
    fn evict(&self, bytes: usize) {
        let mut missing = bytes.saturating_sub(self.second.as_ref().map_or(0, |tier| tier.evict(bytes)));
        for segment in [Segment::Probation, Segment::Protected] {
            // From all shards alike; in the second round from those that have some left.
            for share in [missing.div_ceil(self.shards.len()), usize::MAX] {
                for shard in &self.shards {
                    if missing == 0 {
                        return;
                    }
                    let mut evicted = Vec::new();
                    missing = missing.saturating_sub(shard.evict(segment, share.min(missing), &mut evicted));
                }
            }
        }
    }
}

impl Reclaim for BlockCache {
    fn reclaimable(&self) -> u64 {
        self.weight()
    }

    fn reclaim(&self, bytes: u64) {
        self.evict(usize::try_from(bytes).unwrap_or(usize::MAX));
    }

    fn adapt(&self, share: f64) {
        self.set_capacity((self.full as f64 * share) as u64);
    }
}
