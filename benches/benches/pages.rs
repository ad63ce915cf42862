//! What large pages, populating and mapping are worth: random lookups in a container under each setting, and mapping
//! against reading.
//!
//! `cargo bench -p talaria-db-benches --bench pages -- [CONTAINER...]` prints Markdown tables, for a made-up container
//! of two million records unless some are given. Before each opening the file is dropped from the page cache, since
//! pages that are in memory keep their size whatever is asked for; so one round is: open cold, warm up, measure, for
//! one setting after the other.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing to say")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use talaria_db::memory::settings::{HugePages, MemorySettings};
use talaria_db::read::export::ExportOptions;
use talaria_db::read::storage::Access;
use talaria_db::{Compression, Database, OpenOptions};
use talaria_db_benches::{AMINO_ACIDS, Made, Random};

const ROUNDS: usize = 5;
const COLUMN_LOOKUPS: u64 = 2_000_000;
const NAMES: u64 = 200_000;

/// Settings by name.
const SETTINGS: [(&str, bool, HugePages); 4] = [
    ("off", false, HugePages::Off),
    ("populate", true, HugePages::Off),
    ("thp", false, HugePages::Transparent),
    ("2M", false, HugePages::TwoMiB),
];

fn main() {
    let paths: Vec<PathBuf> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).map(PathBuf::from).collect();
    if paths.is_empty() {
        let made = Made::new(2_000_000, 20, AMINO_ACIDS, Compression::Zstd(1)).unwrap();
        large_pages(&made.path);
    }
    for path in &paths {
        large_pages(path);
    }
    map_or_read();
}

/// One setting's times: opening cold and warm, and a lookup in columns and by name.
#[derive(Default)]
struct Times {
    cold: Vec<Duration>,
    warm: Vec<Duration>,
    columns: Vec<Duration>,
    names: Vec<Duration>,
    report: String,
}

fn large_pages(path: &Path) {
    let mut all: Vec<Times> = SETTINGS.iter().map(|_| Times::default()).collect();
    let names = names(path);
    for _ in 0..ROUNDS {
        for (index, &(_, populate, huge_pages)) in SETTINGS.iter().enumerate() {
            let times = &mut all[index];
            let mut settings = MemorySettings::default();
            settings.mapping.populate = populate;
            settings.mapping.huge_pages = huge_pages;
            settings.cache.capacity = Some(4 << 30);
            let options = OpenOptions::new().memory(settings);
            drop_from_page_cache(path);
            let (database, cold) = timed(|| options.open(path).unwrap());
            // Every page is in memory and compared before the clock runs.
            (0..database.len()).for_each(|ordinal| columns_of(&database, ordinal));
            find(&database, &names);
            times.cold.push(cold);
            times.columns.push(timed(|| columns(&database, 77, COLUMN_LOOKUPS)).1 / COLUMN_LOOKUPS as u32);
            times.names.push(timed(|| find(&database, &names)).1 / NAMES as u32);
            times.report = database.mapping_report().to_string();
            drop(database);
            times.warm.push(timed(|| options.open(path).unwrap()).1);
        }
    }
    let bytes = std::fs::metadata(path).unwrap().len();
    let records = Database::open(path).unwrap().len();
    println!("{records} records, {:.1} MiB, median (least) of {ROUNDS} rounds:\n", bytes as f64 / f64::from(1 << 20));
    println!("| setting | open, cold | open, warm | three columns | name | obtained |\n|---|---|---|---|---|---|");
    for ((name, ..), times) in SETTINGS.iter().zip(&mut all) {
        let Times { cold, warm, columns, names, report } = times;
        let [cold, warm, columns, names] = [cold, warm, columns, names].map(|times| {
            let middle = median(times);
            format!("{middle:.1?} ({:.1?})", times[0])
        });
        println!("| {name} | {cold} | {warm} | {columns} | {names} | {report} |");
    }
    println!();
}

/// Names of random records.
fn names(path: &Path) -> Vec<Vec<u8>> {
    let database = OpenOptions::new().cache(4 << 30).open(path).unwrap();
    let mut random = Random(5);
    let name = |_| {
        let record = database.record(random.below(database.len())).unwrap();
        record.header().as_bytes().split(u8::is_ascii_whitespace).next().unwrap().to_vec()
    };
    (0..NAMES).map(name).collect()
}

fn columns(database: &Database, seed: u64, count: u64) {
    let mut random = Random(seed);
    for _ in 0..count {
        columns_of(database, random.below(database.len()));
    }
}

fn columns_of(database: &Database, ordinal: u64) {
    black_box(database.header_entry(ordinal).unwrap());
    black_box(database.sequence_length(ordinal).unwrap());
    black_box(database.sequence_address(ordinal).unwrap());
}

fn find(database: &Database, names: &[Vec<u8>]) {
    for name in names {
        black_box(database.find(name).unwrap());
    }
}

fn map_or_read() {
    println!(
        "| container | open and look up: mapped | read | ratio | export: mapped | read | ratio |\n|---|---|---|---|---|---|---|"
    );
    for count in [4_500, 45_000, 450_000] {
        let made = Made::new(count, 150, AMINO_ACIDS, Compression::Zstd(1)).unwrap();
        let mut random = Random(9);
        let mut times: [[Vec<Duration>; 2]; 2] = Default::default();
        for _ in 0..ROUNDS {
            for (index, access) in [Access::Map, Access::Read].into_iter().enumerate() {
                let open = || OpenOptions::new().access(access).open(&made.path).unwrap();
                let looked_up = timed(|| {
                    for _ in 0..200 {
                        black_box(open().get(format!("r{}", random.below(count))).unwrap());
                    }
                });
                let database = open();
                let exported = timed(|| database.export(&mut std::io::sink(), &ExportOptions::default()).unwrap());
                times[0][index].push(looked_up.1 / 200);
                times[1][index].push(exported.1);
            }
        }
        let bytes = std::fs::metadata(&made.path).unwrap().len() as f64 / 1e6;
        let [[mapped, read], [export_mapped, export_read]] = times.map(|pair| pair.map(|mut times| median(&mut times)));
        let ratio = |read: Duration, mapped: Duration| read.as_secs_f64() / mapped.as_secs_f64();
        println!(
            "| {bytes:.1} MB | {mapped:.1?} | {read:.1?} | {:.2} | {export_mapped:.1?} | {export_read:.1?} | {:.2} |",
            ratio(read, mapped),
            ratio(export_read, export_mapped),
        );
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let made = work();
    (made, start.elapsed())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// By the one tool that does it without rights of its own.
fn drop_from_page_cache(path: &Path) {
    let mut file = std::ffi::OsString::from("of=");
    file.push(path);
    let arguments = ["oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"];
    assert!(Command::new("dd").arg(file).args(arguments).status().unwrap().success());
}
