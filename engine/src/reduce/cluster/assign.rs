//! Who stands for whom: greedy assignment, by rank.
//!
//! Each record that still stands for itself is aligned to its candidates, most shared words first; where a candidate
//! has a representative by now, to that one. It joins the most similar one of those that are similar enough; none is
//! tried after one that is much more similar than it must be ([`settles`]). If it stood for others, all of them must be
//! similar enough to the new representative too, each by an alignment of its own: nothing drifts, and every membership
//! is one that was verified.
//!
//! Records are taken [`BATCH`] at a time. What their candidates before the batch are is settled, so that they are
//! aligned in parallel; candidates within the batch follow one by one. So the result does not depend on the number of
//! threads.
//!
//! Takes [`COLUMNS`] bytes a record, in memory or on disk, and the residues of a record and one other a thread.

use rayon::prelude::*;

use super::asking::Asking;
use super::candidates::Edge;
use super::diagonal::Diagonals;
use super::order::Order;
use super::plan::Round;
use super::{Context, Fit};
use crate::align::{Aligner, AlignmentPool, Verified, reverse_complement};
use crate::error::Result;
use crate::reduce::similarity::Similarity;
use crate::write::spill::{Sorted, SpillColumn};

/// Records that are assigned together. Part of what a reduction is: another number may give other clusters.
const BATCH: usize = 512;
/// Bytes a record, in five columns of four.
pub(super) const COLUMNS: u64 = 5 * 4;
/// No rank.
const NONE: u32 = u32::MAX;
/// The fit of a member of an earlier result: that does not say it.
const UNKNOWN: Fit32 = Fit32::MIN;

/// The state of the assignment.
#[derive(Debug)]
pub(super) struct Assignment {
    /// The representative of each rank, itself if it stands for itself; of a record with the same residues as an
    /// earlier one, that one.
    representatives: SpillColumn<u32>,
    /// How each member fits its representative.
    fits: SpillColumn<Fit32>,
    /// Identity and coverage of each member.
    similarities: SpillColumn<Similarity>,
    /// The last member that joined each rank.
    members: SpillColumn<u32>,
    /// The member that joined before each one.
    next: SpillColumn<u32>,
}

/// What is known of a rank, in words: representative, fit, similarity, last member, next member.
pub(super) type State = [u32; 5];

/// A fit in four bytes: sequences that are aligned are short enough.
type Fit32 = i32;

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Assigned {
    /// Records that joined another one.
    pub(super) joined: u64,
    /// Records that were similar to another one, which their members were not.
    pub(super) refused: u64,
}

/// A representative found for a record, and how the record's members fit it.
#[derive(Debug)]
struct Joining {
    representative: u32,
    fit: Fit,
    similarity: Similarity,
    members: Vec<(u32, Fit, Similarity)>,
}

/// What came of looking for a representative.
#[derive(Debug, Default)]
struct Search {
    found: Option<Joining>,
    /// Representatives that were tried in vain.
    tried: Vec<u32>,
    refused: u64,
}

/// Which candidates are tried: those before a rank, and the others are counted as if they were; or those from it on.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Before(u32),
    From(u32),
}

/// What a thread works with.
#[derive(Debug, Default)]
struct Scratch {
    record: Vec<u8>,
    turned: Vec<u8>,
    representative: Vec<u8>,
    member: Vec<u8>,
    diagonals: Option<Diagonals>,
}

impl Assignment {
    /// Everybody stands for himself.
    pub(super) fn new(context: &Context<'_>, count: usize) -> Result<Self> {
        let column = |what, value| SpillColumn::new(context.spill, what, count, value, context.keep);
        let similarities = "similarities of members";
        let mut assignment = Self {
            representatives: column("representatives of records", 0)?,
            fits: SpillColumn::new(context.spill, "fits of members", count, 0, context.keep)?,
            similarities: SpillColumn::new(context.spill, similarities, count, Similarity::FULL, context.keep)?,
            members: column("members of records", NONE)?,
            next: column("lists of members", NONE)?,
        };
        assignment.reset();
        Ok(assignment)
    }

    /// Ranks.
    pub(super) fn len(&self) -> usize {
        self.representatives.len()
    }

