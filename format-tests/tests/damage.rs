//! Damage: no prefix of a container opens, and no flipped bit goes unnoticed or leads to a wrong residue.
#![expect(clippy::panic, reason = "in the helpers of tests a fault is a failed test")]
#![expect(clippy::print_stderr, reason = "counts are a part of what this test is run for")]

use std::thread;

use talaria_db::read::storage::Access;
use talaria_db::read::verify::Level;
use talaria_db_format_tests::expected::Expected;
use talaria_db_format_tests::{ladder, outcome};

/// Golden containers of which every byte is damaged: proteins with names of all kinds, packed DNA with a record over
/// several blocks, irregular layout, a compressed block, and deltas.
const SEEDS: [&str; 7] = [
    "0014-database-ids",
    "0019-long-record",
    "0009-irregular-layout",
    "0022-lz4-two-bit",
    "0028-deltas",
    "0034-packed-membership",
    "0029-deltas-dna",
];

/// A sound container, and what it must answer.
struct Subject {
    name: &'static str,
    bytes: Vec<u8>,
    expected: Expected,
}

fn subjects() -> Vec<Subject> {
    let subject = |name| {
        let rung = ladder::find(name);
        Subject { name, bytes: rung.container(), expected: Expected::of_fasta(&rung.fasta()) }
    };
    SEEDS.into_iter().map(subject).collect()
}

impl Subject {
    /// What is wrong with how damage to byte `at` is dealt with.
    fn check(&self, at: usize, mask: u8) -> Result<(), String> {
        let mut bytes = self.bytes.clone();
        bytes[at] ^= mask;
        let Ok(database) = outcome::small_options().from_bytes(bytes) else { return Ok(()) };
        self.expected.compare(&database, false)?;
        let verification = database.verify(Level::Everything).map_err(|error| error.to_string())?;
        if verification.is_sound() { Err("the full check finds nothing".to_owned()) } else { Ok(()) }
    }

    /// [`Subject::check`] of every byte, on two threads.
    fn check_all(&self, mask: u8) {
        eprintln!("{}: {} bytes xor {mask:#04x}", self.name, self.bytes.len());
        let (left, right) = (0..self.bytes.len()).partition::<Vec<usize>, _>(|at| at % 2 == 0);
        thread::scope(|scope| {
            for places in [left, right] {
                scope.spawn(move || {
                    for at in places {
                        if let Err(reason) = self.check(at, mask) {
                            panic!("{}: byte {at} xor {mask:#04x}: {reason}", self.name);
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn sound_containers_answer_as_their_fasta_says() {
    for subject in subjects() {
        let database = outcome::open(&subject.bytes);
        assert_eq!(subject.expected.compare(&database, true), Ok(()), "{}", subject.name);
        assert_eq!(outcome::problems(&database), Vec::<String>::new(), "{}", subject.name);
    }
}

// EVIDENCE: F-1, H-8, T-1
#[test]
fn no_prefix_opens() {
    for subject in subjects() {
        eprintln!("{}: {} prefixes", subject.name, subject.bytes.len());
        for length in 0..subject.bytes.len() {
            let opened = outcome::small_options().from_bytes(subject.bytes[..length].to_vec());
            assert!(opened.is_err(), "{}: the first {length} bytes open", subject.name);
        }
    }
}

// EVIDENCE: F-2, H-2, T-2, S-9, B-3
#[test]
fn no_flip_of_the_lowest_bit_goes_unnoticed_or_gives_a_wrong_answer() {
    for subject in subjects() {
        subject.check_all(0x01);
    }
}

#[test]
fn no_flip_of_a_whole_byte_goes_unnoticed_or_gives_a_wrong_answer() {
    for subject in subjects() {
        subject.check_all(0xFF);
    }
}

#[test]
fn no_flip_of_any_bit_goes_unnoticed_or_gives_a_wrong_answer() {
    let subject = subjects().into_iter().next().expect("a subject");
    for bit in 0..8 {
        // A prime distance, so that every field is met with some of its bits.
        for at in (bit..subject.bytes.len()).step_by(13) {
            assert_eq!(subject.check(at, 1 << bit), Ok(()), "byte {at} bit {bit}");
        }
    }
}

#[test]
fn files_are_as_safe_as_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.talaria");
    for subject in subjects() {
        for at in (0..subject.bytes.len()).step_by(61) {
            let mut bytes = subject.bytes.clone();
            bytes[at] ^= 0x10;
            for access in [Access::Map, Access::Read] {
                // A new file each time: what is mapped must not change.
                let _ = std::fs::remove_file(&path);
                std::fs::write(&path, &bytes).unwrap();
                let Ok(database) = outcome::small_options().access(access).open(&path) else { continue };
                assert_eq!(subject.expected.compare(&database, false), Ok(()), "{}: byte {at}", subject.name);
                assert!(!database.verify(Level::Everything).unwrap().is_sound(), "{}: byte {at}", subject.name);
            }
        }
    }
}
