//! What is written, read back, against a plain model: whatever the clusters, the width of ordinals and the memory.

use std::path::Path;

use proptest::prelude::*;
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::version::{OPTIONAL_MEMBERSHIP, OPTIONAL_REDUCED, REQUIRED_COMPACT_MEMBERSHIP};

use super::MembershipSections;
use crate::database::Database;
use crate::memory::budget::Budget;
use crate::read::clusters::{Membership, Status};
use crate::read::verify::Level;
use crate::reduce::Similarity;
use crate::reduce::similarity::Pair;
use crate::write::carried::carry;
use crate::write::publish::Unpublished;
use crate::write::sections::SectionWriter;
use crate::write::spill::Spill;
use crate::{Builder, OpenOptions};

/// Of each record its representative, if it has one, and how alike they are.
type Model = Vec<Option<(u64, Similarity)>>;

/// How a file is written.
#[derive(Debug, Clone, Copy)]
struct How {
    wide: bool,
    packs: bool,
    memory: u64,
    spills: bool,
}

const USUAL: How = How { wide: false, packs: false, memory: 64 << 20, spills: true };

/// A container of so many records of which nothing is known.
fn plain(folder: &Path, records: usize, packs: bool) -> Database {
    let path = folder.join("plain.talaria");
    let all = (0..records).map(|record| (format!("r{record}").into_bytes(), b"MKV".to_vec()));
    Builder::new(&path).add_records("records", all).packed_columns(packs).finish().unwrap();
    Database::open(path).unwrap()
}

/// The bytes of the same one with the clusters of a model.
fn written(folder: &Path, plain: &Database, model: &Model, how: How) -> Vec<u8> {
    let path = folder.join("with.talaria");
    let spill = Spill::new(Budget::new(how.memory), folder.to_path_buf(), None).allowed(how.spills);
    let mut membership = MembershipSections::with_width(how.wide, &spill, 0).unwrap();
    let mut pairs: Vec<Pair> = (0..)
        .zip(model)
        .filter_map(|(member, of)| match *of {
            Some((representative, _)) if representative == member => None,
            Some((representative, similarity)) => Some(Pair { representative, member, similarity }),
            None => Some(Pair::unrepresented(member)),
        })
        .collect();
    pairs.sort_unstable();
    pairs.into_iter().for_each(|pair| membership.push(pair).unwrap());
    let mut writer = SectionWriter::new(Unpublished::create(&path).unwrap(), &spill, how.packs).unwrap();
    membership.write(&mut writer, plain.len(), &spill).unwrap();
    let kinds = plain.container().sections().iter().map(|section| section.kind);
    for kind in kinds.filter(|&kind| kind != SectionKind::PageChecksums) {
        carry(plain, kind, &mut writer).unwrap();
    }
    let mut header = *plain.container().header();
    header.required_features |= REQUIRED_COMPACT_MEMBERSHIP;
    header.optional_features |= OPTIONAL_MEMBERSHIP | OPTIONAL_REDUCED;
    writer.finish(header, &spill).unwrap().publish().unwrap();
    assert_eq!((spill.budget().in_use(), spill.bytes_on_disk()), (0, 0));
    std::fs::read(path).unwrap()
}

fn check(model: &Model, bytes: Vec<u8>, how: How) {
    let database = OpenOptions::new().cache(1 << 20).from_bytes(bytes).unwrap();
    assert_eq!(database.container().has_packed_columns(), how.packs);
    let problems = database.verify(Level::Everything).unwrap().problems;
    assert!(problems.is_empty(), "{problems:?}");
    let clusters = database.clusters().unwrap();
    let mut expected_pairs = Vec::new();
    for (ordinal, of) in (0..).zip(model) {
        let expected = of.map(|(representative, similarity)| Membership { representative, similarity });
        assert_eq!(clusters.membership(ordinal).unwrap(), expected, "{ordinal}");
        for likely in [0, ordinal, of.map_or(0, |(representative, _)| representative), u64::MAX] {
            assert_eq!(clusters.membership_beside(ordinal, likely).unwrap(), expected, "{ordinal} beside {likely}");
        }
        let status = match expected {
            None => Status::Unrepresented,
            Some(found) if found.representative == ordinal => Status::Representative,
            Some(_) => Status::Member,
        };
        assert_eq!((clusters.status(ordinal).unwrap(), database.status(ordinal).unwrap()), (status, Some(status)));
        let of_this = |(member, joined): (u64, &Option<(u64, Similarity)>)| match *joined {
            Some((other, similarity)) if other == ordinal && member != ordinal => Some((member, similarity)),
            _ => None,
        };
        let members: Vec<(u64, Similarity)> = (0..).zip(model).filter_map(of_this).collect();
        assert_eq!(clusters.member_count(ordinal).unwrap(), members.len() as u64);
        assert_eq!(clusters.members(ordinal).unwrap().collect::<crate::Result<Vec<_>>>().unwrap(), members);
        expected_pairs.extend(expected.filter(|_| status == Status::Member).map(|found| (ordinal, found)));
    }
    let (all, twice): (Vec<u64>, Vec<u64>) = ((0..database.len()).rev().collect(), vec![database.len() / 2; 2]);
    for asked in [&all[..], &all[..all.len().min(1)], if all.is_empty() { &[] } else { &twice }] {
        let one_by_one: Vec<_> = asked.iter().map(|&ordinal| clusters.membership(ordinal).unwrap()).collect();
        assert_eq!(clusters.memberships(asked).unwrap(), one_by_one);
    }
    assert!(clusters.memberships(&[database.len()]).is_err());
    let mut pairs = Vec::new();
    clusters
        .for_each_member(|member, membership| {
            pairs.push((member, membership));
            Ok(())
        })
        .unwrap();
    pairs.sort_unstable_by_key(|&(member, _)| member);
    assert_eq!(pairs, expected_pairs);
}

