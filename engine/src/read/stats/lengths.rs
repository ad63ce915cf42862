//! How many records have which length, exactly.
//!
//! One more record of a length that has been met takes no memory, and records of `n` different lengths have about `n *
//! n / 2` residues or more: a hundred billion residues have fewer than half a million lengths.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::memory::budget::{Budget, Lease};

/// Memory for one length, with what the tree around it takes.
const LENGTH_MEMORY: u64 = 48;
/// Lengths whose memory is leased at a time.
const LENGTHS: u64 = 1024;

/// How many records have which length.
pub(super) struct Lengths {
    counts: BTreeMap<u64, u64>,
    /// Records that share a stored copy.
    pub(super) shared: u64,
    /// Records with a layout of their own.
    pub(super) irregular: u64,
    pub(super) deltas: u64,
    /// Records that are references, if it is the result of a reduction.
    pub(super) references: u64,
    /// Records without a representative.
    pub(super) unrepresented: u64,
    lease: Lease,
}

impl Lengths {
    /// None so far.
    pub(super) fn new(budget: &Budget) -> Result<Self> {
        let lease = budget.lease("lengths of records", LENGTHS * LENGTH_MEMORY)?;
        Ok(Self { counts: BTreeMap::new(), shared: 0, irregular: 0, deltas: 0, references: 0, unrepresented: 0, lease })
    }

    /// Adds records of one length.
    pub(super) fn add(&mut self, same: &[u64]) -> Result<()> {
        let Some(&length) = same.first() else { return Ok(()) };
        if self.counts.len() as u64 * LENGTH_MEMORY >= self.lease.bytes() {
            self.lease.resize(self.lease.bytes() + LENGTHS * LENGTH_MEMORY)?;
        }
        *self.counts.entry(length).or_insert(0) += same.len() as u64;
        Ok(())
    }

    /// The smallest; 0 without records.
    pub(super) fn shortest(&self) -> u64 {
        self.counts.first_key_value().map_or(0, |(&length, _)| length)
    }

    /// The largest; 0 without records.
    pub(super) fn longest(&self) -> u64 {
        self.counts.last_key_value().map_or(0, |(&length, _)| length)
    }

    /// Records.
    pub(super) fn records(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Residues, in 128 bits: the lengths of a hostile file may have any sum.
    pub(super) fn residues(&self) -> u128 {
        self.counts.iter().map(|(&length, &count)| u128::from(length) * u128::from(count)).sum()
    }

    /// The largest length such that records of at least that length hold half of all residues.
    pub(super) fn n50(&self) -> u64 {
        let (all, mut sum) = (self.residues(), 0);
        for (&length, &count) in self.counts.iter().rev() {
            sum += u128::from(length) * u128::from(count);
            if 2 * sum >= all {
                return length;
            }
        }
        0
    }

    /// The smallest length that at least this percentage of the records do not exceed.
    pub(super) fn quantile(&self, percentage: u64) -> u64 {
        let (all, mut sum) = (u128::from(self.records()), 0);
        for (&length, &count) in &self.counts {
            sum += u128::from(count);
            if 100 * sum >= u128::from(percentage) * all {
                return length;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::stats::QUANTILES;
    use proptest::prelude::*;

    proptest! {
        // Against the definitions, on a sorted list.
        #[test]
        fn quantiles_and_n50(lengths in prop::collection::vec(0_u64..50, 1..200)) {
            let mut counted = Lengths::new(&Budget::new(u64::MAX)).unwrap();
            for &length in &lengths {
                counted.add(&[length]).unwrap();
            }
            let mut sorted = lengths;
            sorted.sort_unstable();
            for percentage in QUANTILES {
                let rank = (percentage as usize * sorted.len()).div_ceil(100).max(1);
                prop_assert_eq!(counted.quantile(percentage), sorted[rank - 1]);
            }
            let total: u64 = sorted.iter().sum();
            let holds_half = |least: u64| 2 * sorted.iter().filter(|&&length| length >= least).sum::<u64>() >= total;
            prop_assert_eq!(counted.n50(), sorted.iter().copied().filter(|&length| holds_half(length)).max().unwrap());
        }
    }

    #[test]
    fn nothing() {
        let lengths = Lengths::new(&Budget::new(u64::MAX)).unwrap();
        assert_eq!((lengths.records(), lengths.residues(), lengths.n50(), lengths.quantile(50)), (0, 0, 0, 0));
        assert!(Lengths::new(&Budget::new(100)).is_err());
    }
}
