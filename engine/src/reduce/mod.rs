//! Reductions: fewer sequences that stand for all of them, with every original record recoverable.
//!
//! A reduction runs directly over a container, block by block, and makes another container (or FASTA of the references). What differs from
//! method to method is which record each one joins; the rest of this module turns that into files. A record that joins another one
//! has it as its representative; records that join none are the references. A method may leave records unrepresented: they join none, and are no
//! references either.
//!
//! Methods: [`exact`], containment ([`Containment`]), [`cluster`], and a choice of references ([`Selection`]). A reduction may go on from an earlier one
//! ([`Reduction::update`]).

mod choose;
pub mod cluster;
mod clusters;
mod contain;
mod delta;
pub(crate) mod estimate;
pub mod exact;
mod fasta;
mod groups;
mod names;
mod order;
mod prefer;
mod reference_text;
mod rewrite;
mod select;
pub(crate) mod similarity;
mod taxa;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unrepresented_tests;
mod update;

pub use cluster::{Clustering, Resumed, RoundReport};
pub use contain::Containment;
pub use estimate::{Estimate, SortEstimate, StageEstimate};
pub use prefer::Preference;
pub use select::Selection;
pub use similarity::Similarity;
pub use update::UpdateReport;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use talaria_db_spec::section::SectionKind;

use crate::column::Columns;
use crate::database::{Database, is_container};
use crate::error::{Error, Result};
use crate::memory::budget::Budget;
use crate::memory::placement::PlacementReport;
use crate::memory::settings::{HugePages, MemorySettings};
use crate::options::OpenOptions;
use crate::read::stream::blocks_memory;
use crate::read::verify::Level;
use crate::reduce::choose::Choice;
use crate::reduce::cluster::{Checkpoint, Wish};
use crate::reduce::clusters::{Form, Listing};
use crate::reduce::groups::{Groups, LEAST_SORT_MEMORY};
use crate::reduce::prefer::Ranks;
use crate::reduce::taxa::Taxa;
use crate::reduce::update::Old;
use crate::sys::heap::release_freed_memory;
use crate::threads::{Workers, stacks_memory, thread_count};
use crate::write::assemble::Shape;
use crate::write::builder::Builder;
use crate::write::encode::Compression;
use crate::write::publish::Unpublished;
use crate::write::run::{LARGEST_USUAL, check, folder_of, room_for_length};
use crate::write::spill::Spill;

/// How records are brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Records with the same residues, byte for byte, join the first of them.
    Exact,
    /// Records join one that they are similar to, by a verified alignment.
    Cluster(Clustering),
    /// Records that occur wholly inside another one join it.
    Contain(Containment),
    /// References are chosen for what they cover, until that is enough.
    Select(Selection),
    /// Records join the ones that they were given ([`Reduction::members`]), and are told by what differs.
    Given,
}

impl Method {
    /// The name that commands print and take.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Cluster(_) => "cluster",
            Self::Contain(_) => "contain",
            Self::Select(_) => "select",
            Self::Given => "given",
        }
    }

    /// Whether it goes on from an earlier result.
    const fn goes_on(self) -> bool {
        matches!(self, Self::Exact | Self::Cluster(_))
    }

    /// Whether members differ from their representatives, and are told by what differs.
    const fn tells_members(self) -> bool {
        !matches!(self, Self::Exact)
    }
}

/// What a reduction writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A container with all records, members as copies of their references.
    Container(PathBuf),
    /// FASTA of the references alone, in this many residues a line; 0 for one line. Compressed if the name ends in `.gz` or `.zst`.
    Fasta(PathBuf, u64),
}

impl Output {
    fn path(&self) -> &Path {
        match self {
            Self::Container(path) | Self::Fasta(path, _) => path,
        }
    }
}

