//! Who may represent whom: every pair of records that shares words is aligned, and what is similar enough is kept as a
//! link.
//!
//! Other than in `assign`, nothing is decided while records are aligned, so that a record may get a representative that
//! is shorter than itself, and a whole family one that is in its middle. That takes more alignments, and finds fewer
//! representatives (`cover`).
//!
//! Takes [`COLUMNS`] bytes a record, in memory or on disk. Links are sorted, and then stand in a temporary table,
//! twelve bytes each.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::asking::Asking;
use super::candidates::Edge;
use super::order::Order;
use super::plan::Round;
use super::{Context, Fit, sorting};
use crate::align::{AlignmentPool, reverse_complement};
use crate::error::Result;
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::similarity::Similarity;
use crate::write::spill::{Appender, SortRecord, Sorted, Sorter, SpillColumn, SpillTable};

/// Records that are aligned before the next ones are read.
const BATCH: usize = 4096;
/// Records that a thread takes at once.
const TOGETHER: usize = 16;
/// Bytes a record: how many links it has, and where they are.
pub(super) const COLUMNS: u64 = 4 + 8;

/// A record that may represent another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    pub(super) representative: u32,
    pub(super) member: u32,
    /// How the member fits the representative.
    pub(super) fit: i32,
    pub(super) similarity: Similarity,
}

impl SortRecord for Link {
    const SIZE: usize = 4 + Neighbour::SIZE;

    fn write(&self, into: &mut [u8]) {
        into[..4].copy_from_slice(&self.representative.to_le_bytes());
        into[4..]
            .copy_from_slice(&Neighbour { member: self.member, fit: self.fit, similarity: self.similarity }.bytes());
    }

    fn read(from: &[u8]) -> Self {
        let Neighbour { member, fit, similarity } = Neighbour::of_bytes(&from[4..]);
        Self { representative: word(from), member, fit, similarity }
    }
}

/// A record that another one may represent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Neighbour {
    pub(super) member: u32,
    fit: i32,
    pub(super) similarity: Similarity,
}

impl Neighbour {
    const SIZE: usize = 12;

    /// How the member fits the representative.
    pub(super) fn fit(&self) -> Fit {
        Fit::of_small(self.fit)
    }

    fn bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&self.member.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.fit.to_le_bytes());
        bytes[8..10].copy_from_slice(&self.similarity.identity().to_le_bytes());
        bytes[10..].copy_from_slice(&self.similarity.coverage().to_le_bytes());
        bytes
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let share = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let similarity = Similarity::new(share(8), share(10));
        Self { member: word(bytes), fit: word(&bytes[4..]) as i32, similarity }
    }
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// All links, by representative.
#[derive(Debug)]
pub(super) struct Graph {
    links: SpillTable,
}

/// Memory for sorting links. There are at most as many as this counts in each direction, and a fraction of that as a
/// rule.
fn links_memory(available: u64, records: u64, round: &Round) -> usize {
    sorting(available, 4, records.saturating_mul(round.tries as u64))
}

/// Links of so many records at most.
fn most_links(records: u64, round: &Round) -> u64 {
    records.saturating_mul(2 * round.tries as u64)
}

impl Graph {
    /// What aligning all pairs takes beside them and the aligners.
    pub(super) fn estimate(account: &mut Account, known: &Known, round: &Round, keep: u64) -> [Held; 2] {
        let counts = account.column(known.records, 4, keep);
        let memory = links_memory(account.available(), known.records, round);
        [counts, account.sort::<Link>("links of records", memory, most_links(known.records, round))]
    }

    /// What the links take, which stay.
    pub(super) fn estimate_table(account: &mut Account, known: &Known, round: &Round, keep: u64) -> [Held; 2] {
        let bytes = most_links(known.records, round).saturating_mul(Neighbour::SIZE as u64);
        let beside = SpillTable::beside(known.records);
        [account.column(known.records, 8, keep), account.table(bytes.saturating_add(beside), keep)]
    }

    /// Aligns all pairs; `edges` are those of `round`, or of several rounds.
    pub(super) fn new(
        context: &Context<'_>,
        order: &Order,
        round: &Round,
        pool: &AlignmentPool,
        edges: Sorted<Edge>,
    ) -> Result<Self> {
        let records = order.residues.len();
        let mut counts = SpillColumn::new(context.spill, "links of records", records, 0_u32, context.keep)?;
        let links = find_links(context, order, round, pool, edges, |link| counts[link.representative as usize] += 1)?;
        Self::of_links(context, &counts, links.finish()?)
    }

    /// A graph of sorted links, of which each rank has so many.
    pub(super) fn of_links(
        context: &Context<'_>,
        counts: &[u32],
        mut sorted: impl Iterator<Item = Result<Link>>,
    ) -> Result<Self> {
        let lengths = counts.iter().map(|&count| Ok(u64::from(count) * Neighbour::SIZE as u64));
        let (records, keep) = (counts.len() as u64, context.keep);
        let links = SpillTable::new(context.spill, "links by representative", records, keep, lengths)?;
        let (mut bytes, mut appender) = (Vec::new(), Appender::new(&links));
        for &count in counts {
            bytes.clear();
            for link in sorted.by_ref().take(count as usize) {
                let Link { member, fit, similarity, .. } = link?;
                bytes.extend_from_slice(&Neighbour { member, fit, similarity }.bytes());
            }
            appender.push(&bytes)?;
        }
        appender.finish()?;
        Ok(Self { links })
    }

