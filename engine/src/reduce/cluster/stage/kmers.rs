//! The words of a shard.

use std::path::Path;

use super::super::Context;
use super::super::assignment::Assignment;
use super::super::candidates::{Hubs, take_words};
use super::super::same::join_same;
use super::head::{Head, Kind};
use super::inputs::{open_shard, shard_of};
use super::writer::StageWriter;
use super::{Partition, Stage, StageSummary, round};
use crate::align::{LONGEST, Scoring, fold};
use crate::error::Result;
use crate::reduce::Clustering;
use crate::reduce::groups::LEAST_SORT_MEMORY;
use crate::reduce::order::{self, Ordering};
use crate::write::spill::Spill;

/// What a record counts for when all of them are divided into parts, beside its residues.
const RECORD_WEIGHT: u64 = 64;

/// What a record of so many residues counts for when all of them are divided into parts.
pub(super) fn weight(length: u64) -> u64 {
    length.min(LONGEST) + RECORD_WEIGHT
}

impl Stage<'_> {
    /// Writes the words of a shard, a container, that a clustering compares, and what ranks its records among those of
    /// other shards.
    ///
    /// # Errors
    /// [`crate::Error::Option`] for a clustering that stages cannot do, damage in the container, [`crate::Error::Io`],
    /// [`crate::Error::Space`], [`crate::Error::Memory`].
    pub fn kmers(&self, shard: &Path, clustering: Clustering, output: &Path) -> Result<StageSummary> {
        self.run(output, |spill| self.take_kmers(shard, clustering, output, spill))
    }

    fn take_kmers(&self, shard: &Path, clustering: Clustering, output: &Path, spill: &Spill) -> Result<StageSummary> {
        let database = open_shard(shard, &self.memory, &self.budget)?;
        let scoring = Scoring::of(database.alphabet());
        let round = round(scoring, &clustering)?;
        let records = database.len();
        let keep = records.saturating_mul(order::LEAST_MEMORY) + 3 * LEAST_SORT_MEMORY;
        let context = self.context(spill, scoring, &clustering, keep);
        let Context { ranks, old, progress, .. } = context;
        let fold = |residues: &[u8], folded: &mut Vec<u8>| fold(residues, scoring, folded);
        let ordering =
            Ordering { database: &database, spill, ranks, old, fold: &fold, folds_long: false, keep, progress };
        let mut writer = StageWriter::create(output, &self.budget)?;
        let (mut all, mut longest) = (0, 0);
        let order = order::order_noting(&ordering, |key| {
            all += weight(order::length_of(key.0));
            longest = order::length_of(key.0).max(longest);
            writer.push(&key)
        })?;
        database.release_pages();
        writer.end_section()?;
        let mut assignment = Assignment::new(&context, order.residues.len())?;
        join_same(&database, &order, &mut assignment)?;
        let words = take_words(&context, &order, &assignment, &round, Hubs::Three)?.finish()?;
        let count = words.remaining();
        for word in words {
            writer.push(&word?)?;
        }
        let head = Head {
            kind: Kind::Kmers,
            scoring,
            clustering,
            partition: Partition::WHOLE,
            shards: vec![shard_of(&database)?],
            numbers: [all, count, longest],
        };
        writer.finish(&head)?;
        Ok(StageSummary { records, words: count, ..self.summary(spill) })
    }
}
