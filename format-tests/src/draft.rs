//! A container taken apart: its header and its sections, to be changed and put together again.
//!
//! [`Draft::assemble`] gives every section a place, and computes every offset, count and checksum of the header, the
//! table, the pages and the trailer. So what is wrong with the result is what was changed in a section's content, and
//! nothing else. Of an unchanged draft it makes the file that it was taken from, which a test asserts.
//!
//! It is written from `FORMAT.md` and not from the engine's writer.

use talaria_db::read::stream::StreamKind;
use talaria_db_spec::block::BlockEntry;
use talaria_db_spec::checksum::crc32;
use talaria_db_spec::forever::{HEADER_PAGE, HEADER_SIZE, PAGE, SECTION_ALIGNMENT};
use talaria_db_spec::header::Header;
use talaria_db_spec::packed_columns::lanes_in;
use talaria_db_spec::section::{CHECKSUM_BLOCKS, CHECKSUM_PAGES, CHECKSUM_WHOLE, SectionEntry, SectionKind};
use talaria_db_spec::trailer::Trailer;
use talaria_db_spec::version::REQUIRED_PACKED_COLUMNS;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::image::Image;
use crate::packed;

/// Sections of at least this many bytes start at a page.
const PAGE_ALIGNED: u64 = 64 << 10;

/// A structure that a section is an array of.
pub trait Item: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned + Clone {}
impl<T: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned + Clone> Item for T {}

/// A section: its entry, of which kind, flags, item size and checksum kind count, and its bytes.
#[derive(Debug, Clone)]
pub struct Part {
    /// The entry. Offset, length, counts and checksums are computed when the file is put together.
    pub entry: SectionEntry,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A block of a stream: its entry, of which the offset, the stored length and the checksum are computed, and its
/// stored bytes.
#[derive(Debug, Clone)]
pub struct Block {
    /// The entry.
    pub entry: BlockEntry,
    /// The bytes as they are stored.
    pub stored: Vec<u8>,
}

/// A container taken apart.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The header. Length, table and checksums are computed when the file is put together; counts are not.
    pub header: Header,
    /// The sections in the order in which they lie in the file, without the page checksums, which come last.
    pub parts: Vec<Part>,
    /// Page checksums that belong to no section; none in a sound file.
    pub spare_pages: usize,
}

