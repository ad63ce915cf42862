//! The files that a stage is given: told apart by what they are, and checked to go together.

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::head::{Head, Kind, Shard};
use super::ranks::KEYS;
use super::reader::StageFile;
use crate::database::{Database, is_container};
use crate::error::{Error, Result};
use crate::memory::budget::Budget;
use crate::memory::settings::{HugePages, MemorySettings};
use crate::options::OpenOptions;

/// Files of stages, by what they have, and shards as they were given.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// By the fingerprints of their shards.
    pub(super) kmers: Vec<StageFile>,
    /// By their part.
    pub(super) edges: Vec<StageFile>,
    pub(super) links: Vec<StageFile>,
    pub(super) clusters: Vec<StageFile>,
    pub(super) shards: Vec<PathBuf>,
}

impl Inputs {
    /// Opens files of these kinds, and others that are containers if `shards`.
    ///
    /// # Errors
    /// [`Error::StageFiles`] for others, or if they do not go together; [`Error::Stage`], [`Error::Io`].
    pub(super) fn open(files: &[PathBuf], kinds: &[Kind], shards: bool, budget: &Budget) -> Result<Self> {
        let mut inputs = Self::default();
        for path in files {
            if is_container(path)? {
                if !shards {
                    return Err(refused(path, None, "it is a container, and this stage takes none"));
                }
                inputs.shards.push(path.clone());
                continue;
            }
            let file = StageFile::open(path, budget)?;
            if !kinds.contains(&file.kind()) {
                let reason = format!("it has {}, which this stage does not take", file.kind().name());
                return Err(refused(path, None, &reason));
            }
            let list = match file.kind() {
                Kind::Kmers => &mut inputs.kmers,
                Kind::Edges => &mut inputs.edges,
                Kind::Links => &mut inputs.links,
                Kind::Clusters => &mut inputs.clusters,
            };
            list.push(file);
        }
        inputs.check(kinds)?;
        Ok(inputs)
    }

    fn check(&mut self, kinds: &[Kind]) -> Result<()> {
        self.kmers.sort_by_key(|file| file.head().shards.first().map(|shard| shard.fingerprint));
        for list in [&mut self.edges, &mut self.links] {
            list.sort_by_key(|file| file.head().partition.number());
        }
        for file in &self.kmers {
            // Numbers of records follow from the files' order, and of shards from these.
            if !matches!(&file.head().shards[..], [shard] if shard.records == file.len(KEYS)) {
                return Err(file.damaged("it is not of all records of one shard"));
            }
        }
        let lists = [&self.kmers, &self.edges, &self.links, &self.clusters];
        let all: Vec<&StageFile> = lists.into_iter().flatten().collect();
        for pair in all.windows(2) {
            check_options(pair[0], pair[1])?;
        }
        for (kind, list) in [Kind::Kmers, Kind::Edges, Kind::Links, Kind::Clusters].into_iter().zip(lists) {
            if kinds.contains(&kind) && list.is_empty() {
                let reason = format!("no file of {} was given, which this stage takes", kind.name());
                return Err(Error::Option { option: "FILE", reason });
            }
        }
        for pair in self.kmers.windows(2) {
            if pair[0].head().shards == pair[1].head().shards {
                return Err(mixed(&pair[0], &pair[1], "they have the words of the same shard"));
            }
        }
        check_partitions(&self.edges)?;
        check_partitions(&self.links)?;
        if let [first, more @ ..] = &self.clusters[..]
            && let Some(second) = more.first()
        {
            return Err(mixed(first, second, "only one file of clusters can be written at once"));
        }
        let others: Vec<&StageFile> = [&self.edges, &self.links, &self.clusters].into_iter().flatten().collect();
        for pair in others.windows(2) {
            if let Some(shard) = missing(&pair[0].head().shards, &pair[1].head().shards) {
                return Err(mixed(pair[0], pair[1], &format!("they are of different shards ({})", shard.name)));
            }
        }
        let (Some(first), Some(other)) = (self.kmers.first(), others.first()) else { return Ok(()) };
        let shards = shards_of(&self.kmers);
        for file in &self.kmers {
            if let Some(shard) = missing(&file.head().shards, &other.head().shards) {
                return Err(mixed(file, other, &format!("only the former knows the shard {}", shard.name)));
            }
        }
        match missing(&other.head().shards, &shards) {
            Some(shard) => {
                let reason = format!("the words of the shard {} are missing", shard.name);
                Err(mixed(other, first, &reason))
            }
            None => Ok(()),
        }
    }

