//! Opening a container from the command line.

use std::cell::OnceCell;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use talaria_db::fasta::input::Compression;
use talaria_db::fasta::mapped::MappedFasta;
use talaria_db::options::DEFAULT_CACHE;
use talaria_db::threads::GlobalWorkers;
use talaria_db::{Database, Error, OpenOptions};

use crate::failure::{Failure, Result};
use crate::monitor::{Monitor, MonitorFlags, Voice};
use crate::resources::{MemoryFlags, Resources};
use crate::threads::{self, ThreadFlags};

/// Bytes of a file that are looked at to tell what it is instead of a container.
const SAMPLE: u64 = 4096;

/// Where the container stands on the command line.
pub(crate) trait Place: Args + std::fmt::Debug {
    /// The container.
    fn path(&self) -> &Path;
}

/// The first argument.
#[derive(Debug, Args)]
pub(crate) struct First {
    /// The container
    #[arg(value_name = "DB", index = 1)]
    path: PathBuf,
}

impl Place for First {
    fn path(&self) -> &Path {
        &self.path
    }
}

/// An option, where the first argument is something else.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The container
    #[arg(short, long = "db", value_name = "DB", value_hint = clap::ValueHint::FilePath)]
    database: PathBuf,
}

impl Place for Named {
    fn path(&self) -> &Path {
        &self.database
    }
}

/// The container and how it is read: what all commands that read one have in common.
#[derive(Debug, Args)]
pub(crate) struct DatabaseFlags<P: Place = First> {
    #[command(flatten)]
    place: P,
    #[command(flatten)]
    memory: MemoryFlags,
    #[command(flatten)]
    threads: ThreadFlags,
    #[command(flatten)]
    monitor: MonitorFlags,
    /// Found when first asked for.
    #[arg(skip)]
    resources: OnceCell<Resources>,
    /// Started when there is enough to do.
    #[arg(skip)]
    workers: OnceCell<GlobalWorkers>,
}

impl<P: Place> DatabaseFlags<P> {
    /// Opens it.
    pub(crate) fn open(&self) -> Result<Database> {
        self.open_with(DEFAULT_CACHE)
    }

    /// Starts the threads, if they have not been started; they are there until the command is done.
    pub(crate) fn start_threads(&self) -> Result<()> {
        if self.workers.get().is_none() {
            let Resources { threads, budget, settings, .. } = self.resources()?;
            let workers = threads::start(*threads, budget, settings)?;
            self.workers.get_or_init(|| workers);
        }
        Ok(())
    }

    /// Starts to watch memory, if that is wanted.
    ///
    /// `other` is what the command reads or writes beside the container.
    pub(crate) fn start_monitor(&self, other: Option<&Path>) -> Result<Monitor> {
        let files: Vec<PathBuf> =
            [Some(self.place.path()), other].into_iter().flatten().map(Path::to_path_buf).collect();
        self.monitor.start(self.resources()?, &files, Voice::Own)
    }

    fn resources(&self) -> Result<&Resources> {
        if let Some(resources) = self.resources.get() {
            return Ok(resources);
        }
        let resources = Resources::new(&self.memory.configuration(None, self.threads.given())?)?;
        Ok(self.resources.get_or_init(|| resources))
    }

    /// Opens it with a cache of up to `cache` bytes of decoded blocks.
    pub(crate) fn open_with(&self, cache: u64) -> Result<Database> {
        let resources = self.resources()?;
        let settings = resources.settings_with_cache(cache);
        let opened = OpenOptions::new().memory(settings).budget(resources.budget.clone()).open(self.place.path());
        opened.map_err(|error| explained(self.place.path(), error))
    }

    /// Opens it as plain FASTA, whose index is made by all threads.
    pub(crate) fn open_fasta(&self) -> Result<MappedFasta> {
        let Resources { budget, settings, .. } = self.resources()?;
        self.start_threads()?;
        Ok(MappedFasta::open(self.place.path(), settings, budget)?)
    }
}

/// Why a container could not be opened: it may be FASTA.
pub(crate) fn explained(path: &Path, error: Error) -> Failure {
    match error {
        Error::Format { .. } if looks_like_fasta(path) => Failure::Fasta(path.to_path_buf()),
        error => error.into(),
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
