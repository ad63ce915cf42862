//! Records that belong to no reference, given by hand, in everything that a reduction writes.

use proptest::prelude::*;

use super::groups::Groups;
use super::report::Stages;
use super::*;
use crate::read::export::{ExportOptions, Lines, Selection};
use crate::read::verify::Level;
use crate::write::builder::Builder;
use crate::write::spill::Spill;
use crate::{Database, Error};

/// What becomes of each record: it is a reference, joins one that came before, or is left.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Reference,
    Member(prop::sample::Index),
    Left,
}

/// Records, and what becomes of them.
fn records() -> impl Strategy<Value = Vec<(Vec<u8>, Kind)>> {
    let kind =
        prop_oneof![Just(Kind::Reference), any::<prop::sample::Index>().prop_map(Kind::Member), Just(Kind::Left)];
    // Of two families, so that members become deltas and copies, and some records have the residues of another kind of
    // record.
    let residues = (0_usize..3, 0_usize..8, 0_usize..30).prop_map(|(family, end, change)| {
        let mut residues = ["MKVLAAGITEGHQRHWWPLK", "GSTNQAEEDDKRHWYFIMVC", ""][family].repeat(6).into_bytes();
        residues.truncate(residues.len().saturating_sub(end));
        if let Some(residue) = residues.get_mut(5 * change) {
            *residue = b'P';
        }
        residues
    });
    prop::collection::vec((residues, kind), 0..40)
}

/// References, and pairs of a reference and a member, and what is left.
type Split = (Vec<u64>, Vec<(u64, u64)>, Vec<u64>);

fn split(records: &[(Vec<u8>, Kind)]) -> Split {
    let (mut references, mut pairs, mut left): Split = Default::default();
    for (ordinal, (_, kind)) in (0..).zip(records) {
        match kind {
            Kind::Member(choice) if !references.is_empty() => {
                pairs.push((references[choice.index(references.len())], ordinal));
            }
            Kind::Left => left.push(ordinal),
            _ => references.push(ordinal),
        }
    }
    (references, pairs, left)
}

fn fasta<'r>(records: impl Iterator<Item = (u64, &'r [u8])>) -> Vec<u8> {
    let mut text = Vec::new();
    for (ordinal, residues) in records {
        text.extend_from_slice(format!(">r{ordinal} made\n").as_bytes());
        for line in residues.chunks(60) {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
    }
    text
}

fn exported(database: &Database, selection: Selection) -> Vec<u8> {
    let mut text = Vec::new();
    database.export(&mut text, &ExportOptions { selection, ..ExportOptions::default() }).unwrap();
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_split_comes_back(records in records(), threads in 1_usize..3) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let all = |ordinals: &[u64]| fasta(ordinals.iter().map(|&ordinal| (ordinal, &records[ordinal as usize].0[..])));
        let (references, pairs, left) = split(&records);
        let everything = all(&(0..records.len() as u64).collect::<Vec<_>>());
        std::fs::write(path("in.fa"), &everything).unwrap();
        let reduction = |output| {
            Reduction::new(path("in.fa"), output)
                .members(pairs.iter().copied())
                .unrepresented(left.iter().copied())
                .threads(threads)
        };
        let report = reduction(Output::Container(path("a.talaria")))
            .clusters(path("a.tsv"))
            .clstr(path("a.clstr"))
            .run()
            .unwrap();
        let residues = |ordinals: &[u64]| ordinals.iter().map(|&ordinal| records[ordinal as usize].0.len() as u64).sum::<u64>();
        prop_assert_eq!((report.references, report.unrepresented), (references.len() as u64, left.len() as u64));
        prop_assert_eq!(report.reference_residues, residues(&references));
        prop_assert_eq!(report.covered_residues, report.residues - residues(&left));

        let database = Database::open(path("a.talaria")).unwrap();
        prop_assert!(database.verify(Level::Everything).unwrap().is_sound());
        prop_assert!(exported(&database, Selection::All) == everything);
        prop_assert!(exported(&database, Selection::References) == all(&references));
        let clusters = database.clusters().unwrap();
        let mut lines = Vec::new();
        for ordinal in 0..database.len() {
            let joined = pairs.iter().find(|&&(_, member)| member == ordinal).map(|&(representative, _)| representative);
            let expected = joined.or(references.contains(&ordinal).then_some(ordinal));
            let membership = clusters.membership(ordinal).unwrap();
            prop_assert_eq!(membership.map(|membership| membership.representative), expected);
            let members: Vec<u64> = clusters.members(ordinal).unwrap().map(|member| member.unwrap().0).collect();
            let expected = pairs.iter().filter(|&&(other, _)| other == ordinal).map(|&(_, member)| member);
            prop_assert_eq!(&members, &expected.collect::<Vec<_>>());
            if references.contains(&ordinal) {
                lines.push(format!("r{ordinal}\tr{ordinal}\t1.000\t1.000"));
                lines.extend(members.iter().map(|member| format!("r{ordinal}\tr{member}\t0.000\t0.000")));
            }
        }
        let text = std::fs::read_to_string(path("a.clstr")).unwrap();
        prop_assert_eq!(text.lines().filter(|line| !line.starts_with('>')).count(), lines.len());
        lines.extend(left.iter().map(|record| format!("-\tr{record}\t0.000\t0.000")));
        let table = std::fs::read_to_string(path("a.tsv")).unwrap();
        prop_assert_eq!(table.lines().collect::<Vec<_>>(), lines);

        // The references alone, in either form; the table is the same.
        let report = reduction(Output::Container(path("b.talaria")))
            .references_only(true)
            .clusters(path("b.tsv"))
            .run()
            .unwrap();
        prop_assert_eq!((report.references, report.unrepresented), (references.len() as u64, left.len() as u64));
        prop_assert_eq!(std::fs::read_to_string(path("b.tsv")).unwrap(), table);
        let database = Database::open(path("b.talaria")).unwrap();
        prop_assert!(exported(&database, Selection::All) == all(&references) && !database.is_reduced());
        reduction(Output::Fasta(path("c.fa"), 60)).run().unwrap();
        prop_assert!(std::fs::read(path("c.fa")).unwrap() == all(&references));
    }
}

