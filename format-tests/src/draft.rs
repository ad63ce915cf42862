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
use talaria_db_spec::section::{CHECKSUM_BLOCKS, CHECKSUM_PAGES, CHECKSUM_WHOLE, SectionEntry, SectionKind};
use talaria_db_spec::trailer::Trailer;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::image::Image;

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

    /// Adds a section of any kind.
    pub fn add_number(&mut self, number: u32, flags: u32, item_size: u32, checksum_kind: u32, bytes: &[u8]) {
        let mut entry = SectionEntry::new_zeroed();
        entry.kind = U32::new(number);
        entry.flags = U32::new(flags);
        entry.item_size = U32::new(item_size);
        entry.checksum_kind = U32::new(checksum_kind);
        self.parts.push(Part { entry, bytes: bytes.to_vec() });
    }

    /// The items of a section.
    #[must_use]
    pub fn items<T: Item>(&self, kind: SectionKind) -> Vec<T> {
        <[T]>::ref_from_bytes(&self.part(kind).bytes).expect("whole items").to_vec()
    }

    /// Changes the items of a section.
    pub fn edit<T: Item>(&mut self, kind: SectionKind, change: impl FnOnce(&mut Vec<T>)) {
        let mut items = self.items(kind);
        change(&mut items);
        self.part_mut(kind).bytes = items.as_bytes().to_vec();
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
            entries.push(place(part, &mut bytes, &mut checksums));
        }
        checksums.resize(checksums.len() + 4 * self.spare_pages, 0);
        let mut last = Part { entry: SectionEntry::new_zeroed(), bytes: checksums };
        last.entry.kind = U32::new(SectionKind::PageChecksums.number());
        last.entry.item_size = U32::new(4);
        last.entry.checksum_kind = U32::new(CHECKSUM_WHOLE);
        entries.push(place(&last, &mut bytes, &mut Vec::new()));
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

/// Appends a section, and the checksums of its pages.
fn place(part: &Part, bytes: &mut Vec<u8>, checksums: &mut Vec<u8>) -> SectionEntry {
    let length = part.bytes.len() as u64;
    let is_first = bytes.len() as u64 == HEADER_PAGE;
    align(bytes, if length >= PAGE_ALIGNED && !is_first { PAGE } else { SECTION_ALIGNMENT });
    let mut entry = part.entry;
    entry.offset = U64::new(bytes.len() as u64);
    entry.length = U64::new(length);
    entry.item_count = U64::new(length / u64::from(entry.item_size.get()));
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
