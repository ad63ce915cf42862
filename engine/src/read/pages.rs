//! Items of columns, directories and indexes, each read through a page that is compared with its checksum.
//!
//! A page is compared the first time it is used, and a bit remembers it. That is one CRC-32 of 4 KiB (a fraction of a
//! microsecond) for the first of up to 1024 items, and an atomic load for the others. With `pread` a page stays only if
//! the cache keeps it, and is read and compared again if it does not. The bits take a byte for 32 KiB of columns.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use talaria_db_spec::SpecError;
use talaria_db_spec::checksum::crc32;
use talaria_db_spec::forever::PAGE;
use talaria_db_spec::validate::Section;

use crate::error::{Error, Result};
use crate::read::ahead::PIECE;
use crate::read::cache::{BlockCache, CacheKey};
use crate::read::packed::PackedColumn;
use crate::read::storage::Storage;

/// The pages of one container.
#[derive(Debug)]
pub struct Pages {
    checksums: Section,
    verified: Vec<AtomicU64>,
}

impl Pages {
    /// Bytes of memory that [`Pages::new`] takes for a page checksums section.
    #[must_use]
    pub fn memory(checksums: &Section) -> u64 {
        checksums.item_count.div_ceil(64) * 8
    }

    /// For the page checksums `checksums`.
    #[must_use]
    pub fn new(checksums: Section) -> Self {
        let words = usize::try_from(checksums.item_count.div_ceil(64)).unwrap_or(0);
        let mut verified = Vec::new();
        verified.resize_with(words, AtomicU64::default);
        Self { checksums, verified }
    }

    /// Item `index` of `section`, which has items of `N` bytes. Its page comes from `cache` where the storage has to
    /// read it.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Io`], or rule S-9 if the page does not match its checksum.
    pub fn item<const N: usize>(
        &self,
        storage: &Storage,
        cache: &BlockCache,
        path: &Path,
        section: &Section,
        index: u64,
    ) -> Result<[u8; N]> {
        if index >= section.item_count {
            return Err(Error::OutOfRange { what: section.kind.rules().name, got: index, count: section.item_count });
        }
        if let Some(lanes) = section.lanes {
            let mut item = [[0; N]];
            PackedColumn { pages: self, storage, path, section, lanes }.few(cache, index, &mut item)?;
            return Ok(item[0]);
        }
        let (page, start) = page_of(index * N as u64);
        let part = |bytes: &[u8]| bytes.get(start..start + N).and_then(|item| item.try_into().ok());
        // Items of 12 bytes may lie on two pages; the others are a power of two up to 32 bytes long and do not.
        let item = if start + N > PAGE as usize {
            self.run(storage, path, section, index..index + 1)?.as_ref().try_into().ok()
        } else if storage.borrows() {
            part(&self.page(storage, path, section, page)?)
        } else {
            let read = || self.page(storage, path, section, page).map(Cow::into_owned);
            part(&cache.get_or_decode(CacheKey::Page(section.first_page + page), read)?)
        };
        item.ok_or_else(|| {
            let violation = SpecError::violation(
                section.kind.rules().name,
                "item_size",
                "S-6",
                index,
                N as u64,
                section.item_size.into(),
            );
            Error::Format { path: path.to_path_buf(), violation }
        })
    }

    /// Items of `section` from `first` on, as many as there is room for: of a packed one each frame is found once.
    ///
    /// # Errors
    /// As [`Pages::item`].
    pub(crate) fn few<const N: usize>(
        &self,
        storage: &Storage,
        cache: &BlockCache,
        path: &Path,
        section: &Section,
        first: u64,
        items: &mut [[u8; N]],
    ) -> Result<()> {
        let Some(lanes) = section.lanes else {
            if storage.borrows() && N as u64 == u64::from(section.item_size) {
                // They are neighbours: one look at their page, or two.
                let end = first.saturating_add(items.len() as u64);
                let run = self.run(storage, path, section, first..end)?;
                items.iter_mut().zip(run.as_chunks().0).for_each(|(item, bytes)| *item = *bytes);
                return Ok(());
            }
            for (index, item) in (first..).zip(items) {
                *item = self.item(storage, cache, path, section, index)?;
            }
            return Ok(());
        };
        let (got, count) = (first.saturating_add(items.len() as u64), section.item_count);
        if got > count || N as u64 != u64::from(section.item_size) {
            return Err(Error::OutOfRange { what: section.kind.rules().name, got, count });
        }
        PackedColumn { pages: self, storage, path, section, lanes }.few(cache, first, items)
    }

