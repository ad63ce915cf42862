//! An open container.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::dictionary::DictionaryEntry;
use talaria_db_spec::forever::{HEADER_MAGIC, HEADER_PAGE, TRAILER_SIZE};
use talaria_db_spec::section::{CHECKSUM_PAGES, SectionKind};
use talaria_db_spec::source::{LineEnd, SourceEntry};
use talaria_db_spec::validate::{self, Container, Section};
use talaria_db_spec::{SpecError, checksum};
use zerocopy::FromBytes;

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
use crate::read::packed::PackedColumn;
use crate::read::pages::Pages;
use crate::read::storage::Storage;
use crate::read::stream::{Stream, StreamKind};

/// Bytes of memory of a dictionary that is ready for use, beside its content.
const DICTIONARY_TABLES: u64 = 32 << 10;

/// Bytes that are read from front to back in the time of waiting for one page: about that much on solid state, more on
/// disks that turn.
pub(crate) const AS_MUCH_AS_A_PAGE: u64 = 64 << 10;
/// A column stays in the system's cache if it is not more than one part of it in this many: three are used together,
/// with blocks.
const SHARE_OF_A_COLUMN: u64 = 5;

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

/// The sections that every lookup uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sections {
    pub(crate) header_table: Section,
    pub(crate) lengths: Section,
    pub(crate) offsets: Section,
    pub(crate) key_buckets: Section,
    pub(crate) key_entries: Section,
    pub(crate) layout_index: Option<Section>,
    pub(crate) physical_order: Option<Section>,
    sequences: Stream,
    texts: Stream,
    layouts: Option<Stream>,
    deltas: Option<Stream>,
}