    /// Opens the shards, in the order of `known`, which are those of `file`; the number of each one that was given in
    /// that order.
    pub(super) fn open_shards(
        &self,
        file: &StageFile,
        known: &[Shard],
        memory: &MemorySettings,
        budget: &Budget,
    ) -> Result<(Vec<Database>, Vec<usize>)> {
        let (mut open, mut numbers): (Vec<Option<Database>>, Vec<usize>) = (Vec::new(), Vec::new());
        open.resize_with(known.len(), || None);
        for path in &self.shards {
            let database = open_shard(path, memory, budget)?;
            let shard = shard_of(&database)?;
            let Some(number) = known.iter().position(|other| other.fingerprint == shard.fingerprint) else {
                return Err(refused(
                    path,
                    Some(file.path()),
                    "the container is none of the shards that the other knows",
                ));
            };
            if known[number].records != database.len() {
                return Err(file.damaged("it knows a shard with another number of records"));
            }
            let place = open.get_mut(number).filter(|place| place.is_none());
            let Some(place) = place else { return Err(refused(path, None, "the shard was given twice")) };
            *place = Some(database);
            numbers.push(number);
        }
        let mut shards = Vec::new();
        for (shard, known) in open.into_iter().zip(known) {
            match shard {
                Some(shard) => shards.push(shard),
                None => {
                    let reason = format!("the shard {} is missing: no container that was given is it", known.name);
                    return Err(refused(file.path(), None, &reason));
                }
            }
        }
        Ok((shards, numbers))
    }
}

/// The shards of all these words.
pub(super) fn shards_of(kmers: &[StageFile]) -> Vec<Shard> {
    kmers.iter().flat_map(|file| file.head().shards.iter().cloned()).collect()
}

/// Opens a shard, from which residues are taken once.
pub(super) fn open_shard(path: &Path, memory: &MemorySettings, budget: &Budget) -> Result<Database> {
    let mut memory = memory.clone();
    (memory.cache.capacity, memory.mapping.populate, memory.mapping.huge_pages) = (Some(0), false, HugePages::Off);
    OpenOptions::new().memory(memory).budget(budget.clone()).open(path)
}

/// How files know a shard.
pub(super) fn shard_of(database: &Database) -> Result<Shard> {
    let header = database.container().header();
    let mut hasher = Xxh3::new();
    for number in [database.len(), database.residue_count(), header.file_length.get()] {
        hasher.update(&number.to_le_bytes());
    }
    // It covers the checksum of the section table, and that those of all sections.
    hasher.update(&header.header_checksum.get().to_le_bytes());
    for source in database.sources()? {
        hasher.update(&source.sha256);
    }
    let name = database.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Shard { fingerprint: hasher.digest(), records: database.len(), name })
}

/// The first shard of `these` that is not among the others, both by fingerprint.
fn missing<'s>(these: &'s [Shard], others: &[Shard]) -> Option<&'s Shard> {
    these.iter().find(|shard| others.binary_search_by_key(&shard.fingerprint, |other| other.fingerprint).is_err())
}

fn check_options(first: &StageFile, second: &StageFile) -> Result<()> {
    let options = |head: &Head| head.options();
    let (of_first, of_second) = (options(first.head()), options(second.head()));
    if of_first == of_second {
        return Ok(());
    }
    Err(mixed(first, second, &format!("they are of different options ({of_first}, and {of_second})")))
}

/// All parts, once, by their number.
fn check_partitions(files: &[StageFile]) -> Result<()> {
    let Some(first) = files.first() else { return Ok(()) };
    for pair in files.windows(2) {
        let [one, other] = [0, 1].map(|at: usize| pair[at].head().partition);
        if one.count() != other.count() {
            return Err(mixed(&pair[0], &pair[1], &format!("one is part {one}, the other {other}")));
        }
        if one == other {
            return Err(mixed(&pair[0], &pair[1], &format!("both are part {one}")));
        }
    }
    let count = first.head().partition.count();
    for (number, file) in (1..).zip(files.iter().map(Some).chain(std::iter::once(None))) {
        if number <= count && file.is_none_or(|file| file.head().partition.number() != number) {
            let reason = format!("part {number}/{count} of these {} is missing", first.kind().name());
            return Err(refused(first.path(), None, &reason));
        }
    }
    Ok(())
}

fn refused(path: &Path, other: Option<&Path>, reason: &str) -> Error {
    Error::StageFiles { path: path.to_path_buf(), other: other.map(Path::to_path_buf), reason: reason.to_owned() }
}

fn mixed(first: &StageFile, second: &StageFile, reason: &str) -> Error {
    refused(first.path(), Some(second.path()), reason)
}
