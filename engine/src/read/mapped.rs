//! A mapped file, and what is done about the part of it that every lookup uses: columns, directories, indexes.
//!
//! That part is small beside the blocks and read at random, so it gains from being in memory and in large pages. Pages
//! of the file's own are the system's and not of the budget. Reserved pages cannot hold a file's pages: they hold a
//! copy, which is leased, and which is what is then compared with checksums. What cannot be had is passed over for the
//! next best: the system's own large pages, then the usual ones. The blocks are never populated: a cold lookup would
//! read 2 MiB for 16 KiB.

use std::ops::Range;

use crate::memory::budget::{Budget, Lease};
use crate::memory::mapping::MappingReport;
use crate::memory::placement::Plan;
use crate::memory::settings::{HugePages, MemorySettings};
use crate::sys::anonymous::{AnonymousMemory, PageSize};
use crate::sys::map::{Advice, Mapping};

/// Parts of the file that are nearer than this are taken as one.
const GAP: usize = 64 << 10;

/// A mapped file.
#[derive(Debug)]
pub struct MappedFile {
    mapping: Mapping,
    /// Columns, directories and indexes, in order, without overlaps.
    hot: Vec<Range<usize>>,
    /// Copies of all of these, in the same order, or none.
    copies: Vec<Copy>,
    asked: HugePages,
    populate: bool,
    refused: Vec<String>,
}

#[derive(Debug)]
struct Copy {
    of: Range<usize>,
    memory: AnonymousMemory,
    _lease: Lease,
}

impl MappedFile {
    /// The file as it is mapped, in the usual pages.
    #[must_use]
    pub fn new(mapping: Mapping) -> Self {
        let (hot, copies, refused) = Default::default();
        Self { mapping, hot, copies, asked: HugePages::Off, populate: false, refused }
    }

    /// Bytes of the file.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.mapping.bytes().len() as u64
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Does what `settings` says about the parts `hot` of the file, which are inside it.
    pub fn prepare(&mut self, hot: &[Range<u64>], settings: &MemorySettings, budget: &Budget) {
        self.hot = joined(hot);
        self.asked = settings.mapping.huge_pages;
        self.populate = settings.mapping.populate;
        let reserved = match self.asked {
            HugePages::TwoMiB => Some(21),
            HugePages::OneGiB => Some(30),
            HugePages::Off | HugePages::Transparent => None,
        };
        if let Some(bits) = reserved {
            match self.copies(bits, budget, settings) {
                Ok((copies, refused)) => {
                    self.copies = copies;
                    self.refused = refused;
                }
                Err(reason) => self.refused.push(reason),
            }
        }
        if !self.copies.is_empty() {
            return;
        }
        let large = self.asked != HugePages::Off;
        for range in self.hot.clone() {
            if large && let Err(error) = self.mapping.ask_for_large_pages(range.clone()) {
                self.refuse(format!("large pages of the file: {error}"));
            }
            if (large || self.populate)
                && let Err(error) = self.mapping.populate(range)
            {
                self.refuse(format!("populating: {error}"));
            }
        }
    }

    /// Copies of all hot parts in reserved pages of `1 << bits` bytes and what was refused about their place, or why
    /// there are none.
    fn copies(&self, bits: u8, budget: &Budget, settings: &MemorySettings) -> Result<(Vec<Copy>, Vec<String>), String> {
        let page = PageSize::Reserved { bits };
        let name = if bits == 30 { "1G" } else { "2M" };
        let sizes = self.hot.iter().map(|range| page.round_up(range.len()).map(|bytes| bytes as u64));
        let all = sizes.sum::<Option<u64>>().unwrap_or(u64::MAX);
        // The work that the container is opened for needs memory too.
        if all > budget.free() / 2 {
            return Err(format!(
                "{name}: a copy of {all} bytes is more than half of the {} that are free",
                budget.free()
            ));
        }
        let plan = Plan::new(&settings.numa);
        let copy = |range: &Range<usize>| {
            let bytes = page.round_up(range.len()).map_or(u64::MAX, |bytes| bytes as u64);
            let lease = budget.try_lease("columns in reserved pages", bytes);
            let lease = lease.ok_or_else(|| format!("{name}: {bytes} bytes are not free in the budget"))?;
            let system = |error: std::io::Error| format!("{name}: {error}");
            let mut memory = AnonymousMemory::new(range.len(), page).map_err(system)?;
            plan.place_region(memory.as_slice());
            memory.populate().map_err(system)?;
            // It is read from front to back, once.
            self.mapping.advise(Advice::Sequential, range.start, range.len());
            let bytes = self.mapping.bytes().get(range.clone()).unwrap_or_default();
            memory.as_mut_slice()[..bytes.len()].copy_from_slice(bytes);
            self.mapping.advise(Advice::Random, range.start, range.len());
            Ok(Copy { of: range.clone(), memory, _lease: lease })
        };
        let copies = self.hot.iter().map(copy).collect::<Result<Vec<Copy>, String>>()?;
        Ok((copies, plan.report().refused))
    }

    fn refuse(&mut self, reason: String) {
        if !self.refused.contains(&reason) {
            self.refused.push(reason);
        }
    }

