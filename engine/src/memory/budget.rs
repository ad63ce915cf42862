//! One budget for all anonymous memory.
//!
//! Whoever is about to allocate something whose size depends on data or options takes a [`Lease`] first. If the bytes
//! are not free, those who hold what they could do without (caches, pools: [`Reclaim`]) are asked to give some of it
//! back; only then is the lease refused, which makes its consumer spill or give up with an error that names the need.
//! Nothing is allocated beyond the limit in the hope that it will do. Leases are counted, not enforced by the
//! allocator: constant small things (a few KiB) go without.
//!
//! A lease costs one atomic operation, and the time of giving back if it comes to that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use crate::error::{Error, Result};
#[cfg(test)]
use crate::planted::{Planted, planted};

/// The share of optional memory without pressure.
const FULL_SHARE: u64 = 1000;
/// How often others are asked for memory before a lease is refused: what they give back may be taken again, by
/// themselves for one, before the lease is.
const ATTEMPTS: usize = 8;

/// Who holds memory that can be done without.
///
/// Is called from any thread that takes a lease, so an implementation must not take leases that [`Budget::lease`]
/// refuses by asking in turn: what can be given back is leased with [`Budget::try_lease`].
pub trait Reclaim: Send + Sync + std::fmt::Debug {
    /// Bytes leased for what could be given back now.
    fn reclaimable(&self) -> u64;

    /// Gives back at least `bytes`, or as much as there is. The leases are smaller when it returns.
    fn reclaim(&self, bytes: u64);

    /// From now on only this share, from 0 to 1, of what it would hold without pressure is advisable.
    fn adapt(&self, share: f64) {
        let _ = share;
    }
}

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
    temporary: Gauge,
    share: AtomicU64,
    holders: RwLock<Vec<Weak<dyn Reclaim>>>,
    #[cfg(test)]
    planted: Arc<Planted>,
}

