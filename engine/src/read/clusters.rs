//! Which record stands for which, in the result of a reduction.
//!
//! Two forms: what the file says in its membership sections, read in place, and what follows from shared copies where
//! it says nothing (an exact reduction, FORMAT.md, section 13), for which two lists are made in memory: 32 bytes a
//! member and 64 meanwhile, leased, and two passes over the columns.

use std::ops::Range;

use rayon::prelude::*;
use talaria_db_spec::columns::HeaderEntry;
use talaria_db_spec::membership::{MembershipEntry, WideMembershipEntry};
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::validate::Section;
use talaria_db_spec::version::OPTIONAL_REDUCED;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::reduce::Similarity;

/// Records that one thread looks at together.
const GROUP: u64 = 4096;
/// Bytes of memory a member while the lists are made; they are shorter when they are.
pub(crate) const MEMBER: u64 = 96;

/// A record's place in its cluster. Records that no record stands for, themselves included, have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// Ordinal of the record that stands for it; its own for a representative.
    pub representative: u64,
    /// How alike they are.
    pub similarity: Similarity,
}

/// The clusters of a reduction. Many threads may ask at once.
///
/// ```
/// use talaria_db::reduce::{Output, Reduction};
///
/// # let folder = tempfile::tempdir()?;
/// # let (input, output) = (folder.path().join("a.fa"), folder.path().join("a.talaria"));
/// std::fs::write(&input, ">one\nMKVL\n>two\nGGA\n>three\nMKVL\n")?;
/// Reduction::new(&input, Output::Container(output.clone())).run()?;
/// let clusters = talaria_db::Database::open(&output)?.clusters()?;
/// assert_eq!(clusters.membership(2)?.map(|membership| membership.representative), Some(0));
/// let members: Vec<u64> = clusters.members(0)?.map(|member| Ok(member?.0)).collect::<talaria_db::Result<_>>()?;
/// assert_eq!(members, [2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Clusters {
    database: Database,
    form: Form,
}

/// How it is known.
#[derive(Debug)]
enum Form {
    /// From the sections membership and members.
    Stored(Section, Section),
    /// From shared copies.
    Shared(Lists),
}

/// The pairs of an exact reduction.
#[derive(Debug, Default)]
struct Lists {
    /// (representative, member), ascending.
    by_representative: Vec<(u64, u64)>,
    /// (member, representative), ascending.
    by_member: Vec<(u64, u64)>,
    _lease: Option<Lease>,
}

impl Database {
    /// Whether it is the result of a reduction.
    #[must_use]
    pub fn is_reduced(&self) -> bool {
        self.container().header().optional_features.get() & OPTIONAL_REDUCED != 0 || self.container().has_membership()
    }

    /// Which record stands for which.
    ///
    /// # Errors
    /// [`Error::NotReduced`]; [`Error::Memory`] if the lists of an exact reduction do not fit; damage in the columns.
    pub fn clusters(&self) -> Result<Clusters> {
        if !self.is_reduced() {
            return Err(Error::NotReduced { path: self.path().to_path_buf() });
        }
        let sections =
            self.container().section(SectionKind::Membership).zip(self.container().section(SectionKind::Members));
        let form = match sections.filter(|_| self.container().has_membership()) {
            Some((membership, members)) => Form::Stored(*membership, *members),
            None => Form::Shared(Lists::of(self)?),
        };
        Ok(Clusters { database: self.clone(), form })
    }

    /// Whether this record, whose item of the header table is `entry`, is a reference: it stands for itself, and maybe
    /// for others.
    pub(crate) fn is_reference(&self, ordinal: u64, entry: &HeaderEntry) -> Result<bool> {
        match self.container().section(SectionKind::Membership).filter(|_| self.container().has_membership()) {
            Some(section) => Ok(self.membership_entry(section, ordinal)?.representative() == Some(ordinal)),
            None => Ok(entry.is_reference()),
        }
    }

    /// The item of the membership section of a record, not compared with any rule.
    pub(crate) fn membership_entry(&self, section: &Section, ordinal: u64) -> Result<WideMembershipEntry> {
        if section.item_size == 8 {
            let bytes: [u8; 8] = self.item(section, ordinal)?;
            let entry: MembershipEntry = zerocopy::transmute!(bytes);
            return Ok(entry.into());
        }
        let bytes: [u8; 12] = self.item(section, ordinal)?;
        Ok(zerocopy::transmute!(bytes))
    }

