//! The locks of the cache: those of std, or those of loom where `cfg(loom)` is set, which runs every order in which
//! threads can take them.

#[cfg(loom)]
pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};

use std::sync::PoisonError;

/// Locks. What is behind a lock of the cache is whole at every point where a panic could happen, so poisoning is of no
/// concern.
#[inline]
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
