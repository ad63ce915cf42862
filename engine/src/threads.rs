//! Worker threads: how many, with stacks of which size, on which nodes.
//!
//! All pools of the engine start here, so that no stack is missing in the budget and every worker is placed by
//! [`crate::memory::placement`]. Stacks are leased whole, though the system gives their pages only as they are touched.
//! A number of threads that was asked for and does not fit the budget is refused; a number that is left to the engine
//! is one that fits.

use std::io;
use std::num::NonZero;
use std::thread::{self, JoinHandle};

use crate::error::{Error, Result};
use crate::memory::budget::{Budget, Lease};
use crate::memory::placement::{PlacementReport, Plan};
use crate::memory::settings::MemorySettings;

/// Bytes of a worker's stack. Builds, exports and reductions touch up to 72 KiB of it, Zstandard at level 22 included,
/// as codecs keep their tables elsewhere; the rest is for what a caller's own code does inside.
pub const STACK: usize = 512 << 10;

/// What stacks may take of the free budget where their number is left to the engine: one part in this many.
const SHARE: u64 = 4;

/// A pool of workers.
///
/// ```
/// use talaria_db::memory::budget::Budget;
/// use talaria_db::threads::Workers;
///
/// let budget = Budget::new(8 << 20);
/// let workers = Workers::start(2, &budget, &Default::default())?;
/// assert_eq!(workers.install(rayon::current_num_threads), 2);
/// assert_eq!(budget.in_use(), 2 * talaria_db::threads::STACK as u64);
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug)]
pub struct Workers {
    // In this order: the pool tells its threads to end, they end, and only then their stacks are given back.
    pool: rayon::ThreadPool,
    _threads: Threads,
    plan: Plan,
    _stacks: Lease,
}

/// Threads that have ended when this has been dropped.
#[derive(Debug, Default)]
struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    /// Starts one as rayon would.
    fn start(&mut self, worker: rayon::ThreadBuilder) -> io::Result<()> {
        let mut thread = thread::Builder::new();
        if let Some(name) = worker.name() {
            thread = thread.name(name.to_owned());
        }
        if let Some(bytes) = worker.stack_size() {
            thread = thread.stack_size(bytes);
        }
        #[cfg(test)]
        let planted = crate::planted::planted();
        let run = || {
            #[cfg(test)]
            crate::planted::adopt(planted);
            worker.run();
        };
        self.0.push(thread.spawn(run)?);
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // One of them that drops its own pool cannot wait for itself.
        let others = self.0.drain(..).filter(|thread| thread.thread().id() != thread::current().id());
        // A panic of theirs has been told to whom they worked for.
        others.for_each(|thread| drop(thread.join()));
    }
}

impl Workers {
    /// Starts `count` workers; 0 for as many as this process may use at a time and the budget has room for.
    ///
    /// # Errors
    /// [`Error::Memory`] if their stacks do not fit the budget, [`Error::Option`] if the system does not start them.
    pub fn start(count: usize, budget: &Budget, settings: &MemorySettings) -> Result<Self> {
        let (builder, plan, stacks) = prepare(count, budget, settings)?;
        let mut threads = Threads::default();
        let pool = builder.spawn_handler(|worker| threads.start(worker)).build().map_err(not_started)?;
        Ok(Self { pool, _threads: threads, plan, _stacks: stacks })
    }

    /// Runs `work` on a worker; what it does in parallel runs on all of them.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }

    /// Runs `work` on the thread that calls; what it spawns runs on the workers, and has ended when this does.
    pub(crate) fn in_place_scope<'scope, R>(&self, work: impl FnOnce(&rayon::Scope<'scope>) -> R) -> R {
        self.pool.in_place_scope(work)
    }

    /// On which nodes they are.
    #[must_use]
    pub fn placement(&self) -> PlacementReport {
        self.plan.report()
    }
}

/// The workers of the whole process, which never end. What they take is given back when this is dropped: keep it as
/// long as they work.
#[derive(Debug)]
pub struct GlobalWorkers {
    plan: Plan,
    _stacks: Lease,
}

impl GlobalWorkers {
    /// Starts `count` workers, 0 as in [`Workers::start`], for all work that is not done by [`Workers`]. To be called
    /// at most once, before such work.
    ///
    /// # Errors
    /// As [`Workers::start`], and [`Error::Option`] if there are such workers already.
    pub fn start(count: usize, budget: &Budget, settings: &MemorySettings) -> Result<Self> {
        let (builder, plan, stacks) = prepare(count, budget, settings)?;
        builder.build_global().map_err(not_started)?;
        Ok(Self { plan, _stacks: stacks })
    }

    /// On which nodes they are.
    #[must_use]
    pub fn placement(&self) -> PlacementReport {
        self.plan.report()
    }
}

