//! A thread that looks at memory again and again while work goes on, and has the manager act on what it sees.
//!
//! It keeps the last look and the peaks; every look is also given to a function, which may keep the series. Costs a
//! thread with a small stack, and a look ([`MemoryMonitor`]) every interval.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::memory::manager::MemoryManager;
use crate::memory::monitor::{MemoryMonitor, MemoryStatus, MemoryUsage};

/// Bytes of the thread's stack.
const STACK: usize = 256 << 10;

/// One look at memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemorySample {
    /// Since the watch began.
    pub elapsed: Duration,
    /// What is in use.
    pub usage: MemoryUsage,
    /// How scarce memory is.
    pub status: MemoryStatus,
    /// The share of optional memory that is advisable, from 0 to 1.
    pub share: f64,
}

/// Watches until it is dropped.
///
/// ```
/// use std::time::Duration;
///
/// use talaria_db::memory::budget::Budget;
/// use talaria_db::memory::manager::MemoryManager;
/// use talaria_db::memory::monitor::MemoryMonitor;
/// use talaria_db::memory::watch::Watch;
///
/// let budget = Budget::new(1 << 30);
/// let manager = MemoryManager::new(budget.clone(), Default::default());
/// let watch = Watch::start(MemoryMonitor::new(budget), manager, Duration::from_millis(100), |_| {})?;
/// assert!(watch.peak().anonymous >= watch.latest().usage.anonymous);
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug)]
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    /// What ends the thread when it is dropped, and the thread.
    running: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

#[derive(Debug)]
struct Seen {
    latest: MemorySample,
    peak: MemoryUsage,
    _stack: Lease,
}

impl Watch {
    /// Looks at once, then every `interval`; `each` gets every look, on the watch's own thread but for the first one.
    ///
    /// # Errors
    /// [`Error::Memory`] if the budget has no room for the thread's stack, [`Error::Option`] if the system refuses a
    /// thread.
    pub fn start(
        monitor: MemoryMonitor,
        manager: MemoryManager,
        interval: Duration,
        mut each: impl FnMut(&MemorySample) + Send + 'static,
    ) -> Result<Self> {
        let _stack = manager.budget().lease("the stack of the watch", STACK as u64)?;
        let started = Instant::now();
        let look = move || {
            let (usage, status) = monitor.check_memory();
            manager.adapt(&status);
            MemorySample { elapsed: started.elapsed(), usage, status, share: manager.budget().share() }
        };
        let first = look();
        each(&first);
        let seen = Arc::new(Mutex::new(Seen { latest: first, peak: first.usage, _stack }));
        let (stop, stopped) = mpsc::channel();
        let kept = Arc::clone(&seen);
        let watching = move || {
            // Looks a last time when it is told to stop, so that the end of the work is in the series.
            let mut more = true;
            while more {
                more = matches!(stopped.recv_timeout(interval), Err(RecvTimeoutError::Timeout));
                let sample = look();
                each(&sample);
                let mut seen = kept.lock().unwrap_or_else(PoisonError::into_inner);
                seen.latest = sample;
                seen.peak = seen.peak.most(sample.usage);
            }
        };
        let thread = thread::Builder::new()
            .name("memory watch".to_owned())
            .stack_size(STACK)
            .spawn(watching)
            .map_err(|error| Error::Option { option: "--monitor-memory", reason: error.to_string() })?;
        Ok(Self { seen, running: Mutex::new(Some((stop, thread))) })
    }

    /// The last look.
    #[must_use]
    pub fn latest(&self) -> MemorySample {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).latest
    }

    /// Looks a last time and ends. What was seen can still be asked for.
    pub fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = running {
            drop(stop);
            // A panic of `each` has been reported by its own thread.
            let _ = thread.join();
        }
    }

    /// The most that was in use at any look, of each kind.
    #[must_use]
    pub fn peak(&self) -> MemoryUsage {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).peak
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::budget::Budget;
    use crate::memory::limits::tests::tree;
    use crate::memory::settings::CollectionSettings;

    #[test]
    fn pressure_makes_optional_memory_smaller_and_its_end_larger() {
        let root = tree(&[("proc/self/status", "RssAnon: 990 kB\n")]);
        let budget = Budget::new(1 << 20);
        let manager = MemoryManager::new(budget.clone(), CollectionSettings { adaptive: true, ..Default::default() });
        let monitor = MemoryMonitor::new(budget.clone()).root(root.path());
        let (each, looks) = mpsc::channel();
        let interval = Duration::from_millis(1);
        let watch = Watch::start(monitor, manager, interval, move |sample| each.send(*sample).unwrap_or(())).unwrap();
        let first = looks.recv().unwrap();
        assert_eq!((first.status.name(), first.share, budget.in_use()), ("critical", 0.05, STACK as u64));
        std::fs::write(root.path().join("proc/self/status"), "RssAnon: 10 kB\n").unwrap();
        while budget.share() < 1.0 {
            looks.recv().unwrap();
        }
        assert_eq!(watch.peak().anonymous, 990 << 10);
        drop(watch);
        // Every look has been given away, and nothing is leased any more.
        assert!(looks.iter().count() > 0);
        assert_eq!(budget.in_use(), 0);
    }
}