impl Budget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        let (in_use, peak) = (AtomicU64::new(0), AtomicU64::new(0));
        let (temporary, share, holders) = (Gauge::default(), AtomicU64::new(FULL_SHARE), RwLock::default());
        let account = Account {
            limit,
            in_use,
            peak,
            temporary,
            share,
            holders,
            #[cfg(test)]
            planted: planted(),
        };
        Self { account: Arc::new(account) }
    }

    /// Takes `bytes` for `what`, after others have given back what they can if need be.
    ///
    /// # Errors
    /// [`Error::Memory`] if they are not free even then.
    pub fn lease(&self, what: &'static str, bytes: u64) -> Result<Lease> {
        self.take(what, bytes)?;
        Ok(Lease { budget: self.clone(), what, bytes })
    }

    /// Takes `bytes` if they are free, and asks nobody to give anything back: for what could be done without.
    #[must_use]
    pub fn try_lease(&self, what: &'static str, bytes: u64) -> Option<Lease> {
        self.try_take(bytes).then(|| Lease { budget: self.clone(), what, bytes })
    }

    /// Refuses work that could not be done with what is available, before it begins: `what` needs `bytes` at least.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn check(&self, what: &'static str, bytes: u64) -> Result<()> {
        let free = self.available();
        if bytes <= free { Ok(()) } else { Err(Error::Memory { what, need: bytes, free, limit: self.limit() }) }
    }

    /// Asks `holder` from now on when bytes are wanted that are not free, until it is dropped.
    pub fn add_holder(&self, holder: Weak<dyn Reclaim>) {
        let mut holders = self.account.holders.write().unwrap_or_else(PoisonError::into_inner);
        holders.retain(|holder| holder.strong_count() > 0);
        holders.push(holder);
    }

    /// Asks for memory to be given back until at least `bytes` are free, or nobody has any.
    pub fn make_free(&self, bytes: u64) {
        loop {
            let before = self.free();
            for holder in self.holders() {
                let missing = bytes.saturating_sub(self.free());
                if missing == 0 {
                    return;
                }
                holder.reclaim(missing);
            }
            // What one gives up another may take, as a pool the buffers of a cache; then it is asked again.
            if self.free() <= before {
                return;
            }
        }
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

    /// Bytes that a lease could get now: those that are free, and those that others could give back.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.free().saturating_add(self.reclaimable())
    }

    /// Bytes that others could give back now: those of caches and pools.
    #[must_use]
    pub fn reclaimable(&self) -> u64 {
        self.holders().iter().map(|holder| holder.reclaimable()).fold(0, u64::saturating_add)
    }

    /// Bytes of temporary files that hold what the budget could not.
    #[must_use]
    pub fn temporary(&self) -> &Gauge {
        &self.account.temporary
    }

    /// How much of `bytes` of optional memory, as of a cache or of a batch, is advisable under the pressure of the
    /// moment: all of it, unless a [`crate::memory::manager::MemoryManager`] that adapts has said otherwise.
    #[must_use]
    pub fn advisable(&self, bytes: u64) -> u64 {
        match self.account.share.load(Ordering::Relaxed) {
            FULL_SHARE => bytes,
            share => bytes / FULL_SHARE * share + bytes % FULL_SHARE * share / FULL_SHARE,
        }
    }

    /// The share that [`Budget::advisable`] gives, from 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.account.share.load(Ordering::Relaxed) as f64 / FULL_SHARE as f64
    }

    pub(crate) fn set_share(&self, share: f64) {
        let share = (share.clamp(0.0, 1.0) * FULL_SHARE as f64).round() as u64;
        if self.account.share.swap(share, Ordering::Relaxed) != share {
            self.holders().iter().for_each(|holder| holder.adapt(self.share()));
        }
    }

    /// Most bytes that were leased at any time.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.account.peak.load(Ordering::Relaxed)
    }

    fn take(&self, what: &'static str, bytes: u64) -> Result<()> {
        #[cfg(test)]
        if self.account.planted.refuses_lease(bytes) {
            return Err(Error::Memory { what, need: bytes, free: self.free(), limit: self.limit() });
        }
        let mut in_use = match self.take_free(bytes) {
            Ok(()) => return Ok(()),
            Err(in_use) => in_use,
        };
        for _ in 0..ATTEMPTS {
            self.make_free(bytes);
            in_use = match self.take_free(bytes) {
                Ok(()) => return Ok(()),
                Err(in_use) => in_use,
            };
        }
        let limit = self.limit();
        Err(Error::Memory { what, need: bytes, free: limit.saturating_sub(in_use), limit })
    }

    fn try_take(&self, bytes: u64) -> bool {
        #[cfg(test)]
        if self.account.planted.refuses_lease(bytes) {
            return false;
        }
        self.take_free(bytes).is_ok()
    }

    /// Takes `bytes` if they are free; else says how many are in use.
    fn take_free(&self, bytes: u64) -> Result<(), u64> {
        let limit = self.account.limit;
        let grown = |in_use: u64| in_use.checked_add(bytes).filter(|&sum| sum <= limit);
        let before = self.account.in_use.fetch_update(Ordering::AcqRel, Ordering::Relaxed, grown)?;
        self.account.peak.fetch_max(before + bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Who can be asked. A copy of the list, so that nobody is called under its lock.
    fn holders(&self) -> Vec<Arc<dyn Reclaim>> {
        let holders = self.account.holders.read().unwrap_or_else(PoisonError::into_inner);
        holders.iter().filter_map(Weak::upgrade).collect()
    }
}

/// A number of bytes that goes up and down, and the most that it was.
#[derive(Debug, Default)]
pub struct Gauge {
    now: AtomicU64,
    peak: AtomicU64,
}

impl Gauge {
    /// Bytes now.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Most bytes at any time.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, bytes: u64) {
        let before = self.now.fetch_add(bytes, Ordering::Relaxed);
        self.peak.fetch_max(before.saturating_add(bytes), Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, bytes: u64) {
        self.now.fetch_sub(bytes, Ordering::Relaxed);
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
            self.bytes = bytes;
        } else {
            self.shrink(bytes);
        }
        Ok(())
    }

    /// Makes the lease `bytes` long if what it grows by is free, and says whether it is; asks nobody to give anything
    /// back.
    pub fn try_resize(&mut self, bytes: u64) -> bool {
        if bytes > self.bytes {
            if !self.budget.try_take(bytes - self.bytes) {
                return false;
            }
            self.bytes = bytes;
        } else {
            self.shrink(bytes);
        }
        true
    }

    /// What to say if the system has not got the `need` bytes that were leased.
    pub(crate) fn refused(&self, need: u64) -> Error {
        Error::Memory { what: self.what, need, free: self.budget.free(), limit: self.budget.limit() }
    }

    fn shrink(&mut self, bytes: u64) {
        self.budget.account.in_use.fetch_sub(self.bytes - bytes, Ordering::AcqRel);
        self.bytes = bytes;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.account.in_use.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

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

    /// Holds a lease, and does without any part of it.
    #[derive(Debug)]
    pub(crate) struct Hoard(Mutex<Lease>);

    impl Hoard {
        /// One of `bytes`, which `budget` asks for them as long as it is there.
        pub(crate) fn hold(budget: &Budget, bytes: u64) -> Arc<dyn Reclaim> {
            let hoard: Arc<dyn Reclaim> = Arc::new(Self(Mutex::new(budget.try_lease("a hoard", bytes).unwrap())));
            budget.add_holder(Arc::downgrade(&hoard));
            hoard
        }
    }

    impl Reclaim for Hoard {
        fn reclaimable(&self) -> u64 {
            self.0.lock().unwrap().bytes()
        }

        fn reclaim(&self, bytes: u64) {
            let mut lease = self.0.lock().unwrap();
            let left = lease.bytes().saturating_sub(bytes);
            lease.resize(left).unwrap();
        }
    }

    #[test]
    fn what_can_be_done_without_goes_before_a_lease_is_refused() {
        let budget = Budget::new(100);
        let hoard = Hoard::hold(&budget, 90);
        assert!(budget.try_lease("another hoard", 11).is_none());
        assert_eq!((budget.free(), budget.available()), (10, 100));
        let lease = budget.lease("work", 30).unwrap();
        assert_eq!((hoard.reclaimable(), budget.free()), (70, 0));
        assert!(matches!(budget.lease("too much", 71).unwrap_err(), Error::Memory { need: 71, free: 70, .. }));
        drop((lease, hoard));
        assert_eq!((budget.in_use(), budget.available()), (0, 100));
    }
}
