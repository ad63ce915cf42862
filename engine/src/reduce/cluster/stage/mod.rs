//! The stages of a clustering, each over one shard or one partition, with files in and out: for clusters of machines.
//!
//! A database may be cut into **shards**, containers of their own, of which no process has to see all records. Any
//! scheduler can run the stages, each as soon as the files that it reads are there:
//!
//! | stage | over | reads | writes |
//! |---|---|---|---|
//! | [`kmers`](Stage::kmers) | a shard | the shard | its words, sorted, and what ranks its records among all others |
//! | [`edges`](Stage::edges) | a part of all words | the words of all shards | pairs of records that share words |
//! | [`verify`](Stage::verify) | a part of all records | shards, words, pairs | pairs that an alignment finds similar |
//! | [`cover`](Stage::cover) | everything | words, links | who joins whom |
//! | [`write`](Stage::write) | everything | shards, clusters | the reduced container |
//!
//! The result is that of [`Reduction`](crate::reduce::Reduction) with
//! [`Method::Cluster`](crate::reduce::Method::Cluster) over all shards as one container, to the byte, whatever the
//! order in which files are given and however many partitions there are. Both run the same code; what the stages add is
//! in `ranks` (where a record of a shard stands among all), `merge`, and the form of the files (`head`, `writer`,
//! `reader`). One difference remains: where two different sequences have one length and one hash of 64 bits, only the
//! first of them is compared with others, and the other one stands for itself.
//!
//! Stages are for identities at which all pairs are aligned before representatives are chosen, 0.65 for proteins and
//! 0.85 for nucleotides, at least. Below, and with more rounds, records join others one by one, which no two processes
//! can do at once: that is refused.
//!
//! Files say what they are of: program, options, shards by a fingerprint, partition. What does not go together is
//! refused, by the names of both files ([`Error::StageFiles`]); damage is found by checksums and never trusted
//! ([`Error::Stage`]). They appear whole or not at all.
//!
//! All is within the budget. Memory grows with records, by these bytes each at least: `kmers` 4 a record of its shard;
//! `edges` 4 of all; `verify` 5 and `cover` 20 of all; `write` as much as any reduction. Each file that is read takes a
//! buffer of 128 KiB. A partition takes the temporary space of its own part.

mod cover;
mod edges;
mod head;
mod inputs;
mod kmers;
mod merge;
mod ranks;
mod reader;
#[cfg(test)]
mod tests;
mod verify;
mod write;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};

pub use self::write::Writing;

use super::plan::{self, Plan, Round};
use super::{Clustering, Context, check, ratio};
use crate::align::Scoring;
use crate::error::{Error, Result};
use crate::memory::budget::Budget;
use crate::memory::settings::MemorySettings;
use crate::threads::Workers;
use crate::write::beside::folder_of;
use crate::write::spill::Spill;

/// One of so many parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    number: u32,
    count: u32,
}

impl Partition {
    /// All of it.
    pub const WHOLE: Self = Self { number: 1, count: 1 };

    /// Part `number`, from 1, of `count` parts.
    ///
    /// # Errors
    /// [`Error::Option`] if there is no such part.
    ///
    /// ```
    /// use talaria_db::reduce::stage::Partition;
    ///
    /// assert_eq!(Partition::new(2, 3)?.to_string(), "2/3");
    /// assert_eq!(Partition::parse("2/3")?, Partition::new(2, 3)?);
    /// assert!(Partition::parse("0/3").is_err() && Partition::parse("4/3").is_err());
    /// # Ok::<(), talaria_db::Error>(())
    /// ```
    pub fn new(number: u32, count: u32) -> Result<Self> {
        if number == 0 || number > count {
            let reason = format!("{number}/{count} is no part: 1/{0} to {0}/{0}", count.max(1));
            return Err(Error::Option { option: "--partition", reason });
        }
        Ok(Self { number, count })
    }

    /// As it is displayed.
    ///
    /// # Errors
    /// As [`Partition::new`].
    pub fn parse(text: &str) -> Result<Self> {
        let numbers =
            text.split_once('/').and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((number, count)) => Self::new(number, count),
            None => Err(Error::Option { option: "--partition", reason: format!("{text} is no part, as 1/4") }),
        }
    }

    /// Which part, from 1.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }

    /// Of how many.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.number, self.count)
    }
}

/// What a stage came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageSummary {
    /// Records that the stage saw.
    pub records: u64,
    /// Words of them that were compared; of `kmers` and `edges`.
    pub words: u64,
    /// Pairs: that share words, counted for each word (`edges`); that are similar, either way (`verify` and `cover`).
    pub pairs: u64,
    /// Times that a word had so many records that they were cut into parts (`edges`).
    pub cut_groups: u64,
    /// Records that stand for themselves (`cover`).
    pub references: u64,
    /// Most bytes of the budget in use at any time.
    pub peak_memory: u64,
    /// Most bytes of temporary files at any time.
    pub peak_spill: u64,
}

