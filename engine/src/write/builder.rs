//! Building a container from FASTA and other containers: inputs, options, progress, report.

use std::fs::File;
use std::path::{Path, PathBuf};

use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::forever::{MAXIMUM_BLOCK, MINIMUM_BLOCK};

use crate::column::{Column, Columns};
use crate::database::{Source, is_container};
use crate::error::{Error, Result};
use crate::fasta::input::InputPath;
use crate::memory::budget::Budget;
use crate::memory::placement::PlacementReport;
use crate::memory::settings::MemorySettings;
use crate::threads::{Workers, stacks_memory, thread_count};
use crate::write::encode::Compression;
use crate::write::needs::least_memory;
use crate::write::place::Order;
use crate::write::preset::{Blocks, Choice, Preset};
use crate::write::run::Run;

/// How far a build has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: `reading`, `sealing`, for an order by similarity `comparing` and `placing`, `verifying`.
    pub stage: &'static str,
    /// Bytes read of all inputs, as they are on disk.
    pub bytes_read: u64,
    /// Bytes of all inputs, if all are regular files.
    pub bytes_total: Option<u64>,
    /// Records.
    pub records: u64,
    /// Residues.
    pub residues: u64,
}

/// What a build made.
#[derive(Debug, Clone)]
pub struct BuildReport {
    /// Records.
    pub records: u64,
    /// Residues of all records.
    pub residues: u64,
    /// Records that share the stored copy of an earlier one.
    pub shared: u64,
    /// What the residues are.
    pub alphabet: Alphabet,
    /// Bytes of the container.
    pub file_length: u64,
    /// The inputs, with their digests.
    pub sources: Vec<Source>,
    /// Most bytes of the budget in use at any time.
    pub peak_memory: u64,
    /// Most bytes of temporary files at any time.
    pub peak_spill: u64,
    /// On which nodes of the machine it was done.
    pub placement: PlacementReport,
}

/// Header text and residues of a record.
pub type OwnedRecord = (Vec<u8>, Vec<u8>);

pub(super) enum Origin {
    Fasta(InputPath),
    Container(PathBuf),
    Records(String, Box<dyn Iterator<Item = OwnedRecord> + Send>),
}

/// Builds a container from FASTA files, other containers, or records of your own.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("two.talaria");
/// let records = vec![(b"one first".to_vec(), b"MKVL".to_vec()), (b"two".to_vec(), b"MKV".to_vec())];
/// let report = talaria_db::Builder::new(&path).add_records("two", records.into_iter()).finish()?;
/// assert_eq!((report.records, report.residues), (2, 7));
/// assert_eq!(talaria_db::Database::open(&path)?.get("two")?[0].sequence().as_bytes(), b"MKV");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Builder<'p> {
    origins: Vec<Origin>,
    settings: Settings<'p>,
}

/// All of a builder but its inputs.
pub(super) struct Settings<'p> {
    pub(super) output: PathBuf,
    /// Where the bytes go instead, if they are to have no name; `output` is a path to it.
    pub(super) unnamed: Option<File>,
    pub(super) compression: Compression,
    pub(super) blocks: Blocks,
    pub(super) text_block_size: u32,
    pub(super) packed: bool,
    pub(super) alphabet: Option<Alphabet>,
    pub(super) share: bool,
    pub(super) order: Order,
    pub(super) columns: Columns,
    pub(super) verify: bool,
    pub(super) threads: usize,
    pub(super) budget: Budget,
    pub(super) memory: MemorySettings,
    pub(super) folder: Option<PathBuf>,
    pub(super) spill_limit: Option<u64>,
    pub(super) progress: Box<dyn Fn(&Progress) + Send + Sync + 'p>,
}

impl std::fmt::Debug for Builder<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Builder").field("output", &self.settings.output).finish_non_exhaustive()
    }
}

impl<'p> Builder<'p> {
    /// A builder for the file `output`, which is replaced only when the new one is complete.
    #[must_use]
    pub fn new(output: impl AsRef<Path>) -> Self {
        let Choice { compression, blocks, text_block_size, order, packed } = Preset::default().choice();
        let settings = Settings {
            output: output.as_ref().to_path_buf(),
            unnamed: None,
            compression,
            blocks,
            text_block_size,
            packed,
            alphabet: None,
            share: true,
            order,
            columns: Columns::default(),
            verify: false,
            threads: 0,
            budget: Budget::new(u64::MAX),
            memory: MemorySettings::default(),
            folder: None,
            spill_limit: None,
            progress: Box::new(|_| {}),
        };
        Self { origins: Vec::new(), settings }
    }

