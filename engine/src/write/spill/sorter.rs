//! Sorting of more records than memory holds.

use rayon::prelude::*;

use super::plan::SortPlan;
use super::record::SortRecord;
use super::runs::Runs;
use super::sorted::{Sorted, Source};
use super::{FRAME, Spill};
use crate::error::Result;
use crate::memory::budget::Lease;

/// Sorts records with a fixed amount of memory; what comes out does not depend on it.
///
/// Records that fit are sorted where they are. Of more, each full memory becomes a sorted run in a temporary file,
/// written once and read once. One merge takes 64 KiB of the memory for each run; of more runs than that, as many as
/// must be are merged beforehand, and their records are written, read and on disk once more. With 64 MiB that begins at
/// about 60 GiB.
///
/// Sorting uses the threads of the rayon pool it is called in.
#[derive(Debug)]
pub struct Sorter<R> {
    spill: Spill,
    what: &'static str,
    records: Vec<R>,
    capacity: usize,
    fan_in: usize,
    runs: Option<Runs>,
    len: u64,
    /// After what it stands for, so that it is given back after it.
    lease: Lease,
}

impl<R: SortRecord> Sorter<R> {
    /// A sorter for `what` that takes `memory` bytes of the budget, at once. Fewer than about 330 KiB, with which two
    /// runs can be merged, are taken as that many.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if they are not free.
    pub fn new(spill: &Spill, what: &'static str, memory: usize) -> Result<Self> {
        const { assert!(R::SIZE > 0 && R::SIZE <= FRAME && size_of::<R>() > 0) };
        let SortPlan { memory, capacity, fan_in, .. } = SortPlan::with_frame::<R>(memory, spill.frame());
        let lease = spill.budget().lease(what, memory)?;
        let records = Vec::with_capacity(capacity);
        Ok(Self { spill: spill.clone(), what, records, capacity, fan_in, runs: None, len: 0, lease })
    }

    /// Adds `record`. If the memory is full, it is first sorted and written to disk. After an error the sorter is good
    /// for nothing but being dropped.
    ///
    /// # Errors
    /// [`Error::Space`](crate::Error::Space) if the disk is needed and refused, [`Error::Io`](crate::Error::Io).
    pub fn push(&mut self, record: R) -> Result<()> {
        if self.records.len() == self.capacity && !self.grow() {
            self.spill_records()?;
        }
        self.records.push(record);
        self.len += 1;
        Ok(())
    }

    /// Records added.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sorts what is in memory and, if there are runs on disk, merges them until one more merge remains, which happens
    /// as the records are taken. Memory that this does not need is given back.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`Error::Io`](crate::Error::Io) with
    /// [`InvalidData`](std::io::ErrorKind::InvalidData) if temporary data is not what was written.
    pub fn finish(mut self) -> Result<Sorted<R>> {
        if self.runs.is_some() {
            self.spill_records()?;
        }
        let Self { spill, mut records, fan_in, runs, len, mut lease, .. } = self;
        let (source, held) = match runs {
            None => {
                // On all threads, as nobody holds a lock here that another job could wait for; in `push` they do.
                records.par_sort_unstable();
                records.shrink_to_fit();
                let held = (records.capacity() * size_of::<R>()) as u64;
                (Source::Memory(records.into_iter()), held)
            }
            Some(runs) => {
                drop(records);
                let merged = runs.merge(fan_in)?;
                let held = Runs::read_memory(merged.runs(), spill.frame()) as u64;
                (Source::Disk(merged), held)
            }
        };
        // An allocator may round a capacity up, but nobody leases more for that.
        lease.resize(held.min(lease.bytes()))?;
        Ok(Sorted::new(source, len, lease))
    }

    /// Where nothing may go to disk, takes as much memory again if it is free.
    fn grow(&mut self) -> bool {
        let more = self.capacity;
        let bytes = (more * size_of::<R>()) as u64;
        let grown = !self.spill.is_allowed() && self.lease.resize(self.lease.bytes() + bytes).is_ok();
        // Of this size an allocation is moved by the system page by page, not copied.
        if !grown || self.records.try_reserve_exact(more).is_err() {
            return false;
        }
        self.capacity += more;
        true
    }

    fn spill_records(&mut self) -> Result<()> {
        self.spill.check_allowed(self.what, self.lease.bytes())?;
        let runs = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert(Runs::create(&self.spill, self.what)?),
        };
        self.records.sort_unstable();
        runs.write(&self.records)?;
        self.records.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Error;
    use crate::memory::budget::Budget;

    type Pair = (u64, u64);

    fn spill(budget: u64, limit: Option<u64>, frame: usize) -> Spill {
        Spill::with_frame(Budget::new(budget), std::env::temp_dir(), limit, frame)
    }

    fn sorter<R: SortRecord>(spill: &Spill, memory: usize, records: &[R]) -> Sorter<R> {
        let mut sorter = Sorter::new(spill, "a test", memory).unwrap();
        records.iter().for_each(|&record| sorter.push(record).unwrap());
        sorter
    }

    /// Pairs in no order, with repetitions.
    fn pairs(count: u64) -> Vec<Pair> {
        (0..count).map(|i| (i * 7919 % 1009, i % 3)).collect()
    }

    fn sorted<R: Ord>(mut records: Vec<R>) -> Vec<R> {
        records.sort();
        records
    }

