//! Who stands for whom in the compact form: how a record stands is one look at a line of memory, the members of a
//! leader are a run of a list, and the leader of a member is found by at most 16 steps along a cycle (FORMAT.md,
//! section 13).

use std::ops::Range;

use talaria_db_spec::membership::{WHOLE, check_coverage, check_identity};
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::shortcut::{self, ShortcutEntry};
use talaria_db_spec::standing::{RECORDS, Ranks, Standing, StandingItem};
use talaria_db_spec::validate::Section;

use super::{Membership, Status, partition};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::reduce::Similarity;

/// Probes by proportion before a search for a shortcut goes on by halves.
const PROPORTIONAL: u32 = 8;

/// The sections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compact {
    pub(crate) standing: Section,
    pub(crate) unrepresented: Option<Section>,
    pub(crate) groups: Section,
    pub(crate) members: Section,
    pub(crate) identities: Section,
    pub(crate) coverages: Section,
    pub(crate) shortcuts: Section,
}

/// How a record stands, and what comes before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stand {
    pub(crate) standing: Standing,
    pub(crate) before: Ranks,
}

impl Compact {
    /// Those of a file that says it in this form.
    pub(crate) fn find(database: &Database) -> Option<Self> {
        let container = database.container();
        if !container.has_compact_membership() {
            return None;
        }
        let section = |kind| container.section(kind).copied();
        Some(Self {
            standing: section(SectionKind::Standing)?,
            unrepresented: section(SectionKind::Unrepresented),
            groups: section(SectionKind::Groups)?,
            members: section(SectionKind::Members)?,
            identities: section(SectionKind::Identities)?,
            coverages: section(SectionKind::Coverages)?,
            shortcuts: section(SectionKind::Shortcuts)?,
        })
    }

    /// Of 160 records.
    pub(crate) fn item(&self, database: &Database, index: u64) -> Result<StandingItem> {
        item(database, &self.standing, index)
    }

    /// How a record stands.
    pub(crate) fn stand(&self, database: &Database, ordinal: u64) -> Result<Stand> {
        let (item, place) = (self.item(database, ordinal / RECORDS)?, ordinal % RECORDS);
        Ok(Stand { standing: item.standing(place), before: item.before(place) })
    }

    /// As [`super::Clusters::membership`], of a record that there is.
    pub(super) fn membership(&self, database: &Database, ordinal: u64) -> Result<Option<Membership>> {
        let stand = self.stand(database, ordinal)?;
        if !stand.standing.is_member() {
            let status = status(database, ordinal, &self.standing, self.unrepresented.as_ref())?;
            let own = Membership { representative: ordinal, similarity: Similarity::FULL };
            return Ok(Some(own).filter(|_| status != Status::Unrepresented));
        }
        let similarity = self.similarity(database, stand)?;
        let place = self.place(database, stand.before.members)?;
        if database.number_item(&self.members, place)? != ordinal {
            return Err(database.broken("members", "rank", "M-10", place, stand.before.members, ordinal));
        }
        Ok(Some(Membership { representative: self.leader_of(database, place)?, similarity }))
    }

    /// The same where it is likely that this record stands for it: its members are looked at first.
    pub(super) fn membership_beside(
        &self,
        database: &Database,
        ordinal: u64,
        likely: u64,
    ) -> Result<Option<Membership>> {
        let stand = self.stand(database, ordinal)?;
        if stand.standing.is_member() && likely < database.len() {
            let range = self.range(database, likely)?;
            let place = partition(range.clone(), |place| Ok(database.number_item(&self.members, place)? < ordinal))?;
            if range.contains(&place) && database.number_item(&self.members, place)? == ordinal {
                let similarity = self.similarity(database, stand)?;
                return Ok(Some(Membership { representative: likely, similarity }));
            }
        }
        self.membership(database, ordinal)
    }

