//! Many threads ask one database everything at once, with a cache and a budget that are always too small, while the
//! file is replaced by rename and what is kept is taken away from them. Every answer is right, or an error that says
//! that memory is short.
//!
//! An ordinary test, and the one that the thread sanitizer is run over (`format-tests/TESTING.md`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

use std::path::Path;
use std::thread;

use talaria_db::memory::budget::Budget;
use talaria_db::memory::manager::MemoryManager;
use talaria_db::memory::settings::CollectionSettings;
use talaria_db::read::export::ExportOptions;
use talaria_db::{Builder, Compression, Database, Error, OpenOptions};

const RECORDS: u64 = 400;
const READERS: u64 = 4;
const ROUNDS: u64 = 60;
const VERSIONS: u64 = 6;

/// A plain generator of numbers below a bound, the same at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        // The constants of Knuth's MMIX; the high bits are good enough here.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// The residues of a record, which say which version it is of.
fn residues(version: u64, ordinal: u64) -> Vec<u8> {
    let mut numbers = Numbers(version << 32 | ordinal);
    (0..50 + ordinal % 300).map(|_| b"ACDEFGHIKLMNPQRSTVWY"[numbers.below(20) as usize]).collect()
}

fn build(path: &Path, version: u64) {
    let records =
        (0..RECORDS).map(move |ordinal| (format!("r{ordinal} v{version}").into_bytes(), residues(version, ordinal)));
    let builder = Builder::new(path).compression(Compression::Lz4).block_size(1 << 10).threads(1);
    builder.add_records("made", records.collect::<Vec<_>>().into_iter()).finish().unwrap();
}

/// The answer, or nothing if memory is short.
fn answer<T>(result: talaria_db::Result<T>) -> Option<T> {
    match result {
        Ok(answer) => Some(answer),
        Err(Error::Memory { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Asks one thing of a database that is of this version.
fn ask(database: &Database, version: u64, numbers: &mut Numbers) {
    let ordinal = numbers.below(RECORDS);
    let expected = residues(version, ordinal);
    match numbers.below(20) {
        0..6 => {
            if let Some(records) = answer(database.get(format!("r{ordinal}"))) {
                assert_eq!((records.len(), records[0].sequence().as_bytes()), (1, &expected[..]));
            }
        }
        6..12 => {
            let range = 10..expected.len() as u64 - numbers.below(20);
            let (start, end) = (range.start as usize, range.end as usize);
            if let Some(region) = answer(database.region(ordinal, range)) {
                assert_eq!(region.as_bytes(), &expected[start..end]);
            }
        }
        12..17 => {
            let ordinals = [ordinal, 0, RECORDS - 1 - ordinal, ordinal];
            for (record, ordinal) in answer(database.batch(&ordinals)).unwrap_or_default().iter().zip(ordinals) {
                assert_eq!(record.sequence().as_bytes(), residues(version, ordinal));
            }
        }
        17 => {
            answer(database.scan(|record| {
                assert_eq!(record.residues, residues(version, record.ordinal));
                talaria_db::Result::Ok(())
            }));
        }
        18 => {
            let mut text = Vec::new();
            if answer(database.export(&mut text, &ExportOptions::default())).is_some() {
                let title = format!(">r{ordinal} v{version}\n");
                assert!(text.windows(title.len()).any(|window| window == title.as_bytes()));
            }
        }
        _ => {
            answer(database.statistics());
        }
    }
}

fn open(path: &Path, budget: &Budget) -> Option<(Database, u64)> {
    let database = answer(OpenOptions::new().cache(64 << 10).budget(budget.clone()).open(path))?;
    let header = answer(database.header(0))?;
    let version = header.strip_prefix(b"r0 v").unwrap();
    Some((database.clone(), str::from_utf8(version).unwrap().parse().unwrap()))
}

#[test]
fn readers_a_small_budget_and_a_file_that_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.talaria");
    build(&path, 1);
    let budget = Budget::new(4 << 20);
    let (shared, _) = open(&path, &budget).unwrap();

    let reader = |number: u64| {
        let (shared, budget, path) = (shared.clone(), budget.clone(), path.clone());
        move || {
            let mut numbers = Numbers(number);
            for _ in 0..ROUNDS {
                ask(&shared, 1, &mut numbers);
                if let Some((database, version)) = open(&path, &budget) {
                    (0..3).for_each(|_| ask(&database, version, &mut numbers));
                }
            }
        }
    };
    let mut threads: Vec<_> = (0..READERS).map(|number| thread::spawn(reader(number))).collect();
    threads.push(thread::spawn({
        let path = path.clone();
        move || (2..=VERSIONS).for_each(|version| build(&path, version))
    }));
    threads.push(thread::spawn({
        let budget = budget.clone();
        let manager = MemoryManager::new(budget.clone(), CollectionSettings::default());
        move || {
            for _ in 0..ROUNDS {
                manager.run_gc();
                budget.make_free(3 << 20);
                thread::yield_now();
            }
        }
    }));
    threads.into_iter().for_each(|thread| thread.join().unwrap());

    let (_, version) = open(&path, &budget).unwrap();
    assert_eq!(version, VERSIONS);
    drop(shared);
    assert!(budget.peak() <= budget.limit(), "{} of {}", budget.peak(), budget.limit());
}
