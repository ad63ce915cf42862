//! Updates of random families: nothing that was is lost, and what is new is verified.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::align::{AlignmentPool, Criterion, Scoring, fold, reverse_complement};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Budget;
use crate::read::clusters::Membership;
use crate::read::verify::Level;
use crate::reduce::{Clustering, Method, Output, Preference, Reduction, ReductionReport, Similarity};
use crate::write::builder::Builder;

/// A record: its family, and a seed of what sets it apart.
type Relative = (u8, u64);

/// Numbers that follow from a seed.
fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |bound| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % bound
    }
}

/// The residues of a relative: those of its family with substitutions, without some ends, some of it without any
/// change, and some nucleotides turned around.
fn residues(&(family, seed): &Relative, nucleotides: bool) -> Vec<u8> {
    let letters: &[u8] = if nucleotides { b"ACGT" } else { b"ACDEFGHIKLMNPQRSTVWY" };
    let mut next = numbers(u64::from(family) + 1);
    let mut residues: Vec<u8> =
        (0..[90, 120, 7, 100][usize::from(family) % 4]).map(|_| letters[next(letters.len())]).collect();
    let mut next = numbers(seed);
    for _ in 0..[0, 0, 3, 9, 30][next(5)] {
        let at = next(residues.len());
        residues[at] = letters[next(letters.len())];
    }
    residues.drain(..[0, 0, 5][next(3)]);
    if nucleotides && next(3) == 0 {
        let mut turned = Vec::new();
        reverse_complement(&residues, &mut turned);
        residues = turned;
    }
    if next(4) == 0 {
        residues.make_ascii_lowercase();
    }
    residues
}

fn fasta(relatives: &[Relative], from: usize, nucleotides: bool) -> Vec<u8> {
    let record = |(index, relative): (usize, &Relative)| {
        [format!(">r{index}\n").as_bytes(), &residues(relative, nucleotides), b"\n"].concat()
    };
    relatives.iter().enumerate().skip(from).flat_map(record).collect()
}

/// Files in a folder of their own.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn reduction(input: &Path, output: &Path, method: Method) -> Reduction<'static> {
    Reduction::new(input, Output::Container(output.to_path_buf())).method(method).threads(1)
}

/// With the least memory that there may be.
fn run_with_least(reduction: Reduction<'_>) -> Result<ReductionReport> {
    let least = reduction.least_memory()?;
    reduction.budget(Budget::new(least)).run()
}

fn memberships(path: &Path) -> Vec<Membership> {
    let database = Database::open(path).unwrap();
    assert!(database.verify(Level::Everything).unwrap().is_sound());
    let clusters = database.clusters().unwrap();
    (0..database.len()).map(|ordinal| clusters.membership(ordinal).unwrap().unwrap()).collect()
}

fn exported(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    Database::open(path).unwrap().export(&mut text, &Default::default()).unwrap();
    text
}

/// Whether some alignment of the two has this similarity, and it is enough.
fn confirmed(criterion: &Criterion, nucleotides: bool, member: &[u8], representative: &[u8], said: Similarity) -> bool {
    let scoring = if nucleotides { Scoring::Nucleotide } else { Scoring::Protein };
    let folded = |residues: &[u8]| {
        let mut folded = Vec::new();
        fold(residues, scoring, &mut folded);
        folded
    };
    let (member, representative) = (folded(member), folded(representative));
    if member == representative {
        return said == Similarity::FULL;
    }
    let pool = AlignmentPool::new(&Budget::new(u64::MAX)).unwrap();
    let mut aligner = pool.acquire(member.len() as u64).unwrap();
    let mut turned = Vec::new();
    reverse_complement(&member, &mut turned);
    let both = if nucleotides { vec![&member, &turned] } else { vec![&member] };
    let diagonals = -(member.len() as i64)..representative.len() as i64;
    both.into_iter().any(|member| {
        diagonals.clone().any(|diagonal| {
            let found = aligner.verify(scoring, criterion, member, &representative, diagonal);
            found.is_some_and(|found| Similarity::new(found.identity, found.coverage) == said)
        })
    })
}

fn clustering(identity: u16) -> Method {
    let criterion = Criterion { identity, ..Criterion::default() };
    Method::Cluster(Clustering { criterion, ..Clustering::default() })
}

fn criterion_of(method: Method) -> Option<Criterion> {
    match method {
        Method::Cluster(clustering) => Some(clustering.criterion),
        _ => None,
    }
}

