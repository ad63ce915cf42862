//! The block cache beside two others on traces, and its second tier on real blocks: Markdown tables on standard output.
//!
//!     cargo bench -p talaria-db-benches --bench cache --features trace -- CONTAINER...
//!
//! The first container is reduced, and what that asks the cache for is a trace; without the feature or a container the
//! other traces are left. The second tier is measured on all containers.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that prints its tables")]

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use talaria_db::memory::budget::Budget;
use talaria_db::memory::compress::CompressedBuffer;
use talaria_db::memory::settings::{Algorithm, CompressionSettings, MemorySettings};
use talaria_db::read::cache::{Block, BlockCache, CacheKey};
use talaria_db::read::stream::StreamKind;
use talaria_db::{Database, OpenOptions, SharedSequence};
use talaria_db_benches::Random;

const BLOCK: usize = 16 << 10;
/// What our cache counts for an entry beside its content; the others are told the same.
const OVERHEAD: usize = 160;
const BLOCKS: u64 = 32 << 10;
const STEPS: usize = 400_000;
const ROUNDS: usize = 3;

fn main() {
    let containers: Vec<PathBuf> =
        std::env::args_os().skip(1).map(PathBuf::from).filter(|path| path.is_file()).collect();
    let mut traces = vec![
        ("zipf 0.9".to_owned(), zipf(STEPS, 1)),
        ("zipf 0.9, a scan in the middle".to_owned(), {
            let mut trace = zipf(STEPS / 2, 2);
            trace.extend((0..BLOCKS).map(key));
            trace.extend(zipf(STEPS / 2, 3));
            trace
        }),
    ];
    traces.extend(recorded(&containers));
    println!(
        "| trace | capacity | cache | hit rate | Mops/s, 1 thread | Mops/s, 2 threads |\n|---|---|---|---|---|---|"
    );
    for (name, trace) in &traces {
        let mut distinct: Vec<_> = trace.iter().map(|key| format!("{key:?}")).collect();
        distinct.sort_unstable();
        distinct.dedup();
        for part in [16, 4] {
            compare(name, trace, distinct.len() * (BLOCK + OVERHEAD) / part, &format!("1/{part}"));
        }
    }
    let all = BLOCKS as usize * (BLOCK + OVERHEAD) * 2;
    compare("hits only, zipf 0.9", &zipf(STEPS, 4), all, "2");
    let mut random = Random(7);
    let few: Vec<_> = (0..STEPS).map(|_| key(random.below(1000))).collect();
    compare("hits only, 1,000 blocks", &few, all, "2");
    for path in &containers {
        second_tier(path);
    }
}

fn key(block: u64) -> CacheKey {
    CacheKey::Block { stream: StreamKind::Sequence, block }
}

/// Blocks by Zipf's law with exponent 0.9, the frequent ones anywhere in the file.
fn zipf(steps: usize, seed: u64) -> Vec<CacheKey> {
    let ranks = Zipf::new(BLOCKS);
    let mut places: Vec<u64> = (0..BLOCKS).collect();
    let mut shuffle = Random(9);
    for index in (1..places.len()).rev() {
        places.swap(index, shuffle.below(index as u64 + 1) as usize);
    }
    let mut random = Random(seed);
    (0..steps).map(|_| key(places[ranks.draw(&mut random)])).collect()
}

struct Zipf(Vec<f64>);

impl Zipf {
    fn new(count: u64) -> Self {
        let mut sum = 0.0;
        let weights = (1..=count).map(|rank| {
            sum += (rank as f64).powf(-0.9);
            sum
        });
        Self(weights.collect())
    }

    fn draw(&self, random: &mut Random) -> usize {
        let at = random.below(1 << 53) as f64 / (1_u64 << 53) as f64 * self.0.last().unwrap();
        self.0.partition_point(|&sum| sum <= at)
    }
}

#[cfg(feature = "trace")]
fn recorded(containers: &[PathBuf]) -> Option<(String, Vec<CacheKey>)> {
    use talaria_db::read::cache::trace;
    use talaria_db::reduce::{Output, Reduction};

    let folder = tempfile::tempdir().unwrap();
    let path = containers.first()?;
    drop(trace::take());
    Reduction::new(path, Output::Container(folder.path().join("reduced.talaria"))).run().unwrap();
    Some(("reduce --method exact".to_owned(), trace::take()))
}

#[cfg(not(feature = "trace"))]
fn recorded(_containers: &[PathBuf]) -> Option<(String, Vec<CacheKey>)> {
    None
}

/// A cache that can be asked: the block, and whether it was decoded.
trait Peer: Sync {
    fn ask(&self, key: CacheKey, decoded: &AtomicU64) -> Block;
}

