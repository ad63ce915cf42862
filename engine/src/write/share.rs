//! Finding identical residues among the records that were written lately, so that they share one stored copy.
//!
//! A table of fixed size (about a million distinct sequences) remembers hash and place; when a set of it is full, the
//! oldest place goes. Its size does not depend on the memory limit, so the file is the same whatever the limit. A hit
//! is only a candidate: the caller compares the bytes. All duplicates, however far apart, are what `reduce --method
//! exact` finds.

use talaria_db_spec::address::PackedAddress;

use crate::error::Result;
use crate::memory::budget::{Budget, Lease};

/// Sets of the table.
const SETS: usize = 1 << 18;
/// Places a set.
const WAYS: usize = 4;
/// A place that is a record of the current batch, not an address.
const IN_BATCH: u64 = 1 << 63;
/// No place.
const EMPTY: u64 = u64::MAX;

/// Where a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In an earlier batch.
    Stored(PackedAddress),
    /// The record with this index of the current batch.
    InBatch(usize),
}

/// The table.
#[derive(Debug)]
pub struct ShareTable {
    /// Newest first in each set.
    entries: Vec<[(u64, u64); WAYS]>,
    /// Hash and record of what the current batch added.
    added: Vec<(u64, usize)>,
    _lease: Lease,
}

impl ShareTable {
    /// Bytes of memory that it takes.
    pub(crate) const MEMORY: u64 = (SETS * size_of::<[(u64, u64); WAYS]>()) as u64;

    /// An empty table of 16 MiB.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn new(budget: &Budget) -> Result<Self> {
        let lease = budget.lease("the table of identical sequences", Self::MEMORY)?;
        Ok(Self { entries: vec![[(0, EMPTY); WAYS]; SETS], added: Vec::new(), _lease: lease })
    }

    /// The place of the last sequence with this hash; if there is none, record `index` of the current batch is
    /// remembered.
    pub fn find_or_add(&mut self, hash: u64, index: usize) -> Option<Place> {
        let set = &mut self.entries[set_of(hash)];
        if let Some(&(_, place)) = set.iter().find(|&&(known, place)| known == hash && place != EMPTY) {
            return Some(if place & IN_BATCH == 0 {
                Place::Stored(PackedAddress::from_bits(place))
            } else {
                Place::InBatch(usize::try_from(place & !IN_BATCH).unwrap_or(usize::MAX))
            });
        }
        set.rotate_right(1);
        set[0] = (hash, IN_BATCH | index as u64);
        self.added.push((hash, index));
        None
    }

    /// Gives the records that the current batch added their addresses, and ends the batch.
    pub fn end_batch(&mut self, address_of: impl Fn(usize) -> PackedAddress) {
        for (hash, index) in self.added.drain(..) {
            for entry in &mut self.entries[set_of(hash)] {
                if *entry == (hash, IN_BATCH | index as u64) {
                    // Addresses have a block below 2^39 for any file that fits a file system, so the top bit is free.
                    let bits = address_of(index).bits();
                    *entry = if bits & IN_BATCH == 0 { (hash, bits) } else { (0, EMPTY) };
                }
            }
        }
    }
}

fn set_of(hash: u64) -> usize {
    // The high bits: the low ones may be what a caller has partitioned by.
    (hash >> 46) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_a_full_set_goes() {
        let mut table = ShareTable::new(&Budget::new(1 << 30)).unwrap();
        for hash in 0..5 {
            assert_eq!(table.find_or_add(hash, hash as usize), None);
        }
        assert_eq!(table.find_or_add(4, 9), Some(Place::InBatch(4)));
        table.end_batch(|index| PackedAddress::new(7, index as u32).unwrap());
        assert_eq!(table.find_or_add(4, 0), Some(Place::Stored(PackedAddress::new(7, 4).unwrap())));
        assert_eq!(table.find_or_add(0, 0), None, "the first of five in a set of four");
        assert!(ShareTable::new(&Budget::new(1 << 20)).is_err());
    }
}
