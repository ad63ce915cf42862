//! Lookups of a container that is larger than the budget: records a second against the budget, as a Markdown table on
//! standard output.
//!
//!     cargo bench -p talaria-db-benches --bench budget -- [CONTAINER]
//!
//! Whole records, by ordinal: evenly drawn, and by Zipf's law with exponent 0.9. The budget is a part of the decoded
//! size of the container; the cache may have all of it that opening leaves. Without a container one is made. Rounds of
//! all rows take turns; medians.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that prints its tables")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use talaria_db::memory::budget::Budget;
use talaria_db::read::storage::Access;
use talaria_db::{Compression, Database, OpenOptions};
use talaria_db_benches::{AMINO_ACIDS, Made, Random};

const PARTS: [u64; 4] = [64, 16, 4, 1];
const STEPS: usize = 20_000;
const ROUNDS: usize = 3;

fn main() {
    let given = std::env::args_os().skip(1).map(PathBuf::from).find(|path| path.is_file());
    let made = given.is_none().then(|| Made::new(200_000, 200, AMINO_ACIDS, Compression::Zstd(1)).unwrap());
    let path = given.unwrap_or_else(|| made.as_ref().unwrap().path.clone());
    let database = Database::open(&path).unwrap();
    let header = database.container().header();
    // Residues of distinct copies, and header texts, of which the stored size is a third or less; and what a block
    // takes beside them.
    let decoded = header.stored_residue_count.get() + texts(&database);
    println!(
        "{} records, {} decoded, {} on disk; {STEPS} lookups a round, {ROUNDS} rounds\n",
        database.len(),
        mebibytes(decoded),
        mebibytes(header.file_length.get()),
    );
    let traces = [("even", even(database.len())), ("Zipf 0.9", zipf(database.len()))];
    drop(database);
    let accesses = [("mapped", Access::Map), ("pread", Access::Read)];
    let mut rows: Vec<(usize, usize, usize, Vec<Round>)> = Vec::new();
    for trace in 0..traces.len() {
        for access in 0..accesses.len() {
            rows.extend((0..PARTS.len()).map(|part| (trace, access, part, Vec::new())));
        }
    }
    for _ in 0..ROUNDS {
        for (trace, access, part, rounds) in &mut rows {
            rounds.push(round(&path, accesses[*access].1, decoded / PARTS[*part], &traces[*trace].1));
        }
    }
    println!(
        "| access | by | budget | of the decoded size | records/s | hits | most leased |\n|---|---|---|---|---|---|---|"
    );
    for (trace, access, part, rounds) in &mut rows {
        rounds.sort_by(|left, right| left.speed.total_cmp(&right.speed));
        let Round { speed, hits, peak } = rounds[rounds.len() / 2];
        println!(
            "| {} | {} | {} | 1/{} | {speed:.0} | {:.1} % | {} |",
            traces[*trace].0,
            accesses[*access].0,
            mebibytes(decoded / PARTS[*part]),
            PARTS[*part],
            100.0 * hits,
            mebibytes(peak),
        );
    }
}

struct Round {
    speed: f64,
    hits: f64,
    peak: u64,
}

/// Looks all of `trace` up with an empty cache.
fn round(path: &Path, access: Access, limit: u64, trace: &[u64]) -> Round {
    let budget = Budget::new(limit);
    // A lookup needs blocks beside those of the cache.
    let cache = limit.saturating_sub(1 << 20);
    let database = OpenOptions::new().cache(cache).budget(budget.clone()).access(access).open(path).unwrap();
    let start = Instant::now();
    for &ordinal in trace {
        let record = database.record(ordinal).unwrap();
        black_box((record.header(), record.sequence()));
    }
    let speed = trace.len() as f64 / start.elapsed().as_secs_f64();
    let statistics = database.cache_statistics();
    let asked = statistics.hits + statistics.waits + statistics.misses;
    Round { speed, hits: (statistics.hits + statistics.waits) as f64 / asked as f64, peak: budget.peak() }
}

fn texts(database: &Database) -> u64 {
    let sample = (0..database.len()).step_by(101);
    let (count, bytes) = sample
        .fold((0, 0), |(count, bytes), ordinal| (count + 1, bytes + database.header(ordinal).unwrap().len() as u64));
    bytes * database.len() / count
}

fn even(count: u64) -> Vec<u64> {
    let mut random = Random(1);
    (0..STEPS).map(|_| random.below(count)).collect()
}

/// Ranks by Zipf's law, the frequent ones anywhere in the file.
fn zipf(count: u64) -> Vec<u64> {
    let mut sum = 0.0;
    let weights: Vec<f64> = (1..=count)
        .map(|rank| {
            sum += (rank as f64).powf(-0.9);
            sum
        })
        .collect();
    let mut random = Random(2);
    let draw = |_| {
        let at = random.below(1 << 53) as f64 / (1_u64 << 53) as f64 * sum;
        (weights.partition_point(|&sum| sum <= at) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) % count
    };
    (0..STEPS).map(draw).collect()
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1 << 20) as f64)
}
