//! When memory is given back: caches cut down, the allocator's heap trimmed, optional memory made smaller under
//! pressure.
//!
//! The [`Budget`] already asks caches and pools for what somebody else needs. The manager is for the time before that:
//! it keeps room free ([`MemoryManager::run_gc`] cuts down to 70 % of the limit once a threshold is passed), gives
//! freed memory back to the system, and makes what is optional (the sizes of caches and batches) follow the pressure
//! that a [`crate::memory::monitor::MemoryMonitor`] sees.
//!
//! It frees nothing that is in use, so it cannot make a limit hold that is too small. A look at whether there is
//! anything to do costs two atomic loads; a collection costs what is evicted, and a walk over the allocator's heap.

use crate::memory::budget::Budget;
use crate::memory::monitor::MemoryStatus;
use crate::memory::settings::CollectionSettings;
use crate::sys::heap::release_freed_memory;

/// What a collection leaves in use, as a share of the limit.
pub const TARGET: f64 = 0.7;
/// What optional memory is multiplied with at each sign of pressure.
const SHRINK: f64 = 0.7;
/// What is added to its share at each sign that there is none.
const GROW: f64 = 0.05;
/// The least share, however long the pressure lasts: work goes on, if slowly.
const LEAST_SHARE: f64 = 0.05;

/// Gives memory back in time.
///
/// ```
/// use talaria_db::memory::budget::Budget;
/// use talaria_db::memory::manager::MemoryManager;
/// use talaria_db::memory::settings::CollectionSettings;
///
/// let budget = Budget::new(100 << 20);
/// let manager = MemoryManager::new(budget.clone(), CollectionSettings::default());
/// let lease = budget.lease("an example", 90 << 20)?;
/// assert!(manager.should_gc());
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MemoryManager {
    budget: Budget,
    settings: CollectionSettings,
}

impl MemoryManager {
    /// A manager of what `budget` counts.
    #[must_use]
    pub fn new(budget: Budget, settings: CollectionSettings) -> Self {
        Self { budget, settings }
    }

    /// The budget.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Whether more of the limit is in use than the threshold says.
    #[must_use]
    pub fn should_gc(&self) -> bool {
        self.budget.in_use() > part(self.budget.limit(), self.settings.threshold)
    }

    /// Has caches and pools give back what is above 70 % of the limit, and the allocator what is free; returns how much
    /// less of the budget is in use.
    pub fn run_gc(&self) -> u64 {
        let before = self.budget.in_use();
        self.budget.make_free(self.budget.limit() - part(self.budget.limit(), TARGET));
        release_freed_memory();
        before.saturating_sub(self.budget.in_use())
    }

    /// To be called between the steps of a long work, as batches or windows: collects if it is time to, and trims the
    /// heap after each step if collection is to be aggressive.
    pub fn step(&self) {
        if self.should_gc() && self.budget.reclaimable() > 0 {
            self.run_gc();
        } else if self.settings.aggressive {
            release_freed_memory();
        }
    }

    /// Makes caches and batches smaller or larger, if they are to follow the pressure.
    pub fn adapt(&self, status: &MemoryStatus) {
        if !self.settings.adaptive {
            return;
        }
        let share = self.budget.share();
        match status {
            MemoryStatus::Ok { .. } => self.budget.set_share((share + GROW).min(1.0)),
            MemoryStatus::Warning { .. } => self.budget.set_share((share * SHRINK).max(LEAST_SHARE)),
            MemoryStatus::Critical { .. } => {
                self.budget.set_share(LEAST_SHARE);
                self.run_gc();
            }
        }
    }
}

fn part(bytes: u64, share: f64) -> u64 {
    // A limit of 2^64 - 1 means none: the product is as large.
    (bytes as f64 * share.clamp(0.0, 1.0)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::budget::tests::Hoard;

    #[test]
    fn down_to_70_percent_above_the_threshold() {
        let budget = Budget::new(1000);
        let manager = MemoryManager::new(budget.clone(), CollectionSettings::default());
        let _hoard = Hoard::hold(&budget, 500);
        let work = budget.lease("work", 300).unwrap();
        assert!(!manager.should_gc());
        manager.step();
        assert_eq!(budget.in_use(), 800);
        let more = budget.lease("more work", 50).unwrap();
        assert!(manager.should_gc());
        manager.step();
        assert_eq!((budget.in_use(), budget.reclaimable()), (700, 350));
        drop((work, more));
        assert_eq!(manager.run_gc(), 0);
    }

    #[test]
    fn a_threshold_of_its_own() {
        let budget = Budget::new(1000);
        let settings = CollectionSettings { threshold: 0.5, ..Default::default() };
        let manager = MemoryManager::new(budget.clone(), settings);
        let _hoard = Hoard::hold(&budget, 501);
        assert!(manager.should_gc());
        assert!(!MemoryManager::new(budget, CollectionSettings::default()).should_gc());
    }

    #[test]
    fn optional_memory_follows_the_pressure() {
        let budget = Budget::new(1000);
        let status = |kind: fn(f64, u64) -> MemoryStatus| kind(0.0, 0);
        let ok = |usage_percent, available| MemoryStatus::Ok { usage_percent, available };
        let warning = |usage_percent, available| MemoryStatus::Warning { usage_percent, available };
        let critical = |usage_percent, available| MemoryStatus::Critical { usage_percent, available };
        let fixed = MemoryManager::new(budget.clone(), CollectionSettings::default());
        fixed.adapt(&status(critical));
        assert_eq!(budget.advisable(777), 777);
        let manager = MemoryManager::new(budget.clone(), CollectionSettings { adaptive: true, ..Default::default() });
        manager.adapt(&status(warning));
        assert_eq!(budget.advisable(1000), 700);
        manager.adapt(&status(warning));
        assert_eq!(budget.advisable(1000), 490);
        let _hoard = Hoard::hold(&budget, 1000);
        manager.adapt(&status(critical));
        assert_eq!((budget.advisable(u64::MAX) / (u64::MAX / 1000), budget.in_use()), (50, 700));
        for _ in 0..30 {
            manager.adapt(&status(ok));
        }
        assert_eq!(budget.advisable(u64::MAX), u64::MAX);
    }
}
