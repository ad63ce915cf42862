//! Items of known lengths, written in any order and read in any order.
//!
//! Each has a place of its own in one temporary file, with a hash before its bytes that is compared whenever it is
//! read. The file is read and written by calls, not mapped: its pages are the system's cache and in nobody's account.
//! Where nothing may go to disk, the items are in memory.
//!
//! - [`Appender`] writes items that come in their order.
//! - [`Arranger`] writes items that come in any order, from several threads.
//! - `Pages` keeps some of what was read, for items that are read one by one.

mod appender;
mod arranger;
mod pages;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

pub(crate) use self::appender::Appender;
pub(crate) use self::arranger::Arranger;
use self::pages::Pages;
use super::{Spill, SpillColumn, file};
use crate::error::{Error, Result};
use crate::memory::budget::Lease;

/// Bytes of the hash before an item.
const HASH: u64 = 8;

/// A table of byte strings.
#[derive(Debug)]
pub(crate) struct SpillTable {
    spill: Spill,
    what: &'static str,
    /// Where each item begins, and the end of the last one.
    starts: SpillColumn<u64>,
    store: Store,
}

#[derive(Debug)]
enum Store {
    Disk { file: File, pages: Option<Pages> },
    Memory { all: Mutex<Vec<u8>>, _lease: Lease },
}

impl SpillTable {
    /// Memory of a table of so many bytes beside its places, if so much is available, `keep` of which others need.
    pub(crate) fn estimate(available: u64, keep: u64, bytes: u64) -> u64 {
        Pages::memory(available, keep, bytes)
    }

    /// Bytes on disk of `count` items, beside theirs.
    pub(crate) fn beside(count: u64) -> u64 {
        count.saturating_mul(HASH)
    }

    /// A table for items of these lengths, in this order. `keep` bytes of memory are needed for other things.
    ///
    /// # Errors
    /// [`Error::Space`] if they do not fit the limit or the disk, [`Error::SpillDisabled`], [`Error::Io`].
    pub(crate) fn new(
        spill: &Spill,
        what: &'static str,
        count: u64,
        keep: u64,
        lengths: impl Iterator<Item = Result<u64>>,
    ) -> Result<Self> {
        let places = usize::try_from(count + 1).unwrap_or(usize::MAX);
        let mut starts = SpillColumn::new(spill, what, places, 0_u64, keep)?;
        let mut end = 0;
        for (start, length) in starts.iter_mut().skip(1).zip(lengths) {
            end += HASH + length?;
            *start = end;
        }
        let store = if spill.is_allowed() {
            spill.preflight(end)?;
            let file = file::create(spill.folder())?;
            // Places of items that are never written can be read, too: neighbours are read with them.
            file.set_len(end).map_err(Error::io(spill.folder(), "write temporary data"))?;
            spill.take(end)?;
            Store::Disk { file, pages: Pages::new(spill.budget(), keep, end) }
        } else {
            let lease = spill.budget().lease(what, end).map_err(|_| {
                let limit = spill.budget().limit();
                Error::SpillDisabled { what, memory: spill.budget().free(), limit }
            })?;
            Store::Memory { all: Mutex::new(vec![0; usize::try_from(end).unwrap_or(usize::MAX)]), _lease: lease }
        };
        Ok(Self { spill: spill.clone(), what, starts, store })
    }

    /// Items.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Bytes of an item.
    pub(crate) fn length(&self, item: usize) -> u64 {
        let place = self.place(item..item + 1);
        place.end - place.start - HASH
    }

    /// Bytes of so many items, hashes counted.
    pub(crate) fn bytes(&self, items: Range<usize>) -> u64 {
        let place = self.place(items);
        place.end - place.start
    }

    fn place(&self, items: Range<usize>) -> Range<u64> {
        self.starts[items.start]..self.starts[items.end]
    }