    #[test]
    fn in_memory_without_a_file() {
        let spill = spill(1 << 20, Some(0), FRAME);
        let records = pairs(10_000);
        let sorter = sorter(&spill, 1 << 20, &records);
        assert_eq!((spill.budget().in_use(), sorter.len(), sorter.is_empty()), (1 << 20, 10_000, false));
        let mut iterator = sorter.finish().unwrap();
        assert!(spill.budget().in_use() < 200_000);
        assert_eq!(iterator.remaining(), 10_000);
        assert_eq!(iterator.by_ref().collect::<Result<Vec<_>>>().unwrap(), sorted(records));
        assert_eq!((iterator.remaining(), spill.peak_on_disk()), (0, 0));
        drop(iterator);
        assert_eq!(spill.budget().in_use(), 0);
        assert_eq!(Sorter::<Pair>::new(&spill, "nothing", 0).unwrap().finish().unwrap().count(), 0);
    }

    #[test]
    fn full_frames_on_disk() {
        let spill = spill(1 << 20, None, FRAME);
        let records = pairs(100_000);
        let iterator = sorter(&spill, 0, &records).finish().unwrap();
        assert!(spill.bytes_on_disk() > 0);
        assert_eq!(iterator.collect::<Result<Vec<_>>>().unwrap(), sorted(records));
        assert_eq!((spill.bytes_on_disk(), spill.budget().in_use()), (0, 0));
        assert!(spill.budget().peak() < 350_000);
    }

    #[test]
    fn merging_beforehand_is_no_more_than_needed() {
        let count = |runs: u64| {
            let spill = spill(1 << 20, None, 64);
            let sorter = Sorter::<Pair>::new(&spill, "a test", 0).unwrap();
            let (capacity, fan_in) = (sorter.capacity as u64, sorter.fan_in);
            drop(sorter);
            // Random words do not compress, so that bytes on disk are a measure of records.
            let noise = |i: u64| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15), i.wrapping_mul(0xbf58_476d_1ce4_e5b9));
            let iterator = self::sorter(&spill, 0, &(1..=runs * capacity).map(noise).collect::<Vec<_>>()).finish();
            assert_eq!((fan_in, iterator.unwrap().count() as u64), (2, runs * capacity));
            spill.peak_on_disk()
        };
        let run = count(2) / 2;
        assert_eq!(count(2), 2 * run);
        // Two of three are written again, then all of four; five make 2 + 2 + 3 beside their own.
        assert!(count(3).abs_diff(5 * run) < run / 4);
        assert!(count(4).abs_diff(8 * run) < run / 4);
        assert!(count(5).abs_diff(12 * run) < run / 4);
    }

    #[test]
    fn a_refused_lease_takes_nothing() {
        let spill = spill(300_000, None, FRAME);
        assert!(matches!(Sorter::<Pair>::new(&spill, "a test", 0), Err(Error::Memory { what: "a test", .. })));
        assert_eq!(spill.budget().in_use(), 0);
    }

    #[test]
    fn the_limit_is_kept() {
        let spill = spill(1 << 20, Some(500), 64);
        let mut sorter = Sorter::<Pair>::new(&spill, "a test", 0).unwrap();
        let error = pairs(1000).into_iter().find_map(|record| sorter.push(record).err()).unwrap();
        assert!(matches!(error, Error::Space { free: 0..=499, .. }));
        assert!(spill.peak_on_disk() <= 500);
        drop(sorter);
        assert_eq!((spill.bytes_on_disk(), spill.budget().in_use()), (0, 0));
    }

    #[test]
    fn damage_is_found() {
        let spill = spill(1 << 20, None, 64);
        // Two runs, which are only merged as records are taken, and four.
        for count in [24, 40] {
            let records = pairs(count);
            let whole = sorter(&spill, 0, &records).runs.unwrap().file().len();
            let mut late = 0;
            for at in 0..whole {
                let sorter = sorter(&spill, 0, &records);
                sorter.runs.as_ref().unwrap().file().flip(at);
                let Ok(mut iterator) = sorter.finish() else { continue };
                let good = iterator.by_ref().map_while(Result::ok).collect::<Vec<_>>();
                // The error was the item at which that stopped, and nothing follows it.
                assert!(good.len() < records.len(), "byte {at}");
                assert_eq!(good, sorted(records.clone())[..good.len()], "byte {at}");
                assert!(iterator.next().is_none() && iterator.remaining() == 0);
                late += 1;
            }
            assert_eq!(late > 0, count == 24);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_memory_gives_the_same(
            records in prop::collection::vec((0_u64..50, any::<u64>(), any::<u64>()), 0..600),
            memory in 0_usize..4000,
            frame in 24_usize..100,
        ) {
            let spill = spill(1 << 20, None, frame);
            let iterator = sorter(&spill, memory, &records).finish().unwrap();
            prop_assert_eq!(iterator.collect::<Result<Vec<_>>>().unwrap(), sorted(records.clone()));
            let pairs = records.iter().map(|record| (record.0, record.1 % 4)).collect::<Vec<_>>();
            let iterator = sorter(&spill, memory, &pairs).finish().unwrap();
            prop_assert_eq!(iterator.collect::<Result<Vec<_>>>().unwrap(), sorted(pairs));
            prop_assert_eq!((spill.budget().in_use(), spill.bytes_on_disk()), (0, 0));
        }
    }
}
