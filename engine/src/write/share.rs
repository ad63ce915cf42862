//! Finding identical residues among the records that were written lately, so that they share one stored copy.
//!
//! A table of fixed size (about a million distinct sequences) remembers hash and place; when a set of it is full, the
//! oldest place goes. Its size does not depend on the memory limit, so the file is the same whatever the limit. A hit
//! is only a candidate, and its bytes are compared before the file is published. That they differ ends the build, so
//! hashes have a secret of their own each time: nobody can choose sequences for which it happens, and by chance it does
//! once in 10^18 records. All duplicates, however far apart, are what `reduce --method exact` finds.

use std::hash::{BuildHasher, Hasher, RandomState};

use talaria_db_spec::address::PackedAddress;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_secret};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::error::{Error, Result};
use crate::memory::budget::{Budget, Lease};
use crate::sys::anonymous::{AnonymousMemory, PageSize};
use crate::sys::prefetch::prefetch_read;

/// Sets of the table.
const SETS: usize = 1 << 18;
/// Places a set.
const WAYS: usize = 4;
/// A place that is a record of the current batch, not an address.
const IN_BATCH: u64 = 1 << 63;

/// Which residues, as far as the table knows: their set, which is always the same, as what it holds decides what is
/// shared; and what tells them apart there, which is of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hash {
    set: u32,
    tag: u64,
}

/// What makes hashes of residues. Each is another.
#[derive(Clone)]
pub struct ResidueHasher {
    secret: [u8; 192],
}

impl ResidueHasher {
    /// Of a secret that the system gives.
    #[must_use]
    pub fn new() -> Self {
        let (random, mut secret) = (RandomState::new(), [0; 192]);
        for (number, bytes) in (0..).zip(secret.as_chunks_mut::<8>().0) {
            let mut hasher = random.build_hasher();
            hasher.write_u64(number);
            *bytes = hasher.finish().to_le_bytes();
        }
        Self { secret }
    }

    /// The hash of `residues`.
    #[must_use]
    pub fn hash(&self, residues: &[u8]) -> Hash {
        Hash { set: (xxh3_64(residues) >> 46) as u32, tag: xxh3_64_with_secret(residues, &self.secret) }
    }
}

impl Default for ResidueHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for ResidueHasher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ResidueHasher").finish_non_exhaustive()
    }
}

/// Where a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In an earlier batch.
    Stored(PackedAddress),
    /// The record with this index of the current batch.
    InBatch(usize),
}

/// A sequence, or none where all is zero, as the system gives memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Entry {
    tag: u64,
    /// That of a record of the current batch, or an address and one.
    place: u64,
}

/// As much as the processor fetches together.
#[derive(Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C, align(64))]
struct Set([Entry; WAYS]);

/// The table.
#[derive(Debug)]
pub struct ShareTable {
    /// Of [`SETS`], newest first in each, in large pages where there are some.
    sets: AnonymousMemory,
    /// Hash and record of what the current batch added.
    added: Vec<(Hash, usize)>,
    _lease: Lease,
}

impl ShareTable {
    /// Bytes of memory that it takes.
    pub(crate) const MEMORY: u64 = (SETS * size_of::<Set>()) as u64;

    /// An empty table of 16 MiB.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn new(budget: &Budget) -> Result<Self> {
        let lease = budget.lease("the table of identical sequences", Self::MEMORY)?;
        let refused = |source| Error::Io { path: "memory".into(), action: "make a table in", source };
        let sets = AnonymousMemory::new(Self::MEMORY as usize, PageSize::Transparent).map_err(refused)?;
        Ok(Self { sets, added: Vec::new(), _lease: lease })
    }

    fn sets(&self) -> &[Set] {
        // Whole sets at the start of pages.
        <[Set]>::ref_from_bytes(self.sets.as_slice()).unwrap_or_default()
    }

    fn set_mut(&mut self, hash: Hash) -> Option<&mut [Entry; WAYS]> {
        let sets = <[Set]>::mut_from_bytes(self.sets.as_mut_slice()).unwrap_or_default();
        sets.get_mut(hash.set as usize).map(|set| &mut set.0)
    }

    /// Starts to fetch what the table knows of a hash; a hint.
    pub fn prefetch(&self, hash: Hash) {
        prefetch_read(self.sets(), hash.set as usize);
    }

    /// The place of the last sequence with this hash; if there is none, record `index` of the current batch is
    /// remembered.
    pub fn find_or_add(&mut self, hash: Hash, index: usize) -> Option<Place> {
        let set = self.set_mut(hash)?;
        if let Some(entry) = set.iter().find(|entry| entry.tag == hash.tag && entry.place != 0) {
            return Some(if entry.place & IN_BATCH == 0 {
                Place::Stored(PackedAddress::from_bits(entry.place - 1))
            } else {
                Place::InBatch(usize::try_from(entry.place & !IN_BATCH).unwrap_or(usize::MAX))
            });
        }
        set.rotate_right(1);
        set[0] = Entry { tag: hash.tag, place: IN_BATCH | index as u64 };
        self.added.push((hash, index));
        None
    }

    /// Gives the records that the current batch added their addresses, and ends the batch.
    pub fn end_batch(&mut self, address_of: impl Fn(usize) -> PackedAddress) {
        let mut added = std::mem::take(&mut self.added);
        for (hash, index) in added.drain(..) {
            let here = Entry { tag: hash.tag, place: IN_BATCH | index as u64 };
            for entry in self.set_mut(hash).into_iter().flatten().filter(|entry| **entry == here) {
                // Addresses have a block below 2^39 for any file that fits a file system, so the top bit is free.
                let place = address_of(index).bits() + 1;
                *entry = if place & IN_BATCH == 0 { Entry { place, ..here } } else { Entry { tag: 0, place: 0 } };
            }
        }
        self.added = added;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_a_full_set_goes() {
        let mut table = ShareTable::new(&Budget::new(1 << 30)).unwrap();
        let hash = |tag| Hash { set: 7, tag };
        for tag in 0..5 {
            assert_eq!(table.find_or_add(hash(tag), tag as usize), None);
        }
        assert_eq!(table.find_or_add(hash(4), 9), Some(Place::InBatch(4)));
        assert_eq!(table.find_or_add(Hash { set: 8, tag: 4 }, 9), None);
        table.end_batch(|index| PackedAddress::new(7, index as u32).unwrap());
        assert_eq!(table.find_or_add(hash(4), 0), Some(Place::Stored(PackedAddress::new(7, 4).unwrap())));
        assert_eq!(table.find_or_add(hash(0), 0), None, "the first of five in a set of four");
        assert!(ShareTable::new(&Budget::new(1 << 20)).is_err());
    }

    #[test]
    fn secrets_differ() {
        let [first, second] = [ResidueHasher::new(), ResidueHasher::new()];
        assert_eq!(first.hash(b"MKVL"), first.clone().hash(b"MKVL"));
        assert_ne!(first.hash(b"MKVL"), first.hash(b"MKVA"));
        assert_ne!(first.hash(b"MKVL"), second.hash(b"MKVL"));
    }
}