    /// All that is known of a rank.
    pub(super) fn state(&self, rank: usize) -> State {
        let (identity, coverage) = (self.similarities[rank].identity(), self.similarities[rank].coverage());
        let similarity = u32::from(identity) << 16 | u32::from(coverage);
        let [representative, member, next] = [&self.representatives, &self.members, &self.next].map(|all| all[rank]);
        [representative, self.fits[rank].cast_unsigned(), similarity, member, next]
    }

    /// Takes what was known of a rank, unless it cannot be.
    pub(super) fn set_state(&mut self, rank: usize, state: State) -> bool {
        let [representative, fit, similarity, member, next] = state;
        let [identity, coverage] = [(similarity >> 16) as u16, similarity as u16];
        let known = |other: u32| (other as usize) < self.len();
        let similarity = Similarity::new(identity, coverage);
        let possible = known(representative)
            && [member, next].into_iter().all(|other| other == NONE || known(other))
            && (similarity.identity(), similarity.coverage()) == (identity, coverage);
        if possible {
            (self.representatives[rank], self.fits[rank]) = (representative, fit.cast_signed());
            (self.similarities[rank], self.members[rank], self.next[rank]) = (similarity, member, next);
        }
        possible
    }

    /// Everybody stands for himself again.
    pub(super) fn reset(&mut self) {
        for (rank, representative) in (0_u32..).zip(self.representatives.iter_mut()) {
            *representative = rank;
        }
        self.fits.fill(0);
        self.similarities.fill(Similarity::FULL);
        self.members.fill(NONE);
        self.next.fill(NONE);
    }

    /// Whether a rank stands for itself.
    pub(super) fn is_representative(&self, rank: u32) -> bool {
        self.representatives[rank as usize] == rank
    }

    /// A record with the same residues as an earlier one shares its lot from now on.
    pub(super) fn same(&mut self, rank: u32, earlier: u32) {
        self.representatives[rank as usize] = earlier;
    }

    /// A member of an earlier result stays with its representative, which stays one.
    pub(super) fn keep(&mut self, rank: u32, representative: u32, similarity: Similarity) {
        self.representatives[rank as usize] = representative;
        self.similarities[rank as usize] = similarity;
        self.fits[rank as usize] = UNKNOWN;
    }

    /// Of ranks with the same residues that share their lot, the one that is compared.
    pub(super) fn first(&self, rank: u32) -> u32 {
        self.representatives[rank as usize]
    }

    /// Lets a rank that shares the lot of another one stand for itself, and for that one if nobody does.
    pub(super) fn stand(&mut self, rank: u32) {
        let first = std::mem::replace(&mut self.representatives[rank as usize], rank);
        if let Some(left @ &mut NONE) = self.representatives.get_mut(first as usize) {
            *left = rank;
        }
    }

    /// Nobody stands for a rank, nor for those that share its lot.
    pub(super) fn leave(&mut self, rank: u32) {
        self.representatives[rank as usize] = NONE;
    }

    /// Of a rank that nobody stands for, the one whose lot it shares: itself or another one.
    pub(super) fn left_with(&self, rank: u32) -> Option<u32> {
        match self.representatives[rank as usize] {
            NONE => Some(rank),
            first if self.representatives[first as usize] == NONE => Some(first),
            _ => None,
        }
    }

    /// The representative of a rank that has one, and how similar it is; none if it stands for itself.
    pub(super) fn representative(&self, rank: u32) -> Option<(u32, Similarity)> {
        let first = self.representatives[rank as usize];
        let last = self.representatives[first as usize];
        // The same residues as a member has, or as a representative.
        let similarity = self.similarities[if first == last { rank } else { first } as usize];
        (last != rank).then_some((last, similarity))
    }

    /// Goes once through all pairs of records that share words.
    pub(super) fn assign(
        &mut self,
        context: &Context<'_>,
        order: &Order,
        round: &Round,
        pool: &AlignmentPool,
        edges: Sorted<Edge>,
    ) -> Result<Assigned> {
        let (mut assigned, mut batch) = (Assigned::default(), Vec::with_capacity(BATCH));
        for asking in Asking::all(order, edges, round) {
            let asking = asking?;
            let rank = asking.rank;
            batch.push(asking);
            if batch.len() == BATCH {
                self.assign_batch(context, order, round, pool, &mut batch, &mut assigned)?;
                (context.progress)("aligning", u64::from(rank), order.residues.len() as u64);
            }
        }
        self.assign_batch(context, order, round, pool, &mut batch, &mut assigned)?;
        Ok(assigned)
    }