/// How a stage works: threads, memory, temporary files. The result does not depend on it.
///
/// ```
/// use talaria_db::reduce::stage::{Partition, Stage, Writing};
/// use talaria_db::reduce::{Clustering, Output};
///
/// # let folder = tempfile::tempdir()?;
/// # let file = |name: &str| folder.path().join(name);
/// # let (one, two) = ("MKVLAAGITEGHQRHWWPLKMNDEYFCSTRV".repeat(3), "GHWWQRTTNNPLKMDEYFCSAVILGHRKWTE".repeat(3));
/// let shards = [("a", &one, &two), ("b", &one, &one)].map(|(name, first, second)| {
///     let (fasta, shard) = (file(&format!("{name}.fa")), file(&format!("{name}.talaria")));
///     std::fs::write(&fasta, format!(">{name}1\n{first}\n>{name}2\n{second}\n")).unwrap();
///     talaria_db::Builder::new(&shard).add_fasta(&fasta).finish().unwrap();
///     shard
/// });
/// let stage = Stage::new();
/// let kmers = [file("a.kmers"), file("b.kmers")];
/// for (shard, kmers) in shards.iter().zip(&kmers) {
///     stage.kmers(shard, Clustering::default(), kmers)?;
/// }
/// stage.edges(&kmers, Partition::WHOLE, &file("all.edges"))?;
/// let inputs = [&shards[..], &kmers[..], &[file("all.edges")]].concat();
/// stage.verify(&inputs, Partition::WHOLE, &file("all.links"))?;
/// stage.cover(&[&kmers[..], &[file("all.links")]].concat(), &file("all.clusters"))?;
/// let inputs = [&shards[..], &[file("all.clusters")]].concat();
/// let report = stage.write(&inputs, Output::Container(file("reduced.talaria")), &Writing::default())?;
/// assert_eq!((report.records, report.references), (4, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Stage<'p> {
    threads: usize,
    memory: MemorySettings,
    budget: Budget,
    folder: Option<PathBuf>,
    spill_limit: Option<u64>,
    progress: Box<dyn Fn(&'static str, u64, u64) + Send + Sync + 'p>,
}

impl fmt::Debug for Stage<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Stage").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl Default for Stage<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'p> Stage<'p> {
    /// As many threads as there are processors, no limit of memory.
    #[must_use]
    pub fn new() -> Self {
        Self {
            threads: 0,
            memory: MemorySettings::default(),
            budget: Budget::new(u64::MAX),
            folder: None,
            spill_limit: None,
            progress: Box::new(|_, _, _| {}),
        }
    }

    /// Threads; 0 for as many as there are processors.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Everything that can be set about memory.
    #[must_use]
    pub fn memory(mut self, settings: MemorySettings) -> Self {
        self.memory = settings;
        self
    }

    /// The budget that all memory is leased from.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Folder for temporary files; the output's unless told otherwise.
    #[must_use]
    pub fn temporary_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = Some(folder.as_ref().to_path_buf());
        self
    }

    /// Most bytes of temporary files. Files that a stage writes for others are not among them.
    #[must_use]
    pub fn spill_limit(mut self, bytes: u64) -> Self {
        self.spill_limit = Some(bytes);
        self
    }

    /// Is called now and then with what is being done, and how many of how many records it has seen.
    #[must_use]
    pub fn progress(mut self, progress: impl Fn(&'static str, u64, u64) + Send + Sync + 'p) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Runs `work` on workers of its own, with a place for temporary files.
    fn run<T: Send>(&self, output: &Path, work: impl FnOnce(&Spill) -> Result<T> + Send) -> Result<T> {
        let workers = Workers::start(self.threads, &self.budget, &self.memory)?;
        workers.install(|| work(&self.spill(output)))
    }

    fn spill(&self, output: &Path) -> Spill {
        let folder = self.folder.clone().unwrap_or_else(|| folder_of(output));
        Spill::new(self.budget.clone(), folder, self.spill_limit).allowed(self.memory.spill.enabled)
    }

    /// What the parts of a clustering have in common, of new records alone. `keep` bytes of memory are not for columns
    /// of records.
    fn context<'a>(&'a self, spill: &'a Spill, scoring: Scoring, clustering: &Clustering, keep: u64) -> Context<'a> {
        let Clustering { criterion, both_strands, .. } = *clustering;
        Context { spill, scoring, criterion, both_strands, ranks: None, old: None, keep, progress: &*self.progress }
    }

    fn summary(&self, spill: &Spill) -> StageSummary {
        let (peak_memory, peak_spill) = (self.budget.peak(), spill.peak_on_disk());
        StageSummary { peak_memory, peak_spill, ..StageSummary::default() }
    }
}

/// The one round of a clustering that stages can do.
///
/// # Errors
/// [`Error::Option`] for what takes more than that.
fn round(scoring: Scoring, clustering: &Clustering) -> Result<Round> {
    check(scoring, &clustering.criterion)?;
    let refused = |option, reason| Err(Error::Option { option, reason });
    if clustering.sensitive {
        return refused("--sensitive", "stages do one round, and this takes more of them".to_owned());
    }
    let Plan { graph, rounds } = plan::plan(scoring, &clustering.criterion, false);
    match graph.first().filter(|_| rounds.is_empty()) {
        Some(round) => Ok(*round),
        None => {
            let reason = format!(
                "{} is too low for stages, as it takes several rounds: {} for proteins and {} for nucleotides, at least",
                ratio(clustering.criterion.identity),
                ratio(plan::LEAST_PROTEIN_GRAPH),
                ratio(plan::LEAST_NUCLEOTIDE_GRAPH),
            );
            refused("--min-identity", reason)
        }
    }
}
