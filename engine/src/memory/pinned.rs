//! Buffers that stay in memory: page-aligned, locked, leased.
//!
//! For buffers that are filled and emptied all the time and live as long as the work: they lie in as few pages as the
//! system can do with, are never written to swap where the process may lock that much (`RLIMIT_MEMLOCK`, 8 MiB on most
//! systems), and go back to the system when dropped. Costs a system call or three to make; for small or short-lived
//! buffers the allocator is better.

use crate::error::Result;
use crate::memory::budget::{Budget, Lease};
use crate::sys::anonymous::{AnonymousMemory, PageSize};

/// From here on large pages are asked for.
const LARGE: usize = 2 << 20;

/// A locked, page-aligned buffer.
///
/// ```
/// use talaria_db::memory::budget::Budget;
/// use talaria_db::memory::pinned::PinnedBuffer;
///
/// let budget = Budget::new(1 << 20);
/// let mut buffer = PinnedBuffer::new("an example", 5000, &budget)?;
/// buffer.as_mut_slice()[4999] = 1;
/// assert_eq!((buffer.as_slice().len(), budget.in_use()), (5000, 8192));
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug)]
pub struct PinnedBuffer {
    memory: AnonymousMemory,
    length: usize,
    locked: bool,
    _lease: Lease,
}

impl PinnedBuffer {
    /// A buffer of `length` zeroes for `what`, leased in whole pages.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if the budget has not the memory, or the system.
    pub fn new(what: &'static str, length: usize, budget: &Budget) -> Result<Self> {
        Self::with_lease(budget.lease(what, 0)?, length)
    }

    /// A buffer of `length` zeroes under `lease`, which is made as long as its pages.
    ///
    /// # Errors
    /// As [`PinnedBuffer::new`].
    pub fn with_lease(mut lease: Lease, length: usize) -> Result<Self> {
        let page = if length >= LARGE { PageSize::Transparent } else { PageSize::Base };
        // What does not fit the address space does not fit any budget.
        let bytes = page.round_up(length).map_or(u64::MAX, |bytes| bytes as u64);
        lease.resize(bytes)?;
        let memory = AnonymousMemory::new(length, page).map_err(|_| lease.refused(bytes))?;
        let locked = memory.lock().is_ok();
        Ok(Self { memory, length, locked, _lease: lease })
    }

    /// Whether the system locked it.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.memory.as_slice()[..self.length]
    }

    /// The bytes, to be written.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.memory.as_mut_slice()[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn whole_pages_are_leased_and_given_back() {
        let budget = Budget::new(10 << 20);
        let mut buffer = PinnedBuffer::new("a test", (2 << 20) + 1, &budget).unwrap();
        assert_eq!((buffer.as_slice().len(), budget.in_use()), ((2 << 20) + 1, 4 << 20));
        assert!(buffer.as_slice().as_ptr().addr().is_multiple_of(4096));
        buffer.as_mut_slice().fill(3);
        assert!(buffer.as_slice().iter().all(|&byte| byte == 3));
        drop(buffer);
        assert_eq!(budget.in_use(), 0);
    }

    #[test]
    fn what_the_budget_has_not_is_refused() {
        let budget = Budget::new(4096);
        for length in [4097, usize::MAX] {
            assert!(matches!(PinnedBuffer::new("a test", length, &budget), Err(Error::Memory { .. })));
        }
        assert!(matches!(PinnedBuffer::new("a test", 1 << 60, &Budget::new(u64::MAX)), Err(Error::Memory { .. })));
        assert!(PinnedBuffer::new("a test", 0, &budget).unwrap().as_slice().is_empty());
        assert_eq!(budget.in_use(), 0);
    }

    /// What the system says of the process, against what the buffer says of itself.
    #[cfg(target_os = "linux")]
    #[test]
    fn locked_buffers_are_locked() {
        let buffer = PinnedBuffer::new("a test", 64 << 10, &Budget::new(u64::MAX)).unwrap();
        let start = buffer.as_slice().as_ptr().addr();
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let area = crate::memory::mapping::areas(&smaps).find(|area| area.addresses.contains(&start)).unwrap();
        assert_eq!(area.locked > 0, buffer.is_locked());
    }
}