/// What a reduction came to.
#[derive(Debug, Clone)]
pub struct ReductionReport {
    /// The method.
    pub method: Method,
    /// Records of the input.
    pub records: u64,
    /// Records that stand for themselves, and maybe for others.
    pub references: u64,
    /// Residues of all records.
    pub residues: u64,
    /// Residues of the references.
    pub reference_residues: u64,
    /// Records that are no references, and that none stands for. All others are references or their members.
    pub unrepresented: u64,
    /// Residues of the references and of their members.
    pub covered_residues: u64,
    /// How many clusters have 1, 2, 3 to 4, 5 to 8, ... records.
    pub sizes: Vec<(u64, u64)>,
    /// What came to an earlier result, if this was an update of it.
    pub update: Option<UpdateReport>,
    /// Names of preferred records that no record bears.
    pub unknown_preferred: u64,
    /// Names with a taxon that no record bears.
    pub unknown_taxa: u64,
    /// Percentages, and the identity in ten-thousandths that so many of the members do not exceed: the least one, 5, 25, 50, 75 and 95 %.
    pub identity_quantiles: Vec<(u8, u16)>,
    /// Whether all records that are no references are left out of the output.
    pub references_only: bool,
    /// Stored bytes of the residues of references, and of members that are stored whole.
    pub sequence_bytes: u64,
    /// Stored bytes of the members that are told by what differs.
    pub delta_bytes: u64,
    /// Bytes of the container that was read (of one made from FASTA, if that was read).
    pub input_bytes: u64,
    /// Bytes of the output.
    pub output_bytes: u64,
    /// What was found of an earlier reduction that was interrupted ([`Reduction::resume`]).
    pub resumed: Resumed,
    /// What each round of a clustering did.
    pub rounds: Vec<RoundReport>,
    /// How long each stage took.
    pub stages: Vec<StageReport>,
    /// Most bytes of the budget in use at any time.
    pub peak_memory: u64,
    /// Most bytes of temporary files at any time.
    pub peak_spill: u64,
    /// Sorted runs that were written to temporary files, those that others were merged into counted too.
    pub sorted_runs: u64,
    /// On which nodes of the machine it was done.
    pub placement: PlacementReport,
}

/// A stage of a reduction.
#[derive(Debug, Clone, Copy)]
pub struct StageReport {
    /// Its name.
    pub name: &'static str,
    /// How long it took.
    pub time: Duration,
    /// Most bytes of the budget in use at any time until it ended.
    pub peak_memory: u64,
}

/// A reduction: from where, to where, how.
///
/// ```
/// use talaria_db::reduce::{Output, Reduction};
///
/// # let folder = tempfile::tempdir()?;
/// # let (input, output) = (folder.path().join("a.fa"), folder.path().join("a.talaria"));
/// std::fs::write(&input, ">one\nMKVL\n>two\nGGA\n>three\nMKVL\n")?;
/// let report = Reduction::new(&input, Output::Container(output.clone())).run()?;
/// assert_eq!((report.records, report.references), (3, 2));
///
/// let mut everything = Vec::new();
/// talaria_db::Database::open(&output)?.export(&mut everything, &Default::default())?;
/// assert_eq!(everything, std::fs::read(&input)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reduction<'p> {
    input: PathBuf,
    old: Option<PathBuf>,
    output: Output,
    method: Method,
    clusters: Option<PathBuf>,
    clstr: Option<PathBuf>,
    references_only: bool,
    membership: bool,
    preference: Preference,
    taxa: Option<PathBuf>,
    members: Vec<(u64, u64)>,
    unrepresented: Vec<u64>,
    compression: Compression,
    threads: usize,
    memory: MemorySettings,
    budget: Budget,
    folder: Option<PathBuf>,
    resume: Option<PathBuf>,
    spill_limit: Option<u64>,
    progress: Box<dyn Fn(&'static str, u64, u64) + Send + Sync + 'p>,
}

impl std::fmt::Debug for Reduction<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Reduction").field("input", &self.input).field("output", &self.output).finish_non_exhaustive()
    }
}

impl<'p> Reduction<'p> {
    /// An exact reduction of `input`, a container or FASTA (told by content).
    #[must_use]
    pub fn new(input: impl AsRef<Path>, output: Output) -> Self {
        Self {
            input: input.as_ref().to_path_buf(),
            old: None,
            output,
            method: Method::Exact,
            clusters: None,
            clstr: None,
            references_only: false,
            membership: false,
            preference: Preference::default(),
            taxa: None,
            members: Vec::new(),
            unrepresented: Vec::new(),
            compression: Compression::Zstd(1),
            threads: 0,
            memory: MemorySettings::default(),
            budget: Budget::new(u64::MAX),
            folder: None,
            resume: None,
            spill_limit: None,
            progress: Box::new(|_, _, _| {}),
        }
    }

