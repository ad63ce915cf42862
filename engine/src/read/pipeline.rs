//! Work that is cut into units, done on all threads, and handed over in order, through a bounded number of buffers.
//!
//! A unit is cut, made into a buffer by whichever thread is free, and taken by the calling thread when its turn comes;
//! then the buffer is used again. So at any time one buffer is taken, others wait, and others are filled, and memory is
//! what the buffers take: each is leased before it is filled, and where the budget refuses, the unit waits until an
//! earlier one has been taken. The calling thread makes units too while there is nothing to take: it does all the work
//! if no other thread has time.
//!
//! Costs a lock a unit, so that units should be some hundred microseconds of work. Making a unit must not wait for
//! another one.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::memory::budget::{Budget, Lease};

/// What goes through.
pub(crate) trait Work: Sync {
    /// Something to do.
    type Unit: Send;
    /// What units are made into.
    type Buffer: Default + Send;

    /// Bytes of memory to make a unit.
    fn memory(&self, unit: &Self::Unit) -> u64;

    /// Makes a unit into a buffer, which holds an earlier one.
    fn make(&self, unit: Self::Unit, buffer: &mut Self::Buffer) -> Result<()>;
}

/// Runs all units of `cut` through, with up to `buffers` (at least 2) of them at a time; `take` gets the buffers in
/// order.
///
/// # Errors
/// The first error of the first unit that has one, after all units before it were taken.
pub(crate) fn in_order<W: Work>(
    work: &W,
    buffers: usize,
    budget: &Budget,
    cut: impl FnMut() -> Result<Option<W::Unit>> + Send,
    mut take: impl FnMut(&W::Buffer) -> Result<()>,
) -> Result<()> {
    let buffers = buffers.max(2);
    let mut slots = Vec::new();
    slots.resize_with(buffers, || Slot::Empty(Held::default()));
    let line = Line {
        work,
        budget,
        state: Mutex::new(State { cut, waiting: None, slots, made: 0, taken: 0, end: u64::MAX }),
        changed: Condvar::new(),
    };
    rayon::in_place_scope(|scope| {
        for _ in 1..rayon::current_num_threads().min(buffers) {
            scope.spawn(|_| line.help());
        }
        let done = line.take_all(&mut take);
        // The others stop, however this ended.
        line.lock().end = 0;
        line.changed.notify_all();
        done
    })
}

struct Line<'w, W: Work, C> {
    work: &'w W,
    budget: &'w Budget,
    state: Mutex<State<W, C>>,
    changed: Condvar,
}

struct State<W: Work, C> {
    cut: C,
    /// A unit that was cut, and waits for memory.
    waiting: Option<W::Unit>,
    /// Unit `n` goes through slot `n % slots.len()`.
    slots: Vec<Slot<W::Buffer>>,
    /// Units that were given to a thread.
    made: u64,
    /// Units that were taken.
    taken: u64,
    /// From this unit on nothing is cut: the number of units, or where the work was given up.
    end: u64,
}

enum Slot<B> {
    Empty(Held<B>),
    Making,
    Ready(Held<B>, Result<()>),
}

#[derive(Default)]
struct Held<B> {
    buffer: B,
    lease: Option<Lease>,
}

/// What a look at the line comes to.
enum Next<W: Work> {
    Make(usize, W::Unit, Held<W::Buffer>),
    Wait,
    End,
}

