//! Exact reduction: records with the same residues join the first of them.
//!
//! Hash and length of every record are sorted, so that candidates stand together; then their bytes are compared, block
//! by block: a hash alone never decides. Upper and lower case are different residues. Costs one pass over the
//! container, an external sort of 24 bytes a record and one of 32 where copies are shared, and the decoding of those
//! blocks that have a candidate whose bytes are not shared already.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::database::Database;
use crate::error::Result;
use crate::read::blocks::blocks_memory;
use crate::read::scan::Sequence;
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::{Groups, LEAST_SORT_MEMORY, sort_memory_of, sort_memory_within};
use crate::reduce::similarity::Similarity;
use crate::write::spill::{Sorter, Spill};

/// Records whose bytes are loaded together to be compared.
const TOGETHER: usize = 1 << 14;
/// Most memory for what is loaded together to be compared.
const MOST_MEMORY: u64 = 24 << 20;
/// The least: three of the longest records that are loaded whole.
const LEAST_MEMORY: u64 = 3 * (LONG + OVERHEAD);
/// Bytes of memory that a record to compare takes beside its residues.
const OVERHEAD: u64 = 512;
/// Records longer than this are compared piece by piece.
const LONG: u64 = 1 << 20;
/// Marks a record that shares the copy of another one.
const GUEST: u64 = 1;

/// Hash, length and ordinal of a record.
type Hashed = (u64, u64, u64);
/// Whether a record is a delta, and the address of its copy or item.
type Place = (bool, u64);

/// Records of one hash and length.
struct Candidates {
    length: u64,
    /// Found to differ from each other, each with the number of records that have joined it.
    kinds: Vec<(u64, u64)>,
    /// Not compared yet, ascending, and all after the kinds.
    ordinals: Vec<u64>,
}

impl Candidates {
    fn new(length: u64) -> Self {
        Self { length, kinds: Vec::new(), ordinals: Vec::new() }
    }

    /// Memory for comparing these and one more, if each has to be loaded. Longer records are never loaded whole.
    fn memory_with_another(&self) -> u64 {
        if self.length > LONG { 0 } else { memory_of(self.count() + 1, self.length) }
    }

    /// How many there are.
    fn count(&self) -> usize {
        self.kinds.len() + self.ordinals.len()
    }

    /// The first of each kind and those that have not been compared.
    fn all(&self) -> impl Iterator<Item = u64> + '_ {
        self.kinds.iter().map(|&(first, _)| first).chain(self.ordinals.iter().copied())
    }
}

/// The least memory for grouping, beside the blocks at hand.
pub(crate) const fn least_memory() -> u64 {
    4 * LEAST_SORT_MEMORY + LEAST_MEMORY
}

/// Memory for sorting hashes.
fn hashing_memory(available: u64) -> usize {
    sort_memory_within(available, 4, LEAST_MEMORY + 3 * LEAST_SORT_MEMORY)
}

/// Memory for sorting hashes by copy.
fn copies_memory(available: u64, records: u64) -> usize {
    sort_memory_within(available, 4, LEAST_MEMORY + 2 * LEAST_SORT_MEMORY).min(sort_memory_of(records, 32))
}

/// Memory for records that are compared together.
fn comparing_memory(free: u64) -> u64 {
    (free / 2).clamp(LEAST_MEMORY, MOST_MEMORY)
}

/// What [`group`] takes; the groups stay.
pub(super) fn estimate(account: &mut Account, known: &Known, reserve: u64) -> Vec<Held> {
    account.begin("grouping", None, known.records, "records");
    let blocks = account.hold(blocks_memory(known.nominal, account.threads));
    let memory = hashing_memory(account.available());
    let hashes = account.sort::<Hashed>("hashes of sequences", memory, known.records);
    let memory = copies_memory(account.available(), known.records);
    let copies = account.sort::<(u64, u64, u64, u64)>("hashes of copies", memory, known.records);
    account.release([copies]);
    let groups = Groups::estimate(account, known.records, reserve.max(LEAST_MEMORY));
    let comparing = account.hold(comparing_memory(account.available()));
    account.release([blocks, hashes, comparing]);
    groups
}