    /// How records are brought together.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Goes on from an earlier result, a container: `input` has records that are to come to it. The output has all records of `old`, under the same
    /// numbers, and after them those of `input`, and gives all sources back.
    ///
    /// Representatives stay, and members stay with theirs, as alike as `old` says they are; all of its records stand for themselves if it is no result of
    /// a reduction. New records join these or each other by the method, which is to be the one that `old` was made by: of an exact reduction
    /// anything else is refused, and what is similar enough is for the caller to say. The output may have the name of `old`. All is written again,
    /// so that an update takes the time of that, and of comparing the new records alone.
    ///
    /// ```
    /// use talaria_db::reduce::{Output, Reduction};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let (first, more, path) = (folder.path().join("a.fa"), folder.path().join("b.fa"), folder.path().join("a.talaria"));
    /// std::fs::write(&first, ">one\nMKVL\n>two\nGGA\n")?;
    /// std::fs::write(&more, ">three\nGGA\n>four\nWYW\n")?;
    /// Reduction::new(&first, Output::Container(path.clone())).run()?;
    /// let report = Reduction::new(&more, Output::Container(path.clone())).update(&path).run()?;
    /// let update = report.update.ok_or("an update")?;
    /// assert_eq!((update.old_records, update.joined_old, update.new_references), (2, 1, 1));
    /// let membership = talaria_db::Database::open(&path)?.clusters()?.membership(2)?;
    /// assert_eq!(membership.map(|membership| membership.representative), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn update(mut self, old: impl AsRef<Path>) -> Self {
        self.old = Some(old.as_ref().to_path_buf());
        self
    }

    /// Clusters that another program found, as pairs of a representative and a member, by their numbers in the input. The method is
    /// [`Method::Given`] from now on.
    ///
    /// Members that are the same as their representative share its copy; others become deltas where that is shorter, whatever they look like, so that
    /// any clusters give every record back.
    ///
    /// ```
    /// use talaria_db::reduce::{Output, Reduction};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let (input, output) = (folder.path().join("a.fa"), folder.path().join("a.talaria"));
    /// # let protein = "MKVLAAGITEGHQRHWWPLKMNDEYFCSTRV".repeat(4);
    /// std::fs::write(&input, format!(">one\n{protein}\n>two\n{}\n", protein.replace('W', "F")))?;
    /// let report = Reduction::new(&input, Output::Container(output.clone())).members([(0, 1)]).run()?;
    /// assert_eq!((report.records, report.references), (2, 1));
    ///
    /// let database = talaria_db::Database::open(&output)?;
    /// assert_eq!(database.delta_of(1)?, Some((0, 1)));
    /// assert_eq!(database.record(1)?.sequence().as_bytes(), protein.replace('W', "F").as_bytes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn members(mut self, pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        self.members = pairs.into_iter().collect();
        self.method = Method::Given;
        self
    }

    /// Records that no record stands for, themselves included, by their numbers in the input: they are in none of the clusters given, and no references.
    /// A container has them as they are; FASTA and [`Reduction::references_only`] leave them out. The method is [`Method::Given`] from now on.
    ///
    /// ```
    /// use talaria_db::reduce::{Output, Reduction};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let (input, output) = (folder.path().join("a.fa"), folder.path().join("a.talaria"));
    /// std::fs::write(&input, ">one\nMKVL\n>two\nMKVI\n>three\nGG\n")?;
    /// let report = Reduction::new(&input, Output::Container(output.clone())).members([(0, 1)]).unrepresented([2]).run()?;
    /// assert_eq!((report.references, report.unrepresented), (1, 1));
    /// assert_eq!((report.covered_residues, report.residues), (8, 10));
    ///
    /// let database = talaria_db::Database::open(&output)?;
    /// assert_eq!(database.clusters()?.membership(2)?, None);
    /// assert_eq!(database.record(2)?.sequence().as_bytes(), b"GG");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn unrepresented(mut self, ordinals: impl IntoIterator<Item = u64>) -> Self {
        self.unrepresented = ordinals.into_iter().collect();
        self.method = Method::Given;
        self
    }

    /// Writes a table of clusters: representative, member, identity and coverage, tab-separated, a line a record. Records without a representative come
    /// last, with `-` in its place.
    #[must_use]
    pub fn clusters(mut self, path: impl AsRef<Path>) -> Self {
        self.clusters = Some(path.as_ref().to_path_buf());
        self
    }

    /// Writes the clusters in the form of CD-HIT, which has no place for records without a representative.
    #[must_use]
    pub fn clstr(mut self, path: impl AsRef<Path>) -> Self {
        self.clstr = Some(path.as_ref().to_path_buf());
        self
    }

    /// Leaves all records that are no references out of the container: they cannot be given back from it, and it is one as if it was built from FASTA
    /// of the references. FASTA never has others.
    #[must_use]
    pub fn references_only(mut self, only: bool) -> Self {
        self.references_only = only;
        self
    }

    /// Writes into the container which record stands for which, even where that follows from shared copies (the exact method). Others always write
    /// it.
    #[must_use]
    pub fn membership(mut self, keep: bool) -> Self {
        self.membership = keep;
        self
    }

    /// Which records are to be representatives rather than others.
    #[must_use]
    pub fn prefer(mut self, preference: Preference) -> Self {
        self.preference = preference;
        self
    }

    /// Each taxon of a file gets a reference of its own, by [`Method::Select`]: a line a record, its name as [`Database::find`] takes it, a tab, and the
    /// taxon.
    #[must_use]
    pub fn taxa(mut self, path: impl AsRef<Path>) -> Self {
        self.taxa = Some(path.as_ref().to_path_buf());
        self
    }

    /// Codec of the output's residues.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Threads; 0 for as many as there are processors. The output is the same whatever their number.
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

    /// The budget that all memory is leased from. The output is the same whatever its limit.
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

    /// Keeps the state of a clustering in this folder after each round, and goes on after the rounds that an interrupted reduction of the same input with the same
    /// options has finished. The output is the same; what was kept is removed at the end. Other methods keep nothing, and an update is refused.
    ///
    /// The folder takes 20 bytes a record, twice while they are written, which the limit of temporary files does not count.
    #[must_use]
    pub fn resume(mut self, folder: impl AsRef<Path>) -> Self {
        self.resume = Some(folder.as_ref().to_path_buf());
        self
    }

    /// Most bytes of temporary files.
    #[must_use]
    pub fn spill_limit(mut self, bytes: u64) -> Self {
        self.spill_limit = Some(bytes);
        self
    }

    /// Is called now and then with the stage, and how many of how many records it has seen.
    #[must_use]
    pub fn progress(mut self, progress: impl Fn(&'static str, u64, u64) + Send + Sync + 'p) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// The least budget that this reduction can do with, in bytes. The input is looked at, not read.
    ///
    /// For FASTA that is what building a container from it takes, or reducing one of the usual shape; marks of many records come on top.
    ///
    /// # Errors
    /// What is wrong with a container, or the system says; [`Error::Format`] if what is to be updated is none.
    pub fn least_memory(&self) -> Result<u64> {
        let threads = thread_count(self.threads);
        if let Some(old) = &self.old {
            let building = self.builder(Path::new(""))?.least_memory();
            return Ok(building.max(self.least_memory_of_container(old)?));
        }
        if !is_container(&self.input)? {
            let shape = self.usual_shape();
            let reducing =
                least_memory(self.method, &shape, Columns::default(), 0, threads, 0) + stacks_memory(self.threads);
            let reducing = reducing + self.preference.least_memory(0);
            return Ok(self.builder(Path::new(""))?.least_memory().max(reducing));
        }
        self.least_memory_of_container(&self.input)
    }

    fn least_memory_of_container(&self, path: &Path) -> Result<u64> {
        // Opened as it will be, but without what can be done without.
        let mut memory = self.memory.clone();
        (memory.cache.capacity, memory.mapping.populate, memory.mapping.huge_pages) = (Some(0), false, HugePages::Off);
        let database = OpenOptions::new().memory(memory).open(path)?;
        let (shape, columns) = (self.shape_of(&database), database.columns_kept());
        let (records, threads) = (database.len(), thread_count(self.threads));
        let delta_block = database.deltas().map_or(0, |deltas| deltas.nominal);
        let mut least = least_memory(self.method, &shape, columns, records, threads, delta_block);
        if let Method::Cluster(_) | Method::Select(_) = self.method {
            let blocks = blocks_memory(shape.sequence_block.max(shape.text_block).max(delta_block), threads);
            let selects = matches!(self.method, Method::Select(_));
            least = least.max(blocks + cluster::least_memory(&database, selects)?);
        }
        if self.taxa.is_some() {
            least += taxa::least_memory(records);
        }
        if let Method::Contain(containment) = self.method {
            let blocks = blocks_memory(shape.sequence_block.max(shape.text_block).max(delta_block), threads);
            least = least.max(blocks + contain::least_memory(&database, containment, threads)?);
        }
        let preferring = self.preference.least_memory(records);
        // Twice open: for who stands for whom.
        let updating = match self.old {
            Some(_) => choose::least_memory(records) + Old::least_memory(&database)? + database.budget().in_use(),
            None => 0,
        };
        Ok(database.budget().in_use() + least + preferring + updating + stacks_memory(self.threads))
    }

    /// Opens the input of a reduction, or what was built from it, with a cache of the size that suits.
    fn open(&self, path: &Path, budget: &Budget) -> Result<Database> {
        let mut memory = self.memory.clone();
        let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let least = self.least_memory_of_container(path)?;
        memory.cache.capacity = Some(self.cache_capacity(length, budget, least));
        OpenOptions::new().memory(memory).budget(budget.clone()).open(path)
    }

    /// A quarter for decoded blocks of a container of `length` bytes, if so much is spare beside `least`; the rest is for sorting and writing.
    fn cache_capacity(&self, length: u64, budget: &Budget, least: u64) -> u64 {
        let most = match self.method {
            // Residues that are compared come from a table; only coding deltas comes back to blocks.
            Method::Cluster(_) | Method::Contain(_) | Method::Select(_) if self.leaves_members_out() => 32 << 20,
            Method::Cluster(_) | Method::Contain(_) | Method::Select(_) => 128 << 20,
            Method::Exact | Method::Given => u64::MAX,
        };
        let usual = || room_for_length(length, budget.limit() / 4).min(most);
        self.memory.cache.capacity.unwrap_or_else(usual).min(budget.free().saturating_sub(least))
    }

    /// What is left for writing while records are grouped.
    fn reserve_for_writing(&self, shape: &Shape, columns: Columns, records: u64, threads: usize) -> u64 {
        rewrite::least_memory(shape, columns, records, threads, self.method.tells_members())
    }

    /// Where the state of this clustering is kept, if it is.
    fn checkpoint(&self, database: &Database, ranks: Option<&Ranks>) -> Result<Option<Checkpoint>> {
        let (Some(folder), Method::Cluster(clustering)) = (&self.resume, self.method) else { return Ok(None) };
        let header = database.container().header();
        // The header has the checksum of the section table, and that those of all sections.
        let text = format!(
            "version {}\ninput of {} records, {} residues, {} bytes, checksum {:08x}\noptions{}\npreferences {:016x}\n",
            env!("CARGO_PKG_VERSION"),
            database.len(),
            database.residue_count(),
            header.file_length.get(),
            header.header_checksum.get(),
            clustering.options(),
            ranks.map_or(0, Ranks::hash),
        );
        Checkpoint::new(folder, text).map(Some)
    }

    /// The shape of what is made from FASTA.
    fn usual_shape(&self) -> Shape {
        Shape { compression: self.compression, ..LARGEST_USUAL }
    }

    /// The shape of what is made from a container.
    fn shape_of(&self, database: &Database) -> Shape {
        let header = database.container().header();
        let (sequence_block, text_block) = (header.sequence_block_size.get(), header.text_block_size.get());
        Shape { compression: self.compression, sequence_block, text_block }
    }

    /// What makes a container at `path` from FASTA, or from an earlier result and what comes to it.
    fn builder(&self, path: &Path) -> Result<Builder<'_>> {
        let mut builder = Builder::new(path)
            .compression(self.compression)
            .threads(self.threads)
            .budget(self.budget.clone())
            .memory(self.memory.clone())
            .temporary_folder(self.temporary())
            .progress(|progress| (self.progress)("building", progress.records, 0));
        if let Some(limit) = self.spill_limit {
            builder = builder.spill_limit(limit);
        }
        match &self.old {
            Some(old) => update::prepare(old, builder).map(|builder| builder.add_file(&self.input)),
            None => Ok(builder.add_fasta(&self.input)),
        }
    }

    /// Reduces, checks the result and publishes it, the table of clusters last.
    ///
    /// # Errors
    /// Damage in the input, what is wrong with FASTA, [`Error::Io`], [`Error::Space`], [`Error::Memory`], or [`Error::Verification`] if the
    /// result does not give the input back. Nothing is published then, unless it is the table that could not be.
    pub fn run(&self) -> Result<ReductionReport> {
        self.budget.check("a reduction", self.least_memory()?)?;
        let workers = Workers::start(self.threads, &self.budget, &self.memory)?;
        let report = workers.install(|| self.reduce())?;
        Ok(ReductionReport { placement: workers.placement(), ..report })
    }

    fn reduce(&self) -> Result<ReductionReport> {
        if self.old.is_some() && !self.method.goes_on() {
            let reason = format!("an update goes on with method exact or cluster, not {}", self.method.name());
            return Err(Error::Option { option: "--update", reason });
        }
        if self.old.is_some() && self.resume.is_some() {
            let reason = "the state of an update is not kept".to_owned();
            return Err(Error::Option { option: "--resume", reason });
        }
        let mut stages = Stages::new(&self.budget);
        let spill =
            Spill::new(self.budget.clone(), self.temporary(), self.spill_limit).allowed(self.memory.spill.enabled);
        let built = if self.old.is_none() && is_container(&self.input)? {
            None
        } else {
            Some(stages.time("building", || Built::new(self, &spill))?)
        };
        let path = built.as_ref().map_or(self.input.as_path(), |built| built.path.as_path());
        let database = self.open(path, &self.budget)?;
        // It stays readable without its name, and is gone however the process ends.
        drop(built);
        let old = self.old.as_ref().map(|path| Old::open(path, &self.memory, &self.budget)).transpose()?;
        if let Some(old) = &old {
            old.check_within(&database)?;
        }
        let threads = rayon::current_num_threads();
        let (shape, columns) = (self.shape_of(&database), database.columns_kept());
        let reserve = self.reserve_for_writing(&shape, columns, database.len(), threads);
        let mut ranks = None;
        if !self.preference.is_empty() {
            ranks = Some(stages.time("preferring", || self.preference.ranks(&database))?);
        }
        let mut unknown_taxa = 0;
        let checkpoint = self.checkpoint(&database, ranks.as_ref())?;
        let nothing = Resumed::default();
        let (groups, rounds, resumed) = stages.time("grouping", || match self.method {
            Method::Exact => {
                let groups = exact::group(&database, &spill, reserve, &*self.progress)?;
                let choice = Choice { database: &database, ranks: ranks.as_ref(), old: old.as_ref() };
                let free = ranks.is_none() && old.is_none();
                let chosen = if free { groups } else { choose::choose(groups, choice, &spill, reserve)? };
                Ok((chosen, Vec::new(), nothing))
            }
            Method::Cluster(clustering) => {
                let (ranks, old) = (ranks.as_ref(), old.as_ref());
                let wish = Wish { clustering, selection: None, ranks, old, checkpoint: checkpoint.as_ref() };
                cluster::group(&database, &spill, reserve, &wish, &*self.progress)
            }
            Method::Select(selection) => {
                let taxa = self.taxa.as_ref().map(|path| Taxa::read(&database, path)).transpose()?;
                unknown_taxa = taxa.as_ref().map_or(0, |taxa| taxa.unknown);
                let (ranks, clustering) = (ranks.as_ref(), selection.clustering);
                let selection = Some((&selection, taxa.as_ref()));
                let wish = Wish { clustering, selection, ranks, old: None, checkpoint: None };
                cluster::group(&database, &spill, reserve, &wish, &*self.progress)
            }
            Method::Contain(containment) => {
                contain::group(&database, &spill, reserve, containment, ranks.as_ref(), &*self.progress)
                    .map(|groups| (groups, Vec::new(), nothing))
            }
            Method::Given => self.group_given(&database, &spill, reserve).map(|groups| (groups, Vec::new(), nothing)),
        })?;
        let unknown_preferred = ranks.map_or(0, |ranks| ranks.unknown);
        let update = old.as_ref().map(|old| old.report(database.len(), &groups));
        let report = self.write(&database, groups, &spill, &mut stages)?;
        checkpoint.map_or(Ok(()), |checkpoint| checkpoint.remove())?;
        Ok(ReductionReport {
            update,
            stages: stages.reports,
            rounds,
            resumed,
            unknown_preferred,
            unknown_taxa,
            peak_memory: self.budget.peak(),
            peak_spill: spill.peak_on_disk(),
            sorted_runs: spill.runs_written(),
            ..report
        })
    }

    fn write(
        &self,
        database: &Database,
        groups: Groups,
        spill: &Spill,
        stages: &mut Stages,
    ) -> Result<ReductionReport> {
        let (records, sizes) = (database.len(), groups.sizes());
        let members = groups.members();
        let (unrepresented, unrepresented_residues) = groups.unrepresented();
        let identity_quantiles = groups.identity_quantiles(&QUANTILES);
        let table = self.clusters.as_deref().map(|path| (Form::Table, path));
        let clusters = Listing::new(table.into_iter().chain(self.clstr.as_deref().map(|path| (Form::Clstr, path))))?;
        // A container of its own for FASTA, since the references are then what export gives.
        let target = match &self.output {
            Output::Container(path) => Unpublished::create(path)?,
            Output::Fasta(path, _) => match spill.unnamed()? {
                Some((file, path)) => Unpublished::unnamed(file, path),
                None => Unpublished::create(&beside(spill.folder(), path, "reduced.talaria"))?,
            },
        };
        let unpublished =
            stages.time("writing", || rewrite::write(self, database, groups, target, spill, clusters.as_ref()))?;
        let reduced =
            stages.time("verifying", || check(&unpublished, Level::Everything, &self.budget, &self.memory))?;
        let reference_residues = stages.time("counting", || reference_residues(&reduced))?;
        let section_bytes = |kind| reduced.container().section(kind).map_or(0, |section| section.length);
        let (sequence_bytes, delta_bytes) =
            (section_bytes(SectionKind::SequenceBlocks), section_bytes(SectionKind::DeltaBlocks));
        let mut output_bytes = reduced.container().header().file_length.get();
        match &self.output {
            Output::Container(_) => {
                drop(reduced);
                unpublished.publish()?;
            }
            Output::Fasta(path, width) => {
                output_bytes = stages.time("exporting", || fasta::export(&reduced, path, *width))?;
            }
        }
        if let Some(clusters) = clusters {
            clusters.publish()?;
        }
        Ok(ReductionReport {
            method: self.method,
            records,
            references: records - members - unrepresented,
            residues: database.residue_count(),
            reference_residues,
            unrepresented,
            covered_residues: database.residue_count() - unrepresented_residues,
            sizes,
            identity_quantiles,
            references_only: self.leaves_members_out(),
            sequence_bytes,
            delta_bytes,
            input_bytes: database.container().header().file_length.get(),
            output_bytes,
            stages: Vec::new(),
            resumed: Resumed::default(),
            rounds: Vec::new(),
            update: None,
            unknown_preferred: 0,
            unknown_taxa: 0,
            peak_memory: 0,
            peak_spill: 0,
            sorted_runs: 0,
            placement: PlacementReport::default(),
        })
    }

    /// Whether the output says by itself who stands for whom; `named` if that is not who has the residues.
    fn tells_membership(&self, named: bool) -> bool {
        !self.leaves_members_out() && (self.membership || self.method != Method::Exact || named)
    }

    /// Whether clusters are listed in files of their own.
    fn writes_table(&self) -> bool {
        self.clusters.is_some() || self.clstr.is_some()
    }

    /// FASTA takes a container of the references, since these are then what export gives.
    fn leaves_members_out(&self) -> bool {
        self.references_only || matches!(self.output, Output::Fasta(..))
    }

    /// The groups that were given.
    fn group_given(&self, database: &Database, spill: &Spill, reserve: u64) -> Result<Groups> {
        let mut groups = Groups::new(database.len(), spill, reserve)?;
        let given = (self.members.len() + self.unrepresented.len()) as u64;
        let _lease = database.budget().lease("the clusters given", given * 24)?;
        let mut pairs = self.members.clone();
        pairs.retain(|(representative, member)| representative != member);
        pairs.sort_unstable();
        pairs.dedup();
        let refused = |reason: String| Err(Error::Option { option: "members", reason });
        let mut seen: Vec<u64> = pairs.iter().map(|&(_, member)| member).collect();
        seen.sort_unstable();
        if let Some(twice) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
            return refused(format!("record {} joins two others", twice[0]));
        }
        for cluster in pairs.chunk_by(|left, right| left.0 == right.0) {
            for &(representative, member) in cluster {
                for ordinal in [representative, member] {
                    database.check_ordinal(ordinal)?;
                }
                if seen.binary_search(&representative).is_ok() {
                    return refused(format!("record {representative} is a representative and a member"));
                }
                groups.join(representative, member, Similarity::new(0, 0))?;
            }
            groups.count(cluster.len() as u64 + 1);
        }
        let mut left = self.unrepresented.clone();
        left.sort_unstable();
        left.dedup();
        let is_left = |ordinal: &u64| left.binary_search(ordinal).is_ok();
        if let Some((representative, member)) =
            self.members.iter().find(|(representative, member)| is_left(representative) || is_left(member))
        {
            let reason =
                format!("record {member} joins record {representative}, and one of them is to be unrepresented");
            return Err(Error::Option { option: "unrepresented", reason });
        }
        for record in left {
            groups.leave(record, database.sequence_length(record)?)?;
        }
        Ok(groups)
    }

    fn temporary(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| folder_of(self.output.path()))
    }
}

