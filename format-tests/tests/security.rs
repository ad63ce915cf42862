//! What `SECURITY.md` says of hostile containers and no other test shows, and whether the tests that it names are
//! there.
#![expect(clippy::unwrap_used, reason = "in the helpers of tests a fault is a failed test")]

use std::fs::{self, OpenOptions as FileOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use talaria_db::memory::budget::Budget;
use talaria_db::read::export::ExportOptions;
use talaria_db::read::storage::Access;
use talaria_db::{Builder, Compression, Database, Error};
use talaria_db_format_tests::draft::Draft;
use talaria_db_format_tests::image::Image;
use talaria_db_format_tests::{fixtures, ladder, outcome};
use talaria_db_spec::section::SectionKind;

/// A container with a record of so many residues, in blocks of 16 KiB.
fn long_record(folder: &Path, residues: usize, compression: Compression) -> std::path::PathBuf {
    let (source, output) = (folder.join("long.fa"), folder.join("long.talaria"));
    fixtures::write(&source, [&b">long\n"[..], &b"ACGT".repeat(residues / 4), b"\n"].concat());
    Builder::new(&output).compression(compression).block_size(16 << 10).threads(1).add_fasta(source).finish().unwrap();
    output
}

/// As it is read without a mapping and without a cache that keeps anything.
fn open_to_read(path: &Path) -> Database {
    outcome::small_options().cache(0).access(Access::Read).open(path).unwrap()
}

#[test]
fn the_page_names_tests_that_exist() {
    let root = fixtures::workspace();
    let page = fixtures::read_text(&root.join("format-tests/SECURITY.md"));
    let named: Vec<(&str, &str)> =
        page.split('`').skip(1).step_by(2).filter_map(|word| word.split_once(".rs::")).collect();
    assert!(named.len() > 20, "{}", named.len());
    for (file, test) in named {
        let text = fixtures::read_text(&root.join(format!("{file}.rs")));
        assert!(text.contains(&format!("fn {test}(")), "{file}.rs has no {test}");
    }
}

#[test]
fn a_length_that_the_file_has_no_blocks_for_takes_no_memory() {
    let mut draft = Draft::parse(&ladder::find("0002-one-record").container());
    for length in [1_u64 << 40, 1 << 62, u64::MAX] {
        let part = draft.part_mut(SectionKind::Lengths);
        part.entry.item_size = 8.into();
        part.bytes = length.to_le_bytes().to_vec();
        let budget = Budget::new(16 << 20);
        let database =
            outcome::small_options().budget(budget.clone()).from_bytes(draft.assemble().into_bytes()).unwrap();
        let before = budget.peak();
        let refused = database.record(0).unwrap_err();
        assert_eq!(outcome::rule(&refused), "B-8");
        assert!(budget.peak() - before <= 64 << 10, "memory for {length} residues");
    }
}

#[test]
fn a_record_longer_than_the_budget_is_refused_and_streams() {
    let folder = tempfile::tempdir().unwrap();
    let path = long_record(folder.path(), 8 << 20, Compression::Lz4);
    let budget = Budget::new(4 << 20);
    let database = outcome::small_options().budget(budget.clone()).open(&path).unwrap();
    assert!(matches!(database.record(0), Err(Error::Memory { need, .. }) if need >= 8 << 20));
    let mut residues = 0;
    database
        .for_each_residues(0, 0..8 << 20, |piece| {
            residues += piece.len();
            Ok(())
        })
        .unwrap();
    assert_eq!(residues, 8 << 20);
    assert!(budget.peak() <= budget.limit());
}

/// It is no fault of a file to be repetitive, so what comes out of it is not limited; the memory for that is.
#[test]
fn a_small_file_may_stand_for_much() {
    let folder = tempfile::tempdir().unwrap();
    let path = long_record(folder.path(), 32 << 20, Compression::Zstd(3));
    let stored = fs::metadata(&path).unwrap().len();
    assert!(stored < 1 << 20, "{stored} bytes");
    let budget = Budget::new(16 << 20);
    let database = outcome::small_options().budget(budget.clone()).open(&path).unwrap();
    let mut out = Counted(0);
    database.export(&mut out, &ExportOptions::default()).unwrap();
    assert!(out.0 > 32 << 20 && budget.peak() <= budget.limit());
}

struct Counted(u64);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = long_record(folder.path(), 1 << 20, Compression::None);
    let database = open_to_read(&path);
    FileOptions::new().write(true).open(&path).unwrap().set_len(4096).unwrap();
    assert!(matches!(database.record(0), Err(Error::Io { .. })));
}

#[test]
fn a_block_that_changes_between_two_reads_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = long_record(folder.path(), 1 << 20, Compression::None);
    let database = open_to_read(&path);
    assert!(database.record(0).is_ok());
    let image = Image::new(fixtures::read(&path));
    let at = image.entry(SectionKind::SequenceBlocks).offset.get();
    let file = FileOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[image.bytes()[usize::try_from(at).unwrap()] ^ 1], at).unwrap();
    assert_eq!(outcome::rule(&database.record(0).unwrap_err()), "B-3");
}

/// Checksums are no signature: whoever can write a file can make all of them fit.
#[test]
fn a_file_that_was_changed_and_sealed_anew_is_sound() {
    let mut draft = Draft::parse(&ladder::find("0002-one-record").container());
    let mut provenance = draft.part(SectionKind::Provenance).bytes.clone();
    provenance[..6].copy_from_slice(b"author");
    draft.part_mut(SectionKind::Provenance).bytes = provenance;
    let database = outcome::open(&draft.assemble().into_bytes());
    assert_eq!(outcome::problems(&database), Vec::<String>::new());
    assert_eq!(database.provenance().unwrap()[0].0, "author");
}
