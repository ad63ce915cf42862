//! Clusters in the compact form that contradict themselves. The seeds have four records, and 28.

use talaria_db_spec::section::SectionKind;
use talaria_db_spec::shortcut::ShortcutEntry;
use talaria_db_spec::standing::StandingItem;
use talaria_db_spec::version::REQUIRED_COMPACT_MEMBERSHIP;
use zerocopy::little_endian::{U16, U32, U64};

use super::{List, PROTEINS, Row};
use crate::compact;
use crate::corpus::accept::clusters;
use crate::corpus::accept::compact::{compact_clusters, compact_cycle};

/// Its records are in clusters whose members are in one cycle of more than 16.
const FAMILIES: &str = "0031-similarity-order";

pub(super) fn list(list: &mut List) {
    sections(list);
    standing(list);
    lists(list);
    shortcuts(list);
}

// EVIDENCE: M-6
fn sections(list: &mut List) {
    use SectionKind::{Coverages, Groups, Identities, Members, Shortcuts, Standing};
    let kinds = [
        ("no-standing", Standing, "no standing"),
        ("no-groups", Groups, "no groups"),
        ("no-members", Members, "no members"),
        ("no-identities", Identities, "no identities"),
        ("no-coverages", Coverages, "no coverages"),
        ("no-shortcuts", Shortcuts, "no shortcuts"),
    ];
    for (name, kind, shows) in kinds {
        list.reject("M-6", name, PROTEINS, shows, |draft| {
            compact_clusters(draft);
            draft.remove(kind);
        });
    }
    list.reject("M-6", "both-forms", PROTEINS, "an item a record beside the compact form", |draft| {
        compact_clusters(draft);
        draft.add(SectionKind::Membership, 8, &[0; 32]);
    });
    list.reject("M-6", "no-feature", PROTEINS, "standing beside the form with an item a record", |draft| {
        clusters(draft);
        draft.add(Standing, 64, &[0; 64]);
    });
    list.reject("M-6", "feature", PROTEINS, "the feature without any of its sections", |draft| {
        draft.header.required_features |= REQUIRED_COMPACT_MEMBERSHIP;
    });
}

// EVIDENCE: M-7, M-8
fn standing(list: &mut List) {
    let items: [Row<Vec<StandingItem>>; 8] = [
        ("M-7", "items", |items| items.push(items[0]), "an item of standing for records that are not there"),
        ("M-7", "no-item", Vec::clear, "no item of standing"),
        ("M-7", "members-before", |items| items[0].members.set(1), "a member before the first record"),
        ("M-7", "partial-before", |items| items[0].partial.set(u64::MAX), "all coverages before the first record"),
        ("M-7", "leaders-before", |items| items[0].leaders.set(7), "leaders before the first record"),
        ("M-7", "after-the-last", |items| items[0].standings[1] = 2, "a member after the last record"),
        ("M-7", "fewer-leaders", |items| items[0].standings[0] &= 0xFC, "a leader that stands alone"),
        ("M-7", "covered", |items| items[0].standings[0] ^= 0x40, "a coverage that is nobody's"),
    ];
    for (rules, name, change, shows) in items {
        list.reject(rules, name, PROTEINS, shows, |draft| {
            compact_clusters(draft);
            draft.edit::<StandingItem>(SectionKind::Standing, change);
        });
    }
    let words: [Row<Vec<U64>>; 4] = [
        ("M-8", "items", |words| words.push(U64::ZERO), "bits of records that are not there"),
        ("M-8", "after-the-last", |words| words[0] |= 1 << 4, "a bit after the last record"),
        ("M-8", "leader", |words| words[0] = U64::new(1), "a leader that has no representative"),
        ("M-8", "member", |words| words[0] |= 2, "a member that has no representative"),
    ];
    for (rules, name, change, shows) in words {
        list.reject(rules, name, PROTEINS, shows, |draft| {
            compact::add(draft, &[Some((0, 10_000, 10_000)), Some((0, 1, 2)), Some((2, 10_000, 10_000)), None], false);
            draft.edit::<U64>(SectionKind::Unrepresented, change);
        });
    }
}

