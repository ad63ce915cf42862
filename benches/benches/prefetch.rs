//! Lookups of many names and records by the prefetch distance, in one run and in turn.
//!
//!     cargo bench -p talaria-db-benches --bench prefetch -- [CONTAINER ...]
//!
//! Without a container: one of two million made-up records. Names and records are few for the container, since many are
//! looked at in runs, for which nothing is fetched beforehand.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark: its output is its purpose")]

use std::path::Path;
use std::time::Instant;

use talaria_db::memory::settings::MemorySettings;
use talaria_db::{Compression, Database, OpenOptions};
use talaria_db_benches::{AMINO_ACIDS, Made, Random};

const DISTANCES: [usize; 5] = [0, 4, 8, 16, 32];
/// One of so many records is looked up.
const SHARE: u64 = 50;
const ROUNDS: usize = 25;

fn main() {
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if given.is_empty() {
        let made = Made::new(2_000_000, 20, AMINO_ACIDS, Compression::Zstd(1)).unwrap();
        compare(&made.path);
    }
    for path in &given {
        compare(Path::new(path));
    }
}

fn compare(path: &Path) {
    let databases: Vec<Database> = DISTANCES
        .iter()
        .map(|&distance| {
            let mut memory = MemorySettings::default();
            memory.cache.prefetch_distance = distance;
            memory.cache.capacity = Some(0);
            OpenOptions::new().memory(memory).open(path).unwrap()
        })
        .collect();
    let first = &databases[0];
    let (mut random, mut names, mut ordinals) = (Random(7), Vec::new(), Vec::new());
    let count = usize::try_from(first.len() / SHARE).unwrap();
    for _ in 0..count {
        let ordinal = random.below(first.len());
        names.push(first.record(ordinal).unwrap().id().to_vec());
        ordinals.push(ordinal);
    }
    println!("\n{count} of {} records, {} MB\n", first.len(), std::fs::metadata(path).unwrap().len() / 1_000_000);
    println!("| prefetch distance | find_many, ns a name | by distance 0 | batch, ns a record | by distance 0 |");
    println!("|---|---|---|---|---|");
    let mut times = vec![(Vec::new(), Vec::new()); DISTANCES.len()];
    for round in 0..=ROUNDS {
        for (database, (find, batch)) in databases.iter().zip(&mut times) {
            let started = Instant::now();
            assert!(database.find_many(&names).unwrap().ordinals().len() >= count);
            let found = started.elapsed();
            let started = Instant::now();
            assert_eq!(database.batch(&ordinals).unwrap().len(), count);
            // The first round verifies pages.
            if round > 0 {
                find.push(found.as_nanos() as f64 / count as f64);
                batch.push(started.elapsed().as_nanos() as f64 / count as f64);
            }
        }
    }
    let medians: Vec<(f64, f64)> = times.iter_mut().map(|(find, batch)| (median(find), median(batch))).collect();
    for (distance, (find, batch)) in DISTANCES.iter().zip(&medians) {
        let (find_ratio, batch_ratio) = (find / medians[0].0, batch / medians[0].1);
        println!("| {distance} | {find:.0} | {find_ratio:.3} | {batch:.0} | {batch_ratio:.3} |");
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}
