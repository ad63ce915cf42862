//! All members with their representatives, in a pass over the list of members: no member is searched for.

use super::compact::Compact;
use super::{Clusters, Form, Membership};
use crate::database::Database;
use crate::error::Result;
use crate::reduce::Similarity;

impl Clusters {
    /// Calls `found` with each record that another one stands for, in any order.
    ///
    /// # Errors
    /// As [`Clusters::membership`], and those of `found`.
    pub(crate) fn for_each_member(&self, mut found: impl FnMut(u64, Membership) -> Result<()>) -> Result<()> {
        match &self.form {
            Form::Compact(compact) => compact.for_each_member(&self.database, found),
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
    fn for_each_member(&self, database: &Database, mut found: impl FnMut(u64, Membership) -> Result<()>) -> Result<()> {
        let mut leader = 0;
        for index in 0..self.standing.item_count {
            let item = self.item(database, index)?;
            while let Some(representative) = self.leader_in(database, &item, index, leader)? {
                let mut before = None;
                for place in self.group(database, leader)? {
                    let (member, similarity) = self.member(database, place, before)?;
                    before = Some(member);
                    found(member, Membership { representative, similarity })?;
                }
                leader += 1;
            }
        }
        match self.groups.item_count {
            count if count == leader + 1 => Ok(()),
            count => Err(database.broken("groups", "item_count", "M-7", leader, count, leader + 1)),
        }
    }
}
