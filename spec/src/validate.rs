//! From untrusted bytes to a proof: the header page and the trailer become a [`Container`], or an error that names the
//! rule.
//!
//! What is checked here is what opening costs: the header, the trailer, and the section table, whatever the number of
//! records. Pages and blocks are compared with their checksums when they are first used, and everything else by
//! `verify`.

use alloc::vec::Vec;

use zerocopy::FromBytes;

use crate::alphabet::Alphabet;
use crate::error::SpecError;
use crate::forever::{
    HEADER_MAGIC, HEADER_PAGE, HEADER_SIZE, MAXIMUM_BLOCK, MAXIMUM_RECORDS, MAXIMUM_SECTIONS, MINIMUM_BLOCK,
    MINIMUM_FILE, PAGE, SECTION_ALIGNMENT, TRAILER_MAGIC, TRAILER_SIZE,
};
use crate::header::{Header, ORDER_INPUT, ORDER_SIMILARITY};
use crate::packed_columns::INDEX_ITEM;
use crate::section::{
    CHECKSUM_BLOCKS, CHECKSUM_PAGES, CHECKSUM_WHOLE, FLAG_DETAIL, FLAG_MUST_UNDERSTAND, SectionEntry, SectionKind,
};
use crate::trailer::Trailer;
use crate::{keys, packed_columns, version};

/// Bytes of an entry of the section table.
const ENTRY: u64 = 64;

/// A container whose header, trailer and section table have been checked. It can be made in no other way.
#[derive(Debug, Clone)]
pub struct Container {
    header: Header,
    alphabet: Alphabet,
    sections: Vec<Section>,
    unknown: Vec<SectionEntry>,
}

/// A section that lies inside the file, with item size and count that fit its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// What it is.
    pub kind: SectionKind,
    /// File offset of the first byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// Bytes an item.
    pub item_size: u32,
    /// Items.
    pub item_count: u64,
    /// By the kind's checksum kind.
    pub checksum: u32,
    /// Index of its first page in the page checksums.
    pub first_page: u64,
    /// By the kind; zero for most.
    pub detail: u8,
    /// The lanes of its items, if it is packed.
    pub lanes: Option<&'static [u32]>,
}

impl Section {
    /// Where the frames of a packed section end and their index starts, from its first byte.
    #[must_use]
    pub const fn frames_end(&self) -> u64 {
        self.length.saturating_sub(packed_columns::frames(self.item_count).saturating_mul(INDEX_ITEM))
    }

    /// Pages of the section, if it is checked by pages.
    #[must_use]
    pub const fn pages(&self) -> u64 {
        self.length.div_ceil(PAGE)
    }
}

/// Checks the first 128 bytes of a file of `file_length` bytes, all but the section table.
///
/// # Errors
/// F-1 or one of H-1 to H-13.
pub fn header(bytes: &[u8], file_length: u64) -> Result<Header, SpecError> {
    let broken = |field, rule, got, expected| Err(SpecError::violation("header", field, rule, 0, got, expected));
    let magic = bytes.get(..8).unwrap_or(bytes);
    if magic != HEADER_MAGIC {
        return broken("magic", "H-1", number(magic), number(&HEADER_MAGIC));
    }
    if file_length < MINIMUM_FILE {
        return Err(SpecError::violation("file", "length", "F-1", 0, file_length, MINIMUM_FILE));
    }
    let Ok((header, _)) = Header::read_from_prefix(bytes) else {
        return Err(SpecError::violation("file", "length", "F-1", 0, number_of(bytes.len()), HEADER_SIZE));
    };
    let checksum = header.compute_checksum();
    if header.header_checksum.get() != checksum {
        return broken("header_checksum", "H-2", header.header_checksum.get().into(), checksum.into());
    }
    let read_version = header.read_version.get();
    if read_version == 0 || read_version > version::READ_VERSION {
        return broken("read_version", "H-3", read_version.into(), version::READ_VERSION.into());
    }
    if header.write_version.get() < read_version {
        return broken("write_version", "H-4", header.write_version.get().into(), read_version.into());
    }
    if u64::from(header.header_size.get()) != HEADER_PAGE {
        return broken("header_size", "H-5", header.header_size.get().into(), HEADER_PAGE);
    }
    let unknown = header.required_features.get() & !version::REQUIRED_KNOWN;
    if unknown != 0 {
        let bit = unknown.trailing_zeros();
        let name = version::required_name(bit).unwrap_or("unknown");
        return Err(SpecError::Unsupported { what: "required feature", name, number: bit.into(), rule: "H-6" });
    }
    if header.reserved.get() != 0 || header.reserved_end.get() != 0 {
        return broken("reserved", "H-7", u64::from(header.reserved.get()) | u64::from(header.reserved_end.get()), 0);
    }
    if header.file_length.get() != file_length {
        return broken("file_length", "H-8", header.file_length.get(), file_length);
    }
    if header.section_count.get() > MAXIMUM_SECTIONS {
        return broken("section_count", "H-9", header.section_count.get().into(), MAXIMUM_SECTIONS.into());
    }
    let table = header.table_offset.get();
    let table_end = table.checked_add(u64::from(header.section_count.get()) * ENTRY);
    let last = file_length - TRAILER_SIZE;
    if table < HEADER_SIZE || !table.is_multiple_of(SECTION_ALIGNMENT) || table_end.is_none_or(|end| end > last) {
        return broken("table_offset", "H-9", table, last);
    }
    if header.record_count.get() > MAXIMUM_RECORDS {
        return broken("record_count", "H-11", header.record_count.get(), MAXIMUM_RECORDS);
    }
    for (field, size) in
        [("sequence_block_size", header.sequence_block_size.get()), ("text_block_size", header.text_block_size.get())]
    {
        if !size.is_power_of_two() || !(MINIMUM_BLOCK..=MAXIMUM_BLOCK).contains(&size) {
            return broken(field, "H-12", size.into(), MAXIMUM_BLOCK.into());
        }
    }
    Alphabet::from_byte(header.alphabet)?;
    if header.order != ORDER_INPUT && header.order != ORDER_SIMILARITY {
        return broken("order", "H-13", header.order.into(), ORDER_SIMILARITY.into());
    }
    Ok(header)
}

