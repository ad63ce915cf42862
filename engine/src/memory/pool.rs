//! Objects that are expensive to make, kept for the next one who needs such a thing.
//!
//! What is acquired goes back when it is dropped. Idle objects are leased from the memory budget one by one, as long as
//! it has room to spare, and given up when somebody else wants the memory ([`Reclaim`]); what is in use is in no lease
//! of the pool, and whoever holds it answers for it as for any other allocation. If the pool goes first, what is in use
//! then is freed as it is dropped.
//!
//! Objects are kept by class of capacity, eight to each doubling, so that one that is used again is at most an eighth
//! larger than what was asked for. There are several lists with a lock each, and a thread uses its own first; others
//! are looked into when that has nothing fitting, as where one thread fills what another one drops. Costs two locks
//! that are nearly always free, and two changes of the budget, for each object: for things of a few KiB and more.
//! Smaller ones are never kept.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::Result;
use crate::memory::budget::{Budget, Lease, Reclaim};

/// Objects of fewer bytes are not kept: the allocator is as fast.
pub const LEAST_KEPT: usize = 4 << 10;
/// Lists of idle objects.
const SHARDS: usize = 8;

/// What can be kept in a pool. Its default takes no memory.
pub trait Reusable: Default + Send + std::fmt::Debug + 'static {
    /// Bytes that it holds, and that a new one of the same capacity is made of.
    fn capacity(&self) -> usize;
}

impl Reusable for Vec<u8> {
    fn capacity(&self) -> usize {
        Self::capacity(self)
    }
}

/// A pool of objects.
///
/// ```
/// use talaria_db::memory::budget::Budget;
/// use talaria_db::memory::pool::Pool;
///
/// let budget = Budget::new(1 << 20);
/// let pool = Pool::new("idle buffers", 64 << 10, &budget)?;
/// let mut buffer = pool.acquire(10_000, Vec::with_capacity);
/// buffer.extend_from_slice(b"ACGT");
/// let place = buffer.as_ptr();
/// drop(buffer);
/// assert!(budget.in_use() >= 10_000);
/// let again = pool.acquire(9_999, Vec::with_capacity);
/// assert_eq!((again.as_ptr(), budget.in_use()), (place, 0));
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug)]
pub struct Pool<T: Reusable> {
    shards: Box<[Shard<T>]>,
    idle: AtomicU64,
    /// What it was made for.
    full: u64,
    most: AtomicU64,
}

/// A line of the processor's cache of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Shard<T>(Mutex<Idle<T>>);

#[derive(Debug)]
struct Idle<T> {
    /// Each class that was seen here, and what there is of it. There are few: blocks are of nearly one size.
    classes: Vec<(usize, Vec<T>)>,
    /// For all of them.
    lease: Lease,
}

impl<T: Reusable> Pool<T> {
    /// A pool that keeps up to `most` bytes of idle objects. `budget` asks it for memory from now on; `what` is what
    /// its leases are for.
    ///
    /// # Errors
    /// Those of a lease of no bytes: what is kept is leased as it comes.
    pub fn new(what: &'static str, most: u64, budget: &Budget) -> Result<Arc<Self>> {
        let shard = |_| Ok(Shard(Mutex::new(Idle { classes: Vec::new(), lease: budget.lease(what, 0)? })));
        let shards = (0..SHARDS).map(shard).collect::<Result<_>>()?;
        let pool = Arc::new(Self { shards, idle: AtomicU64::new(0), full: most, most: AtomicU64::new(most) });
        let holder: Arc<dyn Reclaim> = Arc::clone(&pool) as _;
        budget.add_holder(Arc::downgrade(&holder));
        Ok(pool)
    }

    /// An object for at least `capacity` bytes: an idle one, as it was left, or one that `make` makes for the bytes it
    /// is given, which are up to an eighth more.
    pub fn acquire(self: &Arc<Self>, capacity: usize, make: impl FnOnce(usize) -> T) -> Pooled<T> {
        if capacity < LEAST_KEPT {
            return Pooled::from(make(capacity));
        }
        let class = class_of(capacity);
        let value = if self.idle.load(Ordering::Relaxed) == 0 { None } else { self.take(class) };
        Pooled { value: value.unwrap_or_else(|| make(class)), pool: Arc::downgrade(self) }
    }

    /// Bytes of idle objects.
    #[must_use]
    pub fn idle(&self) -> u64 {
        self.idle.load(Ordering::Relaxed)
    }

    fn take(&self, class: usize) -> Option<T> {
        let own = own_shard();
        (0..SHARDS).find_map(|step| {
            let shard = &self.shards[(own + step) % SHARDS];
            // Others' lists are not waited for.
            let mut idle = if step == 0 { shard.lock() } else { shard.0.try_lock().ok()? };
            let value = idle.classes.iter_mut().find(|(size, _)| *size == class)?.1.pop()?;
            self.shrink(&mut idle, value.capacity() as u64);
            Some(value)
        })
    }

