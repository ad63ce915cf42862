//! Which record stands for which, in an item a record: rules M-2 to M-5.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::clusters::listed::Listed;
use crate::read::verify::Findings;
use rayon::prelude::*;

impl Database {
    /// Costs a pass over both sections.
    pub(super) fn verify_listed(&self, listed: &Listed, findings: &Findings) {
        let joined = AtomicU64::new(0);
        (0..self.len()).into_par_iter().for_each(|ordinal| {
            if findings.note(self.verify_member(listed, ordinal)) == Some(true) {
                joined.fetch_add(1, Ordering::Relaxed);
            }
        });
        // What is wrong with single items has been noted; whether the members are in order can be told beside it.
        if let Err(error) = self.verify_members(listed, joined.into_inner()) {
            findings.add(error);
        }
    }

    /// Whether another record stands for this one.
    fn verify_member(&self, listed: &Listed, ordinal: u64) -> Result<bool> {
        let entry = listed.entry(self, ordinal)?;
        let representative = entry.representative.get();
        let is_member = entry.representative().is_some_and(|representative| representative != ordinal);
        if representative < self.len() {
            let above = listed.entry(self, representative)?.representative.get();
            if above != representative {
                return Err(self.broken("membership", "representative", "M-2", ordinal, above, representative));
            }
        }
        entry.check(ordinal, self.len()).map_err(Error::format(self.path()))?;
        Ok(is_member)
    }

    /// The members ascend, each of them is one, and there are as many as there are to be.
    fn verify_members(&self, listed: &Listed, joined: u64) -> Result<()> {
        let mut before = None;
        for index in 0..listed.members.item_count {
            let member = self.number_item(&listed.members, index)?;
            if member >= self.len() {
                return Err(self.broken("members", "ordinal", "M-4", index, member, self.len()));
            }
            let entry = listed.entry(self, member)?;
            let representative = entry.representative.get();
            if entry.representative().is_none_or(|representative| representative == member) {
                return Err(self.broken("members", "representative", "M-4", index, member, representative));
            }
            if before.is_some_and(|before| before >= (representative, member)) {
                return Err(self.broken("members", "order", "M-4", index, representative, member));
            }
            before = Some((representative, member));
        }
        if listed.members.item_count < joined {
            return Err(self.broken("members", "item_count", "M-4", 0, listed.members.item_count, joined));
        }
        Ok(())
    }
}
