//! Who is nearest to whom, as far as shared words tell.
//!
//! Of each sequence the words with the smallest hashes are taken, as a clustering does. The three smallest of them, as
//! numbers, put the records in order (a min-hash: records that have much in common are likely to have these in common
//! too), which gives each its **rank**. All words are sorted; among those that share one, each record is compared with
//! the first by rank and with the ones just before it, so that pairs are few however many share a word. A record's
//! **parent** is the one of a lower rank that it shares most words with, the first of them if there are more.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::{Comparison, Placing};
use crate::align::fold;
use crate::error::Result;
use crate::memory::budget::Lease;
use crate::read::blocks::blocks_memory;
use crate::read::scan::Sequence;
use crate::reduce::cluster::words::Words;
use crate::reduce::groups::{LEAST_SORT_MEMORY, sort_memory};
use crate::write::spill::{Sorted, Sorter};

/// No rank: a record without a copy of its own, or without a parent.
pub(super) const NONE: u32 = u32::MAX;
/// Words that a thread gathers before it passes them on.
const GATHERED: usize = 1 << 13;
/// Most records of a group of those that share a word; what is left of a larger one is another group.
const LARGEST: usize = 1 << 13;
/// Bytes of memory a record: its rank, and its parent.
const ENTRY: u64 = 4;

/// A number a record, and the memory of them.
#[derive(Debug)]
pub(super) struct PerRecord {
    pub(super) values: Vec<u32>,
    _lease: Lease,
}

impl PerRecord {
    pub(super) fn new(placing: &Placing<'_>, what: &'static str, count: u64, value: u32) -> Result<Self> {
        let lease = placing.spill.budget().lease(what, count * ENTRY)?;
        let values = vec![value; usize::try_from(count).unwrap_or(usize::MAX)];
        Ok(Self { values, _lease: lease })
    }
}

/// Beside what is held of each record: threads that look at records, and two sorters.
pub(super) fn least_memory(nominal: u32, threads: usize) -> u64 {
    blocks_memory(nominal, threads) + looking_memory(nominal, threads) + 3 * LEAST_SORT_MEMORY
}

/// The folded residues, the letters and the words of a record, and what waits to be passed on, for each thread.
fn looking_memory(nominal: u32, threads: usize) -> u64 {
    threads as u64 * (2 * u64::from(nominal) + 24 * u64::from(nominal) + (GATHERED * 16) as u64)
}

/// Smallest hashes, then a hash of the residues, then the ordinal.
type Key = (u64, u64, u64, u64);

/// What all threads pass on.
struct Gathered {
    keys: Sorter<Key>,
    words: Sorter<(u64, u64)>,
}

/// The rank of each record that has a copy of its own, by ordinal, and hash and ordinal of each word.
pub(super) fn sketch(placing: &Placing<'_>, comparison: &Comparison) -> Result<(PerRecord, Sorter<(u64, u64)>)> {
    let Placing { database, spill, shape, .. } = *placing;
    let records = database.len();
    let mut ranks = PerRecord::new(placing, "ranks of records", records, NONE)?;
    let reserve = 4 * ENTRY * records + least_memory(shape.sequence_block, rayon::current_num_threads());
    let keys = Sorter::new(spill, "smallest words of sequences", sort_memory(spill, 8, reserve))?;
    let words = Sorter::new(spill, "words of sequences", sort_memory(spill, 4, reserve))?;
    let shared = Mutex::new(Gathered { keys, words });
    {
        let _blocks = database.lease_blocks()?;
        let nominal = database.sequences().nominal;
        let looking = looking_memory(nominal, rayon::current_num_threads());
        let _looking = spill.budget().lease("words at hand", looking)?;
        database.owned_slots().try_for_each_init(
            || (Words::new(comparison.scoring, &comparison.words, false), Vec::new()),
            |(words, folded), slots| look(placing, comparison, slots?, (words, folded), &shared),
        )?;
    }
    let Gathered { keys, words } = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (rank, key) in (0..).zip(keys.finish()?) {
        ranks.values[key?.3 as usize] = rank;
    }
    Ok((ranks, words))
}