    /// The member at a place, which comes after the one `before` it of the same leader.
    pub(super) fn member(&self, database: &Database, place: u64, before: Option<u64>) -> Result<(u64, Similarity)> {
        let (member, stand) = self.member_at(database, place)?;
        if before.is_some_and(|before| before >= member) {
            return Err(database.broken("members", "order", "M-10", place, member, before.unwrap_or(0)));
        }
        Ok((member, self.similarity(database, stand)?))
    }

    /// Where the members of a representative stand.
    pub(super) fn range(&self, database: &Database, representative: u64) -> Result<Range<u64>> {
        let stand = self.stand(database, representative)?;
        match stand.standing {
            Standing::Leader => self.group(database, stand.before.leaders),
            _ => Ok(0..0),
        }
    }

    /// Where the members of a leader stand before which there are so many.
    pub(crate) fn group(&self, database: &Database, leader: u64) -> Result<Range<u64>> {
        let count = self.groups.item_count;
        if leader.checked_add(1).is_none_or(|next| next >= count) {
            return Err(database.broken("standing", "leaders", "M-7", leader, leader.saturating_add(2), count));
        }
        let (start, end) = (self.start(database, leader)?, self.start(database, leader + 1)?);
        if start >= end || end > self.members.item_count {
            return Err(database.broken("groups", "start", "M-9", leader, start, end));
        }
        Ok(start..end)
    }

    pub(crate) fn start(&self, database: &Database, leader: u64) -> Result<u64> {
        database.number_item(&self.groups, leader)
    }

    /// The member at a place, and how it stands: as a member.
    pub(crate) fn member_at(&self, database: &Database, place: u64) -> Result<(u64, Stand)> {
        let member = database.number_item(&self.members, place)?;
        let stand = self.stand_of_member(database, member, place)?;
        let (rank, count) = (stand.before.members, self.members.item_count);
        if rank >= count {
            return Err(database.broken("standing", "members", "M-7", member / RECORDS, rank, count));
        }
        Ok((member, stand))
    }

    /// How a record stands that the list of members has, near `at` for an error.
    pub(super) fn stand_of_member(&self, database: &Database, member: u64, at: u64) -> Result<Stand> {
        let records = database.len();
        if member >= records {
            return Err(database.broken("members", "ordinal", "M-10", at, member, records));
        }
        let stand = self.stand(database, member)?;
        if !stand.standing.is_member() {
            return Err(database.broken("members", "standing", "M-10", at, member, member));
        }
        Ok(stand)
    }

    /// How alike a member and its representative are.
    pub(crate) fn similarity(&self, database: &Database, stand: Stand) -> Result<Similarity> {
        let share = |section: &Section, field, index| {
            if index >= section.item_count {
                return Err(database.broken("standing", field, "M-7", index, index, section.item_count));
            }
            database.item(section, index).map(u16::from_le_bytes)
        };
        let Ranks { members, partial, .. } = stand.before;
        let identity = share(&self.identities, "members", members)?;
        check_identity(members, identity).map_err(Error::format(database.path()))?;
        if stand.standing != Standing::Partial {
            return Ok(Similarity::new(identity, WHOLE));
        }
        let coverage = share(&self.coverages, "partial", partial)?;
        check_coverage(partial, coverage).map_err(Error::format(database.path()))?;
        Ok(Similarity::new(identity, coverage))
    }

    /// The place of a member in their list, by its rank among them.
    fn place(&self, database: &Database, rank: u64) -> Result<u64> {
        let count = self.members.item_count;
        if rank >= count {
            return Err(database.broken("standing", "members", "M-7", rank, rank, count));
        }
        let next = |at| Ok(self.member_at(database, at)?.1.before.members);
        shortcut::find(rank, next, |at| self.shortcut(database, at)).map_err(|error| match error {
            Walk::Read(error) => error,
            Walk::Endless(violation) => Error::format(database.path())(violation),
        })
    }

