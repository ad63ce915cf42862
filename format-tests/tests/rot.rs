//! Bytes that changed by themselves, anywhere in a container of some megabytes: is each noticed, and is no answer
//! wrong?
//!
//! Each run of the suite changes a hundred and twenty; `TALARIA_CHANGES=100000` that many.
#![expect(clippy::unwrap_used, reason = "in the helpers of tests a fault is a failed test")]

use std::thread;

use talaria_db::read::verify::Level;
use talaria_db::{Builder, Compression, Database, OpenOptions, Order};

/// Changes where the environment names no other number.
const CHANGES: u64 = 120;
const RECORDS: u64 = 3000;

/// A new number for each, the same in each run.
fn mix(number: u64) -> u64 {
    let mixed = (number ^ number >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 8
}

/// Every third record is much like the one before it, and one in fifty the same.
fn residues(ordinal: u64) -> Vec<u8> {
    let original = match ordinal {
        _ if ordinal.is_multiple_of(50) => 7,
        _ if ordinal % 3 == 2 => ordinal - 1,
        _ => ordinal,
    };
    let letter = |index: u64| {
        let changed = ordinal != original && !ordinal.is_multiple_of(50) && index.is_multiple_of(40);
        b"ACDEFGHIKLMNPQRSTVWY"[(mix(original << 20 | index << 1 | u64::from(changed)) % 20) as usize]
    };
    (0..200 + mix(original) % 800).map(letter).collect()
}

fn header(ordinal: u64) -> String {
    format!("record{ordinal} number {} of {RECORDS}", ordinal + 1)
}

fn built(builder: impl FnOnce(Builder<'static>) -> Builder<'static>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rot.talaria");
    let records = (0..RECORDS).map(|ordinal| (header(ordinal).into_bytes(), residues(ordinal)));
    builder(Builder::new(&path)).add_records("made", records).finish().unwrap();
    std::fs::read(path).unwrap()
}

fn open(bytes: Vec<u8>) -> talaria_db::Result<Database> {
    OpenOptions::new().cache(1 << 20).from_bytes(bytes)
}

/// Whether a change is told when the file is opened, by a record that is asked for, or by the check of everything; and
/// that no record is another.
fn judge(bytes: Vec<u8>, expected: &[Vec<u8>], change: u64) -> &'static str {
    let Ok(database) = open(bytes) else { return "opened" };
    let mut told = false;
    for ordinal in 0..RECORDS {
        let record = database.record(ordinal);
        let answer = record.map(|record| (record.header().as_bytes().to_vec(), record.sequence().as_bytes().to_vec()));
        match answer {
            Ok((text, sequence)) => {
                assert_eq!(String::from_utf8_lossy(&text), header(ordinal), "change {change}");
                assert!(sequence == expected[ordinal as usize], "change {change}: record {ordinal}");
            }
            Err(_) => told = true,
        }
        let name = format!("record{ordinal}");
        // A name may be lost with its page, and not become another's.
        if ordinal % 16 == change % 16
            && let Ok(found) = database.get(&name)
        {
            assert!(found.iter().all(|record| record.sequence().as_bytes() == expected[ordinal as usize]), "{name}");
            assert!(!found.is_empty(), "change {change}: {name}");
        }
    }
    let sound = database.verify(Level::Everything).is_ok_and(|verification| verification.is_sound());
    assert!(!sound, "change {change} is not noticed");
    if told { "asked for" } else { "checked" }
}

#[test]
fn changed_bytes_are_noticed_and_give_no_wrong_answer() {
    let changes = std::env::var("TALARIA_CHANGES").map_or(CHANGES, |number| number.parse().unwrap());
    let expected: Vec<Vec<u8>> = (0..RECORDS).map(residues).collect();
    let containers = [
        ("balanced", built(|builder| builder)),
        ("packed letters", built(|builder| builder.compression(Compression::Packed))),
        ("packed columns", built(|builder| builder.order(Order::Similarity).packed_columns(true))),
    ];
    let each = changes / containers.len() as u64;
    for (name, bytes) in &containers {
        let told = thread::scope(|scope| {
            let threads = [0, 1].map(|thread| {
                let (expected, bytes) = (&expected, bytes);
                scope.spawn(move || {
                    let mut told = std::collections::BTreeMap::new();
                    for change in (thread..each).step_by(2) {
                        let mut bytes = bytes.clone();
                        let at = (mix(change << 2) % bytes.len() as u64) as usize;
                        bytes[at] ^= 1 + (mix(change << 2 | 1) % 255) as u8;
                        *told.entry(judge(bytes, expected, change)).or_insert(0_u64) += 1;
                    }
                    told
                })
            });
            threads.map(|thread| thread.join().expect("a thread that ends"))
        });
        eprintln!("{name}, {} bytes: changes told when {told:?}", bytes.len());
    }
}
