//! The reduced container of all shards.

use std::path::{Path, PathBuf};

use super::Stage;
use super::cover::COPY;
use super::edges::PAIRS;
use super::head::Kind;
use super::inputs::Inputs;
use super::reader::{Items, StageFile};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::reduce::built::Built;
use crate::reduce::groups::{Groups, sort_memory, sort_memory_of};
use crate::reduce::report::Stages;
use crate::reduce::similarity::Similarity;
use crate::reduce::{Method, Output, Reduction, ReductionReport};
use crate::write::builder::Builder;
use crate::write::encode::Compression;
use crate::write::spill::{Sorter, Spill};

/// What is written beside the reduced container, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writing {
    /// The table of clusters ([`Reduction::clusters`]).
    pub clusters: Option<PathBuf>,
    /// The clusters in the form of CD-HIT ([`Reduction::clstr`]).
    pub clstr: Option<PathBuf>,
    /// Leaves members out ([`Reduction::references_only`]).
    pub references_only: bool,
    /// Codec of the residues.
    pub compression: Compression,
}

impl Default for Writing {
    fn default() -> Self {
        Self { clusters: None, clstr: None, references_only: false, compression: Compression::Zstd(1) }
    }
}

/// Bytes of memory a record: its number, its representative, the size of its cluster.
const MEMORY: u64 = 12;

impl Stage<'_> {
    /// Writes the reduced container, or FASTA, of all shards. `files` are the shards, in the order that their records
    /// are to have, and the clusters.
    ///
    /// Several shards are brought together in one temporary container first, as [`Builder`] does it.
    ///
    /// # Errors
    /// [`Error::StageFiles`] for files that do not go together, [`Error::Stage`] for damage, also in shards; as
    /// [`Reduction::run`].
    pub fn write(&self, files: &[PathBuf], output: Output, writing: &Writing) -> Result<ReductionReport> {
        let path = output.path().to_path_buf();
        self.run(&path, |spill| self.write_reduced(files, output, writing, spill))
    }

    fn write_reduced(
        &self,
        files: &[PathBuf],
        output: Output,
        writing: &Writing,
        spill: &Spill,
    ) -> Result<ReductionReport> {
        let inputs = Inputs::open(files, &[Kind::Clusters], true, &self.budget)?;
        let [clusters, ..] = &inputs.clusters[..] else {
            return Err(Error::Option { option: "FILE", reason: "no file of clusters was given".to_owned() });
        };
        let shards = &clusters.head().shards;
        let (databases, given) = inputs.open_shards(clusters, shards, &self.memory, &self.budget)?;
        drop(databases);
        let mut stages = Stages::new(&self.budget);
        let target = output.path().to_path_buf();
        let [first, more @ ..] = &inputs.shards[..] else {
            return Err(Error::Option { option: "FILE", reason: "no shards were given".to_owned() });
        };
        let mut reduction = self.reduction(first, output, clusters, writing, spill);
        let mut built = None;
        if !more.is_empty() {
            let builder =
                |path: &Path| Ok(inputs.shards.iter().fold(reduction.builder_of_nothing(path), Builder::add_file));
            built = Some(stages.time("building", || Built::with(spill, &target, builder))?);
        }
        if let Some(path) = &writing.clusters {
            reduction = reduction.clusters(path);
        }
        if let Some(path) = &writing.clstr {
            reduction = reduction.clstr(path);
        }
        let path = built.as_ref().map_or(first.as_path(), |built| built.path.as_path());
        let database = reduction.open(path, &self.budget)?;
        drop(built);
        // The number of each shard's first record, by fingerprint.
        let (mut bases, mut base) = (vec![0; shards.len()], 0);
        for number in given {
            bases[number] = base;
            base += shards[number].records;
        }
        if database.len() != base || clusters.len(PAIRS) != base {
            return Err(clusters.damaged("it has another number of records than the shards"));
        }
        let threads = rayon::current_num_threads();
        let shape = reduction.shape_of(&database);
        let reserve = reduction.reserve_for_writing(&shape, database.columns_kept(), database.len(), threads);
        let groups = stages.time("grouping", || groups(clusters, &bases, &database, spill, reserve))?;
        let report = reduction.write(&database, groups, spill, &mut stages)?;
        let (peak_memory, peak_spill) = (self.budget.peak(), spill.peak_on_disk());
        let sorted_runs = spill.runs_written();
        Ok(ReductionReport { stages: stages.reports, peak_memory, peak_spill, sorted_runs, ..report })
    }

    /// The reduction that would have come to this.
    fn reduction(
        &self,
        input: &Path,
        output: Output,
        clusters: &StageFile,
        writing: &Writing,
        spill: &Spill,
    ) -> Reduction<'_> {
        let reduction = Reduction::new(input, output)
            .method(Method::Cluster(clusters.head().clustering))
            .references_only(writing.references_only)
            .compression(writing.compression)
            .threads(self.threads)
            .memory(self.memory.clone())
            .budget(self.budget.clone())
            .temporary_folder(spill.folder())
            .progress(|stage, seen, total| (self.progress)(stage, seen, total));
        match self.spill_limit {
            Some(limit) => reduction.spill_limit(limit),
            None => reduction,
        }
    }
}

