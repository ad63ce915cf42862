//! Items of columns, pages and whole sections, compared with their checksums, and what the system is told of them
//! beforehand.

use std::borrow::Cow;
use std::ops::Range;

use talaria_db_spec::checksum;
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::validate::Section;

use super::sections::required;
use super::{Database, Inner};
use crate::error::{Error, Result};
use crate::read::packed::PackedColumn;
use crate::read::stream::Stream;

/// Bytes that are read from front to back in the time of waiting for one page: about that much on solid state, more on
/// disks that turn.
pub(crate) const AS_MUCH_AS_A_PAGE: u64 = 64 << 10;
/// A column stays in the system's cache if it is not more than one part of it in this many: three are used together,
/// with blocks.
const SHARE_OF_A_COLUMN: u64 = 5;

impl Database {
    /// A section with one checksum, compared with it.
    pub(crate) fn whole_section(&self, kind: SectionKind) -> Result<Cow<'_, [u8]>> {
        let section = required(self.container(), kind, self.path())?;
        let length = usize::try_from(section.length).unwrap_or(usize::MAX);
        // Where the bytes are borrowed, nothing is read into memory.
        let read = if self.inner.storage.borrows() { 0 } else { section.length };
        let _lease = self.budget().lease(kind.rules().name, read)?;
        let bytes = self.bytes(section.offset, length)?;
        let got = checksum::crc32(&bytes);
        if got != section.checksum {
            return Err(self.broken(kind.rules().name, "checksum", "S-9", 0, got.into(), section.checksum.into()));
        }
        Ok(bytes)
    }

    pub(crate) fn item<const N: usize>(&self, section: &Section, index: u64) -> Result<[u8; N]> {
        let Inner { storage, cache, path, pages, .. } = &*self.inner;
        pages.item(storage, cache, path, section, index)
    }

    /// An item of a section of `u32` or `u64`.
    pub(crate) fn number_item(&self, section: &Section, index: u64) -> Result<u64> {
        if section.item_size == 8 {
            self.item(section, index).map(u64::from_le_bytes)
        } else {
            self.item(section, index).map(|bytes| u32::from_le_bytes(bytes).into())
        }
    }

    /// Items from `first` on, as many as there is room for.
    pub(crate) fn few<const N: usize>(&self, section: &Section, first: u64, items: &mut [[u8; N]]) -> Result<()> {
        let Inner { storage, cache, path, pages, .. } = &*self.inner;
        pages.few(storage, cache, path, section, first, items)
    }

    /// Starts to fetch an item into the processor's caches; a hint.
    pub(crate) fn prefetch(&self, section: &Section, index: u64) {
        self.inner.storage.prefetch(place(section, index));
    }

    pub(crate) fn items(&self, section: &Section, items: Range<u64>) -> Result<Cow<'_, [u8]>> {
        self.inner.pages.run(&self.inner.storage, &self.inner.path, section, items)
    }

    /// A column, if it is packed.
    pub(crate) fn packed_column<'a>(&'a self, section: &'a Section) -> Option<PackedColumn<'a>> {
        let Inner { storage, path, pages, .. } = &*self.inner;
        section.lanes.map(|lanes| PackedColumn { pages, storage, path, section, lanes })
    }

    pub(crate) fn page(&self, section: &Section, page: u64) -> Result<Cow<'_, [u8]>> {
        self.inner.pages.page(&self.inner.storage, &self.inner.path, section, page)
    }

    pub(crate) fn bytes(&self, offset: u64, length: usize) -> Result<Cow<'_, [u8]>> {
        self.inner.storage.bytes(offset, length).map_err(Error::io(&self.inner.path, "read"))
    }

    /// Asks the system to read a part of a stream's blocks into its cache.
    pub(crate) fn will_need(&self, stream: &Stream, offset: u64, length: u64) {
        let end = offset.saturating_add(length).min(stream.blocks.length);
        if offset < end {
            self.inner.storage.will_need(stream.blocks.offset + offset..stream.blocks.offset + end);
        }
    }

    /// Asks for the whole of a column or index if `count` items of it are going to be looked at: reading it from front
    /// to back takes less time than waiting for that many pages of it, one by one. Not, if it would push itself out.
    pub(crate) fn expect(&self, section: &Section, count: usize) {
        if self.stays(section) && count as u64 >= section.length / AS_MUCH_AS_A_PAGE {
            self.expect_items(section, 0..section.item_count);
        }
    }

    /// Whether the whole of a column or index stays in the system's cache while it is used, with others like it.
    pub(crate) fn stays(&self, section: &Section) -> bool {
        self.inner.memory.mapping.page_cache.is_none_or(|bytes| section.length <= bytes / SHARE_OF_A_COLUMN)
    }

    /// Asks for some items of a column, most of which are going to be looked at at once.
    pub(crate) fn expect_items(&self, section: &Section, items: Range<u64>) {
        if self.inner.ahead.is_some() {
            self.inner.storage.will_need(place(section, items.start)..place(section, items.end));
        }
    }
}

/// The numbers in items of a section of `u32` or `u64`.
pub(crate) fn numbers<'b>(section: &Section, items: &'b [u8]) -> impl Iterator<Item = u64> + 'b {
    let (wide, narrow) = if section.item_size == 8 { (items, &[][..]) } else { (&[][..], items) };
    let wide = wide.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes));
    wide.chain(narrow.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes).into()))
}

/// Where an item of a column lies in the file; about where, if it is packed.
pub(crate) fn place(section: &Section, item: u64) -> u64 {
    let byte = match section.lanes {
        None => item.saturating_mul(section.item_size.into()),
        Some(_) => {
            let share = u128::from(item) * u128::from(section.frames_end()) / u128::from(section.item_count.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        }
    };
    section.offset + byte.min(section.length)
}
