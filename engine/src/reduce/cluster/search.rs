//! Looking for the representative of a record, while nothing changes.
//!
//! It joins the most similar one of those that are similar enough; none is tried after one that is much more similar
//! than it must be ([`settles`]). If it stood for others, all of them must be similar enough to the new representative
//! too, each by an alignment of its own: nothing drifts, and every membership is one that was verified.
//!
//! Takes the residues of a record and two others a thread.

use super::asking::Asking;
use super::assignment::{Assignment, Joining};
use super::diagonal::Diagonals;
use super::order::Order;
use super::{Context, Fit};
use crate::align::{Aligner, Verified, reverse_complement};
use crate::error::Result;
use crate::reduce::similarity::Similarity;

/// What came of looking for a representative.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) found: Option<Joining>,
    /// Representatives that were tried in vain.
    tried: Vec<u32>,
    /// Representatives that it is similar to, and its members are not.
    pub(super) refused: u64,
}

/// Which candidates are tried: those before a rank, and the others are counted as if they were; or those from it on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    Before(u32),
    From(u32),
}

/// What a thread works with.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    record: Vec<u8>,
    turned: Vec<u8>,
    representative: Vec<u8>,
    member: Vec<u8>,
    diagonals: Option<Diagonals>,
}

/// Whether a representative is so similar that no other one is looked for: beyond a tenth of what is left above the
/// least identity. What finds a representative then finds its members too.
fn settles(similarity: Similarity, least: u16) -> bool {
    similarity.identity() >= least + (10_000 - least) / 10
}

/// Looks for a representative, while nothing changes.
pub(super) struct Looking<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) order: &'a Order,
    pub(super) state: &'a Assignment,
    pub(super) scratch: &'a mut Scratch,
}

impl Looking<'_> {
    /// Tries the representatives of those candidates whose turn it is, until one settles the matter or as many have been
    /// tried as there may be.
    pub(super) fn search(
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
            let representative = self.state.stands_for(candidate);
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
            let fit = match self.state.fit(candidate) {
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
            let Some(of_record) = self.state.fit(member) else { continue };
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
