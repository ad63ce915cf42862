//! Which record stands for which, in the compact form: packed or not, in numbers of either size.

use super::{List, PROTEINS};
use crate::compact;
use crate::draft::Draft;

const FAMILIES: &str = "0031-similarity-order";
const PACKED: &str = "0033-packed-columns";

/// All of it.
// EVIDENCE: M-6, M-8, M-12
pub(super) fn list(list: &mut List) {
    list.accept("compact-membership", PROTEINS, "two records stand for four, in the compact form", compact_clusters);
    list.accept("compact-cycle", FAMILIES, "members in a cycle that has shortcuts", compact_cycle);
    list.accept(
        "compact-packed",
        PACKED,
        "the compact form beside packed columns, in two items of standing",
        |draft| {
            compact::add(draft, &many(150), false);
        },
    );
    list.accept("compact-wide", FAMILIES, "the compact form in numbers for more than 2^32 records", |draft| {
        compact::add(draft, &many(28), true);
    });
    list.accept("compact-nobody", PROTEINS, "no record stands for any", |draft| {
        compact::add(draft, &[None; 4], false);
    });
    list.accept("compact-empty", "0001-empty", "the compact form of no records", |draft| {
        compact::add(draft, &[], false);
    });
}

/// The first and the third of four records stand for the second and for the fourth.
pub(in crate::corpus) fn compact_clusters(draft: &mut Draft) {
    let whole = |representative| Some((representative, 10_000, 10_000));
    compact::add(draft, &[whole(0), whole(0), whole(2), Some((2, 8_765, 9_000))], false);
}

/// Two of 28 records stand for the others, in turn, so that members and places make a cycle of more than 16.
pub(in crate::corpus) fn compact_cycle(draft: &mut Draft) {
    let of = |ordinal: u64| match ordinal {
        0 | 1 => Some((ordinal, 10_000, 10_000)),
        _ => Some(((ordinal + 1) % 2, 9_000, 10_000 - 500 * (ordinal % 3) as u16)),
    };
    compact::add(draft, &(0..28).map(of).collect::<Vec<_>>(), false);
}

/// Clusters of many records: every third one stands for itself, every eleventh has nobody.
fn many(records: u64) -> Vec<compact::Of> {
    let of = |ordinal: u64| match ordinal {
        _ if ordinal % 11 == 10 => None,
        _ if ordinal.is_multiple_of(3) => Some((ordinal, 10_000, 10_000)),
        _ => Some((
            ordinal * 7 % 5 * 3,
            9_990 + ordinal as u16 % 11,
            if ordinal.is_multiple_of(2) { 10_000 } else { 9_000 },
        )),
    };
    (0..records).map(of).collect()
}
