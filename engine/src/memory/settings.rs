//! What can be set about memory, in one value: how files are mapped, what is cached, how passes stream, where memory
//! lies.
//!
//! The engine reads no configuration file and no environment; whoever embeds it fills in a [`MemorySettings`] and gives
//! it to [`crate::OpenOptions`], [`crate::Builder`] or [`crate::reduce::Reduction`]. The limit itself is a
//! [`crate::memory::budget::Budget`]. Defaults are what was measured to be best; what does not help is off.
//!
//! ```
//! use talaria_db::memory::settings::{HugePages, MemorySettings};
//!
//! let mut settings = MemorySettings::default();
//! settings.mapping.huge_pages = HugePages::Transparent;
//! settings.cache.prefetch_distance = 16;
//! ```

/// All settings.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct MemorySettings {
    /// How containers and FASTA are mapped.
    pub mapping: MappingSettings,
    /// What is kept of decoded blocks.
    pub cache: CacheSettings,
    /// How passes over whole files go.
    pub streaming: StreamingSettings,
    /// How decoded data that is kept may be compressed.
    pub compression: CompressionSettings,
    /// On which nodes of the machine memory lies.
    pub numa: NumaSettings,
    /// When memory is given back.
    pub collection: CollectionSettings,
    /// What may go to temporary files.
    pub spill: SpillSettings,
}

/// How files are mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappingSettings {
    /// Whether files are mapped at all; if not, they are read with `pread`.
    pub use_memory_mapping: bool,
    /// Files of fewer bytes are read and not mapped.
    pub threshold: u64,
    /// Whether a mapped file may become shorter or unreadable: this process then handles SIGBUS, from the first such
    /// file on, and what cannot be read is an error. Else it ends the process.
    pub guard: bool,
    /// Whether who would write to a file that is open, or cut it short, is to wait, where the system lets this process
    /// ask for it; see [`crate::sys::lease::take`].
    pub lease: bool,
    /// Whether columns and indexes are brought into memory when a container is opened.
    pub populate: bool,
    /// What pages columns and indexes should lie in.
    pub huge_pages: HugePages,
    /// Bytes that the system has for pages of files, if that is little: what a control group allows beside the limit on
    /// memory. No more than a share of it is asked for before it is used, as it would push itself out. None: as many as
    /// there are.
    pub page_cache: Option<u64>,
}

impl Default for MappingSettings {
    fn default() -> Self {
        Self {
            use_memory_mapping: true,
            threshold: 0,
            guard: false,
            lease: false,
            populate: false,
            huge_pages: HugePages::Off,
            page_cache: None,
        }
    }
}

/// Pages larger than the usual 4 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HugePages {
    /// None.
    #[default]
    Off,
    /// Those that the system makes of ordinary ones when it is asked to; of the file's own pages, so they take no
    /// anonymous memory.
    Transparent,
    /// Reserved pages of 2 MiB, which the administrator sets aside; a copy, leased from the budget.
    TwoMiB,
    /// Reserved pages of 1 GiB; a copy, leased from the budget.
    OneGiB,
}

/// What is kept of decoded blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheSettings {
    /// Most bytes; none for what the work at hand suggests, 0 for no cache.
    pub capacity: Option<u64>,
    /// How many steps ahead of its use an entry of an index or column is fetched into the processor's caches, in
    /// lookups of many records; 0: not.
    pub prefetch_distance: usize,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { capacity: None, prefetch_distance: 8 }
    }
}

/// How passes over whole files go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamingSettings {
    /// Whether nothing but the buffers is held: no mapping, no cache.
    pub only: bool,
    /// Most records in a chunk of a pass over a container. Builds have chunks of their own, as a file must not depend
    /// on memory.
    pub chunk_records: usize,
    /// Chunks in memory at a time: one that is filled, one that waits, one that is worked on.
    pub buffers: usize,
    /// Whether what comes next is read before it is asked for.
    pub read_ahead: bool,
    /// Whether chunks of an input that wait are kept compressed, with what [`CompressionSettings`] say. Saves memory
    /// with many buffers only, as the thread that reads and its caller have a plain one each.
    pub compress_chunks: bool,
}

impl Default for StreamingSettings {
    fn default() -> Self {
        Self { only: false, chunk_records: 10_000, buffers: 3, read_ahead: true, compress_chunks: false }
    }
}

/// How decoded data that is kept may be compressed: the second tier of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompressionSettings {
    /// Whether blocks that leave the cache are kept compressed.
    pub enabled: bool,
    /// With what.
    pub algorithm: Algorithm,
    /// How well, from 1 to 9; algorithms with one level only ignore it.
    pub level: u32,
    /// Blocks of fewer bytes are dropped.
    pub threshold: u64,
    /// Caches with less than this capacity, in bytes, have no second tier.
    pub least_cache: u64,
    /// Whether it happens in the background.
    pub background: bool,
}

impl Default for CompressionSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            algorithm: Algorithm::Lz4,
            level: 3,
            threshold: 4 << 10,
            least_cache: 0,
            background: true,
        }
    }
}

/// A compression of data in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// LZ4, block format.
    #[default]
    Lz4,
    /// Zstandard, RFC 8878.
    Zstd,
    /// Snappy, raw format.
    Snappy,
}

/// On which nodes of a machine with several memories data lies. On a machine with one nothing changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NumaSettings {
    /// Whether any of this is done.
    pub aware: bool,
    /// Only the first so many nodes are used; none for all.
    pub nodes: Option<u32>,
    /// Where memory lies.
    pub placement: Placement,
    /// Whether pages that lie on another node than asked for are moved.
    pub migration: bool,
}

/// Where memory lies on a machine with several nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// On the node of the thread that touches it first, and threads stay on their node.
    #[default]
    Local,
    /// Spread over all nodes, page by page.
    Interleave,
    /// Only on the nodes that are used, even if they are full.
    Bind,
}

/// When memory is given back.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CollectionSettings {
    /// Share of the limit above which caches are cut down to 70 % of it, from 0 to 1.
    pub threshold: f64,
    /// Whether freed memory is given back to the system after each step, and not only under pressure or between stages.
    pub aggressive: bool,
    /// Whether the sizes of caches and batches follow the pressure on memory.
    pub adaptive: bool,
}

impl Default for CollectionSettings {
    fn default() -> Self {
        Self { threshold: 0.8, aggressive: false, adaptive: false }
    }
}

/// What may go to temporary files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpillSettings {
    /// Whether what does not fit the limit goes to temporary files; if not, it is an error.
    pub enabled: bool,
}

impl Default for SpillSettings {
    fn default() -> Self {
        Self { enabled: true }
    }
}