impl Draft {
    /// Takes a sound container apart.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let image = Image::new(bytes.to_vec());
        let mut entries = image.entries();
        entries.retain(|entry| entry.kind.get() != SectionKind::PageChecksums.number());
        // An empty section has the offset of the next one; the writer began it before.
        entries.sort_by_key(|entry| (entry.offset.get(), entry.length.get() > 0, entry.first_page.get()));
        let part = |entry: SectionEntry| Part { bytes: bytes[image.range(&entry)].to_vec(), entry };
        Self { header: image.header(), parts: entries.into_iter().map(part).collect(), spare_pages: 0 }
    }

    /// The section of a kind.
    #[must_use]
    pub fn part(&self, kind: SectionKind) -> &Part {
        let found = self.parts.iter().find(|part| part.entry.kind.get() == kind.number());
        found.unwrap_or_else(|| panic!("no section {}", kind.rules().name))
    }

    /// The section of a kind, to be changed.
    pub fn part_mut(&mut self, kind: SectionKind) -> &mut Part {
        let found = self.parts.iter_mut().find(|part| part.entry.kind.get() == kind.number());
        found.unwrap_or_else(|| panic!("no section {}", kind.rules().name))
    }

    /// Takes a section out.
    pub fn remove(&mut self, kind: SectionKind) {
        self.parts.retain(|part| part.entry.kind.get() != kind.number());
    }

    /// Adds a section of a kind that the format knows.
    pub fn add(&mut self, kind: SectionKind, item_size: u32, bytes: &[u8]) {
        self.add_number(kind.number(), 0, item_size, kind.rules().checksum_kind, bytes);
    }

    /// Adds a section of a kind that the format knows, packed if it is to be.
    pub fn add_items(&mut self, kind: SectionKind, item_size: u32, items: &[u8]) {
        self.add(kind, item_size, b"");
        self.set_plain(kind, items);
    }

    /// Adds a section of any kind.
    pub fn add_number(&mut self, number: u32, flags: u32, item_size: u32, checksum_kind: u32, bytes: &[u8]) {
        let mut entry = SectionEntry::new_zeroed();
        entry.kind = U32::new(number);
        entry.flags = U32::new(flags);
        entry.item_size = U32::new(item_size);
        entry.checksum_kind = U32::new(checksum_kind);
        self.parts.push(Part { entry, bytes: bytes.to_vec() });
    }

    /// The bytes of a section, unpacked if it is packed.
    #[must_use]
    pub fn plain(&self, kind: SectionKind) -> Vec<u8> {
        let Part { entry, bytes } = self.part(kind);
        if self.is_packed(entry) {
            return packed::unpack(kind, entry.item_size.get(), entry.item_count.get(), bytes);
        }
        bytes.clone()
    }

    /// The items of a section.
    #[must_use]
    pub fn items<T: Item>(&self, kind: SectionKind) -> Vec<T> {
        <[T]>::ref_from_bytes(&self.plain(kind)).expect("whole items").to_vec()
    }

    /// The items of a section of `u32` or `u64`.
    #[must_use]
    pub fn integers(&self, kind: SectionKind) -> Vec<u64> {
        let bytes = self.plain(kind);
        if self.part(kind).entry.item_size.get() == 8 {
            return bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        }
        bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes).into()).collect()
    }

    /// Changes the items of a section.
    pub fn edit<T: Item>(&mut self, kind: SectionKind, change: impl FnOnce(&mut Vec<T>)) {
        let mut items = self.items(kind);
        change(&mut items);
        self.set_plain(kind, items.as_bytes());
    }

    /// Packs what can be packed. Entries of the key index keep less of the hashes, in the order that this gives them in
    /// each bucket.
    pub fn pack(&mut self) {
        let buckets = self.integers(SectionKind::KeyBuckets);
        self.edit::<U64>(SectionKind::KeyEntries, |entries| {
            let (mut kept, mut starts) = (Vec::new(), buckets.clone());
            for (number, pair) in buckets.windows(2).enumerate() {
                let range = usize::try_from(pair[0]).unwrap()..usize::try_from(pair[1]).unwrap();
                let mut bucket: Vec<u64> = entries[range].iter().map(|entry| entry.get() & ((1 << 48) - 1)).collect();
                bucket.sort_unstable();
                bucket.dedup();
                kept.extend(bucket.into_iter().map(U64::new));
                starts[number + 1] = kept.len() as u64;
            }
            assert_eq!(starts, buckets, "no two names of a record have one short fingerprint");
            *entries = kept;
        });
        let feature = self.header.required_features.get() | REQUIRED_PACKED_COLUMNS;
        let kinds = self.parts.iter().filter_map(|part| SectionKind::from_number(part.entry.kind.get()));
        let plain: Vec<(SectionKind, Vec<u8>)> = kinds.map(|kind| (kind, self.plain(kind))).collect();
        self.header.required_features = U64::new(feature);
        plain.iter().for_each(|(kind, bytes)| self.set_plain(*kind, bytes));
    }

    /// Whether a section of this entry is packed.
    fn is_packed(&self, entry: &SectionEntry) -> bool {
        let kind = SectionKind::from_number(entry.kind.get());
        let features = self.header.required_features.get();
        kind.is_some_and(|kind| lanes_in(features, kind, entry.item_size.get()).is_some())
    }

    fn set_plain(&mut self, kind: SectionKind, items: &[u8]) {
        let entry = self.part(kind).entry;
        let size = entry.item_size.get();
        let is_packed = self.is_packed(&entry);
        let part = self.part_mut(kind);
        part.entry.item_count = U64::new(items.len() as u64 / u64::from(size));
        part.bytes = if is_packed { packed::pack(kind, size, items) } else { items.to_vec() };
    }

    /// The blocks of a stream.
    #[must_use]
    pub fn blocks(&self, stream: StreamKind) -> Vec<Block> {
        let (directory, blocks) = stream.sections();
        let bytes = &self.part(blocks).bytes;
        let block = |entry: BlockEntry| {
            let start = usize::try_from(entry.offset.get()).unwrap();
            let end = start + usize::try_from(entry.stored_length.get()).unwrap();
            Block { entry, stored: bytes[start..end].to_vec() }
        };
        self.items(directory).into_iter().map(block).collect()
    }

    /// Changes the blocks of a stream; their places and checksums are computed anew.
    pub fn edit_blocks(&mut self, stream: StreamKind, change: impl FnOnce(&mut Vec<Block>)) {
        let mut blocks = self.blocks(stream);
        change(&mut blocks);
        let mut bytes = Vec::new();
        for block in &mut blocks {
            block.entry.offset = U64::new(bytes.len() as u64);
            block.entry.stored_length = U32::new(u32::try_from(block.stored.len()).unwrap());
            block.entry.checksum = U32::new(crc32(&block.stored));
            bytes.extend_from_slice(&block.stored);
        }
        let (directory, kind) = stream.sections();
        self.part_mut(kind).bytes = bytes;
        self.edit(directory, |entries| *entries = blocks.iter().map(|block| block.entry).collect());
    }

    /// Puts the file together.
    #[must_use]
    pub fn assemble(&self) -> Image {
        let mut bytes = vec![0; usize::try_from(HEADER_PAGE).unwrap()];
        let (mut entries, mut checksums) = (Vec::new(), Vec::new());
        for part in &self.parts {
            entries.push(place(part, self.is_packed(&part.entry), &mut bytes, &mut checksums));
        }
        checksums.resize(checksums.len() + 4 * self.spare_pages, 0);
        let mut last = Part { entry: SectionEntry::new_zeroed(), bytes: checksums };
        last.entry.kind = U32::new(SectionKind::PageChecksums.number());
        last.entry.item_size = U32::new(4);
        last.entry.checksum_kind = U32::new(CHECKSUM_WHOLE);
        entries.push(place(&last, false, &mut bytes, &mut Vec::new()));
        entries.sort_by_key(|entry| entry.kind.get());
        align(&mut bytes, SECTION_ALIGNMENT);

        let mut header = self.header;
        header.table_offset = U64::new(HEADER_SIZE);
        header.section_count = U32::new(u32::try_from(entries.len()).unwrap());
        header.file_length = U64::new((bytes.len() + size_of::<Trailer>()) as u64);
        let table = usize::try_from(HEADER_SIZE).unwrap();
        bytes[..table].copy_from_slice(header.as_bytes());
        bytes[table..table + entries.as_bytes().len()].copy_from_slice(entries.as_bytes());
        bytes.extend_from_slice(Trailer::for_header(&header).as_bytes());
        let mut image = Image::new(bytes);
        image.seal_table();
        image
    }
}

