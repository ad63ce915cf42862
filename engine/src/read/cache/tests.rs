use std::sync::atomic::AtomicUsize;
use std::sync::{Barrier, Mutex};

use super::lru::OVERHEAD;
use super::*;
use crate::memory::settings::Algorithm;
use crate::read::stream::StreamKind;

const MIB: u64 = 1 << 20;
const BLOCK: usize = 16 << 10;

fn key(block: u64) -> CacheKey {
    CacheKey::Block { stream: StreamKind::Sequence, block }
}

fn cache(capacity: u64, budget: &Budget) -> Arc<BlockCache> {
    BlockCache::new(capacity, BLOCK as u64, &CompressionSettings::default(), budget).unwrap()
}

/// A block that tells its number and compresses well.
fn bytes(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(BLOCK / 8)
}

fn get(cache: &BlockCache, number: u64) -> Block {
    let block = cache.get_or_decode(key(number), || Ok::<_, ()>(bytes(number))).unwrap();
    assert_eq!(block[..8], number.to_le_bytes());
    block
}

#[test]
fn without_capacity_nothing_is_kept_and_nothing_counted() {
    let budget = Budget::new(u64::MAX);
    for capacity in [0, 64 << 10, MIB - 1] {
        let cache = cache(capacity, &budget);
        get(&cache, 1);
        assert!(cache.peek(key(1)).is_none());
        assert_eq!((cache.statistics(), cache.capacity()), (CacheStatistics::default(), capacity));
        cache.set_capacity(MIB);
        get(&cache, 1);
        get(&cache, 1);
        assert_eq!(cache.statistics().hits, 1);
    }
    assert_eq!(budget.in_use(), 0);
}

#[test]
fn large_blocks_fit_and_have_fewer_shards() {
    let budget = Budget::new(u64::MAX);
    let shards = |capacity, largest| {
        BlockCache::new(capacity, largest, &CompressionSettings::default(), &budget).unwrap().shards.len()
    };
    assert_eq!([shards(64 * MIB, 8 * MIB), shards(64 * MIB, 16 << 10), shards(MIB, 16 << 10)], [1, 32, 8]);
    assert_eq!([shards(MIB, 0), shards(MIB, u64::MAX), shards(0, 64 << 10)], [32, 1, 32]);
    let cache = cache(64 * MIB, &budget);
    cache.get_or_decode(key(1), || Ok::<_, ()>(vec![0; MIB as usize])).unwrap();
    assert!(cache.peek(key(1)).is_some());
}

#[test]
fn a_scan_does_not_push_out_what_is_hot() {
    let budget = Budget::new(u64::MAX);
    let cache = BlockCache::new(2 * MIB, 2 * MIB, &CompressionSettings::default(), &budget).unwrap();
    for _ in 0..2 {
        (0..90).for_each(|number| drop(get(&cache, number)));
    }
    (1000..5000).for_each(|number| drop(get(&cache, number)));
    assert!((0..90).all(|number| cache.peek(key(number)).is_some()));
    assert!(cache.peek(key(1000)).is_none());
}

#[test]
fn one_decodes_and_the_others_wait() {
    let budget = Budget::new(u64::MAX);
    let cache = cache(8 * MIB, &budget);
    let (decoded, start) = (AtomicUsize::new(0), Barrier::new(8));
    let ask = || {
        start.wait();
        let decode = || {
            decoded.fetch_add(1, Ordering::Relaxed);
            // Ends when the seven others wait, and so proves that they do.
            while cache.statistics().waits < 7 {
                std::thread::yield_now();
            }
            // Another key is not kept up.
            drop(get(&cache, 2));
            Ok::<_, ()>(bytes(1))
        };
        cache.get_or_decode(key(1), decode).unwrap()
    };
    let blocks: Vec<Block> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(decoded.into_inner(), 1);
    assert!(blocks.iter().all(|block| Arc::ptr_eq(block, &blocks[0])));
    let statistics = cache.statistics();
    assert_eq!((statistics.misses, statistics.waits, statistics.hits), (2, 7, 0));
}

