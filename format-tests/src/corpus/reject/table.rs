//! The section table, and the checksums of whole sections and of pages.

use talaria_db_spec::header::ORDER_SIMILARITY;
use talaria_db_spec::section::{CHECKSUM_PAGES, CHECKSUM_WHOLE, FLAG_MUST_UNDERSTAND, SectionKind};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U32, U64};

use super::{List, PROTEINS};
use crate::draft::Draft;

pub(super) fn list(list: &mut List) {
    order(list);
    places(list);
    items(list);
    presence(list);
    checksums(list);
    list.reject("S-10", "must-understand", PROTEINS, "an unknown section that must be understood", |draft| {
        draft.add_number(1000, FLAG_MUST_UNDERSTAND, 1, CHECKSUM_WHOLE, b"from the future");
    });
}

// EVIDENCE: H-10, S-1, S-2
fn order(list: &mut List) {
    list.reject_image("H-10", "table-checksum", PROTEINS, "a bit of the table has flipped", |image| {
        image.bytes_mut()[130] ^= 1
    });
    list.reject_image("S-1", "order", PROTEINS, "two entries have changed places", |image| {
        image.change_table(|entries| entries.swap(4, 5));
    });
    list.reject_image("S-1", "twice", PROTEINS, "two sections of one kind", |image| {
        image.change_table(|entries| entries[5].kind = entries[4].kind);
    });
    list.reject_image("S-1", "kind-0", PROTEINS, "a section of kind 0", |image| {
        image.change_entry(SectionKind::HeaderTable, |entry| entry.kind = U32::ZERO);
    });
    list.reject_image("S-2", "flags", PROTEINS, "a reserved flag bit", |image| {
        image.change_entry(SectionKind::Strings, |entry| entry.flags = U32::new(2));
    });
    list.reject_image("S-2", "detail", PROTEINS, "detail of a kind that has none", |image| {
        image.change_entry(SectionKind::Strings, |entry| entry.flags = U32::new(0x100));
    });
    list.reject_image("S-2", "reserved", PROTEINS, "the first reserved field", |image| {
        image.change_entry(SectionKind::Strings, |entry| entry.reserved = U32::new(1));
    });
    list.reject_image("S-2", "reserved-end", PROTEINS, "the last reserved field", |image| {
        image.change_entry(SectionKind::Strings, |entry| entry.reserved_end = U64::new(1));
    });
}

// EVIDENCE: S-3, S-4
fn places(list: &mut List) {
    for (name, offset, shows) in [
        ("in-header-page", 2048, "a section in the header page"),
        ("unaligned", 4097, "a section that is not at a multiple of 64"),
        ("outside", 1 << 40, "a section that is not in the file"),
        ("overflow", u64::MAX - 63, "the end of a section has no number"),
    ] {
        list.reject_image("S-3", name, PROTEINS, shows, |image| {
            image.change_entry(SectionKind::Strings, |entry| entry.offset = U64::new(offset));
        });
    }
    list.reject_image("S-4", "overlap", PROTEINS, "two sections in one place", |image| {
        let offset = image.entry(SectionKind::Sources).offset;
        image.change_entry(SectionKind::Strings, |entry| entry.offset = offset);
    });
    list.reject_image("S-4", "overlaps-table", PROTEINS, "the table lies in a section", |image| {
        let mut draft = Draft::parse(image.bytes());
        draft.add_number(1000, 0, 1, CHECKSUM_WHOLE, &[0; 1024]);
        *image = draft.assemble();
        let entries = image.entries();
        let start = image.range(&entries[entries.len() - 1]).start;
        let table = entries.as_bytes();
        image.bytes_mut()[start..start + table.len()].copy_from_slice(table);
        image.bytes_mut()[128..128 + table.len()].fill(0);
        image.change_header(|header| header.table_offset = U64::new(start as u64));
    });
}

