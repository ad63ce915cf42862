//! Groups made by hand, written and read back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::groups::Groups;
use super::report::Stages;
use super::*;
use crate::read::clusters::Membership;
use crate::read::export::{ExportOptions, Selection};
use crate::read::verify::Level;
use crate::write::builder::Builder;
use crate::write::spill::Spill;
use crate::{Database, Error};

/// Who stands for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joined {
    /// It does itself.
    Itself,
    /// Another one, which it is so alike.
    Other(u64, Similarity),
    /// None does.
    Nobody,
}

/// Writes these groups over records that all have the same residues, so that any grouping gives them back. With copies,
/// the first record has the residues of those that none stands for.
fn written(joined: &[Joined], method: Method, copies: bool) -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.talaria"), folder.path().join("out.talaria"));
    let records = (0..joined.len()).map(|index| (format!("r{index}").into_bytes(), b"MKVLAAGI".to_vec()));
    Builder::new(&input).add_records("made", records).finish().unwrap();
    let database = Database::open(&input).unwrap();
    let reduction = Reduction::new(&input, Output::Container(output.clone())).membership(true).method(method);
    let spill = Spill::new(reduction.budget.clone(), folder.path().to_path_buf(), None);
    let mut groups = Groups::new(database.len(), &spill, 0).unwrap();
    let mut of_copies = Groups::new(database.len(), &spill, 0).unwrap();
    let (mut sizes, mut nobody): (BTreeMap<u64, u64>, u64) = (BTreeMap::new(), 0);
    for (member, joined) in (0..).zip(joined) {
        match *joined {
            Joined::Itself => *sizes.entry(member).or_default() += 1,
            Joined::Other(representative, similarity) => {
                *sizes.entry(representative).or_default() += 1;
                groups.join(representative, member, similarity).unwrap();
                of_copies.join(representative, member, similarity).unwrap();
            }
            Joined::Nobody => {
                nobody += 1;
                groups.leave(member, 8).unwrap();
                of_copies.join(0, member, Similarity::FULL).unwrap();
            }
        }
    }
    sizes.values().for_each(|&size| groups.count(size));
    if copies {
        groups.set_copies(of_copies);
    }
    let clusters: u64 = groups.sizes().iter().map(|(_, count)| count).sum();
    let report = reduction.write(&database, groups, &spill, &mut Stages::new(&reduction.budget)).unwrap();
    assert_eq!((report.references, report.unrepresented, clusters), (sizes.len() as u64, nobody, report.references));
    assert_eq!((report.covered_residues, report.reference_residues), (report.residues - 8 * nobody, 8 * clusters));
    let reduced = Database::open(&output).unwrap();
    if nobody > 0 {
        let stored = (0..database.len()).filter(|&ordinal| reduced.header_entry(ordinal).unwrap().is_reference());
        let of_nobody = stored.filter(|&ordinal| joined[ordinal as usize] == Joined::Nobody).count();
        assert_eq!(of_nobody as u64, if copies { 0 } else { nobody }, "stored as such");
    }
    (folder, reduced)
}

fn check_against(joined: &[Joined], database: &Database, exact: bool) {
    assert!(database.verify(Level::Everything).unwrap().is_sound());
    let clusters = database.clusters().unwrap();
    let similarity = |similarity| if exact { Similarity::FULL } else { similarity };
    let mut references = Vec::new();
    for (ordinal, of) in joined.iter().enumerate() {
        let ordinal = ordinal as u64;
        let expected = match *of {
            Joined::Itself => Some((ordinal, Similarity::FULL)),
            Joined::Other(representative, alike) => Some((representative, similarity(alike))),
            Joined::Nobody => None,
        };
        let found = clusters.membership(ordinal).unwrap();
        assert_eq!(found.map(|Membership { representative, similarity }| (representative, similarity)), expected);
        let of_this = |(member, joined): (usize, &Joined)| match *joined {
            Joined::Other(other, alike) if other == ordinal => Some((member as u64, similarity(alike))),
            _ => None,
        };
        let expected: Vec<(u64, Similarity)> = joined.iter().enumerate().filter_map(of_this).collect();
        let members: Vec<(u64, Similarity)> =
            clusters.members(ordinal).unwrap().collect::<crate::error::Result<_>>().unwrap();
        assert_eq!((members.len() as u64, &members), (clusters.member_count(ordinal).unwrap(), &expected));
        if *of == Joined::Itself {
            references.extend_from_slice(format!(">r{ordinal}\nMKVLAAGI\n").as_bytes());
        }
    }
    let options = ExportOptions { selection: Selection::References, ..ExportOptions::default() };
    let mut exported = Vec::new();
    database.export(&mut exported, &options).unwrap();
    assert_eq!(exported, references);
    let (mut everything, all) = (Vec::new(), (0..joined.len()).map(|ordinal| format!(">r{ordinal}\nMKVLAAGI\n")));
    database.export(&mut everything, &ExportOptions::default()).unwrap();
    assert_eq!(everything, all.collect::<String>().into_bytes());
    assert!(clusters.membership(joined.len() as u64).is_err() && clusters.members(joined.len() as u64).is_err());
}