/// Clusters of any kind: kind, choice of a representative, identity and coverage of each record.
fn models() -> impl Strategy<Value = Model> {
    let share = prop_oneof![Just(10_000_u16), 0_u16..=10_000];
    let record = (0_u8..12, any::<prop::sample::Index>(), share.clone(), share);
    (prop::collection::vec(record, 0..500), 1_u8..11, any::<bool>()).prop_map(|(records, own, left)| {
        let kind = |record: u8| match record {
            11 if left => 2,
            record if record < own => 0,
            _ => 1,
        };
        let representatives: Vec<u64> =
            (0..).zip(&records).filter(|(_, record)| kind(record.0) == 0).map(|(ordinal, _)| ordinal).collect();
        let of =
            |(ordinal, &(record, choice, identity, coverage)): (u64, &(u8, prop::sample::Index, u16, u16))| match kind(
                record,
            ) {
                1 if !representatives.is_empty() => {
                    let representative = representatives[choice.index(representatives.len())];
                    Some((representative, Similarity::new(identity, coverage)))
                }
                2 => None,
                _ => Some((ordinal, Similarity::FULL)),
            };
        (0..).zip(&records).map(of).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn clusters_come_back(model in models(), wide: bool, packs: bool) {
        let folder = tempfile::tempdir().unwrap();
        let (plain, how) = (plain(folder.path(), model.len(), packs), How { wide, packs, ..USUAL });
        check(&model, written(folder.path(), &plain, &model, how), how);
    }
}

/// Records of one cluster, in an order that makes the permutation one of long cycles; and many clusters.
fn large(records: u64, clusters: u64) -> Model {
    let alike = |ordinal: u64| Similarity::new((ordinal * 7919 % 10_001) as u16, 10_000);
    let of = |ordinal: u64| match ordinal % records.div_ceil(clusters) {
        0 => (ordinal, Similarity::FULL),
        _ => (ordinal * 7919 % records / records.div_ceil(clusters) * records.div_ceil(clusters), alike(ordinal)),
    };
    (0..records).map(|ordinal| Some(of(ordinal))).collect()
}

#[test]
fn bytes_do_not_depend_on_memory() {
    let folder = tempfile::tempdir().unwrap();
    let plain = plain(folder.path(), 20_000, false);
    for clusters in [1, 700] {
        let model = large(20_000, clusters);
        let bytes = written(folder.path(), &plain, &model, USUAL);
        for (memory, spills) in [(1_500_000, true), (64 << 20, false)] {
            let how = How { memory, spills, ..USUAL };
            assert!(written(folder.path(), &plain, &model, how) == bytes, "{clusters}, {memory}");
        }
        let database = OpenOptions::new().from_bytes(bytes).unwrap();
        assert!(database.verify(Level::Everything).unwrap().is_sound());
        let clusters = database.clusters().unwrap();
        // More members than are passed in the time of a few searches.
        let asked = [19_999, 1, 7, 1];
        let expected: Vec<_> = asked.iter().map(|&ordinal| clusters.membership(ordinal).unwrap()).collect();
        assert_eq!(clusters.memberships(&asked).unwrap(), expected);
        for (ordinal, of) in (0..).zip(&model) {
            let found = clusters.membership(ordinal).unwrap().map(|found| (found.representative, found.similarity));
            assert_eq!(found, *of, "{ordinal}");
        }
    }
}

#[test]
fn nothing_is_as_good_as_something() {
    let folder = tempfile::tempdir().unwrap();
    for records in [0, 1, 160, 161] {
        let plain = plain(folder.path(), records, false);
        let alone: Model = (0..records as u64).map(|ordinal| Some((ordinal, Similarity::FULL))).collect();
        for model in [alone, vec![None; records]] {
            check(&model, written(folder.path(), &plain, &model, USUAL), USUAL);
        }
    }
}
