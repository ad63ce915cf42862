//! Does an exact aligner that shares nothing with the engine's confirm that members are as similar as was asked for?
//!
//! It does if its own best local alignment reaches identity and coverage, or if another one of the same score does:
//! counts of both are printed. Families are made by the test; a container of real data is looked at by the ignored test
//! (see `TESTING.md`).
#![expect(clippy::unwrap_used, reason = "in the helpers of tests a fault is a failed test")]
#![expect(clippy::print_stderr, reason = "counts are what these tests are run for")]

mod exact;

use std::path::Path;

use exact::{Prefer, best_paths, one_path};
use talaria_db::align::{Criterion, Scoring, fold, reverse_complement};
use talaria_db::reduce::{Clustering, Method, Output, Reduction};
use talaria_db::{Builder, Database};

/// A plain generator of numbers below a bound, the same at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        // The constants of Knuth's MMIX; the high bits are good enough here.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn letter(&mut self, letters: &[u8]) -> u8 {
        letters[self.below(letters.len() as u64) as usize]
    }
}

/// Ancestors, each with relatives that differ by substitutions and gaps in up to two thirds of their residues; some
/// turned around, some fragments.
fn families(seed: u64, letters: &[u8], count: usize, turned: bool) -> Vec<Vec<u8>> {
    let mut numbers = Numbers(seed);
    let mut records = Vec::new();
    for _ in 0..count {
        let length = 60 + numbers.below(400);
        let ancestor: Vec<u8> = (0..length).map(|_| numbers.letter(letters)).collect();
        for rate in [0, 1, 3, 5, 8, 12, 20, 35, 50, 65] {
            let mut relative = Vec::new();
            for &residue in &ancestor {
                match numbers.below(100) {
                    share if share < rate && numbers.below(8) == 0 => {
                        let gap = numbers.below(6);
                        (0..gap).for_each(|_| relative.push(numbers.letter(letters)));
                    }
                    share if share < rate => relative.push(numbers.letter(letters)),
                    _ => relative.push(residue),
                }
            }
            if numbers.below(4) == 0 {
                let (from, most) = (numbers.below(20) as usize, relative.len());
                relative = relative[from..most - numbers.below(20) as usize].to_vec();
            }
            if turned && numbers.below(2) == 0 {
                let forward = std::mem::take(&mut relative);
                reverse_complement(&forward, &mut relative);
            }
            records.push(relative);
        }
    }
    records
}

fn letters(database: &Database, ordinal: u64, scoring: Scoring) -> Vec<u8> {
    let record = database.batch(&[ordinal]).unwrap().remove(0);
    let mut folded = Vec::new();
    fold(record.sequence(), scoring, &mut folded);
    folded
}

/// What came of a number of memberships.
#[derive(Debug, Default)]
struct Counts {
    by_its_own_path: usize,
    by_another_of_its_score: usize,
    failed: usize,
}

/// Aligns members to their representatives anew, all or so many at random.
fn check(path: &Path, identity: u64, coverage: u64, sample: Option<usize>) -> Counts {
    let database = Database::open(path).unwrap();
    let (scoring, clusters) = (Scoring::of(database.alphabet()), database.clusters().unwrap());
    let protein = scoring == Scoring::Protein;
    let mut members: Vec<u64> = (0..database.len())
        .filter(|&ordinal| clusters.membership(ordinal).unwrap().is_some_and(|found| found.representative != ordinal))
        .collect();
    if let Some(count) = sample {
        let mut numbers = Numbers(2_000);
        for at in 0..count.min(members.len()) {
            let other = at + numbers.below((members.len() - at) as u64) as usize;
            members.swap(at, other);
        }
        members.truncate(count);
    }
    let mut counts = Counts::default();
    for ordinal in members {
        let membership = clusters.membership(ordinal).unwrap().unwrap();
        let member = letters(&database, ordinal, scoring);
        let representative = letters(&database, membership.representative, scoring);
        let mut strands = vec![member.clone()];
        if !protein {
            let mut turned = Vec::new();
            reverse_complement(&member, &mut turned);
            strands.push(turned);
        }
        let reaches = |found: &exact::Found| found.reaches(identity, coverage, member.len());
        let any_path = |prefer: Prefer| {
            strands.iter().any(|member| best_paths(protein, member, &representative, prefer).iter().any(reaches))
        };
        if member == representative || strands.iter().any(|member| reaches(&one_path(protein, member, &representative)))
        {
            counts.by_its_own_path += 1;
        } else if any_path(Prefer::MostMatches) || any_path(Prefer::FewestColumns) {
            counts.by_another_of_its_score += 1;
        } else {
            counts.failed += 1;
            let best: Vec<_> = strands.iter().map(|member| one_path(protein, member, &representative)).collect();
            eprintln!(
                "record {ordinal} of {} residues to {}: {best:?}, claimed {:?}",
                member.len(),
                membership.representative,
                membership.similarity
            );
        }
    }
    eprintln!("{}: identity {identity}, {counts:?}", path.display());
    counts
}