    /// Keeps an object, if there is room for it; else it is freed here.
    fn give(&self, value: T) {
        let bytes = value.capacity() as u64;
        let class = class_below(value.capacity());
        let most = self.most.load(Ordering::Relaxed);
        let over = self.idle.load(Ordering::Relaxed).saturating_add(bytes).saturating_sub(most);
        // What was given last is what is wanted next; sizes that nobody asks for any more make room for it.
        if over > 0 && (bytes > most || self.free_others(class, over) < over) {
            return;
        }
        let mut idle = self.shards[own_shard()].lock();
        let leased = idle.lease.bytes() + bytes;
        if class < LEAST_KEPT || !idle.lease.try_resize(leased) {
            return;
        }
        self.idle.fetch_add(bytes, Ordering::Relaxed);
        match idle.classes.iter_mut().find(|(size, _)| *size == class) {
            Some((_, values)) => values.push(value),
            None => idle.classes.push((class, vec![value])),
        }
    }

    /// Frees idle objects that make up `bytes`, or all.
    fn free(&self, bytes: u64) {
        self.free_others(0, bytes);
    }

    /// Frees idle objects of other classes that make up `bytes`, or all of them. How much that was.
    fn free_others(&self, class: usize, bytes: u64) -> u64 {
        let mut freed = 0;
        for shard in &self.shards {
            let mut idle = shard.lock();
            let other = |(size, values): &mut (usize, Vec<T>)| if *size == class { None } else { values.pop() };
            while freed < bytes
                && let Some(value) = idle.classes.iter_mut().rev().find_map(other)
            {
                freed += value.capacity() as u64;
                self.shrink(&mut idle, value.capacity() as u64);
            }
        }
        freed
    }

    fn shrink(&self, idle: &mut Idle<T>, bytes: u64) {
        self.idle.fetch_sub(bytes, Ordering::Relaxed);
        let left = idle.lease.bytes() - bytes;
        let shrunk = idle.lease.try_resize(left);
        debug_assert!(shrunk, "a lease never refuses to shrink");
    }
}

impl<T> Shard<T> {
    fn lock(&self) -> MutexGuard<'_, Idle<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Reusable> Reclaim for Pool<T> {
    fn reclaimable(&self) -> u64 {
        self.idle()
    }

    fn reclaim(&self, bytes: u64) {
        self.free(bytes);
    }

    fn adapt(&self, share: f64) {
        let most = (self.full as f64 * share) as u64;
        self.most.store(most, Ordering::Relaxed);
        self.free(self.idle().saturating_sub(most));
    }
}

/// An object that goes back to its pool, if it has one, when it is dropped.
#[derive(Debug, Default)]
pub struct Pooled<T: Reusable> {
    value: T,
    pool: Weak<Pool<T>>,
}

/// An object without a pool.
impl<T: Reusable> From<T> for Pooled<T> {
    fn from(value: T) -> Self {
        Self { value, pool: Weak::new() }
    }
}

impl<T: Reusable> Pooled<T> {
    /// The object, which does not go back.
    #[must_use]
    pub fn into_inner(mut self) -> T {
        self.pool = Weak::new();
        std::mem::take(&mut self.value)
    }
}

impl<T: Reusable> Deref for Pooled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Reusable> DerefMut for Pooled<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Reusable> Drop for Pooled<T> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.give(std::mem::take(&mut self.value));
        }
    }
}

/// The least class that holds `bytes`: a multiple of an eighth of the power of two below.
fn class_of(bytes: usize) -> usize {
    bytes.checked_next_multiple_of(step(bytes)).unwrap_or(bytes)
}

/// The largest class that `bytes` hold.
fn class_below(bytes: usize) -> usize {
    bytes - bytes % step(bytes)
}

fn step(bytes: usize) -> usize {
    1 << (bytes.max(8).ilog2() - 3)
}

