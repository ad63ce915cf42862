//! Taking sorted records.

use std::io::ErrorKind;
use std::vec;

use super::record::SortRecord;
use super::runs::Merged;
use crate::error::Result;
use crate::memory::budget::Lease;

/// The records of a [`Sorter`](super::Sorter), from the least to the greatest.
///
/// An error is the last item: [`Error::Io`](crate::Error::Io), with
/// [`InvalidData`](std::io::ErrorKind::InvalidData) if temporary data is not what was written.
#[derive(Debug)]
pub struct Sorted<R> {
    source: Source<R>,
    remaining: u64,
    _lease: Lease,
}

/// Where the records are.
#[derive(Debug)]
pub(super) enum Source<R> {
    /// In memory, sorted.
    Memory(vec::IntoIter<R>),
    /// In runs.
    Disk(Merged<R>),
    /// After an error.
    Failed,
}

impl<R> Sorted<R> {
    /// The `remaining` records of `source`, of which `lease` is the memory.
    pub(super) fn new(source: Source<R>, remaining: u64, lease: Lease) -> Self {
        Self { source, remaining, _lease: lease }
    }

    /// Records that are still to come.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.remaining
    }
}

impl<R: SortRecord> Iterator for Sorted<R> {
    type Item = Result<R>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match &mut self.source {
            Source::Memory(records) => Ok(records.next()),
            Source::Disk(merged) => match merged.next() {
                // A run that lost its end, or got one more, must not pass.
                Ok(record) if record.is_some() != (self.remaining > 0) => {
                    Err(merged.error(ErrorKind::InvalidData, "the number of records is not what was written"))
                }
                next => next,
            },
            Source::Failed => Ok(None),
        };
        match next {
            Ok(record) => {
                self.remaining -= u64::from(record.is_some());
                record.map(Ok)
            }
            Err(error) => {
                self.remaining = 0;
                self.source = Source::Failed;
                Some(Err(error))
            }
        }
    }
}
