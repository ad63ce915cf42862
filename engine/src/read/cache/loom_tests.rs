//! One shard, asked by two or three threads in every order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread;

use super::key::CacheKey;
use super::lru::Segment;
use super::shard::Shard;
use crate::memory::budget::Budget;
use crate::read::stream::StreamKind;

const KEY: CacheKey = CacheKey::Block { stream: StreamKind::Sequence, block: 1 };
const OTHER: CacheKey = CacheKey::Block { stream: StreamKind::Sequence, block: 2 };

fn shard(capacity: usize) -> (Arc<Shard>, Budget) {
    let budget = Budget::new(1 << 20);
    (Arc::new(Shard::new(capacity, &budget).unwrap()), budget)
}

/// Asks; `fails` is what its own decode would do.
fn ask(shard: &Shard, key: CacheKey, decoded: &AtomicUsize, fails: bool) -> Result<usize, ()> {
    let mut evicted = Vec::new();
    let decode = || {
        decoded.fetch_add(1, Ordering::Relaxed);
        // Others may run while it decodes.
        thread::yield_now();
        if fails { Err(()) } else { Ok(vec![1; 100].into()) }
    };
    shard.get_or_decode(key, &mut evicted, || None, decode).map(|block| block.len())
}

#[test]
fn loom_one_decode_for_all() {
    loom::model(|| {
        let (shard, budget) = shard(10_000);
        let decoded = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (shard, decoded) = (Arc::clone(&shard), Arc::clone(&decoded));
                thread::spawn(move || assert_eq!(ask(&shard, KEY, &decoded, false), Ok(100)))
            })
            .collect();
        assert_eq!(ask(&shard, KEY, &decoded, false), Ok(100));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(decoded.load(Ordering::Relaxed), 1);
        assert_eq!(budget.in_use(), shard.weight() as u64);
    });
}

#[test]
fn loom_failures_wake_those_who_wait() {
    loom::model(|| {
        let (shard, _budget) = shard(10_000);
        let decoded = Arc::new(AtomicUsize::new(0));
        let other = {
            let (shard, decoded) = (Arc::clone(&shard), Arc::clone(&decoded));
            thread::spawn(move || ask(&shard, KEY, &decoded, true))
        };
        assert_eq!(ask(&shard, KEY, &decoded, false), Ok(100));
        // It fails by itself, or was given what the first one decoded.
        let outcome = other.join().unwrap();
        let decodes = decoded.load(Ordering::Relaxed);
        assert_eq!(decodes, if outcome.is_err() { 2 } else { 1 });
        assert_eq!(ask(&shard, KEY, &decoded, true), Ok(100));
    });
}

#[test]
fn loom_eviction_meanwhile() {
    loom::model(|| {
        // Room for one entry.
        let (shard, budget) = shard(300);
        let decoded = Arc::new(AtomicUsize::new(0));
        let asks = {
            let (shard, decoded) = (Arc::clone(&shard), Arc::clone(&decoded));
            thread::spawn(move || assert_eq!(ask(&shard, OTHER, &decoded, false), Ok(100)))
        };
        let evicts = {
            let shard = Arc::clone(&shard);
            thread::spawn(move || {
                let mut evicted = Vec::new();
                shard.evict(Segment::Probation, 1, &mut evicted);
            })
        };
        assert_eq!(ask(&shard, KEY, &decoded, false), Ok(100));
        asks.join().unwrap();
        evicts.join().unwrap();
        assert_eq!(decoded.load(Ordering::Relaxed), 2);
        assert!(shard.weight() <= 300);
        assert_eq!(budget.in_use(), shard.weight() as u64);
        drop(shard);
        assert_eq!(budget.in_use(), 0);
    });
}