    /// How many records a rank may represent.
    pub(super) fn degree(&self, rank: u32) -> usize {
        self.links.length(rank as usize) as usize / Neighbour::SIZE
    }

    /// The records that a rank may represent, in place of what is in `into`.
    pub(super) fn neighbours(&self, rank: u32, scratch: &mut Vec<u8>, into: &mut Vec<Neighbour>) -> Result<()> {
        into.clear();
        if self.degree(rank) > 0 {
            self.links.item(rank as usize, scratch)?;
            into.extend(scratch.chunks_exact(Neighbour::SIZE).map(Neighbour::of_bytes));
        }
        Ok(())
    }
}

/// Aligns all pairs of `edges`, which are sorted; calls `note` with each link that is found.
pub(super) fn find_links(
    context: &Context<'_>,
    order: &Order,
    round: &Round,
    pool: &AlignmentPool,
    edges: impl Iterator<Item = Result<Edge>>,
    note: impl FnMut(&Link) + Send,
) -> Result<Sorter<Link>> {
    let records = order.residues.len() as u64;
    let memory = links_memory(context.spill.budget().available(), records, round);
    let sorter = Sorter::new(context.spill, "links of records", memory)?;
    let shared = Mutex::new((sorter, note));
    let mut asking = Asking::all(order, edges, round);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        batch.clear();
        asking.by_ref().take(BATCH).try_for_each(|asking| asking.map(|asking| batch.push(asking)))?;
        let Some(last) = batch.last().map(|last| last.rank) else { break };
        let longest = batch.iter().map(|asking| order.length(asking.rank)).max().unwrap_or(0);
        let together = if context.one_aligner(longest) { BATCH } else { TOGETHER };
        batch.par_chunks(together).try_for_each(|part| -> Result<()> {
            let (mut aligning, mut found) = (Aligning::new(context, order, pool), Vec::new());
            part.iter().try_for_each(|asking| aligning.links(asking, round.tries, &mut found))?;
            let mut guard = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let (sorter, note) = &mut *guard;
            found.into_iter().try_for_each(|link| {
                note(&link);
                sorter.push(link)
            })
        })?;
        (context.progress)("aligning", u64::from(last), records);
    }
    Ok(shared.into_inner().unwrap_or_else(PoisonError::into_inner).0)
}

/// What a thread aligns with.
struct Aligning<'a> {
    context: &'a Context<'a>,
    order: &'a Order,
    pool: &'a AlignmentPool,
    record: Vec<u8>,
    turned: Vec<u8>,
    other: Vec<u8>,
}

impl<'a> Aligning<'a> {
    fn new(context: &'a Context<'a>, order: &'a Order, pool: &'a AlignmentPool) -> Self {
        Self { context, order, pool, record: Vec::new(), turned: Vec::new(), other: Vec::new() }
    }

    /// Aligns a record to its candidates, which come before it. One alignment says whether either of both may represent
    /// the other one.
    fn links(&mut self, asking: &Asking, tries: usize, found: &mut Vec<Link>) -> Result<()> {
        let Self { context, order, pool, record, turned, other } = self;
        let rank = asking.rank;
        let mut aligner = pool.acquire(order.length(rank))?;
        order.residues.item(rank as usize, record)?;
        turned.clear();
        for &(candidate, fit) in asking.candidates.iter().take(tries) {
            order.residues.item(candidate as usize, other)?;
            if fit.reverse && turned.is_empty() {
                reverse_complement(record, turned);
            }
            let own = if fit.reverse { &*turned } else { &*record };
            let (scoring, criterion) = (context.scoring, &context.criterion);
            let Some(alignment) = aligner.align(scoring, criterion, own, other, fit.diagonal) else { continue };
            let (own, other) = (own.len() as u32, other.len() as u32);
            let mut link = |representative, member, fit: Fit, accepted: Option<(u16, u16)>| {
                if let Some((identity, coverage)) = accepted {
                    let similarity = Similarity::new(identity, coverage);
                    found.push(Link { representative, member, fit: fit.small(), similarity });
                }
            };
            link(candidate, rank, fit, criterion.accepts(&alignment, own, other));
            // Those that are preferred less do not represent others.
            if order.preference(context, rank)? == order.preference(context, candidate)? {
                let turned = fit.turned(own.into(), other.into());
                link(rank, candidate, turned, criterion.accepts(&alignment.turned(), other, own));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn links_come_back(
            (representative, member, fit) in (any::<u32>(), any::<u32>(), any::<i32>()),
            (identity, coverage) in (0_u16..=10_000, 0_u16..=10_000),
        ) {
            let link = Link { representative, member, fit, similarity: Similarity::new(identity, coverage) };
            let mut bytes = [0; Link::SIZE];
            link.write(&mut bytes);
            prop_assert_eq!(Link::read(&bytes), link);
        }
    }
}
