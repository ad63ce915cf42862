//! Who stands for whom, in either form: files with an item a record are read as those in the compact form are, and all
//! ways to ask give one answer.
#![expect(clippy::unwrap_used, reason = "in the helpers of tests a fault is a failed test")]

use std::path::Path;

use talaria_db::Database;
use talaria_db::read::clusters::Membership;
use talaria_db::reduce::Similarity;
use talaria_db_format_tests::{fixtures, ladder, manifest, outcome};

/// What both forms say of four records: representative, identity and coverage.
type Of = Option<(u64, u16, u16)>;

/// Files of the accept corpus with an item a record.
const LISTED: [(&str, [Of; 4]); 4] = [
    ("membership", CLUSTERS),
    ("wide-membership", CLUSTERS),
    ("no-representative", [CLUSTERS[0], CLUSTERS[1], CLUSTERS[2], None]),
    ("wide-no-representative", [CLUSTERS[0], CLUSTERS[1], CLUSTERS[2], None]),
];
const CLUSTERS: [Of; 4] =
    [Some((0, 10_000, 10_000)), Some((0, 9_000, 10_000)), Some((2, 10_000, 10_000)), Some((2, 8_765, 10_000))];

/// The memberships of all records, asked for one by one, together and from the other side.
fn memberships(path: &Path) -> Vec<Of> {
    let database = outcome::small_options().open(path).unwrap();
    let clusters = database.clusters().unwrap();
    let ordinals: Vec<u64> = (0..database.len()).collect();
    let one_by_one: Vec<_> = ordinals.iter().map(|&ordinal| clusters.membership(ordinal).unwrap()).collect();
    assert_eq!(clusters.memberships(&ordinals).unwrap(), one_by_one, "{}", path.display());
    for &ordinal in &ordinals {
        let of_this = |(member, found): (u64, &Option<Membership>)| {
            found
                .filter(|found| found.representative == ordinal && member != ordinal)
                .map(|found| (member, found.similarity))
        };
        let expected: Vec<(u64, Similarity)> = (0..).zip(&one_by_one).filter_map(of_this).collect();
        let members: talaria_db::Result<Vec<_>> = clusters.members(ordinal).unwrap().collect();
        assert_eq!(members.unwrap(), expected, "{}", path.display());
        assert_eq!(clusters.member_count(ordinal).unwrap(), expected.len() as u64, "{}", path.display());
    }
    let of = |found: Option<Membership>| {
        found.map(|found| (found.representative, found.similarity.identity(), found.similarity.coverage()))
    };
    one_by_one.into_iter().map(of).collect()
}

#[test]
fn an_item_a_record_is_read_for_ever() {
    for (name, expected) in LISTED {
        let path = fixtures::corpus().join("accept").join(name).with_extension("talaria");
        let database = Database::open(&path).unwrap();
        assert!(database.container().has_membership() && !database.container().has_compact_membership(), "{name}");
        assert_eq!(memberships(&path), expected, "{name}");
    }
}

#[test]
fn all_ways_to_ask_give_one_answer() {
    let accepted = manifest::read().into_iter().filter(|entry| entry.kind() == "accept");
    let accepted = accepted.map(|entry| fixtures::corpus().join(entry.path));
    let golden = ladder::RUNGS.iter().map(|rung| rung.folder().join(ladder::Rung::CONTAINER));
    let mut compact = 0;
    for path in accepted.chain(golden) {
        let database = Database::open(&path).unwrap();
        compact += u32::from(database.container().has_compact_membership());
        if database.is_reduced() {
            memberships(&path);
        }
    }
    assert!(compact > 10, "{compact} files in the compact form");
}
