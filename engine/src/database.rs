//! An open container: opening it, and what it says of itself. What is in it is read by [`crate::read`], through the
//! files beside this one.

mod access;
mod dictionaries;
mod sections;
mod source;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use talaria_db_spec::SpecError;
use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::forever::HEADER_MAGIC;
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::validate::Container;

pub(crate) use self::access::{AS_MUCH_AS_A_PAGE, numbers, place};
use self::sections::{Sections, hot_parts, read_container, required};
pub use self::source::Source;
use crate::error::{Error, Result};
use crate::memory::budget::{Budget, Lease};
use crate::memory::buffer::Buffers;
use crate::memory::manager::MemoryManager;
use crate::memory::mapping::MappingReport;
use crate::memory::settings::{MappingSettings, MemorySettings};
use crate::options::{DEFAULT_CACHE, OpenOptions};
use crate::read::ahead::ReadAhead;
use crate::read::block::Dictionary;
use crate::read::cache::{BlockCache, CacheStatistics};
use crate::read::pages::Pages;
use crate::read::storage::Storage;
use crate::read::stream::StreamKind;

/// An open container. Clones share it; all methods take `&self` and may be called from many threads.
///
/// Opening reads the header page and the trailer: it costs the same whatever the number of records. Pages of columns
/// and indexes are compared with their checksums when they are first used, blocks every time they are decoded.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # std::fs::write(folder.path().join("a.fa"), ">one\nACGT\n>two\nGGCC\n")?;
/// # let path = folder.path().join("a.talaria");
/// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
/// let database = talaria_db::Database::open(&path)?;
/// assert_eq!(database.len(), 2);
/// assert_eq!(database.residue_count(), 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    storage: Storage,
    container: Container,
    sections: Sections,
    pages: Pages,
    /// Goes before the cache, whose blocks need not come back then.
    buffers: Buffers,
    cache: Arc<BlockCache>,
    dictionaries: Vec<OnceLock<(Dictionary, Lease)>>,
    budget: Budget,
    memory: MemorySettings,
    /// By stream; none if nothing is to be read ahead.
    ahead: Option<[ReadAhead; 4]>,
    _lease: Lease,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Inner").field("path", &self.path).field("container", &self.container).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens a container, mapped, with a cache of 64 MiB.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] if the header, the trailer or the section table breaks a rule.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open(path)
    }

    pub(crate) fn open_with(path: &Path, options: &OpenOptions) -> Result<Self> {
        Self::new(path.to_path_buf(), Storage::open(path, &options.memory)?, options)
    }

    pub(crate) fn from_bytes_with(bytes: Vec<u8>, options: &OpenOptions) -> Result<Self> {
        Self::new(PathBuf::from("(memory)"), Storage::Bytes(bytes), options)
    }

    fn new(path: PathBuf, mut storage: Storage, options: &OpenOptions) -> Result<Self> {
        let container = read_container(&path, &storage)?;
        storage.prepare(&hot_parts(&container), &options.memory, &options.budget);
        let sections = Sections::of(&container, &path)?;
        let checksums = required(&container, SectionKind::PageChecksums, &path)?;
        let lease = options.budget.lease("the marks of verified pages", Pages::memory(&checksums))?;
        let dictionaries = container.section(SectionKind::DictionaryDirectory).map_or(0, |section| section.item_count);
        if dictionaries > u64::from(u16::MAX) {
            let violation =
                SpecError::violation("dictionary directory", "item_count", "D-1", 0, dictionaries, u16::MAX.into());
            return Err(Error::Format { path, violation });
        }
        let inner = Inner {
            pages: Pages::new(checksums),
            buffers: Buffers::new(&options.budget)?,
            cache: BlockCache::new(
                options.memory.cache.capacity.unwrap_or(DEFAULT_CACHE),
                u64::from(sections.largest_block()),
                &options.memory.compression,
                &options.budget,
            )?,
            dictionaries: (0..dictionaries).map(|_| OnceLock::new()).collect(),
            budget: options.budget.clone(),
            memory: options.memory.clone(),
            ahead: options.memory.streaming.read_ahead.then(|| {
                let texts = sections.texts.nominal;
                let deltas = sections.deltas.map_or(texts, |deltas| deltas.nominal);
                let page_cache = options.memory.mapping.page_cache;
                [sections.sequences.nominal, texts, texts, deltas].map(|nominal| ReadAhead::new(nominal, 4, page_cache))
            }),
            _lease: lease,
            path,
            storage,
            container,
            sections,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Records.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.container().header().record_count.get()
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Residues of all records.
    #[must_use]
    pub fn residue_count(&self) -> u64 {
        self.container().header().residue_count.get()
    }

    /// What the residues are.
    #[must_use]
    pub fn alphabet(&self) -> Alphabet {
        self.container().alphabet()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The checked header and section table.
    #[must_use]
    pub fn container(&self) -> &Container {
        &self.inner.container
    }

    /// What pages columns, directories and indexes lie in, and what was asked for; read back from the system, which
    /// costs it a walk over the page tables of the process.
    #[must_use]
    pub fn mapping_report(&self) -> MappingReport {
        let MappingSettings { huge_pages: asked, populate, .. } = self.inner.memory.mapping;
        let not_mapped = || MappingReport { asked, populate, ..MappingReport::default() };
        self.inner.storage.report().unwrap_or_else(not_mapped)
    }

    /// The budget that it was opened with.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.inner.budget
    }

    /// What gives memory back between the steps of long work, by the settings that it was opened with.
    #[must_use]
    pub fn manager(&self) -> MemoryManager {
        MemoryManager::new(self.inner.budget.clone(), self.inner.memory.collection.clone())
    }

    /// What was set about memory when it was opened.
    #[must_use]
    pub fn memory(&self) -> &MemorySettings {
        &self.inner.memory
    }

    /// What its cache of decoded blocks did since it was opened, and holds now.
    #[must_use]
    pub fn cache_statistics(&self) -> CacheStatistics {
        self.inner.cache.statistics()
    }

    /// Takes the pages of the file out of this process, as after a pass over all of it that nothing like it follows.
    pub(crate) fn release_pages(&self) {
        self.inner.storage.release();
    }

    /// What follows the runs of blocks of a stream, if the settings want that.
    pub(crate) fn ahead(&self, kind: StreamKind) -> Option<&ReadAhead> {
        self.inner.ahead.as_ref().and_then(|ahead| ahead.get(kind.index()))
    }

    /// Compares the file with what it was when it was opened, by length and time. What is read is compared with
    /// checksums when it is read first; what was compared already and is overwritten in place after that is found out
    /// here. A question to the system; for the end of a job. Of a mapped file that is not
    /// [guarded](crate::OpenOptions::guard) nothing is known, and it is taken for unchanged.
    ///
    /// # Errors
    /// [`Error::Changed`], or [`Error::Io`].
    pub fn check_unchanged(&self) -> Result<()> {
        self.inner.storage.check_unchanged(self.path())
    }

    /// Where the bytes come from.
    pub(crate) fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// Whether the file is mapped, or in memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.inner.storage.is_in_memory()
    }

    pub(crate) fn cache(&self) -> &BlockCache {
        &self.inner.cache
    }

    pub(crate) fn buffers(&self) -> &Buffers {
        &self.inner.buffers
    }

    /// A rule of the format that this file breaks.
    pub(crate) fn broken(
        &self,
        structure: &'static str,
        field: &'static str,
        rule: &'static str,
        at: u64,
        got: u64,
        expected: u64,
    ) -> Error {
        let violation = SpecError::violation(structure, field, rule, at, got, expected);
        Error::Format { path: self.path().to_path_buf(), violation }
    }

    /// Memory that the system did not have, though the budget did.
    pub(crate) fn no_memory(&self, what: &'static str, need: u64) -> Error {
        Error::Memory { what, need, free: self.budget().free(), limit: self.budget().limit() }
    }
}

/// Whether a file begins as containers do. A pipe or standard input is none.
pub(crate) fn is_container(path: &Path) -> Result<bool> {
    if path == Path::new("-") {
        return Ok(false);
    }
    let metadata = std::fs::metadata(path).map_err(Error::io(path, "open"))?;
    if !metadata.is_file() {
        return Ok(false);
    }
    let mut first = Vec::with_capacity(HEADER_MAGIC.len());
    let file = File::open(path).map_err(Error::io(path, "open"))?;
    file.take(HEADER_MAGIC.len() as u64).read_to_end(&mut first).map_err(Error::io(path, "read"))?;
    Ok(first == HEADER_MAGIC)
}