    fn assign_batch(
        &mut self,
        context: &Context<'_>,
        order: &Order,
        round: &Round,
        pool: &AlignmentPool,
        batch: &mut Vec<Asking>,
        assigned: &mut Assigned,
    ) -> Result<()> {
        let Some(start) = batch.first().map(|asking| asking.rank) else { return Ok(()) };
        let longest = batch.iter().map(|asking| order.length(asking.rank)).max().unwrap_or(0);
        let together = if context.one_aligner(longest) { BATCH } else { 8 };
        let state = &*self;
        let look = |part: &[Asking]| -> Result<Vec<Search>> {
            let (mut scratch, mut searches) = (Scratch::default(), Vec::with_capacity(part.len()));
            let mut looking = Looking { context, order, state, scratch: &mut scratch };
            for asking in part {
                let mut aligner = pool.acquire(order.length(asking.rank))?;
                let mut search = Search::default();
                looking.search(&mut aligner, asking, Turn::Before(start), round.tries, &mut search)?;
                searches.push(search);
            }
            Ok(searches)
        };
        let searches: Vec<Vec<Search>> = batch.par_chunks(together).map(look).collect::<Result<_>>()?;
        let mut scratch = Scratch::default();
        for (asking, mut search) in batch.drain(..).zip(searches.into_iter().flatten()) {
            if search.found.is_none() {
                let mut aligner = pool.acquire(order.length(asking.rank))?;
                let mut looking = Looking { context, order, state: self, scratch: &mut scratch };
                looking.search(&mut aligner, &asking, Turn::From(start), round.tries, &mut search)?;
            }
            assigned.refused += search.refused;
            if let Some(joining) = search.found {
                self.join(asking.rank, joining);
                assigned.joined += 1;
            }
        }
        Ok(())
    }

    fn join(&mut self, rank: u32, joining: Joining) {
        let Joining { representative, fit, similarity, mut members } = joining;
        members.push((rank, fit, similarity));
        self.members[rank as usize] = NONE;
        for (member, fit, similarity) in members {
            self.set(member, representative, fit, similarity);
            self.list(member);
        }
    }

    fn set(&mut self, member: u32, representative: u32, fit: Fit, similarity: Similarity) {
        self.representatives[member as usize] = representative;
        self.fits[member as usize] = fit.small();
        self.similarities[member as usize] = similarity;
    }

    /// Puts a member on the list of its representative.
    pub(super) fn list(&mut self, member: u32) {
        let representative = self.representatives[member as usize];
        self.next[member as usize] = self.members[representative as usize];
        self.members[representative as usize] = member;
    }

    /// A record joins a representative, unless it is more similar to the one that it has. Once it will not join others,
    /// it must be [listed](Self::list).
    pub(super) fn offer(&mut self, member: u32, representative: u32, fit: Fit, similarity: Similarity) {
        if self.is_representative(member) || similarity > self.similarities[member as usize] {
            self.set(member, representative, fit, similarity);
        }
    }

    /// The members of a rank that were aligned to it.
    fn members_of(&self, rank: u32) -> impl Iterator<Item = u32> + '_ {
        let some = |member: u32| (member != NONE).then_some(member);
        std::iter::successors(some(self.members[rank as usize]), move |&member| some(self.next[member as usize]))
    }
}

/// Whether a representative is so similar that no other one is looked for: beyond a tenth of what is left above the
/// least identity. What finds a representative then finds its members too.
fn settles(similarity: Similarity, least: u16) -> bool {
    similarity.identity() >= least + (10_000 - least) / 10
}

/// Looks for a representative, while nothing changes.
struct Looking<'a> {
    context: &'a Context<'a>,
    order: &'a Order,
    state: &'a Assignment,
    scratch: &'a mut Scratch,
}

