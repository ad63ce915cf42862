//! The cheapest alignment of two short sequences, by dynamic programming with affine gaps (Gotoh, Journal of Molecular
//! Biology 1982).
//!
//! There are three states a cell: residues side by side, one inserted, one skipped. A trace keeps for each which state
//! was before, in two bits; of costs there is one row. So it takes a byte a cell, and there are at most [`CELLS`].

use super::costs::{GAP, INSERTED, NEVER, SKIPPED, SUBSTITUTIONS};
use super::{Run, push};

/// Most cells of a part that is aligned.
pub(super) const CELLS: usize = 1 << 20;

/// States of an alignment, and the bits of a cell's traces.
const BOTH: u8 = 0;
const INSERT: u8 = 1;
const SKIP: u8 = 2;

/// What one alignment leaves to the next: its memory.
#[derive(Debug, Default)]
pub(super) struct Table {
    traces: Vec<u8>,
    /// Costs of the row before, by state.
    row: Vec<[u32; 3]>,
}

/// Whether sequences of these lengths have no more cells than are aligned.
pub(super) fn fits(parent: usize, sequence: usize) -> bool {
    parent.saturating_add(1).saturating_mul(sequence.saturating_add(1)) <= CELLS
}

impl Table {
    /// Appends the cheapest alignment of both, which [`fits`].
    pub(super) fn align(&mut self, parent: &[u8], sequence: &[u8], runs: &mut Vec<Run>) {
        let width = parent.len() + 1;
        self.traces.clear();
        self.traces.resize(width * (sequence.len() + 1), 0);
        self.row.clear();
        self.row.push([0, NEVER, NEVER]);
        for column in 1..width {
            let cost = GAP + SKIPPED * u32::try_from(column).unwrap_or(NEVER);
            self.row.push([NEVER, NEVER, cost]);
            self.traces[column] = if column == 1 { BOTH << 4 } else { SKIP << 4 };
        }
        let costs = &**SUBSTITUTIONS;
        for (index, &residue) in sequence.iter().enumerate() {
            let costs = &costs[usize::from(residue & 127)];
            let traces = &mut self.traces[(index + 1) * width..(index + 2) * width];
            let mut diagonal = self.row[0];
            let (inserted, from) = least([diagonal[0] + GAP, diagonal[1], diagonal[2] + GAP]);
            self.row[0] = [NEVER, inserted + INSERTED, NEVER];
            traces[0] = from << 2;
            let mut before = self.row[0];
            for ((cell, trace), &other) in self.row[1..].iter_mut().zip(&mut traces[1..]).zip(parent) {
                let (both, from_both) = least(diagonal);
                let (insert, from_insert) = least([cell[0] + GAP, cell[1], cell[2] + GAP]);
                let (skip, from_skip) = least([before[0] + GAP, before[1] + GAP, before[2]]);
                diagonal = *cell;
                *cell = [both + u32::from(costs[usize::from(other & 127)]), insert + INSERTED, skip + SKIPPED];
                *trace = from_both | from_insert << 2 | from_skip << 4;
                before = *cell;
            }
        }
        let (mut at_s, mut at_p) = (sequence.len(), parent.len());
        let (_, mut state) = least(self.row[parent.len()]);
        let mut backwards = Vec::new();
        while at_s > 0 || at_p > 0 {
            let trace = self.traces[at_s * width + at_p];
            let run = match state {
                BOTH => {
                    (at_s, at_p) = (at_s - 1, at_p - 1);
                    state = trace & 3;
                    Run::Both(1)
                }
                INSERT => {
                    at_s -= 1;
                    state = trace >> 2 & 3;
                    Run::Insert(1)
                }
                _ => {
                    at_p -= 1;
                    state = trace >> 4 & 3;
                    Run::Skip(1)
                }
            };
            push(&mut backwards, run);
        }
        backwards.into_iter().rev().for_each(|run| push(runs, run));
    }
}

/// The smallest, the first of equal ones, and its index.
fn least(costs: [u32; 3]) -> (u32, u8) {
    let (mut best, mut state) = (costs[0], BOTH);
    if costs[1] < best {
        (best, state) = (costs[1], INSERT);
    }
    if costs[2] < best {
        (best, state) = (costs[2], SKIP);
    }
    (best, state)
}