/// Appends a section, and the checksums of its pages. One that is packed says itself how many items it has.
fn place(part: &Part, is_packed: bool, bytes: &mut Vec<u8>, checksums: &mut Vec<u8>) -> SectionEntry {
    let length = part.bytes.len() as u64;
    let is_first = bytes.len() as u64 == HEADER_PAGE;
    align(bytes, if length >= PAGE_ALIGNED && !is_first { PAGE } else { SECTION_ALIGNMENT });
    let mut entry = part.entry;
    entry.offset = U64::new(bytes.len() as u64);
    entry.length = U64::new(length);
    if !is_packed {
        entry.item_count = U64::new(length / u64::from(entry.item_size.get()));
    }
    entry.first_page = U64::ZERO;
    entry.checksum = U32::new(match entry.checksum_kind.get() {
        CHECKSUM_BLOCKS => 0,
        CHECKSUM_PAGES => {
            entry.first_page = U64::new((checksums.len() / 4) as u64);
            let pages = part.bytes.chunks(usize::try_from(PAGE).unwrap());
            let run: Vec<u8> = pages.flat_map(|page| crc32(page).to_le_bytes()).collect();
            checksums.extend_from_slice(&run);
            crc32(&run)
        }
        _ => crc32(&part.bytes),
    });
    bytes.extend_from_slice(&part.bytes);
    entry
}

fn align(bytes: &mut Vec<u8>, alignment: u64) {
    bytes.resize(bytes.len().next_multiple_of(usize::try_from(alignment).unwrap()), 0);
}
