//! Families of sequences through the whole: coded, written, checked, read in every way.

use proptest::prelude::*;
use talaria_db_spec::delta::reverse_complement;

use super::super::{Method, Output, Reduction};
use crate::memory::budget::Budget;
use crate::read::export::{ExportOptions, Selection};
use crate::read::stream::StreamKind;
use crate::read::verify::Level;
use crate::{Column, Compression, Database, OpenOptions};

/// A change to a sequence.
#[derive(Debug, Clone)]
enum Edit {
    Substitute(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Delete(prop::sample::Index, usize),
    Case(prop::sample::Index, usize),
    Part(prop::sample::Index, prop::sample::Index),
    Reverse,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let residue = prop_oneof![8 => prop::sample::select(&b"ACDEFGHIKLMNPQRSTVWY"[..]), 1 => 0x21_u8..0x7F];
    // What starts with one of these is a header or a comment.
    let residue = residue.prop_map(|residue| if b">;#".contains(&residue) { b'*' } else { residue });
    let edit = prop_oneof![
        8 => (any::<prop::sample::Index>(), residue.clone()).prop_map(|(at, residue)| Edit::Substitute(at, residue)),
        3 => (any::<prop::sample::Index>(), prop::collection::vec(residue, 1..30)).prop_map(|(at, new)| Edit::Insert(at, new)),
        3 => (any::<prop::sample::Index>(), 1_usize..40).prop_map(|(at, count)| Edit::Delete(at, count)),
        2 => (any::<prop::sample::Index>(), 1_usize..60).prop_map(|(at, count)| Edit::Case(at, count)),
        1 => (any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(from, to)| Edit::Part(from, to)),
        1 => Just(Edit::Reverse),
    ];
    prop::collection::vec(edit, 0..12)
}

fn apply(sequence: &mut Vec<u8>, edit: &Edit, database: talaria_db_spec::alphabet::Alphabet) {
    let at = |index: &prop::sample::Index, sequence: &[u8]| index.index(sequence.len() + 1);
    match edit {
        Edit::Substitute(index, residue) if !sequence.is_empty() => {
            let place = index.index(sequence.len());
            sequence[place] = *residue;
        }
        Edit::Substitute(..) => {}
        Edit::Insert(index, new) => {
            let place = at(index, sequence);
            sequence.splice(place..place, new.iter().copied());
        }
        Edit::Delete(index, count) => {
            let start = at(index, sequence);
            sequence.drain(start..(start + count).min(sequence.len()));
        }
        Edit::Case(index, count) => {
            let start = at(index, sequence);
            let end = (start + count).min(sequence.len());
            sequence[start..end].make_ascii_lowercase();
        }
        Edit::Part(from, to) => {
            let (from, to) = (at(from, sequence), at(to, sequence));
            *sequence = sequence[from.min(to)..from.max(to)].to_vec();
        }
        Edit::Reverse => reverse_complement(sequence, database),
    }
}

/// FASTA of records, in lines of 30 that are not all full.
fn fasta(sequences: &[Vec<u8>]) -> Vec<u8> {
    let mut text = Vec::new();
    for (index, sequence) in sequences.iter().enumerate() {
        text.extend_from_slice(format!(">r{index} made\n").as_bytes());
        for line in sequence.chunks(30) {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
    }
    text
}

#[derive(Debug)]
struct Made {
    folder: tempfile::TempDir,
    sequences: Vec<Vec<u8>>,
    pairs: Vec<(u64, u64)>,
}

impl Made {
    fn new(sequences: Vec<Vec<u8>>, pairs: Vec<(u64, u64)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("in.fa"), fasta(&sequences)).unwrap();
        let source = folder.path().join("in.talaria");
        crate::Builder::new(&source)
            .add_fasta(folder.path().join("in.fa"))
            .block_size(1024)
            .columns(Column::ALL)
            .finish()
            .unwrap();
        Self { folder, sequences, pairs }
    }

    fn reduce(&self, name: &str, threads: usize, limit: u64, compression: Compression) -> Vec<u8> {
        let path = self.folder.path().join(name);
        let reduction = Reduction::new(self.folder.path().join("in.talaria"), Output::Container(path.clone()))
            .members(self.pairs.iter().copied())
            .compression(compression)
            .threads(threads)
            .budget(Budget::new(limit));
        reduction.run().unwrap();
        std::fs::read(path).unwrap()
    }

    /// Compares all ways to read with the sequences.
    fn check(&self, bytes: Vec<u8>) -> Database {
        let database = OpenOptions::new().from_bytes(bytes).unwrap();
        let verification = database.verify(Level::Everything).unwrap();
        assert!(verification.is_sound(), "{:?}", verification.problems);
        let (mut text, mut references) = (Vec::new(), Vec::new());
        database.export(&mut text, &ExportOptions::default()).unwrap();
        assert!(text == fasta(&self.sequences), "export gives other bytes");
        let options = ExportOptions { selection: Selection::References, ..ExportOptions::default() };
        database.export(&mut references, &options).unwrap();
        let ordinals: Vec<u64> = (0..database.len()).rev().collect();
        let batch = database.batch(&ordinals).unwrap();
        let scanned = std::sync::Mutex::new(vec![None; self.sequences.len()]);
        database
            .scan(|record| {
                scanned.lock().unwrap()[record.ordinal as usize] = Some(record.residues.to_vec());
                Ok(())
            })
            .unwrap();
        let scanned = scanned.into_inner().unwrap();
        let mut stored = 0;
        for (ordinal, sequence) in self.sequences.iter().enumerate() {
            let number = ordinal as u64;
            let record = database.get(format!("r{ordinal}")).unwrap().remove(0);
            assert_eq!(
                String::from_utf8_lossy(record.sequence()),
                String::from_utf8_lossy(sequence),
                "{ordinal}: {:?}",
                database.header_entry(number)
            );
            assert!(batch[self.sequences.len() - 1 - ordinal].sequence().as_bytes() == &sequence[..], "{ordinal}");
            assert!(scanned[ordinal].as_ref() == Some(sequence), "{ordinal}");
            let (from, to) = (sequence.len() / 3, sequence.len() - sequence.len() / 5);
            let region = database.region(number, from as u64..to as u64).unwrap();
            assert!(region.as_bytes() == &sequence[from..to], "{ordinal}");
            let mut parts = Vec::new();
            let take = |part: &[u8]| {
                parts.extend_from_slice(part);
                Ok(())
            };
            database.for_each_residues(number, from as u64..to as u64, take).unwrap();
            assert!(parts == sequence[from..to], "{ordinal}");
            assert!(database.region(number, 0..sequence.len() as u64 + 1).is_err());
            let entry = database.header_entry(number).unwrap();
            assert_eq!(database.delta_of(number).unwrap().is_some(), entry.is_delta());
            stored += usize::from(database.is_reference(number, &entry).unwrap());
        }
        assert_eq!(references.iter().filter(|&&byte| byte == b'>').count(), stored);
        let statistics = database.statistics().unwrap();
        let lower = self.sequences.iter().flatten().filter(|residue| residue.is_ascii_lowercase()).count();
        assert_eq!(statistics.lower_case(), lower as u64);
        database
    }
}

/// Sequences in clusters that are scattered: each with the index of its cluster's first one.
fn clusters(letters: &'static str) -> impl Strategy<Value = Made> {
    let first = proptest::string::string_regex(letters).unwrap();
    let cluster = (first, prop::collection::vec(edits(), 0..7));
    (prop::collection::vec(cluster, 1..6), any::<prop::sample::Index>()).prop_map(move |(clusters, turn)| {
        let alphabet = talaria_db_spec::alphabet::Alphabet::Dna;
        let (mut sequences, mut of) = (Vec::new(), Vec::new());
        let longest = clusters.iter().map(|(_, members)| members.len()).max().unwrap_or(0);
        for round in 0..=longest {
            for (number, (first, members)) in clusters.iter().enumerate() {
                let mut sequence = first.clone().into_bytes();
                if round > 0 {
                    let Some(edits) = members.get(round - 1) else { continue };
                    edits.iter().for_each(|edit| apply(&mut sequence, edit, alphabet));
                }
                sequences.push(sequence);
                of.push(number);
            }
        }
        // The representative is not always the first of its cluster.
        let mut pairs = Vec::new();
        for number in 0..clusters.len() {
            let all: Vec<u64> = (0..of.len() as u64).filter(|&index| of[index as usize] == number).collect();
            let representative = all[turn.index(all.len())];
            pairs.extend(
                all.into_iter().filter(|&member| member != representative).map(|member| (representative, member)),
            );
        }
        Made::new(sequences, pairs)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn families_of_proteins_come_back(made in clusters("[ACDEFGHIKLMNPQRSTVWY]{0,300}")) {
        let bytes = made.reduce("a", 1, 64 << 20, Compression::Zstd(1));
        prop_assert!(made.reduce("b", 3, u64::MAX, Compression::Zstd(1)) == bytes, "threads or memory change the bytes");
        made.check(bytes);
        made.check(made.reduce("c", 2, u64::MAX, Compression::None));
    }

    #[test]
    fn families_of_nucleotides_come_back(made in clusters("[ACGT]{0,900}")) {
        made.check(made.reduce("a", 2, u64::MAX, Compression::Lz4));
    }
}

fn protein(seed: usize, length: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    (0..length).map(|_| b"ACDEFGHIKLMNPQRSTVWY"[next() % 20]).collect()
}

#[test]
fn each_kind_of_member_is_told_as_it_should_be() {
    let whole = protein(1, 600);
    let mut changed = whole.clone();
    changed[300] = b'*';
    let mut nearly_changed = changed.clone();
    nearly_changed.splice(40..40, *b"gap--");
    let sequences = vec![
        changed.clone(),
        whole.clone(),
        whole.clone(),
        whole[100..400].to_vec(),
        protein(2, 500),
        Vec::new(),
        changed,
        nearly_changed,
        b"MK".to_vec(),
    ];
    let pairs = [0, 2, 3, 4, 5, 6, 7, 8].map(|member| (1, member));
    let made = Made::new(sequences, pairs.to_vec());
    let database = made.check(made.reduce("a", 2, u64::MAX, Compression::Zstd(1)));
    let flags: Vec<(bool, bool)> = (0..9)
        .map(|ordinal| database.header_entry(ordinal).unwrap())
        .map(|entry| (entry.is_shared(), entry.is_delta()))
        .collect();
    let (stored, shared, delta, same_delta) = ((false, false), (true, false), (false, true), (true, true));
    assert_eq!(flags, [delta, stored, shared, delta, stored, stored, same_delta, delta, stored]);
    // By its nearest, which is told itself.
    assert_eq!(database.delta_of(7).unwrap().map(|(_, depth)| depth), Some(1));
    assert_eq!(database.delta_of(0).unwrap(), Some((7, 2)));
    assert_eq!(database.delta_of(3).unwrap().map(|(_, depth)| depth <= 3), Some(true));
    assert_eq!(database.statistics().unwrap().delta_records, 4);
    assert_eq!(database.block_groups(StreamKind::Delta).unwrap().len(), 1);
}

#[test]
fn a_reduced_container_can_be_reduced_again() {
    let whole = protein(3, 400);
    let sequences: Vec<Vec<u8>> = (0..40)
        .map(|index| {
            let mut sequence = whole.clone();
            sequence[index * 7 % 400] = b'W';
            sequence[index * 31 % 400] = b'C';
            sequence
        })
        .collect();
    let made = Made::new(sequences, (1..40).map(|member| (0, member)).collect());
    let bytes = made.reduce("a.talaria", 2, u64::MAX, Compression::Zstd(1));
    std::fs::write(made.folder.path().join("in.talaria"), &bytes).unwrap();
    made.check(made.reduce("b", 2, u64::MAX, Compression::Zstd(1)));
    let again = made.folder.path().join("exact");
    Reduction::new(made.folder.path().join("in.talaria"), Output::Container(again.clone())).run().unwrap();
    let database = made.check(std::fs::read(again).unwrap());
    assert!(!database.has_deltas());
}

#[test]
fn the_least_memory_will_do() {
    let whole = protein(9, 500);
    let sequences: Vec<Vec<u8>> = (0..900)
        .map(|index| {
            let mut sequence = whole.clone();
            (0..60).for_each(|step| sequence[(index * 17 + step * 31) % 500] = b"KRDEST"[(index + step) % 6]);
            sequence
        })
        .collect();
    let made = Made::new(sequences, (1..900).map(|member| (0, member)).collect());
    let reduction = |name: &str| {
        Reduction::new(made.folder.path().join("in.talaria"), Output::Container(made.folder.path().join(name)))
            .members(made.pairs.iter().copied())
            .threads(2)
    };
    let least = reduction("a").least_memory().unwrap();
    assert!(least < 60 << 20, "{least}");
    let budget = Budget::new(least);
    reduction("a").budget(budget.clone()).run().unwrap();
    assert!(budget.peak() <= least);
    reduction("b").run().unwrap();
    let read = |name: &str| std::fs::read(made.folder.path().join(name)).unwrap();
    assert!(read("a") == read("b"));
    assert!(reduction("c").budget(Budget::new(least - 1)).run().is_err());
}

#[test]
fn pairs_that_make_no_clusters_are_refused() {
    let made = Made::new(vec![b"MK".to_vec(); 4], Vec::new());
    for pairs in [vec![(0, 1), (2, 1)], vec![(0, 1), (1, 2)], vec![(0, 4)]] {
        let output = Output::Container(made.folder.path().join("no"));
        assert!(Reduction::new(made.folder.path().join("in.talaria"), output).members(pairs).run().is_err());
    }
}

#[test]
fn little_memory_will_do_to_read() {
    let whole = protein(7, 900);
    let sequences: Vec<Vec<u8>> = (0..600)
        .map(|index| {
            let mut sequence = whole.clone();
            (0..40).for_each(|step| sequence[(index * 13 + step * 29) % 900] = b"KRDE"[(index + step) % 4]);
            sequence
        })
        .collect();
    let made = Made::new(sequences, (1..600).map(|member| (0, member)).collect());
    let bytes = made.reduce("a", 2, u64::MAX, Compression::Zstd(1));
    let expected = fasta(&made.sequences);
    let length = bytes.len() as u64;
    for (limit, cache) in [(4 << 20, 0), (6 << 20, 1 << 20), (64 << 20, 16 << 20)] {
        let budget = Budget::new(limit);
        let database = OpenOptions::new().cache(cache).budget(budget.clone()).from_bytes(bytes.clone()).unwrap();
        let mut text = Vec::new();
        database.export(&mut text, &ExportOptions::default()).unwrap();
        assert!(text == expected, "{limit}");
        assert!(database.verify(Level::Everything).unwrap().is_sound());
        assert!(budget.peak() <= limit);
    }
    // Smaller than what it came from.
    assert!(length < std::fs::metadata(made.folder.path().join("in.talaria")).unwrap().len());
}

#[test]
fn depth_is_bounded() {
    // Each is nearest to the one before.
    let mut sequence = protein(5, 300);
    let mut sequences = vec![sequence.clone()];
    for index in 0..30 {
        sequence.splice(index * 9..index * 9 + 8, protein(100 + index, 7));
        sequences.push(sequence.clone());
    }
    let made = Made::new(sequences, (1..31).map(|member| (0, member)).collect());
    let database = made.check(made.reduce("a", 1, u64::MAX, Compression::Zstd(1)));
    let depths: Vec<u8> =
        (0..31).filter_map(|ordinal| database.delta_of(ordinal).unwrap()).map(|(_, depth)| depth).collect();
    assert!(depths.iter().max().is_some_and(|&deepest| (2..=8).contains(&deepest)), "{depths:?}");
}

/// Forty deltas, of which a reader has room for seventeen.
#[test]
fn more_is_resolved_than_is_remembered() {
    let start: Vec<u8> = (0_usize..60_000).map(|at| b"ACDEFGHIKLMNPQRSTVWY"[at * at % 977 % 20]).collect();
    let sequences: Vec<Vec<u8>> = (0..40)
        .map(|number| {
            let mut sequence = start.clone();
            sequence[number * 100] = b'*';
            sequence
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let (source, path) = (folder.path().join("in.fa"), folder.path().join("out.talaria"));
    std::fs::write(&source, fasta(&sequences)).unwrap();
    let reduction = Reduction::new(&source, Output::Container(path.clone())).method(Method::Given);
    reduction.members((1..40).map(|member| (0, member))).run().unwrap();
    let database = Database::open(&path).unwrap();
    let ordinals: Vec<u64> = (0..40).rev().chain(0..40).collect();
    let read = database.batch(&ordinals).unwrap();
    assert!(database.delta_of(20).unwrap().is_some());
    for record in read {
        assert!(record.sequence().as_bytes() == sequences[record.ordinal() as usize], "{}", record.ordinal());
    }
}
