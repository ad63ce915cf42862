//! What a script costs once it is compressed, about, in quarters of bits: as the streams of scripts came to on
//! proteins.

use std::sync::LazyLock;

use talaria_db_spec::delta::encode_substitution;

use super::{Run, for_each_run};

const MATCH: u32 = 2;
const CASE: u32 = 12;
const SUBSTITUTION: u32 = 15;
pub(super) const INSERTED: u32 = 17;
pub(super) const SKIPPED: u32 = 1;
pub(super) const GAP: u32 = 30;
/// A run of operations.
pub(super) const RUN: u32 = 11;
/// More than any alignment costs.
pub(super) const NEVER: u32 = u32::MAX / 4;

/// The cost of all columns of an alignment.
pub(super) fn cost(runs: &[Run], parent: &[u8], sequence: &[u8]) -> u32 {
    let mut cost = 0_u32;
    for_each_run(runs, parent, sequence, |run, parents, residues| {
        let more = match run {
            Run::Both(_) if parents == residues => RUN,
            Run::Both(_) => {
                RUN + parents.iter().zip(residues).map(|(&parent, &residue)| substitution(parent, residue)).sum::<u32>()
            }
            Run::Insert(count) => RUN + INSERTED.saturating_mul(u32::try_from(count).unwrap_or(NEVER)),
            Run::Skip(_) => 2 * RUN,
        };
        cost = cost.saturating_add(more);
    });
    cost
}

/// Costs of a residue (row) in place of another one (column).
pub(super) static SUBSTITUTIONS: LazyLock<Box<[[u8; 128]; 128]>> = LazyLock::new(|| {
    let mut costs = Box::new([[0; 128]; 128]);
    for (residue, row) in (0..).zip(costs.iter_mut()) {
        for (parent, cost) in (0..).zip(row.iter_mut()) {
            *cost = u8::try_from(cost_of(parent, residue)).unwrap_or(u8::MAX);
        }
    }
    costs
});

fn substitution(parent: u8, residue: u8) -> u32 {
    SUBSTITUTIONS[usize::from(residue & 127)][usize::from(parent & 127)].into()
}

fn cost_of(parent: u8, residue: u8) -> u32 {
    if parent == residue {
        return MATCH;
    }
    match encode_substitution(parent, residue) {
        32 => CASE,
        code @ 0..=63 => SUBSTITUTION + u32::from(code & 31).min(16),
        _ => SUBSTITUTION + 20,
    }
}