/// The list of the thread that calls.
fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
    // While a thread ends, its number may be gone.
    OWN.try_with(|&own| own).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const LIMIT: u64 = 1 << 20;

    #[test]
    fn classes_hold_what_was_asked_for() {
        for bytes in (1..100_000).chain([1 << 30, (1 << 30) + 1]) {
            let class = class_of(bytes);
            assert!(class >= bytes && class - bytes <= bytes / 8, "{bytes}: {class}");
            assert_eq!((class_of(class), class_below(class)), (class, class));
            assert!(class_below(bytes) <= bytes);
        }
    }

    #[test]
    fn small_objects_are_not_kept() {
        let budget = Budget::new(LIMIT);
        let pool = Pool::new("idle buffers", LIMIT, &budget).unwrap();
        drop(pool.acquire(LEAST_KEPT - 1, Vec::with_capacity));
        assert_eq!(pool.idle(), 0);
        drop(pool.acquire(LEAST_KEPT, Vec::with_capacity));
        assert_eq!((pool.idle(), budget.in_use()), (LEAST_KEPT as u64, LEAST_KEPT as u64));
    }

    #[test]
    fn sizes_that_are_used_no_more_make_room() {
        let budget = Budget::new(LIMIT);
        let pool = Pool::new("idle buffers", 100 << 10, &budget).unwrap();
        drop([pool.acquire(64 << 10, Vec::with_capacity), pool.acquire(32 << 10, Vec::with_capacity)]);
        assert_eq!(pool.idle(), 96 << 10);
        drop(pool.acquire(16 << 10, Vec::with_capacity));
        let idle = pool.idle();
        assert!((16 << 10..=100 << 10).contains(&idle), "{idle}");
        let held = pool.acquire(16 << 10, |_| panic!("there is an idle one"));
        drop(held);
        drop(pool.acquire(128 << 10, Vec::with_capacity));
        assert_eq!((pool.idle(), budget.in_use()), (idle, idle));
    }

    #[test]
    fn what_outlives_the_pool_is_freed() {
        let budget = Budget::new(LIMIT);
        let pool = Pool::new("idle buffers", LIMIT, &budget).unwrap();
        let held = pool.acquire(8 << 10, Vec::with_capacity);
        drop(pool.acquire(8 << 10, Vec::with_capacity));
        drop(pool);
        assert_eq!(budget.in_use(), 0);
        drop(held);
        assert_eq!(budget.in_use(), 0);
    }

    #[test]
    fn what_is_taken_out_does_not_go_back() {
        let budget = Budget::new(LIMIT);
        let pool = Pool::new("idle buffers", LIMIT, &budget).unwrap();
        assert_eq!(pool.acquire(8 << 10, Vec::with_capacity).into_inner().capacity(), 8 << 10);
        assert_eq!(pool.idle(), 0);
    }

    #[test]
    fn pressure_makes_it_keep_less() {
        let budget = Budget::new(LIMIT);
        let pool = Pool::new("idle buffers", 64 << 10, &budget).unwrap();
        drop([(); 8].map(|()| pool.acquire(8 << 10, Vec::with_capacity)));
        assert_eq!(pool.idle(), 64 << 10);
        pool.adapt(0.5);
        assert_eq!((pool.idle(), budget.in_use()), (32 << 10, 32 << 10));
        drop([(); 8].map(|()| pool.acquire(8 << 10, Vec::with_capacity)));
        assert_eq!(pool.idle(), 32 << 10);
    }

    #[test]
    fn what_one_thread_drops_another_one_gets() {
        let budget = Budget::new(LIMIT);
        let pool = Pool::new("idle buffers", LIMIT, &budget).unwrap();
        let held = pool.acquire(8 << 10, Vec::with_capacity);
        let place = held.as_ptr();
        std::thread::scope(|scope| scope.spawn(|| drop(held)).join().unwrap());
        assert_eq!(pool.acquire(8 << 10, Vec::with_capacity).as_ptr(), place);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Acquire(usize),
        Drop(usize),
        Lease(u64),
        Reclaim(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0_usize..100_000).prop_map(Step::Acquire),
            4 => any::<prop::sample::Index>().prop_map(|index| Step::Drop(index.index(1 << 20))),
            1 => (0..LIMIT).prop_map(Step::Lease),
            1 => (0..200_000_u64).prop_map(Step::Reclaim),
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn objects_are_nobody_elses_and_the_pool_keeps_its_bounds(steps in steps(), most in 0..LIMIT) {
            let budget = Budget::new(LIMIT);
            let pool = Pool::new("idle buffers", most, &budget).unwrap();
            let mut held: Vec<Pooled<Vec<u8>>> = Vec::new();
            for step in steps {
                match step {
                    Step::Acquire(capacity) => {
                        let buffer = pool.acquire(capacity, Vec::with_capacity);
                        prop_assert!(buffer.capacity() >= capacity);
                        held.push(buffer);
                    }
                    Step::Drop(index) => {
                        if !held.is_empty() {
                            held.swap_remove(index % held.len());
                        }
                    }
                    // Whoever works gets what is idle.
                    Step::Lease(bytes) => {
                        prop_assert!(budget.lease("work", bytes).is_ok());
                    }
                    Step::Reclaim(bytes) => {
                        let before = pool.idle();
                        pool.reclaim(bytes);
                        prop_assert!(pool.idle() <= before.saturating_sub(bytes));
                    }
                }
                prop_assert!(pool.idle() <= most);
                prop_assert_eq!((budget.in_use(), budget.reclaimable()), (pool.idle(), pool.idle()));
                let places: HashSet<_> = held.iter().filter(|one| one.capacity() > 0).map(|one| one.as_ptr()).collect();
                prop_assert_eq!(places.len(), held.iter().filter(|one| one.capacity() > 0).count());
            }
            drop(held);
            pool.reclaim(u64::MAX);
            prop_assert_eq!((pool.idle(), budget.in_use()), (0, 0));
        }
    }
}
