//! Who stands for whom where it follows from shared copies: two lists in memory, for which 96 bytes a member are leased
//! while they are made and 32 after that, and two passes over the columns.

use std::ops::Range;

use rayon::prelude::*;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;

/// Records that one thread looks at together.
const GROUP: u64 = 4096;
/// Bytes of memory a member while the lists are made; they are shorter when they are.
pub(crate) const MEMBER: u64 = 96;

/// The pairs of an exact reduction.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// (representative, member), ascending.
    by_representative: Vec<(u64, u64)>,
    /// (member, representative), ascending.
    by_member: Vec<(u64, u64)>,
    _lease: Option<Lease>,
}

impl Lists {
    /// The representative of a record, if that is another one.
    pub(super) fn above(&self, ordinal: u64) -> Option<u64> {
        let found = self.by_member.binary_search_by_key(&ordinal, |&(member, _)| member).ok();
        found.and_then(|at| self.by_member.get(at)).map(|&(_, representative)| representative)
    }

    /// Where the members of a representative stand.
    pub(super) fn range(&self, representative: u64) -> Range<u64> {
        let start = self.by_representative.partition_point(|&(other, _)| other < representative);
        let end = self.by_representative.partition_point(|&(other, _)| other <= representative);
        start as u64..end as u64
    }

    /// The member at a place.
    pub(super) fn member(&self, place: u64) -> Option<u64> {
        let pair = usize::try_from(place).ok().and_then(|place| self.by_representative.get(place));
        pair.map(|&(_, member)| member)
    }

    /// Pairs of representative and member.
    pub(super) fn pairs(&self) -> &[(u64, u64)] {
        &self.by_representative
    }

    pub(super) fn of(database: &Database) -> Result<Self> {
        let count = groups(database).map(|range| Ok(shared(database, range, true)?.len() as u64));
        let count = count.try_reduce(|| 0, |left, right| Ok(left + right))?;
        if count == 0 {
            return Ok(Self::default());
        }
        let mut lease = database.budget().lease("the members of clusters", count * MEMBER)?;
        let gather = |lists: Result<Vec<Vec<(Place, u64)>>>| Ok::<_, Error>(lists?.concat());
        let mut members = gather(groups(database).map(|range| shared(database, range, true)).collect())?;
        members.par_sort_unstable();
        let has_member = |place: Place| members.binary_search_by_key(&place, |&(other, _)| other).is_ok();
        let mut representatives = gather(
            groups(database)
                .map(|range| {
                    let mut found = shared(database, range, false)?;
                    found.retain(|&(place, _)| has_member(place));
                    Ok(found)
                })
                .collect(),
        )?;
        representatives.par_sort_unstable();
        let mut by_representative = Vec::with_capacity(members.len());
        for (place, member) in members {
            // Of several at one place the first one.
            let found = representatives.partition_point(|&(other, _)| other < place);
            let Some(&(_, representative)) = representatives.get(found).filter(|&&(other, _)| other == place) else {
                return Err(database.broken("header table", "flag shared", "C-3", member, 1, 0));
            };
            by_representative.push((representative, member));
        }
        drop(representatives);
        by_representative.par_sort_unstable();
        let mut by_member: Vec<(u64, u64)> =
            by_representative.iter().map(|&(representative, member)| (member, representative)).collect();
        by_member.par_sort_unstable();
        lease.resize(count * 32)?;
        Ok(Self { by_representative, by_member, _lease: Some(lease) })
    }
}

fn groups(database: &Database) -> impl ParallelIterator<Item = Range<u64>> {
    let records = database.len();
    (0..records.div_ceil(GROUP)).into_par_iter().map(move |group| group * GROUP..((group + 1) * GROUP).min(records))
}

/// Where the residues of a record are, and how many: the stream, the address, the length. All records without residues
/// have one place.
type Place = (bool, u64, u64);

/// Place and ordinal of those records that are shared copies, or of those that are none.
fn shared(database: &Database, ordinals: Range<u64>, wanted: bool) -> Result<Vec<(Place, u64)>> {
    let columns = database.columns(ordinals.clone())?;
    let mut found = Vec::new();
    for ordinal in ordinals {
        let entry = columns.header_entry(ordinal)?;
        if entry.is_shared() == wanted {
            let item = columns.sequence_item(ordinal)?;
            let place =
                if item.length == 0 { (false, 0, 0) } else { (entry.is_delta(), item.address.bits(), item.length) };
            found.push((place, ordinal));
        }
    }
    Ok(found)
}
