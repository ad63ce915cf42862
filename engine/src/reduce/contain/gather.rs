//! By which word each record is looked up.
//!
//! Whatever holds a record holds each of its words, so one is enough: the rarest of those that were counted. A record
//! that has a word of its own is in nothing. Records that are shorter than the words that are counted are looked up by
//! their beginning, as long as their class of lengths allows.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::counts::Counts;
use super::index::{Entry, Index};
use super::letters::turn;
use super::source::{PART, Piece, Source};
use super::words::{Words, whole};
use crate::align::LONGEST;
use crate::error::Result;

/// Entries that a thread gathers before it passes them on.
const GATHERED: usize = 1024;
/// Memory of a thread for the entries that it gathers.
pub(super) const MEMORY: u64 = (GATHERED + 1) as u64 * size_of::<Entry>() as u64 + LONGEST;

/// Records of some lengths, and the words by which they are looked up.
pub(super) struct Class {
    pub(super) words: Words,
    /// Of the records.
    pub(super) lengths: Range<u64>,
    /// Of all words of this length, for records that may be long enough to choose one.
    pub(super) counts: Option<Counts>,
}

/// Gathers entries.
pub(super) struct Gathering<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) containers: &'a [AtomicU32],
    pub(super) both_strands: bool,
}

impl Gathering<'_> {
    /// Whether a record is the first one with its residues.
    fn is_distinct(&self, rank: u32) -> bool {
        self.containers[rank as usize].load(Ordering::Relaxed) == rank
    }

    /// Counts the words of all records.
    pub(super) fn count(&self, words: &Words, counts: &Counts, pieces: &[Piece]) -> Result<()> {
        pieces.par_iter().try_for_each_init(Vec::new, |read, piece| match *piece {
            Piece::Records(first, end) => self.source.records((first, end), read, |rank, residues| {
                if self.is_distinct(rank) {
                    counts.add(words, residues);
                }
                Ok(())
            }),
            Piece::Part(rank, ref part) => {
                if self.is_distinct(rank) {
                    self.part(rank, part, words, read)?;
                    counts.add(words, read);
                }
                Ok(())
            }
        })
    }

    /// The residues of the words that begin in a part of a long record.
    fn part(&self, rank: u32, part: &Range<u64>, words: &Words, read: &mut Vec<u8>) -> Result<()> {
        let end = (part.end + words.length() as u64 - 1).min(self.source.length(rank)?);
        self.source.stretch(rank, part.start..end, false, read)
    }

    /// Adds the entries of a class that begin in these pieces to the index, which has room for them.
    pub(super) fn gather(&self, class: &Class, pieces: &[Piece], index: &mut Index) -> Result<()> {
        let all = Mutex::new(&mut index.entries);
        let pass_on = |gathered: &mut Vec<Entry>| {
            all.lock().unwrap_or_else(PoisonError::into_inner).append(gathered);
        };
        pieces.par_iter().try_for_each_init(
            || (Vec::new(), Vec::new()),
            |(read, turned), piece| {
                let mut gathered = Vec::with_capacity(GATHERED);
                match *piece {
                    Piece::Records(first, end) => self.source.records((first, end), read, |rank, residues| {
                        if class.lengths.contains(&(residues.len() as u64)) && self.is_distinct(rank) {
                            self.short(class, rank, residues, turned, &mut gathered);
                            if gathered.len() >= GATHERED - 1 {
                                pass_on(&mut gathered);
                            }
                        }
                        Ok(())
                    })?,
                    Piece::Part(rank, Range { start: 0, .. }) if self.is_distinct(rank) => {
                        self.long(class, rank, read, &mut gathered)?;
                    }
                    Piece::Part(..) => {}
                }
                pass_on(&mut gathered);
                Ok(())
            },
        )
    }

    fn short(&self, class: &Class, rank: u32, residues: &[u8], turned: &mut Vec<u8>, gathered: &mut Vec<Entry>) {
        let Some(entry) = entry(class, rank, residues, false) else { return };
        gathered.push(entry);
        if self.both_strands {
            turned.clear();
            turned.extend_from_slice(residues);
            turn(turned);
            gathered.extend(entry_of_turned(class, rank, residues, turned));
        }
    }

    /// A long record is looked up by the rarest word of its beginning, if no word of all of it is its own.
    fn long(&self, class: &Class, rank: u32, read: &mut Vec<u8>, gathered: &mut Vec<Entry>) -> Result<()> {
        let Some(counts) = &class.counts else { return Ok(()) };
        let length = self.source.length(rank)?;
        let mut start = 0;
        while start < length {
            let part = start..length.min(start + PART);
            self.part(rank, &part, &class.words, read)?;
            if counts.has_own(&class.words, read) {
                return Ok(());
            }
            start = part.end;
        }
        let strands: &[bool] = if self.both_strands { &[false, true] } else { &[false] };
        for &reverse in strands {
            self.source.head(rank, reverse, read)?;
            gathered.extend(entry(class, rank, read, reverse));
        }
        Ok(())
    }
}

/// The entry of a reverse complement, unless it is the record itself.
fn entry_of_turned(class: &Class, rank: u32, residues: &[u8], turned: &[u8]) -> Option<Entry> {
    if residues == turned { None } else { entry(class, rank, turned, true) }
}

/// The entry of a record that has these residues, or begins with them; none if it is inside no other one.
fn entry(class: &Class, rank: u32, residues: &[u8], reverse: bool) -> Option<Entry> {
    let (mut own, mut best) = (false, None);
    match &class.counts {
        Some(counts) => counts.each_while(&class.words, residues, |at, hash, count| {
            own = count == 1;
            if best.is_none_or(|(least, of, _)| (count, hash) < (least, of)) {
                best = Some((count, hash, at));
            }
            !own
        }),
        None => class.words.each(residues.get(..class.words.length())?, |at, hash| best = Some((0, hash, at))),
    }
    let (_, hash, at) = best.filter(|_| !own)?;
    Some(Entry::new(hash, at, residues.len(), whole(residues), rank, reverse))
}
