//! Which record stands for which, in the result of a reduction.
//!
//! Three forms: the compact one that a file has, read in place; the one with an item a record of older files; and what
//! follows from shared copies where a file says nothing (an exact reduction, FORMAT.md, section 13).

pub(crate) mod compact;
pub(crate) mod listed;
mod pairs;
mod shared;

use std::ops::Range;

use rayon::prelude::*;
use talaria_db_spec::columns::HeaderEntry;
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::version::OPTIONAL_REDUCED;

use self::compact::Compact;
use self::listed::Listed;
use self::shared::Lists;
pub(crate) use self::shared::MEMBER;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::reduce::Similarity;

/// Records that are worth a thread.
const TOGETHER: usize = 64;

/// A record's place in its cluster. Records that no record stands for, themselves included, have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// Ordinal of the record that stands for it; its own for a representative.
    pub representative: u64,
    /// How alike they are.
    pub similarity: Similarity,
}

/// What a record is in a clustering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It stands for itself, and maybe for others.
    Representative,
    /// Another one stands for it.
    Member,
    /// No record stands for it.
    Unrepresented,
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
    /// From the compact sections.
    Compact(Box<Compact>),
    /// From the sections membership and members.
    Listed(Listed),
    /// From shared copies.
    Shared(Lists),
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
        let form = match (Compact::find(self), Listed::find(self)) {
            (Some(compact), _) => Form::Compact(Box::new(compact)),
            (None, Some(listed)) => Form::Listed(listed),
            (None, None) => Form::Shared(Lists::of(self)?),
        };
        Ok(Clusters { database: self.clone(), form })
    }

    /// Whether this record, whose item of the header table is `entry`, is a reference: it stands for itself, and maybe
    /// for others.
    pub(crate) fn is_reference(&self, ordinal: u64, entry: &HeaderEntry) -> Result<bool> {
        Ok(match self.status(ordinal)? {
            Some(status) => status == Status::Representative,
            None => entry.is_reference(),
        })
    }

    /// What the membership sections say that a record is, if there are some; without a look at its representative.
    pub(crate) fn status(&self, ordinal: u64) -> Result<Option<Status>> {
        let container = self.container();
        if let Some(standing) = container.section(SectionKind::Standing) {
            let unrepresented = container.section(SectionKind::Unrepresented);
            return compact::status(self, ordinal, standing, unrepresented).map(Some);
        }
        let Some(listed) = Listed::find(self) else { return Ok(None) };
        Ok(Some(match listed.entry(self, ordinal)?.representative() {
            None => Status::Unrepresented,
            Some(representative) if representative == ordinal => Status::Representative,
            Some(_) => Status::Member,
        }))
    }
}

impl Clusters {
    /// Which record stands for `ordinal`, and how alike they are; nothing for a record that has no representative.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or rule M-2, M-3, M-5, M-7, M-9 to M-12 or S-9.
    pub fn membership(&self, ordinal: u64) -> Result<Option<Membership>> {
        self.database.check_ordinal(ordinal)?;
        match &self.form {
            Form::Compact(compact) => compact.membership(&self.database, ordinal),
            Form::Listed(listed) => listed.membership(&self.database, ordinal),
            Form::Shared(lists) => {
                let representative = lists.above(ordinal).unwrap_or(ordinal);
                Ok(Some(Membership { representative, similarity: Similarity::FULL }))
            }
        }
    }

    /// The same of many records: in one pass over all members where that takes less time, else by several threads.
    ///
    /// # Errors
    /// As [`Clusters::membership`].
    pub fn memberships(&self, ordinals: &[u64]) -> Result<Vec<Option<Membership>>> {
        if let Form::Compact(compact) = &self.form
            && compact.is_worth_a_pass(ordinals.len())
        {
            return compact.memberships(&self.database, ordinals);
        }
        ordinals.par_iter().with_min_len(TOGETHER).map(|&ordinal| self.membership(ordinal)).collect()
    }

    /// The same, sooner if it is the record `likely` that stands for it.
    pub(crate) fn membership_beside(&self, ordinal: u64, likely: u64) -> Result<Option<Membership>> {
        match &self.form {
            Form::Compact(compact) => {
                self.database.check_ordinal(ordinal)?;
                compact.membership_beside(&self.database, ordinal, likely)
            }
            Form::Listed(_) | Form::Shared(_) => self.membership(ordinal),
        }
    }

    /// What a record is.
    pub(crate) fn status(&self, ordinal: u64) -> Result<Status> {
        if let Form::Compact(compact) = &self.form {
            self.database.check_ordinal(ordinal)?;
            return compact::status(&self.database, ordinal, &compact.standing, compact.unrepresented.as_ref());
        }
        Ok(match self.membership(ordinal)? {
            None => Status::Unrepresented,
            Some(found) if found.representative == ordinal => Status::Representative,
            Some(_) => Status::Member,
        })
    }

    /// The members of a representative, itself not among them, ascending. Of a record that is none there are no
    /// members.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or rule M-2 to M-5, M-7, M-9 to M-11 or S-9; so do the items.
    pub fn members(&self, representative: u64) -> Result<impl Iterator<Item = Result<(u64, Similarity)>> + '_> {
        self.database.check_ordinal(representative)?;
        let (range, mut before) = (self.range(representative)?, None);
        Ok(range.map(move |place| match &self.form {
            Form::Compact(compact) => {
                let (member, similarity) = compact.member(&self.database, place, before)?;
                before = Some(member);
                Ok((member, similarity))
            }
            Form::Listed(listed) => listed.member(&self.database, place, representative),
            Form::Shared(lists) => Ok((lists.member(place).unwrap_or(representative), Similarity::FULL)),
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
            Form::Compact(compact) => compact.range(&self.database, representative),
            Form::Listed(listed) => listed.range(&self.database, representative),
            Form::Shared(lists) => Ok(lists.range(representative)),
        }
    }
}

/// The first number of a range for which `before` is false, given that it is true for all that come before it.
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