impl<W: Work, C: FnMut() -> Result<Option<W::Unit>>> Line<'_, W, C> {
    fn lock(&self) -> MutexGuard<'_, State<W, C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes units until there are no more.
    fn help(&self) {
        let mut state = self.lock();
        loop {
            match self.next(&mut state) {
                Next::End => return,
                Next::Wait => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Next::Make(slot, unit, held) => {
                    drop(state);
                    state = self.make(slot, unit, held);
                }
            }
        }
    }

    /// Takes all units in order, and makes some while the next one is not ready.
    fn take_all(&self, take: &mut impl FnMut(&W::Buffer) -> Result<()>) -> Result<()> {
        let mut state = self.lock();
        loop {
            if state.taken >= state.end {
                return Ok(());
            }
            let slot = slot_of(state.taken, state.slots.len());
            if matches!(state.slots[slot], Slot::Ready(..))
                && let Slot::Ready(held, made) = std::mem::replace(&mut state.slots[slot], Slot::Making)
            {
                drop(state);
                made?;
                take(&held.buffer)?;
                state = self.lock();
                state.slots[slot] = Slot::Empty(held);
                state.taken += 1;
                self.changed.notify_all();
                continue;
            }
            match self.next(&mut state) {
                Next::End | Next::Wait => {
                    // What `next` itself has found out wakes nobody up.
                    let slot = slot_of(state.taken, state.slots.len());
                    if state.taken < state.end && !matches!(state.slots[slot], Slot::Ready(..)) {
                        state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    }
                }
                Next::Make(slot, unit, held) => {
                    drop(state);
                    state = self.make(slot, unit, held);
                }
            }
        }
    }

    /// The next unit to make, if there are a free buffer and the memory.
    fn next(&self, state: &mut State<W, C>) -> Next<W> {
        if state.made >= state.end {
            return Next::End;
        }
        let slot = slot_of(state.made, state.slots.len());
        if !matches!(state.slots[slot], Slot::Empty(_)) {
            return Next::Wait;
        }
        let unit = match state.waiting.take().map_or_else(|| (state.cut)(), |unit| Ok(Some(unit))) {
            Ok(Some(unit)) => unit,
            Ok(None) => {
                state.end = state.made;
                self.changed.notify_all();
                return Next::End;
            }
            Err(error) => {
                // In its turn, after all that was cut before.
                state.slots[slot] = Slot::Ready(Held::default(), Err(error));
                state.made += 1;
                state.end = state.made;
                self.changed.notify_all();
                return Next::End;
            }
        };
        let Slot::Empty(mut held) = std::mem::replace(&mut state.slots[slot], Slot::Making) else { return Next::Wait };
        let bytes = self.work.memory(&unit);
        let leased = self.lease(&mut held, bytes).or_else(|_| {
            // Buffers that wait for work give theirs up first.
            for slot in &mut state.slots {
                if let Slot::Empty(held) = slot {
                    *held = Held::default();
                }
            }
            self.lease(&mut held, bytes)
        });
        if let Err(error) = leased {
            if state.taken < state.made {
                state.slots[slot] = Slot::Empty(held);
                state.waiting = Some(unit);
                return Next::Wait;
            }
            // Nobody is going to give anything back.
            state.slots[slot] = Slot::Ready(Held::default(), Err(error));
            state.made += 1;
            state.end = state.made;
            return Next::End;
        }
        state.made += 1;
        Next::Make(slot, unit, held)
    }

    /// A buffer keeps its memory, so its lease only grows.
    fn lease(&self, held: &mut Held<W::Buffer>, bytes: u64) -> Result<()> {
        match &mut held.lease {
            Some(lease) if lease.bytes() >= bytes => Ok(()),
            Some(lease) => lease.resize(bytes),
            none => {
                *none = Some(self.budget.lease("a buffer of what is made ahead", bytes)?);
                Ok(())
            }
        }
    }

    fn make(&self, slot: usize, unit: W::Unit, mut held: Held<W::Buffer>) -> MutexGuard<'_, State<W, C>> {
        let stop = StopOnPanic(self);
        let made = self.work.make(unit, &mut held.buffer);
        drop(stop);
        let mut state = self.lock();
        state.slots[slot] = Slot::Ready(held, made);
        self.changed.notify_all();
        state
    }
}

/// Ends the line if the thread that makes a unit panics, as nobody could wait for that unit; the scope then passes the
/// panic on.
struct StopOnPanic<'l, 'w, W: Work, C: FnMut() -> Result<Option<W::Unit>>>(&'l Line<'w, W, C>);

impl<W: Work, C: FnMut() -> Result<Option<W::Unit>>> Drop for StopOnPanic<'_, '_, W, C> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().end = 0;
            self.0.changed.notify_all();
        }
    }
}

