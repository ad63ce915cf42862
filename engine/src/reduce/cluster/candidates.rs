//! Who might be similar to whom: records that share words.
//!
//! All words of a round are sorted, so that those of one hash stand together, by rank. In such a group each record gets two candidates: the first
//! one, which is the longest or the preferred one, and the one before it. So there are never more than two candidates a word, however large a group is;
//! the second one leads to representatives that the first one is not similar to. Groups of more than [`LARGEST`] are cut into parts, and
//! each part's records get its own first one: words that occur so often are of repeats, or of one large family.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::assign::Assignment;
use super::order::Order;
use super::plan::Round;
use super::words::{Word, Words};
use super::{Context, Fit};
use crate::error::Result;
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::{sort_memory_of, sort_memory_within};
use crate::write::spill::{Sorted, Sorter};

/// Candidates that a record gets from a word at most.
const MOST_CANDIDATES: u64 = 2;
/// Most records of a group, or of a part of one.
const LARGEST: u32 = 1 << 13;
/// Most bytes for sorting words, and for sorting pairs. More would hardly be faster: runs are merged from the system's cache.
const MOST_SORTING: usize = 32 << 20;
/// Bytes of residues that a thread reads at once, unless one record has more.
const PIECE: u64 = 256 << 10;

/// A record, by rank; a record before it; and where it would fit that one, from one word.
pub(super) type Edge = (u64, u64);

/// Puts an edge together. Diagonals of sequences that are aligned have less than 32 bits.
fn edge(record: u32, candidate: u32, fit: Fit) -> Edge {
    (u64::from(record) << 32 | u64::from(candidate), fit.bits())
}

/// Takes an edge apart.
pub(super) fn parts((pair, fit): Edge) -> (u32, u32, Fit) {
    ((pair >> 32) as u32, pair as u32, Fit::of_bits(fit))
}

/// A part of the memory that is available, up to [`MOST_SORTING`] and to what so many items take.
fn sorting(available: u64, part: u64, count: u64) -> usize {
    sort_memory_within(available, part, 0).min(MOST_SORTING).min(sort_memory_of(count, size_of::<Edge>()))
}

/// Memory for sorting up to `most` words.
fn words_memory(available: u64, most: u64) -> usize {
    sorting(available, 3, most)
}

/// Memory for sorting the pairs that `words` words make.
fn edges_memory(available: u64, words: u64) -> usize {
    sorting(available, 4, words.saturating_mul(MOST_CANDIDATES))
}

/// What [`candidates`] takes, if no record has joined another one; the pairs stay.
pub(super) fn estimate(account: &mut Account, known: &Known, round: &Round, number: u32) -> Held {
    let most = known.records.saturating_mul(round.words as u64);
    // No residue begins two words.
    let count = most.min(known.residues);
    account.begin("comparing", Some(number), count, "words");
    let memory = words_memory(account.available(), most);
    let words = account.sort::<(u64, u64)>("words of sequences", memory, count);
    let (memory, pairs) = (edges_memory(account.available(), count), count.saturating_mul(MOST_CANDIDATES));
    let edges = account.sort::<Edge>("pairs of records that share words", memory, pairs);
    account.release([words]);
    edges
}

/// What a round compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) words: u64,
    pub(super) edges: u64,
    /// Words that so many records have that their groups were cut.
    pub(super) cut: u64,
}

/// The candidates of all records that still stand for themselves, by rank.
pub(super) fn candidates(
    context: &Context<'_>,
    order: &Order,
    assignment: &Assignment,
    round: &Round,
) -> Result<(Sorted<Edge>, Compared)> {
    let available = || context.spill.budget().available();
    let words = take_words(context, order, assignment, round)?;
    let mut compared = Compared { words: words.len(), ..Compared::default() };
    let words = words.finish()?;
    let mut edges =
        Sorter::new(context.spill, "pairs of records that share words", edges_memory(available(), compared.words))?;
    let span = round.pattern.len() as i64;
    let (mut hash, mut size) = (None, 0);
    let (mut first, mut last) = (None, None);
    for word in words {
        let (next, place) = word?;
        let place = Place::of_bits(place);
        if hash != Some(next) || size == LARGEST {
            compared.cut += u64::from(hash == Some(next));
            (hash, size, first, last) = (Some(next), 0, None, None);
        }
        size += 1;
        let mut connect = |candidate: Option<Place>| -> Result<()> {
            let Some(candidate) = candidate else { return Ok(()) };
            edges.push(edge(place.rank, candidate.rank, place.fit(&candidate, span)))
        };
        connect(first)?;
        if last != first {
            connect(last)?;
        }
        first = first.or(Some(place));
        last = Some(place);
    }
    compared.edges = edges.len();
    Ok((edges.finish()?, compared))
}