#[test]
fn those_who_wait_for_a_failure_or_a_panic_decode_for_themselves() {
    for panics in [false, true] {
        let budget = Budget::new(u64::MAX);
        let cache = cache(8 * MIB, &budget);
        let outcomes = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let lead = scope.spawn(|| {
                cache.get_or_decode(key(1), || {
                    while cache.statistics().waits < 3 {
                        std::thread::yield_now();
                    }
                    assert!(!panics, "a decode that goes wrong");
                    Err::<Vec<u8>, _>(0)
                })
            });
            // The others come when the first has begun.
            while !cache.shard(key(1)).is_under_way(key(1)) {
                std::thread::yield_now();
            }
            for number in 1..=3 {
                let (cache, outcomes) = (&cache, &outcomes);
                scope.spawn(move || {
                    let outcome = cache.get_or_decode(key(1), || if number == 3 { Ok(bytes(1)) } else { Err(number) });
                    outcomes.lock().unwrap().push((number, outcome.map(|block| block.len())));
                });
            }
            let outcome = lead.join();
            assert_eq!(outcome.is_err(), panics);
            assert!(outcome.is_err() || outcome.unwrap().is_err_and(|number| number == 0));
        });
        let mut outcomes = outcomes.into_inner().unwrap();
        outcomes.sort_unstable_by_key(|outcome| outcome.0);
        assert_eq!(outcomes, [(1, Err(1)), (2, Err(2)), (3, Ok(BLOCK))]);
        assert!(cache.peek(key(1)).is_some());
    }
}

#[test]
fn threads_share_a_cache_that_stays_in_its_bounds() {
    let budget = Budget::new(6 * MIB);
    let settings = CompressionSettings { enabled: true, ..CompressionSettings::default() };
    let cache = BlockCache::new(4 * MIB, BLOCK as u64, &settings, &budget).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (cache, budget) = (&cache, &budget);
            scope.spawn(move || {
                let mut random = thread;
                for step in 0..4000 {
                    random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(thread | 1);
                    drop(get(cache, (random >> 33) % 600));
                    if step % 97 == 0 {
                        // Somebody else needs memory for a moment, and may meet others who do.
                        drop(budget.lease("a sort", 4 * MIB));
                    }
                    if step % 501 == 0 {
                        cache.evict_to_size(MIB);
                    }
                    assert!(cache.statistics().bytes <= 4 * MIB);
                }
            });
        }
    });
    let statistics = cache.statistics();
    assert!(statistics.hits > 0 && statistics.evictions > 0 && budget.peak() <= 6 * MIB, "{statistics:?}");
    drop(cache);
    assert_eq!(budget.in_use(), 0);
}

#[test]
fn memory_goes_back_to_those_who_need_it() {
    let budget = Budget::new(4 * MIB);
    let cache = cache(4 * MIB, &budget);
    (0..1000).for_each(|number| drop(get(&cache, number)));
    let full = cache.statistics().bytes;
    assert_eq!((budget.in_use(), budget.available()), (full, 4 * MIB));
    assert!(full > 3 * MIB, "{full}");
    let lease = budget.lease("a sort", 3 * MIB).unwrap();
    assert!(cache.statistics().bytes <= MIB);
    assert!(cache.statistics().bytes > MIB / 2, "more was given back than was asked for");
    // What is left of the budget is used, and no more.
    (0..1000).for_each(|number| drop(get(&cache, number)));
    assert!(budget.in_use() <= 4 * MIB && cache.statistics().bytes > MIB / 2);
    let all = budget.lease("another", budget.available()).unwrap();
    drop(get(&cache, 1));
    assert!(cache.peek(key(1)).is_none());
    assert_eq!(cache.statistics().bytes, 0);
    drop((lease, all));
    get(&cache, 1);
    assert_eq!(budget.in_use(), (BLOCK + OVERHEAD) as u64);
    cache.clear();
    assert_eq!((budget.in_use(), cache.statistics().entries), (0, 0));
}

#[test]
fn evicted_blocks_live_as_long_as_they_are_used() {
    let budget = Budget::new(u64::MAX);
    let cache = cache(MIB, &budget);
    let block = get(&cache, 7);
    cache.clear();
    assert_eq!((budget.in_use(), block[..8] == 7_u64.to_le_bytes()), (0, true));
}

