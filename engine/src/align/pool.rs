//! The pool of aligners.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::Aligner;
use crate::error::Result;
use crate::memory::budget::{Budget, Lease};
use crate::memory::pool::{Pool, Pooled, Reusable};

/// Most bytes of matrices that are kept idle.
const MOST_IDLE: u64 = 32 << 20;
/// What part of the limit may be idle.
const IDLE_PART: u64 = 8;

/// Aligners and their matrices, leased from the budget while they are in use, and kept while there is room for them.
///
/// An alignment takes some 15 microseconds, and zeroing fresh matrices for it nearly as much.
///
/// ```
/// use talaria_db::align::{AlignmentPool, Criterion, Scoring};
/// use talaria_db::memory::budget::Budget;
///
/// let budget = Budget::new(16 << 20);
/// let pool = AlignmentPool::new(&budget)?;
/// let mut aligner = pool.acquire(19)?;
/// let (member, other) = (b"MVLSPADKTNVKAAWGKVG", b"MMVLSPADKTNVRAAWGKVGA");
/// let verified = aligner.verify(Scoring::Protein, &Criterion::default(), member, other, 1);
/// assert_eq!(verified.map(|verified| (verified.identity, verified.coverage)), Some((9_473, 10_000)));
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AlignmentPool {
    pool: Arc<Pool<Aligner>>,
    budget: Budget,
}

/// An aligner that goes back to its pool.
#[derive(Debug)]
pub struct PooledAligner {
    aligner: Pooled<Aligner>,
    _lease: Lease,
}

impl AlignmentPool {
    /// One that keeps up to 32 MiB, or an eighth of the limit, idle.
    ///
    /// # Errors
    /// As [`Pool::new`].
    pub fn new(budget: &Budget) -> Result<Self> {
        let pool = Pool::new("idle alignment matrices", Self::most_idle(budget.limit()), budget)?;
        Ok(Self { pool, budget: budget.clone() })
    }

    /// Most bytes of idle matrices under a limit.
    pub(crate) fn most_idle(limit: u64) -> u64 {
        MOST_IDLE.min(limit / IDLE_PART)
    }

    /// Most bytes of an aligner for members of up to so many residues: those that are kept have sizes in steps.
    pub(crate) fn most_memory(member: u64) -> u64 {
        let bytes = Aligner::memory(member);
        bytes.saturating_add(bytes / 8)
    }

    /// An aligner for members of up to so many residues.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn acquire(&self, member: u64) -> Result<PooledAligner> {
        let bytes = Aligner::memory(member);
        let aligner = self.pool.acquire(usize::try_from(bytes).unwrap_or(usize::MAX), Aligner::new);
        let bytes = aligner.capacity() as u64;
        Ok(PooledAligner { _lease: self.budget.lease("alignment matrices", bytes)?, aligner })
    }

    /// Bytes of idle matrices.
    #[must_use]
    pub fn idle(&self) -> u64 {
        self.pool.idle()
    }
}

impl Deref for PooledAligner {
    type Target = Aligner;

    fn deref(&self) -> &Aligner {
        &self.aligner
    }
}

impl DerefMut for PooledAligner {
    fn deref_mut(&mut self) -> &mut Aligner {
        &mut self.aligner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_are_used_again() {
        let budget = Budget::new(64 << 20);
        let pool = AlignmentPool::new(&budget).unwrap();
        for member in [30, 400, 4000, 35_000] {
            let aligner = pool.acquire(member).unwrap();
            let bytes = budget.in_use();
            assert!(bytes >= Aligner::memory(member) && bytes <= Aligner::memory(member) * 9 / 8);
            drop(aligner);
            let idle = pool.idle();
            assert_eq!((idle > 0, budget.in_use()), (bytes <= 8 << 20, idle), "{member}");
            let again = pool.acquire(member - 1).unwrap();
            assert_eq!(pool.idle() < idle, idle > 0, "{member}");
            drop(again);
            budget.make_free(64 << 20);
            assert_eq!(budget.in_use(), 0);
        }
        assert!(pool.acquire(1 << 20).is_err());
    }
}