    /// Writes an item, which has the length that was said. `scratch` is for whatever it likes to keep.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Space`].
    fn write(&self, item: usize, bytes: &[u8], scratch: &mut Vec<u8>) -> Result<()> {
        debug_assert_eq!(bytes.len() as u64, self.length(item), "{}", self.what);
        scratch.resize(HASH as usize + bytes.len(), 0);
        put_hashed(scratch, bytes);
        self.write_at(scratch, self.starts[item])
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        match &self.store {
            Store::Disk { file, .. } => file.write_all_at(bytes, at).map_err(|error| match error.kind() {
                ErrorKind::StorageFull => {
                    self.spill.refuse(bytes.len() as u64, fs2::available_space(self.spill.folder()).unwrap_or(0))
                }
                _ => Error::io(self.spill.folder(), "write temporary data")(error),
            }),
            Store::Memory { all, .. } => {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                all.lock().unwrap_or_else(PoisonError::into_inner)[at..at + bytes.len()].copy_from_slice(bytes);
                Ok(())
            }
        }
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> Result<()> {
        match &self.store {
            Store::Disk { file, .. } => {
                file.read_exact_at(into, at).map_err(Error::io(self.spill.folder(), "read temporary data"))
            }
            Store::Memory { all, .. } => {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                let all = all.lock().unwrap_or_else(PoisonError::into_inner);
                into.copy_from_slice(&all[at..at + into.len()]);
                Ok(())
            }
        }
    }

    /// The error for what is not what was written.
    fn damaged(&self) -> Error {
        let text = format!("{}: temporary data is not what was written", self.what);
        Error::io(self.spill.folder(), "read temporary data")(io::Error::new(ErrorKind::InvalidData, text))
    }

    /// Reads neighbouring items into `scratch`, and calls `visit` with each.
    ///
    /// # Errors
    /// [`Error::Io`], with [`ErrorKind::InvalidData`] if one is not what was written; what `visit` returns.
    pub(crate) fn read(
        &self,
        items: Range<usize>,
        scratch: &mut Vec<u8>,
        mut visit: impl FnMut(usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let place = self.place(items.clone());
        let length = usize::try_from(place.end - place.start).unwrap_or(usize::MAX);
        scratch.resize(length, 0);
        self.read_at(scratch, place.start)?;
        let mut rest = &scratch[..];
        for item in items {
            let (hashed, behind) = rest.split_at(usize::try_from(HASH + self.length(item)).unwrap_or(usize::MAX));
            visit(item, self.check(hashed)?)?;
            rest = behind;
        }
        Ok(())
    }

    /// Reads one item, in place of what is in `into`, and maybe from what was read before: once an item was read,
    /// nothing may be written.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn item(&self, item: usize, into: &mut Vec<u8>) -> Result<()> {
        let place = self.place(item..item + 1);
        into.resize(usize::try_from(place.end - place.start).unwrap_or(usize::MAX), 0);
        match &self.store {
            Store::Disk { file, pages: Some(pages) } => {
                let end = self.bytes(0..self.len());
                let read = pages.read(file, end, into, place.start);
                read.map_err(Error::io(self.spill.folder(), "read temporary data"))?;
            }
            Store::Disk { .. } | Store::Memory { .. } => self.read_at(into, place.start)?,
        }
        self.check(into)?;
        into.drain(..HASH as usize);
        Ok(())
    }

    /// The bytes of an item, if they are what its hash before them says.
    fn check<'a>(&self, hashed: &'a [u8]) -> Result<&'a [u8]> {
        match hashed.split_first_chunk() {
            Some((hash, bytes)) if xxh3_64(bytes).to_le_bytes() == *hash => Ok(bytes),
            _ => Err(self.damaged()),
        }
    }
}

/// Puts the bytes of an item into its place, with their hash before them.
fn put_hashed(place: &mut [u8], bytes: &[u8]) {
    let (hash, rest) = place.split_at_mut(HASH as usize);
    hash.copy_from_slice(&xxh3_64(bytes).to_le_bytes());
    rest.copy_from_slice(bytes);
}

impl Drop for SpillTable {
    fn drop(&mut self) {
        if let (Store::Disk { .. }, Some(&end)) = (&self.store, self.starts.last()) {
            self.spill.give_back(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::budget::Budget;

    fn table(spill: &Spill, items: &[&[u8]]) -> Result<SpillTable> {
        let lengths = items.iter().map(|item| Ok(item.len() as u64));
        let table = SpillTable::new(spill, "items", items.len() as u64, 0, lengths)?;
        let mut scratch = Vec::new();
        (0..items.len()).rev().try_for_each(|at| table.write(at, items[at], &mut scratch))?;
        Ok(table)
    }

    #[test]
    fn items_come_back_from_disk_and_from_memory() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(Budget::new(1 << 20), folder.path().to_path_buf(), None);
        for (spill, on_disk) in [(spill.clone(), 8 * 4 + 9), (spill.allowed(false), 0)] {
            let table = table(&spill, &[b"one", b"", b"three", b"4"]).unwrap();
            assert_eq!((spill.bytes_on_disk(), table.len(), table.length(2), table.bytes(1..3)), (on_disk, 4, 5, 21));
            let (mut scratch, mut seen) = (Vec::new(), Vec::new());
            table
                .read(1..4, &mut scratch, |item, bytes| {
                    seen.push((item, bytes.to_vec()));
                    Ok(())
                })
                .unwrap();
            assert_eq!(seen, [(1, b"".to_vec()), (2, b"three".to_vec()), (3, b"4".to_vec())]);
            table.item(0, &mut scratch).unwrap();
            assert_eq!(scratch, b"one");
            drop(table);
            assert_eq!((spill.bytes_on_disk(), spill.budget().in_use()), (0, 0));
        }
    }

    #[test]
    fn damage_is_found_and_limits_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let spill = |limit| Spill::new(Budget::new(100), folder.path().to_path_buf(), Some(limit));
        assert!(matches!(table(&spill(20), &[b"twelve bytes!"]), Err(Error::Space { need: 21, free: 20, .. })));
        let spill = spill(100);
        let table = table(&spill, &[b"one", b"two"]).unwrap();
        let Store::Disk { file, .. } = &table.store else { panic!("on disk") };
        file.write_all_at(b"x", 9).unwrap();
        let mut scratch = Vec::new();
        assert!(matches!(table.item(0, &mut scratch), Err(Error::Io { .. })));
        table.item(1, &mut scratch).unwrap();
        drop(table);
        let none = || std::iter::repeat_with(|| Ok(0)).take(50);
        assert!(matches!(SpillTable::new(&spill, "items", 50, 0, none()), Err(Error::Space { .. })));
        let spill = spill.allowed(false);
        assert!(matches!(SpillTable::new(&spill, "items", 50, 0, none()), Err(Error::SpillDisabled { .. })));
    }
}