    /// Where the shortcut of an element leads, if it has one. They ascend, and elements are as good as random, so that
    /// a search by proportion takes a few looks.
    pub(crate) fn shortcut(&self, database: &Database, from: u64) -> Result<Option<u64>, Walk> {
        let count = self.members.item_count;
        let (mut items, mut values, mut probes) = (0..self.shortcuts.item_count, 0..count, 0);
        while items.start < items.end && values.contains(&from) {
            let width = items.end - items.start;
            let share = u128::from(width) * u128::from(from - values.start) / u128::from(values.end - values.start);
            let share = if probes < PROPORTIONAL { u64::try_from(share).unwrap_or(0) } else { width / 2 };
            let middle = items.start + share.min(width - 1);
            let entry = self.shortcut_at(database, middle)?;
            match entry.from.get() {
                at if at == from => {
                    let to = entry.to.get();
                    if to >= count {
                        return Err(database.broken("shortcuts", "to", "M-12", middle, to, count).into());
                    }
                    return Ok(Some(to));
                }
                at if at < from => (items.start, values.start) = (middle + 1, at + 1),
                at => (items.end, values.end) = (middle, at),
            }
            probes += 1;
        }
        Ok(None)
    }

    pub(crate) fn shortcut_at(&self, database: &Database, index: u64) -> Result<ShortcutEntry> {
        let bytes: [u8; 16] = database.item(&self.shortcuts, index)?;
        Ok(zerocopy::transmute!(bytes))
    }

    /// The leader of the member at a place.
    fn leader_of(&self, database: &Database, place: u64) -> Result<u64> {
        let groups = self.groups.item_count;
        let after = partition(0..groups, |leader| Ok(self.start(database, leader)? <= place))?;
        let range = after.checked_sub(1).map_or(Ok(0..0), |leader| self.group(database, leader))?;
        if !range.contains(&place) {
            return Err(database.broken("groups", "start", "M-9", after, range.start, place));
        }
        let (rank, items) = (after - 1, self.standing.item_count);
        let after = partition(0..items, |index| Ok(self.item(database, index)?.leaders.get() <= rank))?;
        let index = after.saturating_sub(1);
        let found = match items {
            0 => None,
            _ => self.leader_in(database, &self.item(database, index)?, index, rank)?,
        };
        found.ok_or_else(|| database.broken("standing", "leaders", "M-7", index, rank, groups))
    }

    /// The leader before which there are so many, if it is one of the records of this item.
    pub(super) fn leader_in(
        &self,
        database: &Database,
        item: &StandingItem,
        index: u64,
        rank: u64,
    ) -> Result<Option<u64>> {
        let Some(place) = item.leader(rank) else { return Ok(None) };
        match index * RECORDS + place {
            ordinal if ordinal < database.len() => Ok(Some(ordinal)),
            ordinal => Err(database.broken("standing", "leaders", "M-7", index, ordinal, database.len())),
        }
    }
}

/// What the sections standing and unrepresented say that a record is.
pub(super) fn status(
    database: &Database,
    ordinal: u64,
    standing: &Section,
    unrepresented: Option<&Section>,
) -> Result<Status> {
    let standing = item(database, standing, ordinal / RECORDS)?.standing(ordinal % RECORDS);
    if standing != Standing::Alone {
        return Ok(if standing.is_member() { Status::Member } else { Status::Representative });
    }
    let Some(section) = unrepresented else { return Ok(Status::Representative) };
    let word = u64::from_le_bytes(database.item(section, ordinal / 64)?);
    Ok(if word >> (ordinal % 64) & 1 == 1 { Status::Unrepresented } else { Status::Representative })
}

fn item(database: &Database, standing: &Section, index: u64) -> Result<StandingItem> {
    let bytes: [u8; 64] = database.item(standing, index)?;
    Ok(zerocopy::transmute!(bytes))
}

/// Why no place was found.
#[derive(Debug)]
pub(crate) enum Walk {
    /// What is wrong with what was looked at.
    Read(Error),
    /// The steps come to no end.
    Endless(talaria_db_spec::SpecError),
}

impl From<Error> for Walk {
    fn from(error: Error) -> Self {
        Self::Read(error)
    }
}

impl From<talaria_db_spec::SpecError> for Walk {
    fn from(violation: talaria_db_spec::SpecError) -> Self {
        Self::Endless(violation)
    }
}
