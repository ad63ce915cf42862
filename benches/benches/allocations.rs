//! Calls of the allocator for a million records, by what is done with them. Counts, not times: the same on every
//! machine with as many threads.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark: its output is its purpose")]

use talaria_db::memory::settings::MemorySettings;
use talaria_db::read::export::ExportOptions;
use talaria_db::reduce::{Output, Reduction};
use talaria_db::{Builder, Compression, Database, OpenOptions};
use talaria_db_benches::{AMINO_ACIDS, Made, Random, records};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const RECORDS: u64 = 100_000;
/// Records that are looked up where each decodes its blocks.
const FEW: usize = 10_000;

fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let made = Made::new(RECORDS, 150, AMINO_ACIDS, Compression::Zstd(1)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let fasta = folder.path().join("made.fasta");
    let output = folder.path().join("out.talaria");
    let mut text = Vec::new();
    for (header, residues) in records(RECORDS, 150, AMINO_ACIDS) {
        text.extend_from_slice(&[b">", &header[..], b"\n", &residues, b"\n"].concat());
    }
    std::fs::write(&fasta, &text).unwrap();
    let database = Database::open(&made.path).unwrap();
    let mut random = Random(1);
    let names: Vec<String> = (0..RECORDS).map(|_| format!("r{}", random.below(RECORDS))).collect();
    let ordinals: Vec<u64> = (0..RECORDS).map(|_| random.below(RECORDS)).collect();

    println!("| work | allocations for a million records | bytes allocated for a record |");
    println!("|---|---|---|");
    count("build from FASTA", || drop(Builder::new(&output).add_fasta(&fasta).finish().unwrap()));
    count("find, one name at a time", || names.iter().for_each(|name| drop(database.find(name).unwrap())));
    count("find_many", || drop(database.find_many(&names).unwrap()));
    count("get, one name at a time", || names.iter().for_each(|name| drop(database.get(name).unwrap())));
    count("batch", || drop(database.batch(&ordinals).unwrap()));
    count("for_each_record", || database.for_each_record(&ordinals, |_| Ok::<_, talaria_db::Error>(())).unwrap());
    count("scan", || database.scan(|_| Ok(())).unwrap());
    count("scan, nothing cached", || uncached(&made).scan(|_| Ok(())).unwrap());
    let lookups = uncached(&made);
    let few = &ordinals[..FEW];
    counted(FEW as u64, "record, nothing cached", || {
        few.iter().for_each(|&ordinal| drop(lookups.record(ordinal).unwrap()))
    });
    count("export", || assert!(database.export(&mut std::io::sink(), &ExportOptions::default()).unwrap() > 0));
    count("verify", || drop(database.verify(talaria_db::read::verify::Level::Everything).unwrap()));
    count("reduce, exact", || drop(Reduction::new(&made.path, Output::Container(output.clone())).run().unwrap()));
}

/// The container with no room for decoded blocks.
fn uncached(made: &Made) -> Database {
    let mut memory = MemorySettings::default();
    memory.cache.capacity = Some(0);
    OpenOptions::new().memory(memory).open(&made.path).unwrap()
}

fn count(what: &str, work: impl FnOnce()) {
    counted(RECORDS, what, work);
}

fn counted(records: u64, what: &str, work: impl FnOnce()) {
    let before = dhat::HeapStats::get();
    work();
    let after = dhat::HeapStats::get();
    let million = |count: u64| count as f64 * 1e6 / records as f64;
    let calls = million(after.total_blocks - before.total_blocks);
    let bytes = (after.total_bytes - before.total_bytes) as f64 / records as f64;
    println!("| {what} | {calls:.0} | {bytes:.0} |");
}
