//! Who represents records with the same residues: one of an earlier result, a preferred one, the first one.

use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::exact::equal_long;
use crate::reduce::groups::{Groups, LEAST_SORT_MEMORY, sort_memory};
use crate::reduce::prefer::Ranks;
use crate::reduce::similarity::{Pair, Similarity};
use crate::reduce::update::Old;
use crate::write::spill::{Sorter, Spill};

/// By what they are chosen.
#[derive(Clone, Copy)]
pub(crate) struct Choice<'a> {
    pub(crate) database: &'a Database,
    pub(crate) ranks: Option<&'a Ranks>,
    pub(crate) old: Option<&'a Old>,
}

/// Memory for choosing among so many records after an earlier result, beside that of the groups.
pub(crate) fn least_memory(records: u64) -> u64 {
    records * 4 + 6 * LEAST_SORT_MEMORY
}

impl Choice<'_> {
    /// The lower, the sooner a record represents the others; a member of an earlier result never does.
    fn rank(&self, ordinal: u64) -> Result<u16> {
        match self.old.filter(|old| old.has(ordinal)) {
            Some(old) if old.is_representative(ordinal)? => Ok(0),
            Some(_) => Ok(u16::MAX),
            None => Ok(1 + self.ranks.map_or(0, |ranks| u16::from(ranks.of(ordinal)))),
        }
    }
}

/// What [`choose()`] takes of `groups`; those that it makes stay.
pub(crate) fn estimate_choice(account: &mut Account, groups: Vec<Held>, records: u64, reserve: u64) -> Vec<Held> {
    let mut chosen = Groups::estimate(account, records, reserve);
    let memory = account.sort_memory(8, reserve);
    let again = account.sort::<Pair>("pairs of the same residues", memory, records);
    let better = account.sort::<(u64, u64)>("preferred records", memory, records);
    chosen.extend(Groups::estimate(account, records, reserve));
    account.release(groups.into_iter().chain([again, better]));
    chosen
}

/// Groups of records with the same residues, each under the record that is to represent them, of several the first one.
/// What is stored once stays with the first record of all, so that a shared copy is that of an earlier record;
/// [`Groups::take_copies`] says who that is.
///
/// # Errors
/// [`Error::Option`] if a record of an earlier result has other residues than its representative; damage in that
/// result, or in the input.
pub(crate) fn choose(groups: Groups, choice: Choice<'_>, spill: &Spill, reserve: u64) -> Result<Groups> {
    let old = choice.old.map_or(0, Old::len);
    let mut copies = groups.emptied(spill, reserve)?.after(old);
    let memory = sort_memory(spill, 8, reserve);
    let mut again = Sorter::new(spill, "pairs of the same residues", memory)?;
    let mut better = Sorter::new(spill, "preferred records", memory)?;
    let mut named = Named::new(&groups, choice, spill, reserve)?;
    let (by_member, by_representative) = groups.finish()?;
    drop(by_member);
    // First record, preferred one, its rank.
    let mut cluster: Option<(u64, u64, u16)> = None;
    let mut end = |cluster: Option<(u64, u64, u16)>| match cluster {
        Some((first, best, _)) if first != best => better.push((first, best)),
        _ => Ok(()),
    };
    for pair in by_representative {
        let pair: Pair = pair?;
        copies.join(pair.representative, pair.member, pair.similarity)?;
        again.push(pair)?;
        if cluster.is_none_or(|(first, _, _)| first != pair.representative) {
            let rank = choice.rank(pair.representative)?;
            end(cluster.replace((pair.representative, pair.representative, rank)))?;
        }
        let rank = choice.rank(pair.member)?;
        if let Some((_, best, least)) = cluster.as_mut().filter(|(_, _, least)| rank < *least) {
            (*best, *least) = (pair.member, rank);
        }
    }
    end(cluster)?;
    if better.is_empty() && choice.old.is_none() {
        return Ok(copies);
    }
    let mut better = better.finish()?.peekable();
    let mut current: Option<(u64, u64)> = None;
    for pair in again.finish()? {
        let Pair { representative: first, member, .. } = pair?;
        let best = match current {
            Some((of, best)) if of == first => best,
            _ => {
                let found = better.next_if(|item| item.as_ref().map_or(true, |&(of, _)| of == first)).transpose()?;
                let best = found.map_or(first, |(_, best)| best);
                named.record(first, best, first)?;
                best
            }
        };
        current = Some((first, best));
        named.record(first, best, member)?;
    }
    named.finish(copies)
}

/// The groups under their representatives.
struct Named<'a> {
    choice: Choice<'a>,
    groups: Groups,
    /// Records of each cluster, where an earlier result may have several of the same residues.
    sizes: Option<(Vec<u32>, Lease)>,
    /// Members of the earlier result.
    kept: u64,
    /// Whether they are others than the groups of copies.
    differ: bool,
}

impl<'a> Named<'a> {
    fn new(groups: &Groups, choice: Choice<'a>, spill: &Spill, reserve: u64) -> Result<Self> {
        let records = choice.database.len();
        let Some(old) = choice.old else {
            return Ok(Self { choice, groups: groups.emptied(spill, reserve)?, sizes: None, kept: 0, differ: false });
        };
        let lease = spill.budget().lease("sizes of clusters", records * 4)?;
        let sizes = vec![0_u32; usize::try_from(records).unwrap_or(0)];
        let groups = Groups::new(records, spill, reserve)?.after(old.len());
        Ok(Self { choice, groups, sizes: Some((sizes, lease)), kept: 0, differ: false })
    }

    /// A record of the group of `first`, where new ones join `best`.
    fn record(&mut self, first: u64, best: u64, ordinal: u64) -> Result<()> {
        let (representative, similarity) = match self.choice.old.filter(|old| old.has(ordinal)) {
            Some(old) => {
                let membership = old.membership(ordinal, best)?;
                self.check(ordinal, best, membership.representative)?;
                self.kept += u64::from(membership.representative != ordinal);
                (membership.representative, membership.similarity)
            }
            None => (best, Similarity::FULL),
        };
        // Copies are all under the first record.
        self.differ |= representative != first || similarity != Similarity::FULL;
        if representative == ordinal {
            return Ok(());
        }
        if let Some(size) = self.sizes.as_mut().and_then(|(sizes, _)| sizes.get_mut(representative as usize)) {
            *size += 1;
        }
        self.groups.join(representative, ordinal, similarity)
    }

    /// Whether a record of an earlier result has the residues of its representative.
    fn check(&self, ordinal: u64, best: u64, representative: u64) -> Result<()> {
        if representative == best || representative == ordinal {
            return Ok(());
        }
        let database = self.choice.database;
        let length = database.sequence_length(ordinal)?;
        if database.sequence_length(representative)? == length && equal_long(database, representative, ordinal, length)?
        {
            return Ok(());
        }
        Err(not_exact())
    }

    fn finish(self, copies: Groups) -> Result<Groups> {
        let Self { choice, mut groups, sizes, kept, differ } = self;
        // Members that are like nobody were in no group.
        if choice.old.is_some_and(|old| old.len() - old.references() != kept) {
            return Err(not_exact());
        }
        if !differ {
            return Ok(copies);
        }
        if let Some((sizes, _lease)) = sizes {
            sizes.into_iter().for_each(|others| groups.count(u64::from(others) + 1));
        }
        groups.set_copies(copies);
        Ok(groups)
    }
}

fn not_exact() -> Error {
    let reason =
        "members of the result to update differ from their representatives: no exact reduction made it".to_owned();
    Error::Option { option: "--method", reason }
}
