//! The section table: each entry by itself, and what the sections are to each other.

use alloc::vec::Vec;

use super::{Container, ENTRY, Section};
use crate::error::SpecError;
use crate::forever::{HEADER_PAGE, MAXIMUM_BLOCK, MINIMUM_BLOCK, PAGE, SECTION_ALIGNMENT, TRAILER_SIZE};
use crate::header::ORDER_SIMILARITY;
use crate::packed_columns::INDEX_ITEM;
use crate::section::{
    CHECKSUM_BLOCKS, CHECKSUM_PAGES, CHECKSUM_WHOLE, FLAG_DETAIL, FLAG_MUST_UNDERSTAND, SectionEntry, SectionKind,
};
use crate::{keys, packed_columns};

impl Container {
    /// Checks an entry of the section table, and keeps it.
    pub(super) fn place(&mut self, entry: &SectionEntry, index: u64) -> Result<(), SpecError> {
        let broken =
            |field, rule, got, expected| Err(SpecError::violation("section table", field, rule, index, got, expected));
        let flags = entry.flags.get();
        let number = entry.kind.get();
        let kind = SectionKind::from_number(number);
        if flags & !(FLAG_MUST_UNDERSTAND | FLAG_DETAIL) != 0 {
            return broken("flags", "S-2", flags.into(), (FLAG_MUST_UNDERSTAND | FLAG_DETAIL).into());
        }
        if entry.reserved.get() != 0 || entry.reserved_end.get() != 0 {
            return broken("reserved", "S-2", u64::from(entry.reserved.get()) | entry.reserved_end.get(), 0);
        }
        let detail = (flags & FLAG_DETAIL) >> 8;
        if kind == Some(SectionKind::KeyBuckets) {
            if detail != u32::from(keys::KEY_RULES) {
                return broken("detail", "K-4", detail.into(), keys::KEY_RULES.into());
            }
        } else if kind == Some(SectionKind::DeltaDirectory) {
            if !(MINIMUM_BLOCK.ilog2()..=MAXIMUM_BLOCK.ilog2()).contains(&detail) {
                return broken("detail", "X-6", detail.into(), MAXIMUM_BLOCK.ilog2().into());
            }
        } else if kind.is_some() && detail != 0 {
            return broken("detail", "S-2", detail.into(), 0);
        }
        let (offset, length) = (entry.offset.get(), entry.length.get());
        let last = self.header.file_length.get().saturating_sub(TRAILER_SIZE);
        let inside = offset.checked_add(length).is_some_and(|end| end <= last);
        if !inside || offset < HEADER_PAGE || !offset.is_multiple_of(SECTION_ALIGNMENT) {
            return broken("offset", "S-3", offset, last);
        }
        let (item_size, item_count) = (entry.item_size.get(), entry.item_count.get());
        let features = self.header.required_features.get();
        let lanes = kind.and_then(|kind| packed_columns::lanes_in(features, kind, item_size));
        if lanes.is_some() {
            let index = packed_columns::frames(item_count).saturating_mul(INDEX_ITEM);
            if index > length {
                return broken("length", "W-1", length, index);
            }
        } else if u64::from(item_size).checked_mul(item_count) != Some(length) {
            return broken("length", "S-5", length, u64::from(item_size).saturating_mul(item_count));
        }
        let Some(kind) = kind else {
            if flags & FLAG_MUST_UNDERSTAND != 0 {
                let number = number.into();
                return Err(SpecError::Unsupported { what: "section kind", name: "unknown", number, rule: "S-10" });
            }
            if !matches!(entry.checksum_kind.get(), CHECKSUM_WHOLE | CHECKSUM_PAGES | CHECKSUM_BLOCKS) {
                return broken("checksum_kind", "S-6", entry.checksum_kind.get().into(), 3);
            }
            if entry.checksum_kind.get() != CHECKSUM_PAGES && entry.first_page.get() != 0 {
                return broken("first_page", "S-8", entry.first_page.get(), 0);
            }
            self.unknown.push(*entry);
            return Ok(());
        };
        let rules = kind.rules();
        if !rules.item_sizes.contains(&item_size) {
            return broken("item_size", "S-6", item_size.into(), rules.item_sizes.first().copied().unwrap_or(1).into());
        }
        if entry.checksum_kind.get() != rules.checksum_kind {
            return broken("checksum_kind", "S-6", entry.checksum_kind.get().into(), rules.checksum_kind.into());
        }
        if rules.checksum_kind == CHECKSUM_BLOCKS && entry.checksum.get() != 0 {
            return broken("checksum", "S-9", entry.checksum.get().into(), 0);
        }
        if rules.checksum_kind != CHECKSUM_PAGES && entry.first_page.get() != 0 {
            return broken("first_page", "S-8", entry.first_page.get(), 0);
        }
        if rules.per_record && item_count != self.header.record_count.get() {
            return broken("item_count", "S-7", item_count, self.header.record_count.get());
        }
        let (checksum, first_page) = (entry.checksum.get(), entry.first_page.get());
        let detail = u8::try_from(detail).unwrap_or(u8::MAX);
        let section = Section { kind, offset, length, item_size, item_count, checksum, first_page, detail, lanes };
        self.sections.push(section);
        Ok(())
    }

