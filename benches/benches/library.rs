//! What the library takes of containers, without processes: opening, lookups, scans, and decoding beside the codec alone and a copy of memory.
//!
//!     cargo bench -p talaria-db-benches --bench library -- [CONTAINER ...]
//!
//! Prints lines of what was measured, a figure and its unit, separated by tabs; medians of rounds in turn. Without a container: two of made-up
//! records. "Cold" has the file dropped from the page cache by `dd`, where there is one; all else reads from the page cache.

use std::cell::RefCell;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use talaria_db::memory::settings::MemorySettings;
use talaria_db::read::block::{self, Dictionary, Place};
use talaria_db::read::storage::Storage;
use talaria_db::read::stream::{Stream, StreamKind};
use talaria_db::spec::block::{BlockEntry, Codec, Packing};
use talaria_db::spec::dictionary::DictionaryEntry;
use talaria_db::spec::packing;
use talaria_db::spec::section::SectionKind;
use talaria_db::threads::Workers;
use talaria_db::{Compression, Database, OpenOptions};
use talaria_db_benches::{AMINO_ACIDS, BASES, Made, Random};
use zerocopy::FromBytes;
use zstd::zstd_safe;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Rounds of each figure, beside a first one that is not counted.
const ROUNDS: usize = 7;
/// Names of a round that are looked up one by one.
const NAMES: usize = 20_000;
/// Names of a round that lie in blocks that are in the cache.
const CACHED: usize = 2_000;
/// Names that are looked up together.
const MANY: usize = 1_000_000;
/// Most stored bytes of blocks that are decoded apart.
const BLOCKS: usize = 64 << 20;

fn main() -> Outcome<()> {
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut out = std::io::stdout().lock();
    for path in &given {
        measure(Path::new(path), &mut out)?;
    }
    if given.is_empty() {
        for (letters, compression) in [(AMINO_ACIDS, Compression::Zstd(1)), (BASES, Compression::None)] {
            let made = Made::new(100_000, 150, letters, compression)?;
            writeln!(out, "{} letters, {compression}", letters.len())?;
            measure(&made.path, &mut out)?;
        }
    }
    Ok(())
}

/// The median of what `work` takes, in seconds. The first round, which fills caches, is not counted.
fn time(mut work: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let mut taken = Vec::new();
    for _ in 0..=ROUNDS {
        let started = Instant::now();
        work()?;
        taken.push(started.elapsed().as_secs_f64());
    }
    taken.remove(0);
    taken.sort_unstable_by(f64::total_cmp);
    Ok(taken[ROUNDS / 2])
}

fn measure(path: &Path, out: &mut impl Write) -> Outcome<()> {
    let whole = std::fs::metadata(path)?.len();
    cold(path, out)?;
    let uncached = OpenOptions::new().cache(0).open(path)?;
    let open = || {
        black_box(Database::open(path)?);
        Ok(())
    };
    writeln!(out, "open\t{:.2}\tus", time(open)? * 1e6)?;
    lookups(path, &uncached, whole, out)?;
    let mut total = 0.0;
    for kind in [StreamKind::Sequence, StreamKind::Text] {
        total += decoding(path, &uncached, kind, out)?;
    }
    scans(&Database::open(path)?, total, out)
}

fn lookups(path: &Path, uncached: &Database, whole: u64, out: &mut impl Write) -> Outcome<()> {
    let mut random = Random(7);
    let drawn: Vec<u64> = (0..NAMES).map(|_| random.below(uncached.len())).collect();
    let names: Vec<Vec<u8>> = uncached.batch(&drawn)?.iter().map(|record| record.id().to_vec()).collect();
    let few = &names[..CACHED.min(names.len())];
    let all = |database: &Database, names: &[Vec<u8>]| -> Outcome<()> {
        for name in names {
            black_box(database.get(name)?);
        }
        Ok(())
    };
    let cached = OpenOptions::new().cache(8 * whole.max(64 << 20)).open(path)?;
    let micros = |seconds: f64, count: usize| seconds * 1e6 / count as f64;
    writeln!(out, "lookup, block cached\t{:.3}\tus", micros(time(|| all(&cached, few))?, few.len()))?;
    let numbers = &drawn[..few.len()];
    let by_number = time(|| {
        for &number in numbers {
            black_box(cached.record(number)?);
        }
        Ok(())
    })?;
    writeln!(out, "lookup by number, block cached\t{:.3}\tus", micros(by_number, few.len()))?;
    writeln!(out, "lookup, no cache\t{:.3}\tus", micros(time(|| all(uncached, few))?, few.len()))?;
    let drawn: Vec<u64> = (0..MANY).map(|_| random.below(uncached.len())).collect();
    let id_of = |header: &[u8]| header.split(u8::is_ascii_whitespace).next().unwrap_or_default().to_vec();
    let names: Vec<Vec<u8>> = uncached.headers(&drawn)?.iter().map(|header| id_of(header)).collect();
    let many = time(|| {
        let matches = uncached.find_many(&names)?;
        let mut residues = 0;
        uncached.for_each_record(matches.ordinals(), |record| {
            residues += record.sequence().len();
            Ok::<(), talaria_db::Error>(())
        })?;
        black_box(residues);
        Ok(())
    })?;
    writeln!(out, "lookup of a million at once\t{:.3}\tus", micros(many, MANY))?;
    Ok(())
}

