//! Looking up records in all others.
//!
//! Every record is gone through word by word. Where a word is one that records are looked up by, the residues around it
//! are hashed as far as these records reach, all of one shape at once, and only what has the same hash is compared.
//! Records are taken by rank, so that the first container that is found is nearly always the one that stays, and what
//! has one already is passed over.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rayon::prelude::*;

use super::index::{Entry, Index};
use super::letters::turn;
use super::source::{PART, Piece, Source};
use super::words::{Sums, Words};
use crate::align::LONGEST;
use crate::error::Result;

/// Words of a window that are looked at together.
const WORDS: usize = 1 << 13;
/// Pieces that are gone through before it is asked whether there is anything left to find.
const TOGETHER: usize = 64;

/// A record, or a part of a long one with all around it that may matter.
struct Window<'w> {
    rank: u32,
    residues: &'w [u8],
    /// Where in the record these residues begin.
    begin: u64,
    /// The words that are looked at, by their first residues.
    words: Range<usize>,
}

/// What a thread works with.
#[derive(Debug, Default)]
struct Scratch {
    read: Vec<u8>,
    sums: Sums,
    member: Vec<u8>,
    /// Places of words that may be ones that are looked for, and these words.
    likely: Vec<(usize, u64)>,
}

/// Memory that a thread takes for a window, the member that is compared, and words; `has_long` if there are long
/// records.
pub(super) const fn memory(has_long: bool) -> u64 {
    let window = if has_long { PART + 2 * LONGEST } else { LONGEST };
    // What is read of a long record is there as it was and folded, and so are two parts that are compared.
    let copies = if has_long { 5 * window } else { 0 };
    copies + Sums::memory(window) + LONGEST + WORDS as u64 * 16
}

/// The search for containers.
pub(super) struct Search<'a> {
    pub(super) source: &'a Source<'a>,
    /// The first container of each rank that was found, or itself; of a record with the same residues as an earlier
    /// one, that one.
    pub(super) containers: &'a [AtomicU32],
    pub(super) progress: &'a (dyn Fn(&'static str, u64, u64) + Sync),
}

impl Search<'_> {
    /// Finds the first container of all records of the index, and empties it.
    pub(super) fn run(&self, words: &Words, index: &mut Index, pieces: &[Piece]) -> Result<()> {
        index.prepare();
        self.search(words, index, pieces)?;
        index.entries.clear();
        Ok(())
    }

    fn search(&self, words: &Words, index: &Index, pieces: &[Piece]) -> Result<()> {
        let (seen, total) = (AtomicU64::new(0), self.containers.len() as u64);
        for some in pieces.chunks(TOGETHER) {
            let begins = some.first().map_or(0, Piece::first);
            if index.entries.iter().all(|entry| entry.rank <= begins || self.is_inside(entry.rank)) {
                break;
            }
            some.par_iter().try_for_each_init(Scratch::default, |scratch, piece| {
                self.piece(words, index, piece, scratch)?;
                let seen = seen.fetch_add(piece.records() as u64, Ordering::Relaxed);
                (self.progress)("searching", seen.min(total), total);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Whether it is known that a record is in another one.
    fn is_inside(&self, rank: u32) -> bool {
        self.containers[rank as usize].load(Ordering::Relaxed) < rank
    }

    fn piece(&self, words: &Words, index: &Index, piece: &Piece, scratch: &mut Scratch) -> Result<()> {
        let mut read = std::mem::take(&mut scratch.read);
        match *piece {
            Piece::Records(first, end) => self.source.records((first, end), &mut read, |rank, residues| {
                let words_of_it = (residues.len() + 1).saturating_sub(words.length());
                // What is in it is in its own container too, which comes first.
                if words_of_it == 0 || self.is_inside(rank) {
                    return Ok(());
                }
                let window = Window { rank, residues, begin: 0, words: 0..words_of_it };
                self.window(words, index, &window, scratch)
            })?,
            Piece::Part(rank, ref part) if !self.is_inside(rank) => {
                let (begin, end) = (part.start.saturating_sub(LONGEST), part.end + LONGEST);
                self.source.stretch(rank, begin..end.min(self.source.length(rank)?), false, &mut read)?;
                let last = (read.len() + 1).saturating_sub(words.length());
                let within = (part.start - begin) as usize..((part.end - begin) as usize).min(last);
                let window = Window { rank, residues: &read, begin, words: within };
                self.window(words, index, &window, scratch)?;
            }
            Piece::Part(..) => {}
        }
        scratch.read = read;
        Ok(())
    }

    fn window(&self, words: &Words, index: &Index, window: &Window<'_>, scratch: &mut Scratch) -> Result<()> {
        scratch.sums.clear();
        for start in window.words.clone().step_by(WORDS) {
            let end = window.words.end.min(start + WORDS) + words.length() - 1;
            let looked_at = window.residues.get(start..end).unwrap_or_default();
            let mut likely = std::mem::take(&mut scratch.likely);
            words.each(looked_at, |at, word| {
                if index.may_have(word) {
                    likely.push((start + at, word));
                }
            });
            for (at, word) in likely.drain(..) {
                let (first, after) = index.find(word);
                if first < after {
                    self.place(index, (first, after), window, at, scratch)?;
                }
            }
            scratch.likely = likely;
        }
        Ok(())
    }

    /// Looks for all records of the entries around their word.
    fn place(
        &self,
        index: &Index,
        (mut first, after): (usize, usize),
        window: &Window<'_>,
        at: usize,
        scratch: &mut Scratch,
    ) -> Result<()> {
        while first < after {
            let entry = index.entries[first];
            let same_shape = &index.entries[first..entry.next()];
            first = entry.next();
            if let [only] = same_shape
                && !self.is_wanted(only, window)
            {
                continue;
            }
            let Some(start) = at.checked_sub(entry.offset()) else { continue };
            let stretch = start..start + entry.length();
            if stretch.end > window.residues.len() {
                continue;
            }
            let whole = scratch.sums.of(window.residues, stretch.clone());
            let from = same_shape.partition_point(|entry| entry.whole < whole);
            for entry in same_shape[from..].iter().take_while(|entry| entry.whole == whole) {
                if self.is_wanted(entry, window) && self.is_there(entry, window, &stretch, &mut scratch.member)? {
                    self.containers[entry.rank as usize].fetch_min(window.rank, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }

    /// Whether a record may be inside this one, and has no earlier container yet.
    fn is_wanted(&self, entry: &Entry, window: &Window<'_>) -> bool {
        self.containers[entry.rank as usize].load(Ordering::Relaxed) > window.rank
    }

    /// Compares the residues themselves.
    fn is_there(
        &self,
        entry: &Entry,
        window: &Window<'_>,
        stretch: &Range<usize>,
        member: &mut Vec<u8>,
    ) -> Result<bool> {
        let length = self.source.length(entry.rank)?;
        if length > LONGEST {
            let from = window.begin + stretch.start as u64;
            return self.source.holds(window.rank, from, entry.rank, entry.is_reverse());
        }
        self.source.order.residues.item(entry.rank as usize, member)?;
        if entry.is_reverse() {
            turn(member);
        }
        Ok(window.residues[stretch.clone()] == member[..])
    }
}
