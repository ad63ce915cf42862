//! The choice of representatives from all links: as few as a greedy choice finds, or those that cover most.
//!
//! A representative covers itself and the records that are linked to it. The one that covers most of what is not
//! covered yet is chosen next, preferred ones before all others, of as many the one of lower rank: set cover, whose
//! greedy solution has at most `1 + ln n` times as many sets as the least one (Chvátal, Mathematics of Operations
//! Research 1979). What the later choices made superfluous is dropped then, and each other record joins the
//! representative with which it has most in common. A [selection](super::selecting) counts residues in place of
//! records, and may end before everything is covered.
//!
//! Takes [`MEMORY`] bytes of memory a record, and four in memory or on disk.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Context;
use super::assignment::Assignment;
use super::graph::{Graph, Neighbour};
use super::order::Order;
use super::selecting::Selecting;
use crate::error::Result;
use crate::write::spill::SpillColumn;

/// Bytes of memory a record: an item of the heap, and a place among the chosen ones.
pub(super) const MEMORY: u64 = size_of::<Item>() as u64 + 4;
/// The bit of a record's count that says that it is chosen.
const CHOSEN: u32 = 1 << 31;

/// A record that may be chosen: preference, what it covers at most, rank.
type Item = (Reverse<u16>, u64, Reverse<u32>);

/// How many records are covered by how many representatives.
struct Cover<'a> {
    graph: &'a Graph,
    /// What covering a rank is worth, if not the same for all.
    weights: Option<&'a [u64]>,
    /// By rank.
    counts: SpillColumn<u32>,
    scratch: Vec<u8>,
    neighbours: Vec<Neighbour>,
}

/// What to do with the record that covers most.
enum Verdict {
    Choose,
    /// Not now, but maybe in another run.
    Later,
    Never,
}

impl Cover<'_> {
    /// What a rank would cover that is not covered yet.
    fn gain(&mut self, rank: u32) -> Result<u64> {
        self.graph.neighbours(rank, &mut self.scratch, &mut self.neighbours)?;
        let open = |rank: u32| match self.counts[rank as usize] {
            0 => self.weights.map_or(1, |weights| weights[rank as usize]),
            _ => 0,
        };
        Ok(open(rank) + self.neighbours.iter().map(|neighbour| open(neighbour.member)).sum::<u64>())
    }

    /// Runs through the records of a heap, those first that cover most of what is not covered yet.
    fn run(
        &mut self,
        heap: &mut BinaryHeap<Item>,
        chosen: &mut Vec<u32>,
        mut verdict: impl FnMut(u32, u64) -> Result<Verdict>,
    ) -> Result<()> {
        let mut later = Vec::new();
        while let Some((preference, most, Reverse(rank))) = heap.pop() {
            // Gains only shrink, so that one that is still what it was is the largest.
            let gain = self.gain(rank)?;
            if gain < most {
                heap.push((preference, gain, Reverse(rank)));
                continue;
            }
            match verdict(rank, gain)? {
                Verdict::Choose => {
                    self.choose(rank);
                    chosen.push(rank);
                }
                Verdict::Later => later.push((preference, gain, Reverse(rank))),
                Verdict::Never => {}
            }
        }
        heap.extend(later);
        Ok(())
    }

    /// Chooses the rank whose gain was asked for last.
    fn choose(&mut self, rank: u32) {
        self.counts[rank as usize] += 1;
        self.counts[rank as usize] |= CHOSEN;
        self.neighbours.iter().for_each(|neighbour| self.counts[neighbour.member as usize] += 1);
    }

    /// Whether all that a rank covers is covered by others too.
    fn is_superfluous(&mut self, rank: u32) -> Result<bool> {
        self.graph.neighbours(rank, &mut self.scratch, &mut self.neighbours)?;
        let covered = |rank: u32| self.counts[rank as usize] & !CHOSEN > 1;
        Ok(covered(rank) && self.neighbours.iter().all(|neighbour| covered(neighbour.member)))
    }

    /// Drops the rank that was looked at last.
    fn drop_chosen(&mut self, rank: u32) {
        self.counts[rank as usize] = (self.counts[rank as usize] & !CHOSEN) - 1;
        self.neighbours.iter().for_each(|neighbour| self.counts[neighbour.member as usize] -= 1);
    }

    fn is_chosen(&self, rank: u32) -> bool {
        self.counts[rank as usize] & CHOSEN != 0
    }
}

