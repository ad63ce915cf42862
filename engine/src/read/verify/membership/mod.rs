//! Which record stands for which: rules M-2 to M-5 of the one form, M-7 to M-12 of the other.

mod compact;
mod listed;

use super::Findings;
use crate::database::Database;
use crate::error::Result;
use crate::read::clusters::compact::Compact;
use crate::read::clusters::listed::Listed;

impl Database {
    /// Costs a few passes over the sections, if there are any.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub(super) fn verify_membership(&self, findings: &Findings) -> Result<()> {
        if let Some(compact) = Compact::find(self) {
            return self.verify_compact(&compact, findings);
        }
        if let Some(listed) = Listed::find(self) {
            self.verify_listed(&listed, findings);
        }
        Ok(())
    }
}
