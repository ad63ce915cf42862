//! Files of which one byte was changed and all checksums above it made to fit: only the rules tell, and both readers
//! must hear the same.

use std::path::PathBuf;

use talaria_db::read::stream::StreamKind;
use talaria_db_format_tests::draft::Draft;
use talaria_db_format_tests::image::Image;
use talaria_db_format_tests::{fixtures, ladder, outcome};
use talaria_db_spec::header::Header;
use zerocopy::{FromBytes, IntoBytes};

use crate::{answers, ask, asked_of_both, is_there};

/// Containers with every kind of structure that a writer of version 1 makes.
const SEEDS: [&str; 8] = [
    "0009-irregular-layout",
    "0011-shared",
    "0022-lz4-two-bit",
    "0026-columns",
    "0028-deltas",
    "0029-deltas-dna",
    "0033-packed-columns",
    "0034-packed-membership",
];

/// Of so many changes one is made, unless [`ALL`] is set.
const STEP: usize = 23;

/// Set to `1`, this makes all changes.
const ALL: &str = "TALARIA_ALL_CHANGES";

/// What is exclusive-ored.
const MASKS: [u8; 3] = [0x01, 0x80, 0xFF];

/// Changes that are made, each with a description.
struct Changed {
    passed: usize,
    step: usize,
    files: Vec<(String, Vec<u8>)>,
}

impl Changed {
    /// Changes of every `STEP`th of so many bytes.
    fn each(&mut self, what: &str, bytes: usize, make: impl Fn(usize, u8) -> Vec<u8>) {
        for (at, mask) in (0..bytes).flat_map(|at| MASKS.map(|mask| (at, mask))) {
            self.passed += 1;
            if self.passed.is_multiple_of(self.step) {
                self.files.push((format!("{what}, byte {at} ^ {mask:#x}"), make(at, mask)));
            }
        }
    }

    /// Changes in header, table, sections and blocks.
    fn of(name: &str) -> Vec<(String, Vec<u8>)> {
        let step = if fixtures::is_writing(ALL) { 1 } else { STEP };
        let mut changed = Self { passed: 0, step, files: Vec::new() };
        let bytes = ladder::find(name).container();
        let draft = Draft::parse(&bytes);
        changed.each(&format!("{name}: header"), size_of::<Header>(), |at, mask| {
            let mut image = Image::new(bytes.clone());
            let mut header = image.header().as_bytes().to_vec();
            header[at] ^= mask;
            image.change_header(|sealed| *sealed = Header::read_from_bytes(&header).unwrap());
            image.into_bytes()
        });
        let table = Image::new(bytes.clone()).entries().as_bytes().len();
        changed.each(&format!("{name}: table"), table, |at, mask| {
            let mut image = Image::new(bytes.clone());
            image.change_table(|entries| entries.as_mut_bytes()[at] ^= mask);
            image.into_bytes()
        });
        for (index, part) in draft.parts.iter().enumerate() {
            changed.each(&format!("{name}: section {}", part.entry.kind), part.bytes.len(), |at, mask| {
                let mut draft = draft.clone();
                draft.parts[index].bytes[at] ^= mask;
                draft.assemble().into_bytes()
            });
        }
        let has =
            |stream: &StreamKind| draft.parts.iter().any(|part| part.entry.kind.get() == stream.sections().0.number());
        for stream in StreamKind::ALL.into_iter().filter(has) {
            for (number, block) in draft.blocks(stream).iter().enumerate() {
                changed.each(&format!("{name}: {} block {number}", stream.name()), block.stored.len(), |at, mask| {
                    let mut draft = draft.clone();
                    draft.edit_blocks(stream, |blocks| blocks[number].stored[at] ^= mask);
                    draft.assemble().into_bytes()
                });
            }
        }
        changed.files
    }
}

#[test]
fn changed_files_are_judged_alike() {
    if !is_there() {
        return;
    }
    let (mut wrong, mut sound, mut refused) = (Vec::new(), 0, 0);
    for seed in SEEDS {
        let folder = tempfile::tempdir().unwrap();
        let changed = Changed::of(seed);
        let files: Vec<PathBuf> = (0..changed.len()).map(|index| folder.path().join(index.to_string())).collect();
        for (file, (_, bytes)) in files.iter().zip(&changed) {
            fixtures::write(file, bytes);
        }
        for ((what, bytes), second) in changed.iter().zip(ask("answers", &files)) {
            let first = outcome::broken_rules(bytes);
            match (first.is_empty(), second) {
                (false, Err(_)) => refused += 1,
                (true, Ok(second)) => {
                    let database = outcome::open(bytes);
                    sound += 1;
                    if asked_of_both(&database, second) != answers(&database) {
                        wrong.push(format!("{what}: other answers"));
                    }
                }
                (_, second) => wrong.push(format!("{what}: {first:?}, but {:?}", second.err())),
            }
        }
    }
    eprintln!("{refused} changed files are refused by both, {sound} are sound to both");
    assert!(wrong.is_empty(), "{} files:\n{}", wrong.len(), wrong.join("\n"));
}