/// One lookup after opening, the file not in memory. Nothing else may have it mapped, or its pages stay.
fn cold(path: &Path, out: &mut impl Write) -> Outcome<()> {
    let names: Vec<Vec<u8>> = {
        let database = Database::open(path)?;
        let mut random = Random(5);
        let drawn: Vec<u64> = (0..3 * ROUNDS).map(|_| random.below(database.len())).collect();
        database.batch(&drawn)?.iter().map(|record| record.id().to_vec()).collect()
    };
    let mut taken = Vec::new();
    for name in &names {
        if !dropped(path) {
            return Ok(());
        }
        let started = Instant::now();
        black_box(Database::open(path)?.get(name)?);
        taken.push(started.elapsed().as_secs_f64());
    }
    taken.sort_unstable_by(f64::total_cmp);
    writeln!(out, "open and one lookup, cold\t{:.1}\tus", taken[taken.len() / 2] * 1e6)?;
    Ok(())
}

/// Drops a file from the page cache; whether that can be done.
fn dropped(path: &Path) -> bool {
    let mut argument = std::ffi::OsString::from("if=");
    argument.push(path);
    let mut command = Command::new("dd");
    command.arg(argument).args(["iflag=nocache", "count=0"]).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Blocks of a stream with one packing and codec, as they are stored.
struct Group {
    packing: Packing,
    codec: Codec,
    blocks: Vec<(BlockEntry, Vec<u8>)>,
    stored: usize,
    decoded: usize,
}

/// Decoding by packing and codec: the engine with its checks, the codec and packing alone, a copy. The seconds that the latter would take for all blocks.
fn decoding(path: &Path, database: &Database, kind: StreamKind, out: &mut impl Write) -> Outcome<f64> {
    let Some(stream) = Stream::find(database.container(), kind) else { return Ok(0.0) };
    let storage = Storage::open(path, &MemorySettings::default())?;
    let dictionaries = dictionaries(database, &storage)?;
    let mut groups: Vec<Group> = Vec::new();
    for number in 0..stream.directory.item_count {
        let Some(entry) = database.directory_entry(kind, number)? else { continue };
        let (packing, codec) = (Packing::from_byte(entry.packing)?, Codec::from_byte(entry.codec)?);
        let at =
            groups.iter().position(|group| group.packing == packing && group.codec == codec).unwrap_or_else(|| {
                groups.push(Group { packing, codec, blocks: Vec::new(), stored: 0, decoded: 0 });
                groups.len() - 1
            });
        let group = &mut groups[at];
        if group.stored < BLOCKS {
            let stored =
                storage.bytes(stream.blocks.offset + entry.offset.get(), entry.stored_length.get() as usize)?;
            group.stored += stored.len();
            group.decoded += entry.decoded_length.get() as usize;
            group.blocks.push((entry, stored.into_owned()));
        }
    }
    let mut total = 0.0;
    let known = database.block_groups(kind)?;
    for group in &groups {
        let name = format!("{} of {} and {}", kind.name(), group.packing.name(), group.codec.name());
        let speed = |seconds: f64| group.decoded as f64 / seconds / 1e9;
        let checked = time(|| {
            for (number, (entry, stored)) in group.blocks.iter().enumerate() {
                let place = Place { path, stream: kind.name(), block: number as u64 };
                block::check(entry, stored, place)?;
                black_box(block::decode(entry, stored, dictionary_of(&dictionaries, entry), place)?);
            }
            Ok(())
        })?;
        let mut buffers = [Vec::new(), Vec::new()];
        let alone = time(|| {
            for (entry, stored) in &group.blocks {
                decode_alone(group, entry, stored, dictionary_of(&dictionaries, entry), &mut buffers)?;
            }
            Ok(())
        })?;
        let source =
            vec![b'A'; group.blocks.iter().map(|(entry, _)| entry.decoded_length.get() as usize).max().unwrap_or(0)];
        let mut target = source.clone();
        let copied = time(|| {
            for (entry, _) in &group.blocks {
                let length = entry.decoded_length.get() as usize;
                target[..length].copy_from_slice(black_box(&source[..length]));
                black_box(&target);
            }
            Ok(())
        })?;
        writeln!(out, "decode {name}, checked\t{:.3}\tGB/s", speed(checked))?;
        writeln!(out, "decode {name}, codec alone\t{:.3}\tGB/s", speed(alone))?;
        writeln!(out, "decode {name}, copy of memory\t{:.3}\tGB/s", speed(copied))?;
        let of = known.iter().filter(|known| known.packing == group.packing && known.codec == group.codec);
        total += alone * of.map(|known| known.decoded).sum::<u64>() as f64 / group.decoded as f64;
    }
    Ok(total)
}

/// Without checksum, checks of lengths, or a buffer made anew.
fn decode_alone(
    group: &Group,
    entry: &BlockEntry,
    stored: &[u8],
    dictionary: Option<&Dictionary>,
    buffers: &mut [Vec<u8>; 2],
) -> Outcome<()> {
    let [payload, residues] = buffers;
    let length = entry.decoded_length.get() as usize;
    residues.resize(length.max(residues.len()), 0);
    let packed = group.packing != Packing::Bytes;
    let compressed = if packed && group.codec != Codec::None { &stored[4..] } else { stored };
    if group.codec == Codec::None {
        if packed {
            packing::unpack(compressed, group.packing, &mut residues[..length])?;
        } else {
            residues[..length].copy_from_slice(compressed);
        }
        black_box(residues);
        return Ok(());
    }
    let out = if packed { &mut *payload } else { &mut *residues };
    out.resize(length.max(out.len()), 0);
    let count = match group.codec {
        Codec::Lz4 => lz4_flex::block::decompress_into(compressed, out)?,
        _ => {
            let out = &mut out[..];
            let decompressed = CONTEXTS.with_borrow_mut(|[plain, trained]| match dictionary {
                Some(dictionary) => trained.decompress_using_ddict(out, compressed, dictionary),
                None => plain.decompress(out, compressed),
            });
            decompressed.map_err(zstd_safe::get_error_name)?
        }
    };
    if packed {
        packing::unpack(&payload[..count], group.packing, &mut residues[..length])?;
    }
    black_box(residues);
    Ok(())
}

thread_local! {
    /// For frames without a dictionary and for those with one.
    static CONTEXTS: RefCell<[zstd_safe::DCtx<'static>; 2]> =
        RefCell::new([zstd_safe::DCtx::create(), zstd_safe::DCtx::create()]);
}

/// The dictionaries of a container, ready for use.
fn dictionaries(database: &Database, storage: &Storage) -> Outcome<Vec<Dictionary>> {
    let section = |kind| database.container().section(kind);
    let directory = section(SectionKind::DictionaryDirectory).zip(section(SectionKind::DictionaryBytes));
    let Some((directory, content)) = directory else { return Ok(Vec::new()) };
    let mut made = Vec::new();
    for entry in storage.bytes(directory.offset, directory.length as usize)?.chunks_exact(size_of::<DictionaryEntry>())
    {
        let entry = DictionaryEntry::read_from_bytes(entry).map_err(|_| "a dictionary is cut short")?;
        let bytes = storage.bytes(content.offset + entry.offset.get(), entry.length.get() as usize)?;
        made.push(Dictionary::try_create(&bytes).ok_or("a dictionary cannot be used")?);
    }
    Ok(made)
}

fn dictionary_of<'a>(dictionaries: &'a [Dictionary], entry: &BlockEntry) -> Option<&'a Dictionary> {
    usize::from(entry.dictionary.get()).checked_sub(1).and_then(|number| dictionaries.get(number))
}

