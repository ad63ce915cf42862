//! Which record stands for which: rules M-2 to M-5.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::validate::Section;

use super::Findings;
use crate::database::Database;
use crate::error::{Error, Result};

impl Database {
    /// Costs a pass over both sections, if there are any.
    pub(super) fn verify_membership(&self, findings: &Findings) {
        let container = self.container();
        let sections = container.section(SectionKind::Membership).zip(container.section(SectionKind::Members));
        let Some((membership, members)) = sections.filter(|_| container.has_membership()) else { return };
        let joined = AtomicU64::new(0);
        (0..self.len()).into_par_iter().for_each(|ordinal| {
            if findings.note(self.verify_member(membership, ordinal)) == Some(true) {
                joined.fetch_add(1, Ordering::Relaxed);
            }
        });
        // What is wrong with single items has been noted; whether the members are in order can be told beside it.
        if let Err(error) = self.verify_members(membership, members, joined.into_inner()) {
            findings.add(error);
        }
    }

    /// Whether another record stands for this one.
    fn verify_member(&self, membership: &Section, ordinal: u64) -> Result<bool> {
        let entry = self.membership_entry(membership, ordinal)?;
        let representative = entry.representative.get();
        let is_member = entry.representative().is_some_and(|representative| representative != ordinal);
        if representative < self.len() {
            let above = self.membership_entry(membership, representative)?.representative.get();
            if above != representative {
                return Err(self.broken("membership", "representative", "M-2", ordinal, above, representative));
            }
        }
        entry.check(ordinal, self.len()).map_err(Error::format(self.path()))?;
        Ok(is_member)
    }

    /// The members ascend, each of them is one, and there are as many as there are to be.
    fn verify_members(&self, membership: &Section, members: &Section, joined: u64) -> Result<()> {
        let mut before = None;
        for index in 0..members.item_count {
            let member = self.members_item(members, index)?;
            if member >= self.len() {
                return Err(self.broken("members", "ordinal", "M-4", index, member, self.len()));
            }
            let entry = self.membership_entry(membership, member)?;
            let representative = entry.representative.get();
            if entry.representative().is_none_or(|representative| representative == member) {
                return Err(self.broken("members", "representative", "M-4", index, member, representative));
            }
            if before.is_some_and(|before| before >= (representative, member)) {
                return Err(self.broken("members", "order", "M-4", index, representative, member));
            }
            before = Some((representative, member));
        }
        if members.item_count < joined {
            return Err(self.broken("members", "item_count", "M-4", 0, members.item_count, joined));
        }
        Ok(())
    }
}
