//! Writing sections one after the other: alignment, checksums, the table, the header page and the trailer.

use crc32fast::Hasher;
use talaria_db_spec::checksum::crc32;
use talaria_db_spec::forever::{HEADER_MAGIC, HEADER_PAGE, HEADER_SIZE, PAGE, SECTION_ALIGNMENT, TRAILER_SIZE};
use talaria_db_spec::header::Header;
use talaria_db_spec::packed_columns::{FRAME, lanes_in, pack};
use talaria_db_spec::section::{CHECKSUM_PAGES, CHECKSUM_WHOLE, SectionEntry, SectionKind};
use talaria_db_spec::trailer::Trailer;
use talaria_db_spec::{keys, version};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use crate::error::{Error, Result};
use crate::write::deltas::DELTA_BLOCK;
use crate::write::publish::Unpublished;
use crate::write::spill::{Spill, SpillBuffer};

/// Bytes that are gathered before a write. Writes end at multiples of it in the file, so that the system may keep each
/// in one piece of its cache; a scan of a mapping of those takes two thirds of the time.
const BUFFER: usize = 256 << 10;
/// Sections of at least this many bytes start at a page of memory, so that advice can be given on them alone.
const PAGE_ALIGNED: u64 = 64 << 10;

/// The sections of a file that is being written.
#[derive(Debug)]
pub struct SectionWriter {
    output: Unpublished,
    /// File offset of the first byte in `buffer`.
    flushed: u64,
    buffer: Vec<u8>,
    entries: Vec<SectionEntry>,
    page_checksums: SpillBuffer,
    pages: u64,
    spill: Spill,
    /// Whether columns are packed.
    packs: bool,
}

/// A section on its way.
#[derive(Debug)]
pub struct OpenSection {
    kind: SectionKind,
    item_size: u32,
    offset: u64,
    length: u64,
    first_page: u64,
    whole: Hasher,
    /// The start of a page that is not full, not written yet: what comes in items of a few bytes is hashed and written
    /// a page at a time.
    page: Vec<u8>,
    packing: Option<Packing>,
}

/// Items of a packed column on their way.
#[derive(Debug)]
struct Packing {
    lanes: &'static [u32],
    /// Items that do not make a frame yet.
    waiting: Vec<u8>,
    items: u64,
    /// Where each frame starts.
    index: SpillBuffer,
}

impl OpenSection {
    /// File offset of its first byte.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl SectionWriter {
    /// Bytes that its buffers keep in memory.
    pub(crate) const MEMORY: u64 = 2 * SpillBuffer::most_memory(0);