    /// Rule S-4.
    pub(super) fn check_overlaps(&self) -> Result<(), SpecError> {
        let table = self.header.table_offset.get();
        let table_length = u64::from(self.header.section_count.get()) * ENTRY;
        let mut ranges: Vec<(u64, u64)> =
            self.sections.iter().map(|section| (section.offset, section.length)).collect();
        ranges.extend(self.unknown.iter().map(|entry| (entry.offset.get(), entry.length.get())));
        ranges.push((table, table_length));
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            let &[(offset, length), (next, _)] = pair else { continue };
            if offset.saturating_add(length) > next {
                return Err(SpecError::violation("section", "overlap", "S-4", offset, length, next - offset));
            }
        }
        Ok(())
    }

    /// The sections that must be there: always, by the header, or with others.
    pub(super) fn check_presence(&self) -> Result<(), SpecError> {
        let missing = |kind: SectionKind| {
            Err(SpecError::violation("section table", kind.rules().name, "S-7", kind.number().into(), 0, 1))
        };
        let has = |kind| self.section(kind).is_some();
        for kind in SectionKind::ALL {
            if kind.rules().always && !has(kind) {
                return missing(kind);
            }
        }
        if self.header.order == ORDER_SIMILARITY && !has(SectionKind::PhysicalOrder) {
            return missing(SectionKind::PhysicalOrder);
        }
        if has(SectionKind::LayoutIndex) {
            for kind in [SectionKind::LayoutDirectory, SectionKind::LayoutBlocks] {
                if !has(kind) {
                    return missing(kind);
                }
            }
        }
        if self.has_deltas() {
            for kind in [SectionKind::DeltaDirectory, SectionKind::DeltaBlocks] {
                if !has(kind) {
                    return missing(kind);
                }
            }
        }
        if has(SectionKind::DictionaryDirectory) != has(SectionKind::DictionaryBytes) {
            return missing(SectionKind::DictionaryBytes);
        }
        self.check_membership()?;
        let sources = self.section(SectionKind::Sources).map_or(0, |section| section.item_count);
        if sources != u64::from(self.header.source_count.get()) {
            let got = self.header.source_count.get().into();
            return Err(SpecError::violation("header", "source_count", "S-7", 0, got, sources));
        }
        let buckets = self.section(SectionKind::KeyBuckets).map_or(0, |section| section.item_count);
        if buckets < 2 {
            return Err(SpecError::violation("key buckets", "item_count", "K-1", 0, buckets, 2));
        }
        Ok(())
    }

    /// Rule S-8.
    pub(super) fn check_pages(&self) -> Result<(), SpecError> {
        let pages = self.section(SectionKind::PageChecksums).map_or(0, |section| section.item_count);
        let paged = self.sections.iter().filter(|section| section.kind.rules().checksum_kind == CHECKSUM_PAGES);
        let known = paged.map(|section| (section.kind.number(), section.first_page, section.pages()));
        // The pages of sections that are not known are among the page checksums as well.
        let paged = self.unknown.iter().filter(|entry| entry.checksum_kind.get() == CHECKSUM_PAGES);
        let unknown = paged.map(|entry| (entry.kind.get(), entry.first_page.get(), entry.length.get().div_ceil(PAGE)));
        for (kind, first_page, count) in known.chain(unknown) {
            if first_page.checked_add(count).is_none_or(|end| end > pages) {
                return Err(SpecError::violation("section table", "first_page", "S-8", kind.into(), first_page, pages));
            }
        }
        Ok(())
    }
}
