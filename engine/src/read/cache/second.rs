//! The second tier: blocks that left the first one, compressed.
//!
//! Off unless it is asked for. It has half of the cache's capacity, so that what is hot still finds most of its room in
//! the first tier, where a hit costs nothing. Blocks below the threshold, and those that do not become smaller by a
//! tenth, are dropped.
//!
//! In the background one thread compresses what waits in a queue; where the queue is full, the memory for a waiting
//! block is not free, or there is no such thread, the block is dropped: nobody waits for compression. Else whoever
//! pushes a block out compresses it. The thread ends with the cache. It holds none of the cache's other parts and takes
//! only what is free in the budget, so waiting for its end is safe whoever drops the cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::Block;
use super::key::CacheKey;
use super::lru::{Segment, Weigh};
use super::statistics::CacheStatistics;
use super::store::Store;
use super::sync::{Mutex, lock};
use crate::error::Result;
use crate::memory::budget::{Budget, Lease};
use crate::memory::compress::CompressedBuffer;
use crate::memory::settings::CompressionSettings;

/// Blocks that wait to be compressed.
const QUEUE: usize = 32;

impl Weigh for CompressedBuffer {
    fn content(&self) -> usize {
        self.len()
    }
}

#[derive(Debug)]
pub(super) struct SecondTier {
    shared: Arc<Shared>,
    budget: Budget,
    hits: AtomicU64,
    worker: Option<Worker>,
}

#[derive(Debug)]
struct Shared {
    store: Mutex<Store<CompressedBuffer>>,
    settings: CompressionSettings,
    closing: AtomicBool,
}

#[derive(Debug)]
struct Worker {
    queue: SyncSender<Waiting>,
    thread: JoinHandle<()>,
}

/// A block that waits, and its memory.
#[derive(Debug)]
struct Waiting {
    key: CacheKey,
    block: Block,
    _lease: Lease,
}

impl SecondTier {
    /// A tier of at most `capacity` bytes.
    pub(super) fn new(capacity: usize, settings: &CompressionSettings, budget: &Budget) -> Result<Self> {
        let store = Mutex::new(Store::new("compressed blocks", capacity, budget)?);
        let shared = Arc::new(Shared { store, settings: settings.clone(), closing: AtomicBool::new(false) });
        let worker = if settings.background { Worker::start(&shared) } else { None };
        Ok(Self { shared, budget: budget.clone(), hits: AtomicU64::new(0), worker })
    }

    /// Keeps a block, if it is worth it and there is room; never waits.
    pub(super) fn offer(&self, key: CacheKey, block: Block) {
        let settings = &self.shared.settings;
        if !matches!(key, CacheKey::Block { .. }) || (block.len() as u64) < settings.threshold {
            return;
        }
        if !settings.background {
            self.shared.keep(key, &block);
        } else if let Some(worker) = &self.worker
            && let Some(lease) = self.budget.try_lease("blocks that wait to be compressed", block.capacity() as u64)
        {
            // A full queue gives the block back, and it is dropped.
            let _ = worker.queue.try_send(Waiting { key, block, _lease: lease });
        }
    }

    /// Takes a block out and decompresses it.
    pub(super) fn take(&self, key: CacheKey) -> Option<Vec<u8>> {
        let buffer = lock(&self.shared.store).remove(key)?;
        // What does not decompress is decoded from the file again.
        let bytes = buffer.decompress().ok()?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(bytes)
    }

    /// Drops entries that make up `bytes`, the coldest first; returns the bytes of those dropped.
    pub(super) fn evict(&self, bytes: usize) -> usize {
        let mut evicted = Vec::new();
        lock(&self.shared.store).evict(Segment::Probation, bytes, &mut evicted)
    }

    pub(super) fn set_capacity(&self, bytes: usize) {
        let mut evicted = Vec::new();
        lock(&self.shared.store).set_capacity(bytes, &mut evicted);
    }

    /// Bytes of all entries.
    pub(super) fn weight(&self) -> usize {
        lock(&self.shared.store).weight()
    }

    /// Adds what was counted here.
    pub(super) fn count(&self, sum: &mut CacheStatistics) {
        let store = lock(&self.shared.store);
        sum.second_tier_hits += self.hits.load(Ordering::Relaxed);
        sum.entries += store.len() as u64;
        sum.bytes += store.weight() as u64;
    }
}

impl Drop for SecondTier {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        if let Some(Worker { queue, thread }) = self.worker.take() {
            // The thread ends when nobody can send any more.
            drop(queue);
            let _ = thread.join();
        }
    }
}

impl Worker {
    /// `None` if the system gives no thread.
    fn start(shared: &Arc<Shared>) -> Option<Self> {
        let (queue, waiting) = sync_channel(QUEUE);
        let shared = Arc::clone(shared);
        let thread = std::thread::Builder::new().name("talaria-compress".into());
        let thread = thread.spawn(move || shared.run(&waiting)).ok()?;
        Some(Self { queue, thread })
    }
}

impl Shared {
    fn run(&self, waiting: &Receiver<Waiting>) {
        for Waiting { key, block, _lease } in waiting {
            if !self.closing.load(Ordering::Relaxed) {
                self.keep(key, &block);
            }
        }
    }

    fn keep(&self, key: CacheKey, block: &Block) {
        let Ok(buffer) = CompressedBuffer::compress(block, self.settings.algorithm, self.settings.level) else {
            return;
        };
        if buffer.len() <= block.len() / 10 * 9 {
            let mut evicted = Vec::new();
            lock(&self.store).insert(key, buffer, &mut evicted);
        }
    }
}
