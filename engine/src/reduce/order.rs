//! The order in which records are looked at: which of two similar ones is the representative.
//!
//! A record's **rank** is its place in that order, from 0: representatives of an earlier result first, then preferred ones, then longer ones, then by
//! a hash of the residues and by one of the header. So it depends on what the records are and not on where they stand, and with it the clusters. All that follows works with
//! ranks; residues are kept in their order, folded as the method compares them, in a temporary table, so that no block has to be decoded again.
//!
//! Costs two passes over the container, a sort of 32 bytes a record, 16 bytes of memory a record, and temporary space for all residues.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::align::LONGEST;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::read::columns::TextItem;
use crate::read::scan::{LastBlock, Sequence};
use crate::read::stream::blocks_memory;
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::{sort_memory, sort_memory_of, sort_memory_within};
use crate::reduce::prefer::Ranks;
use crate::reduce::update::Old;
use crate::write::spill::{Sorted, Sorter, Spill, SpillTable};

/// Records that a thread gathers before it passes them on.
const GATHERED: usize = 1024;
/// Bits of a length.
const LENGTH_BITS: u32 = 48;

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
    /// Bytes of memory a record that are taken once there is an order.
    pub(super) beside: u64,
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

/// Records with their length and the hash of their residues, those of the earlier result first among the same ones, by rank.
pub(super) type Alike = Sorted<(u64, u64, u64)>;

/// Says that a record is new, above its rank in [`Alike`].
pub(super) const NEW: u64 = 1 << 32;

/// Records by rank.
#[derive(Debug)]
pub(super) struct Order {
    /// The record of each rank.
    pub(super) ordinals: Vec<u32>,
    /// The folded residues of each rank; none of records that are longer than [`LONGEST`].
    pub(super) residues: SpillTable,
    /// Pairs of neighbouring ranks with the same length and hash, as runs: the first, and how many.
    pub(super) alike: Vec<(u32, u32)>,
    /// In place of those, if there is an earlier result: all records by length and hash.
    pub(super) same: Option<Alike>,
    /// Records of the earlier result: they have the lowest ordinals.
    pub(super) old: u32,
    _lease: Lease,
}

/// Bytes of memory a record.
pub(super) const MEMORY: u64 = 16;

impl Order {
    /// Whether a rank is that of a record of the earlier result.
    pub(super) fn is_old(&self, rank: u32) -> bool {
        self.ordinals[rank as usize] < self.old
    }
}

/// Memory for sorting what [`hash_all`] finds.
fn hashing_memory(available: u64, records: u64, beside: u64) -> usize {
    let reserve = records.saturating_mul(MEMORY + beside);
    sort_memory_within(available, 4, reserve).min(sort_memory_of(records, 32))
}

/// Bytes of the table of residues at most.
pub(super) fn table_bytes(records: u64, residues: u64) -> u64 {
    residues.saturating_add(SpillTable::beside(records))
}

/// What [`order()`] takes, for a method that takes `beside` bytes a record once there is an order; the order stays.
pub(super) fn estimate(account: &mut Account, known: &Known, beside: u64) -> [Held; 2] {
    account.begin("ordering", None, known.records, "records");
    let blocks = account.hold(blocks_memory(known.nominal, account.threads));
    let memory = hashing_memory(account.available(), known.records, beside);
    let hashes = account.sort::<(u64, u64, u64, u64)>("lengths and hashes of records", memory, known.records);
    // Ordinals and ranks, and the runs of those that are alike, whose vector doubles.
    let order = account.hold(known.records.saturating_mul(8 + 8));
    let table = account.store(SpillTable::memory(known.records), table_bytes(known.records, known.residues));
    account.release([blocks, hashes]);
    [order, table]
}

/// Puts the records in order.
pub(super) fn order(context: &Ordering<'_>) -> Result<Order> {
    let (database, spill) = (context.database, context.spill);
    let records = database.len();
    if u32::try_from(records).is_err() {
        let reason = format!("{records} records are too many at once: reduce parts of them first");
        return Err(Error::Option { option: "--method", reason });
    }
    let _blocks = database.lease_blocks()?;
    let sorted = hash_all(context)?.finish()?;
    let budget = spill.budget();
    let mut lease = budget.lease("the order of records", records * 8)?;
    let size = usize::try_from(records).unwrap_or(0);
    let (mut ordinals, mut ranks) = (Vec::with_capacity(size), vec![0_u32; size]);
    let (mut alike, mut run, mut last) = (Vec::new(), 0_u32, None);
    let old = context.old.map_or(0, |old| old.len()) as u32;
    let mut same = None;
    if context.old.is_some() {
        let memory = sort_memory(spill, 8, 0).min(sort_memory_of(records, 24));
        same = Some(Sorter::new(spill, "lengths and hashes of all records", memory)?);
    }
    let lengths = sorted.map(|item| {
        let (key, hash, _, ordinal) = item?;
        let rank = ordinals.len() as u32;
        if let Some(same) = &mut same {
            let length = key & ((1 << LENGTH_BITS) - 1);
            same.push((length, hash, u64::from(rank) | if ordinal >= old.into() { NEW } else { 0 }))?;
        } else if last == Some((key, hash)) {
            if run == 0 {
                // Eight bytes a run: as many as two records of it took of the lease for ranks.
                alike.push((rank - 1, 1));
            }
            run += 1;
            if let Some((_, count)) = alike.last_mut() {
                *count += 1;
            }
        } else {
            (run, last) = (0, Some((key, hash)));
        }
        ordinals.push(ordinal as u32);
        ranks[ordinal as usize] = rank;
        let length = database.sequence_length(ordinal)?;
        Ok(if length > LONGEST { 0 } else { length })
    });
    let residues = SpillTable::new(spill, "residues in order", records, lengths)?;
    lease.resize(lease.bytes() + alike.capacity() as u64 * 8)?;
    let same = same.map(Sorter::finish).transpose()?;
    let order = Order { ordinals, residues, alike, same, old, _lease: lease };
    write_residues(context, &order, &ranks)?;
    Ok(order)
}

/// Length, hash of the residues, hash of the header and number of each record, in this order of importance.
fn hash_all(context: &Ordering<'_>) -> Result<Sorter<(u64, u64, u64, u64)>> {
    let (database, spill) = (context.database, context.spill);
    let memory = hashing_memory(spill.budget().available(), database.len(), context.beside);
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

/// Puts the residues of all records into the table.
fn write_residues(context: &Ordering<'_>, order: &Order, ranks: &[u32]) -> Result<()> {
    let database = context.database;
    database.owned_slots().try_for_each(|slots| {
        let (mut folded, mut scratch) = (Vec::new(), Vec::new());
        database.visit_sequences(slots?, |ordinal, _, sequence| {
            let rank = ranks[ordinal as usize] as usize;
            folded.clear();
            match sequence {
                Sequence::Whole(residues) if residues.len() as u64 <= LONGEST => {
                    (context.fold)(residues, &mut folded);
                }
                Sequence::Long(item) if item.length <= LONGEST => {
                    database.for_each_residues(ordinal, 0..item.length, |part| {
                        (context.fold)(part, &mut folded);
                        Ok(())
                    })?;
                }
                Sequence::Whole(_) | Sequence::Long(_) => {}
            }
            order.residues.write(rank, &folded, &mut scratch)
        })
    })
}