/// Groupings of records of as many kinds: those that stand for themselves, that join another, that nobody stands for.
fn groupings(kinds: u8) -> impl Strategy<Value = Vec<Joined>> {
    let record = (0..kinds, any::<prop::sample::Index>(), 0_u16..=10_000, 0_u16..=10_000);
    prop::collection::vec(record, 1..200).prop_map(|records| {
        // The first one stands for itself, so that there is always one to join.
        let kind = |index: usize| if index == 0 { 0 } else { records[index].0 };
        let representatives: Vec<usize> = (0..records.len()).filter(|&index| kind(index) == 0).collect();
        let joined = |(index, (_, choice, identity, coverage)): (usize, &(u8, prop::sample::Index, u16, u16))| {
            let before = &representatives[..representatives.partition_point(|&other| other < index)];
            match kind(index) {
                0 => Joined::Itself,
                1 => Joined::Other(before[choice.index(before.len())] as u64, Similarity::new(*identity, *coverage)),
                _ => Joined::Nobody,
            }
        };
        records.iter().enumerate().map(joined).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    // EVIDENCE: M-1, M-2, M-3, M-4
    #[test]
    fn any_grouping_comes_back(joined in groupings(2)) {
        let (_folder, database) = written(&joined, Method::Exact, false);
        prop_assert!(database.container().has_membership());
        check_against(&joined, &database, false);
    }

    // EVIDENCE: M-2, M-4, M-5
    #[test]
    fn records_that_nobody_stands_for_come_back(joined in groupings(3), copies: bool) {
        let (_folder, database) = written(&joined, Method::Given, copies);
        check_against(&joined, &database, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    // With the least memory that there may be.
    #[test]
    fn the_preferred_one_of_identical_records(records in prop::collection::vec((0_usize..40, 0_usize..4), 1..300)) {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in.talaria"), folder.path().join("out.talaria"));
        let marks = ["", " second", " first second", " third"];
        let header = |(index, &(_, mark)): (usize, &(usize, usize))| format!("r{index}{}", marks[mark]).into_bytes();
        let residues = |kind: usize| "MKVLAAGI"[..kind % 8].repeat(kind).into_bytes();
        let made = records.iter().enumerate().map(|record| (header(record), residues(record.1.0)));
        Builder::new(&input).add_records("made", made.collect::<Vec<_>>().into_iter()).finish().unwrap();

        let preference = Preference::default().text("first").text("second").text("third");
        let reduction = |budget: u64| {
            Reduction::new(&input, Output::Container(output.clone()))
                .prefer(preference.clone())
                .threads(1)
                .temporary_folder(folder.path())
                .budget(Budget::new(budget))
        };
        reduction(reduction(u64::MAX).least_memory().unwrap()).run().unwrap();
        let database = Database::open(&output).unwrap();
        let clusters = database.clusters().unwrap();
        for (ordinal, &(kind, _)) in records.iter().enumerate() {
            let same = records.iter().enumerate().filter(|(_, other)| residues(other.0) == residues(kind));
            let best = same.min_by_key(|&(index, &(_, mark))| ([3, 1, 0, 2][mark], index)).unwrap().0;
            prop_assert_eq!(clusters.membership(ordinal as u64).unwrap().unwrap().representative, best as u64);
        }
    }
}

#[test]
fn an_exact_reduction_says_it_by_its_copies() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("a.fa"), folder.path().join("a.talaria"));
    // Records without residues stand where others of other addresses could be taken for them.
    std::fs::write(&input, ">r0\nMKV\n>r1\n>r2\nAAA\n>r3\nMKV\n>r4\n>r5\nAAA\n>r6\nMKV\n>r7\nGGA\n").unwrap();
    for membership in [false, true] {
        Reduction::new(&input, Output::Container(output.clone())).membership(membership).run().unwrap();
        let database = Database::open(&output).unwrap();
        assert_eq!(database.container().has_membership(), membership);
        let clusters = database.clusters().unwrap();
        let of: Vec<u64> =
            (0..8).map(|ordinal| clusters.membership(ordinal).unwrap().unwrap().representative).collect();
        assert_eq!(of, [0, 1, 2, 0, 1, 2, 0, 7]);
        let members = |ordinal| clusters.members(ordinal).unwrap().map(|member| member.unwrap().0).collect::<Vec<_>>();
        assert_eq!([members(0), members(1), members(3), members(7)], [vec![3, 6], vec![4], vec![], vec![]]);
    }
    let plain = folder.path().join("plain.talaria");
    Builder::new(&plain).add_fasta(&input).finish().unwrap();
    assert!(matches!(Database::open(&plain).unwrap().clusters(), Err(Error::NotReduced { .. })));
}
