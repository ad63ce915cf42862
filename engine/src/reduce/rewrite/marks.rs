//! A bit a record.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Lease;

/// Records that are marked.
pub(in crate::reduce) struct Marks {
    words: Vec<AtomicU64>,
    _lease: Lease,
}

impl Marks {
    /// Bytes of memory for so many records.
    pub(in crate::reduce) const fn memory(records: u64) -> u64 {
        records.div_ceil(64) * 8
    }

    /// None of `records` records.
    pub(in crate::reduce) fn new(records: u64, database: &Database) -> Result<Self> {
        let words = records.div_ceil(64);
        let lease = database.budget().lease("a mark a record", Self::memory(records))?;
        let mut marks = Vec::new();
        marks.resize_with(usize::try_from(words).unwrap_or(0), Default::default);
        Ok(Self { words: marks, _lease: lease })
    }

    /// Marks one.
    pub(in crate::reduce) fn set(&self, record: u64) {
        if let Some(word) = self.words.get((record / 64) as usize) {
            word.fetch_or(1 << (record % 64), Ordering::Relaxed);
        }
    }

    /// Whether one is marked.
    pub(in crate::reduce) fn is_set(&self, record: u64) -> bool {
        let word = self.words.get((record / 64) as usize);
        word.is_some_and(|word| word.load(Ordering::Relaxed) >> (record % 64) & 1 == 1)
    }
}
