use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::align::{AlignmentPool, Criterion, Scoring, fold};
use crate::database::Database;
use crate::memory::budget::Budget;
use crate::read::verify::Level;
use crate::reduce::{Method, Output, Reduction, ReductionReport};

/// A family, and a number from which a relative follows.
type Relative = (u8, u8);

/// Residues of a relative: those of its family, some replaced, some left out at the front.
fn residues((family, number): Relative) -> String {
    let mut state = u64::from(family) + 7;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    let mut residues: Vec<u8> = (0..80 + 9 * usize::from(family)).map(|_| b"ACDEFGHIKLMNPQRSTVWY"[next(20)]).collect();
    for step in 0..usize::from(number % 6) {
        let at = (11 * step + usize::from(number) * 5) % residues.len();
        residues[at] = b"WYCHMFPQ"[usize::from(number) % 8];
    }
    residues.drain(..usize::from(number % 3) * 6);
    String::from_utf8(residues).unwrap()
}

fn fasta(relatives: &[Relative]) -> String {
    relatives.iter().enumerate().map(|(at, &relative)| format!(">r{at}\n{}\n", residues(relative))).collect()
}

fn select(
    input: &Path,
    selection: Selection,
    settings: impl FnOnce(Reduction<'_>) -> Reduction<'_>,
) -> ReductionReport {
    let output = Output::Container(input.with_extension("talaria"));
    settings(Reduction::new(input, output).method(Method::Select(selection))).run().unwrap()
}

/// The representative of each record by number, if it has one.
fn representatives(container: &Path) -> Vec<Option<usize>> {
    let database = Database::open(container).unwrap();
    assert!(database.verify(Level::Everything).unwrap().is_sound());
    let clusters = database.clusters().unwrap();
    let one = |ordinal| clusters.membership(ordinal).unwrap().map(|membership| membership.representative as usize);
    (0..database.len()).map(one).collect()
}

fn confirmed(criterion: &Criterion, member: &str, representative: &str) -> bool {
    let folded = |residues: &str| {
        let mut folded = Vec::new();
        fold(residues.as_bytes(), Scoring::Protein, &mut folded);
        folded
    };
    let (member, representative) = (folded(member), folded(representative));
    let pool = AlignmentPool::new(&Budget::new(u64::MAX)).unwrap();
    let mut aligner = pool.acquire(member.len() as u64).unwrap();
    (-40..40).any(|diagonal| aligner.verify(Scoring::Protein, criterion, &member, &representative, diagonal).is_some())
}

fn relatives() -> impl Strategy<Value = Vec<Relative>> {
    prop::collection::vec((0_u8..7, 0_u8..40), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_chosen_covers_and_nothing_is_lost(relatives in relatives(), ratio in prop::option::of(0_u16..=10_000), taxa: bool) {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("a.fa");
        std::fs::write(&input, fasta(&relatives)).unwrap();
        let map = folder.path().join("taxa.tsv");
        let lines: String = (0..relatives.len()).map(|at| format!("r{at}\ttaxon {}\n", at % 5)).collect();
        std::fs::write(&map, format!("{lines}r1000\t7\n")).unwrap();
        let selection = Selection { ratio, ..Selection::default() };
        let with = |reduction: Reduction<'static>| if taxa { reduction.taxa(&map) } else { reduction };
        let output = Output::Container(input.with_extension("talaria"));
        let reduction = with(Reduction::new(&input, output).method(Method::Select(selection)));
        let least = reduction.least_memory().unwrap();
        let report = reduction.budget(Budget::new(least)).run().unwrap();

        let container = input.with_extension("talaria");
        let database = Database::open(&container).unwrap();
        let mut text = Vec::new();
        database.export(&mut text, &Default::default()).unwrap();
        prop_assert_eq!(String::from_utf8(text).unwrap(), fasta(&relatives));

        let all = representatives(&container);
        let is_reference = |at: &usize| all[*at] == Some(*at);
        let references: Vec<usize> = (0..all.len()).filter(is_reference).collect();
        prop_assert_eq!(report.references as usize, references.len());
        prop_assert_eq!(report.unrepresented as usize, all.iter().filter(|one| one.is_none()).count());
        for (at, one) in all.iter().enumerate() {
            if let Some(representative) = *one {
                prop_assert!(is_reference(&representative));
                let (member, whole) = (residues(relatives[at]), residues(relatives[representative]));
                prop_assert!(member == whole || confirmed(&selection.clustering.criterion, &member, &whole), "{at}");
            }
        }
        let length = |at: &usize| residues(relatives[*at]).len() as u64;
        let of_references: u64 = references.iter().map(length).sum();
        prop_assert_eq!(report.reference_residues, of_references);
        match ratio {
            None => prop_assert_eq!(report.unrepresented, 0),
            Some(_) if taxa => {}
            Some(ratio) => prop_assert!(of_references * 10_000 <= report.residues * u64::from(ratio)),
        }
        if taxa {
            let kept: BTreeSet<usize> = references.iter().map(|at| at % 5).collect();
            prop_assert_eq!((kept.len(), report.unknown_taxa), (relatives.len().min(5), 1));
        }
    }

    #[test]
    fn neither_order_nor_threads_count(relatives in relatives(), ratio in prop::option::of(1_000_u16..=9_000)) {
        let folder = tempfile::tempdir().unwrap();
        // Of records that are the same it cannot be said which one is chosen.
        let distinct: BTreeMap<String, Relative> = relatives.iter().map(|&relative| (residues(relative), relative)).collect();
        let forward: Vec<Relative> = distinct.into_values().collect();
        let backward: Vec<Relative> = forward.iter().copied().rev().collect();
        let clusters = |relatives: &[Relative], threads: usize| {
            let input = folder.path().join("a.fa");
            let text: String = relatives.iter().map(|&relative| format!(">{relative:?}\n{}\n", residues(relative))).collect();
            std::fs::write(&input, text).unwrap();
            select(&input, Selection { ratio, ..Selection::default() }, |reduction| reduction.threads(threads));
            let all = representatives(&input.with_extension("talaria"));
            let named = |(at, one): (usize, &Option<usize>)| (relatives[at], one.map(|at| relatives[at]));
            all.iter().enumerate().map(named).collect::<BTreeMap<_, _>>()
        };
        prop_assert_eq!(clusters(&forward, 1), clusters(&backward, 2));
    }
}

#[test]
fn the_same_residues_of_two_taxa_give_two_references() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("a.fa");
    std::fs::write(&input, fasta(&[(1, 0), (1, 0), (1, 0)])).unwrap();
    let map = folder.path().join("taxa.tsv");
    std::fs::write(&map, "r0\tone\nr1\tanother\n").unwrap();
    let report = select(&input, Selection { ratio: Some(0), ..Selection::default() }, |reduction| reduction.taxa(&map));
    assert_eq!((report.references, report.unrepresented), (2, 0));
}

#[test]
fn what_is_no_map_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (input, map) = (folder.path().join("a.fa"), folder.path().join("taxa.tsv"));
    std::fs::write(&input, fasta(&[(1, 0), (2, 0)])).unwrap();
    for (text, line) in [("r0\t9606\nr1 9606\n", 2), ("\n\t9606\n", 2), ("r0\t9606\tx\n", 1)] {
        std::fs::write(&map, text).unwrap();
        let output = Output::Container(folder.path().join("out.talaria"));
        let method = Method::Select(Selection::default());
        let error = Reduction::new(&input, output).method(method).taxa(&map).run().unwrap_err();
        assert!(error.to_string().contains(&format!("taxa.tsv: line {line}")), "{error}");
    }
}
