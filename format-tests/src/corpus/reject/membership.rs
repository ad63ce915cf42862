//! Clusters that contradict themselves.

use talaria_db_spec::membership::MembershipEntry;
use talaria_db_spec::section::SectionKind;
use zerocopy::little_endian::U32;

use super::{List, PROTEINS, Row};
use crate::corpus::accept::{NOBODY, clusters, unrepresented};

// EVIDENCE: M-1, M-2, M-3, M-4, M-5
pub(super) fn list(list: &mut List) {
    use SectionKind::{Members, Membership};
    list.reject("M-1", "no-membership", PROTEINS, "members of nobody knows whom", |draft| {
        clusters(draft);
        draft.remove(Membership);
    });
    list.reject("M-1", "item-size", PROTEINS, "clusters in items of 16 bytes", |draft| {
        clusters(draft);
        let part = draft.part_mut(Membership);
        part.bytes = part.bytes.repeat(2);
        part.entry.item_size.set(16);
    });
    let entries: [Row<Vec<MembershipEntry>>; 7] = [
        ("M-2", "no-record", |entries| entries[3].representative.set(4), "a representative that is not there"),
        ("M-2", "not-its-own", |entries| entries[3].representative.set(1), "a representative that is a member"),
        ("M-2", "none-above", |entries| entries[2] = NOBODY, "a representative that has none itself"),
        ("M-4", "listed", |entries| entries[3] = NOBODY, "a record that none stands for among the members"),
        ("M-3", "identity", |entries| entries[3].identity.set(10_001), "an identity above 1"),
        ("M-3", "coverage", |entries| entries[1].coverage.set(u16::MAX), "a coverage above 1"),
        ("M-3", "own", |entries| entries[2].identity.set(9_999), "a representative that is not like itself"),
    ];
    for (rules, name, change, shows) in entries {
        list.reject(rules, name, PROTEINS, shows, |draft| {
            clusters(draft);
            draft.edit::<MembershipEntry>(Membership, change);
        });
    }
    let entries: [Row<Vec<MembershipEntry>>; 2] = [
        ("M-5", "identity", |entries| entries[3].identity.set(1), "an identity with nothing"),
        ("M-5", "coverage", |entries| entries[3].coverage.set(10_000), "a coverage of nothing"),
    ];
    for (rules, name, change, shows) in entries {
        list.reject(rules, name, PROTEINS, shows, |draft| {
            unrepresented(draft);
            draft.edit::<MembershipEntry>(Membership, change);
        });
    }
    let items: [Row<Vec<U32>>; 5] = [
        ("M-4", "order", |items| items.swap(0, 1), "members out of order"),
        ("M-4", "twice", |items| items[1] = items[0], "a member twice"),
        ("M-4", "missing", |items| items.truncate(1), "a member that is not listed"),
        ("M-4", "representative", |items| items.insert(1, U32::new(2)), "a representative among the members"),
        ("M-4", "no-record", |items| items.push(U32::new(4)), "a member that is not there"),
    ];
    for (rules, name, change, shows) in items {
        list.reject(rules, name, PROTEINS, shows, |draft| {
            clusters(draft);
            draft.edit::<U32>(Members, change);
        });
    }
}