fn generated(alphabet: &[u8], seed: u64, turned: bool, identities: &[u16], least: usize) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.talaria");
    let records = families(seed, alphabet, 40, turned);
    let records = records.into_iter().enumerate().map(|(index, record)| (format!("r{index}").into_bytes(), record));
    Builder::new(&input).add_records("made", records).finish().unwrap();
    for &identity in identities {
        let output = folder.path().join(format!("{identity}.talaria"));
        let criterion = Criterion { identity, ..Criterion::default() };
        let method = Method::Cluster(Clustering { criterion, ..Clustering::default() });
        Reduction::new(&input, Output::Container(output.clone())).method(method).run().unwrap();
        let counts = check(&output, identity.into(), 8_000, None);
        assert_eq!(counts.failed, 0, "{counts:?}");
        assert!(counts.by_its_own_path + counts.by_another_of_its_score >= least, "{counts:?}");
    }
}

#[test]
fn proteins() {
    generated(b"ACDEFGHIKLMNPQRSTVWY", 1, false, &[9_000, 5_000], 100);
}

#[test]
fn nucleotides_of_both_strands() {
    generated(b"ACGT", 3, true, &[9_700, 9_000, 8_000], 40);
}

/// The convention of the crate, and that both aligners agree.
#[test]
fn a_gap_of_n_costs_what_it_should() {
    let representative = b"MKWLCHYFWMKPWCDEWHYK";
    let mut member = representative.to_vec();
    let whole = one_path(true, &member, representative).score;
    let lost: i32 = member.drain(9..12).map(|residue| bio::scores::blosum62(residue, residue)).sum();
    let found = one_path(true, &member, representative);
    assert_eq!(found, exact::Found { score: whole - lost - 13, matches: 17, columns: 20, covered: 17 });
    for prefer in [Prefer::MostMatches, Prefer::FewestColumns] {
        assert_eq!(best_paths(true, &member, representative, prefer), [found]);
    }
    let (member, representative) = (b"ACGTACCATGGTTACC", b"ACGTACCATCCGGTTACC");
    let found = one_path(false, member, representative);
    assert_eq!((found.score, found.columns, found.matches), (2 * 16 - 9, 18, 16));
    let best = best_paths(false, member, representative, Prefer::MostMatches);
    assert!(best.iter().all(|path| path.score == found.score) && best.contains(&found), "{best:?}");
}

/// `TALARIA_REDUCED` is a container that was reduced at `TALARIA_IDENTITY` (in ten-thousandths) and a coverage of 0.8.
#[test]
#[ignore = "needs a reduced container of real data: see TESTING.md"]
fn two_thousand_of_a_container() {
    let path = std::env::var("TALARIA_REDUCED").unwrap();
    let identity = std::env::var("TALARIA_IDENTITY").unwrap().parse().unwrap();
    let counts = check(Path::new(&path), identity, 8_000, Some(2_000));
    assert_eq!(counts.failed, 0, "{counts:?}");
}
