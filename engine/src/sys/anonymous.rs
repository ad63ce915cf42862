//! Anonymous memory straight from the system, in pages of a chosen size, zeroed.
//!
//! For what the allocator has no notion of: pages that the administrator set aside, pages that are locked into memory.
//! Takes no lease: its users do. Costs a system call or three to make and one to drop, so it is for large and
//! long-lived memory.

use std::io;
use std::ops::Range;

use memmap2::{MmapMut, MmapOptions};

/// The addresses of `bytes`.
pub(super) fn addresses(bytes: &[u8]) -> Range<usize> {
    let start = bytes.as_ptr().addr();
    start..start + bytes.len()
}

/// Size of the pages that anonymous memory lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageSize {
    /// The usual one.
    Base,
    /// The usual one, or a larger one where the system can do that.
    Transparent,
    /// Reserved pages of `1 << bits` bytes.
    Reserved {
        /// 21 for 2 MiB, 30 for 1 GiB.
        bits: u8,
    },
}

impl PageSize {
    /// `length` rounded up to whole pages; none if that leaves the address space.
    #[must_use]
    pub fn round_up(self, length: usize) -> Option<usize> {
        let page = match self {
            Self::Base => 4 << 10,
            Self::Transparent => 2 << 20,
            Self::Reserved { bits } => 1_usize.checked_shl(bits.into())?,
        };
        length.max(1).checked_next_multiple_of(page)
    }
}

/// Anonymous memory, given back to the system when dropped.
#[derive(Debug)]
pub struct AnonymousMemory {
    map: MmapMut,
}

impl AnonymousMemory {
    /// At least `length` zeroed bytes, and at least one: whole pages.
    ///
    /// # Errors
    /// What the system says: that there are too few reserved pages, or that it knows none of that size.
    pub fn new(length: usize, page: PageSize) -> io::Result<Self> {
        let length = page.round_up(length).ok_or(io::ErrorKind::OutOfMemory)?;
        let mut options = MmapOptions::new();
        options.len(length);
        if let PageSize::Reserved { bits } = page {
            // Elsewhere the request would be passed over in silence.
            if !cfg!(target_os = "linux") {
                return Err(io::ErrorKind::Unsupported.into());
            }
            options.huge(Some(bits));
        }
        let map = options.map_anon()?;
        #[cfg(target_os = "linux")]
        if page == PageSize::Transparent {
            // A system without them refuses: the pages are then the usual ones.
            let _ = map.advise(memmap2::Advice::HugePage);
        }
        Ok(Self { map })
    }

    /// Gets all pages now: what the system cannot give is an error here instead of a signal at the first access.
    ///
    /// # Errors
    /// What the system says.
    pub fn populate(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        match self.map.advise(memmap2::Advice::PopulateWrite) {
            // Linux before 5.14 does not know how; reserved pages are promised when they are mapped.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
        #[cfg(not(target_os = "linux"))]
        Ok(())
    }

    /// Locks all pages into memory: they are never written to swap.
    ///
    /// # Errors
    /// What the system says, most often that the process may not lock so much.
    pub fn lock(&self) -> io::Result<()> {
        self.map.lock()
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.map
    }

    /// The bytes, to be written.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.map
    }

    /// The addresses of the first `length` bytes.
    #[must_use]
    pub fn addresses(&self, length: usize) -> Range<usize> {
        addresses(self.as_slice().get(..length).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_pages_of_zeroes() {
        for (page, length) in [(PageSize::Base, 8 << 10), (PageSize::Transparent, 2 << 20)] {
            let mut memory = AnonymousMemory::new(4097, page).unwrap();
            memory.populate().unwrap();
            assert!(memory.as_slice().len() == length && memory.as_slice().iter().all(|&byte| byte == 0));
            assert!(memory.as_slice().as_ptr().addr().is_multiple_of(4096));
            memory.as_mut_slice()[4096] = 1;
            assert_eq!(memory.as_slice()[4096], 1);
            assert_eq!(memory.addresses(10).len(), 10);
        }
        assert_eq!(AnonymousMemory::new(0, PageSize::Base).unwrap().as_slice().len(), 4096);
    }

    #[test]
    fn what_cannot_be_had_is_an_error() {
        assert!(AnonymousMemory::new(usize::MAX, PageSize::Base).is_err());
        assert!(AnonymousMemory::new(usize::MAX / 2, PageSize::Reserved { bits: 21 }).is_err());
        // No system has pages of 8 KiB set aside.
        assert!(AnonymousMemory::new(1, PageSize::Reserved { bits: 13 }).is_err());
        assert_eq!(PageSize::Reserved { bits: 64 }.round_up(1), None);
    }
}