// EVIDENCE: S-5, S-6, S-8
fn items(list: &mut List) {
    list.reject_image("S-5", "length", PROTEINS, "one item more than the length has room for", |image| {
        image.change_entry(SectionKind::KeyEntries, |entry| entry.item_count += 1);
    });
    list.reject_image("S-5", "overflow", PROTEINS, "a number of items that overflows", |image| {
        image.change_entry(SectionKind::KeyEntries, |entry| entry.item_count = U64::new(u64::MAX));
    });
    list.reject_image("S-6", "item-size", PROTEINS, "lengths of 2 bytes", |image| {
        image.change_entry(SectionKind::Lengths, |entry| {
            entry.item_size = U32::new(2);
            entry.item_count = U64::new(entry.length.get() / 2);
        });
    });
    list.reject_image("S-6", "checksum-kind", PROTEINS, "a column with one checksum for all", |image| {
        image.change_entry(SectionKind::Lengths, |entry| entry.checksum_kind = U32::new(CHECKSUM_WHOLE));
    });
    list.reject("S-6", "unknown-checksum-kind", PROTEINS, "an unknown section whose checksum is of no kind", |draft| {
        draft.add_number(1000, 0, 1, 9, b"");
    });
    list.reject_image("S-8", "first-page", PROTEINS, "a page past the page checksums", |image| {
        image.change_entry(SectionKind::Lengths, |entry| entry.first_page = U64::new(1000));
    });
    list.reject_image("S-8", "overflow", PROTEINS, "a number of pages that overflows", |image| {
        image.change_entry(SectionKind::Lengths, |entry| entry.first_page = U64::new(u64::MAX));
    });
    list.reject_image(
        "S-8",
        "unknown-section",
        PROTEINS,
        "an unknown section with pages past the page checksums",
        |image| {
            let mut draft = Draft::parse(image.bytes());
            draft.add_number(1000, 0, 1, CHECKSUM_PAGES, &[1; 5000]);
            *image = draft.assemble();
            image.change_table(|entries| entries.last_mut().expect("entries").first_page += 1);
        },
    );
    list.reject("S-8", "more-pages", PROTEINS, "a page checksum that belongs to no section", |draft| {
        draft.spare_pages = 1;
    });
    list.reject_image("S-8", "no-pages", PROTEINS, "a first page where there are no pages", |image| {
        image.change_entry(SectionKind::Strings, |entry| entry.first_page = U64::new(1));
    });
}

// EVIDENCE: S-7
fn presence(list: &mut List) {
    list.reject("S-7", "no-provenance", PROTEINS, "a section that is always there is missing", |draft| {
        draft.remove(SectionKind::Provenance);
    });
    list.reject("S-7", "short-column", PROTEINS, "a length fewer than records", |draft| {
        draft.edit::<U32>(SectionKind::Lengths, |items| items.truncate(items.len() - 1));
    });
    list.reject("S-7", "optional-column", PROTEINS, "an optional column with one item for all records", |draft| {
        draft.add(SectionKind::Taxa, 4, &[0; 4]);
    });
    list.reject("S-7", "no-order", PROTEINS, "order by similarity without the physical order", |draft| {
        draft.header.order = ORDER_SIMILARITY;
    });
    list.reject("S-7", "no-layout-stream", "0009-irregular-layout", "a layout index without the blocks", |draft| {
        draft.remove(SectionKind::LayoutBlocks);
    });
    list.reject("S-7", "no-dictionary-bytes", PROTEINS, "a directory of dictionaries without their bytes", |draft| {
        draft.add(SectionKind::DictionaryDirectory, 32, &[0; 32]);
    });
    list.reject("S-7", "source-count", PROTEINS, "a source more in the header than there are", |draft| {
        draft.header.source_count += 1;
    });
}

// EVIDENCE: S-9
fn checksums(list: &mut List) {
    list.reject_image("S-9", "whole", PROTEINS, "a bit of the provenance has flipped", |image| {
        image.section_mut(SectionKind::Provenance)[0] ^= 1;
    });
    list.reject_image("S-9", "page", PROTEINS, "a bit of a length has flipped", |image| {
        image.section_mut(SectionKind::Lengths)[0] ^= 1;
    });
    list.reject_image("S-9", "run", PROTEINS, "the table has the checksum of other page checksums", |image| {
        image.change_entry(SectionKind::Lengths, |entry| entry.checksum += 1);
    });
    list.reject_image("S-9", "blocks", PROTEINS, "a checksum where the blocks have theirs", |image| {
        image.change_entry(SectionKind::TextBlocks, |entry| entry.checksum = U32::new(1));
    });
    list.reject_image("S-9", "page-checksums", PROTEINS, "a bit of a page checksum has flipped", |image| {
        let offsets = image.entry(SectionKind::Offsets).first_page.get();
        image.section_mut(SectionKind::PageChecksums)[usize::try_from(offsets).unwrap() * 4] ^= 1;
    });
    list.reject_image("S-9", "unknown-section", PROTEINS, "a bit of an unknown section has flipped", |image| {
        let mut draft = Draft::parse(image.bytes());
        draft.add_number(1000, 0, 1, CHECKSUM_WHOLE, b"from the future");
        *image = draft.assemble();
        let start = image.range(&image.entries()[image.entries().len() - 1]).start;
        image.bytes_mut()[start] ^= 1;
    });
    list.reject_image("S-9", "unknown-page", PROTEINS, "a bit on a page of an unknown section has flipped", |image| {
        let mut draft = Draft::parse(image.bytes());
        draft.add_number(1000, 0, 1, CHECKSUM_PAGES, &[1; 5000]);
        *image = draft.assemble();
        let end = image.range(&image.entries()[image.entries().len() - 1]).end;
        image.bytes_mut()[end - 1] ^= 1;
    });
}