/// Groups; `reserve` bytes are needed beside the groups once they are made.
pub(crate) fn group(
    database: &Database,
    spill: &Spill,
    reserve: u64,
    progress: &(dyn Fn(&'static str, u64, u64) + Sync),
) -> Result<Groups> {
    let _blocks = database.lease_blocks()?;
    let sorted = hash_all(database, spill, progress)?.finish()?;
    let mut groups = Groups::new(database.len(), spill, reserve.max(LEAST_MEMORY))?;
    let most = comparing_memory(spill.budget().free());
    let mut comparison = Comparison { database, groups: &mut groups, waiting: Vec::new(), records: 0, memory: 0, most };
    let (mut hash, mut current) = (0, Candidates::new(0));
    for item in sorted {
        let (next, length, ordinal) = item?;
        if (hash, current.length) != (next, length) {
            if let ([], [_]) = (&current.kinds[..], &current.ordinals[..]) {
                // Most are alone; their list is used again.
                comparison.groups.count(1);
                current.ordinals.clear();
                current.length = length;
            } else {
                comparison.add(std::mem::replace(&mut current, Candidates::new(length)))?;
            }
            hash = next;
        }
        current.ordinals.push(ordinal);
        if current.ordinals.len() >= TOGETHER || current.memory_with_another() > most {
            // A sequence that is in the file very often: what has been compared need not be remembered.
            current = comparison.settle(current)?;
        }
    }
    comparison.add(current)?;
    comparison.compare()?;
    Ok(groups)
}

/// Hash, length and ordinal of every record. Those that share a copy have the hash of the record whose copy it is, and
/// are not decoded.
fn hash_all(
    database: &Database,
    spill: &Spill,
    progress: &(dyn Fn(&'static str, u64, u64) + Sync),
) -> Result<Sorter<Hashed>> {
    let sorter = Sorter::new(spill, "hashes of sequences", hashing_memory(spill.budget().available()))?;
    let mut copies = None;
    if database.has_shared() {
        let memory = copies_memory(spill.budget().available(), database.len());
        copies = Some(Sorter::new(spill, "hashes of copies", memory)?);
    }
    let shared = Mutex::new((sorter, copies));
    // Then owners come in the order of the columns.
    let in_order = !database.is_placed() && !database.has_deltas();
    database.owned_slots().try_for_each(|slots| {
        let slots = slots?;
        let (mut owners, mut guests, mut columns) = (Vec::new(), Vec::new(), database.column_cursor(slots.clone()));
        database.visit_owners(
            slots,
            &mut |ordinal, item| {
                guests.push((ordinal, item.length, (database.is_delta(ordinal)?, item.address.bits())));
                Ok(())
            },
            |ordinal, _, sequence| {
                owners.push(match sequence {
                    Sequence::Whole(residues) => (xxh3_64(residues), residues.len() as u64, ordinal),
                    Sequence::Long(item) => (hash_long(database, ordinal, item.length)?, item.length, ordinal),
                });
                Ok(())
            },
        )?;
        let mut guard = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let (sorter, copies) = &mut *guard;
        progress("grouping", sorter.len(), database.len());
        if let Some(copies) = copies {
            for &(hash, length, ordinal) in &owners {
                let run = in_order.then(|| columns.at(ordinal)).transpose()?;
                let place = database.column_view(run).residue_place(ordinal)?;
                copies.push(copy(ordinal, length, place, Some(hash)))?;
            }
            for (ordinal, length, place) in guests {
                copies.push(copy(ordinal, length, place, None))?;
            }
        }
        owners.into_iter().try_for_each(|item| sorter.push(item))
    })?;
    let (mut sorter, copies) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut owner = None;
    for copy in copies.map(Sorter::finish).transpose()?.into_iter().flatten() {
        let (address, length, record, hash) = copy?;
        if record & GUEST == 0 {
            owner = Some((address, length, hash));
            continue;
        }
        match owner.filter(|&(of_address, of_length, _)| (of_address, of_length) == (address, length)) {
            Some((_, _, hash)) => sorter.push((hash, length >> 1, record >> 1))?,
            None => return Err(database.broken("header table", "flag shared", "C-3", record >> 1, 1, 0)),
        }
    }
    Ok(sorter)
}

/// Where a record has its copy, and the hash of it, or that it is that of another one. Owners sort before their guests,
/// as they come first.
fn copy(ordinal: u64, length: u64, (is_delta, address): Place, hash: Option<u64>) -> (u64, u64, u64, u64) {
    let guest = if hash.is_some() { 0 } else { GUEST };
    (address, length << 1 | u64::from(is_delta), ordinal << 1 | guest, hash.unwrap_or_default())
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
    memory: u64,
    /// Most memory for what is loaded together.
    most: u64,
}

/// Memory for `count` records of `length` residues.
fn memory_of(count: usize, length: u64) -> u64 {
    (count as u64).saturating_mul(length + OVERHEAD)
}

impl Comparison<'_> {
    /// Takes all candidates of a hash and length.
    fn add(&mut self, candidates: Candidates) -> Result<()> {
        let count = candidates.count();
        if count < 2 || candidates.length == 0 || candidates.length > LONG {
            let settled = self.settle(candidates)?;
            settled.kinds.iter().for_each(|&(_, size)| self.groups.count(size));
            return Ok(());
        }
        let memory = memory_of(count, candidates.length);
        if self.records + count > TOGETHER || self.memory + memory > self.most {
            self.compare()?;
        }
        self.records += count;
        self.memory += memory;
        self.waiting.push(candidates);
        Ok(())
    }

    /// Compares what is waiting.
    fn compare(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        (self.records, self.memory) = (0, 0);
        for settled in self.settle_short(waiting)? {
            settled.kinds.iter().for_each(|&(_, size)| self.groups.count(size));
        }
        Ok(())
    }

    /// Lets each candidate join the first one that it is equal to; only kinds are left.
    fn settle(&mut self, mut candidates: Candidates) -> Result<Candidates> {
        let (database, length) = (self.database, candidates.length);
        if candidates.count() < 2 {
            candidates.kinds.extend(candidates.ordinals.drain(..).map(|ordinal| (ordinal, 1)));
            return Ok(candidates);
        }
        if length > LONG {
            let all: Vec<u64> = candidates.all().collect();
            return self.split(candidates, |left, right| equal_long(database, all[left], all[right], length));
        }
        let mut settled = self.settle_short(vec![candidates])?;
        Ok(settled.pop().unwrap_or_else(|| Candidates::new(length)))
    }

    fn settle_short(&mut self, waiting: Vec<Candidates>) -> Result<Vec<Candidates>> {
        // Records at one address have been compared when they were written; only one of them is loaded, and none if
        // there is but one.
        let database = self.database;
        let all: Vec<u64> = waiting.iter().flat_map(Candidates::all).collect();
        let places =
            database.look_up(&all, &[&database.sections().offsets], |columns, at| columns.residue_place(at))?;
        let (mut loaded, mut memory, mut start): (Vec<(Place, u64)>, u64, usize) = (Vec::new(), 0, 0);
        for candidates in &waiting {
            let end = start + candidates.count();
            if candidates.length > 0 {
                let mut addresses: Vec<(Place, u64)> = (start..end).map(|index| (places[index], all[index])).collect();
                addresses.sort_unstable();
                addresses.dedup_by_key(|&mut (address, _)| address);
                if addresses.len() > 1 {
                    memory += memory_of(addresses.len(), candidates.length);
                    loaded.extend(addresses);
                }
            }
            start = end;
        }
        let _lease = self.database.budget().lease("sequences to compare", memory)?;
        loaded.sort_unstable();
        let ordinals: Vec<u64> = loaded.iter().map(|&(_, ordinal)| ordinal).collect();
        let records = database.batch(&ordinals)?;
        let residues_at = |address: Place| {
            let at = loaded.binary_search_by_key(&address, |&(known, _)| known).ok()?;
            records.get(at).map(|record| record.sequence().as_bytes())
        };
        let mut rest = &places[..];
        let settle = |candidates: Candidates| {
            let (own, others) = rest.split_at(candidates.count());
            rest = others;
            let is_empty = candidates.length == 0;
            self.split(candidates, |left, right| {
                let (left, right) = (own[left], own[right]);
                Ok(is_empty
                    || left == right
                    || residues_at(left).is_some_and(|residues| residues_at(right) == Some(residues)))
            })
        };
        waiting.into_iter().map(settle).collect()
    }

    /// Lets each candidate join the first one that it is equal to. More than one kind means that two different
    /// sequences have one hash. Those that `equal` compares are told by their places among all.
    fn split(&mut self, candidates: Candidates, equal: impl Fn(usize, usize) -> Result<bool>) -> Result<Candidates> {
        let Candidates { length, mut kinds, ordinals } = candidates;
        let mut indexes: Vec<usize> = (0..kinds.len()).collect();
        'next: for (index, ordinal) in (kinds.len()..).zip(ordinals) {
            for (&kind, (first, size)) in indexes.iter().zip(&mut kinds) {
                if equal(kind, index)? {
                    self.groups.join(*first, ordinal, Similarity::FULL)?;
                    *size += 1;
                    continue 'next;
                }
            }
            indexes.push(index);
            kinds.push((ordinal, 1));
        }
        Ok(Candidates { length, kinds, ordinals: Vec::new() })
    }
}

/// Compares long records a piece at a time.
pub(super) fn equal_long(database: &Database, left: u64, right: u64, length: u64) -> Result<bool> {
    let columns = database.column_view(None);
    if columns.residue_place(left)? == columns.residue_place(right)? {
        return Ok(true);
    }
    equal_residues((database, left), (database, right), length)
}

/// The same for records of two databases, or one.
pub(super) fn equal_residues(left: (&Database, u64), right: (&Database, u64), length: u64) -> Result<bool> {
    let mut start = 0;
    while start < length {
        let range = start..(start + LONG).min(length);
        if left.0.region(left.1, range.clone())? != right.0.region(right.1, range.clone())? {
            return Ok(false);
        }
        start = range.end;
    }
    Ok(true)
}
