//! What all caches of the process were asked for, for measurements of how they would do on it. Only with the feature
//! `trace`.

use std::sync::{Mutex, PoisonError};

use super::CacheKey;

static KEYS: Mutex<Vec<CacheKey>> = Mutex::new(Vec::new());

pub(super) fn add(key: CacheKey) {
    KEYS.lock().unwrap_or_else(PoisonError::into_inner).push(key);
}

/// The keys asked for since the last call, in their order. Grows without a limit.
#[must_use]
pub fn take() -> Vec<CacheKey> {
    std::mem::take(&mut KEYS.lock().unwrap_or_else(PoisonError::into_inner))
}
