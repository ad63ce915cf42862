//! A file that changes under its index gives errors, not residues from elsewhere.

use std::fs;
use std::os::unix::fs::FileExt;

use super::*;
use crate::error::Error;

const TEXT: &str = ">a first\nACGTACGT\nACGTACGT\nACG\n>b\nAC\n\nGT\n>c\nTTTT\n";

/// What record `ordinal` is after `with` was written over the file at `at`.
fn after(at: u64, with: &str, ordinal: u64) -> Result<String> {
    let (_folder, path) = write(TEXT);
    let fasta = open_read(&path).unwrap();
    fs::File::options().write(true).open(&path).unwrap().write_all_at(with.as_bytes(), at).unwrap();
    let record = fasta.record(ordinal)?;
    Ok(String::from_utf8_lossy(record.sequence()).into_owned())
}

#[test]
fn lines_that_moved_are_noticed() {
    let at = |text: &str| TEXT.find(text).unwrap() as u64;
    let noticed = [
        (0, "x", 0),
        (at(" first"), "\nAAAAA\n", 0),
        (at("first\n"), "firsttA", 0),
        (at("ACGTACGT\n") + 3, "\n", 0),
        (at("ACGTACGT\n") + 8, "A", 0),
        (at("ACGTACGT\n") + 9, ">", 0),
        (at("ACGTACGT\n") + 9, ";", 0),
        (at("ACG\n>") + 1, " ", 0),
        (at("AC\n\nGT"), ">", 1),
        (at("AC\n\nGT"), "\0", 1),
        (at("AC\n\nGT"), "\n\n", 1),
    ];
    for (at, with, ordinal) in noticed {
        assert!(matches!(after(at, with, ordinal), Err(Error::Index { .. })), "{with:?} at {at}");
        assert!(after(at, with, 2).is_ok(), "{with:?} at {at} is not in the last record");
    }
    assert_eq!(after(at("TTTT"), "GG", 2).unwrap(), "GGTT", "residues have no checksum");
}

#[test]
fn a_file_that_was_cut_short_is_noticed() {
    let (_folder, path) = write(TEXT);
    let fasta = open_read(&path).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(20).unwrap();
    assert!(matches!(fasta.record(2), Err(Error::Io { .. })));
    assert!(fasta.find("c").is_err());
}