    /// An item of the members section.
    pub(crate) fn members_item(&self, section: &Section, index: u64) -> Result<u64> {
        if section.item_size == 8 {
            self.item(section, index).map(u64::from_le_bytes)
        } else {
            self.item(section, index).map(|bytes| u32::from_le_bytes(bytes).into())
        }
    }
}

impl Clusters {
    /// Which record stands for `ordinal`, and how alike they are; nothing for a record that has no representative.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or rule M-2, M-3, M-5 or S-9.
    pub fn membership(&self, ordinal: u64) -> Result<Option<Membership>> {
        self.database.check_ordinal(ordinal)?;
        match &self.form {
            Form::Stored(section, _) => {
                let entry = self.entry(section, ordinal)?;
                let Some(representative) = entry.representative() else { return Ok(None) };
                let above = if representative == ordinal { entry } else { self.entry(section, representative)? };
                if above.representative() != Some(representative) {
                    let got = above.representative.get();
                    return Err(self.broken("membership", "representative", "M-2", representative, got));
                }
                let similarity = Similarity::new(entry.identity.get(), entry.coverage.get());
                Ok(Some(Membership { representative, similarity }))
            }
            Form::Shared(lists) => {
                let found = lists.by_member.binary_search_by_key(&ordinal, |&(member, _)| member).ok();
                let pair = found.and_then(|at| lists.by_member.get(at));
                let representative = pair.map_or(ordinal, |&(_, representative)| representative);
                Ok(Some(Membership { representative, similarity: Similarity::FULL }))
            }
        }
    }

    /// The members of a representative, itself not among them, ascending. Of a record that is none there are no
    /// members.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or rule M-2 to M-5 or S-9; so do the items.
    pub fn members(&self, representative: u64) -> Result<impl Iterator<Item = Result<(u64, Similarity)>> + '_> {
        self.database.check_ordinal(representative)?;
        let range = self.range(representative)?;
        Ok(range.map(move |index| match &self.form {
            Form::Stored(membership, members) => {
                let member = self.database.members_item(members, index)?;
                let entry = self.entry(membership, member)?;
                if entry.representative() != Some(representative) || member == representative {
                    return Err(self.broken("members", "order", "M-4", index, entry.representative.get()));
                }
                Ok((member, Similarity::new(entry.identity.get(), entry.coverage.get())))
            }
            Form::Shared(lists) => {
                let pair = usize::try_from(index).ok().and_then(|index| lists.by_representative.get(index));
                Ok((pair.map_or(representative, |&(_, member)| member), Similarity::FULL))
            }
        }))
    }

    /// How many members a representative has, without looking at them.
    ///
    /// # Errors
    /// As [`Clusters::members`].
    pub fn member_count(&self, representative: u64) -> Result<u64> {
        self.database.check_ordinal(representative)?;
        let range = self.range(representative)?;
        Ok(range.end - range.start)
    }

    /// Where the members of a representative stand.
    fn range(&self, representative: u64) -> Result<Range<u64>> {
        match &self.form {
            Form::Stored(membership, members) => {
                let of = |index| {
                    let member = self.database.members_item(members, index)?;
                    Ok(self.entry(membership, member)?.representative.get())
                };
                let start = partition(0..members.item_count, |index| Ok(of(index)? < representative))?;
                let end = partition(start..members.item_count, |index| Ok(of(index)? <= representative))?;
                Ok(start..end)
            }
            Form::Shared(lists) => {
                let start = lists.by_representative.partition_point(|&(other, _)| other < representative);
                let end = lists.by_representative.partition_point(|&(other, _)| other <= representative);
                Ok(start as u64..end as u64)
            }
        }
    }

    fn entry(&self, section: &Section, ordinal: u64) -> Result<WideMembershipEntry> {
        let records = self.database.len();
        if ordinal >= records {
            return Err(self.broken("members", "ordinal", "M-4", ordinal, records));
        }
        let entry = self.database.membership_entry(section, ordinal)?;
        entry.check(ordinal, records).map_err(Error::format(self.database.path()))?;
        Ok(entry)
    }

    fn broken(&self, structure: &'static str, field: &'static str, rule: &'static str, at: u64, got: u64) -> Error {
        self.database.broken(structure, field, rule, at, got, at)
    }
}

/// The first index for which `before` is false, given that it is true for all that come before it.
fn partition(range: Range<u64>, before: impl Fn(u64) -> Result<bool>) -> Result<u64> {
    let Range { mut start, mut end } = range;
    while start < end {
        let middle = start + (end - start) / 2;
        if before(middle)? {
            start = middle + 1;
        } else {
            end = middle;
        }
    }
    Ok(start)
}

impl Lists {
    fn of(database: &Database) -> Result<Self> {
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
