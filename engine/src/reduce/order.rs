//! The order in which records are looked at: which of two similar ones is the representative.
//!
//! A record's **rank** is its place in that order, from 0: representatives of an earlier result first, then preferred
//! ones, then longer ones, then by a hash of the residues and by one of the header. So it depends on what the records
//! are and not on where they stand, and with it the clusters. All that follows works with ranks; residues are kept in
//! their order, folded as the method compares them, in a temporary table, so that no block has to be decoded again.
//!
//! Costs two passes over the container, a sort of 32 bytes a record, 16 bytes a record in memory or on disk, and
//! temporary space for all residues.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::align::LONGEST;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::read::blocks::blocks_memory;
use crate::read::columns::TextItem;
use crate::read::scan::{LastBlock, Sequence};
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::{sort_memory, sort_memory_of, sort_memory_within};
use crate::reduce::prefer::Ranks;
use crate::reduce::update::Old;
use crate::write::spill::{Arranger, Sorted, Sorter, Spill, SpillColumn, SpillTable};

/// Records that a thread gathers before it passes them on.
const GATHERED: usize = 1024;
/// Bits of a length.
pub(super) const LENGTH_BITS: u32 = 48;

/// What is put in order, and how.
pub(super) struct Ordering<'a> {
    pub(super) database: &'a Database,
    pub(super) spill: &'a Spill,
    pub(super) ranks: Option<&'a Ranks>,
    pub(super) old: Option<&'a Old>,
    /// Residues as they are compared, of the same number.
    pub(super) fold: &'a (dyn Fn(&[u8], &mut Vec<u8>) + Sync),
    /// Whether records that are longer than [`LONGEST`] are compared folded too, and not byte for byte.
    pub(super) folds_long: bool,
    /// Bytes of memory that are needed once there is an order.
    pub(super) keep: u64,
    pub(super) progress: &'a (dyn Fn(&'static str, u64, u64) + Sync),
}

impl Ordering<'_> {
    /// Whether a record of this length is hashed as it is.
    fn is_raw(&self, length: u64) -> bool {
        length > LONGEST && !self.folds_long
    }
}

/// The lower, the sooner a record represents others, whatever its length.
pub(super) fn preference(ranks: Option<&Ranks>, old: Option<&Old>, ordinal: u64) -> Result<u16> {
    match old {
        Some(old) if old.is_representative(ordinal)? => Ok(0),
        _ => Ok(1 + ranks.map_or(0, |ranks| u16::from(ranks.of(ordinal)))),
    }
}

/// Records with their length and the hash of their residues, those of the earlier result first among the same ones, by
/// rank.
pub(super) type Alike = Sorted<(u64, u64, u64)>;

/// Says that a record is new, above its rank in [`Alike`].
pub(super) const NEW: u64 = 1 << 32;

/// Records by rank.
#[derive(Debug)]
pub(super) struct Order {
    /// The record of each rank.
    pub(super) ordinals: SpillColumn<u32>,
    /// The folded residues of each rank; none of records that are longer than [`LONGEST`].
    pub(super) residues: SpillTable,
    /// Pairs of neighbouring ranks with the same length and hash, as runs: the first, and how many.
    pub(super) alike: Vec<(u32, u32)>,
    /// In place of those, if there is an earlier result: all records by length and hash.
    pub(super) same: Option<Alike>,
    /// Records of the earlier result: they have the lowest ordinals.
    pub(super) old: u32,
    _lease: Option<Lease>,
}

/// Bytes of memory a record at least: half of a run of alike ones.
pub(super) const LEAST_MEMORY: u64 = 4;
/// Bytes a record that are in memory if there is room, else on disk: its number, its rank, the place of its residues.
pub(super) const COLUMNS: u64 = 4 + 4 + 8;

impl Order {
    /// An order that was found elsewhere, of new records alone.
    pub(super) fn of_parts(ordinals: SpillColumn<u32>, residues: SpillTable) -> Self {
        Self { ordinals, residues, alike: Vec::new(), same: None, old: 0, _lease: None }
    }

    /// Whether a rank is that of a record of the earlier result.
    pub(super) fn is_old(&self, rank: u32) -> bool {
        self.ordinals[rank as usize] < self.old
    }
}

