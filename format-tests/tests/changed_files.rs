//! Files that change while they are read: cut short, written over, replaced. Every answer is right or an error, the
//! process lives, and other containers do not notice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

use std::fs::{self, OpenOptions as FileOptions};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use talaria_db::memory::settings::{HugePages, MemorySettings};
use talaria_db::read::verify::Level;
use talaria_db::{Builder, Compression, Database, Error, OpenOptions};

const RECORDS: u64 = 150;
const READERS: usize = 4;
const PAGE: u64 = 4096;
/// The number of SIGBUS where it matters.
const SIGBUS: i32 = 7;

fn residues(seed: u64, ordinal: u64) -> Vec<u8> {
    let mut state = (seed << 32 | ordinal).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let letter = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"ACDEFGHIKLMNPQRSTVWY"[(*state >> 33) as usize % 20]
    };
    (0..100 + ordinal % 200).map(|_| letter(&mut state)).collect()
}

/// A container whose time is not now.
fn build(path: &Path, seed: u64) {
    let records = (0..RECORDS).map(move |ordinal| (format!("r{ordinal}").into_bytes(), residues(seed, ordinal)));
    let builder = Builder::new(path).compression(Compression::None).block_size(1 << 12).threads(1);
    builder.add_records("made", records).finish().unwrap();
    let before = SystemTime::now() - Duration::from_secs(3600);
    FileOptions::new().write(true).open(path).unwrap().set_modified(before).unwrap();
}

fn open(path: &Path, huge_pages: HugePages, cache: u64) -> Database {
    let mut settings = MemorySettings::default();
    settings.mapping.huge_pages = huge_pages;
    OpenOptions::new().memory(settings).guard(true).cache(cache).open(path).unwrap()
}

/// Asks for all records, by name or by number; how many answers were errors, and how many were wrong.
fn ask(database: &Database, seed: u64) -> (u64, u64) {
    let (mut failed, mut wrong) = (0, 0);
    for ordinal in 0..RECORDS {
        let record = match ordinal % 2 {
            0 => database.record(ordinal).map(Some),
            _ => database.get(format!("r{ordinal}")).map(|records| records.into_iter().next()),
        };
        match record {
            Ok(Some(record)) if record.sequence().as_bytes() == residues(seed, ordinal) => {}
            Ok(_) => wrong += 1,
            Err(Error::Io { .. } | Error::Format { .. } | Error::Decode { .. }) => failed += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    (failed, wrong)
}

#[test]
fn a_file_that_is_cut_anywhere_gives_errors_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let [sound, path, other] = ["sound", "cut", "other"].map(|name| folder.path().join(name));
    build(&sound, 1);
    build(&other, 2);
    let other = open(&other, HugePages::Off, 0);
    let length = fs::metadata(&sound).unwrap().len();
    let places = (0..=length / PAGE).flat_map(|page| [(page * PAGE).saturating_sub(1), page * PAGE, page * PAGE + 1]);
    let places: Vec<u64> = places.filter(|place| *place < length).collect();
    eprintln!("{} cuts under {READERS} readers", places.len());
    for (number, place) in places.into_iter().enumerate() {
        let huge_pages = if number % 2 == 0 { HugePages::Off } else { HugePages::Transparent };
        fs::copy(&sound, &path).unwrap();
        let database = open(&path, huge_pages, if number % 3 == 0 { 1 << 20 } else { 0 });
        let (cut, started) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..READERS {
                scope.spawn(|| {
                    loop {
                        let last = cut.load(Ordering::Acquire);
                        let (failed, wrong) = ask(&database, 1);
                        assert_eq!(wrong, 0, "cut at {place}");
                        started.store(true, Ordering::Release);
                        if last {
                            return failed;
                        }
                    }
                });
            }
            while !started.load(Ordering::Acquire) {
                thread::yield_now();
            }
            FileOptions::new().write(true).open(&path).unwrap().set_len(place).unwrap();
            cut.store(true, Ordering::Release);
        });
        // What the cache does not have is gone.
        let end = database.verify(Level::Everything);
        assert!(end.is_err() || end.is_ok_and(|report| !report.is_sound()), "cut at {place}");
        assert!(matches!(database.check_unchanged(), Err(Error::Changed { .. })), "cut at {place}");
        assert_eq!(ask(&other, 2), (0, 0), "cut at {place}");
    }
    other.check_unchanged().unwrap();
}

