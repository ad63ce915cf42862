//! Who might be similar to whom: records that share words.
//!
//! All words of a round are sorted, so that those of one hash stand together, by rank. In such a group each record gets
//! two candidates: the first one, which is the longest or the preferred one, and the one before it; or three, the one
//! in the middle of those before it too. So there are never more candidates a word, however large a group is; the
//! others lead to representatives that the first one is not similar to. Groups of more than [`LARGEST`] are cut into
//! parts, and each part's records get its own first one: words that occur so often are of repeats, or of one large
//! family.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::assign::Assigned;
use super::assignment::Assignment;
use super::order::Order;
use super::plan::Round;
use super::wanted::Wanted;
use super::words::{Word, Words};
use super::{Context, Fit, RoundReport, sorting};
use crate::error::Result;
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::write::spill::{Sorted, Sorter};

/// Most records of a group, or of a part of one.
const LARGEST: usize = 1 << 13;
/// Places for a group at first: nearly all are smaller.
const GROUP_CAPACITY: usize = 64;
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

/// Memory for sorting up to `most` words.
fn words_memory(available: u64, most: u64) -> usize {
    sorting(available, 3, most)
}

/// Memory for sorting the pairs that `words` words make.
pub(super) fn edges_memory(available: u64, words: u64, hubs: Hubs) -> usize {
    sorting(available, 4, words.saturating_mul(hubs.most()))
}

/// Words of all records in a round at most.
fn most_words(records: u64, round: &Round) -> u64 {
    records.saturating_mul(round.words as u64)
}

/// What [`candidates`] takes, if no record has joined another one; the pairs stay.
pub(super) fn estimate(account: &mut Account, known: &Known, rounds: &[Round], hubs: Hubs, number: u32) -> Held {
    // No residue begins two words.
    let counts = || rounds.iter().map(|round| most_words(known.records, round).min(known.residues));
    account.begin("comparing", Some(number), counts().sum(), "words");
    let most = rounds.iter().map(|round| most_words(known.records, round)).sum();
    let (memory, pairs) = (edges_memory(account.available(), most, hubs), counts().sum::<u64>() * hubs.most());
    let edges = account.sort::<Edge>("pairs of records that share words", memory, pairs);
    for (round, count) in rounds.iter().zip(counts()) {
        let memory = words_memory(account.available(), most_words(known.records, round));
        let words = account.sort::<(u64, u64)>("words of sequences", memory, count);
        account.release([words]);
    }
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

impl Compared {
    /// The report of a round that so many representatives took part in.
    pub(super) fn report(self, representatives: u64, assigned: Assigned) -> RoundReport {
        RoundReport {
            representatives,
            words: self.words,
            pairs: self.edges,
            cut_groups: self.cut,
            joined: assigned.joined,
            refused: assigned.refused,
        }
    }
}

/// The candidates of all records that still stand for themselves, by rank. Records of an earlier result have none, but
/// may be candidates.
pub(super) fn candidates(
    context: &Context<'_>,
    order: &Order,
    assignment: &Assignment,
    rounds: &[Round],
    hubs: Hubs,
) -> Result<(Sorted<Edge>, Compared)> {
    let most = rounds.iter().map(|round| most_words(order.residues.len() as u64, round)).sum();
    let memory = edges_memory(context.spill.budget().available(), most, hubs);
    let mut edges = Sorter::new(context.spill, "pairs of records that share words", memory)?;
    let mut compared = Compared::default();
    for round in rounds {
        let words = take_words(context, order, assignment, round, hubs)?;
        compared.words += words.len();
        compared.cut += connect(words.finish()?, |rank| order.is_old(rank), round, hubs, &mut edges)?;
    }
    compared.edges = edges.len();
    Ok((edges.finish()?, compared))
}

/// Gives each record of each group its candidates, but those of an earlier result; how many groups were cut. `words`
/// are sorted.
pub(super) fn connect(
    words: impl Iterator<Item = Result<(u64, u64)>>,
    is_old: impl Fn(u32) -> bool,
    round: &Round,
    hubs: Hubs,
    edges: &mut Sorter<Edge>,
) -> Result<u64> {
    let span = round.pattern.len() as i64;
    let (mut hash, mut group, mut cut) = (None, Vec::with_capacity(GROUP_CAPACITY), 0);
    for word in words {
        let (next, place) = word?;
        let place = Place::of_bits(place);
        if hash != Some(next) || group.len() == LARGEST {
            cut += u64::from(hash == Some(next));
            hash = Some(next);
            group.clear();
        }
        // What an earlier result decided is not asked again.
        let candidates = if is_old(place.rank) { [None; 3] } else { hubs.of(&group) };
        for candidate in candidates.into_iter().flatten() {
            edges.push(edge(place.rank, candidate.rank, place.fit(&candidate, span)))?;
        }
        group.push(place);
    }
    Ok(cut)
}

/// Which records of a group the next one is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hubs {
    /// The first one and the one before it: they lead to their representatives.
    Two,
    /// The one in the middle of those before it too, so that others than the first ones are met by many: they are
    /// chosen among.
    Three,
}

