//! Who stands for whom in an item a record: the form that files have which were written before the compact one.

use std::ops::Range;

use talaria_db_spec::membership::{MembershipEntry, WideMembershipEntry};
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::validate::Section;

use super::{Membership, partition};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::reduce::Similarity;

/// The sections membership and members.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    pub(crate) membership: Section,
    pub(crate) members: Section,
}

impl Listed {
    /// Those of a file that says it in this form.
    pub(crate) fn find(database: &Database) -> Option<Self> {
        let container = database.container();
        let section = |kind| container.section(kind).copied();
        let members = section(SectionKind::Members).filter(|_| !container.has_compact_membership())?;
        Some(Self { membership: section(SectionKind::Membership)?, members })
    }

    /// The item of a record, not compared with any rule.
    pub(crate) fn entry(&self, database: &Database, ordinal: u64) -> Result<WideMembershipEntry> {
        if self.membership.item_size == 8 {
            let bytes: [u8; 8] = database.item(&self.membership, ordinal)?;
            let entry: MembershipEntry = zerocopy::transmute!(bytes);
            return Ok(entry.into());
        }
        let bytes: [u8; 12] = database.item(&self.membership, ordinal)?;
        Ok(zerocopy::transmute!(bytes))
    }

    /// As [`super::Clusters::membership`], of a record that there is.
    pub(super) fn membership(&self, database: &Database, ordinal: u64) -> Result<Option<Membership>> {
        let entry = self.checked(database, ordinal)?;
        let Some(representative) = entry.representative() else { return Ok(None) };
        let above = if representative == ordinal { entry } else { self.checked(database, representative)? };
        if above.representative() != Some(representative) {
            let got = above.representative.get();
            return Err(broken(database, "membership", "representative", "M-2", representative, got));
        }
        let similarity = Similarity::new(entry.identity.get(), entry.coverage.get());
        Ok(Some(Membership { representative, similarity }))
    }

    /// The member at a place, which is to be one of this representative.
    pub(super) fn member(&self, database: &Database, place: u64, representative: u64) -> Result<(u64, Similarity)> {
        let member = database.number_item(&self.members, place)?;
        let entry = self.checked(database, member)?;
        if entry.representative() != Some(representative) || member == representative {
            return Err(broken(database, "members", "order", "M-4", place, entry.representative.get()));
        }
        Ok((member, Similarity::new(entry.identity.get(), entry.coverage.get())))
    }

    /// Where the members of a representative stand.
    pub(super) fn range(&self, database: &Database, representative: u64) -> Result<Range<u64>> {
        let of = |place| {
            let member = database.number_item(&self.members, place)?;
            Ok(self.checked(database, member)?.representative.get())
        };
        let count = self.members.item_count;
        let start = partition(0..count, |place| Ok(of(place)? < representative))?;
        let end = partition(start..count, |place| Ok(of(place)? <= representative))?;
        Ok(start..end)
    }

    fn checked(&self, database: &Database, ordinal: u64) -> Result<WideMembershipEntry> {
        let records = database.len();
        if ordinal >= records {
            return Err(broken(database, "members", "ordinal", "M-4", ordinal, records));
        }
        let entry = self.entry(database, ordinal)?;
        entry.check(ordinal, records).map_err(Error::format(database.path()))?;
        Ok(entry)
    }
}

fn broken(
    database: &Database,
    structure: &'static str,
    field: &'static str,
    rule: &'static str,
    at: u64,
    got: u64,
) -> Error {
    database.broken(structure, field, rule, at, got, at)
}
