//! Read-only memory mappings of whole files.
//!
//! A mapping costs address space and page tables, not memory: pages are the system's to drop. Mapped bytes are therefore not
//! part of the memory budget. A file that is cut short by somebody while it is mapped makes the process fail with SIGBUS; a
//! container is only ever replaced by rename, which leaves the mapping of the old one whole. Who cannot rely on that reads with
//! [`crate::read::storage::Access::Read`].

use std::fs::File;
use std::io;

/// What the system should expect of the accesses to a mapping.
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
    map: memmap2::Mmap,
}

impl Mapping {
    /// Maps `file`.
    ///
    /// # Errors
    /// What the system says; an empty file cannot be mapped.
    pub fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the mapping is read-only and private to this type, which hands out shared slices only. Containers are
        // sealed: they are replaced by rename and never written in place, so the bytes do not change under the slices. Every
        // value that is read through them is checked against a checksum or a range before it is used as one, and no type
        // with invalid bit patterns is made from them, so that even a file that somebody changes in place can at worst
        // give an error.
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Self { map })
    }

    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Tells the system what to expect of `length` bytes from `offset`. Advice that fails is no error: it changes speed only.
    pub fn advise(&self, advice: Advice, offset: usize, length: usize) -> bool {
        let advice = match advice {
            Advice::Random => memmap2::Advice::Random,
            Advice::Sequential => memmap2::Advice::Sequential,
        };
        self.map.advise_range(advice, offset, length).is_ok()
    }
}