/// What stands for decoding: an allocation.
fn decode(decoded: &AtomicU64) -> Vec<u8> {
    decoded.fetch_add(1, Ordering::Relaxed);
    Vec::with_capacity(BLOCK)
}

impl Peer for Arc<BlockCache> {
    fn ask(&self, key: CacheKey, decoded: &AtomicU64) -> Block {
        self.get_or_decode(key, || Ok::<_, ()>(decode(decoded))).unwrap()
    }
}

#[derive(Clone)]
struct Weighter;

impl quick_cache::Weighter<CacheKey, Block> for Weighter {
    fn weight(&self, _key: &CacheKey, block: &Block) -> u64 {
        (block.capacity() + OVERHEAD) as u64
    }
}

impl Peer for quick_cache::sync::Cache<CacheKey, Block, Weighter> {
    fn ask(&self, key: CacheKey, decoded: &AtomicU64) -> Block {
        self.get_or_insert_with(&key, || Ok::<_, ()>(Arc::new(decode(decoded).into()))).unwrap()
    }
}

impl Peer for moka::sync::Cache<CacheKey, Block> {
    fn ask(&self, key: CacheKey, decoded: &AtomicU64) -> Block {
        self.get_with(key, || Arc::new(decode(decoded).into()))
    }
}

fn peer(index: usize, capacity: usize) -> Box<dyn Peer> {
    match index {
        0 => {
            let settings = CompressionSettings::default();
            Box::new(BlockCache::new(capacity as u64, BLOCK as u64, &settings, &Budget::new(u64::MAX)).unwrap())
        }
        1 => Box::new(quick_cache::sync::Cache::with_weighter(capacity / BLOCK, capacity as u64, Weighter)),
        _ => Box::new(
            moka::sync::Cache::builder()
                .max_capacity(capacity as u64)
                .weigher(|_: &CacheKey, block: &Block| (block.capacity() + OVERHEAD) as u32)
                .build(),
        ),
    }
}

/// One round on an empty cache: hit rate and million operations a second. With several threads each runs the whole
/// trace, from another place.
fn round(index: usize, capacity: usize, trace: &[CacheKey], threads: usize) -> (f64, f64) {
    let cache = peer(index, capacity);
    let decoded = AtomicU64::new(0);
    if capacity > BLOCKS as usize * (BLOCK + OVERHEAD) {
        // With room for everything only hits are of interest.
        trace.iter().for_each(|&key| drop(cache.ask(key, &decoded)));
        decoded.store(0, Ordering::Relaxed);
    }
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (cache, decoded) = (&cache, &decoded);
            scope.spawn(move || {
                let (first, second) = trace.split_at(trace.len() / threads * thread);
                for &key in second.iter().chain(first) {
                    black_box(cache.ask(key, decoded));
                }
            });
        }
    });
    let steps = (trace.len() * threads) as f64;
    (1.0 - decoded.into_inner() as f64 / steps, steps / start.elapsed().as_secs_f64() / 1e6)
}

