//! One budget for all anonymous memory.
//!
//! Whoever is about to allocate something whose size depends on data or options takes a [`Lease`] first. A refused lease
//! makes its consumer spill or give up with an error that names the need; nothing is allocated beyond the limit in the hope
//! that it will do. Leases are counted, not enforced by the allocator: constant small things (a few KiB) go without.
//!
//! A lease costs one atomic operation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// A limit, and what is taken of it. Clones share one account.
///
/// ```
/// use talaria_db::memory::budget::Budget;
///
/// let budget = Budget::new(1 << 20);
/// let lease = budget.lease("an example", 1 << 19)?;
/// assert!(budget.lease("too much", 1 << 20).is_err());
/// drop(lease);
/// assert_eq!(budget.in_use(), 0);
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Budget {
    account: Arc<Account>,
}

#[derive(Debug)]
struct Account {
    limit: u64,
    in_use: AtomicU64,
    peak: AtomicU64,
}

impl Budget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { account: Arc::new(Account { limit, in_use: AtomicU64::new(0), peak: AtomicU64::new(0) }) }
    }

    /// Takes `bytes` for `what`.
    ///
    /// # Errors
    /// [`Error::Memory`] if they are not free.
    pub fn lease(&self, what: &'static str, bytes: u64) -> Result<Lease> {
        self.take(what, bytes)?;
        Ok(Lease { budget: self.clone(), what, bytes })
    }

    /// The limit, in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.account.limit
    }

    /// Bytes that are leased now.
    #[must_use]
    pub fn in_use(&self) -> u64 {
        self.account.in_use.load(Ordering::Relaxed)
    }

    /// Bytes that are free now.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.limit().saturating_sub(self.in_use())
    }

    /// Most bytes that were leased at any time.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.account.peak.load(Ordering::Relaxed)
    }

    fn take(&self, what: &'static str, bytes: u64) -> Result<()> {
        let limit = self.account.limit;
        let grown = |in_use: u64| in_use.checked_add(bytes).filter(|&sum| sum <= limit);
        match self.account.in_use.fetch_update(Ordering::AcqRel, Ordering::Relaxed, grown) {
            Ok(before) => {
                self.account.peak.fetch_max(before + bytes, Ordering::Relaxed);
                Ok(())
            }
            Err(in_use) => Err(Error::Memory { what, need: bytes, free: limit.saturating_sub(in_use), limit }),
        }
    }
}

/// Bytes of a budget, given back when dropped.
#[derive(Debug)]
pub struct Lease {
    budget: Budget,
    what: &'static str,
    bytes: u64,
}

impl Lease {
    /// Bytes leased.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the lease `bytes` long.
    ///
    /// # Errors
    /// [`Error::Memory`] if it should grow and the bytes are not free; it is then as it was.
    pub fn resize(&mut self, bytes: u64) -> Result<()> {
        if bytes > self.bytes {
            self.budget.take(self.what, bytes - self.bytes)?;
        } else {
            self.budget.account.in_use.fetch_sub(self.bytes - bytes, Ordering::AcqRel);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.account.in_use.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_add_up_and_return() {
        let budget = Budget::new(100);
        let mut first = budget.lease("first", 60).unwrap();
        let error = budget.lease("second", 41).unwrap_err();
        assert!(matches!(error, Error::Memory { need: 41, free: 40, limit: 100, .. }));
        first.resize(10).unwrap();
        let second = budget.lease("second", 90).unwrap();
        assert!(first.resize(11).is_err());
        assert_eq!(first.bytes(), 10);
        assert_eq!((budget.in_use(), budget.peak(), budget.free()), (100, 100, 0));
        drop((first, second));
        assert_eq!(budget.in_use(), 0);
        assert!(budget.lease("overflow", u64::MAX).is_err());
    }
}