/// Who joins whom, by the numbers that records have in the container of all shards, of which each begins at its base.
fn groups(clusters: &StageFile, bases: &[u64], database: &Database, spill: &Spill, reserve: u64) -> Result<Groups> {
    let records = database.len();
    let _lease = spill.budget().lease("who joins whom", records * MEMORY)?;
    let mut groups = Groups::new(records, spill, reserve)?;
    let ordinals = ordinals(clusters, bases, records, spill)?;
    let mut representatives = Vec::with_capacity(ordinals.len());
    let mut sizes = vec![0_u32; ordinals.len()];
    for item in items(clusters)? {
        let representative = (item?.1 >> 32) as u32;
        match sizes.get_mut(representative as usize) {
            Some(size) => *size += 1,
            None => return Err(clusters.damaged("a record joins one that is not there")),
        }
        representatives.push(representative);
    }
    for (rank, item) in (0_u32..).zip(items(clusters)?) {
        let joins = item?.1;
        let representative = representatives[rank as usize];
        if representatives[representative as usize] != representative {
            return Err(clusters.damaged("a record joins one that joins another one"));
        }
        if representative != rank {
            let similarity = Similarity::new((joins >> 16) as u16, joins as u16);
            let [representative, member] = [representative, rank].map(|rank| u64::from(ordinals[rank as usize]));
            groups.join(representative, member, similarity)?;
        }
    }
    sizes.into_iter().for_each(|size| groups.count(size.into()));
    Ok(groups)
}

/// The number of each rank. Ranks that are the same in header and residues are in the order of their numbers, as if all
/// had been in one container.
fn ordinals(clusters: &StageFile, bases: &[u64], records: u64, spill: &Spill) -> Result<Vec<u32>> {
    let memory = sort_memory(spill, 4, 0).min(sort_memory_of(records, size_of::<(u64, u64)>()));
    let mut numbers = Sorter::new(spill, "numbers of records", memory)?;
    let mut run = 0;
    for (rank, item) in (0_u64..).zip(items(clusters)?) {
        let (place, _, flags) = item?;
        if flags & COPY == 0 {
            run = rank;
        }
        let known = clusters.head().shards.get((place >> 32) as usize).zip(bases.get((place >> 32) as usize));
        match known {
            Some((shard, base)) if place & 0xffff_ffff < shard.records => {
                numbers.push((run, base + (place & 0xffff_ffff)))?
            }
            _ => return Err(clusters.damaged("it knows a record that the shards do not have")),
        }
    }
    numbers.finish()?.map(|number| number.map(|(_, number)| number as u32)).collect()
}

fn items(clusters: &StageFile) -> Result<Items<'_, (u64, u64, u64)>> {
    clusters.items(PAIRS)
}