/// Looks at the records of a block that have a copy of their own.
fn look(
    placing: &Placing<'_>,
    comparison: &Comparison,
    slots: std::ops::Range<u64>,
    (words, folded): (&mut Words, &mut Vec<u8>),
    shared: &Mutex<Gathered>,
) -> Result<()> {
    let (mut keys, mut found) = (Vec::new(), Vec::with_capacity(GATHERED));
    let pass_on = |keys: &mut Vec<Key>, found: &mut Vec<(u64, u64)>| -> Result<()> {
        let mut gathered = shared.lock().unwrap_or_else(PoisonError::into_inner);
        keys.drain(..).try_for_each(|key| gathered.keys.push(key))?;
        found.drain(..).try_for_each(|word| gathered.words.push(word))
    };
    placing.database.visit_copies(slots, |ordinal, entry, sequence| {
        let residues = match sequence {
            _ if entry.is_shared() => return Ok(()),
            Sequence::Whole([]) => return Ok(()),
            Sequence::Whole(residues) => residues,
            // It has blocks of its own, wherever these are.
            Sequence::Long(_) => {
                keys.push((u64::MAX, u64::MAX, u64::MAX, ordinal));
                return Ok(());
            }
        };
        folded.clear();
        fold(residues, comparison.scoring, folded);
        let hashes = words.select(folded);
        let hash = |at: usize| hashes.get(at).map_or(u64::MAX, |word| word.hash);
        let key = match hashes {
            // Without words, by how it begins.
            [] => (u64::MAX, beginning(residues)),
            _ => (hash(0), hash(1) >> 32 << 32 | hash(2) >> 32),
        };
        keys.push((key.0, key.1, xxh3_64(residues), ordinal));
        found.extend(hashes.iter().map(|word| (word.hash, ordinal)));
        if found.len() + comparison.most > GATHERED || keys.len() >= GATHERED / 4 {
            pass_on(&mut keys, &mut found)?;
        }
        Ok(())
    })?;
    pass_on(&mut keys, &mut found)
}

/// The first eight residues, so that they sort like the sequences do. Less than all ones, as no residue is.
fn beginning(residues: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = residues.len().min(8);
    bytes[..length].copy_from_slice(&residues[..length]);
    u64::from_be_bytes(bytes)
}

/// The parent of each rank, lower than itself; [`NONE`] if it has none.
pub(super) fn parents(
    placing: &Placing<'_>,
    comparison: &Comparison,
    ranks: &PerRecord,
    words: Sorter<(u64, u64)>,
) -> Result<PerRecord> {
    let spill = placing.spill;
    let mut parents = PerRecord::new(placing, "records that others are tied to", placing.database.len(), NONE)?;
    let words = words.finish()?;
    let reserve = 2 * ENTRY * placing.database.len();
    let mut pairs = Sorter::new(spill, "pairs of records that share words", sort_memory(spill, 2, reserve))?;
    connect(comparison.before, words, ranks, &mut pairs)?;
    let mut best = (0_u64, 0_u64);
    let mut run = (u64::MAX, 0_u64);
    for pair in pairs.finish()? {
        let pair = pair?;
        run = if run.0 == pair { (pair, run.1 + 1) } else { (pair, 1) };
        // Of those that share as many, the first came first.
        if best.0 >> 32 != pair >> 32 || run.1 > best.1 {
            best = (pair, run.1);
            parents.values[(pair >> 32) as usize] = pair as u32;
        }
    }
    Ok(parents)
}

/// Gives each record of each group those it is compared with: its rank and theirs, in one number.
fn connect(before: usize, words: Sorted<(u64, u64)>, ranks: &PerRecord, pairs: &mut Sorter<u64>) -> Result<()> {
    let (mut hash, mut group) = (None, Vec::new());
    let mut end = |group: &mut Vec<u32>| -> Result<()> {
        group.sort_unstable();
        for (at, &rank) in group.iter().enumerate().skip(1) {
            let near = at.saturating_sub(before).max(1)..at;
            for &other in group[..1].iter().chain(&group[near]) {
                pairs.push(u64::from(rank) << 32 | u64::from(other))?;
            }
        }
        group.clear();
        Ok(())
    };
    for word in words {
        let (next, ordinal) = word?;
        if hash != Some(next) || group.len() == LARGEST {
            end(&mut group)?;
            hash = Some(next);
        }
        group.push(ranks.values[ordinal as usize]);
    }
    end(&mut group)
}