/// A file that the container was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, without folders.
    pub name: String,
    /// The bytes before its first record.
    pub preamble: Vec<u8>,
    /// Its length, decompressed.
    pub byte_length: u64,
    /// Ordinal of its first record.
    pub first_record: u64,
    /// Records.
    pub record_count: u64,
    /// Residues a line in regular records; 0: one line.
    pub line_width: u64,
    /// How its lines end.
    pub line_end: LineEnd,
    /// How it was compressed: 0 not, 1 gzip, 2 Zstandard, 3 xz, 4 bzip2.
    pub compression: u8,
    /// SHA-256 of its decompressed bytes.
    pub sha256: [u8; 32],
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

    /// The files that it was made from, in order.
    ///
    /// # Errors
    /// Rule S-9 or one of P-1 to P-3.
    pub fn sources(&self) -> Result<Vec<Source>> {
        let strings = self.whole_section(SectionKind::Strings)?;
        let bytes = self.whole_section(SectionKind::Sources)?;
        let (mut first_record, mut start) = (0_u64, 0);
        let mut sources = Vec::new();
        for (index, chunk) in bytes.chunks_exact(128).enumerate() {
            let Ok(entry) = SourceEntry::read_from_bytes(chunk) else { continue };
            let index = index as u64;
            start =
                entry.check(index, start, strings.len() as u64, first_record).map_err(Error::format(self.path()))?;
            let text = |offset: u64, length: u32| {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                strings.get(start..start.saturating_add(length as usize)).unwrap_or_default()
            };
            first_record = first_record.saturating_add(entry.record_count.get());
            sources.push(Source {
                name: String::from_utf8_lossy(text(entry.name_offset.get(), entry.name_length.get())).into_owned(),
                preamble: text(entry.preamble_offset.get(), entry.preamble_length.get()).to_vec(),
                byte_length: entry.byte_length.get(),
                first_record: entry.first_record.get(),
                record_count: entry.record_count.get(),
                line_width: entry.line_width.get(),
                line_end: LineEnd::from_byte(entry.line_end, index).map_err(Error::format(self.path()))?,
                compression: entry.compression,
                sha256: entry.digest,
            });
        }
        if first_record != self.len() {
            return Err(self.broken("sources", "record_count", "P-2", 0, first_record, self.len()));
        }
        Ok(sources)
    }

    /// How the container came to be: lines of key and value.
    ///
    /// # Errors
    /// Rule S-9.
    pub fn provenance(&self) -> Result<Vec<(String, String)>> {
        let bytes = self.whole_section(SectionKind::Provenance)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect())
    }

    /// A section with one checksum, compared with it.
    pub(crate) fn whole_section(&self, kind: SectionKind) -> Result<Cow<'_, [u8]>> {
        let section = required(self.container(), kind, self.path())?;
        let length = usize::try_from(section.length).unwrap_or(usize::MAX);
        // Where the bytes are borrowed, nothing is read into memory.
        let read = if self.inner.storage.borrows() { 0 } else { section.length };
        let _lease = self.budget().lease(kind.rules().name, read)?;
        let bytes = self.bytes(section.offset, length)?;
        let got = checksum::crc32(&bytes);
        if got != section.checksum {
            return Err(self.broken(kind.rules().name, "checksum", "S-9", 0, got.into(), section.checksum.into()));
        }
        Ok(bytes)
    }

    /// Dictionary `number`, from 1.
    pub(crate) fn dictionary(&self, number: u16) -> Result<&Dictionary> {
        let slot = usize::from(number).checked_sub(1).and_then(|index| self.inner.dictionaries.get(index));
        let Some(slot) = slot else {
            let count = self.inner.dictionaries.len() as u64;
            return Err(self.broken("block", "dictionary", "B-4", 0, number.into(), count));
        };
        if let Some((dictionary, _)) = slot.get() {
            return Ok(dictionary);
        }
        let directory = self.whole_section(SectionKind::DictionaryDirectory)?;
        let bytes = self.whole_section(SectionKind::DictionaryBytes)?;
        let entry_at = |index: usize| {
            directory.chunks_exact(32).nth(index).and_then(|entry| DictionaryEntry::read_from_bytes(entry).ok())
        };
        let index = usize::from(number) - 1;
        let Some(entry) = entry_at(index) else {
            return Err(self.broken("dictionary directory", "item_count", "D-1", number.into(), 0, 1));
        };
        let before = index.checked_sub(1).and_then(entry_at);
        let start = before.map_or(0, |before| before.offset.get().saturating_add(before.length.get().into()));
        let range = entry.range(number.into(), start, bytes.len() as u64).map_err(Error::format(self.path()))?;
        // The copy of the content, and tables of fixed size.
        let lease = self.budget().lease("a dictionary", range.end - range.start + DICTIONARY_TABLES)?;
        let content = bytes.get(range.start as usize..range.end as usize).unwrap_or_default();
        let Some(dictionary) = Dictionary::try_create(content) else {
            return Err(self.broken("dictionary", "content", "D-1", number.into(), content.len() as u64, 8));
        };
        Ok(&slot.get_or_init(|| (dictionary, lease)).0)
    }

    pub(crate) fn item<const N: usize>(&self, section: &Section, index: u64) -> Result<[u8; N]> {
        let Inner { storage, cache, path, pages, .. } = &*self.inner;
        pages.item(storage, cache, path, section, index)
    }

    /// Items from `first` on, as many as there is room for.
    pub(crate) fn few<const N: usize>(&self, section: &Section, first: u64, items: &mut [[u8; N]]) -> Result<()> {
        let Inner { storage, cache, path, pages, .. } = &*self.inner;
        pages.few(storage, cache, path, section, first, items)
    }

    /// Starts to fetch an item into the processor's caches; a hint.
    pub(crate) fn prefetch(&self, section: &Section, index: u64) {
        self.inner.storage.prefetch(place(section, index));
    }

    pub(crate) fn items(&self, section: &Section, items: Range<u64>) -> Result<Cow<'_, [u8]>> {
        self.inner.pages.run(&self.inner.storage, &self.inner.path, section, items)
    }

    /// A column, if it is packed.
    pub(crate) fn packed_column<'a>(&'a self, section: &'a Section) -> Option<PackedColumn<'a>> {
        let Inner { storage, path, pages, .. } = &*self.inner;
        section.lanes.map(|lanes| PackedColumn { pages, storage, path, section, lanes })
    }

    pub(crate) fn page(&self, section: &Section, page: u64) -> Result<Cow<'_, [u8]>> {
        self.inner.pages.page(&self.inner.storage, &self.inner.path, section, page)
    }

    pub(crate) fn bytes(&self, offset: u64, length: usize) -> Result<Cow<'_, [u8]>> {
        self.inner.storage.bytes(offset, length).map_err(Error::io(&self.inner.path, "read"))
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

    /// Asks the system to read a part of a stream's blocks into its cache.
    pub(crate) fn will_need(&self, stream: &Stream, offset: u64, length: u64) {
        let end = offset.saturating_add(length).min(stream.blocks.length);
        if offset < end {
            self.inner.storage.will_need(stream.blocks.offset + offset..stream.blocks.offset + end);
        }
    }

    /// Asks for the whole of a column or index if `count` items of it are going to be looked at: reading it from front
    /// to back takes less time than waiting for that many pages of it, one by one. Not, if it would push itself out.
    pub(crate) fn expect(&self, section: &Section, count: usize) {
        if self.stays(section) && count as u64 >= section.length / AS_MUCH_AS_A_PAGE {
            self.expect_items(section, 0..section.item_count);
        }
    }

    /// Whether the whole of a column or index stays in the system's cache while it is used, with others like it.
    pub(crate) fn stays(&self, section: &Section) -> bool {
        self.inner.memory.mapping.page_cache.is_none_or(|bytes| section.length <= bytes / SHARE_OF_A_COLUMN)
    }

    /// Asks for some items of a column, most of which are going to be looked at at once.
    pub(crate) fn expect_items(&self, section: &Section, items: Range<u64>) {
        if self.inner.ahead.is_some() {
            self.inner.storage.will_need(place(section, items.start)..place(section, items.end));
        }
    }

    pub(crate) fn cache(&self) -> &BlockCache {
        &self.inner.cache
    }

    pub(crate) fn buffers(&self) -> &Buffers {
        &self.inner.buffers
    }

    pub(crate) fn sections(&self) -> &Sections {
        &self.inner.sections
    }

    pub(crate) fn sequences(&self) -> &Stream {
        &self.inner.sections.sequences
    }

    pub(crate) fn texts(&self) -> &Stream {
        &self.inner.sections.texts
    }

    pub(crate) fn layouts(&self) -> Option<&Stream> {
        self.inner.sections.layouts.as_ref()
    }

    pub(crate) fn deltas(&self) -> Option<&Stream> {
        self.inner.sections.deltas.as_ref()
    }
}