/// The least memory for reducing an open container of this shape, with these columns and blocks of deltas.
fn least_memory(
    method: Method,
    shape: &Shape,
    columns: Columns,
    records: u64,
    threads: usize,
    delta_block: u32,
) -> u64 {
    // The groups stay while the container is written.
    let writing =
        2 * LEAST_SORT_MEMORY + rewrite::least_memory(shape, columns, records, threads, method.tells_members());
    let nominal = shape.sequence_block.max(shape.text_block).max(delta_block);
    writing.max(blocks_memory(nominal, threads) + exact::least_memory())
}

/// What of the identities is reported, in percent of the members.
const QUANTILES: [u8; 6] = [0, 5, 25, 50, 75, 95];

/// Stages, as they come.
struct Stages {
    reports: Vec<StageReport>,
    budget: Budget,
}

impl Stages {
    fn new(budget: &Budget) -> Self {
        Self { reports: Vec::new(), budget: budget.clone() }
    }

    fn time<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        release_freed_memory();
        let (time, peak_memory) = (start.elapsed(), self.budget.peak());
        self.reports.push(StageReport { name, time, peak_memory });
        result
    }
}

/// A container made from FASTA, or for an update, for the time of a reduction.
struct Built {
    path: PathBuf,
    /// Without a name, where the system can open such a file again.
    unnamed: Option<File>,
}