// EVIDENCE: M-9, M-10, M-11
fn lists(list: &mut List) {
    let groups: [Row<Vec<U32>>; 5] = [
        ("M-9", "first", |items| items[0].set(1), "members of nobody"),
        ("M-9", "empty", |items| items[1].set(0), "a leader without members"),
        ("M-9", "order", |items| items[1].set(3), "groups that do not ascend"),
        ("M-9", "last", |items| items[2].set(3), "a group that goes on after the last member"),
        ("M-7,M-9", "groups", |items| items.truncate(1), "a group for two leaders"),
    ];
    for (rules, name, change, shows) in groups {
        list.reject(rules, name, PROTEINS, shows, |draft| {
            compact_clusters(draft);
            draft.edit::<U32>(SectionKind::Groups, change);
        });
    }
    list.reject("M-7", "no-groups", PROTEINS, "not even where the members end", |draft| {
        compact_clusters(draft);
        draft.edit::<U32>(SectionKind::Groups, Vec::clear);
    });
    let members: [Row<Vec<U32>>; 4] = [
        ("M-10", "twice", |items| items[1] = items[0], "a member twice"),
        ("M-10", "leader", |items| items[1].set(2), "a leader among the members"),
        ("M-10", "no-record", |items| items[1].set(4), "a member that is not there"),
        ("M-7", "members", |items| items.push(U32::new(3)), "a member more than there are"),
    ];
    for (rules, name, change, shows) in members {
        list.reject(rules, name, PROTEINS, shows, |draft| {
            compact_clusters(draft);
            draft.edit::<U32>(SectionKind::Members, change);
        });
    }
    list.reject("M-10", "order", FAMILIES, "members of one leader that do not ascend", |draft| {
        compact_cycle(draft);
        draft.edit::<U32>(SectionKind::Members, |items| items.swap(0, 1));
    });
    let shares: [(SectionKind, Row<Vec<U16>>); 5] = [
        (SectionKind::Identities, ("M-11", "identity", |items| items[0].set(10_001), "an identity above 1")),
        (SectionKind::Coverages, ("M-11", "coverage", |items| items[0].set(u16::MAX), "a coverage above 1")),
        (SectionKind::Coverages, ("M-11", "whole", |items| items[0].set(10_000), "a coverage of its own that is all")),
        (SectionKind::Identities, ("M-7", "identities", |items| items.truncate(1), "a member without an identity")),
        (SectionKind::Coverages, ("M-7", "coverages", Vec::clear, "a coverage that is not there")),
    ];
    for (kind, (rules, name, change, shows)) in shares {
        list.reject(rules, name, PROTEINS, shows, |draft| {
            compact_clusters(draft);
            draft.edit::<U16>(kind, change);
        });
    }
}

// EVIDENCE: M-12
fn shortcuts(list: &mut List) {
    let entries: [Row<Vec<ShortcutEntry>>; 6] = [
        ("M-12", "missing", |items| items.truncate(1), "a long cycle with a shortcut too few"),
        ("M-12", "none", Vec::clear, "a long cycle without shortcuts"),
        ("M-12", "order", |items| items.swap(0, 1), "shortcuts that do not ascend"),
        ("M-12", "to", |items| items[0].to = U64::new((items[0].to.get() + 1) % 20), "a shortcut to another place"),
        ("M-12", "to-no-member", |items| items[1].to.set(u64::MAX), "a shortcut to what is not there"),
        ("M-12", "from", |items| items[1].from += 1, "a shortcut of another number"),
    ];
    for (rules, name, change, shows) in entries {
        list.reject(rules, name, FAMILIES, shows, |draft| {
            compact_cycle(draft);
            draft.edit::<ShortcutEntry>(SectionKind::Shortcuts, change);
        });
    }
    list.reject("M-12", "short-cycle", PROTEINS, "a shortcut in a short cycle", |draft| {
        compact_clusters(draft);
        draft.edit::<ShortcutEntry>(SectionKind::Shortcuts, |items| {
            items.push(ShortcutEntry { from: U64::ZERO, to: U64::ZERO });
        });
    });
}