    /// Page `page` of `section`, compared with its checksum.
    ///
    /// # Errors
    /// [`Error::Io`], or rule S-9.
    pub fn page<'s>(&self, storage: &'s Storage, path: &Path, section: &Section, page: u64) -> Result<Cow<'s, [u8]>> {
        let start = page * PAGE;
        let length = usize::try_from(section.length.saturating_sub(start).min(PAGE)).unwrap_or(0);
        let bytes = storage.bytes(section.offset + start, length).map_err(Error::io(path, "read"))?;
        self.compare(storage, path, section, page, &bytes, matches!(bytes, Cow::Borrowed(_)))?;
        Ok(bytes)
    }

    /// The items `items` of `section`, as they stand there or unpacked, all of whose pages have been compared.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Io`], or rule S-9.
    pub fn run<'s>(
        &self,
        storage: &'s Storage,
        path: &Path,
        section: &Section,
        items: Range<u64>,
    ) -> Result<Cow<'s, [u8]>> {
        if items.end > section.item_count || items.start > items.end {
            return Err(Error::OutOfRange {
                what: section.kind.rules().name,
                got: items.end,
                count: section.item_count,
            });
        }
        if let Some(lanes) = section.lanes {
            return PackedColumn { pages: self, storage, path, section, lanes }.run(items).map(Cow::Owned);
        }
        let size = u64::from(section.item_size);
        self.bytes(storage, path, section, items.start * size..items.end * size)
    }

    /// Bytes of `section` from its first one on, all of whose pages have been compared.
    pub(super) fn bytes<'s>(
        &self,
        storage: &'s Storage,
        path: &Path,
        section: &Section,
        Range { start, end }: Range<u64>,
    ) -> Result<Cow<'s, [u8]>> {
        if let Some(whole) = self.whole(storage, section) {
            return self.compared(storage, path, section, whole, start..end).map(Cow::Borrowed);
        }
        let first = start / PAGE;
        let aligned = first * PAGE..end.next_multiple_of(PAGE).min(section.length);
        let length = usize::try_from(aligned.end.saturating_sub(aligned.start)).unwrap_or(usize::MAX);
        let bytes = storage.bytes(section.offset + aligned.start, length).map_err(Error::io(path, "read"))?;
        for (page, part) in (first..).zip(bytes.chunks(PAGE as usize)) {
            self.compare(storage, path, section, page, part, false)?;
        }
        let range = (start - aligned.start) as usize..(end - aligned.start) as usize;
        Ok(Cow::Owned(bytes.get(range).unwrap_or_default().to_vec()))
    }

    /// All bytes of `section`, of which none has been compared, where they are borrowed.
    #[inline]
    pub(super) fn whole<'s>(&self, storage: &'s Storage, section: &Section) -> Option<&'s [u8]> {
        storage.borrowed(section.offset, usize::try_from(section.length).ok()?)
    }

    /// Bytes of `section` out of `whole`, all of whose pages have been compared: an atomic load for each.
    #[inline]
    pub(super) fn compared<'s>(
        &self,
        storage: &Storage,
        path: &Path,
        section: &Section,
        whole: &'s [u8],
        Range { start, end }: Range<u64>,
    ) -> Result<&'s [u8]> {
        let (first, last) = (start / PAGE, end.saturating_sub(1) / PAGE);
        // Most are part of one.
        if first != last || !self.is_verified(section.first_page + first) {
            self.compare_all(storage, path, section, first..last + 1)?;
        }
        let range = usize::try_from(start).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(usize::MAX);
        Ok(whole.get(range).unwrap_or_default())
    }

    /// Compares those pages of `section` that have not been compared.
    #[inline(never)]
    fn compare_all(&self, storage: &Storage, path: &Path, section: &Section, pages: Range<u64>) -> Result<()> {
        for page in pages {
            if !self.is_verified(section.first_page + page) {
                self.page(storage, path, section, page)?;
            }
        }
        Ok(())
    }

    /// Compares the bytes of a page with its checksum, unless they are kept and have been compared.
    fn compare(
        &self,
        storage: &Storage,
        path: &Path,
        section: &Section,
        page: u64,
        bytes: &[u8],
        kept: bool,
    ) -> Result<()> {
        let index = section.first_page + page;
        if kept && self.is_verified(index) {
            return Ok(());
        }
        // The first look at a page that follows another: more of them will.
        if kept && page.is_multiple_of(PIECE / PAGE) && page > 0 && self.is_verified(index - 1) {
            let end = section.length.min(page * PAGE + 2 * PIECE);
            storage.will_need(section.offset + page * PAGE..section.offset + end);
        }
        let stored = storage.bytes(self.checksums.offset + index * 4, 4).map_err(Error::io(path, "read"))?;
        let expected = stored.as_ref().try_into().map_or(0, u32::from_le_bytes);
        let got = crc32(bytes);
        if got != expected {
            let name = section.kind.rules().name;
            let violation = SpecError::violation(name, "page checksum", "S-9", page, got.into(), expected.into());
            return Err(Error::Format { path: path.to_path_buf(), violation });
        }
        if kept {
            self.mark_verified(index);
        }
        Ok(())
    }

    fn is_verified(&self, index: u64) -> bool {
        self.word(index).is_some_and(|word| word.load(Ordering::Relaxed) >> (index % 64) & 1 == 1)
    }

    fn mark_verified(&self, index: u64) {
        if let Some(word) = self.word(index) {
            word.fetch_or(1 << (index % 64), Ordering::Relaxed);
        }
    }

    fn word(&self, index: u64) -> Option<&AtomicU64> {
        usize::try_from(index / 64).ok().and_then(|word| self.verified.get(word))
    }
}

/// The page of a byte, and where it is there.
pub(super) fn page_of(byte: u64) -> (u64, usize) {
    (byte / PAGE, usize::try_from(byte % PAGE).unwrap_or(0))
}
