//! Who stands for whom: greedy assignment, by rank.
//!
//! Each record that still stands for itself is aligned to its candidates, most shared words first; where a candidate
//! has a representative by now, to that one ([`super::search`]). What is found is entered in the [`Assignment`].
//!
//! Records are taken [`BATCH`] at a time. What their candidates before the batch are is settled, so that they are
//! aligned in parallel; candidates within the batch follow one by one. So the result does not depend on the number of
//! threads.

use rayon::prelude::*;

use super::Context;
use super::asking::Asking;
use super::assignment::Assignment;
use super::candidates::Edge;
use super::order::Order;
use super::plan::Round;
use super::search::{Looking, Scratch, Search, Turn};
use crate::align::{Aligner, AlignmentPool};
use crate::error::Result;
use crate::write::spill::Sorted;

/// Records that are assigned together. Part of what a reduction is: another number may give other clusters.
const BATCH: usize = 512;

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Assigned {
    /// Records that joined another one.
    pub(super) joined: u64,
    /// Records that were similar to another one, which their members were not.
    pub(super) refused: u64,
}

impl Assignment {
    /// Goes once through all pairs of records that share words.
    pub(super) fn assign(
        &mut self,
        context: &Context<'_>,
        order: &Order,
        round: &Round,
        pool: &AlignmentPool,
        edges: Sorted<Edge>,
    ) -> Result<Assigned> {
        let (mut assigned, mut batch) = (Assigned::default(), Vec::with_capacity(BATCH));
        for asking in Asking::all(order, edges, round) {
            let asking = asking?;
            let rank = asking.rank;
            batch.push(asking);
            if batch.len() == BATCH {
                self.assign_batch(context, order, round, pool, &mut batch, &mut assigned)?;
                (context.progress)("aligning", u64::from(rank), order.residues.len() as u64);
            }
        }
        self.assign_batch(context, order, round, pool, &mut batch, &mut assigned)?;
        Ok(assigned)
    }

    fn assign_batch(
        &mut self,
        context: &Context<'_>,
        order: &Order,
        round: &Round,
        pool: &AlignmentPool,
        batch: &mut Vec<Asking>,
        assigned: &mut Assigned,
    ) -> Result<()> {
        let Some(start) = batch.first().map(|asking| asking.rank) else { return Ok(()) };
        let longest = batch.iter().map(|asking| order.length(asking.rank)).max().unwrap_or(0);
        let together = if context.one_aligner(longest) { BATCH } else { 8 };
        let state = &*self;
        let look = |part: &[Asking]| -> Result<Vec<Search>> {
            let (mut scratch, mut searches) = (Scratch::default(), Vec::with_capacity(part.len()));
            let mut looking = Looking { context, order, state, scratch: &mut scratch };
            for asking in part {
                let mut aligner = pool.acquire(order.length(asking.rank))?;
                let mut search = Search::default();
                looking.search(&mut aligner, asking, Turn::Before(start), round.tries, &mut search)?;
                searches.push(search);
            }
            Ok(searches)
        };
        let searches: Vec<Vec<Search>> = batch.par_chunks(together).map(look).collect::<Result<_>>()?;
        let mut scratch = Scratch::default();
        for (asking, mut search) in batch.drain(..).zip(searches.into_iter().flatten()) {
            if search.found.is_none() {
                let mut aligner = pool.acquire(order.length(asking.rank))?;
                let mut looking = Looking { context, order, state: self, scratch: &mut scratch };
                looking.search(&mut aligner, &asking, Turn::From(start), round.tries, &mut search)?;
            }
            assigned.refused += search.refused;
            if let Some(joining) = search.found {
                self.join(asking.rank, joining);
                assigned.joined += 1;
            }
        }
        Ok(())
    }
}

/// Where two aligners would take most of the memory, there is one.
pub(super) fn is_alone(longest: u64, threads: usize, available: u64) -> bool {
    Aligner::memory(longest).saturating_mul(2 * threads as u64) > available
}

/// Memory of the aligners of all threads at most.
pub(super) fn aligning_memory(longest: u64, threads: usize, available: u64) -> u64 {
    let one = AlignmentPool::most_memory(longest);
    // Where there is one for the longest records, there are more for others, which take no more than half of what is
    // available.
    match is_alone(longest, threads, available) {
        true => one.max(available / 2 / 8 * 9),
        false => one.saturating_mul(threads as u64),
    }
}