impl Sections {
    /// Nominal size of the largest blocks.
    fn largest_block(&self) -> u32 {
        let largest = self.sequences.nominal.max(self.texts.nominal);
        self.deltas.map_or(largest, |deltas| largest.max(deltas.nominal))
    }

    fn of(container: &Container, path: &Path) -> Result<Self> {
        let section = |kind| required(container, kind, path);
        let stream = |kind| Stream::find(container, kind).ok_or_else(|| missing(StreamKind::sections(kind).0, path));
        Ok(Self {
            header_table: section(SectionKind::HeaderTable)?,
            lengths: section(SectionKind::Lengths)?,
            offsets: section(SectionKind::Offsets)?,
            key_buckets: section(SectionKind::KeyBuckets)?,
            key_entries: section(SectionKind::KeyEntries)?,
            layout_index: container.section(SectionKind::LayoutIndex).copied(),
            physical_order: container.section(SectionKind::PhysicalOrder).copied(),
            sequences: stream(StreamKind::Sequence)?,
            texts: stream(StreamKind::Text)?,
            layouts: Stream::find(container, StreamKind::Layout),
            deltas: Stream::find(container, StreamKind::Delta),
        })
    }
}

fn read_container(path: &Path, storage: &Storage) -> Result<Container> {
    let read = |offset, length| storage.bytes(offset, length).map_err(Error::io(path, "read"));
    let length = storage.len();
    let page = read(0, usize::try_from(length.min(HEADER_PAGE)).unwrap_or(0))?;
    let header = validate::header(&page, length).map_err(Error::format(path))?;
    let trailer = read(length - TRAILER_SIZE, TRAILER_SIZE as usize)?;
    validate::trailer(&trailer, &header).map_err(Error::format(path))?;
    let table = read(header.table_offset.get(), header.section_count.get() as usize * 64)?;
    Container::new(header, &table).map_err(Error::format(path))
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

/// Where an item of a column lies in the file; about where, if it is packed.
pub(crate) fn place(section: &Section, item: u64) -> u64 {
    let byte = match section.lanes {
        None => item.saturating_mul(section.item_size.into()),
        Some(_) => {
            let share = u128::from(item) * u128::from(section.frames_end()) / u128::from(section.item_count.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        }
    };
    section.offset + byte.min(section.length)
}

/// Where columns, directories and indexes lie, and the checksums of their pages: all that is read through pages.
fn hot_parts(container: &Container) -> Vec<Range<u64>> {
    let is_hot = |kind: SectionKind| kind.rules().checksum_kind == CHECKSUM_PAGES || kind == SectionKind::PageChecksums;
    let hot = container.sections().iter().filter(|section| is_hot(section.kind));
    hot.map(|section| section.offset..section.offset.saturating_add(section.length)).collect()
}

fn required(container: &Container, kind: SectionKind, path: &Path) -> Result<Section> {
    container.section(kind).copied().ok_or_else(|| missing(kind, path))
}

fn missing(kind: SectionKind, path: &Path) -> Error {
    let violation = SpecError::violation("section table", kind.rules().name, "S-7", kind.number().into(), 0, 1);
    Error::Format { path: path.to_path_buf(), violation }
}