/// Where a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    rank: u32,
    position: u32,
    reverse: bool,
}

impl Place {
    fn bits(self) -> u64 {
        u64::from(self.rank) << 32 | u64::from(self.position) << 1 | u64::from(self.reverse)
    }

    fn of_bits(bits: u64) -> Self {
        Self { rank: (bits >> 32) as u32, position: (bits as u32) >> 1, reverse: bits & 1 == 1 }
    }

    /// Where this record fits the other one, if both have the word. Of a record that is turned around the diagonal is counted from its end, for
    /// which its length is missing here.
    fn fit(&self, other: &Self, span: i64) -> Fit {
        let (here, there) = (i64::from(self.position), i64::from(other.position));
        if self.reverse == other.reverse {
            Fit { diagonal: there - here, reverse: false }
        } else {
            Fit { diagonal: there + here + span, reverse: true }
        }
    }
}

fn take_words(
    context: &Context<'_>,
    order: &Order,
    assignment: &Assignment,
    round: &Round,
) -> Result<Sorter<(u64, u64)>> {
    let spill = context.spill;
    let most = order.residues.len() as u64 * round.words as u64;
    let sorter = Sorter::new(spill, "words of sequences", words_memory(spill.budget().available(), most))?;
    let shared = Mutex::new((sorter, 0));
    let pieces = pieces(order);
    pieces.par_windows(2).try_for_each_init(
        || (Words::new(context.scoring, round, context.both_strands), Vec::new(), Vec::new()),
        |(words, scratch, gathered), piece| {
            let ranks = piece[0] as usize..piece[1] as usize;
            order.residues.read(ranks.clone(), scratch, |rank, residues| {
                if assignment.is_representative(rank as u32) {
                    let place =
                        |word: &Word| Place { rank: rank as u32, position: word.position, reverse: word.reverse };
                    gathered.extend(words.select(residues).iter().map(|word| (word.hash, place(word).bits())));
                }
                Ok(())
            })?;
            let mut guard = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let (sorter, seen) = &mut *guard;
            *seen += ranks.len() as u64;
            (context.progress)("comparing", *seen, order.residues.len() as u64);
            gathered.drain(..).try_for_each(|word| sorter.push(word))
        },
    )?;
    Ok(shared.into_inner().unwrap_or_else(PoisonError::into_inner).0)
}

/// Where to cut the ranks so that what lies between two cuts is read at once.
fn pieces(order: &Order) -> Vec<u32> {
    let count = order.residues.len();
    let mut cuts = vec![0];
    let mut start = 0;
    for end in 1..=count {
        if end == count || order.residues.bytes(start..end + 1) > PIECE {
            cuts.push(end as u32);
            start = end;
        }
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        for place in [(0, 0, false), (u32::MAX, (1 << 31) - 1, true)] {
            let place = Place { rank: place.0, position: place.1, reverse: place.2 };
            assert_eq!(Place::of_bits(place.bits()), place);
        }
        for diagonal in [0, -70_000, 70_000] {
            for reverse in [false, true] {
                let fit = Fit { diagonal, reverse };
                assert_eq!(parts(edge(u32::MAX, 7, fit)), (u32::MAX, 7, fit));
            }
        }
    }

    #[test]
    fn a_word_on_the_other_strand_turns_the_record() {
        // ACGTT at 3 of one of 20 residues, and AACGT at 7 of the other: turned around, it begins at 20 - 5 - 3.
        let here = Place { rank: 1, position: 3, reverse: false };
        let there = Place { rank: 0, position: 7, reverse: true };
        let fit = here.fit(&there, 5);
        assert_eq!((fit.diagonal - 20, fit.reverse), (7 - 12, true));
    }
}
