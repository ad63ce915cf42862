//! The choice of representatives from all links: as few as a greedy choice finds.
//!
//! A representative covers itself and the records that are linked to it. The one that covers most of what is not covered yet is chosen next, preferred ones
//! before all others, of as many the one of lower rank: set cover, whose greedy solution has at most `1 + ln n` times as many sets as the least one (Chvátal,
//! Mathematics of Operations Research 1979). What the later choices made superfluous is dropped then, and each other record joins the representative
//! with which it has most in common.
//!
//! Takes [`MEMORY`] bytes a record.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Context;
use super::assign::Assignment;
use super::graph::Graph;
use super::order::Order;
use crate::error::Result;

/// Bytes of memory a record: an item of the heap, how often it is covered, and a place among the chosen ones.
pub(super) const MEMORY: u64 = 16 + 4 + 4;
/// The bit of a record's count that says that it is chosen.
const CHOSEN: u32 = 1 << 31;

/// How many records are covered by how many representatives.
struct Cover<'a> {
    graph: &'a Graph,
    /// By rank.
    counts: Vec<u32>,
    scratch: Vec<u8>,
    neighbours: Vec<super::graph::Neighbour>,
}

impl Cover<'_> {
    /// What a rank would cover that is not covered yet.
    fn gain(&mut self, rank: u32) -> Result<u64> {
        self.graph.neighbours(rank, &mut self.scratch, &mut self.neighbours)?;
        let own = u64::from(self.counts[rank as usize] == 0);
        let others = self.neighbours.iter().filter(|neighbour| self.counts[neighbour.member as usize] == 0).count();
        Ok(own + others as u64)
    }

    /// Chooses the rank whose gain was asked for last.
    fn choose(&mut self, rank: u32) {
        self.counts[rank as usize] += 1;
        self.counts[rank as usize] |= CHOSEN;
        self.neighbours.iter().for_each(|neighbour| self.counts[neighbour.member as usize] += 1);
    }

    /// Drops a rank if all that it covers is covered by others too.
    fn drop_superfluous(&mut self, rank: u32) -> Result<()> {
        self.graph.neighbours(rank, &mut self.scratch, &mut self.neighbours)?;
        let covered = |rank: u32| self.counts[rank as usize] & !CHOSEN > 1;
        if covered(rank) && self.neighbours.iter().all(|neighbour| covered(neighbour.member)) {
            self.counts[rank as usize] = (self.counts[rank as usize] & !CHOSEN) - 1;
            self.neighbours.iter().for_each(|neighbour| self.counts[neighbour.member as usize] -= 1);
        }
        Ok(())
    }

    fn is_chosen(&self, rank: u32) -> bool {
        self.counts[rank as usize] & CHOSEN != 0
    }
}

/// Chooses representatives among the records that stand for themselves, and lets the others join them; how many do.
pub(super) fn cover(context: &Context<'_>, order: &Order, graph: &Graph, assignment: &mut Assignment) -> Result<u64> {
    let records = order.residues.len();
    let _lease = context.spill.budget().lease("the choice of representatives", records as u64 * MEMORY)?;
    let mut cover = Cover { graph, counts: vec![0; records], scratch: Vec::new(), neighbours: Vec::new() };
    let standing = (0..records as u32).filter(|&rank| assignment.is_representative(rank));
    // Gains only shrink, so that one that is still what it was is the largest.
    let key = |rank, gain| Ok((Reverse(order.preference(context, rank)?), gain, Reverse(rank)));
    let mut heap: BinaryHeap<_> =
        standing.map(|rank| key(rank, graph.degree(rank) as u32 + 1)).collect::<Result<_>>()?;
    let mut chosen = Vec::new();
    while let Some((_, gain, Reverse(rank))) = heap.pop() {
        match cover.gain(rank)? as u32 {
            0 => {}
            now if now < gain => heap.push(key(rank, now)?),
            _ => {
                cover.choose(rank);
                chosen.push(rank);
            }
        }
    }
    drop(heap);
    chosen.iter().rev().try_for_each(|&rank| cover.drop_superfluous(rank))?;
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
    // Records that share the lot of one with the same residues are not in the graph, and nobody covers them.
    let joined = (0..records as u32).filter(|&rank| cover.counts[rank as usize] > 0 && !cover.is_chosen(rank));
    Ok(joined.inspect(|&rank| assignment.list(rank)).count() as u64)
}
