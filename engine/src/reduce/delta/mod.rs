//! Members of clusters as deltas: which record is told by which, and the delta stream.
//!
//! Clusters are coded one by one, many at a time in parallel. Of each, the representative is stored; a member is told
//! by the representative or by one of the members that were coded before, whichever makes the cheapest script among
//! those that share the most words with it. A member whose script is not cheaper than its residues is stored. Members
//! that are the same share one item or copy.
//!
//! A cluster that is larger than a window ([`WINDOW`]) is coded in windows, each with the representative; what a window
//! is does not depend on memory or threads, and neither do the bytes. Memory: a batch of windows and an aligner for
//! each thread, leased.

mod cluster;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;

use rayon::prelude::*;

use crate::align::script;
use crate::database::Database;
use crate::error::Result;
use crate::read::shared::SharedSequence;
use crate::reduce::Reduction;
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::exact::equal_long;
use crate::reduce::groups::{LEAST_SORT_MEMORY, Pairs};
use crate::reduce::rewrite::Marks;
use crate::reduce::similarity::{Pair, Similarity};
use crate::write::deltas::{DELTA_BLOCK, DeltaStream};
use crate::write::encode::Compression;
use crate::write::spill::{Sorter, Spill};
use cluster::{Coder, Sequence, Told};

/// Residues of the members of a window.
const WINDOW: u64 = 256 << 10;
/// Members of a window.
const MOST: usize = 2048;
/// Longer records are neither told nor do they tell others.
const LONGEST: u64 = 64 << 10;
/// Residues that are loaded together, if there is room.
const BATCH: u64 = 8 << 20;
/// Bytes of memory that a loaded record takes beside its residues, with its script.
const OVERHEAD: u64 = 512;
/// Members between two reports of progress.
const PROGRESS: u64 = 1 << 12;

/// How records are written that have no copy of their own.
pub(super) struct Plan {
    /// What is known of members that are told; none if all share their representative's copy.
    pub(super) told: Option<Members>,
    /// Owners of copies and records that share them, by owner.
    pub(super) pairs: Box<dyn Iterator<Item = Result<Pair>>>,
    /// (record, address), of deltas.
    pub(super) addresses: Sorter<(u64, u64)>,
}

/// What became of the members.
pub(super) struct Members {
    /// Records that have no copy of their own: shared ones and deltas.
    pub(super) later: Marks,
    /// Records that are deltas.
    pub(super) deltas: Marks,
    /// Records that share an earlier one's copy or item.
    pub(super) shared: Marks,
    /// The stream; none if nothing is a delta.
    pub(super) stream: Option<DeltaStream>,
}

impl Plan {
    /// All members share their representative's copy.
    pub(super) fn shared(pairs: Pairs, addresses: Sorter<(u64, u64)>) -> Self {
        Self { told: None, pairs: Box::new(pairs), addresses }
    }
}

/// The least memory that what was coded takes until the container is written.
pub(super) fn kept_memory(records: u64) -> u64 {
    3 * Marks::memory(records) + 2 * LEAST_SORT_MEMORY + DeltaStream::MEMORY
}

/// The least memory that coding takes beside, until it is done.
pub(super) fn least_memory(compression: Compression, threads: usize) -> u64 {
    least_batch() + coding_memory(compression, threads)
}

/// Of all threads.
fn coding_memory(compression: Compression, threads: usize) -> u64 {
    threads as u64 * coder_memory() + compression.memory(DELTA_BLOCK, threads)
}

/// A window and its representative, and the items that are made of it.
const fn least_batch() -> u64 {
    2 * (WINDOW + 2 * LONGEST) + MOST as u64 * OVERHEAD
}

/// An aligner, and the words of a window.
const fn coder_memory() -> u64 {
    script::MEMORY + words::memory(WINDOW)
}

/// What [`plan`] takes; what it finds stays.
pub(super) fn estimate(account: &mut Account, known: &Known, sort_memory: usize) -> Vec<Held> {
    let kept = vec![
        account.hold(Marks::memory(known.records).saturating_mul(3)),
        account.sort::<(u64, u64)>("records that share a copy", sort_memory, known.records),
        account.sort::<(u64, u64)>("addresses of members", sort_memory, known.records),
        // A delta is shorter than the residues that it tells.
        account.store(DeltaStream::MEMORY, DeltaStream::most_bytes(known.residues)),
    ];
    let coding = account.hold(coding_memory(known.shape.compression, account.threads));
    let most = account.hold(most_bytes(account.available()));
    account.release([most, coding]);
    kept
}

/// A part of a cluster.
struct Window {
    representative: u64,
    members: Vec<u64>,
    residues: u64,
}