fn slot_of(unit: u64, slots: usize) -> usize {
    (unit % slots as u64) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::error::Error;

    /// Squares numbers; fails at one of them.
    struct Square {
        fails_at: u64,
        memory: u64,
        at_once: AtomicU64,
        most_at_once: AtomicU64,
    }

    impl Work for Square {
        type Unit = u64;
        type Buffer = Vec<u64>;

        fn memory(&self, _: &u64) -> u64 {
            self.memory
        }

        fn make(&self, unit: u64, buffer: &mut Vec<u64>) -> Result<()> {
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(now, Ordering::SeqCst);
            if unit.is_multiple_of(3) {
                std::thread::yield_now();
            }
            buffer.clear();
            buffer.push(unit * unit);
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            if unit == self.fails_at { Err(error(unit)) } else { Ok(()) }
        }
    }

    fn error(got: u64) -> Error {
        Error::OutOfRange { what: "unit", got, count: 0 }
    }

    fn run(
        units: u64,
        fails_at: u64,
        cut_fails: u64,
        buffers: usize,
        threads: usize,
        limit: u64,
    ) -> (Vec<u64>, Option<Error>, u64) {
        let work = Square { fails_at, memory: 10, at_once: AtomicU64::new(0), most_at_once: AtomicU64::new(0) };
        let budget = Budget::new(limit);
        let (mut next, mut taken) = (0, Vec::new());
        let cut = || {
            next += 1;
            if next - 1 == cut_fails {
                return Err(error(cut_fails));
            }
            Ok((next <= units).then_some(next - 1))
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let done = pool.install(|| {
            in_order(&work, buffers, &budget, cut, |buffer| {
                taken.extend_from_slice(buffer);
                Ok(())
            })
        });
        assert_eq!(budget.in_use(), 0);
        (taken, done.err(), work.most_at_once.into_inner())
    }

    proptest! {
        #[test]
        fn everything_in_order_whatever_the_threads(
            units in 0_u64..60, buffers in 0_usize..7, threads in 1_usize..5, room in 1_u64..8,
        ) {
            let (taken, error, at_once) = run(units, u64::MAX, u64::MAX, buffers, threads, room * 10);
            prop_assert!(error.is_none());
            prop_assert_eq!(taken, (0..units).map(|unit| unit * unit).collect::<Vec<_>>());
            prop_assert!(at_once <= room.min(threads as u64));
        }

        #[test]
        fn the_first_error_counts(units in 1_u64..40, at in 0_u64..40, cut in 0_u64..40, threads in 1_usize..4) {
            let (taken, failed, _) = run(units, at, cut, 3, threads, 1000);
            let first = at.min(cut);
            if first < units || cut <= units {
                let first = if at < units { first } else { cut };
                let got = failed.map(|error| error.to_string());
                prop_assert_eq!(got, Some(error(first).to_string()));
                prop_assert_eq!(taken.len() as u64, first);
            } else {
                prop_assert!(failed.is_none());
            }
        }
    }

    #[test]
    fn a_panic_is_passed_on() {
        struct Panics;
        impl Work for Panics {
            type Unit = u64;
            type Buffer = ();

            fn memory(&self, _: &u64) -> u64 {
                0
            }

            fn make(&self, unit: u64, (): &mut ()) -> Result<()> {
                assert!(unit < 20, "a planted panic");
                Ok(())
            }
        }
        for threads in 1..4 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut next = 0;
            let cut = || {
                next += 1;
                Ok(Some(next))
            };
            let run = || pool.install(|| in_order(&Panics, 4, &Budget::new(1), cut, |()| Ok(())));
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
        }
    }

    #[test]
    fn what_fits_not_even_alone_is_an_error() {
        let (taken, failed, _) = run(5, u64::MAX, u64::MAX, 3, 2, 9);
        assert!(taken.is_empty());
        assert!(matches!(failed, Some(Error::Memory { need: 10, free: 9, .. })));
    }
}