/// All records, with one thread and with as many as there are; `alone` is what decoding all blocks takes with nothing around it.
fn scans(database: &Database, alone: f64, out: &mut impl Write) -> Outcome<()> {
    let mut single = 0.0;
    let available = std::thread::available_parallelism()?.get();
    for threads in [1, available] {
        let workers = Workers::start(threads, database.budget(), &MemorySettings::default())?;
        let visit = || {
            database.scan(|record| {
                black_box(record.residues);
                Ok(())
            })
        };
        let seconds = time(|| Ok(workers.install(visit)?))?;
        let speed = database.residue_count() as f64 / seconds / 1e9;
        if threads == 1 {
            single = seconds;
            writeln!(out, "scan with one thread\t{speed:.3}\tGB/s")?;
        } else {
            writeln!(out, "scan with {threads} threads, a thread\t{:.3}\tGB/s", speed / threads as f64)?;
        }
        let groups = database.block_groups(StreamKind::Sequence)?;
        let share = |packed: bool| {
            let of = |group: &&talaria_db::read::stats::BlockGroup| {
                if packed {
                    group.packing != Packing::Bytes && group.codec == Codec::None
                } else {
                    group.codec == Codec::Zstd
                }
            };
            groups.iter().filter(of).map(|group| group.decoded).sum::<u64>() * 2
                > groups.iter().map(|group| group.decoded).sum::<u64>()
        };
        if threads == available && share(true) {
            writeln!(out, "scan, packed\t{:.3}\tGB/s", speed / threads as f64)?;
        }
        if threads == 1 && share(false) {
            writeln!(out, "scan over codec\t{:.3}\tof the codec", alone / single)?;
        }
    }
    Ok(())
}
