//! A part of the cache, under one lock: the entries whose keys fall to it, and the decodes that are under way for them.
//!
//! The lock is held for a probe and a few links, never while something is decoded, waited for or dropped.

use std::sync::Arc;

use super::Block;
use super::flight::Flight;
use super::key::CacheKey;
use super::lru::{Segment, Weigh};
use super::statistics::CacheStatistics;
use super::store::{Evicted, Store};
use super::sync::{Mutex, lock};
use crate::error::Result;
use crate::memory::budget::Budget;
use crate::memory::buffer::Buffer;

impl Weigh for Block {
    fn content(&self) -> usize {
        self.capacity()
    }
}

/// A line of the processor's cache of its own, so that shards do not slow each other down.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shard(Mutex<State>);

#[derive(Debug)]
struct State {
    store: Store<Block>,
    /// Hardly more than there are threads.
    flights: Vec<(CacheKey, Arc<Flight>)>,
    hits: u64,
    misses: u64,
    waits: u64,
}

impl State {
    fn flight(&self, key: CacheKey) -> Option<&Arc<Flight>> {
        self.flights.iter().find(|flight| flight.0 == key).map(|flight| &flight.1)
    }

    fn end_flight(&mut self, key: CacheKey) {
        self.flights.retain(|flight| flight.0 != key);
    }
}

/// What a shard says to one who asks for an entry.
enum Answer {
    Here(Block),
    UnderWay(Arc<Flight>),
    Yours(Arc<Flight>),
}

impl Shard {
    pub(super) fn new(capacity: usize, budget: &Budget) -> Result<Self> {
        let store = Store::new("the block cache", capacity, budget)?;
        Ok(Self(Mutex::new(State { store, flights: Vec::new(), hits: 0, misses: 0, waits: 0 })))
    }

    /// The entry, if it is here.
    #[inline]
    pub(super) fn get(&self, key: CacheKey) -> Option<Block> {
        let mut state = lock(&self.0);
        let block = state.store.get(key).map(Arc::clone)?;
        state.hits += 1;
        Some(block)
    }

    /// The entry: as it is here, as somebody else decodes it just now, from `recall`, or from `decode`. What it pushes
    /// out goes to `evicted`.
    pub(super) fn get_or_decode<E>(
        &self,
        key: CacheKey,
        evicted: &mut Evicted<Block>,
        recall: impl FnOnce() -> Option<Vec<u8>>,
        decode: impl FnOnce() -> Result<Buffer, E>,
    ) -> Result<Block, E> {
        match self.ask(key) {
            Answer::Here(block) => Ok(block),
            Answer::UnderWay(flight) => match flight.wait() {
                Some(block) => Ok(block),
                None => {
                    let block = Arc::new(decode()?);
                    let mut state = lock(&self.0);
                    state.misses += 1;
                    state.store.insert(key, Arc::clone(&block), evicted);
                    Ok(block)
                }
            },
            Answer::Yours(flight) => {
                let lead = Lead { shard: self, key, flight, landed: false };
                if let Some(bytes) = recall() {
                    return Ok(lead.land(Arc::new(bytes.into()), false, evicted));
                }
                let block = Arc::new(decode()?);
                Ok(lead.land(block, true, evicted))
            }
        }
    }

    /// The entry, if it is here; it stays as cold as it is.
    pub(super) fn peek(&self, key: CacheKey) -> Option<Block> {
        let mut state = lock(&self.0);
        let block = state.store.peek(key).map(Arc::clone);
        if block.is_some() {
            state.hits += 1;
        } else {
            state.misses += 1;
        }
        block
    }

    /// As [`Store::evict`].
    pub(super) fn evict(&self, segment: Segment, bytes: usize, evicted: &mut Evicted<Block>) -> usize {
        lock(&self.0).store.evict(segment, bytes, evicted)
    }

    /// As [`Store::set_capacity`].
    pub(super) fn set_capacity(&self, bytes: usize, evicted: &mut Evicted<Block>) {
        lock(&self.0).store.set_capacity(bytes, evicted);
    }

    /// Bytes of all entries.
    pub(super) fn weight(&self) -> usize {
        lock(&self.0).store.weight()
    }

    /// Adds what was counted here.
    pub(super) fn count(&self, sum: &mut CacheStatistics) {
        let state = lock(&self.0);
        sum.hits += state.hits;
        sum.misses += state.misses;
        sum.waits += state.waits;
        sum.evictions += state.store.evictions();
        sum.bytes += state.store.weight() as u64;
        sum.entries += state.store.len() as u64;
    }

    /// Whether somebody decodes the entry just now.
    #[cfg(all(test, not(loom)))]
    pub(super) fn is_under_way(&self, key: CacheKey) -> bool {
        lock(&self.0).flight(key).is_some()
    }

    fn ask(&self, key: CacheKey) -> Answer {
        let mut state = lock(&self.0);
        if let Some(block) = state.store.get(key).map(Arc::clone) {
            state.hits += 1;
            return Answer::Here(block);
        }
        if let Some(flight) = state.flight(key).map(Arc::clone) {
            state.waits += 1;
            return Answer::UnderWay(flight);
        }
        let flight = Flight::new();
        state.flights.push((key, Arc::clone(&flight)));
        Answer::Yours(flight)
    }
}

/// Who decodes. If it goes away without a result, by an error or a panic, those who wait are told so.
struct Lead<'s> {
    shard: &'s Shard,
    key: CacheKey,
    flight: Arc<Flight>,
    landed: bool,
}

impl Lead<'_> {
    fn land(mut self, block: Block, missed: bool, evicted: &mut Evicted<Block>) -> Block {
        let mut state = lock(&self.shard.0);
        // In one step, so that whoever asks sees the entry or the flight.
        state.store.insert(self.key, Arc::clone(&block), evicted);
        state.end_flight(self.key);
        state.misses += u64::from(missed);
        drop(state);
        self.landed = true;
        self.flight.land(Some(Arc::clone(&block)));
        block
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        if !self.landed {
            let mut state = lock(&self.shard.0);
            state.end_flight(self.key);
            state.misses += 1;
            drop(state);
            self.flight.land(None);
        }
    }
}