#[test]
fn what_leaves_the_first_tier_is_found_in_the_second() {
    for (algorithm, background) in
        [Algorithm::Lz4, Algorithm::Zstd, Algorithm::Snappy].into_iter().flat_map(|name| [(name, true), (name, false)])
    {
        let budget = Budget::new(u64::MAX);
        let settings = CompressionSettings { enabled: true, algorithm, background, ..CompressionSettings::default() };
        let cache = BlockCache::new(2 * MIB, 2 * MIB, &settings, &budget).unwrap();
        // A first tier for 63 blocks. One at a time, so that the queue is never full.
        let mut number = 0;
        while cache.statistics().second_tier_hits < 50 {
            assert!(number < 1_000_000, "{algorithm:?}: nothing comes back: {:?}", cache.statistics());
            drop(get(&cache, number % 200));
            number += 1;
        }
        let statistics = cache.statistics();
        assert!(statistics.bytes <= 2 * MIB && statistics.misses < number, "{statistics:?}");
        if !background {
            // Everything has its place: 137 of 200 blocks, each compressed to a small part.
            assert_eq!((statistics.misses, statistics.entries), (200, 200));
        }
        // Blocks that wait to be compressed may come in after entries were dropped: the queue ends at some time.
        let attempts = if background { 1_000 } else { 1 };
        let fits = (0..attempts).any(|_| {
            cache.evict_to_size(MIB);
            cache.statistics().bytes <= MIB
        });
        assert!(fits, "{algorithm:?}: {:?}", cache.statistics());
        cache.set_capacity(0);
        drop(cache);
        assert_eq!(budget.in_use(), 0);
    }
}

#[test]
fn the_second_tier_refuses_what_is_not_worth_it() {
    let budget = Budget::new(u64::MAX);
    let settings = CompressionSettings { enabled: true, background: false, ..CompressionSettings::default() };
    let rounds = |settings: &CompressionSettings, key: fn(u64) -> CacheKey, bytes: fn(u64) -> Vec<u8>| {
        let cache = BlockCache::new(2 * MIB, 2 * MIB, settings, &budget).unwrap();
        for number in (0..200).chain(0..200) {
            cache.get_or_decode(key(number), || Ok::<_, ()>(bytes(number))).unwrap();
        }
        cache.statistics().second_tier_hits
    };
    assert_eq!(rounds(&settings, key, bytes), 200);
    assert_eq!(rounds(&settings, CacheKey::Page, bytes), 0);
    let noise = |number: u64| {
        let mut random = number;
        let mut next = || {
            random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            (random >> 40) as u8
        };
        (0..BLOCK).map(|_| next()).collect()
    };
    assert_eq!(rounds(&settings, key, noise), 0);
    let short = CompressionSettings { threshold: BLOCK as u64 + 1, ..settings.clone() };
    assert_eq!(rounds(&short, key, bytes), 0);
    let small = CompressionSettings { least_cache: 2 * MIB + 1, ..settings };
    assert_eq!(rounds(&small, key, bytes), 0);
}

#[test]
fn it_follows_the_pressure() {
    use crate::memory::manager::MemoryManager;
    use crate::memory::monitor::MemoryStatus;
    use crate::memory::settings::CollectionSettings;

    let budget = Budget::new(u64::MAX);
    let cache = cache(8 * MIB, &budget);
    let manager = MemoryManager::new(budget.clone(), CollectionSettings { adaptive: true, ..Default::default() });
    (0..1000).for_each(|number| drop(get(&cache, number)));
    assert!(cache.statistics().bytes > 7 * MIB);
    manager.adapt(&MemoryStatus::Warning { usage_percent: 90.0, available: 1 });
    assert_eq!(cache.capacity(), 8 * MIB * 7 / 10);
    assert!(cache.statistics().bytes <= 8 * MIB * 7 / 10);
    for _ in 0..6 {
        manager.adapt(&MemoryStatus::Ok { usage_percent: 10.0, available: 1 });
    }
    assert_eq!(cache.capacity(), 8 * MIB);
}