#[test]
fn what_is_in_a_cluster_or_not_there_cannot_be_left() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.fa");
    std::fs::write(&input, ">a\nMK\n>b\nMV\n>c\nGG\n").unwrap();
    for left in [0, 1, 3, u64::MAX] {
        let reduction = Reduction::new(&input, Output::Container(folder.path().join("no")));
        let refused = reduction.members([(0, 1)]).unrepresented([2, left]).run().unwrap_err();
        match left {
            0 | 1 => assert!(matches!(refused, Error::Option { option: "unrepresented", .. }), "{refused}"),
            _ => assert!(matches!(refused, Error::OutOfRange { .. }), "{refused}"),
        }
    }
    assert!(!folder.path().join("no").exists());
}

/// References that are no stored copies of their own, as a method may make them that says who has the residues.
#[test]
fn a_reference_may_be_a_delta() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.talaria"), folder.path().join("out.talaria"));
    let parent = "MKVLAAGITEGHQRHWWPLKMNDEYFCSTRV".repeat(4);
    let texts = [parent.clone(), parent.replace('W', "F"), parent.replace('H', "P"), parent];
    let text: Vec<(u64, &[u8])> = (0..).zip(texts.iter().map(|residues| residues.as_bytes())).collect();
    let everything = fasta(text.iter().copied());
    std::fs::write(folder.path().join("in.fa"), &everything).unwrap();
    Builder::new(&input).add_fasta(folder.path().join("in.fa")).finish().unwrap();
    let database = Database::open(&input).unwrap();
    let reduction = Reduction::new(&input, Output::Container(output.clone())).method(Method::Given);
    let spill = Spill::new(reduction.budget.clone(), folder.path().to_path_buf(), None);
    let (mut groups, mut copies) = (Groups::new(4, &spill, 0).unwrap(), Groups::new(4, &spill, 0).unwrap());
    // The second one stands for the third, and the others for nobody, but all are told by the first.
    groups.join(1, 2, Similarity::new(9_000, 10_000)).unwrap();
    groups.count(2);
    for (record, (_, residues)) in (0..).zip(&text) {
        if [0, 3].contains(&record) {
            groups.leave(record, residues.len() as u64).unwrap();
        }
        if record > 0 {
            copies.join(0, record, Similarity::new(0, 0)).unwrap();
        }
    }
    groups.set_copies(copies);
    reduction.write(&database, groups, &spill, &mut Stages::new(&reduction.budget)).unwrap();
    let database = Database::open(&output).unwrap();
    assert!(database.verify(Level::Everything).unwrap().is_sound());
    assert!(database.delta_of(1).unwrap().is_some() && database.header_entry(3).unwrap().is_shared());
    assert_eq!(database.clusters().unwrap().membership(3).unwrap(), None);
    assert!(exported(&database, Selection::All) == everything);
    let mut wrapped = Vec::new();
    let options =
        ExportOptions { lines: Lines::Width(60), selection: Selection::References, ..ExportOptions::default() };
    database.export(&mut wrapped, &options).unwrap();
    assert!(wrapped == fasta(text.iter().copied().skip(1).take(1)), "{}", String::from_utf8_lossy(&wrapped));
}