fn compare(name: &str, trace: &[CacheKey], capacity: usize, part: &str) {
    let peers = ["ours", "quick_cache", "moka"];
    let mut speeds = [[const { Vec::new() }; 2], [const { Vec::new() }; 2], [const { Vec::new() }; 2]];
    let mut rates = [0.0; 3];
    for _ in 0..ROUNDS {
        for index in 0..peers.len() {
            for threads in [1, 2] {
                let (rate, speed) = round(index, capacity, trace, threads);
                speeds[index][threads - 1].push(speed);
                if threads == 1 {
                    rates[index] = rate;
                }
            }
        }
    }
    for (index, peer) in peers.iter().enumerate() {
        let [one, two] = speeds[index].each_mut().map(|speeds| median(speeds));
        println!("| {name} | {part} | {peer} | {:.1} % | {one:.2} | {two:.2} |", 100.0 * rates[index]);
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

const ALGORITHMS: [(&str, Algorithm); 3] =
    [("LZ4", Algorithm::Lz4), ("Zstandard", Algorithm::Zstd), ("Snappy", Algorithm::Snappy)];

/// What decoding a block costs, and what decompressing it would; then lookups with and without the tier.
fn second_tier(path: &PathBuf) {
    let database = OpenOptions::new().cache(0).open(path).unwrap();
    let header = database.container().header();
    println!("\n{}:\n", path.file_name().unwrap().display());
    println!("| stream | step | us a block | of the block's size |\n|---|---|---|---|");
    let (residues, texts) = (header.sequence_block_size.get() as usize, header.text_block_size.get() as usize);
    let sequence = |database: &Database, ordinal| residues_of(database, ordinal).to_vec();
    let text = |database: &Database, ordinal| database.header(ordinal).unwrap().to_vec();
    kinds(&database, "residues", residues, sequence);
    kinds(&database, "header texts", texts, text);
    lookups(path);
}

fn residues_of(database: &Database, ordinal: u64) -> SharedSequence {
    let length = database.sequence_length(ordinal).unwrap();
    database.region(ordinal, 0..length).unwrap()
}

fn kinds(database: &Database, stream: &str, size: usize, item: impl Fn(&Database, u64) -> Vec<u8>) {
    let mut random = Random(5);
    let ordinals: Vec<u64> = (0..2000).map(|_| random.below(database.len())).collect();
    // Without a cache a lookup decodes the block that it falls in; the first round brings the file into memory.
    let mut decodes: Vec<f64> =
        (0..4).map(|_| timed(&ordinals, |&ordinal| drop(black_box(item(database, ordinal))))).collect();
    println!("| {stream} | lookup that decodes | {:.1} | |", median(&mut decodes));
    let mut chunks: Vec<Vec<u8>> = vec![Vec::new()];
    for ordinal in 0..database.len().min(100_000) {
        if chunks.last().unwrap().len() >= size {
            chunks.last_mut().unwrap().truncate(size);
            chunks.push(Vec::new());
        }
        if chunks.len() > 500 {
            break;
        }
        chunks.last_mut().unwrap().extend(item(database, ordinal));
    }
    let levels = ALGORITHMS.map(|algorithm| (algorithm, 3)).into_iter().chain([(("Zstandard", Algorithm::Zstd), 1)]);
    for ((name, algorithm), level) in levels {
        let mut buffers = Vec::new();
        let compress =
            timed(&chunks, |chunk| buffers.push(CompressedBuffer::compress(chunk, algorithm, level).unwrap()));
        let mut speeds: Vec<f64> =
            (0..5).map(|_| timed(&buffers, |buffer| drop(black_box(buffer.decompress().unwrap())))).collect();
        let (from, to) =
            (chunks.iter().map(Vec::len).sum::<usize>(), buffers.iter().map(CompressedBuffer::len).sum::<usize>());
        let share = to as f64 / from as f64;
        println!("| {stream} | compress, {name} {level} | {compress:.1} | {share:.2} |");
        println!("| {stream} | decompress, {name} {level} | {:.1} | |", median(&mut speeds));
    }
}

/// Microseconds that `step` takes for one of `items`.
fn timed<T>(items: &[T], step: impl FnMut(&T)) -> f64 {
    let start = Instant::now();
    items.iter().for_each(step);
    start.elapsed().as_secs_f64() * 1e6 / items.len() as f64
}

/// Lookups of sequences by Zipf's law, by one thread, in a cache of an eighth of the residues.
fn lookups(path: &PathBuf) {
    println!("\n| second tier | lookups/s | hits | second tier | decoded |\n|---|---|---|---|---|");
    let plain = Database::open(path).unwrap();
    let (blocks, capacity) = (plain.len(), (plain.residue_count() / 8).max(2 << 20));
    let zipf = Zipf::new(blocks);
    let mut random = Random(6);
    let ordinals: Vec<u64> = (0..200_000)
        .map(|_| (zipf.draw(&mut random) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) % plain.len())
        .collect();
    let mut rows = Vec::new();
    for _ in 0..3 {
        for index in 0..=ALGORITHMS.len() {
            let mut memory = MemorySettings::default();
            memory.cache.capacity = Some(capacity);
            if let Some((_, algorithm)) = index.checked_sub(1).map(|index| ALGORITHMS[index]) {
                memory.compression.enabled = true;
                memory.compression.algorithm = algorithm;
            }
            let database = OpenOptions::new().memory(memory).open(path).unwrap();
            let time = timed(&ordinals, |&ordinal| drop(black_box(residues_of(&database, ordinal))));
            rows.push((index, 1e6 / time, database.cache_statistics()));
        }
    }
    for index in 0..=ALGORITHMS.len() {
        let mut of = rows.iter().filter(|row| row.0 == index).map(|row| row.1).collect::<Vec<_>>();
        let statistics = rows.iter().rfind(|row| row.0 == index).unwrap().2;
        let name = if index == 0 { "none" } else { ALGORITHMS[index - 1].0 };
        let all = (statistics.hits + statistics.second_tier_hits + statistics.misses) as f64 / 100.0;
        println!(
            "| {name} | {:.0} | {:.1} % | {:.1} % | {:.1} % |",
            median(&mut of),
            statistics.hits as f64 / all,
            statistics.second_tier_hits as f64 / all,
            statistics.misses as f64 / all,
        );
    }
}