/// Codes the members of all clusters, given as sorted pairs of representative and member, which are noted as they come.
/// Records without a representative are noted, and stored.
pub(super) fn plan(
    reduction: &Reduction<'_>,
    database: &Database,
    by_representative: Pairs,
    note: &mut dyn FnMut(Pair) -> Result<()>,
    sort_memory: usize,
    spill: &Spill,
) -> Result<Plan> {
    let compression = reduction.compression_of(database);
    let marks = || Marks::new(database.len(), database);
    // First, so that a batch takes its share of what is left.
    let coding = coding_memory(compression, rayon::current_num_threads());
    let _lease = database.budget().lease("coding deltas", coding)?;
    let mut planner = Planner {
        database,
        later: marks()?,
        deltas: marks()?,
        shared: marks()?,
        pairs: Sorter::new(spill, "records that share a copy", sort_memory)?,
        addresses: Sorter::new(spill, "addresses of members", sort_memory)?,
        stream: DeltaStream::new(compression, spill)?,
        coded: 0,
        batch: Vec::new(),
        bytes: 0,
        most: 0,
    };
    planner.most = most_bytes(database.budget().available());
    let (members, mut seen) = (database.len(), 0_u64);
    let mut window: Option<Window> = None;
    for pair in by_representative {
        let pair = pair?;
        note(pair)?;
        if pair.is_unrepresented() {
            continue;
        }
        let Pair { representative, member, .. } = pair;
        seen += 1;
        if seen % PROGRESS == 0 {
            (reduction.progress)("coding", seen, members);
        }
        if window.as_ref().is_some_and(|window| window.representative != representative)
            && let Some(full) = window.take()
        {
            planner.add(full)?;
        }
        let length = database.sequence_length(member)?;
        if length.max(database.sequence_length(representative)?) > LONGEST {
            planner.add_long(representative, member)?;
            continue;
        }
        let mut open = window.take().unwrap_or(Window { representative, members: Vec::new(), residues: 0 });
        open.members.push(member);
        open.residues += length;
        if open.residues >= WINDOW || open.members.len() >= MOST {
            planner.add(open)?;
        } else {
            window = Some(open);
        }
    }
    if let Some(last) = window {
        planner.add(last)?;
    }
    planner.finish()
}

/// A share of what is free.
fn most_bytes(available: u64) -> u64 {
    (available / 4).clamp(least_batch(), 2 * BATCH)
}

struct Planner<'d> {
    database: &'d Database,
    later: Marks,
    deltas: Marks,
    shared: Marks,
    pairs: Sorter<(u64, u64)>,
    addresses: Sorter<(u64, u64)>,
    stream: DeltaStream,
    coded: u64,
    batch: Vec<Window>,
    /// Memory of the batch.
    bytes: u64,
    most: u64,
}

impl Planner<'_> {
    fn add(&mut self, window: Window) -> Result<()> {
        let representative = self.database.sequence_length(window.representative)?;
        // Its residues, and what is made of them.
        let bytes = 2 * (window.residues + representative) + (window.members.len() as u64 + 1) * OVERHEAD;
        if !self.batch.is_empty() && self.bytes + bytes > self.most {
            self.code()?;
        }
        self.bytes += bytes;
        self.batch.push(window);
        Ok(())
    }

    /// A member that is too long to be told, unless it is the same as its representative.
    fn add_long(&mut self, representative: u64, member: u64) -> Result<()> {
        let length = self.database.sequence_length(member)?;
        if representative < member
            && length == self.database.sequence_length(representative)?
            && equal_long(self.database, representative, member, length)?
        {
            self.share(representative, member)?;
        }
        Ok(())
    }

    fn share(&mut self, owner: u64, record: u64) -> Result<()> {
        self.later.set(record);
        self.shared.set(record);
        self.pairs.push((owner, record))
    }

    /// Codes what is in the batch.
    fn code(&mut self) -> Result<()> {
        let (batch, database) = (std::mem::take(&mut self.batch), self.database);
        let _lease = database.budget().lease("members and their deltas", std::mem::take(&mut self.bytes))?;
        let ordinals: Vec<u64> = batch
            .iter()
            .flat_map(|window| std::iter::once(window.representative).chain(window.members.iter().copied()))
            .collect();
        let mut residues = database.residues_of(&ordinals)?.into_iter();
        let loaded: Vec<(u64, SharedSequence, Vec<Sequence>)> = batch
            .into_iter()
            .map(|window| {
                let mut next = || residues.next().unwrap_or_else(|| SharedSequence::from(Vec::new()));
                let representative = next();
                let members = window.members.into_iter().map(|ordinal| Sequence { ordinal, residues: next() });
                (window.representative, representative, members.collect())
            })
            .collect();
        let alphabet = database.alphabet();
        let coded: Vec<Vec<(u64, Told)>> = loaded
            .into_par_iter()
            .map_init(
                || Coder::new(alphabet),
                |coder, (ordinal, residues, members)| coder.code(&Sequence { ordinal, residues }, members),
            )
            .collect();
        for window in coded {
            self.keep(window)?;
        }
        self.stream.encode()
    }

    /// Takes what became of the members of a window.
    fn keep(&mut self, window: Vec<(u64, Told)>) -> Result<()> {
        let mut addresses: HashMap<u64, u64> = HashMap::new();
        for (record, told) in window {
            match told {
                Told::Stored => {}
                Told::Delta(item) => {
                    let address = self.stream.push(&item)?.bits();
                    addresses.insert(record, address);
                    self.coded += 1;
                    self.later.set(record);
                    self.deltas.set(record);
                    self.addresses.push((record, address))?;
                }
                Told::Same(owner) => match addresses.get(&owner) {
                    Some(&address) => {
                        self.later.set(record);
                        self.deltas.set(record);
                        self.shared.set(record);
                        self.addresses.push((record, address))?;
                    }
                    None => self.share(owner, record)?,
                },
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Plan> {
        if !self.batch.is_empty() {
            self.code()?;
        }
        self.stream.close()?;
        let stream = (self.coded > 0).then_some(self.stream);
        let told = Members { later: self.later, deltas: self.deltas, shared: self.shared, stream };
        let same = |(representative, member)| Pair { representative, member, similarity: Similarity::FULL };
        let pairs = Box::new(self.pairs.finish()?.map(move |pair| pair.map(same)));
        Ok(Plan { told: Some(told), pairs, addresses: self.addresses })
    }
}
