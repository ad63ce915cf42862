//! Pages of the file that were read last, for items that are read one by one.
//!
//! Who is compared to whom is far from random: records are like others of about their length, which are near them, and
//! a few of them are compared to many. So nine of ten items are in few pages, and copying one from there takes a tenth
//! of the time that the system takes to read it. A page has one place where it may be, so that there is nothing to keep
//! in order: that finds 2 to 5 % fewer items than the best order would.
//!
//! Bytes are as trustworthy as those of the file: whoever reads an item compares its hash.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use crate::memory::budget::{Budget, Lease};

/// Bytes of a page.
const PAGE: usize = 4 << 10;
/// Memory at most, and the part of what is available that is taken at most.
const MOST: u64 = 8 << 20;
const SHARE: u64 = 16;
/// Bytes that are read past the pages.
const LONG: usize = 4 * PAGE;

/// The pages.
#[derive(Debug)]
pub(super) struct Pages {
    places: Vec<Mutex<Page>>,
    _lease: Lease,
}

/// A page, if there is one.
#[derive(Debug, Default)]
struct Page {
    number: Option<u64>,
    bytes: Vec<u8>,
}

impl Pages {
    /// Memory for pages of a file of so many bytes, if so much is available beside what others need.
    pub(super) fn memory(available: u64, keep: u64, bytes: u64) -> u64 {
        (available.saturating_sub(keep) / SHARE).min(MOST).min(bytes)
    }

    /// Places for pages of a file of so many bytes; none if there is no memory for them.
    pub(super) fn new(budget: &Budget, keep: u64, bytes: u64) -> Option<Self> {
        let memory = Self::memory(budget.available(), keep, bytes);
        let lease = budget.lease("pages of temporary data", memory).ok()?;
        let count = usize::try_from(memory).unwrap_or(usize::MAX) / PAGE;
        (count > 0).then(|| Self { places: (0..count).map(|_| Mutex::default()).collect(), _lease: lease })
    }

    /// Reads bytes of a file that has `end` of them, and does not change any more.
    pub(super) fn read(&self, file: &File, end: u64, mut into: &mut [u8], mut at: u64) -> io::Result<()> {
        if into.len() > LONG {
            return file.read_exact_at(into, at);
        }
        while !into.is_empty() {
            let (number, within) = (at / PAGE as u64, (at % PAGE as u64) as usize);
            let length = into.len().min(PAGE - within);
            let (part, rest) = into.split_at_mut(length);
            self.with(number, file, end, |page| part.copy_from_slice(&page[within..within + length]))?;
            (into, at) = (rest, at + length as u64);
        }
        Ok(())
    }

    /// Calls `with` with a page of the file.
    fn with(&self, number: u64, file: &File, end: u64, with: impl FnOnce(&[u8])) -> io::Result<()> {
        // Neighbouring pages have neighbouring places.
        let place = (number % self.places.len() as u64) as usize;
        let mut page = self.places[place].lock().unwrap_or_else(PoisonError::into_inner);
        if page.number != Some(number) {
            let start = number * PAGE as u64;
            page.number = None;
            page.bytes.resize(usize::try_from(end - start).unwrap_or(usize::MAX).min(PAGE), 0);
            file.read_exact_at(&mut page.bytes, start)?;
            page.number = Some(number);
        }
        with(&page.bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_are_those_of_the_file(
            length in 1_usize..100_000,
            places in 1_u64..9,
            reads in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..20_000), 1..60),
        ) {
            let bytes: Vec<u8> = (0..length).map(|at| (at / 251 + at) as u8).collect();
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(&bytes, 0).unwrap();
            let budget = Budget::new(SHARE * places * PAGE as u64);
            let pages = Pages::new(&budget, 0, u64::MAX).unwrap();
            prop_assert_eq!((pages.places.len() as u64, budget.in_use()), (places, places * PAGE as u64));
            for (start, most) in reads {
                let start = start.index(length);
                let end = (start + most).min(length);
                let mut found = vec![0; end - start];
                pages.read(&file, length as u64, &mut found, start as u64).unwrap();
                prop_assert_eq!(&found, &bytes[start..end]);
            }
        }
    }

    #[test]
    fn pages_need_memory_that_nobody_else_needs() {
        let budget = Budget::new(100 * SHARE * PAGE as u64);
        assert!(Pages::new(&budget, budget.limit() - SHARE * PAGE as u64 / 2, u64::MAX).is_none());
        assert_eq!(Pages::new(&budget, 0, 3 * PAGE as u64).unwrap().places.len(), 3);
        assert_eq!(budget.in_use(), 0);
    }

    #[test]
    fn a_page_that_is_not_there_is_an_error_each_time() {
        let file = tempfile::tempfile().unwrap();
        let pages = Pages::new(&Budget::new(1 << 20), 0, u64::MAX).unwrap();
        for _ in 0..2 {
            assert!(pages.read(&file, 10, &mut [0; 4], 2).is_err());
        }
        file.write_all_at(b"0123456789", 0).unwrap();
        let mut found = [0; 4];
        pages.read(&file, 10, &mut found, 2).unwrap();
        assert_eq!(&found, b"2345");
    }
}
