//! Pairs of records that share words, of a part of all words.
//!
//! Parts are ranges of hashes, so that all records with one word are in one part. Hashes that are compared are small
//! ones, more of them the smaller they are: where to cut follows from where the frames of the files begin, which is the
//! same for whoever has the same files. Words are merged as they come, each record by its rank among all.

use std::path::{Path, PathBuf};

use super::super::candidates::{Hubs, Place, connect, edges_memory};
use super::head::{Head, Kind};
use super::inputs::{Inputs, shards_of};
use super::merge::Merge;
use super::ranks::{self, KEYS, WORDS};
use super::reader::{Items, StageFile};
use super::writer::StageWriter;
use super::{Partition, Stage, StageSummary, round};
use crate::error::Result;
use crate::memory::budget::Budget;
use crate::write::spill::{FRAME, Sorter, Spill};

/// The section of a file that has pairs, or links.
pub(super) const PAIRS: usize = 0;
/// The rank of a record whose words are not compared, as those of an earlier one with the same residues are.
const NONE: u32 = u32::MAX;

impl Stage<'_> {
    /// Writes the pairs of records that share words of a part of all words, of which `files` are the words of all
    /// shards.
    ///
    /// # Errors
    /// [`crate::Error::StageFiles`] for files that do not go together, [`crate::Error::Stage`] for damage,
    /// [`crate::Error::Io`], [`crate::Error::Space`], [`crate::Error::Memory`].
    pub fn edges(&self, files: &[PathBuf], partition: Partition, output: &Path) -> Result<StageSummary> {
        self.run(output, |spill| self.find_edges(files, partition, output, spill))
    }

    fn find_edges(
        &self,
        files: &[PathBuf],
        partition: Partition,
        output: &Path,
        spill: &Spill,
    ) -> Result<StageSummary> {
        let Inputs { kmers, .. } = Inputs::open(files, &[Kind::Kmers], false, &self.budget)?;
        let records = ranks::count(&kmers)?;
        let [first, ..] = &kmers[..] else { return Ok(StageSummary::default()) };
        let (scoring, clustering) = (first.head().scoring, first.head().clustering);
        let round = round(scoring, &clustering)?;
        let lease = self.budget.lease("ranks of records", u64::from(records) * 4)?;
        let ranks = ranks_by_shard(&kmers)?;
        let (from, to) = cut(&kmers, partition, &self.budget)?;
        let sources = kmers.iter().zip(&ranks);
        let sources = sources.map(|(file, ranks)| words(file, ranks, from, to)).collect::<Result<Vec<_>>>()?;
        let most = kmers.iter().fold(0_u64, |sum, file| sum.saturating_add(file.len(WORDS)));
        let most = most.div_ceil(partition.count().into());
        let mut words = 0_u64;
        let merged = Merge::new(sources)?.inspect(|_| {
            words += 1;
            if words.is_multiple_of(1 << 16) {
                // Words of a part are seen together, so that records are not counted, but told from their share.
                let share = u128::from(words.min(most)) * u128::from(records) / u128::from(most.max(1));
                (self.progress)("comparing", share as u64, records.into());
            }
        });
        let memory = edges_memory(self.budget.available(), most, Hubs::Three);
        let mut edges = Sorter::new(spill, "pairs of records that share words", memory)?;
        let cut_groups = connect(merged, |_| false, &round, Hubs::Three, &mut edges)?;
        drop((ranks, lease));
        let pairs = edges.len();
        let mut writer = StageWriter::create(output, &self.budget)?;
        let mut run: Option<(u64, u64, u64)> = None;
        for edge in edges.finish()? {
            let (pair, fit) = edge?;
            match &mut run {
                Some((of_pair, of_fit, count)) if (*of_pair, *of_fit) == (pair, fit) => *count += 1,
                _ => run.replace((pair, fit, 1)).map_or(Ok(()), |run| writer.push(&run))?,
            }
        }
        run.map_or(Ok(()), |run| writer.push(&run))?;
        let shards = shards_of(&kmers);
        let numbers = [words, pairs, cut_groups];
        writer.finish(&Head { kind: Kind::Edges, scoring, clustering, partition, shards, numbers })?;
        Ok(StageSummary { records: records.into(), words, pairs, cut_groups, ..self.summary(spill) })
    }
}

/// The rank of each record of each shard, by its place in the order of the shard.
fn ranks_by_shard(kmers: &[StageFile]) -> Result<Vec<Vec<u32>>> {
    let mut ranks: Vec<Vec<u32>> =
        kmers.iter().map(|file| Vec::with_capacity(usize::try_from(file.len(KEYS)).unwrap_or(0))).collect();
    for record in ranks::records(kmers)? {
        let record = record?;
        // Only the first one of those that are the same is compared.
        ranks[record.shard].push(if record.alike { NONE } else { record.rank });
    }
    Ok(ranks)
}

/// The words of a shard from a hash on, and before another one, by the ranks of their records among all.
fn words<'f>(
    file: &'f StageFile,
    ranks: &'f [u32],
    from: u64,
    to: Option<u64>,
) -> Result<impl Iterator<Item = Result<(u64, u64)>> + 'f> {
    let items: Items<'_, (u64, u64)> = file.range(WORDS, from, to)?;
    Ok(items.filter_map(move |item| {
        let (hash, place) = match item {
            Ok(item) => item,
            Err(error) => return Some(Err(error)),
        };
        let place = Place::of_bits(place);
        match ranks.get(place.rank as usize) {
            None => Some(Err(file.damaged("a word is of a record that the shard does not have"))),
            Some(&NONE) => None,
            Some(&rank) => Some(Ok((hash, Place { rank, ..place }.bits()))),
        }
    }))
}

/// The hashes of a part: from, and before.
fn cut(kmers: &[StageFile], partition: Partition, budget: &Budget) -> Result<(u64, Option<u64>)> {
    let frames: u64 = kmers.iter().map(|file| file.len(WORDS) / (FRAME / 16) as u64 + 1).sum();
    let _lease = budget.lease("where words can be divided", frames * 8)?;
    let mut firsts = Vec::with_capacity(usize::try_from(frames).unwrap_or(0));
    for file in kmers {
        // Eight bytes for 64 KiB of words. The first frame of each file begins where hashes begin.
        firsts.extend(file.index(WORDS)?.entries.iter().skip(1).map(|&(first, _)| first));
    }
    firsts.sort_unstable();
    let at = |part: u32| {
        let at = firsts.len() as u64 * u64::from(part) / u64::from(partition.count());
        firsts.get(usize::try_from(at).unwrap_or(usize::MAX)).copied().unwrap_or(u64::MAX)
    };
    let from = if partition.number() == 1 { 0 } else { at(partition.number() - 1) };
    let to = if partition.number() == partition.count() { None } else { Some(at(partition.number())) };
    Ok((from, to))
}