impl Built {
    fn new(reduction: &Reduction<'_>, spill: &Spill) -> Result<Self> {
        let built = match spill.unnamed()? {
            Some((file, path)) => Self { path, unnamed: Some(file) },
            None => Self { path: beside(spill.folder(), reduction.output.path(), "input.talaria"), unnamed: None },
        };
        let mut builder = reduction.builder(&built.path)?;
        if let Some(file) = &built.unnamed {
            builder = builder.unnamed(file.try_clone().map_err(Error::io(spill.folder(), "write"))?);
        }
        builder.finish_on_these_workers()?;
        Ok(built)
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        if self.unnamed.is_none() {
            // Nothing can be done about a failure here; the file is hidden and has this process's number in its name.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A hidden name in `folder` that belongs to the file `output`.
fn beside(folder: &Path, output: &Path, what: &str) -> PathBuf {
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    folder.join(format!(".{name}.{}.{what}", std::process::id()))
}

/// Residues of the references.
fn reference_residues(reduced: &Database) -> Result<u64> {
    if !reduced.container().has_membership() {
        return Ok(reduced.container().header().stored_residue_count.get());
    }
    let mut residues = 0;
    for ordinal in 0..reduced.len() {
        if reduced.is_reference(ordinal, &reduced.header_entry(ordinal)?)? {
            residues += reduced.sequence_length(ordinal)?;
        }
    }
    Ok(residues)
}
