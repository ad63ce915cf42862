//! Exact reduction: records with the same residues join the first of them.
//!
//! Hash and length of every record are sorted, so that candidates stand together; then their bytes are compared, block by
//! block: a hash alone never decides. Upper and lower case are different residues. Costs one pass over the container, an external sort of 24
//! bytes a record, and the decoding of those blocks that have a candidate whose bytes are not shared already.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::database::Database;
use crate::error::Result;
use crate::read::scan::Sequence;
use crate::reduce::groups::{Groups, sort_memory};
use crate::write::spill::{Sorter, Spill};

/// Records whose bytes are loaded together to be compared.
const TOGETHER: usize = 1 << 14;
/// Bytes that are loaded together to be compared.
const BYTES: u64 = 16 << 20;
/// Bytes of memory that a record to compare takes beside its residues.
const OVERHEAD: u64 = 512;
/// Records longer than this are compared piece by piece.
const LONG: u64 = 1 << 20;
/// Hashes that a thread gathers before it passes them on.
const GATHERED: usize = 1024;

/// Candidates: records of one hash and length, ascending.
type Candidates = Vec<u64>;

pub(crate) fn group(
    database: &Database,
    spill: &Spill,
    progress: &(dyn Fn(&'static str, u64, u64) + Sync),
) -> Result<Groups> {
    let sorted = hash_all(database, spill, progress)?.finish()?;
    let mut groups = Groups::new(database.len(), spill)?;
    let mut comparison = Comparison { database, groups: &mut groups, waiting: Vec::new(), records: 0, bytes: 0 };
    let (mut key, mut candidates) = ((0, 0), Vec::new());
    for item in sorted {
        let (hash, length, ordinal) = item?;
        if key != (hash, length) {
            comparison.add(key.1, std::mem::take(&mut candidates))?;
            key = (hash, length);
        }
        candidates.push(ordinal);
    }
    comparison.add(key.1, candidates)?;
    comparison.compare()?;
    Ok(groups)
}

/// Hash, length and ordinal of every record.
fn hash_all(
    database: &Database,
    spill: &Spill,
    progress: &(dyn Fn(&'static str, u64, u64) + Sync),
) -> Result<Sorter<(u64, u64, u64)>> {
    let sorter = Sorter::new(spill, "hashes of sequences", sort_memory(spill, 4))?;
    let shared = Mutex::new((sorter, Vec::with_capacity(GATHERED)));
    database.owned_slots().try_for_each(|slots| {
        database.visit_sequences(slots?, |ordinal, _, sequence| {
            let (hash, length) = match sequence {
                Sequence::Whole(residues) => (xxh3_64(residues), residues.len() as u64),
                Sequence::Long(item) => (hash_long(database, ordinal, item.length)?, item.length),
            };
            let mut guard = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let (sorter, gathered) = &mut *guard;
            gathered.push((hash, length, ordinal));
            if gathered.len() == GATHERED {
                progress("grouping", sorter.len(), database.len());
                gathered.drain(..).try_for_each(|item| sorter.push(item))?;
            }
            Ok(())
        })
    })?;
    let (mut sorter, gathered) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    gathered.into_iter().try_for_each(|item| sorter.push(item))?;
    Ok(sorter)
}

/// The hash of a record that is longer than a block, block by block.
fn hash_long(database: &Database, ordinal: u64, length: u64) -> Result<u64> {
    let mut hasher = Xxh3::new();
    database.for_each_residues(ordinal, 0..length, |part| {
        hasher.update(part);
        Ok(())
    })?;
    Ok(hasher.digest())
}

/// Compares the bytes of candidates, many at a time.
struct Comparison<'a> {
    database: &'a Database,
    groups: &'a mut Groups,
    waiting: Vec<Candidates>,
    records: usize,
    bytes: u64,
}

impl Comparison<'_> {
    fn add(&mut self, length: u64, candidates: Candidates) -> Result<()> {
        let Some((&first, others)) = candidates.split_first() else { return Ok(()) };
        if others.is_empty() {
            return Ok(());
        }
        if length == 0 {
            return self.groups.join(first, others);
        }
        if length > LONG {
            return self.compare_long(length, &candidates);
        }
        self.records += candidates.len();
        self.bytes += length * candidates.len() as u64;
        self.waiting.push(candidates);
        if self.records >= TOGETHER || self.bytes >= BYTES { self.compare() } else { Ok(()) }
    }

    /// Compares what is waiting.
    fn compare(&mut self) -> Result<()> {
        let memory = self.bytes + self.records as u64 * OVERHEAD;
        let _lease = self.database.budget().lease("sequences to compare", memory)?;
        let waiting = std::mem::take(&mut self.waiting);
        // Records at one address have been compared when they were written; only one of them is loaded.
        let mut loaded: Vec<(u64, u64)> = Vec::new();
        for candidates in &waiting {
            let mut addresses = Vec::with_capacity(candidates.len());
            for &ordinal in candidates {
                addresses.push((self.database.sequence_address(ordinal)?.bits(), ordinal));
            }
            addresses.sort_unstable();
            addresses.dedup_by_key(|&mut (address, _)| address);
            if addresses.len() > 1 {
                loaded.extend(addresses);
            }
        }
        loaded.sort_unstable();
        let ordinals: Vec<u64> = loaded.iter().map(|&(_, ordinal)| ordinal).collect();
        let records = self.database.batch(&ordinals)?;
        for candidates in waiting {
            let mut bytes = Vec::with_capacity(candidates.len());
            for ordinal in candidates {
                let address = self.database.sequence_address(ordinal)?.bits();
                let at = loaded.binary_search_by_key(&address, |&(known, _)| known).ok();
                bytes.push((ordinal, at.and_then(|at| records.get(at)).map(|record| record.sequence().as_bytes())));
            }
            self.split(bytes, |left, right| Ok(left == right))?;
        }
        (self.records, self.bytes) = (0, 0);
        Ok(())
    }

    /// Compares long records a piece at a time.
    fn compare_long(&mut self, length: u64, candidates: &[u64]) -> Result<()> {
        let database = self.database;
        let equal = |&left: &u64, &right: &u64| {
            if database.sequence_address(left)? == database.sequence_address(right)? {
                return Ok(true);
            }
            let mut start = 0;
            while start < length {
                let range = start..(start + LONG).min(length);
                if database.region(left, range.clone())? != database.region(right, range.clone())? {
                    return Ok(false);
                }
                start = range.end;
            }
            Ok(true)
        };
        self.split(candidates.iter().map(|&ordinal| (ordinal, ordinal)).collect(), equal)
    }

    /// Splits candidates into those that are equal, each joining the first of its kind. More than one kind means that two
    /// different sequences have one hash.
    fn split<T>(&mut self, candidates: Vec<(u64, T)>, equal: impl Fn(&T, &T) -> Result<bool>) -> Result<()> {
        let mut left = candidates;
        while !left.is_empty() {
            let mut rest = Vec::new();
            let mut members = Vec::new();
            let mut remaining = left.into_iter();
            let Some((first, value)) = remaining.next() else { break };
            for (ordinal, other) in remaining {
                if equal(&value, &other)? { members.push(ordinal) } else { rest.push((ordinal, other)) }
            }
            self.groups.join(first, &members)?;
            left = rest;
        }
        Ok(())
    }
}
