//! Reading ahead: who asks for blocks one after the other gets the next ones from memory.
//!
//! The kernel's own read-ahead does not know what a block is. Left to itself it reads up to `read_ahead_kb` (128 KiB
//! usually, 8 MiB on some machines) around the first touch of a mapped page, though a lookup needs 10 KiB of it. So it
//! is switched off for files that are open for lookups, and each block that is decoded alone is asked for by itself:
//! one read, of its own bytes. Blocks that come one after the other are a run; then the ones that follow are asked for
//! before they are needed, in a window that doubles from [`FIRST`] blocks up to [`MOST_BYTES`]. Several runs are
//! followed at a time, as threads share a pass between them.
//!
//! What is asked for comes into the system's cache, not into the process: it takes nothing of the budget. Where that
//! cache is small, as in a control group a little larger than the budget, all windows together are smaller than it. A
//! call brings at most as much as the kernel would read ahead, so it is asked for in pieces of the least that kernels
//! have ([`PIECE`]).
//!
//! Costs a lock and a few comparisons a decoded block, and a call to the system for each that is not part of a run.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Bytes that one call asks for: more may be ignored where `read_ahead_kb` has its usual value.
pub(crate) const PIECE: u64 = 128 << 10;
/// Blocks of the first window of a run.
const FIRST: u64 = 4;
/// Decoded bytes of the largest window.
const MOST_BYTES: u64 = 1 << 20;
/// Runs that are followed at a time.
const RUNS: usize = 8;
/// Threads that share a run take its blocks not quite in order.
const NEAR: u64 = 8;
/// Blocks one after the other that are a run.
const LEAST_RUN: u64 = 2;

/// What to ask the system for when a block is decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// This block: it is not part of a run.
    Alone,
    /// These blocks, which follow.
    Next(Range<u64>),
    /// Nothing: it has been asked for.
    Nothing,
}

/// Finds runs in the numbers of blocks that are decoded.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    /// Most blocks of a window.
    most: u64,
    runs: Mutex<Vec<Run>>,
}

/// A run, or a block that may begin one. The last one of the list was used last.
#[derive(Debug, Clone, Copy)]
struct Run {
    next: u64,
    /// Up to here blocks have been asked for.
    until: u64,
    length: u64,
    window: u64,
}

impl ReadAhead {
    /// For one of `streams` streams, of blocks of up to `nominal` bytes. All windows of all of them, with the one
    /// before, are within `page_cache` decoded bytes, if a block for each is.
    pub(crate) fn new(nominal: u32, streams: u64, page_cache: Option<u64>) -> Self {
        let share = page_cache.map_or(u64::MAX, |bytes| bytes / (2 * RUNS as u64 * streams.max(1)));
        let most = (MOST_BYTES.min(share) / u64::from(nominal.max(1))).max(1);
        Self { most, runs: Mutex::new(Vec::with_capacity(RUNS)) }
    }

    /// Takes note of a block that is about to be decoded.
    pub(crate) fn observe(&self, block: u64) -> Ask {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let near = |run: &Run| run.next.saturating_sub(NEAR) <= block && block <= run.next.saturating_add(NEAR);
        let Some(at) = runs.iter().rposition(near) else {
            if runs.len() == RUNS {
                runs.remove(0);
            }
            let next = block.saturating_add(1);
            runs.push(Run { next, until: next, length: 1, window: FIRST.min(self.most) });
            return Ask::Alone;
        };
        let mut run = runs.remove(at);
        let asked = if block < run.next {
            // An earlier one, late, or the same again.
            if run.length >= LEAST_RUN { Ask::Nothing } else { Ask::Alone }
        } else {
            let was_asked_for = block < run.until;
            run.next = block.saturating_add(1);
            run.length = run.length.saturating_add(1);
            run.ask().unwrap_or(if was_asked_for { Ask::Nothing } else { Ask::Alone })
        };
        if let Ask::Next(_) = asked {
            run.window = (2 * run.window).min(self.most);
        }
        runs.push(run);
        asked
    }
}

