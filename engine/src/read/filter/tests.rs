use std::path::Path;

use proptest::prelude::*;
use talaria_db_spec::section::SectionKind;

use super::*;
use crate::fasta::alphabet::Composition;
use crate::memory::budget::Budget;
use crate::read::storage::Access;
use crate::{Builder, OpenOptions};

fn build(path: &Path, sequences: &[Vec<u8>], columns: &[Column]) {
    let records: Vec<_> = sequences.iter().map(|residues| (b"record".to_vec(), residues.clone())).collect();
    let builder = Builder::new(path).columns(columns.iter().copied()).block_size(1024).threads(1);
    builder.add_records("records", records.into_iter()).finish().unwrap();
}

fn found(database: &Database, filter: &Filter) -> Vec<u64> {
    database.select(filter).unwrap().collect::<Result<Vec<_>>>().unwrap().concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    // Against the values and lengths themselves, mapped and read.
    #[test]
    fn as_comparing_one_by_one(
        sequences in prop::collection::vec("[ACGTNacgt]{0,60}", 0..300),
        length in 0_u64..60,
        shares in prop::array::uniform4(0.0_f32..1.0),
    ) {
        let sequences: Vec<Vec<u8>> = sequences.into_iter().map(String::into_bytes).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.talaria");
        build(&path, &sequences, &Column::ALL);
        let [a, b, c, d] = shares;
        let filter = Filter { length: 5..=length, gc_content: Some(a.min(b)..=a.max(b)), complexity: Some(c.min(d)..=1.0) };
        for access in [Access::Map, Access::Read] {
            let database = OpenOptions::new().access(access).open(&path).unwrap();
            let expected = (0..database.len()).filter(|&ordinal| {
                let residues = &sequences[ordinal as usize];
                let gc = Composition::of(residues).gc() as f32;
                assert_eq!(database.gc_content(ordinal).unwrap(), Some(gc));
                let complexity = database.complexity(ordinal).unwrap().unwrap();
                (5..=length).contains(&(residues.len() as u64))
                    && (a.min(b)..=a.max(b)).contains(&gc)
                    && complexity >= c.min(d)
            });
            let expected: Vec<u64> = expected.collect();
            let one_by_one = (0..database.len()).filter(|&ordinal| database.matches(&filter, ordinal).unwrap());
            prop_assert_eq!(one_by_one.collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(found(&database, &filter), expected);
            prop_assert_eq!(found(&database, &Filter::default()).len() as u64, database.len());
        }
    }
}

#[test]
fn no_block_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.talaria");
    // More than one window.
    let sequences: Vec<Vec<u8>> = (0..WINDOW + 5000).map(|number| vec![b"AG"[(number % 2) as usize]; 3]).collect();
    build(&path, &sequences, &[Column::GcContent]);
    let mut bytes = std::fs::read(&path).unwrap();
    let database = Database::open(&path).unwrap();
    for kind in [SectionKind::SequenceBlocks, SectionKind::TextBlocks] {
        let section = database.container().section(kind).unwrap();
        bytes[section.offset as usize..(section.offset + section.length) as usize].fill(0xFF);
    }
    let database = OpenOptions::new().from_bytes(bytes).unwrap();
    assert!(database.record(0).is_err());
    let before = database.cache_statistics().misses;
    let filter = Filter { gc_content: Some(0.5..=1.0), ..Filter::default() };
    let windows: Vec<Vec<u64>> = database.select(&filter).unwrap().collect::<Result<_>>().unwrap();
    assert_eq!(windows.iter().map(Vec::len).collect::<Vec<_>>(), [WINDOW as usize / 2, 2500]);
    assert!(windows.concat().into_iter().eq((0..WINDOW + 5000).filter(|number| number % 2 == 1)));
    assert_eq!(database.cache_statistics().misses, before, "no block was asked for");
}

#[test]
fn what_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.talaria");
    build(&path, &[b"ACGT".to_vec()], &[Column::Complexity]);
    let database = Database::open(&path).unwrap();
    let filter = Filter { gc_content: Some(0.0..=1.0), ..Filter::default() };
    for error in [database.select(&filter).unwrap_err(), database.matches(&filter, 0).unwrap_err()] {
        assert!(matches!(error, Error::NoColumn { column: "gc", .. }), "{error}");
        assert!(error.to_string().ends_with("it has no column of gc; build it with --columns gc"), "{error}");
    }
    assert_eq!(database.columns_kept().iter().collect::<Vec<_>>(), [Column::Complexity]);
    assert!(matches!(database.complexity(1), Err(Error::OutOfRange { .. })));
    let small = OpenOptions::new().cache(0).budget(Budget::new(24)).open(&path).unwrap();
    assert!(matches!(small.select(&Filter::default()), Err(Error::Memory { .. })));
}
