//! Who stands for whom, by rank, and how each member fits its representative.
//!
//! Five columns, in memory or on disk. A rank stands for itself, has a representative, shares the lot of an earlier one
//! with the same residues, or was left by everybody. Members of a representative are on a list, so that all of them can
//! be looked at when it joins another one.

use super::Context;
use super::Fit;
use crate::error::Result;
use crate::reduce::similarity::Similarity;
use crate::write::spill::SpillColumn;

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

/// A representative found for a record, and how the record's members fit it.
#[derive(Debug)]
pub(super) struct Joining {
    pub(super) representative: u32,
    pub(super) fit: Fit,
    pub(super) similarity: Similarity,
    pub(super) members: Vec<(u32, Fit, Similarity)>,
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

    /// A record joins the representative that was found for it, with all of its members.
    pub(super) fn join(&mut self, rank: u32, joining: Joining) {
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

    /// Who stands for a rank that does not share the lot of another one.
    pub(super) fn stands_for(&self, rank: u32) -> u32 {
        self.representatives[rank as usize]
    }

    /// How a member fits its representative, if that is known.
    pub(super) fn fit(&self, member: u32) -> Option<Fit> {
        Some(self.fits[member as usize]).filter(|&fit| fit != UNKNOWN).map(Fit::of_small)
    }

    /// The members of a rank that were aligned to it.
    pub(super) fn members_of(&self, rank: u32) -> impl Iterator<Item = u32> + '_ {
        let some = |member: u32| (member != NONE).then_some(member);
        std::iter::successors(some(self.members[rank as usize]), move |&member| some(self.next[member as usize]))
    }
}
