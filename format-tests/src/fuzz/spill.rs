//! Temporary files that change under who reads them: what comes back is what was written, or an error, and never
//! something else.
//!
//! The files have no names; this process finds them among its own descriptors, and changes them there.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use arbitrary::Unstructured;
use talaria_db::memory::budget::Budget;
use talaria_db::write::spill::{Sorter, Spill, SpillBuffer};

use super::{below, one_of, value};

/// The least memory of a sorter, about.
const MEMORY: usize = 330 << 10;

/// See the module.
pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spill = Spill::new(Budget::new(8 << 20), folder.path().to_path_buf(), Some(16 << 20));
    // How far records are from each other: those that are near compress.
    let spread = one_of(&mut input, &[1, 7, 1 << 20, u64::MAX]);
    if below(&mut input, 2) == 0 {
        sorter(&mut input, &spill, spread);
    } else {
        buffer(&mut input, &spill, spread);
    }
    assert_eq!((spill.bytes_on_disk(), spill.budget().in_use()), (0, 0), "something is not given back");
}

fn numbers(count: usize, spread: u64) -> impl Iterator<Item = u64> {
    // The multiplier of Knuth's MMIX: any order will do, as long as it is the same every time.
    (0..count as u64).map(move |number| number.wrapping_mul(6_364_136_223_846_793_005) % spread)
}

fn sorter(input: &mut Unstructured<'_>, spill: &Spill, spread: u64) {
    let count = one_of(input, &[60_000, 0, 100, 30_000]);
    let mut sorter = Sorter::new(spill, "records", MEMORY).expect("memory");
    let mut expected: Vec<(u64, u64)> = numbers(count, spread).zip(0..).collect();
    for &record in &expected {
        sorter.push(record).expect("a sound file");
    }
    expected.sort_unstable();
    change(input, spill.folder());
    let Ok(sorted) = sorter.finish() else { return };
    change(input, spill.folder());
    let mut expected = expected.into_iter();
    for record in sorted {
        let Ok(record) = record else { return };
        assert_eq!(Some(record), expected.next());
    }
    assert_eq!(expected.next(), None, "records are lost");
}

fn buffer(input: &mut Unstructured<'_>, spill: &Spill, spread: u64) {
    let count = one_of(input, &[30_000, 0, 100, 8192]);
    let expected: Vec<u8> = numbers(count, spread).flat_map(u64::to_le_bytes).collect();
    let mut buffer = SpillBuffer::new(spill, "bytes", one_of(input, &[0, 128 << 10])).expect("memory");
    for piece in expected.chunks(1 + below(input, 1 << 16)) {
        buffer.write(piece).expect("a sound file");
    }
    change(input, spill.folder());
    let Ok(mut reader) = buffer.into_reader() else { return };
    change(input, spill.folder());
    let mut bytes = Vec::new();
    let read = reader.read_to_end(&mut bytes);
    assert!(expected.starts_with(&bytes), "other bytes come back");
    assert!(read.is_err() || bytes.len() == expected.len(), "bytes are lost");
}

/// Changes bytes of the files of a folder, or cuts one short.
fn change(input: &mut Unstructured<'_>, folder: &Path) {
    let files = files_of(folder);
    for _ in 0..below(input, 5) {
        let (Ok(at), Ok(value)) = (input.arbitrary::<u64>(), value(input)) else { return };
        for file in &files {
            let length = file.metadata().expect("an open file").len();
            match below(input, 8) {
                0 => file.set_len(at % (length + 1)).expect("an open file"),
                _ if length > 0 => file.write_all_at(&value, at % length).expect("an open file"),
                _ => {}
            }
        }
    }
}

/// The files of this process that lie in a folder, with a name or without.
fn files_of(folder: &Path) -> Vec<File> {
    let open =
        fs::read_dir("/proc/self/fd").expect("the descriptors of this process").flatten().map(|entry| entry.path());
    let is_there = |path: &std::path::PathBuf| fs::read_link(path).is_ok_and(|target| target.starts_with(folder));
    let again = |path: std::path::PathBuf| OpenOptions::new().read(true).write(true).open(path).ok();
    open.filter(is_there)
        .filter_map(again)
        .filter(|file| file.metadata().is_ok_and(|metadata| metadata.is_file()))
        .collect()
}