impl Looking<'_> {
    /// Tries the representatives of those candidates whose turn it is, until one settles the matter or as many have been
    /// tried as there may be.
    fn search(
        &mut self,
        aligner: &mut Aligner,
        asking: &Asking,
        turn: Turn,
        tries: usize,
        search: &mut Search,
    ) -> Result<()> {
        let (mut read, mut waiting) = (false, 0);
        for &(candidate, fit) in &asking.candidates {
            if search.tried.len() + waiting >= tries {
                return Ok(());
            }
            match turn {
                Turn::Before(start) if candidate >= start => {
                    waiting += 1;
                    continue;
                }
                Turn::From(start) if candidate < start => continue,
                Turn::Before(_) | Turn::From(_) => {}
            }
            let representative = self.state.representatives[candidate as usize];
            if search.tried.contains(&representative) {
                continue;
            }
            search.tried.push(representative);
            if !read {
                self.order.residues.item(asking.rank as usize, &mut self.scratch.record)?;
                self.scratch.turned.clear();
                read = true;
            }
            self.order.residues.item(representative as usize, &mut self.scratch.representative)?;
            let fit = match self.fit_of(candidate) {
                _ if candidate == representative => fit,
                Some(next) => fit.then(next, self.order.length(asking.rank), self.order.length(candidate)),
                None => match self.find_fit() {
                    Some(fit) => fit,
                    None => continue,
                },
            };
            let best = search.found.as_ref().map(|best| best.similarity);
            let Some(found) = self.verify(aligner, fit, best) else { continue };
            let (fit, similarity) = (fit.at(found.diagonal), Similarity::new(found.identity, found.coverage));
            match self.verify_members(aligner, asking.rank, fit)? {
                Some(members) => {
                    search.found = Some(Joining { representative, fit, similarity, members });
                    if settles(similarity, self.context.criterion.identity) {
                        return Ok(());
                    }
                }
                None => search.refused += 1,
            }
        }
        Ok(())
    }

    /// How a member fits its representative, if that is known.
    fn fit_of(&self, member: u32) -> Option<Fit> {
        Some(self.state.fits[member as usize]).filter(|&fit| fit != UNKNOWN).map(Fit::of_small)
    }

    /// How the record fits the representative, by the words they share.
    fn find_fit(&mut self) -> Option<Fit> {
        let Scratch { record, representative, diagonals, .. } = &mut *self.scratch;
        let new = || Diagonals::new(self.context.scoring, self.context.both_strands);
        diagonals.get_or_insert_with(new).find(record, representative)
    }

    /// Aligns the record to the representative, which must be more similar to it than the best one so far.
    fn verify(&mut self, aligner: &mut Aligner, fit: Fit, best: Option<Similarity>) -> Option<Verified> {
        let Scratch { record, turned, representative, .. } = &mut *self.scratch;
        if fit.reverse && turned.is_empty() {
            reverse_complement(record, turned);
        }
        let record = if fit.reverse { turned } else { record };
        let mut criterion = self.context.criterion;
        criterion.identity = best.map_or(criterion.identity, |best| best.identity() + 1);
        aligner.verify(self.context.scoring, &criterion, record, representative, fit.diagonal)
    }

    /// Aligns all members of the record to the representative; none if one of them is not similar enough.
    fn verify_members(
        &mut self,
        aligner: &mut Aligner,
        rank: u32,
        fit: Fit,
    ) -> Result<Option<Vec<(u32, Fit, Similarity)>>> {
        let mut members = Vec::new();
        for member in self.state.members_of(rank) {
            // Those of an earlier result are in no list: their representatives join nobody.
            let Some(of_record) = self.fit_of(member) else { continue };
            let fit = of_record.then(fit, self.order.length(member), self.order.length(rank));
            let Scratch { turned, representative, member: residues, .. } = &mut *self.scratch;
            self.order.residues.item(member as usize, residues)?;
            if fit.reverse {
                turned.clear();
                reverse_complement(residues, turned);
                std::mem::swap(residues, turned);
                turned.clear();
            }
            let (scoring, criterion) = (self.context.scoring, &self.context.criterion);
            let Some(found) = aligner.verify(scoring, criterion, residues, representative, fit.diagonal) else {
                return Ok(None);
            };
            members.push((member, fit.at(found.diagonal), Similarity::new(found.identity, found.coverage)));
        }
        Ok(Some(members))
    }
}

/// Where two aligners would take most of the memory, there is one.
pub(super) fn is_alone(longest: u64, threads: usize, available: u64) -> bool {
    Aligner::memory(longest).saturating_mul(2 * threads as u64) > available
}

/// Memory of the aligners of all threads at most.
pub(super) fn aligning_memory(longest: u64, threads: usize, available: u64) -> u64 {
    let one = AlignmentPool::most_memory(longest);
    // Where there is one for the longest records, there are more for others, which take no more than half of what is
    // available.
    match is_alone(longest, threads, available) {
        true => one.max(available / 2 / 8 * 9),
        false => one.saturating_mul(threads as u64),
    }
}