    /// Adds a FASTA file, plain or compressed with gzip, Zstandard, xz or bzip2 (told by content); `-` is standard
    /// input.
    #[must_use]
    pub fn add_fasta(mut self, path: impl AsRef<Path>) -> Self {
        self.origins.push(Origin::Fasta(InputPath::from(path.as_ref())));
        self
    }

    /// Adds a file: a container or FASTA, told by content when this is called; what cannot be looked at is taken for
    /// FASTA.
    ///
    /// The sources of a container become sources of the one that is built, in order and byte for byte, each compared
    /// with its digest. What a reduction said of its records does not go over.
    ///
    /// ```
    /// use talaria_db::{Builder, Database};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let [first, both] = ["first.talaria", "both.talaria"].map(|name| folder.path().join(name));
    /// # let fasta = folder.path().join("more.fa");
    /// std::fs::write(&fasta, ">two\nMKV\n")?;
    /// Builder::new(&first).add_records("one", std::iter::once((b"one".to_vec(), b"MKVL".to_vec()))).finish()?;
    /// Builder::new(&both).add_file(&first).add_file(&fasta).finish()?;
    ///
    /// let mut text = Vec::new();
    /// Database::open(&both)?.export(&mut text, &Default::default())?;
    /// assert_eq!(text, b">one\nMKVL\n>two\nMKV\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn add_file(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        self.origins.push(match is_container(path) {
            Ok(true) => Origin::Container(path.to_path_buf()),
            _ => Origin::Fasta(InputPath::from(path)),
        });
        self
    }

    /// Adds records (header text and residues) under a name. They are taken one by one, when their turn comes.
    #[must_use]
    pub fn add_records(mut self, name: &str, records: impl Iterator<Item = OwnedRecord> + Send + 'static) -> Self {
        self.origins.push(Origin::Records(name.to_owned(), Box::new(records)));
        self
    }

    /// Codec, block sizes, order and columns at once; [`Preset::Balanced`] unless told otherwise. What is set after it
    /// counts instead.
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        let Choice { compression, blocks, text_block_size, order, packed } = preset.choice();
        self.settings = Settings { compression, blocks, text_block_size, order, packed, ..self.settings };
        self
    }

    /// Codec of the residues; Zstandard at level 1 unless told otherwise.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.settings.compression = compression;
        self
    }

    /// Residues a block: a power of two from 1 KiB to 8 MiB; 16 KiB for proteins and 128 KiB for nucleotides unless told
    /// otherwise.
    #[must_use]
    pub fn block_size(mut self, bytes: u32) -> Self {
        self.settings.blocks = Blocks::of_size(bytes);
        self
    }

    /// Bytes of header texts a block: a power of two from 1 KiB to 8 MiB, 4 KiB unless told otherwise.
    #[must_use]
    pub fn text_block_size(mut self, bytes: u32) -> Self {
        self.settings.text_block_size = bytes;
        self
    }

    /// Whether columns and the index of names are packed (FORMAT.md, section 14): about a third of their size, for a
    /// fraction of a microsecond for each record that is looked up. They are, unless told otherwise or by
    /// [`Preset::Fast`]. Readers from before this was specified refuse such a file by name.
    #[must_use]
    pub fn packed_columns(mut self, packed: bool) -> Self {
        self.settings.packed = packed;
        self
    }

    /// What the residues are, if it is not to be told from them.
    #[must_use]
    pub fn alphabet(mut self, alphabet: Alphabet) -> Self {
        self.settings.alphabet = Some(alphabet);
        self
    }

    /// Whether identical sequences share one stored copy (they do unless told otherwise).
    #[must_use]
    pub fn share(mut self, share: bool) -> Self {
        self.settings.share = share;
        self
    }

    /// The order in which residues lie; that of the input unless told otherwise.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.settings.order = order;
        self
    }

    /// Columns that are kept beside those that every container has, for filters ([`crate::read::filter`]); none unless
    /// told otherwise.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("two.talaria");
    /// use talaria_db::{Builder, Column, Database};
    ///
    /// let records = vec![(b"one".to_vec(), b"ACGT".to_vec()), (b"two".to_vec(), b"GGGC".to_vec())];
    /// Builder::new(&path).columns([Column::GcContent]).add_records("two", records.into_iter()).finish()?;
    /// let database = Database::open(&path)?;
    /// assert_eq!((database.gc_content(0)?, database.gc_content(1)?), (Some(0.5), Some(1.0)));
    /// assert_eq!(database.complexity(0)?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = Column>) -> Self {
        self.settings.columns = columns.into_iter().collect();
        self
    }

    /// Whether to decode the whole container and compare it with the digests of its sources before it is published.
    #[must_use]
    pub fn verify(mut self, verify: bool) -> Self {
        self.settings.verify = verify;
        self
    }

    /// Threads that encode; 0 for as many as there are processors. The file is the same whatever their number.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.settings.threads = threads;
        self
    }

    /// The budget that all memory is leased from. The file is the same whatever its limit.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.settings.budget = budget;
        self
    }

    /// Everything that can be set about memory. The file is the same whatever it is.
    #[must_use]
    pub fn memory(mut self, settings: MemorySettings) -> Self {
        self.settings.memory = settings;
        self
    }

    /// Folder for temporary files; the output's unless told otherwise.
    #[must_use]
    pub fn temporary_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.settings.folder = Some(folder.as_ref().to_path_buf());
        self
    }

    /// Most bytes of temporary files.
    #[must_use]
    pub fn spill_limit(mut self, bytes: u64) -> Self {
        self.settings.spill_limit = Some(bytes);
        self
    }

    /// Is called now and then while the build goes on.
    #[must_use]
    pub fn progress(mut self, progress: impl Fn(&Progress) + Send + Sync + 'p) -> Self {
        self.settings.progress = Box::new(progress);
        self
    }

    /// The least budget that this build can do with, in bytes. The inputs are looked at, not read.
    ///
    /// What only single records make necessary is not in it: header lines of hundreds of KiB, layouts of lines that
    /// have no pattern, windows that compressed data names after its start.
    #[must_use]
    pub fn least_memory(&self) -> u64 {
        let threads = self.settings.threads;
        least_memory(&self.settings, thread_count(threads), &self.origins) + stacks_memory(threads)
    }

    /// Builds, checks and publishes the container.
    ///
    /// # Errors
    /// What is wrong with an input ([`Error::Input`], [`Error::Compressed`]), the output ([`Error::Io`],
    /// [`Error::Space`]), the options ([`Error::Option`]) or the limit ([`Error::Memory`]); [`Error::Verification`] if
    /// the container does not give its sources back. Nothing is published then, and what had the output's name before
    /// is untouched.
    pub fn finish(self) -> Result<BuildReport> {
        self.check_block_size()?;
        let Settings { threads, ref budget, ref memory, .. } = self.settings;
        budget.check("a build", self.least_memory())?;
        let workers = Workers::start(threads, budget, memory)?;
        let report = workers.install(|| self.finish_on_these_workers())?;
        Ok(BuildReport { placement: workers.placement(), ..report })
    }

    /// Writes to a file without a name, which this process can open as the output that [`Builder::new`] was given.
    pub(crate) fn unnamed(mut self, file: File) -> Self {
        self.settings.unnamed = Some(file);
        self
    }

    /// As [`Builder::finish`], by whichever workers call it.
    pub(crate) fn finish_on_these_workers(self) -> Result<BuildReport> {
        self.check_block_size()?;
        let Self { origins, settings } = self;
        Run::new(&settings, &origins)?.run(origins)
    }

    fn check_block_size(&self) -> Result<()> {
        let Settings { blocks, text_block_size, .. } = self.settings;
        let sizes = [
            ("--block-size", blocks.smallest()),
            ("--block-size", blocks.largest()),
            ("--text-block-size", text_block_size),
        ];
        for (option, size) in sizes {
            if !size.is_power_of_two() || !(MINIMUM_BLOCK..=MAXIMUM_BLOCK).contains(&size) {
                let reason = format!("{size} is no power of two from {MINIMUM_BLOCK} to {MAXIMUM_BLOCK}");
                return Err(Error::Option { option, reason });
            }
        }
        Ok(())
    }
}