/// Checks the last 64 bytes of a file against its header.
///
/// # Errors
/// T-1, T-2 or T-3.
pub fn trailer(bytes: &[u8], header: &Header) -> Result<(), SpecError> {
    let at = header.file_length.get().saturating_sub(TRAILER_SIZE);
    let broken = |field, rule, got, expected| Err(SpecError::violation("trailer", field, rule, at, got, expected));
    let Ok(trailer) = Trailer::read_from_bytes(bytes) else {
        return broken("length", "T-1", number_of(bytes.len()), TRAILER_SIZE);
    };
    if trailer.magic != TRAILER_MAGIC {
        return broken("magic", "T-1", number(&trailer.magic), number(&TRAILER_MAGIC));
    }
    let checksum = trailer.compute_checksum();
    if trailer.trailer_checksum.get() != checksum {
        return broken("trailer_checksum", "T-2", trailer.trailer_checksum.get().into(), checksum.into());
    }
    if trailer.reserved.get() != 0 || trailer.reserved_end.get() != 0 {
        return broken("reserved", "T-2", (trailer.reserved.get() | trailer.reserved_end.get()).into(), 0);
    }
    let pairs = [
        ("file_length", trailer.file_length.get(), header.file_length.get()),
        ("table_offset", trailer.table_offset.get(), header.table_offset.get()),
        ("section_count", trailer.section_count.get().into(), header.section_count.get().into()),
        ("table_checksum", trailer.table_checksum.get().into(), header.table_checksum.get().into()),
        ("header_checksum", trailer.header_checksum.get().into(), header.header_checksum.get().into()),
    ];
    for (field, got, expected) in pairs {
        if got != expected {
            return broken(field, "T-3", got, expected);
        }
    }
    Ok(())
}

impl Container {
    /// Checks the section table `bytes` of a header that [`header`] has checked.
    ///
    /// # Errors
    /// H-10 or one of S-1 to S-10, K-4, M-1, W-1.
    pub fn new(header: Header, bytes: &[u8]) -> Result<Self, SpecError> {
        let checksum = crate::checksum::crc32(bytes);
        if header.table_checksum.get() != checksum {
            let got = header.table_checksum.get().into();
            return Err(SpecError::violation("header", "table_checksum", "H-10", 0, got, checksum.into()));
        }
        let alphabet = Alphabet::from_byte(header.alphabet)?;
        let mut container = Self { header, alphabet, sections: Vec::new(), unknown: Vec::new() };
        let mut before = 0;
        for (index, chunk) in bytes.chunks(64).enumerate() {
            let Ok(entry) = SectionEntry::read_from_bytes(chunk) else {
                let got = number_of(chunk.len());
                return Err(SpecError::violation("section table", "length", "H-9", number_of(index), got, ENTRY));
            };
            let kind = entry.kind.get();
            if kind <= before {
                let (at, got, expected) = (number_of(index), kind.into(), u64::from(before) + 1);
                return Err(SpecError::violation("section table", "kind", "S-1", at, got, expected));
            }
            before = kind;
            container.place(&entry, number_of(index))?;
        }
        container.check_overlaps()?;
        container.check_presence()?;
        container.check_pages()?;
        Ok(container)
    }

    /// The checked header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The alphabet.
    #[must_use]
    pub const fn alphabet(&self) -> Alphabet {
        self.alphabet
    }

    /// Whether records may be deltas.
    #[must_use]
    pub fn has_deltas(&self) -> bool {
        self.header.required_features.get() & version::REQUIRED_DELTAS != 0
    }

    /// Whether columns are packed.
    #[must_use]
    pub fn has_packed_columns(&self) -> bool {
        self.header.required_features.get() & version::REQUIRED_PACKED_COLUMNS != 0
    }

    /// All sections of known kinds, by kind.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Entries of kinds that this version does not know and may ignore.
    #[must_use]
    pub fn unknown_sections(&self) -> &[SectionEntry] {
        &self.unknown
    }

    /// Whether the file says which record stands for which.
    #[must_use]
    pub fn has_membership(&self) -> bool {
        self.section(SectionKind::Members).is_some()
    }

    /// The section of this kind, if there is one.
    #[must_use]
    pub fn section(&self, kind: SectionKind) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == kind)
    }

    fn place(&mut self, entry: &SectionEntry, index: u64) -> Result<(), SpecError> {
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
        let packed = kind.filter(|_| self.has_packed_columns());
        let lanes = packed.and_then(|kind| packed_columns::lanes(kind, item_size));
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

    fn check_overlaps(&self) -> Result<(), SpecError> {
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

    fn check_presence(&self) -> Result<(), SpecError> {
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

    /// The members' section has no meaning without the other one, in its later form.
    fn check_membership(&self) -> Result<(), SpecError> {
        if !self.has_membership() {
            return Ok(());
        }
        let size = self.section(SectionKind::Membership).map_or(0, |section| section.item_size);
        if size != 8 && size != 12 {
            return Err(SpecError::violation("membership", "item_size", "M-1", 0, size.into(), 8));
        }
        Ok(())
    }

    fn check_pages(&self) -> Result<(), SpecError> {
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

fn number_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Up to eight bytes as a number in the order in which a dump shows them.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |value, &byte| value << 8 | u64::from(byte))
}