/// Memory for sorting what [`hash_all`] finds.
fn hashing_memory(available: u64, records: u64, keep: u64) -> usize {
    let reserve = keep.saturating_add(records.saturating_mul(LEAST_MEMORY));
    sort_memory_within(available, 4, reserve).min(sort_memory_of(records, 32))
}

/// Bytes of the table of residues at most.
pub(super) fn table_bytes(records: u64, residues: u64) -> u64 {
    residues.saturating_add(SpillTable::beside(records))
}

/// What [`order()`] takes, for a method that needs `keep` bytes once there is an order; the order stays.
pub(super) fn estimate(account: &mut Account, known: &Known, keep: u64) -> [Held; 4] {
    account.begin("ordering", None, known.records, "records");
    let blocks = account.hold(blocks_memory(known.nominal, account.threads));
    let memory = hashing_memory(account.available(), known.records, keep);
    let hashes = account.sort::<(u64, u64, u64, u64)>("lengths and hashes of records", memory, known.records);
    let (ordinals, ranks) = (account.column(known.records, 4, keep), account.column(known.records, 4, keep));
    // The vector of runs of those that are alike doubles.
    let alike = account.hold(known.records.saturating_mul(8));
    let starts = account.column(known.records, 8, keep);
    let bytes = table_bytes(known.records, known.residues);
    let table = account.table(bytes, keep);
    account.release([hashes]);
    let arranging = account.arranging(bytes);
    account.release([blocks, ranks, arranging]);
    [ordinals, alike, starts, table]
}

/// What records are ordered by: preference and length, hash of the residues, hash of the header, number.
pub(super) type Key = (u64, u64, u64, u64);

/// The length of a record with such a first part of its key.
pub(super) const fn length_of(key: u64) -> u64 {
    ((1 << LENGTH_BITS) - 1) - (key & ((1 << LENGTH_BITS) - 1))
}

/// Puts the records in order.
pub(super) fn order(context: &Ordering<'_>) -> Result<Order> {
    order_noting(context, |_| Ok(()))
}

/// The same; calls `note` with what each record is ordered by, in order.
pub(super) fn order_noting(context: &Ordering<'_>, mut note: impl FnMut(Key) -> Result<()>) -> Result<Order> {
    let (database, spill) = (context.database, context.spill);
    let records = database.len();
    if u32::try_from(records).is_err() {
        let reason = format!("{records} records are too many at once: reduce parts of them first");
        return Err(Error::Option { option: "--method", reason });
    }
    let _blocks = database.lease_blocks()?;
    let sorted = hash_all(context)?.finish()?;
    let mut lease = spill.budget().lease("records with the same residues", records * LEAST_MEMORY)?;
    let (size, keep) = (usize::try_from(records).unwrap_or(usize::MAX), context.keep);
    let mut ordinals = SpillColumn::new(spill, "records by rank", size, 0_u32, keep)?;
    let mut ranks = SpillColumn::new(spill, "ranks of records", size, 0_u32, keep)?;
    let (mut alike, mut run, mut last) = (Vec::new(), 0_u32, None);
    let old = context.old.map_or(0, |old| old.len()) as u32;
    let mut same = None;
    if context.old.is_some() {
        let memory = sort_memory(spill, 8, 0).min(sort_memory_of(records, 24));
        same = Some(Sorter::new(spill, "lengths and hashes of all records", memory)?);
    }
    let lengths = (0_u32..).zip(sorted).map(|(rank, item)| {
        let item = item?;
        note(item)?;
        let (key, hash, _, ordinal) = item;
        if let Some(same) = &mut same {
            let length = key & ((1 << LENGTH_BITS) - 1);
            same.push((length, hash, u64::from(rank) | if ordinal >= old.into() { NEW } else { 0 }))?;
        } else if last == Some((key, hash)) {
            if run == 0 {
                // Eight bytes a run, of at least two records.
                alike.push((rank - 1, 1));
            }
            run += 1;
            if let Some((_, count)) = alike.last_mut() {
                *count += 1;
            }
        } else {
            (run, last) = (0, Some((key, hash)));
        }
        ordinals[rank as usize] = ordinal as u32;
        ranks[ordinal as usize] = rank;
        let length = length_of(key);
        Ok(if length > LONGEST { 0 } else { length })
    });
    let residues = SpillTable::new(spill, "residues in order", records, keep, lengths)?;
    lease.resize(alike.capacity() as u64 * 8)?;
    let same = same.map(Sorter::finish).transpose()?;
    let order = Order { ordinals, residues, alike, same, old, _lease: Some(lease) };
    let arranger = Arranger::new(&order.residues, LONGEST);
    write_residues(database, context.fold, &arranger, |ordinal, _| Ok(ranks.get(ordinal as usize).copied()))?;
    arranger.finish()?;
    Ok(order)
}

