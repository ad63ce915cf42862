//! A reduction that goes on from an earlier one: what was decided stays, new records come to it.
//!
//! The input is the sources of the earlier result followed by the new ones, so that its records keep their numbers. Its
//! representatives stay representatives, and its members stay with theirs, as alike as it says they are: nothing of it
//! is compared again. A new record joins a representative of old or another new record; how is up to the method.
//!
//! What a sequence of updates comes to depends on that sequence, as representatives are never given up; what one update
//! comes to depends on neither the order of the new records nor on threads or memory.
//!
//! Costs, beside what the method costs for all records together, nothing where the earlier result says who stands for
//! whom, and 64 bytes a member while lists of it are made where that follows from shared copies.

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Budget;
use crate::memory::settings::MemorySettings;
use crate::options::OpenOptions;
use crate::read::clusters::{Clusters, MEMBER, Membership, Status};
use crate::reduce::groups::Groups;
use crate::reduce::similarity::Similarity;
use crate::write::builder::Builder;

/// With fewer residues it is not known what they are.
const SURE: u64 = 1_000;

/// What an update brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateReport {
    /// Records that were there before.
    pub old_records: u64,
    /// References among them, all of which are references still.
    pub old_references: u64,
    /// Records that are new.
    pub new_records: u64,
    /// New records that joined a reference that was there before.
    pub joined_old: u64,
    /// New records that are references.
    pub new_references: u64,
}

/// Lets a builder begin with the records of an earlier result, and make a container of the same shape.
pub(super) fn prepare<'b>(old: &Path, builder: Builder<'b>) -> Result<Builder<'b>> {
    let database = OpenOptions::new().cache(0).open(old)?;
    let header = database.container().header();
    let builder = builder.block_size(header.sequence_block_size.get()).columns(database.columns_kept().iter());
    // What its residues are is told from all of them, as before, unless it was said.
    let said = |(key, command): &(String, String)| key == "command" && command.contains(" --alphabet ");
    let builder = match database.provenance()?.iter().any(said) {
        true => builder.alphabet(database.alphabet()),
        false => builder,
    };
    Ok(builder.add_file(old))
}

/// The earlier result. Its records are the first ones of the input.
#[derive(Debug)]
pub(crate) struct Old {
    database: Database,
    /// None if all records stand for themselves.
    clusters: Option<Clusters>,
    references: u64,
}

impl Old {
    /// Opens it, and reads no more of it than the memberships.
    pub(crate) fn open(path: &Path, memory: &MemorySettings, budget: &Budget) -> Result<Self> {
        let database = OpenOptions::new().memory(memory.clone()).cache(0).budget(budget.clone()).open(path)?;
        let clusters = if database.is_reduced() { Some(database.clusters()?) } else { None };
        let mut old = Self { database, clusters, references: 0 };
        for ordinal in 0..old.len() {
            old.references += u64::from(old.is_representative(ordinal)?);
        }
        Ok(old)
    }

    /// The memory that an open one takes at least.
    pub(crate) fn least_memory(database: &Database) -> Result<u64> {
        if !database.is_reduced() || database.container().has_membership() {
            return Ok(0);
        }
        let mut members = 0;
        for ordinal in 0..database.len() {
            members += u64::from(database.header_entry(ordinal)?.is_shared());
        }
        Ok(members * MEMBER)
    }

    /// Its representatives.
    pub(crate) fn references(&self) -> u64 {
        self.references
    }

    /// Records.
    pub(crate) fn len(&self) -> u64 {
        self.database.len()
    }

    /// What came to it, of so many records in all.
    pub(crate) fn report(&self, records: u64, groups: &Groups) -> UpdateReport {
        let new_records = records - self.len();
        let (members, joined_old) = groups.new_members();
        UpdateReport {
            old_records: self.len(),
            old_references: self.references,
            new_records,
            joined_old,
            new_references: new_records - members,
        }
    }

    /// Whether a record of the input is one of them.
    pub(crate) fn has(&self, ordinal: u64) -> bool {
        ordinal < self.len()
    }

    /// Who stands for one of its records; sooner told if it is the record `likely`.
    ///
    /// # Errors
    /// [`Error::Option`] if nobody does: a choice of references that left records is not carried on.
    pub(crate) fn membership(&self, ordinal: u64, likely: u64) -> Result<Membership> {
        match &self.clusters {
            Some(clusters) => clusters.membership_beside(ordinal, likely)?.ok_or_else(|| self.unrepresented()),
            None => Ok(Membership { representative: ordinal, similarity: Similarity::FULL }),
        }
    }

    /// Calls `found` with each of its records that another one stands for, in any order.
    ///
    /// # Errors
    /// Damage in the result, and those of `found`.
    pub(crate) fn for_each_member(&self, found: impl FnMut(u64, Membership) -> Result<()>) -> Result<()> {
        self.clusters.as_ref().map_or(Ok(()), |clusters| clusters.for_each_member(found))
    }

    /// Whether a record of the input is one of its representatives.
    ///
    /// # Errors
    /// As [`Old::membership`].
    pub(crate) fn is_representative(&self, ordinal: u64) -> Result<bool> {
        let Some(clusters) = self.clusters.as_ref().filter(|_| self.has(ordinal)) else { return Ok(self.has(ordinal)) };
        match clusters.status(ordinal)? {
            Status::Representative => Ok(true),
            Status::Member => Ok(false),
            Status::Unrepresented => Err(self.unrepresented()),
        }
    }

    fn unrepresented(&self) -> Error {
        let path = self.database.path().display();
        let reason = format!("{path} has records that no reference stands for: reduce all of it anew");
        Error::Option { option: "--update", reason }
    }

    /// Looks whether `input` begins with the sources of this one, and is of the same kind.
    ///
    /// # Errors
    /// As [`Old::check_sources`]; [`Error::Option`] if nucleotides became proteins, or the other way round.
    pub(crate) fn check_within(&self, input: &Database) -> Result<()> {
        self.check_sources(input)?;
        let [before, now] = [&self.database, input].map(Database::alphabet);
        if before.is_nucleotide() == now.is_nucleotide() || self.database.residue_count() < SURE {
            return Ok(());
        }
        let path = self.database.path().display();
        let reason = format!("{path} holds {}, and what comes to it is something else", before.name());
        Err(Error::Option { option: "--update", reason })
    }

    /// Looks whether `input` begins with the sources of this one.
    ///
    /// # Errors
    /// [`Error::Verification`] if not: the file was replaced while it was read.
    fn check_sources(&self, input: &Database) -> Result<()> {
        let (own, all) = (self.database.sources()?, input.sources()?);
        let same = own.iter().zip(&all).all(|(left, right)| {
            (left.sha256, left.first_record, left.record_count)
                == (right.sha256, right.first_record, right.record_count)
        });
        if same && own.len() <= all.len() {
            return Ok(());
        }
        let reason = "it was replaced while it was read".to_owned();
        Err(Error::Verification { path: self.database.path().to_path_buf(), reason })
    }
}