impl Run {
    /// The next window, once half of the one before has been used; with the block itself if nobody has asked for it.
    fn ask(&mut self) -> Option<Ask> {
        if self.length < LEAST_RUN || self.until >= self.next.saturating_add(self.window.div_ceil(2)) {
            return None;
        }
        let start = self.until.max(self.next - 1);
        self.until = self.next.saturating_add(self.window);
        Some(Ask::Next(start..self.until))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOMINAL: u32 = 16 << 10;

    #[test]
    fn a_run_gets_growing_windows_without_gaps() {
        let ahead = ReadAhead::new(NOMINAL, 1, None);
        assert_eq!(ahead.observe(100), Ask::Alone);
        assert_eq!(ahead.observe(101), Ask::Next(101..106));
        let (mut until, mut largest) = (106, 0);
        for block in 102..10_000 {
            if let Ask::Next(range) = ahead.observe(block) {
                assert_eq!(range.start, until);
                until = range.end;
                largest = largest.max(range.end - range.start);
            }
            assert!(until > block, "{block} was not asked for");
            assert!(until - block <= MOST_BYTES / u64::from(NOMINAL) + 1, "{block}");
        }
        assert!(largest >= MOST_BYTES / u64::from(NOMINAL) / 2);
    }

    #[test]
    fn lookups_here_and_there_are_no_run() {
        let ahead = ReadAhead::new(NOMINAL, 1, None);
        for step in 0..1000_u64 {
            assert_eq!(ahead.observe(step * 7919 % 100_003 * 20), Ask::Alone);
        }
        // The same one again and again is none either.
        assert_eq!((ahead.observe(5), ahead.observe(5), ahead.observe(5)), (Ask::Alone, Ask::Alone, Ask::Alone));
    }

    #[test]
    fn threads_that_share_a_pass_have_runs_of_their_own() {
        let ahead = ReadAhead::new(NOMINAL, 1, None);
        let mut asked = 0;
        for step in 0..500 {
            for start in [0, 10_000, 20_000, 30_000] {
                // Two of them swap neighbours.
                let block = start + if start < 20_000 { step ^ 1 } else { step };
                asked += u32::from(matches!(ahead.observe(block), Ask::Next(_)));
            }
        }
        assert!((20..200).contains(&asked), "{asked} calls");
    }

    #[test]
    fn all_windows_fit_a_small_page_cache() {
        for (page_cache, least) in [(64 << 20, 1 << 20), (6 << 20, 1 << 17), (1 << 20, 1 << 14)] {
            let streams = [(); 3].map(|()| ReadAhead::new(NOMINAL, 3, Some(page_cache)));
            // What is asked for and not used yet, in every run of every stream, after each block.
            let mut outstanding = [[0; RUNS]; 3];
            let (mut most, mut widest) = (0, 0);
            for step in 0..1000 {
                for (stream, ahead) in streams.iter().enumerate() {
                    for run in 0..RUNS {
                        let block = run as u64 * 1_000_000 + step;
                        if let Ask::Next(range) = ahead.observe(block) {
                            outstanding[stream][run] = range.end;
                            widest = widest.max((range.end - range.start) * u64::from(NOMINAL));
                        }
                        let unused = |(run, end): (usize, &u64)| end.saturating_sub(run as u64 * 1_000_000 + step);
                        let blocks: u64 = outstanding.iter().flat_map(|runs| runs.iter().enumerate().map(unused)).sum();
                        most = most.max(blocks * u64::from(NOMINAL));
                    }
                }
            }
            assert!(most <= page_cache, "{most} of {page_cache}");
            assert!(widest >= least / 2, "{widest}");
        }
    }

    #[test]
    fn blocks_as_large_as_a_window() {
        let ahead = ReadAhead::new(8 << 20, 1, None);
        assert_eq!((ahead.observe(0), ahead.observe(1)), (Ask::Alone, Ask::Next(1..3)));
        assert_eq!(ahead.observe(2), Ask::Next(3..4));
    }

    proptest! {
        // Whatever is asked: no block is asked for twice within a run, and never far ahead.
        #[test]
        fn windows_are_bounded(blocks in prop::collection::vec(prop_oneof![0_u64..40, any::<u64>()], 0..200)) {
            let ahead = ReadAhead::new(NOMINAL, 1, None);
            for block in blocks {
                if let Ask::Next(range) = ahead.observe(block) {
                    prop_assert!(range.start < range.end && range.start >= block);
                    prop_assert!(range.end - block <= MOST_BYTES / u64::from(NOMINAL) + 1);
                }
            }
        }
    }
}
