//! One decode for all who miss the same entry at the same time.
//!
//! The first that misses leads and decodes, without any lock; the others wait for its result. If it fails or panics,
//! those who wait decode for themselves, so that each has an error of its own.
//!
//! Invariant: whoever leads never waits for work of the thread pool, since those who wait for it may hold all of the
//! pool's threads. Decoding a block may read pages of columns through the cache, which decode nothing further: so waits
//! form no circle.

use std::sync::{Arc, PoisonError};

use super::Block;
use super::sync::{Condvar, Mutex, lock};

#[derive(Debug)]
enum State {
    Pending,
    Done(Block),
    Failed,
}

/// A decode that is under way.
#[derive(Debug)]
pub(super) struct Flight {
    state: Mutex<State>,
    landed: Condvar,
}

impl Flight {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::Pending), landed: Condvar::new() })
    }

    /// What the leader decoded; `None` if it failed.
    pub(super) fn wait(&self) -> Option<Block> {
        let mut state = lock(&self.state);
        loop {
            match &*state {
                State::Pending => state = self.landed.wait(state).unwrap_or_else(PoisonError::into_inner),
                State::Done(block) => return Some(Arc::clone(block)),
                State::Failed => return None,
            }
        }
    }

    /// Ends it, with what was decoded if that succeeded.
    pub(super) fn land(&self, block: Option<Block>) {
        *lock(&self.state) = block.map_or(State::Failed, State::Done);
        self.landed.notify_all();
    }
}
