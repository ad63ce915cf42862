//! What sorting comes to, before it begins: how many runs, how many merges, how many bytes on disk.
//!
//! A sorter divides its memory by this, so that what is foretold and what happens are one.

use std::collections::VecDeque;

use super::FRAME;
use super::frame;
use super::record::SortRecord;
use super::runs::{self, Runs};

/// How a sorter divides its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SortPlan {
    /// Bytes of memory.
    pub(crate) memory: u64,
    /// Records that are sorted in memory: those of a run.
    pub(super) capacity: usize,
    /// Runs that are merged at once.
    pub(super) fan_in: usize,
    frame: usize,
    /// Bytes of a record on disk.
    stored: usize,
}

/// What sorting so many records comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SortCost {
    /// Runs that full memories are written as; none if all records fit.
    pub(crate) runs: u64,
    /// Merges before the last one; each writes a run again.
    pub(crate) merges: u64,
    /// How often a record is read back at most: once for the last merge.
    pub(crate) passes: u64,
    /// Bytes on disk at most, at the end.
    pub(crate) disk: u64,
}

/// Runs of the same size that stand together: records of each, how many, how often they were merged.
type Alike = (u64, u64, u64);

impl SortPlan {
    /// A sorter of such records that is given `memory` bytes.
    pub(crate) fn new<R: SortRecord>(memory: usize) -> Self {
        Self::with_frame::<R>(memory, FRAME)
    }

    pub(super) fn with_frame<R: SortRecord>(memory: usize, frame: usize) -> Self {
        // A pass of merging reads and writes. The last one only reads, with as many runs.
        let beside_frames = Runs::write_memory(frame) + Runs::read_memory(0, frame);
        let memory = memory.max(beside_frames + 2 * frame);
        // While there are records, there is no reading.
        let capacity = ((memory - Runs::write_memory(frame)) / size_of::<R>()).max(1);
        Self { memory: memory as u64, capacity, fan_in: (memory - beside_frames) / frame, frame, stored: R::SIZE }
    }

    /// What sorting `records` comes to.
    pub(crate) fn cost(&self, records: u64) -> SortCost {
        let capacity = self.capacity as u64;
        if records <= capacity {
            return SortCost::default();
        }
        let full = (records / capacity, records % capacity);
        let mut left: VecDeque<Alike> = VecDeque::from([(capacity, full.0, 1), (full.1, full.1.min(1), 1)]);
        left.retain(|&(_, count, _)| count > 0);
        let runs = records.div_ceil(capacity);
        let mut cost = SortCost { runs, disk: left.iter().map(|&run| self.bytes(run)).sum(), ..SortCost::default() };
        let (mut count, fan_in) = (runs, self.fan_in as u64);
        while count > fan_in {
            let together = runs::merged_at_once(count, fan_in);
            // Merges of as many runs of the same size are counted together.
            let alike = left.front().map_or(0, |&(_, alike, _)| alike / together);
            let more = if together == fan_in { (count - fan_in) / (fan_in - 1) } else { 0 };
            let times = alike.min(more).max(1);
            let (mut size, mut passes, mut take) = (0, 0, together * times);
            while take > 0
                && let Some((of, alike, depth)) = left.pop_front()
            {
                let taken = alike.min(take);
                (size, passes, take) = (size + of * taken, passes.max(depth), take - taken);
                if alike > taken {
                    left.push_front((of, alike - taken, depth));
                }
            }
            let merged = (size / times, times, passes + 1);
            cost.disk = cost.disk.saturating_add(self.bytes(merged));
            cost.merges += times;
            count -= (together - 1) * times;
            left.push_back(merged);
        }
        cost.passes = left.iter().map(|&(_, _, depth)| depth).max().unwrap_or(0);
        cost
    }

    /// Bytes of runs on disk, if nothing can be compressed.
    fn bytes(&self, (records, count, _): Alike) -> u64 {
        let frames = records.div_ceil((self.frame / self.stored) as u64);
        let run = records.saturating_mul(self.stored as u64).saturating_add(frames * frame::HEADER as u64);
        run.saturating_mul(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Sorter, Spill};
    use super::*;
    use crate::memory::budget::Budget;

    #[test]
    fn what_fits_takes_no_disk() {
        let plan = SortPlan::new::<(u64, u64)>(1 << 20);
        assert_eq!((plan.memory, plan.cost(plan.capacity as u64)), (1 << 20, SortCost::default()));
        let one_more = plan.cost(plan.capacity as u64 + 1);
        assert_eq!((one_more.runs, one_more.merges, one_more.passes), (2, 0, 1));
    }

    #[test]
    fn no_number_is_too_large() {
        let plan = SortPlan::new::<(u64, u64)>(0);
        let cost = plan.cost(1 << 42);
        assert!(cost.passes > 20 && cost.disk > (20 * 16) << 42, "{cost:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn sorting_takes_what_was_foretold(
            memory in 300_usize..4000,
            numbers in prop::collection::vec(any::<u64>(), 0..3000),
        ) {
            let frame = 64;
            let spill = Spill::with_frame(Budget::new(1 << 20), std::env::temp_dir(), None, frame);
            let plan = SortPlan::with_frame::<(u64, u64)>(memory, frame);
            let cost = plan.cost(numbers.len() as u64);
            let mut sorter = Sorter::new(&spill, "numbers", memory).unwrap();
            prop_assert_eq!(spill.budget().in_use(), plan.memory);
            numbers.iter().for_each(|&number| sorter.push((number, !number.rotate_left(31))).unwrap());
            let sorted = sorter.finish().unwrap();
            prop_assert_eq!(spill.runs_written(), cost.runs + cost.merges);
            prop_assert!(spill.peak_on_disk() <= cost.disk);
            // Random bytes are stored as they are, but for the headers of frames that a run's end leaves smaller.
            prop_assert!(spill.peak_on_disk() >= cost.disk / 2);
            prop_assert_eq!(sorted.count(), numbers.len());
        }
    }
}
