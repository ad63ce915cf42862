use std::path::{Path, PathBuf};

use super::{Placing, RECORD_MEMORY, least_memory, place};
use crate::memory::budget::Budget;
use crate::read::export::{ExportOptions, Lines, Selection};
use crate::read::filter::Filter;
use crate::write::assemble::Shape;
use crate::write::publish::Unpublished;
use crate::write::spill::Spill;
use crate::{Builder, Compression, Database, OpenOptions, Order};

/// Numbers that follow from a seed (the generator of SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound
    }

    fn residues(&mut self, letters: &[u8], length: u64) -> Vec<u8> {
        (0..length).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }
}

const AMINO: &[u8] = b"ACDEFGHIKLMNPQRSTVWY";
const BASES: &[u8] = b"ACGT";

type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// `families` of so many records, one member of each after the other, of which one in `rate` residues differs from the
/// first.
fn families(letters: &[u8], families: u64, members: u64, length: u64, rate: u64) -> Records {
    let mut numbers = Numbers(letters.len() as u64);
    let ancestors: Vec<Vec<u8>> = (0..families).map(|_| numbers.residues(letters, length)).collect();
    let mut records = Vec::new();
    for member in 0..members {
        for (family, ancestor) in ancestors.iter().enumerate() {
            let mut residues = ancestor.clone();
            for residue in &mut residues {
                if member > 0 && numbers.below(rate) == 0 {
                    *residue = letters[numbers.below(letters.len() as u64) as usize];
                }
            }
            records.push((format!("f{family} m{member}").into_bytes(), residues));
        }
    }
    records
}

fn builder(path: &Path, records: &Records) -> Builder<'static> {
    Builder::new(path).add_records("records", records.clone().into_iter()).order(Order::Similarity)
}

fn built(folder: &tempfile::TempDir, records: &Records) -> (PathBuf, Database) {
    let path = folder.path().join("ordered.talaria");
    builder(&path, records).verify(true).finish().unwrap();
    let database = Database::open(&path).unwrap();
    (path, database)
}

/// The records in the order in which their residues lie.
fn lying(database: &Database) -> Vec<u64> {
    (0..database.len()).map(|slot| database.ordinal_in_slot(slot).unwrap()).collect()
}

#[test]
fn families_become_neighbours() {
    for (letters, rate) in [(AMINO, 10), (BASES, 100)] {
        let folder = tempfile::tempdir().unwrap();
        let records = families(letters, 5, 12, 400, rate);
        let (_, database) = built(&folder, &records);
        assert!(database.is_placed());
        let order = lying(&database);
        let changes = order.windows(2).filter(|pair| pair[0] % 5 != pair[1] % 5).count();
        assert_eq!(changes, 4, "{order:?}");
    }
}

#[test]
fn the_order_of_the_input_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = families(AMINO, 7, 9, 90, 6);
    records.extend([&b"MKV"[..], b"MKVL", b"W"].map(|residues| (b"short".to_vec(), residues.to_vec())));
    let residues = |records: &Records| -> Vec<Vec<u8>> {
        let (_, database) = built(&folder, records);
        lying(&database).iter().map(|&ordinal| records[ordinal as usize].1.clone()).collect()
    };
    let before = residues(&records);
    let mut numbers = Numbers(1);
    for at in (1..records.len()).rev() {
        records.swap(at, numbers.below(at as u64 + 1) as usize);
    }
    assert!(residues(&records) == before);
}

#[test]
fn copies_empty_and_long_records_have_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = families(AMINO, 3, 4, 100, 9);
    let copies: Records = records[2..5].to_vec();
    let empty = || (b"empty".to_vec(), Vec::new());
    records.insert(0, empty());
    records.insert(6, (b"long".to_vec(), Numbers(3).residues(AMINO, 5000)));
    records.push(empty());
    records.extend(copies);
    records.push((b"longer".to_vec(), Numbers(4).residues(AMINO, 7000)));
    let path = folder.path().join("ordered.talaria");
    for size in [1 << 10, 1 << 12, 1 << 14] {
        let report = builder(&path, &records).block_size(size).verify(true).finish().unwrap();
        assert_eq!(report.shared, 3);
        let database = Database::open(&path).unwrap();
        let order = lying(&database);
        let place = |ordinal: &u64| database.sequence_address(*ordinal).unwrap().bits();
        assert!(order.windows(2).all(|pair| (place(&pair[0]), pair[0]) < (place(&pair[1]), pair[1])), "{order:?}");
        for (ordinal, (_, residues)) in records.iter().enumerate() {
            assert!(*database.record(ordinal as u64).unwrap().sequence().as_bytes() == residues[..], "{ordinal}");
        }
    }
}