fn prepare(
    count: usize,
    budget: &Budget,
    settings: &MemorySettings,
) -> Result<(rayon::ThreadPoolBuilder, Plan, Lease)> {
    let count = if count > 0 { count } else { fitting(budget) };
    let stacks = budget.lease("thread stacks", (count as u64).saturating_mul(STACK as u64))?;
    let plan = Plan::new(&settings.numa);
    let place = plan.clone();
    let builder = rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .stack_size(STACK)
        .thread_name(|index| format!("worker-{index}"))
        .start_handler(move |index| place.place_worker(index));
    Ok((builder, plan, stacks))
}

/// How many threads are meant: 0 stands for as many as this process may use at a time.
pub(crate) fn thread_count(asked: usize) -> usize {
    if asked > 0 { asked } else { thread::available_parallelism().map_or(1, NonZero::get) }
}

/// Bytes of the stacks of that many workers.
pub(crate) fn stacks_memory(asked: usize) -> u64 {
    (thread_count(asked) as u64).saturating_mul(STACK as u64)
}

/// As many workers as this process may use at a time, if their stacks are a small part of the budget; else fewer, but
/// one.
fn fitting(budget: &Budget) -> usize {
    let processors = thread_count(0);
    let fit = budget.free() / SHARE / STACK as u64;
    processors.min(usize::try_from(fit).unwrap_or(usize::MAX)).max(1)
}

fn not_started(error: rayon::ThreadPoolBuildError) -> Error {
    Error::Option { option: "--threads", reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_leased_as_long_as_there_are_workers() {
        let budget = Budget::new(3 * STACK as u64);
        let settings = MemorySettings::default();
        let workers = Workers::start(3, &budget, &settings).unwrap();
        assert_eq!((budget.free(), workers.install(rayon::current_num_threads)), (0, 3));
        assert!(matches!(
            Workers::start(1, &budget, &settings),
            Err(Error::Memory { what: "thread stacks", need, free: 0, .. }) if need == STACK as u64
        ));
        drop(workers);
        assert_eq!(budget.in_use(), 0);
        assert!(Workers::start(usize::MAX, &budget, &settings).is_err());
        let processors = std::thread::available_parallelism().unwrap().get();
        let started = |limit| {
            let workers = Workers::start(0, &Budget::new(limit), &settings)?;
            Ok::<_, Error>(workers.install(rayon::current_num_threads))
        };
        assert_eq!(started(u64::MAX).unwrap(), processors);
        assert_eq!([1, 7].map(|stacks| started(stacks * STACK as u64).unwrap()), [1, 1]);
        assert_eq!(started(8 * STACK as u64).unwrap(), processors.min(2));
        assert!(started(STACK as u64 - 1).is_err());
    }

    #[test]
    fn stacks_are_given_back_when_their_threads_have_ended() {
        use std::cell::RefCell;
        use std::sync::atomic::{AtomicUsize, Ordering};

        static ENDED: AtomicUsize = AtomicUsize::new(0);

        /// Takes its time to go.
        struct Slow;

        impl Drop for Slow {
            fn drop(&mut self) {
                thread::sleep(std::time::Duration::from_millis(50));
                ENDED.fetch_add(1, Ordering::SeqCst);
            }
        }

        thread_local! {
            static KEPT: RefCell<Option<Slow>> = const { RefCell::new(None) };
        }
        let budget = Budget::new(u64::MAX);
        let workers = Workers::start(3, &budget, &MemorySettings::default()).unwrap();
        workers.install(|| rayon::broadcast(|_| KEPT.set(Some(Slow))));
        drop(workers);
        assert_eq!((ENDED.load(Ordering::SeqCst), budget.in_use()), (3, 0));
    }

    #[test]
    fn workers_are_placed() {
        let mut settings = MemorySettings::default();
        assert_eq!(Workers::start(1, &Budget::new(u64::MAX), &settings).unwrap().placement().to_string(), "nodes: off");
        settings.numa.aware = true;
        let workers = Workers::start(2, &Budget::new(u64::MAX), &settings).unwrap();
        // Both have started when both have worked.
        workers.install(|| rayon::broadcast(|_| ()));
        let report = workers.placement();
        assert!(report.nodes_found < 2 || report.threads_pinned == 2 || !report.refused.is_empty(), "{report}");
    }

    /// The deepest there is: blocks of the largest size at the highest level, encoded by one thread inside the calls of
    /// many others.
    #[test]
    fn the_stack_is_enough_for_the_highest_level() {
        use crate::fasta::alphabet::Composition;
        use crate::write::encode::{Compression, encode_residues};

        let budget = Budget::new(u64::MAX);
        let workers = Workers::start(1, &budget, &MemorySettings::default()).unwrap();
        let residues: Vec<u8> = (0_u32..1 << 20)
            .map(|index| b"ACDEFGHIKLMNPQRSTVWY"[(index.wrapping_mul(index) % 977 % 20) as usize])
            .collect();
        fn nested(depth: usize, residues: &[u8]) -> usize {
            if depth == 0 {
                return encode_residues(residues, &Composition::of(residues), Compression::Zstd(22))
                    .unwrap()
                    .stored
                    .len();
            }
            let (length, _) = rayon::join(|| nested(depth - 1, residues), || ());
            length
        }
        assert!(workers.install(|| nested(100, &residues)) > 0);
    }
}
