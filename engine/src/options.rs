//! How a container is opened.

use std::path::Path;

use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Budget;
use crate::memory::settings::MemorySettings;
use crate::read::storage::Access;

/// Bytes of decoded blocks that a database keeps unless told otherwise.
pub const DEFAULT_CACHE: u64 = 64 << 20;

/// How a container is opened: mapped or read, with which cache, under which budget.
///
/// ```no_run
/// use talaria_db::memory::budget::Budget;
/// use talaria_db::options::OpenOptions;
/// use talaria_db::read::storage::Access;
///
/// let budget = Budget::new(128 << 20);
/// let database = OpenOptions::new().access(Access::Read).cache(32 << 20).budget(budget).open("uniref50.talaria")?;
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct OpenOptions {
    pub(crate) memory: MemorySettings,
    pub(crate) budget: Budget,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenOptions {
    /// Mapped, a cache of [`DEFAULT_CACHE`], and no limit but the cache's capacity.
    #[must_use]
    pub fn new() -> Self {
        Self { memory: MemorySettings::default(), budget: Budget::new(u64::MAX) }
    }

    /// Everything that can be set about memory; takes the place of what was set before, by [`OpenOptions::access`] and
    /// [`OpenOptions::cache`] too.
    #[must_use]
    pub fn memory(mut self, settings: MemorySettings) -> Self {
        self.memory = settings;
        self
    }

    /// Map the file, or read it.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.memory.mapping.use_memory_mapping = access == Access::Map;
        self
    }

    /// Whether a mapped file that becomes shorter, or that the disk cannot read, gives an error. Unless told so it ends
    /// the process with SIGBUS, as a library takes no signal of a process unasked; see
    /// [`MappingSettings::guard`](crate::memory::settings::MappingSettings::guard).
    #[must_use]
    pub fn guard(mut self, guard: bool) -> Self {
        self.memory.mapping.guard = guard;
        self
    }

    /// Whether who would write to the file or cut it short waits until it is closed, for at most 45 seconds, where the
    /// system lets this process ask for it; see [`crate::sys::lease::take`].
    #[must_use]
    pub fn lease(mut self, lease: bool) -> Self {
        self.memory.mapping.lease = lease;
        self
    }

    /// Bytes of decoded blocks to keep.
    #[must_use]
    pub fn cache(mut self, bytes: u64) -> Self {
        self.memory.cache.capacity = Some(bytes);
        self
    }

    /// The budget that the cache and everything else is leased from.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Opens a container.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Database> {
        Database::open_with(path.as_ref(), self)
    }

    /// Takes the bytes of a container that are in memory already.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn from_bytes(&self, bytes: Vec<u8>) -> Result<Database> {
        Database::from_bytes_with(bytes, self)
    }
}