#[test]
fn nothing_but_empty_records_and_nothing_at_all() {
    let folder = tempfile::tempdir().unwrap();
    for count in [0, 3] {
        let records: Records = vec![(b"empty".to_vec(), Vec::new()); count];
        let (_, database) = built(&folder, &records);
        assert_eq!((database.len(), database.sequences().directory.item_count), (count as u64, 0));
    }
}

/// What a scan sees, by ordinal.
fn scanned(database: &Database) -> Records {
    let seen = std::sync::Mutex::new(Vec::new());
    database
        .scan(|record| {
            seen.lock().unwrap().push((record.ordinal, (record.header.to_vec(), record.residues.to_vec())));
            Ok(())
        })
        .unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    assert!(seen.iter().enumerate().all(|(at, (ordinal, _))| at as u64 == *ordinal));
    seen.into_iter().map(|(_, record)| record).collect()
}

fn text(records: &Records) -> Vec<u8> {
    records.iter().flat_map(|(header, residues)| [b">", &header[..], b"\n", &residues[..], b"\n"].concat()).collect()
}

#[test]
fn little_memory_gives_the_same_file_and_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    // More residues than the smallest windows hold, on both ways.
    let mut records = families(AMINO, 300, 30, 600, 8);
    records.insert(1000, (b"long".to_vec(), Numbers(5).residues(AMINO, 40_000)));
    let [free, input, tight] = ["free", "input", "tight"].map(|name| folder.path().join(name));
    let build = |path: &Path, order| {
        builder(path, &records).compression(Compression::Lz4).order(order).threads(2).finish().unwrap();
    };
    build(&free, Order::Similarity);
    build(&input, Order::Input);
    let shape = Shape {
        compression: Compression::Lz4,
        sequence_block: 16 << 10,
        text_block: 16 << 10,
        packed: false,
        order: Order::Similarity,
    };
    let budget = Budget::new(least_memory(&shape, 1) + RECORD_MEMORY * records.len() as u64 + (1 << 20));
    let spill = Spill::new(budget.clone(), folder.path().to_path_buf(), None);
    let database = OpenOptions::new().cache(0).budget(budget).open(&input).unwrap();
    let provenance = Database::open(&free).unwrap().provenance().unwrap();
    let placing =
        Placing { database: &database, spill: &spill, shape, provenance: &provenance, progress: &|_| {}, follow: None };
    let threads = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    threads.install(|| place(&placing, Unpublished::create(&tight).unwrap()).unwrap().publish().unwrap());
    drop(database);
    assert!(std::fs::read(&tight).unwrap() == std::fs::read(&free).unwrap());
    assert!(spill.runs_written() > 0);
    assert_eq!((spill.bytes_on_disk(), spill.budget().in_use()), (0, 0));
    for limit in [8 << 20, u64::MAX] {
        let budget = Budget::new(limit);
        let database = OpenOptions::new().cache(0).budget(budget.clone()).open(&tight).unwrap();
        let export = |options: &ExportOptions| {
            let mut bytes = Vec::new();
            database.export(&mut bytes, options).unwrap();
            bytes
        };
        assert!(export(&ExportOptions::default()) == text(&records));
        let few = Filter { length: 601..=u64::MAX, ..Filter::default() };
        let lines = Lines::Width(0);
        let long: Records = vec![records[1000].clone()];
        assert!(export(&ExportOptions { lines, filter: few, ..Default::default() }) == text(&long));
        let references = ExportOptions { lines, selection: Selection::References, ..Default::default() };
        let distinct = (0..database.len()).filter(|&ordinal| database.header_entry(ordinal).unwrap().is_reference());
        let distinct: Records = distinct.map(|ordinal| records[ordinal as usize].clone()).collect();
        assert!(export(&references) == text(&distinct));
        assert!(scanned(&database) == records);
    }
}
