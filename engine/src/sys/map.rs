//! Read-only memory mappings of whole files, and what the system is told about their parts.
//!
//! A mapping costs address space and page tables, not memory: pages are the system's to drop. Mapped bytes are
//! therefore not part of the memory budget. A file that is cut short by somebody while it is mapped makes the process
//! fail with SIGBUS, unless the mapping is guarded; a container is only ever replaced by rename, which leaves the
//! mapping of the old one whole. Who cannot rely on that guards it, or reads with
//! [`crate::read::storage::Access::Read`].
//!
//! Nothing here checks what the system made of an advice; [`crate::memory::mapping`] reads that back.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::anonymous::addresses;
use super::guard::Guard;

/// Bytes that are brought into memory by one call. Other threads can map and unmap between two of them.
const PIECE: usize = 64 << 20;

/// The least distance between two pages, on every system that this runs on.
const STEP: usize = 4 << 10;

/// What the system should expect of the accesses to a part of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Here and there: no read-ahead.
    Random,
    /// From front to back: read ahead.
    Sequential,
}

/// A mapping of a whole file.
#[derive(Debug)]
pub struct Mapping {
    /// Gone before the mapping is.
    guard: Option<Guard>,
    map: memmap2::Mmap,
}

impl Mapping {
    /// Maps `file`.
    ///
    /// # Errors
    /// What the system says; an empty file cannot be mapped.
    pub fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the mapping is read-only and private to this type, which hands out shared slices only. Containers are
        // sealed: they are replaced by rename and never written in place, so the bytes do not change under the slices.
        // Every value that is read through them is checked against a checksum or a range before it is used as one, and
        // no type with invalid bit patterns is made from them, so that even a file that somebody changes in place can
        // at worst give an error.
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Self { guard: None, map })
    }

    /// Lets accesses go on, and read zeros, where the file cannot be read; see [`Mapping::was_hit`]. Whether that can
    /// be had.
    pub fn guard(&mut self) -> bool {
        self.guard = Guard::new(addresses(&self.map));
        self.guard.is_some()
    }

    /// Whether it is guarded.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }

    /// Whether a page could not be had since it is guarded; bytes that were read before this was asked may be zeros
    /// then.
    #[must_use]
    pub fn was_hit(&self) -> bool {
        self.guard.as_ref().is_some_and(Guard::was_hit)
    }

    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The addresses that the bytes `range` of the file have; empty if they are not in it.
    #[must_use]
    pub fn addresses(&self, range: Range<usize>) -> Range<usize> {
        addresses(self.bytes().get(range).unwrap_or_default())
    }

    /// Tells the system what to expect of `length` bytes from `offset`. Advice that fails is no error: it changes speed
    /// only.
    pub fn advise(&self, advice: Advice, offset: usize, length: usize) -> bool {
        let advice = match advice {
            Advice::Random => memmap2::Advice::Random,
            Advice::Sequential => memmap2::Advice::Sequential,
        };
        self.map.advise_range(advice, offset, length).is_ok()
    }

    /// Asks the system to read what is missing of `length` bytes from `offset` into its cache, without waiting for it
    /// and whatever was advised. A hint; a microsecond if it is all there.
    pub fn will_need(&self, offset: usize, length: usize) {
        let length = length.min(self.map.len().saturating_sub(offset));
        if length > 0 {
            // That it fails changes speed only.
            let _ = self.map.advise_range(memmap2::Advice::WillNeed, offset, length);
        }
    }

    /// Takes the pages out of this process; the system keeps them in its cache as long as it likes, and gives them back
    /// when they are touched. A hint.
    pub fn release(&self) {
        // SAFETY: the mapping is shared, read-only, and of a file: what is dropped are entries of page tables, and an
        // access brings in the same bytes again. Slices of it stay valid.
        let _ = unsafe { self.map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }

    /// Asks for large pages of the file's own where the bytes `range` are read into memory from now on. What is there
    /// in small pages stays in them.
    ///
    /// # Errors
    /// What the system says, such as that it knows no such pages.
    pub fn ask_for_large_pages(&self, range: Range<usize>) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return self.map.advise_range(memmap2::Advice::HugePage, range.start, range.len());
        #[cfg(not(target_os = "linux"))]
        {
            let _ = range;
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// Brings the bytes `range` into memory and into the page tables, so that no access to them waits for the disk or
    /// enters the system. Takes as long as reading them; the system may still drop them later.
    ///
    /// # Errors
    /// What the system says, if it cannot read the file.
    pub fn populate(&self, range: Range<usize>) -> io::Result<()> {
        let end = range.end.min(self.map.len());
        let mut start = range.start;
        while start < end {
            // Cut at multiples, so that no large page is parted.
            let next = ((start / PIECE + 1) * PIECE).min(end);
            match self.populate_piece(start, next - start) {
                Ok(()) => {}
                // Linux before 5.14, and other systems.
                Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
                    self.touch(start..next);
                }
                Err(error) => return Err(error),
            }
            start = next;
        }
        Ok(())
    }

    fn populate_piece(&self, offset: usize, length: usize) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return self.map.advise_range(memmap2::Advice::PopulateRead, offset, length);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (offset, length);
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// Reads a byte of every page.
    fn touch(&self, range: Range<usize>) {
        let bytes = self.bytes().get(range).unwrap_or_default();
        std::hint::black_box(bytes.iter().step_by(STEP).fold(0_u8, |all, &byte| all ^ byte));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn mapping(length: usize) -> Mapping {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; length]).unwrap();
        Mapping::new(&file).unwrap()
    }

    #[test]
    fn addresses_are_those_of_the_bytes() {
        let mapping = mapping(10_000);
        let start = mapping.bytes().as_ptr().addr();
        assert_eq!(mapping.addresses(5_000..10_000), start + 5_000..start + 10_000);
        assert!(mapping.addresses(5_000..10_001).is_empty());
        assert!(!mapping.addresses(0..10_000).is_empty());
    }

    #[test]
    fn advice_is_taken_and_changes_no_byte() {
        let mapping = mapping(3 << 20);
        for advice in [Advice::Random, Advice::Sequential] {
            assert!(mapping.advise(advice, 4096, 2 << 20));
        }
        mapping.populate(5_000..3 << 20).unwrap();
        mapping.populate(0..usize::MAX).unwrap();
        mapping.touch(0..3 << 20);
        mapping.release();
        assert!(mapping.bytes().iter().all(|&byte| byte == 7));
    }
}