impl Hubs {
    /// Candidates that a record gets from a word at most.
    const fn most(self) -> u64 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    fn of(self, group: &[Place]) -> [Option<Place>; 3] {
        let middle = (self == Self::Three && group.len() > 2).then(|| group[group.len() / 2]);
        [group.first().copied(), middle, group.last().copied().filter(|_| group.len() > 1)]
    }
}

/// Where a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) rank: u32,
    pub(super) position: u32,
    pub(super) reverse: bool,
}

impl Place {
    pub(super) fn bits(self) -> u64 {
        u64::from(self.rank) << 32 | u64::from(self.position) << 1 | u64::from(self.reverse)
    }

    pub(super) fn of_bits(bits: u64) -> Self {
        Self { rank: (bits >> 32) as u32, position: (bits as u32) >> 1, reverse: bits & 1 == 1 }
    }

    /// Where this record fits the other one, if both have the word. Of a record that is turned around the diagonal is
    /// counted from its end, for which its length is missing here.
    pub(super) fn fit(&self, other: &Self, span: i64) -> Fit {
        let (here, there) = (i64::from(self.position), i64::from(other.position));
        if self.reverse == other.reverse {
            Fit { diagonal: there - here, reverse: false }
        } else {
            Fit { diagonal: there + here + span, reverse: true }
        }
    }
}

/// The words of all records that still stand for themselves, by hash and rank.
pub(super) fn take_words(
    context: &Context<'_>,
    order: &Order,
    assignment: &Assignment,
    round: &Round,
    hubs: Hubs,
) -> Result<Sorter<(u64, u64)>> {
    let spill = context.spill;
    let most = order.residues.len() as u64 * round.words as u64;
    let sorter = Sorter::new(spill, "words of sequences", words_memory(spill.budget().available(), most))?;
    let shared = Mutex::new((sorter, 0));
    // Of an earlier result only words that new records have lead anywhere.
    let new = order.residues.len() as u64 - u64::from(order.old);
    let wanted = context.old.and_then(|_| Wanted::new(spill.budget(), new * round.words as u64));
    // Its members lead to their representatives, unless it is themselves who are chosen among.
    let takes = |rank: u32, of_old: bool| match order.is_old(rank) {
        true => of_old && (hubs == Hubs::Two || assignment.is_representative(rank)),
        false => !of_old && assignment.is_representative(rank),
    };
    take_some(
        context,
        order,
        round,
        &shared,
        |rank| takes(rank, false),
        |hash| {
            wanted.iter().for_each(|wanted| wanted.add(hash));
            true
        },
    )?;
    if context.old.is_some() {
        let has = |hash| wanted.as_ref().is_none_or(|wanted| wanted.has(hash));
        take_some(context, order, round, &shared, |rank| takes(rank, true), has)?;
    }
    Ok(shared.into_inner().unwrap_or_else(PoisonError::into_inner).0)
}

/// Takes those words that `keeps` says of those records that `takes` says.
fn take_some(
    context: &Context<'_>,
    order: &Order,
    round: &Round,
    shared: &Mutex<(Sorter<(u64, u64)>, u64)>,
    takes: impl Fn(u32) -> bool + Sync,
    keeps: impl Fn(u64) -> bool + Sync,
) -> Result<()> {
    let pieces = pieces(order);
    pieces.par_windows(2).try_for_each_init(
        || (Words::new(context.scoring, round, context.both_strands), Vec::new(), Vec::new()),
        |(words, scratch, gathered), piece| {
            let ranks = piece[0] as usize..piece[1] as usize;
            order.residues.read(ranks.clone(), scratch, |rank, residues| {
                if takes(rank as u32) {
                    let place =
                        |word: &Word| Place { rank: rank as u32, position: word.position, reverse: word.reverse };
                    let kept = words.select(residues).iter().filter(|word| keeps(word.hash));
                    gathered.extend(kept.map(|word| (word.hash, place(word).bits())));
                }
                Ok(())
            })?;
            let mut guard = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let (sorter, seen) = &mut *guard;
            *seen += ranks.len() as u64;
            (context.progress)("comparing", (*seen).min(order.residues.len() as u64), order.residues.len() as u64);
            gathered.drain(..).try_for_each(|word| sorter.push(word))
        },
    )
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