/// A container that has been read from, and a way to write over it.
fn written_over(folder: &Path, bytes: &[u8], warm: bool, write: impl Fn(&fs::File)) -> (u64, u64) {
    let path = folder.join("changed");
    fs::write(&path, bytes).unwrap();
    FileOptions::new().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let database = open(&path, HugePages::Off, 0);
    database.check_unchanged().unwrap();
    if warm {
        assert_eq!(ask(&database, 3), (0, 0));
    }
    write(&FileOptions::new().write(true).open(&path).unwrap());
    let answers = ask(&database, 3);
    assert!(matches!(database.check_unchanged(), Err(Error::Changed { .. })));
    answers
}

// As when a disk forgets, or a program writes what it should not.
#[test]
fn garbage_is_never_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let sound = folder.path().join("sound");
    build(&sound, 3);
    let bytes = fs::read(&sound).unwrap();
    eprintln!("{} bytes written over", bytes.len().div_ceil(97));
    for (number, place) in (0..bytes.len()).step_by(97).enumerate() {
        let (_, wrong) = written_over(folder.path(), &bytes, number % 2 == 0, |file| {
            file.write_all_at(&[bytes[place] ^ 1 << (number % 8)], place as u64).unwrap();
        });
        assert_eq!(wrong, 0, "byte {place}");
    }
    for (length, warm) in [(100, true), (5000, false), (bytes.len(), true)] {
        let (failed, wrong) = written_over(folder.path(), &bytes, warm, |file| {
            file.write_all_at(&vec![0x55; length], PAGE).unwrap();
        });
        assert!(failed > 0 && wrong == 0, "{length} bytes: {wrong}");
    }
}

// As `cp` and `rsync --inplace` do it: what is read is sound, and of another container; that the file changed is told
// at the end.
#[test]
fn another_container_in_the_same_place_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let [sound, other] = ["sound", "other"].map(|name| folder.path().join(name));
    build(&sound, 3);
    build(&other, 4);
    let [bytes, other] = [sound, other].map(|path| fs::read(path).unwrap());
    for piece in [64, 5000, other.len()] {
        for warm in [false, true] {
            written_over(folder.path(), &bytes, warm, |file| {
                for (index, part) in other.chunks(piece).enumerate() {
                    file.write_all_at(part, (index * piece) as u64).unwrap();
                }
            });
        }
    }
}

#[test]
fn what_is_replaced_by_rename_is_the_old_one_to_whoever_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replaced");
    build(&path, 5);
    let first = open(&path, HugePages::Off, 1 << 20);
    for seed in 6..12 {
        build(&path, seed);
        assert_eq!(ask(&open(&path, HugePages::Off, 0), seed), (0, 0));
        assert_eq!(ask(&first, 5), (0, 0));
        first.check_unchanged().unwrap();
    }
}

/// The handler is for guarded mappings alone: what would have ended the process does.
#[test]
fn a_fault_elsewhere_ends_the_process() {
    const CHILD: &str = "TALARIA_TEST_OF_FAULTS";
    if let Some(folder) = std::env::var_os(CHILD) {
        let [guarded, path] = ["guarded", "cut"].map(|name| Path::new(&folder).join(name));
        build(&guarded, 7);
        build(&path, 8);
        let _guarded = open(&guarded, HugePages::Off, 0);
        let database = OpenOptions::new().cache(0).open(&path).unwrap();
        FileOptions::new().write(true).open(&path).unwrap().set_len(PAGE).unwrap();
        ask(&database, 8);
        std::process::exit(0);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_fault_elsewhere_ends_the_process", "--test-threads=1"]).env(CHILD, folder.path());
    let output = child.output().unwrap();
    assert_eq!(output.status.signal(), Some(SIGBUS), "{output:?}");
}