/// Chooses representatives among the records that stand for themselves, and lets the others join them, or leaves them;
/// how many join.
pub(super) fn cover(
    context: &Context<'_>,
    order: &Order,
    graph: &Graph,
    assignment: &mut Assignment,
    mut selecting: Option<&mut Selecting<'_>>,
) -> Result<u64> {
    let records = order.ordinals.len();
    let _lease = context.spill.budget().lease("the choice of representatives", records as u64 * MEMORY)?;
    let weights = selecting.as_mut().and_then(|selecting| selecting.weights.take());
    let counts = SpillColumn::new(context.spill, "how often records are covered", records, 0, context.keep)?;
    let (scratch, neighbours) = (Vec::new(), Vec::new());
    let mut cover = Cover { graph, weights: weights.as_deref(), counts, scratch, neighbours };
    let everything = 0..records as u32;
    let mut items = Vec::with_capacity(records);
    for rank in everything.clone().filter(|&rank| assignment.is_representative(rank)) {
        items.push((Reverse(order.preference(context, rank)?), cover.gain(rank)?, Reverse(rank)));
    }
    let (mut heap, mut chosen) = (BinaryHeap::from(items), Vec::new());
    match selecting.as_deref_mut() {
        None => {
            cover.run(&mut heap, &mut chosen, |_, gain| Ok(if gain > 0 { Verdict::Choose } else { Verdict::Never }))?
        }
        Some(selecting) => {
            if selecting.waiting() > 0 {
                cover.run(&mut heap, &mut chosen, |rank, _| {
                    if !selecting.is_awaited(rank) {
                        return Ok(Verdict::Later);
                    }
                    selecting.choose(rank)?;
                    Ok(Verdict::Choose)
                })?;
            }
            cover.run(&mut heap, &mut chosen, |rank, gain| {
                if gain == 0 || !selecting.fits(rank)? {
                    return Ok(Verdict::Never);
                }
                selecting.choose(rank)?;
                Ok(Verdict::Choose)
            })?;
        }
    }
    drop(heap);
    for &rank in chosen.iter().rev() {
        if cover.is_superfluous(rank)? && selecting.as_deref_mut().is_none_or(|these| these.drop_reference(rank)) {
            cover.drop_chosen(rank);
        }
    }
    chosen.retain(|&rank| cover.is_chosen(rank));
    chosen.sort_unstable();
    for rank in chosen {
        graph.neighbours(rank, &mut cover.scratch, &mut cover.neighbours)?;
        for neighbour in &cover.neighbours {
            if !cover.is_chosen(neighbour.member) {
                assignment.offer(neighbour.member, rank, neighbour.fit(), neighbour.similarity);
            }
        }
    }
    let mut joined = 0;
    for rank in everything {
        match cover.counts[rank as usize] {
            // One that shares the lot of another with the same residues is not in the graph, and nobody covers it.
            0 if assignment.is_representative(rank) => assignment.leave(rank),
            0 => {}
            _ if cover.is_chosen(rank) => {}
            _ => {
                assignment.list(rank);
                joined += 1;
            }
        }
    }
    // The only records of a taxon may be the same as others.
    if let Some(selecting) = selecting.filter(|selecting| selecting.waiting() > 0) {
        for rank in 0..records as u32 {
            if selecting.is_awaited(rank) {
                selecting.choose(rank)?;
                assignment.stand(rank);
            }
        }
    }
    Ok(joined)
}
