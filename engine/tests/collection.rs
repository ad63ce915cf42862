//! A collection gives memory back to the system, as the system itself says. Alone in its process: resident memory
//! belongs to all of it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "this is a test")]

use talaria_db::memory::budget::Budget;
use talaria_db::memory::manager::{MemoryManager, TARGET};
use talaria_db::memory::monitor::MemoryMonitor;
use talaria_db::memory::settings::CollectionSettings;
use talaria_db::sys::heap::release_freed_memory;
use talaria_db::{Builder, Compression, OpenOptions};

const MIB: u64 = 1 << 20;
const LIMIT: u64 = 128 * MIB;
/// Beside what is leased there are the program and what the allocator cannot give back.
const SLACK: u64 = 12 * MIB;

#[test]
fn a_collection_gives_back_what_it_evicts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.talaria");
    let mut state = 1_u64;
    // Some 120 MiB of residues that nothing makes smaller, so that all blocks together fill the cache.
    let records = (0..60_000_u64).map(move |number| {
        let letter = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b"ACDEFGHIKLMNPQRSTVWY"[(state >> 33) as usize % 20]
        };
        (format!("r{number}").into_bytes(), (0..2000).map(letter).collect::<Vec<u8>>())
    });
    Builder::new(&path).add_records("made", records).compression(Compression::None).finish().unwrap();

    let budget = Budget::new(LIMIT);
    let database = OpenOptions::new().cache(LIMIT).budget(budget.clone()).open(&path).unwrap();
    let manager = MemoryManager::new(budget.clone(), CollectionSettings::default());
    let monitor = MemoryMonitor::new(budget.clone());
    let resident = || monitor.check_memory().0.anonymous;
    let sum = || -> u64 {
        let records = (0..database.len()).map(|ordinal| database.region(ordinal, 0..2000).unwrap());
        records.map(|residues| residues.iter().map(|&residue| u64::from(residue)).sum::<u64>()).sum()
    };

    release_freed_memory();
    let empty = resident();
    let expected = sum();
    let (full, held) = (resident(), budget.in_use());
    assert!(manager.should_gc(), "{held} of {LIMIT} in use");
    assert!(full <= LIMIT + SLACK, "{full} resident of {LIMIT}");
    assert!(full - empty > (held / 4) * 3, "{full} resident of {held} leased, {empty} before");

    let evicted = manager.run_gc();
    let after = resident();
    let target = (LIMIT as f64 * TARGET) as u64;
    assert_eq!(held - budget.in_use(), evicted);
    assert!(budget.in_use() <= target && evicted >= held - target, "{evicted} evicted of {held}");
    // Down by most of what was evicted, and to about 70 % of the limit.
    assert!(full - after >= evicted / 10 * 8, "{full} before, {after} after {evicted} were evicted");
    assert!(after <= target + SLACK, "{after} resident, {target} is the target");

    // What is left answers as before, and so does what has to be decoded again.
    assert_eq!(sum(), expected);
}
