//! Members with their representatives in a pass over the list of members, where the leader is known: no member is
//! searched for.

use talaria_db_spec::standing::RECORDS;
use talaria_db_spec::validate::Section;

use super::compact::Compact;
use super::{Clusters, Form, Membership};
use crate::database::Database;
use crate::error::Result;
use crate::reduce::Similarity;

/// Numbers that are read together.
const RUN: u64 = 1 << 12;
/// Numbers of a list that are passed in the time of a search along a cycle.
const AS_MUCH_AS_A_SEARCH: u64 = 1 << 10;

impl Clusters {
    /// Calls `found` with each record that another one stands for, in any order.
    ///
    /// # Errors
    /// As [`Clusters::membership`], and those of `found`.
    pub(crate) fn for_each_member(&self, mut found: impl FnMut(u64, Membership) -> Result<()>) -> Result<()> {
        match &self.form {
            Form::Compact(compact) => compact.pass(&self.database, |member, representative| {
                let similarity = compact.similarity_of(&self.database, member)?;
                found(member, Membership { representative, similarity })
            }),
            Form::Listed(_) => {
                for ordinal in 0..self.database.len() {
                    if let Some(membership) = self.membership(ordinal)?.filter(|above| above.representative != ordinal)
                    {
                        found(ordinal, membership)?;
                    }
                }
                Ok(())
            }
            Form::Shared(lists) => lists.pairs().iter().try_for_each(|&(representative, member)| {
                found(member, Membership { representative, similarity: Similarity::FULL })
            }),
        }
    }
}

impl Compact {
    /// Whether a pass over the list of members takes less time than to search for so many.
    pub(super) fn is_worth_a_pass(&self, count: usize) -> bool {
        self.members.item_count / AS_MUCH_AS_A_SEARCH < count as u64
    }

    /// The memberships of some records, in one pass.
    pub(super) fn memberships(&self, database: &Database, ordinals: &[u64]) -> Result<Vec<Option<Membership>>> {
        let mut all = Vec::with_capacity(ordinals.len());
        let mut asked: Vec<(u64, usize)> = Vec::new();
        for (index, &ordinal) in ordinals.iter().enumerate() {
            database.check_ordinal(ordinal)?;
            if self.stand(database, ordinal)?.standing.is_member() {
                asked.push((ordinal, index));
                all.push(None);
            } else {
                all.push(self.membership(database, ordinal)?);
            }
        }
        asked.sort_unstable();
        let (first, last) = (asked.first().map_or(u64::MAX, |asked| asked.0), asked.last().map_or(0, |asked| asked.0));
        let mut left = asked.len();
        self.pass(database, |member, representative| {
            if member < first || member > last {
                return Ok(());
            }
            let start = asked.partition_point(|&(ordinal, _)| ordinal < member);
            let same = asked.get(start..).unwrap_or_default().iter().take_while(|&&(ordinal, _)| ordinal == member);
            let mut found = None;
            for &(_, index) in same {
                let membership = match found {
                    Some(membership) => membership,
                    None => Membership { representative, similarity: self.similarity_of(database, member)? },
                };
                found = Some(membership);
                if let Some(place) = all.get_mut(index) {
                    left -= usize::from(place.is_none());
                    *place = found;
                }
            }
            Ok(())
        })?;
        match left {
            0 => Ok(all),
            _ => Err(database.broken("members", "item_count", "M-10", 0, self.members.item_count, left as u64)),
        }
    }

    /// Calls `found` with each member and its leader, by leader and then by member.
    fn pass(&self, database: &Database, mut found: impl FnMut(u64, u64) -> Result<()>) -> Result<()> {
        let (mut groups, mut members) = (Numbers::new(self.groups), Numbers::new(self.members));
        let (mut leader, mut place) = (0, 0);
        let mut start = groups.next(database)?.unwrap_or(0);
        for index in 0..self.standing.item_count {
            let item = self.item(database, index)?;
            while let Some(representative) = self.leader_in(database, &item, index, leader)? {
                let end = groups.next(database)?.unwrap_or(start);
                if start != place || end <= start {
                    return Err(database.broken("groups", "start", "M-9", leader, start, end));
                }
                let mut before = None;
                for _ in start..end {
                    let Some(member) = members.next(database)? else {
                        return Err(database.broken("groups", "start", "M-9", leader, end, self.members.item_count));
                    };
                    if before.is_some_and(|before| before >= member) {
                        return Err(database.broken("members", "order", "M-10", place, member, before.unwrap_or(0)));
                    }
                    (before, place) = (Some(member), place + 1);
                    found(member, representative)?;
                }
                (leader, start) = (leader + 1, end);
            }
        }
        if self.groups.item_count == leader + 1 {
            return Ok(());
        }
        Err(database.broken("groups", "item_count", "M-7", leader, self.groups.item_count, leader + 1))
    }

    /// How alike a record that is to be a member and its representative are.
    fn similarity_of(&self, database: &Database, member: u64) -> Result<Similarity> {
        let stand = self.stand_of_member(database, member, member / RECORDS)?;
        self.similarity(database, stand)
    }
}

/// The numbers of a section, from the first one on.
struct Numbers {
    section: Section,
    next: u64,
    run: Vec<u64>,
}

impl Numbers {
    fn new(section: Section) -> Self {
        Self { section, next: 0, run: Vec::new() }
    }

    fn next(&mut self, database: &Database) -> Result<Option<u64>> {
        if self.next >= self.section.item_count {
            return Ok(None);
        }
        let at = self.next % RUN;
        if at == 0 {
            let run = database.items(&self.section, self.next..self.section.item_count.min(self.next + RUN))?;
            self.run = match self.section.item_size {
                8 => run.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect(),
                _ => run.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes).into()).collect(),
            };
        }
        self.next += 1;
        Ok(self.run.get(at as usize).copied())
    }
}
