//! Faults that a test plants: a lease that is refused, a read of a container that fails, at a place that is counted.
//!
//! A plan belongs to a thread and the workers that it starts, and to each budget and each file that they open, whatever
//! thread uses them later; other tests have plans of their own, in which nothing fails.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;

/// What a planted error says.
const PLANTED: &str = "planted";

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Lease,
    Read,
}

/// When it fails, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    At(u64),
    From(u64),
}

/// A plan, and how far it has come.
#[derive(Debug, Default)]
pub(crate) struct Planted {
    plan: Option<(Fault, When)>,
    calls: AtomicU64,
}

thread_local! {
    static PLAN: RefCell<Arc<Planted>> = RefCell::default();
}

/// The plan of this thread.
pub(crate) fn planted() -> Arc<Planted> {
    PLAN.with_borrow(Arc::clone)
}

/// Makes the plan of another thread that of this one.
pub(crate) fn adopt(plan: Arc<Planted>) {
    PLAN.set(plan);
}

/// Runs `work` with a plan: what it opens has it for good.
pub(crate) fn plant<T>(fault: Fault, when: When, work: impl FnOnce(&Planted) -> T) -> T {
    let plan = Arc::new(Planted { plan: Some((fault, when)), calls: AtomicU64::new(0) });
    PLAN.set(Arc::clone(&plan));
    let result = work(&plan);
    PLAN.take();
    result
}

/// Makes `attempt` with a fault at each of the first `each` places, then at one in ever more, until it does not come to
/// that place; at one in four also with faults from there on. How many attempts met theirs.
pub(crate) fn at_each_place(each: u64, attempt: impl Fn(When) -> bool) -> u64 {
    let (mut place, mut met) = (1, 0);
    while attempt(When::At(place)) {
        met += 1;
        if place % 4 == 1 {
            met += u64::from(attempt(When::From(place)));
        }
        place += 1 + place.saturating_sub(each) / (each / 8);
    }
    met
}

/// Whether an error is what this fault comes to.
pub(crate) fn is_planted(error: &Error, fault: Fault) -> bool {
    match fault {
        Fault::Lease => matches!(error, Error::Memory { .. }),
        Fault::Read => matches!(error, Error::Io { source, .. } if source.to_string() == PLANTED),
    }
}

impl Planted {
    /// Whether anything has failed.
    pub(crate) fn was_met(&self) -> bool {
        let first = match self.plan {
            Some((_, When::At(call) | When::From(call))) => call,
            None => return false,
        };
        self.calls.load(Ordering::SeqCst) >= first
    }

    /// Whether a lease is refused. One of nothing never is.
    pub(crate) fn refuses_lease(&self, bytes: u64) -> bool {
        bytes > 0 && self.fails(Fault::Lease)
    }

    pub(crate) fn fail_read(&self) -> io::Result<()> {
        if self.fails(Fault::Read) { Err(io::Error::other(PLANTED)) } else { Ok(()) }
    }

    fn fails(&self, fault: Fault) -> bool {
        let Some((_, when)) = self.plan.filter(|(planted, _)| *planted == fault) else { return false };
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match when {
            When::At(planned) => call == planned,
            When::From(planned) => call >= planned,
        }
    }
}
