//! Opening, looking up, scanning and exporting a container that is in the page cache.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing to say")]

use std::sync::LazyLock;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use talaria_db::read::export::ExportOptions;
use talaria_db::{Compression, Database, OpenOptions};
use talaria_db_benches::{AMINO_ACIDS, BASES, Made, Random};

const RECORDS: u64 = 100_000;

static PROTEINS: LazyLock<Made> = LazyLock::new(|| Made::new(RECORDS, 150, AMINO_ACIDS, Compression::Zstd(1)).unwrap());
static PLAIN: LazyLock<Made> = LazyLock::new(|| Made::new(RECORDS, 150, AMINO_ACIDS, Compression::None).unwrap());
static GENES: LazyLock<Made> = LazyLock::new(|| Made::new(RECORDS / 4, 600, BASES, Compression::Zstd(1)).unwrap());

fn main() {
    divan::main();
}

#[divan::bench]
fn open(bencher: Bencher<'_, '_>) {
    let path = &PROTEINS.path;
    bencher.bench(|| Database::open(path).unwrap());
}

/// One name among those of a cache that holds all blocks.
#[divan::bench]
fn get_with_cached_blocks(bencher: Bencher<'_, '_>) {
    let database = OpenOptions::new().cache(1 << 30).open(&PROTEINS.path).unwrap();
    database.scan(|_| Ok(())).unwrap();
    for ordinal in 0..RECORDS {
        database.record(ordinal).unwrap();
    }
    let mut random = Random(1);
    bencher.with_inputs(|| format!("r{}", random.below(RECORDS))).bench_local_refs(|name| database.get(name).unwrap());
}

/// One name, its text block and its sequence block decoded.
#[divan::bench]
fn get_without_a_cache(bencher: Bencher<'_, '_>) {
    let database = OpenOptions::new().cache(0).open(&PROTEINS.path).unwrap();
    let mut random = Random(2);
    bencher.with_inputs(|| format!("r{}", random.below(RECORDS))).bench_local_refs(|name| database.get(name).unwrap());
}

#[divan::bench(args = [1_000, 30_000])]
fn find_many_and_batch(bencher: Bencher<'_, '_>, count: usize) {
    let database = Database::open(&PROTEINS.path).unwrap();
    let mut random = Random(3);
    let names: Vec<String> = (0..count).map(|_| format!("r{}", random.below(RECORDS))).collect();
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        let matches = database.find_many(&names).unwrap();
        database.batch(matches.ordinals()).unwrap()
    });
}

#[divan::bench]
fn scan_zstd(bencher: Bencher<'_, '_>) {
    scan(bencher, &PROTEINS);
}

#[divan::bench]
fn scan_without_codec(bencher: Bencher<'_, '_>) {
    scan(bencher, &PLAIN);
}

#[divan::bench]
fn scan_two_bit(bencher: Bencher<'_, '_>) {
    scan(bencher, &GENES);
}

fn scan(bencher: Bencher<'_, '_>, made: &Made) {
    let database = Database::open(&made.path).unwrap();
    bencher.counter(BytesCount::new(database.residue_count())).bench_local(|| {
        database
            .scan(|record| {
                black_box(record.residues);
                Ok(())
            })
            .unwrap();
    });
}

#[divan::bench]
fn export(bencher: Bencher<'_, '_>) {
    let database = Database::open(&PROTEINS.path).unwrap();
    bencher
        .counter(BytesCount::new(database.residue_count()))
        .bench_local(|| database.export(&mut std::io::sink(), &ExportOptions::default()).unwrap());
}
