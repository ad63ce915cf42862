//! Opening a container from the command line.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use talaria_db::fasta::input::Compression;
use talaria_db::fasta::mapped::MappedFasta;
use talaria_db::memory::settings::MemorySettings;
use talaria_db::options::DEFAULT_CACHE;
use talaria_db::read::storage::Access;
use talaria_db::threads::GlobalWorkers;
use talaria_db::{Database, Error, OpenOptions};

use crate::failure::{Failure, Result};
use crate::memory::MemoryFlags;
use crate::threads::ThreadFlags;

/// Bytes of a file that are looked at to tell what it is instead of a container.
const SAMPLE: u64 = 4096;

/// The container and how it is read: what all commands that read one have in common.
#[derive(Debug, Args)]
pub(crate) struct DatabaseFlags {
    /// The container
    #[arg(value_name = "DB")]
    path: PathBuf,
    /// Read the file piece by piece instead of mapping it, for file systems that cannot be relied on
    #[arg(long, help_heading = "Resources")]
    no_mmap: bool,
    #[command(flatten)]
    memory: MemoryFlags,
    #[command(flatten)]
    pub(crate) threads: ThreadFlags,
}

impl DatabaseFlags {
    /// Opens it.
    pub(crate) fn open(&self) -> Result<Database> {
        self.open_with(DEFAULT_CACHE)
    }

    /// Opens it with a cache of up to `cache` bytes of decoded blocks.
    pub(crate) fn open_with(&self, cache: u64) -> Result<Database> {
        let budget = self.memory.budget()?;
        let access = if self.no_mmap { Access::Read } else { Access::Map };
        let cache = cache.min(budget.limit() / 4);
        let opened = OpenOptions::new().access(access).cache(cache).budget(budget).open(&self.path);
        opened.map_err(|error| match error {
            Error::Format { .. } if looks_like_fasta(&self.path) => Failure::Fasta(self.path.clone()),
            error => error.into(),
        })
    }

    /// Opens it as plain FASTA, with the workers that make its index.
    pub(crate) fn open_fasta(&self) -> Result<(MappedFasta, GlobalWorkers)> {
        let mut settings = MemorySettings::default();
        settings.mapping.use_memory_mapping = !self.no_mmap;
        let budget = self.memory.budget()?;
        let workers = self.threads.start(&budget, &settings)?;
        Ok((MappedFasta::open(&self.path, &settings, &budget)?, workers))
    }
}

/// Whether it is compressed, or the first byte that is not blank starts a header line or a comment of FASTA.
fn looks_like_fasta(path: &Path) -> bool {
    let mut sample = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SAMPLE).read_to_end(&mut sample));
    let text = sample.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&sample).trim_ascii_start();
    let compressed = Compression::detect(&sample) != Compression::None;
    read.is_ok() && (compressed || matches!(text.first(), Some(b'>' | b';' | b'#')))
}
