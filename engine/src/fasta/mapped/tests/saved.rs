//! The index beside the file: whole, damaged, old, or of something else.

use std::fs;
use std::time::{Duration, SystemTime};

use super::*;
use crate::error::Error;

const TEXT: &str = ">sp|P1.2|N_X one\nMKVL\nMK\n>b\nAC GT\n>c\nACGT\n";

/// A file with its index saved; the index's path.
fn saved(text: &str) -> (TempDir, PathBuf, PathBuf) {
    let (folder, path) = write(text);
    let index = open(&path).unwrap().save_index().unwrap();
    (folder, path, index)
}

/// Why the saved index was not used.
fn why(path: &Path) -> String {
    let fasta = open(path).unwrap();
    assert_eq!(fasta.find("N_X").unwrap(), [0]);
    match fasta.index_origin() {
        IndexOrigin::Remade(error) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_index_of_another_state_is_not_used() {
    let (_folder, path, index) = saved(TEXT);
    assert_eq!(index.file_name().unwrap(), "x.fasta.talaria-index");
    let modified = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let set = |path: &Path, time: SystemTime| {
        fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap()
    };
    let before = modified(&path);
    fs::write(&path, format!("{TEXT}>d\n")).unwrap();
    set(&path, before);
    assert!(why(&path).ends_with("belongs to an earlier state of the FASTA file"));
    fs::write(&path, TEXT.replace("ACGT", "ACCT")).unwrap();
    set(&path, before);
    assert!(why(&path).ends_with("belongs to an earlier state of the FASTA file"), "samples");
    fs::write(&path, TEXT).unwrap();
    set(&path, before + Duration::from_nanos(1000));
    assert!(why(&path).ends_with("belongs to an earlier state of the FASTA file"), "time");
    set(&path, before);
    assert!(matches!(open(&path).unwrap().index_origin(), IndexOrigin::Saved));
    let fasta = open(&path).unwrap();
    fs::write(&path, TEXT).unwrap();
    set(&path, before + Duration::from_secs(9));
    let made = open(&path).unwrap();
    set(&path, before);
    assert!(matches!(made.save_index(), Err(Error::Index { .. })), "the file changed since it was opened");
    assert_eq!(fasta.save_index().unwrap(), index);
}

#[test]
fn a_damaged_index_gives_an_error_or_the_truth() {
    let (_folder, path, index) = saved(TEXT);
    let whole = fs::read(&index).unwrap();
    let truth: Vec<_> = (0..3).map(|ordinal| open(&path).unwrap().record(ordinal).unwrap()).collect();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&index, &damaged).unwrap();
        let fasta = open(&path).unwrap();
        let is_new = matches!(fasta.index_origin(), IndexOrigin::Remade(Error::Index { .. }));
        let mut errors = 0;
        for (ordinal, expected) in (0..).zip(&truth) {
            match fasta.record(ordinal) {
                Ok(record) => assert_eq!(record, *expected, "byte {at}"),
                Err(error) => {
                    assert!(error.to_string().contains("talaria-index: is damaged"), "{error}");
                    errors += 1;
                }
            }
            match fasta.find(expected.id()) {
                Ok(found) => assert_eq!(found, [ordinal], "byte {at}"),
                Err(_) => errors += 1,
            }
        }
        assert!(is_new || errors > 0, "byte {at} is covered by nothing");
    }
    for length in 0..whole.len() {
        fs::write(&index, &whole[..length]).unwrap();
        why(&path);
    }
    fs::write(&index, [&whole[..], b"x"].concat()).unwrap();
    why(&path);
    fs::remove_file(&index).unwrap();
    fs::create_dir(&index).unwrap();
    why(&path);
}

/// Checksums that are right do not make an index true.
#[test]
fn a_hostile_index_gives_an_error_or_the_truth() {
    use talaria_db_spec::checksum::crc32;

    let (_folder, path, index) = saved(TEXT);
    let whole = fs::read(&index).unwrap();
    let truth: Vec<_> = (0..3).map(|ordinal| open(&path).unwrap().record(ordinal).unwrap()).collect();
    let header = size_of::<[u8; 80]>();
    let entries = header + 8..header + 8 + 72;
    for at in entries.start..whole.len() {
        for value in [0, 1, 2, 5, 0x7F, 0xFF] {
            let mut hostile = whole.clone();
            hostile[at] = value;
            let sums =
                [crc32(&hostile[entries.clone()]).to_le_bytes(), crc32(&hostile[entries.end..]).to_le_bytes()].concat();
            hostile[header..header + 8].copy_from_slice(&sums);
            hostile[header - 8..header - 4].copy_from_slice(&crc32(&sums).to_le_bytes());
            let sum = crc32(&hostile[..header - 4]).to_le_bytes();
            hostile[header - 4..header].copy_from_slice(&sum);
            fs::write(&index, &hostile).unwrap();
            let fasta = open(&path).unwrap();
            assert!(matches!(fasta.index_origin(), IndexOrigin::Saved), "{:?}", fasta.index_origin());
            for (ordinal, expected) in (0..).zip(&truth) {
                // Whatever comes out is in the file; it never panics, hangs, or takes more memory than the budget has.
                if let Ok(found) = fasta.find(expected.id()) {
                    assert!(found.len() <= 1);
                }
                if let Ok(record) = fasta.record(ordinal) {
                    assert!(record.sequence().iter().all(|residue| TEXT.as_bytes().contains(residue)));
                }
            }
        }
    }
}
