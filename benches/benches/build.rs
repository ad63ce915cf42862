//! Building a container from records in memory, all the way to a durable file.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing to say")]

use divan::Bencher;
use divan::counter::BytesCount;
use talaria_db::{Builder, Compression};
use talaria_db_benches::{AMINO_ACIDS, BASES, records};

const RECORDS: u64 = 20_000;

fn main() {
    divan::main();
}

#[divan::bench(args = ["none", "lz4", "zstd:1", "zstd:3", "zstd:19"], sample_count = 5)]
fn proteins(bencher: Bencher<'_, '_>, codec: &str) {
    build(bencher, AMINO_ACIDS, codec);
}

#[divan::bench(args = ["none", "zstd:1"], sample_count = 5)]
fn nucleotides(bencher: Bencher<'_, '_>, codec: &str) {
    build(bencher, BASES, codec);
}

fn build(bencher: Bencher<'_, '_>, letters: &'static [u8], codec: &str) {
    let folder = tempfile::tempdir().unwrap();
    let made: Vec<_> = records(RECORDS, 150, letters).collect();
    let residues: usize = made.iter().map(|(_, residues)| residues.len()).sum();
    let compression = Compression::parse(codec).unwrap();
    bencher.counter(BytesCount::new(residues)).with_inputs(|| made.clone()).bench_local_values(|records| {
        let path = folder.path().join("made.talaria");
        Builder::new(path).add_records("made", records.into_iter()).compression(compression).finish().unwrap()
    });
}
