//! The choice of representatives, from the links of all parts.

use std::path::{Path, PathBuf};

use super::super::assignment::Assignment;
use super::super::graph::{Graph, Link};
use super::super::{Context, cover};
use super::edges::PAIRS;
use super::head::{Head, Kind};
use super::inputs::{Inputs, shards_of};
use super::merge::Merge;
use super::ranks;
use super::reader::{Items, StageFile};
use super::verify::SAME;
use super::writer::StageWriter;
use super::{Partition, Stage, StageSummary, round};
use crate::error::Result;
use crate::reduce::groups::LEAST_SORT_MEMORY;
use crate::reduce::order::Order;
use crate::reduce::similarity::Similarity;
use crate::write::spill::{Spill, SpillColumn, SpillTable};

/// Says that a record is the same as the one before it, header and residues.
pub(super) const COPY: u64 = 1;

impl Stage<'_> {
    /// Chooses representatives, and writes who joins whom. `files` are the words of all shards, and all parts of the
    /// links, in any order.
    ///
    /// # Errors
    /// [`crate::Error::StageFiles`] for files that do not go together, [`crate::Error::Stage`] for damage,
    /// [`crate::Error::Io`], [`crate::Error::Space`], [`crate::Error::Memory`].
    pub fn cover(&self, files: &[PathBuf], output: &Path) -> Result<StageSummary> {
        self.run(output, |spill| self.choose(files, output, spill))
    }

    fn choose(&self, files: &[PathBuf], output: &Path, spill: &Spill) -> Result<StageSummary> {
        let Inputs { kmers, links, .. } = Inputs::open(files, &[Kind::Kmers, Kind::Links], false, &self.budget)?;
        let records = ranks::count(&kmers)?;
        let [first, ..] = &kmers[..] else { return Ok(StageSummary::default()) };
        let (scoring, clustering) = (first.head().scoring, first.head().clustering);
        round(scoring, &clustering)?;
        let keep = u64::from(records) * cover::MEMORY + LEAST_SORT_MEMORY;
        let context = self.context(spill, scoring, &clustering, keep);
        let order = order(&context, &kmers, records)?;
        let mut assignment = Assignment::new(&context, records as usize)?;
        let mut next = 0;
        for same in all_same(&links, records)? {
            let (rank, kind) = same?;
            if rank < next || !assignment.is_representative(kind) {
                return Err(first.damaged("a record is the same as one that is the same as another one"));
            }
            assignment.same(rank, kind);
            next = rank + 1;
        }
        (self.progress)("choosing", 0, records.into());
        let graph = {
            let mut counts = SpillColumn::new(spill, "links of records", records as usize, 0_u32, context.keep)?;
            let mut before = None;
            for link in all_links(&links, records)? {
                let Link { representative, member, .. } = link?;
                if before.replace((representative, member)) >= Some((representative, member)) {
                    return Err(first.damaged("links are not in order, or one is there twice"));
                }
                if ![representative, member].into_iter().all(|rank| assignment.is_representative(rank)) {
                    return Err(first.damaged("a link is of a record that shares the lot of another one"));
                }
                counts[representative as usize] += 1;
            }
            Graph::of_links(&context, &counts, all_links(&links, records)?)?
        };
        cover::cover(&context, &order, &graph, &mut assignment, None)?;
        let mut writer = StageWriter::create(output, &self.budget)?;
        let (mut kinds, mut last, mut references) = (all_same(&links, records)?.peekable(), None, 0);
        for record in ranks::records(&kmers)? {
            let record = record?;
            let rank = record.rank;
            let same = kinds.next_if(|same| same.as_ref().map_or(true, |same| same.0 == rank));
            let kind = same.transpose()?.map_or(rank, |same| same.1);
            let before = last.replace(kind);
            let is_copy = record.same_header && before == Some(kind);
            let (representative, similarity) = assignment.representative(rank).unwrap_or((rank, Similarity::FULL));
            references += u64::from(representative == rank);
            let alike = u64::from(similarity.identity()) << 16 | u64::from(similarity.coverage());
            let place = (record.shard as u64) << 32 | u64::from(record.ordinal);
            let flags = if is_copy { COPY } else { 0 };
            writer.push(&(place, u64::from(representative) << 32 | alike, flags))?;
        }
        let (partition, shards) = (Partition::WHOLE, shards_of(&kmers));
        let numbers = [references, 0, 0];
        writer.finish(&Head { kind: Kind::Clusters, scoring, clustering, partition, shards, numbers })?;
        let pairs = links.iter().map(|file| file.len(PAIRS)).sum();
        Ok(StageSummary { records: records.into(), pairs, references, ..self.summary(spill) })
    }
}

/// All records by rank, without their residues.
fn order(context: &Context<'_>, kmers: &[StageFile], records: u32) -> Result<Order> {
    let (spill, keep, bases) = (context.spill, context.keep, ranks::bases(kmers));
    let mut ordinals = SpillColumn::new(spill, "records by rank", records as usize, 0_u32, keep)?;
    for (ordinal, record) in ordinals.iter_mut().zip(ranks::records(kmers)?) {
        let record = record?;
        *ordinal = bases[record.shard] + record.ordinal;
    }
    let nothing = SpillTable::new(spill, "residues in order", 0, keep, std::iter::empty())?;
    Ok(Order::of_parts(ordinals, nothing))
}

/// All links, by representative.
fn all_links(files: &[StageFile], records: u32) -> Result<impl Iterator<Item = Result<Link>>> {
    let source = |file| -> Result<_> {
        let items: Items<'_, Link> = StageFile::items(file, PAIRS)?;
        Ok(items.map(move |link| {
            let link = link?;
            let possible = link.representative < records && link.member < records && link.representative != link.member;
            if possible { Ok(link) } else { Err(file.damaged("a link is of records that cannot be")) }
        }))
    };
    Merge::new(files.iter().map(source).collect::<Result<Vec<_>>>()?)
}

/// All ranks with the same residues as an earlier one, and that one.
fn all_same(files: &[StageFile], records: u32) -> Result<impl Iterator<Item = Result<(u32, u32)>>> {
    let source = |file| -> Result<_> {
        let items: Items<'_, (u64, u64)> = StageFile::items(file, SAME)?;
        Ok(items.map(move |same| {
            let (rank, kind) = same?;
            let possible = kind < rank && rank < u64::from(records);
            if possible { Ok((rank as u32, kind as u32)) } else { Err(file.damaged("records that cannot be the same")) }
        }))
    };
    Merge::new(files.iter().map(source).collect::<Result<Vec<_>>>()?)
}