fn families() -> impl Strategy<Value = (Vec<Relative>, usize)> {
    let relative = (0_u8..8, 0_u64..40);
    prop::collection::vec(relative, 1..80).prop_flat_map(|relatives| {
        let count = relatives.len();
        (Just(relatives), 0..=count)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_was_stays_and_what_comes_is_verified(
        (relatives, old) in families(),
        kind in 0_usize..4,
        prefers: bool,
    ) {
        let (method, nucleotides) =
            [(Method::Exact, false), (clustering(9_000), false), (clustering(5_000), false), (clustering(8_000), true)][kind];
        let place = Place::new();
        let first = place.write("first.fa", &fasta(&relatives[..old], 0, nucleotides));
        let more = place.write("more.fa", &fasta(&relatives, old, nucleotides));
        let (before, after) = (place.path("before.talaria"), place.path("after.talaria"));
        let preference = if prefers { Preference::default().text("7") } else { Preference::default() };
        reduction(&first, &before, method).prefer(preference.clone()).run().unwrap();
        let kept = memberships(&before);
        let update = reduction(&more, &after, method).update(&before).prefer(preference.clone()).temporary_folder(place.path(""));
        let report = run_with_least(update).unwrap();

        prop_assert_eq!(exported(&after), fasta(&relatives, 0, nucleotides));
        let all = memberships(&after);
        prop_assert_eq!(&all[..old], &kept[..]);
        let of = |ordinal: u64| residues(&relatives[ordinal as usize], nucleotides);
        for (ordinal, membership) in all.iter().enumerate().skip(old) {
            let (member, representative) = (of(ordinal as u64), of(membership.representative));
            let proven = match criterion_of(method) {
                _ if membership.representative == ordinal as u64 => membership.similarity == Similarity::FULL,
                Some(criterion) => confirmed(&criterion, nucleotides, &member, &representative, membership.similarity),
                None => member == representative && membership.similarity == Similarity::FULL,
            };
            prop_assert!(proven, "{} of {membership:?}", ordinal);
        }

        // The same residues share a lot, whether they were there before or not.
        let key = |ordinal: usize| {
            let residues = residues(&relatives[ordinal], nucleotides);
            if method == Method::Exact { residues } else { residues.to_ascii_uppercase() }
        };
        let mut homes: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for (ordinal, membership) in all.iter().enumerate() {
            let home = *homes.entry(key(ordinal)).or_insert(membership.representative);
            prop_assert!(ordinal < old || prefers || home == membership.representative, "{} is not with {}", ordinal, home);
        }

        let is_new = |ordinal: &usize| *ordinal >= old;
        let own = |ordinal: &usize| all[*ordinal].representative == *ordinal as u64;
        let update = report.update.unwrap();
        let counted = (0..all.len()).filter(is_new).filter(|&ordinal| all[ordinal].representative < old as u64).count();
        prop_assert_eq!((update.old_records, update.new_records), (old as u64, (all.len() - old) as u64));
        prop_assert_eq!(update.old_references as usize, (0..old).filter(own).count());
        prop_assert_eq!(update.new_references as usize, (0..all.len()).filter(is_new).filter(own).count());
        prop_assert_eq!(update.joined_old as usize, counted);
        prop_assert_eq!(report.references, update.old_references + update.new_references);

        // Nothing new changes nothing, over the very file that is updated.
        let nothing = place.write("nothing.fa", b"");
        let report = reduction(&nothing, &after, method).update(&after).run().unwrap();
        prop_assert_eq!(memberships(&after), all);
        prop_assert_eq!(exported(&after), fasta(&relatives, 0, nucleotides));
        prop_assert_eq!(report.update.unwrap().new_records, 0);
    }

    #[test]
    fn neither_the_order_of_what_comes_counts_nor_the_form((relatives, old) in families(), exact: bool) {
        let method = if exact { Method::Exact } else { clustering(7_000) };
        let place = Place::new();
        let first = place.write("first.fa", &fasta(&relatives[..old], 0, false));
        let before = place.path("before.talaria");
        reduction(&first, &before, method).run().unwrap();
        let forward = fasta(&relatives, old, false);
        let records: Vec<&[u8]> = forward.split_inclusive(|&byte| byte == b'\n').collect();
        let backward: Vec<u8> = records.chunks(2).rev().flatten().flat_map(|line| line.to_vec()).collect();
        let more = [("forward.fa", &forward), ("backward.fa", &backward)].map(|(name, text)| place.write(name, text));
        let packed = place.path("packed.talaria");
        Builder::new(&packed).add_fasta(&more[1]).finish().unwrap();

        // Of identical records it is the order that decides in an exact reduction, so that only what is together is
        // compared.
        let clusters = |input: &Path| -> BTreeMap<Vec<u8>, Vec<Vec<u8>>> {
            let after = place.path("after.talaria");
            reduction(input, &after, method).update(&before).threads(2).run().unwrap();
            let database = Database::open(&after).unwrap();
            let name = |ordinal: u64| database.headers(&[ordinal]).unwrap()[0].as_bytes().to_vec();
            let mut clusters: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
            for (ordinal, membership) in memberships(&after).into_iter().enumerate() {
                let representative = if exact { residues_at(&database, membership.representative) } else { name(membership.representative) };
                clusters.entry(representative).or_default().push(name(ordinal as u64));
            }
            clusters.values_mut().for_each(|names| names.sort());
            clusters
        };
        let expected = clusters(&more[0]);
        prop_assert_eq!(&clusters(&more[1]), &expected);
        prop_assert_eq!(&clusters(&packed), &expected);
    }
}

fn residues_at(database: &Database, ordinal: u64) -> Vec<u8> {
    database.record(ordinal).unwrap().sequence().as_bytes().to_vec()
}

#[test]
fn all_records_of_what_was_not_reduced_are_references() {
    let place = Place::new();
    let first = place.write("first.fa", b">a\nMKV\n>b\nMKV\n>e\n>f\n>c\nGGA\n");
    let more = place.write("more.fa", b">d\nMKV\n>g\n>h\nGGA\n>i\nWW\n>j\nWW\n");
    let (plain, after) = (place.path("plain.talaria"), place.path("after.talaria"));
    Builder::new(&plain).add_fasta(&first).finish().unwrap();
    for path in [&plain, &after] {
        let report = reduction(&more, &after, Method::Exact).update(path).run().unwrap();
        let expected = if path == &plain { (6, vec![(1, 2), (2, 4)]) } else { (6, vec![(1, 2), (4, 4)]) };
        assert_eq!((report.references, report.sizes), expected);
    }
    let of: Vec<u64> = memberships(&after).iter().map(|membership| membership.representative).collect();
    assert_eq!(of, [0, 1, 2, 3, 4, 0, 2, 4, 8, 8, 0, 2, 4, 8, 8]);
    assert_eq!(exported(&after), [std::fs::read(&first).unwrap(), std::fs::read(&more).unwrap().repeat(2)].concat());
}

#[test]
fn clusters_of_similar_records_are_no_exact_reduction() {
    let place = Place::new();
    let protein = "MKVLAAGITEGHQRHWWPLKMNDEYFCSTRV".repeat(4);
    let first = place.write("first.fa", format!(">a\n{protein}\n>b\n{}\n", &protein[3..]).as_bytes());
    let (before, after) = (place.path("before.talaria"), place.path("after.talaria"));
    reduction(&first, &before, clustering(9_000)).run().unwrap();
    let refused = reduction(&first, &after, Method::Exact).update(&before).run();
    assert!(matches!(refused, Err(Error::Option { option: "--method", .. })), "{refused:?}");
    let refused = reduction(&first, &after, Method::Given).update(&before).run();
    assert!(matches!(refused, Err(Error::Option { option: "--update", .. })), "{refused:?}");
    assert!(matches!(reduction(&first, &after, Method::Exact).update(&first).run(), Err(Error::Format { .. })));
    assert!(!after.exists());
}

#[test]
fn proteins_do_not_come_to_nucleotides() {
    let place = Place::new();
    let genes = place.write("genes.fa", format!(">a\n{}\n", "ACGTTGCAAC".repeat(200)).as_bytes());
    let proteins = place.write("proteins.fa", format!(">p\n{}\n", "MKVLWWFYRQ".repeat(200)).as_bytes());
    let before = place.path("before.talaria");
    reduction(&genes, &before, clustering(9_000)).run().unwrap();
    let refused = reduction(&proteins, &before, clustering(9_000)).update(&before).run();
    assert!(matches!(refused, Err(Error::Option { option: "--update", .. })), "{refused:?}");
}

#[test]
fn records_that_nobody_stands_for_are_not_carried_on() {
    let place = Place::new();
    let first = place.write("first.fa", b">a\nMKV\n>b\nMKI\n");
    let (before, after) = (place.path("before.talaria"), place.path("after.talaria"));
    reduction(&first, &before, Method::Exact).unrepresented([1]).run().unwrap();
    let error = reduction(&first, &after, Method::Exact).update(&before).run().unwrap_err();
    assert!(error.to_string().contains("no reference stands for"), "{error}");
    assert!(!after.exists());
}
