//! Hostile files: every byte of every structure is changed and all checksums above it are made to fit, so that only
//! the rules stand between the change and the reader. Nothing may panic, run away or take more memory than the
//! budget; what is answered may be another file's truth.
#![expect(clippy::print_stderr, reason = "counts are a part of what this test is run for")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use talaria_db::read::stream::StreamKind;
use talaria_db_format_tests::draft::Draft;
use talaria_db_format_tests::exercise::{MOST_TEXT, everything};
use talaria_db_format_tests::expected::Expected;
use talaria_db_format_tests::fixtures;
use talaria_db_format_tests::image::Image;
use talaria_db_format_tests::ladder;
use talaria_db_spec::header::Header;
use talaria_db_spec::section::SectionKind;
use zerocopy::{FromBytes, IntoBytes};

/// Containers with every kind of structure that a writer of version 1 makes.
const SEEDS: [&str; 9] = [
    "0011-shared",
    "0019-long-record",
    "0009-irregular-layout",
    "0022-lz4-two-bit",
    "0026-columns",
    "0028-deltas",
    "0034-packed-membership",
    "0029-deltas-dna",
    "0037-compact-membership",
];

/// Opens a file and does all that can be done with it.
fn exercise(bytes: Vec<u8>, expected: &Expected) {
    let text = everything(bytes, Some(expected), MOST_TEXT);
    assert!(text <= MOST_TEXT, "{text} bytes of text");
}

/// Calls `change` for every place below `count`, and says at which ones it panics.
fn at_each_place(name: &str, count: usize, change: impl Fn(usize)) {
    eprintln!("{name}: {count} places");
    let panics = |at: &usize| catch_unwind(AssertUnwindSafe(|| change(*at))).is_err();
    let places: Vec<usize> = (0..count).filter(panics).collect();
    assert!(places.is_empty(), "{name}: panics at {places:?}");
}

fn subjects() -> impl Iterator<Item = (&'static str, Vec<u8>, Expected)> {
    SEEDS.into_iter().map(|name| {
        let rung = ladder::find(name);
        (name, rung.container(), Expected::of_fasta(&rung.fasta()))
    })
}

#[test]
fn headers_and_tables() {
    for (name, bytes, expected) in subjects() {
        for mask in [0x01, 0x80, 0xFF] {
            at_each_place(name, size_of::<Header>(), |at| {
                let mut image = Image::new(bytes.clone());
                let mut header = image.header().as_bytes().to_vec();
                header[at] ^= mask;
                image.change_header(|sealed| *sealed = Header::read_from_bytes(&header).unwrap());
                exercise(image.into_bytes(), &expected);
            });
            let table = Image::new(bytes.clone()).entries().as_bytes().len();
            at_each_place(name, table, |at| {
                let mut image = Image::new(bytes.clone());
                image.change_table(|entries| entries.as_mut_bytes()[at] ^= mask);
                exercise(image.into_bytes(), &expected);
            });
        }
    }
}

/// Changes each byte of those sections of a container whose kinds are `meant`.
fn sections(name: &str, bytes: &[u8], expected: &Expected, meant: impl Fn(u32) -> bool) {
    let draft = Draft::parse(bytes);
    for (index, part) in draft.parts.iter().enumerate().filter(|(_, part)| meant(part.entry.kind.get())) {
        at_each_place(&format!("{name}, section {}", part.entry.kind), part.bytes.len(), |at| {
            for mask in [0x01, 0xFF] {
                let mut draft = draft.clone();
                draft.parts[index].bytes[at] ^= mask;
                exercise(draft.assemble().into_bytes(), expected);
            }
        });
    }
}

#[test]
fn columns_directories_and_indexes() {
    for (name, bytes, expected) in subjects() {
        sections(name, &bytes, &expected, |_| true);
    }
}

/// Nothing writes it any more, and it is read for ever.
#[test]
fn membership_as_an_item_a_record() {
    for name in ["v1-0028-deltas-listed", "v1-0030-unrepresented-listed", "v1-0034-packed-listed"] {
        let path = fixtures::corpus().join("compat").join(name);
        let (bytes, fasta) = ["talaria", "fa"].map(|end| fixtures::read(&path.with_extension(end))).into();
        let lists = [SectionKind::Membership, SectionKind::Members].map(SectionKind::number);
        sections(name, &bytes, &Expected::of_fasta(&fasta), |kind| lists.contains(&kind));
    }
}

#[test]
fn blocks() {
    for (name, bytes, expected) in subjects() {
        let draft = Draft::parse(&bytes);
        let has =
            |stream: &StreamKind| draft.parts.iter().any(|part| part.entry.kind.get() == stream.sections().0.number());
        for stream in StreamKind::ALL.into_iter().filter(has) {
            for number in 0..draft.blocks(stream).len() {
                let stored = draft.blocks(stream)[number].stored.len();
                at_each_place(&format!("{name}, {} block {number}", stream.name()), stored, |at| {
                    for mask in [0x01, 0xFF] {
                        let mut draft = draft.clone();
                        draft.edit_blocks(stream, |blocks| blocks[number].stored[at] ^= mask);
                        exercise(draft.assemble().into_bytes(), &expected);
                    }
                });
            }
        }
    }
}
