//! The key index.

use talaria_db_spec::section::SectionKind;
use zerocopy::little_endian::{U32, U64};

use super::{List, Row};

const IDS: &str = "0014-database-ids";

// EVIDENCE: K-1, K-2, K-3, K-4
pub(super) fn list(list: &mut List) {
    list.reject("K-1", "no-bucket", IDS, "no bucket at all", |draft| {
        draft.edit::<U32>(SectionKind::KeyBuckets, |items| items.truncate(1));
    });
    list.reject_image("K-4", "key-rules", IDS, "names by rules that are not known", |image| {
        image.change_entry(SectionKind::KeyBuckets, |entry| entry.flags = U32::new(0x200));
    });
    let buckets: [Row<Vec<U32>>; 2] = [
        ("K-1,K-3", "first", |items| items[0] = U32::new(1), "the first bucket does not start at 0"),
        ("K-1", "last", |items| *items.last_mut().expect("a bucket") += 1, "the last bucket ends after the entries"),
    ];
    for (rules, name, change, shows) in buckets {
        list.reject(rules, name, IDS, shows, |draft| draft.edit::<U32>(SectionKind::KeyBuckets, change));
    }
    list.reject("K-1,K-3", "decreasing", IDS, "a bucket that ends before it starts", |draft| {
        draft.edit::<U32>(SectionKind::KeyBuckets, |items| {
            let last = items[items.len() - 1];
            items[1] = last + 1;
        });
    });
    let entries: [Row<Vec<U64>>; 4] = [
        ("K-2,K-3", "order", |items| items.swap(0, 1), "two entries of a bucket have changed places"),
        (
            "K-2,K-3",
            "no-record",
            |items| items[0] = U64::new(items[0].get() & !0xFF_FFFF_FFFF | 13),
            "an entry for a record that is not there",
        ),
        (
            "K-3",
            "other-record",
            |items| items[0] = U64::new(items[0].get() ^ 1),
            "an entry that leads to another record",
        ),
        (
            "K-3",
            "other-name",
            |items| items[0] = U64::new(items[0].get() ^ 1 << 40),
            "an entry with another fingerprint",
        ),
    ];
    for (rules, name, change, shows) in entries {
        list.reject(rules, name, IDS, shows, |draft| draft.edit::<U64>(SectionKind::KeyEntries, change));
    }
    list.reject("K-3", "one-more", IDS, "an entry that belongs to no name", |draft| {
        draft.edit::<U64>(SectionKind::KeyEntries, |items| items.push(U64::new(u64::MAX << 40)));
        draft.edit::<U32>(SectionKind::KeyBuckets, |items| *items.last_mut().expect("a bucket") += 1);
    });
}
