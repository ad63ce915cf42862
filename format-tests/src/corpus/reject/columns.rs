//! The columns: header table, lengths, offsets, physical order, and the items that they point to.

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::columns::{FLAG_DELTA, FLAG_IRREGULAR, FLAG_SHARED, HeaderEntry};
use talaria_db_spec::header::ORDER_SIMILARITY;
use talaria_db_spec::section::SectionKind;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U32, U64};

use super::{List, PROTEINS, Row};
use crate::corpus::accept::reverse;
use crate::draft::Draft;

const IRREGULAR: &str = "0009-irregular-layout";
const LONG: &str = "0019-long-record";

pub(super) fn list(list: &mut List) {
    header_table(list);
    flags(list);
    order(list);
    addresses(list);
    long_records(list);
}

fn header_entry(draft: &mut Draft, ordinal: usize, change: impl FnOnce(&mut HeaderEntry)) {
    draft.edit::<HeaderEntry>(SectionKind::HeaderTable, |entries| change(&mut entries[ordinal]));
}

fn offset(draft: &mut Draft, ordinal: usize, block: u64, byte: u32) {
    let address = PackedAddress::new(block, byte).expect("an address");
    draft.edit::<U64>(SectionKind::Offsets, |items| items[ordinal] = U64::new(address.bits()));
}

// EVIDENCE: C-1, C-2, C-5, H-6
fn header_table(list: &mut List) {
    list.reject("C-1", "flags", PROTEINS, "a reserved flag of a record", |draft| {
        header_entry(draft, 1, |entry| entry.flags = 8)
    });
    list.reject("C-1", "kind", PROTEINS, "a record of alphabet 4", |draft| {
        header_entry(draft, 1, |entry| entry.kind = 4)
    });
    list.reject("C-2", "short-id", PROTEINS, "an id that ends before its end", |draft| {
        header_entry(draft, 1, |entry| entry.id_length -= 1);
    });
    list.reject("C-2", "long-id", PROTEINS, "an id of 65535 bytes or more that is none", |draft| {
        header_entry(draft, 1, |entry| entry.id_length.set(u16::MAX));
    });
    list.reject("C-5", "residue-count", PROTEINS, "a residue more in the header than in all lengths", |draft| {
        draft.header.residue_count += 1;
    });
    list.reject("H-6", "delta", PROTEINS, "a delta in a file whose features announce none", |draft| {
        header_entry(draft, 1, |entry| entry.flags = FLAG_DELTA);
    });
}

// EVIDENCE: C-3, C-4
fn flags(list: &mut List) {
    list.reject("C-3", "no-copy", PROTEINS, "a record that shares the copy of none", |draft| {
        header_entry(draft, 1, |entry| entry.flags = FLAG_SHARED);
    });
    list.reject("C-4", "no-layout-index", PROTEINS, "an irregular record in a file without layout index", |draft| {
        header_entry(draft, 1, |entry| entry.flags = FLAG_IRREGULAR);
    });
    list.reject("C-4", "no-entry", IRREGULAR, "an irregular record that the layout index does not have", |draft| {
        header_entry(draft, 0, |entry| entry.flags = FLAG_IRREGULAR);
    });
    list.reject("C-4", "no-flag", IRREGULAR, "an entry of the layout index for a record without the flag", |draft| {
        header_entry(draft, 1, |entry| entry.flags = 0);
    });
}

// EVIDENCE: C-6
fn order(list: &mut List) {
    let items: [Row<Vec<U32>>; 3] = [
        ("C-6", "not-by-address", |items| items.swap(1, 2), "two slots have changed places"),
        ("C-6", "twice", |items| items[1] = items[2], "a record in two slots"),
        ("C-6", "no-record", |items| items[3] = U32::new(4), "a slot for a record that is not there"),
    ];
    for (rules, name, change, shows) in items {
        list.reject(rules, name, PROTEINS, shows, |draft| {
            reverse(draft);
            draft.edit::<U32>(SectionKind::PhysicalOrder, change);
        });
    }
    list.reject(
        "C-6",
        "equal-addresses",
        "0010-empty-records",
        "records at one address, the later one first",
        |draft| {
            let order = [1, 0, 2, 3, 4, 5].map(U32::new);
            draft.add(SectionKind::PhysicalOrder, 4, order.as_bytes());
            draft.header.order = ORDER_SIMILARITY;
        },
    );
}

// EVIDENCE: B-8, B-9
fn addresses(list: &mut List) {
    list.reject("B-8", "past-the-block", PROTEINS, "residues that start in a block and end after it", |draft| {
        let last = draft.items::<U64>(SectionKind::Offsets)[3].get();
        offset(draft, 3, 0, u32::try_from(last).unwrap() + 1);
    });
    list.reject(
        "B-8",
        "text-past-the-block",
        PROTEINS,
        "a header text that starts in a block and ends after it",
        |draft| {
            header_entry(draft, 3, |entry| entry.text += 1);
        },
    );
    list.reject("B-9", "no-block", PROTEINS, "residues in a block that is not there", |draft| offset(draft, 3, 1, 0));
    list.reject("B-9", "text-no-block", PROTEINS, "a header text in a block that is not there", |draft| {
        header_entry(draft, 3, |entry| entry.text.set(1 << 24));
    });
    list.reject("B-9", "no-byte", PROTEINS, "residues after the end of a block", |draft| offset(draft, 3, 0, 1 << 20));
    list.reject("B-9", "last-block", PROTEINS, "the last block that an address can name", |draft| {
        offset(draft, 3, (1 << 40) - 1, 0);
    });
    list.reject("B-9", "empty-record", "0010-empty-records", "an empty record after the end of its block", |draft| {
        offset(draft, 0, 0, 6);
    });
}

// EVIDENCE: B-8
fn long_records(list: &mut List) {
    list.reject("B-8", "long-not-at-0", LONG, "a record longer than a block that does not start its block", |draft| {
        offset(draft, 1, 1, 4);
    });
    list.reject("B-8", "long-short-block", LONG, "a block in the middle of a long record is not full", |draft| {
        offset(draft, 5, 4, 0);
    });
}