    /// The bytes `range` of the file, if it has them: from a copy if one has all of them.
    #[must_use]
    pub fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        for Copy { of, memory, .. } in &self.copies {
            if of.start <= range.start && range.end <= of.end {
                return memory.as_slice().get(range.start - of.start..range.end.checked_sub(of.start)?);
            }
        }
        self.mapping.bytes().get(range)
    }

    /// As [`Mapping::guard`].
    pub(crate) fn guard(&mut self) -> bool {
        self.mapping.guard()
    }

    /// As [`Mapping::is_guarded`].
    pub(crate) fn is_guarded(&self) -> bool {
        self.mapping.is_guarded()
    }

    /// As [`Mapping::was_hit`].
    pub(crate) fn was_hit(&self) -> bool {
        self.mapping.was_hit()
    }

    /// As [`Mapping::release`].
    pub(crate) fn release(&self) {
        self.mapping.release();
    }

    /// As [`Mapping::will_need`].
    pub fn will_need(&self, offset: usize, length: usize) {
        self.mapping.will_need(offset, length);
    }

    /// What came of it, read back from the system.
    #[must_use]
    pub fn report(&self) -> MappingReport {
        let mut report = MappingReport {
            mapped: true,
            asked: self.asked,
            populate: self.populate,
            bytes: self.hot.iter().map(|range| range.len() as u64).sum(),
            refused: self.refused.clone(),
            ..MappingReport::default()
        };
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
        let areas: Vec<_> = match &self.copies[..] {
            [] => self.hot.iter().map(|range| self.mapping.addresses(range.clone())).collect(),
            copies => copies.iter().map(|copy| copy.memory.addresses(copy.of.len())).collect(),
        };
        let unknown = areas.iter().filter(|&addresses| !report.add(&smaps, addresses)).count();
        if unknown > 0 {
            report.refused.push("the system does not say what pages there are".to_owned());
        }
        report
    }
}

/// The ranges in order, those that are near each other as one.
fn joined(ranges: &[Range<u64>]) -> Vec<Range<usize>> {
    let index = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    let mut sorted: Vec<_> = ranges.iter().map(|range| index(range.start)..index(range.end)).collect();
    sorted.retain(|range| !range.is_empty());
    sorted.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP) => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(length: usize) -> (MappedFile, Vec<u8>) {
        let bytes: Vec<u8> = (0..length).map(|index| (index / 7 % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        (MappedFile::new(Mapping::new(&file).unwrap()), bytes)
    }

    fn settings(huge_pages: HugePages) -> MemorySettings {
        let mut settings = MemorySettings::default();
        settings.mapping.huge_pages = huge_pages;
        settings
    }

    #[test]
    fn near_parts_are_joined() {
        let far = GAP as u64 + 11;
        assert_eq!(joined(&[far..far + 5, 0..10, 4..6, 3..3]), [0..10, GAP + 11..GAP + 16]);
        assert_eq!(joined(&[10..20, 0..10, 200_000..200_001]), [0..20, 200_000..200_001]);
        assert!(joined(&[]).is_empty());
    }

    /// Whatever pages the system has, the bytes are those of the file, and the report adds up.
    #[test]
    fn bytes_are_the_same_in_all_pages() {
        let budget = Budget::new(16 << 30);
        for asked in [HugePages::Off, HugePages::Transparent, HugePages::TwoMiB, HugePages::OneGiB] {
            let (mut mapped, bytes) = file(900_000);
            mapped.prepare(&[4096..500_000, 700_000..800_001], &settings(asked), &budget);
            for range in [0..10, 4096..4100, 499_990..500_000, 499_990..500_010, 0..900_000, 800_000..800_001, 5..5] {
                assert_eq!(mapped.get(range.clone()), bytes.get(range.clone()), "{asked:?} {range:?}");
            }
            assert_eq!(mapped.get(899_999..900_001), None);
            assert_eq!(mapped.get(usize::MAX - 1..usize::MAX), None);
            let report = mapped.report();
            assert_eq!((report.mapped, report.asked, report.bytes), (true, asked, 495_904 + 100_001));
            assert!(report.resident <= report.bytes.next_multiple_of(4096) + 8192, "{report}");
            match asked {
                HugePages::TwoMiB | HugePages::OneGiB => {
                    let copied = !mapped.copies.is_empty();
                    assert_eq!(copied, report.refused.is_empty(), "{report}");
                    assert_eq!(report.obtained(), if copied { report.bytes } else { 0 }, "{report}");
                    assert_eq!(budget.in_use() > 0, copied);
                }
                HugePages::Off | HugePages::Transparent => assert_eq!(budget.in_use(), 0),
            }
        }
        assert_eq!(budget.in_use(), 0);
    }

    #[test]
    fn a_budget_that_has_not_the_memory_gets_no_copy() {
        let budget = Budget::new(3 << 20);
        let (mut mapped, bytes) = file(100_000);
        mapped.prepare(std::slice::from_ref(&(0..100_000)), &settings(HugePages::TwoMiB), &budget);
        assert!(mapped.copies.is_empty());
        assert_eq!((mapped.get(0..100_000), budget.in_use()), (Some(&bytes[..]), 0));
        let report = mapped.report();
        assert!(report.refused[0].starts_with("2M: a copy of 2097152 bytes"), "{report}");
        // The next best brings it into memory.
        assert!(report.resident >= 100_000, "{report}");
    }

    #[test]
    fn populating_is_what_it_says() {
        let (mut mapped, _) = file(4 << 20);
        let mut settings = settings(HugePages::Off);
        settings.mapping.populate = true;
        mapped.prepare(std::slice::from_ref(&(0..3 << 20)), &settings, &Budget::new(0));
        let report = mapped.report();
        assert!(report.populate && report.refused.is_empty());
        assert_eq!((report.resident, report.bytes), (3 << 20, 3 << 20), "{report}");
    }
}