/// Length, hash of the residues, hash of the header and number of each record, in this order of importance.
fn hash_all(context: &Ordering<'_>) -> Result<Sorter<Key>> {
    let (database, spill) = (context.database, context.spill);
    let memory = hashing_memory(spill.budget().available(), database.len(), context.keep);
    let sorter = Sorter::new(spill, "lengths and hashes of records", memory)?;
    let shared = Mutex::new(sorter);
    database.owned_slots().try_for_each(|slots| {
        let (mut texts, mut folded, mut gathered) = (LastBlock::default(), Vec::new(), Vec::with_capacity(GATHERED));
        let pass_on = |gathered: &mut Vec<_>| -> Result<()> {
            let mut sorter = shared.lock().unwrap_or_else(PoisonError::into_inner);
            (context.progress)("ordering", sorter.len(), database.len());
            gathered.drain(..).try_for_each(|item| sorter.push(item))
        };
        database.visit_sequences(slots?, |ordinal, entry, sequence| {
            let (hash, length) = match sequence {
                Sequence::Whole(residues) if context.is_raw(residues.len() as u64) => {
                    (xxh3_64(residues), residues.len() as u64)
                }
                Sequence::Whole(residues) => {
                    folded.clear();
                    (context.fold)(residues, &mut folded);
                    (xxh3_64(&folded), residues.len() as u64)
                }
                Sequence::Long(item) => (hash_long(context, ordinal, item.length)?, item.length),
            };
            // Where residues have an order of their own, texts come in no order.
            let header = texts.item(database, database.texts(), entry.text_item(), database.is_placed())?;
            let key = u64::from(preference(context.ranks, context.old, ordinal)?) << LENGTH_BITS
                | ((1 << LENGTH_BITS) - 1 - length);
            gathered.push((key, hash, xxh3_64(&header), ordinal));
            if gathered.len() == GATHERED { pass_on(&mut gathered) } else { Ok(()) }
        })?;
        pass_on(&mut gathered)
    })?;
    Ok(shared.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The hash of a record that is longer than a block.
fn hash_long(context: &Ordering<'_>, ordinal: u64, length: u64) -> Result<u64> {
    let (mut hasher, mut folded) = (Xxh3::new(), Vec::new());
    context.database.for_each_residues(ordinal, 0..length, |part| {
        if context.is_raw(length) {
            hasher.update(part);
        } else {
            folded.clear();
            (context.fold)(part, &mut folded);
            hasher.update(&folded);
        }
        Ok(())
    })?;
    Ok(hasher.digest())
}

/// Puts the residues of those records into the table that have a place there. `place` is told how many residues there
/// will be of a record, and refuses those that have not as many bytes in the table.
pub(super) fn write_residues(
    database: &Database,
    fold: &(dyn Fn(&[u8], &mut Vec<u8>) + Sync),
    table: &Arranger<'_>,
    place: impl Fn(u64, u64) -> Result<Option<u32>> + Sync,
) -> Result<()> {
    let scratch = <(Vec<u8>, Vec<u8>)>::default;
    database.for_each_sequence(scratch, |(folded, scratch), ordinal, _, sequence| {
        let length = match sequence {
            Sequence::Whole(residues) => residues.len() as u64,
            Sequence::Long(item) => item.length,
        };
        let Some(rank) = place(ordinal, if length <= LONGEST { length } else { 0 })? else { return Ok(()) };
        folded.clear();
        match sequence {
            Sequence::Whole(residues) if residues.len() as u64 <= LONGEST => fold(residues, folded),
            Sequence::Long(item) if item.length <= LONGEST => {
                database.for_each_residues(ordinal, 0..item.length, |part| {
                    fold(part, folded);
                    Ok(())
                })?;
            }
            Sequence::Whole(_) | Sequence::Long(_) => {}
        }
        table.write(rank as usize, folded, scratch)
    })
}
