//! The whole cache against the plainest model: for each shard two lists, the most recent first.

use proptest::prelude::*;

use super::lru::OVERHEAD;
use super::*;

/// Room for eight blocks of this size in a shard: eight shards in the least cache.
const LARGEST: u64 = 16 << 10;

/// Its number and length, and the move that made it the most recent protected one.
type Entry = (u64, usize, u32);

#[derive(Default)]
struct ModelShard {
    capacity: usize,
    probation: Vec<Entry>,
    protected: Vec<Entry>,
    moves: u32,
}

fn weight(list: &[Entry]) -> usize {
    list.iter().map(|entry| entry.1 + OVERHEAD).sum()
}

impl ModelShard {
    fn weight(&self) -> usize {
        weight(&self.probation) + weight(&self.protected)
    }

    fn peek(&self, block: u64) -> Option<usize> {
        self.probation.iter().chain(&self.protected).find(|entry| entry.0 == block).map(|entry| entry.1)
    }

    fn get_or_insert(&mut self, block: u64, size: usize) -> Option<usize> {
        let found = self.peek(block);
        let recent = self.protected.len() as u32 / 4;
        if self.protected.iter().any(|entry| entry.0 == block && self.moves - entry.2 <= recent) {
            // Stays where it is.
        } else if let Some(size) = found {
            self.moves += 1;
            self.probation.retain(|entry| entry.0 != block);
            self.protected.retain(|entry| entry.0 != block);
            self.protected.insert(0, (block, size, self.moves));
            while weight(&self.protected) > self.capacity / 5 * 4 {
                let fallen = self.protected.pop().unwrap();
                self.probation.insert(0, fallen);
            }
        } else if size + OVERHEAD <= self.capacity {
            self.shrink(self.capacity - size - OVERHEAD);
            self.probation.insert(0, (block, size, 0));
        }
        found
    }

    fn shrink(&mut self, bytes: usize) {
        while self.weight() > bytes {
            self.probation.pop().or_else(|| self.protected.pop());
        }
    }

    fn evict(&mut self, protected: bool, bytes: usize) -> usize {
        let list = if protected { &mut self.protected } else { &mut self.probation };
        let before = weight(list);
        while before - weight(list) < bytes && list.pop().is_some() {}
        before - weight(list)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Get(u64, usize),
    Peek(u64),
    EvictTo(u64),
    SetCapacity(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (0_u64..150, 1_usize..20_000).prop_map(|(block, size)| Step::Get(block, size)),
        // A few that are asked for again and again, and one too large for any shard.
        20 => (0_u64..20).prop_map(|block| Step::Get(block, 9_000)),
        1 => (0_u64..150).prop_map(|block| Step::Get(block, 500_000)),
        4 => (0_u64..150).prop_map(Step::Peek),
        1 => (0_u64..1_200_000).prop_map(Step::EvictTo),
        1 => prop_oneof![Just(0), 1_000_000_u64..2_000_000].prop_map(Step::SetCapacity),
    ]
}

fn key(block: u64) -> CacheKey {
    CacheKey::Block { stream: crate::read::stream::StreamKind::Text, block }
}

proptest! {
    #[test]
    fn the_cache_is_what_the_model_says(steps in prop::collection::vec(step(), 1..400)) {
        let budget = Budget::new(u64::MAX);
        let cache = BlockCache::new(LEAST, LARGEST, &CompressionSettings::default(), &budget).unwrap();
        let count = cache.shards.len();
        prop_assert_eq!(count, 8);
        let mut model: Vec<ModelShard> = Vec::new();
        model.resize_with(count, || ModelShard { capacity: LEAST as usize / count, ..ModelShard::default() });
        let shard_of = |block| key(block).shard(count);
        let mut statistics = CacheStatistics::default();
        for step in steps {
            let keeps = cache.capacity() >= LEAST;
            match step {
                Step::Get(block, size) => {
                    let expected = model[shard_of(block)].get_or_insert(block, size);
                    let got = cache.get_or_decode(key(block), || Ok::<_, ()>(vec![1; size])).unwrap();
                    prop_assert_eq!(got.len(), expected.unwrap_or(size));
                    statistics.hits += u64::from(expected.is_some());
                    statistics.misses += u64::from(expected.is_none() && keeps);
                }
                Step::Peek(block) => {
                    let expected = model[shard_of(block)].peek(block);
                    prop_assert_eq!(cache.peek(key(block)).map(|block| block.len()), expected);
                    statistics.hits += u64::from(expected.is_some());
                    statistics.misses += u64::from(expected.is_none() && keeps);
                }
                Step::EvictTo(bytes) => {
                    let mut missing = model.iter().map(ModelShard::weight).sum::<usize>().saturating_sub(bytes as usize);
                    for protected in [false, true] {
                        for share in [missing.div_ceil(count), usize::MAX] {
                            for shard in &mut model {
                                missing = missing.saturating_sub(shard.evict(protected, share.min(missing)));
                            }
                        }
                    }
                    cache.evict_to_size(bytes);
                    prop_assert!(cache.statistics().bytes <= bytes);
                }
                Step::SetCapacity(bytes) => {
                    for shard in &mut model {
                        shard.capacity = if bytes < LEAST { 0 } else { bytes as usize / count };
                        shard.shrink(shard.capacity);
                    }
                    cache.set_capacity(bytes);
                }
            }
            let got = cache.statistics();
            prop_assert_eq!(got.bytes, model.iter().map(ModelShard::weight).sum::<usize>() as u64);
            prop_assert_eq!(got.entries as usize, model.iter().map(|shard| shard.probation.len() + shard.protected.len()).sum::<usize>());
            prop_assert_eq!((got.hits, got.misses, got.waits), (statistics.hits, statistics.misses, 0));
            prop_assert_eq!(budget.in_use(), got.bytes);
        }
    }
}