    /// Starts after the header page. With `packs` columns are packed as they come.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn new(output: Unpublished, spill: &Spill, packs: bool) -> Result<Self> {
        let page_checksums = SpillBuffer::new(spill, "page checksums", 0)?;
        let (buffer, entries, spill) = (Vec::new(), Vec::new(), spill.clone());
        Ok(Self { output, flushed: HEADER_PAGE, buffer, entries, page_checksums, pages: 0, spill, packs })
    }

    /// Whether columns are packed.
    #[must_use]
    pub fn packs(&self) -> bool {
        self.packs
    }

    fn packed_feature(&self) -> u64 {
        if self.packs { version::REQUIRED_PACKED_COLUMNS } else { 0 }
    }

    /// The file.
    #[must_use]
    pub fn output(&self) -> &Unpublished {
        &self.output
    }

    /// Starts a section of about `length` bytes.
    ///
    /// # Errors
    /// As [`SectionWriter::append`].
    pub fn begin(&mut self, kind: SectionKind, item_size: u32, length: u64) -> Result<OpenSection> {
        let alignment = if length >= PAGE_ALIGNED { PAGE } else { SECTION_ALIGNMENT };
        self.align(alignment)?;
        let (whole, page, offset, first_page) = (Hasher::new(), Vec::new(), self.position(), self.pages);
        // Who stands for whom is written in the compact form alone, which is packed in any file.
        let features = version::REQUIRED_COMPACT_MEMBERSHIP | self.packed_feature();
        let packing = match lanes_in(features, kind, item_size) {
            Some(lanes) => {
                let index = SpillBuffer::new(&self.spill, "an index of frames", 0)?;
                Some(Packing { lanes, waiting: Vec::new(), items: 0, index })
            }
            None => None,
        };
        Ok(OpenSection { kind, item_size, offset, length: 0, first_page, whole, page, packing })
    }

    /// Adds bytes to a section: those of whole items, or any others of plain bytes.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Space`].
    pub fn append(&mut self, section: &mut OpenSection, bytes: &[u8]) -> Result<()> {
        let Some(mut packing) = section.packing.take() else { return self.append_bytes(section, bytes) };
        packing.waiting.extend_from_slice(bytes);
        let whole = packing.waiting.len() - packing.waiting.len() % (FRAME as usize * section.item_size as usize);
        self.append_frames(section, &mut packing, whole)?;
        section.packing = Some(packing);
        Ok(())
    }

    /// Packs the first `length` bytes that wait, whole items of them, and adds their frames.
    fn append_frames(&mut self, section: &mut OpenSection, packing: &mut Packing, length: usize) -> Result<()> {
        let mut packed = Vec::new();
        for items in packing.waiting[..length].chunks(FRAME as usize * section.item_size as usize) {
            packing.items += (items.len() / section.item_size as usize) as u64;
            packing.index.write(&section.length.to_le_bytes())?;
            packed.clear();
            pack(items, packing.lanes, &mut packed);
            self.append_bytes(section, &packed)?;
        }
        packing.waiting.drain(..length);
        Ok(())
    }

    fn append_bytes(&mut self, section: &mut OpenSection, bytes: &[u8]) -> Result<()> {
        section.length += bytes.len() as u64;
        match section.kind.rules().checksum_kind {
            CHECKSUM_PAGES => return self.append_pages(section, bytes),
            CHECKSUM_WHOLE => section.whole.update(bytes),
            _ => {}
        }
        self.write(bytes)
    }

    /// Ends a section.
    ///
    /// # Errors
    /// As [`SectionWriter::append`].
    pub fn end(&mut self, mut section: OpenSection) -> Result<()> {
        let mut items = section.length / u64::from(section.item_size);
        if let Some(mut packing) = section.packing.take() {
            let rest = packing.waiting.len();
            self.append_frames(&mut section, &mut packing, rest)?;
            items = packing.items;
            // The section packs no more: these are its own bytes.
            let spill = self.spill.clone();
            self.append_from(&mut section, packing.index, &spill, |_| {})?;
        }
        let checksum_kind = section.kind.rules().checksum_kind;
        if !section.page.is_empty() {
            let page = std::mem::take(&mut section.page);
            self.write_page(&mut section, &page)?;
        }
        let detail = match section.kind {
            SectionKind::KeyBuckets => u32::from(keys::KEY_RULES),
            SectionKind::DeltaDirectory => DELTA_BLOCK.ilog2(),
            _ => 0,
        };
        let paged = checksum_kind == CHECKSUM_PAGES;
        // For blocks nothing was hashed, and the CRC-32 of nothing is 0, as it should be.
        self.entries.push(SectionEntry {
            kind: U32::new(section.kind.number()),
            flags: U32::new(detail << 8),
            offset: U64::new(section.offset),
            length: U64::new(section.length),
            item_size: U32::new(section.item_size),
            checksum_kind: U32::new(checksum_kind),
            item_count: U64::new(items),
            checksum: U32::new(section.whole.finalize()),
            reserved: U32::ZERO,
            first_page: U64::new(if paged { section.first_page } else { 0 }),
            reserved_end: U64::ZERO,
        });
        Ok(())
    }

    /// Writes a section whose bytes are at hand.
    ///
    /// # Errors
    /// As [`SectionWriter::append`].
    pub fn section(&mut self, kind: SectionKind, item_size: u32, bytes: &[u8]) -> Result<()> {
        let mut section = self.begin(kind, item_size, bytes.len() as u64)?;
        self.append(&mut section, bytes)?;
        self.end(section)
    }

    /// Writes a section from a spilled buffer.
    ///
    /// # Errors
    /// As [`SectionWriter::append`], or an error of the buffer.
    pub fn section_from(
        &mut self,
        kind: SectionKind,
        item_size: u32,
        buffer: SpillBuffer,
        spill: &Spill,
    ) -> Result<()> {
        let mut section = self.begin(kind, item_size, buffer.len())?;
        self.append_from(&mut section, buffer, spill, |_| {})?;
        self.end(section)
    }

    /// Adds the bytes of a spilled buffer, after `change` has been at them, 64 KiB at a time.
    ///
    /// # Errors
    /// As [`SectionWriter::append`], or an error of the buffer.
    pub fn append_from(
        &mut self,
        section: &mut OpenSection,
        buffer: SpillBuffer,
        spill: &Spill,
        mut change: impl FnMut(&mut [u8]),
    ) -> Result<()> {
        use std::io::Read;
        let mut left = buffer.len();
        let mut reader = buffer.into_reader()?;
        let mut chunk = vec![0; 64 << 10];
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
            let part = &mut chunk[..length];
            reader.read_exact(part).map_err(Error::io(spill.folder(), "read temporary data"))?;
            change(part);
            self.append(section, part)?;
            left -= length as u64;
        }
        Ok(())
    }

    /// Writes page checksums, trailer, table and header. `header` has the counts and sizes; the rest of it is filled in
    /// here.
    ///
    /// # Errors
    /// As [`SectionWriter::append`].
    pub fn finish(mut self, mut header: Header, spill: &Spill) -> Result<Unpublished> {
        let checksums = std::mem::replace(&mut self.page_checksums, SpillBuffer::new(spill, "page checksums", 0)?);
        self.section_from(SectionKind::PageChecksums, 4, checksums, spill)?;
        self.align(SECTION_ALIGNMENT)?;
        self.entries.sort_unstable_by_key(|entry| entry.kind.get());
        let table = self.entries.as_bytes();
        header.magic = HEADER_MAGIC;
        header.required_features =
            U64::new(header.required_features.get() & !version::REQUIRED_PACKED_COLUMNS | self.packed_feature());
        header.read_version = U16::new(1);
        header.write_version = U16::new(version::WRITE_VERSION);
        header.header_size = U32::new(4096);
        header.file_length = U64::new(self.position() + TRAILER_SIZE);
        header.table_offset = U64::new(HEADER_SIZE);
        header.section_count = U32::new(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        header.table_checksum = U32::new(crc32(table));
        header.header_checksum = U32::new(header.compute_checksum());
        let mut page = vec![0; HEADER_PAGE as usize];
        let head = header.as_bytes();
        page[..head.len()].copy_from_slice(head);
        // 35 kinds at most, and room for 62.
        page[head.len()..head.len() + table.len()].copy_from_slice(table);
        self.output.write_at(&page, 0)?;
        self.write(Trailer::for_header(&header).as_bytes())?;
        self.flush()?;
        Ok(self.output)
    }

    /// File offset of the next byte.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    /// Writes what is gathered, so that it can be read back.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Space`].
    pub fn flush(&mut self) -> Result<()> {
        self.flush_first(self.buffer.len())
    }

    /// Writes the first `length` bytes of what is gathered.
    fn flush_first(&mut self, length: usize) -> Result<()> {
        self.output.write_at(&self.buffer[..length], self.flushed)?;
        self.flushed += length as u64;
        self.buffer.drain(..length);
        Ok(())
    }

    fn append_pages(&mut self, section: &mut OpenSection, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = PAGE as usize - section.page.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            if now.len() == PAGE as usize {
                self.write_page(section, now)?;
            } else {
                section.page.extend_from_slice(now);
            }
            if section.page.len() == PAGE as usize {
                let mut page = std::mem::take(&mut section.page);
                self.write_page(section, &page)?;
                page.clear();
                section.page = page;
            }
            bytes = later;
        }
        Ok(())
    }

    fn write_page(&mut self, section: &mut OpenSection, page: &[u8]) -> Result<()> {
        let checksum = crc32(page).to_le_bytes();
        section.whole.update(&checksum);
        self.pages += 1;
        self.page_checksums.write(&checksum)?;
        self.write(page)
    }

    fn align(&mut self, alignment: u64) -> Result<()> {
        let padding = self.position().next_multiple_of(alignment) - self.position();
        self.write(&[0; PAGE as usize][..padding as usize])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < BUFFER {
            return Ok(());
        }
        let over = self.position() % BUFFER as u64;
        self.flush_first(self.buffer.len() - over as usize)
    }
}
