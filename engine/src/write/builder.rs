//! Building a container from FASTA: inputs, options, progress, report.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use talaria_db_spec::alphabet::{Alphabet, are_residues};
use talaria_db_spec::forever::{MAXIMUM_BLOCK, MINIMUM_BLOCK};

use crate::database::{Database, Source};
use crate::error::{Error, Result};
use crate::fasta::alphabet::Composition;
use crate::fasta::input::{CHUNK, Input, InputPath};
use crate::fasta::parse::{Parser, SourceLayout};
use crate::memory::budget::{Budget, Lease};
use crate::options::OpenOptions;
use crate::read::verify::Level;
use crate::sys::heap::release_freed_memory;
use crate::write::assemble::{Assembler, REMEMBERED_MEMORY, Shape};
use crate::write::encode::Compression;
use crate::write::ingest::{Ingest, pieces};
use crate::write::publish::Unpublished;
use crate::write::seal::Particulars;
use crate::write::share::ShareTable;
use crate::write::spill::Spill;

/// Nominal block size for proteins: small blocks compress as well as large ones, and a lookup decodes one.
const PROTEIN_BLOCK: u32 = 16 << 10;
/// Nominal block size for nucleotides, whose repeats are further apart.
const NUCLEOTIDE_BLOCK: u32 = 64 << 10;
/// Nominal block size of header texts and layout scripts.
const TEXT_BLOCK: u32 = 16 << 10;
/// Residues that are looked at to choose between the two.
const SAMPLE: usize = 1 << 20;
/// Records up to this length are parsed in one piece.
const WHOLE_RECORD: usize = 64 << 10;

/// How far a build has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: `reading`, `sealing`, `verifying`.
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
}

/// Header text and residues of a record.
pub type OwnedRecord = (Vec<u8>, Vec<u8>);

enum Origin {
    Fasta(InputPath),
    Records(String, Box<dyn Iterator<Item = OwnedRecord> + Send>),
}

/// Builds a container from FASTA files, or from records of your own.
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
struct Settings<'p> {
    output: PathBuf,
    compression: Compression,
    block_size: Option<u32>,
    alphabet: Option<Alphabet>,
    share: bool,
    verify: bool,
    threads: usize,
    budget: Budget,
    folder: Option<PathBuf>,
    spill_limit: Option<u64>,
    progress: Box<dyn Fn(&Progress) + Send + Sync + 'p>,
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
        let settings = Settings {
            output: output.as_ref().to_path_buf(),
            compression: Compression::Zstd(1),
            block_size: None,
            alphabet: None,
            share: true,
            verify: false,
            threads: 0,
            budget: Budget::new(u64::MAX),
            folder: None,
            spill_limit: None,
            progress: Box::new(|_| {}),
        };
        Self { origins: Vec::new(), settings }
    }

    /// Adds a FASTA file, plain or compressed with gzip, Zstandard, xz or bzip2 (told by content); `-` is standard input.
    #[must_use]
    pub fn add_fasta(mut self, path: impl AsRef<Path>) -> Self {
        self.origins.push(Origin::Fasta(InputPath::from(path.as_ref())));
        self
    }

    /// Adds records (header text and residues) under a name. They are taken one by one, when their turn comes.
    #[must_use]
    pub fn add_records(mut self, name: &str, records: impl Iterator<Item = OwnedRecord> + Send + 'static) -> Self {
        self.origins.push(Origin::Records(name.to_owned(), Box::new(records)));
        self
    }

    /// Codec of the residues; Zstandard at level 1 unless told otherwise.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.settings.compression = compression;
        self
    }

    /// Residues a block: a power of two from 1 KiB to 8 MiB; 16 KiB for proteins and 64 KiB for nucleotides unless told otherwise.
    #[must_use]
    pub fn block_size(mut self, bytes: u32) -> Self {
        self.settings.block_size = Some(bytes);
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

    /// Builds, checks and publishes the container.
    ///
    /// # Errors
    /// What is wrong with an input ([`Error::Input`], [`Error::Compressed`]), the output ([`Error::Io`], [`Error::Space`]), the options
    /// ([`Error::Option`]) or the limit ([`Error::Memory`]); [`Error::Verification`] if the container does not give its sources
    /// back. Nothing is published then, and what had the output's name before is untouched.
    pub fn finish(self) -> Result<BuildReport> {
        let Self { origins, settings } = self;
        if let Some(size) = settings.block_size
            && (!size.is_power_of_two() || !(MINIMUM_BLOCK..=MAXIMUM_BLOCK).contains(&size))
        {
            let reason = format!("{size} is no power of two from {MINIMUM_BLOCK} to {MAXIMUM_BLOCK}");
            return Err(Error::Option { option: "--block-size", reason });
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(settings.threads)
            .build()
            .map_err(|error| Error::Option { option: "--threads", reason: error.to_string() })?;
        pool.install(|| Run::new(&settings)?.run(origins))
    }
}

/// A build that is going on.
struct Run<'b> {
    settings: &'b Settings<'b>,
    spill: Spill,
    assembler: Option<Assembler>,
    ingest: Ingest,
    sources: Vec<Source>,
    bytes_read: u64,
    bytes_total: Option<u64>,
    records_lease: Lease,
    _lease: Lease,
}

impl<'b> Run<'b> {
    fn new(settings: &'b Settings<'b>) -> Result<Self> {
        let folder = settings.folder.clone().unwrap_or_else(|| folder_of(&settings.output));
        let spill = Spill::new(settings.budget.clone(), folder, settings.spill_limit);
        // A parsed chunk, its blocks before and after encoding, the open blocks, and what is remembered of blocks.
        let block = settings.block_size.unwrap_or(NUCLEOTIDE_BLOCK);
        let bytes = 4 * CHUNK as u64 + 8 * u64::from(block) + settings.compression.memory(block) + REMEMBERED_MEMORY;
        let lease = settings.budget.lease("parsing and encoding", bytes)?;
        let share = if settings.share { Some(ShareTable::new(&settings.budget)?) } else { None };
        Ok(Self {
            settings,
            spill,
            assembler: None,
            ingest: Ingest::new(share),
            sources: Vec::new(),
            bytes_read: 0,
            bytes_total: None,
            records_lease: settings.budget.lease("the records of a chunk", 0)?,
            _lease: lease,
        })
    }

    fn run(mut self, origins: Vec<Origin>) -> Result<BuildReport> {
        let size = |origin: &Origin| match origin {
            Origin::Fasta(path) => std::fs::metadata(path.as_path()).ok().filter(std::fs::Metadata::is_file),
            Origin::Records(..) => None,
        };
        self.bytes_total = origins.iter().map(|origin| size(origin).map(|metadata| metadata.len())).sum();
        if let Some(total) = self.bytes_total {
            // No container is that small; better now than after hours.
            Spill::new(self.settings.budget.clone(), folder_of(&self.settings.output), None).preflight(total / 16)?;
        }
        for origin in origins {
            match origin {
                Origin::Fasta(path) => self.fasta(&path)?,
                Origin::Records(name, records) => self.records(name, records)?,
            }
        }
        self.seal()
    }

    fn fasta(&mut self, path: &InputPath) -> Result<()> {
        let mut input = Input::open(path.clone(), &self.settings.budget)?;
        let mut parser = self.parser(path.as_path());
        let before = self.bytes_read;
        while let Some(chunk) = input.next_chunk()? {
            self.chunk(&mut parser, &chunk)?;
            self.bytes_read = before + input.bytes_consumed();
            self.report("reading");
        }
        self.bytes_read = before + input.bytes_consumed();
        let compression = input.compression().byte();
        let digest = input.finish()?;
        let layout = self.end(&mut parser)?;
        let name = path.as_path().file_name().unwrap_or(path.as_path().as_os_str()).to_string_lossy().into_owned();
        self.add_source(name, layout, digest.byte_length, compression, digest.sha256);
        Ok(())
    }

    /// Records go through the same parser, as text; so what they look like on the way out is what they were on the way in.
    fn records(&mut self, name: String, records: Box<dyn Iterator<Item = OwnedRecord> + Send>) -> Result<()> {
        let mut parser = self.parser(Path::new(&name));
        let (mut hasher, mut length, mut line) = (Sha256::new(), 0, 1);
        let mut text = Vec::new();
        for (header, residues) in records {
            let refused = |reason: &str| {
                let (path, reason) = (PathBuf::from(&name), reason.to_owned());
                Err(Error::Input { path, line, column: None, reason })
            };
            if header.iter().any(|&byte| byte == b'\n' || byte == b'\r') {
                return refused("the header text has a line end");
            }
            if !are_residues(&residues) {
                return refused("the sequence has a byte that is no residue");
            }
            if matches!(residues.first(), Some(b'>' | b';' | b'#')) {
                return refused("the sequence starts like a header or a comment");
            }
            line += 2;
            text.push(b'>');
            text.extend_from_slice(&header);
            text.push(b'\n');
            if !residues.is_empty() {
                text.extend_from_slice(&residues);
                text.push(b'\n');
            }
            if text.len() >= CHUNK {
                length += text.len() as u64;
                hasher.update(&text);
                for chunk in text.chunks(CHUNK) {
                    self.chunk(&mut parser, chunk)?;
                }
                text.clear();
                self.report("reading");
            }
        }
        length += text.len() as u64;
        hasher.update(&text);
        self.chunk(&mut parser, &text)?;
        let layout = self.end(&mut parser)?;
        self.add_source(name, layout, length, 0, hasher.finalize().into());
        Ok(())
    }

    fn parser(&self, path: &Path) -> Parser {
        let most = self.settings.block_size.map_or(0, |size| size as usize);
        Parser::new(path, most.max(WHOLE_RECORD), &self.settings.budget)
    }

    fn chunk(&mut self, parser: &mut Parser, chunk: &[u8]) -> Result<()> {
        for (piece, memory) in pieces(chunk) {
            self.records_lease.resize(memory)?;
            if let Some(assembler) = &mut self.assembler {
                self.ingest.chunk(parser, piece, assembler)?;
                continue;
            }
            self.ingest.parse(parser, piece)?;
            self.place()?;
        }
        Ok(())
    }

    fn end(&mut self, parser: &mut Parser) -> Result<SourceLayout> {
        if let Some(assembler) = &mut self.assembler {
            assembler.encode()?;
        }
        let layout = self.ingest.finish(parser)?;
        self.place()?;
        Ok(layout)
    }

    /// Places what was parsed. The first records that come show what kind of residues there are.
    fn place(&mut self) -> Result<()> {
        let batch = self.ingest.batch();
        if batch.is_empty() {
            return Ok(());
        }
        let assembler = match &mut self.assembler {
            Some(assembler) => assembler,
            None => {
                let sample = Composition::of(batch.residues.get(..SAMPLE).unwrap_or(&batch.residues));
                self.assembler.insert(start(self.settings, &self.spill, &sample)?)
            }
        };
        self.ingest.place(assembler)
    }

    fn add_source(&mut self, name: String, layout: SourceLayout, byte_length: u64, compression: u8, sha256: [u8; 32]) {
        let first_record = self.sources.last().map_or(0, |last| last.first_record + last.record_count);
        self.sources.push(Source {
            name,
            preamble: layout.preamble,
            byte_length,
            first_record,
            record_count: layout.record_count,
            line_width: layout.line_width,
            line_end: layout.line_end,
            compression,
            sha256,
        });
    }

    fn seal(mut self) -> Result<BuildReport> {
        self.report("sealing");
        let assembler = match self.assembler.take() {
            Some(assembler) => assembler,
            None => start(self.settings, &self.spill, &Composition::default())?,
        };
        let shape = *assembler.shape();
        let mut command = format!("build --codec {} --block-size {}", shape.compression, shape.sequence_block);
        if let Some(alphabet) = self.settings.alphabet {
            command.push_str(&format!(" --alphabet {}", alphabet.name()));
        }
        if !self.settings.share {
            command.push_str(" --no-share");
        }
        let particulars = Particulars {
            sources: std::mem::take(&mut self.sources),
            provenance: vec![
                ("writer".to_owned(), concat!("talaria-db ", env!("CARGO_PKG_VERSION")).to_owned()),
                ("command".to_owned(), command),
            ],
            alphabet: self.settings.alphabet,
            features: 0,
        };
        let (records, residues) = (assembler.record_count(), assembler.residue_count());
        let output = assembler.seal(&particulars, None)?;
        let Self { settings, spill, ingest, bytes_read, bytes_total, records_lease, _lease, .. } = self;
        if settings.verify {
            (settings.progress)(&Progress { stage: "verifying", bytes_read, bytes_total, records, residues });
        }
        let level = if settings.verify { Level::Everything } else { Level::Checksums };
        let shared = ingest.shared();
        // What building took is free for checking.
        drop((ingest, records_lease, _lease));
        release_freed_memory();
        let database = check(&output, level, &settings.budget)?;
        let report = BuildReport {
            records: database.len(),
            residues: database.residue_count(),
            shared,
            alphabet: database.alphabet(),
            file_length: database.container().header().file_length.get(),
            sources: particulars.sources,
            peak_memory: settings.budget.peak(),
            peak_spill: spill.peak_on_disk(),
        };
        drop(database);
        output.publish()?;
        Ok(report)
    }

    fn report(&self, stage: &'static str) {
        let (records, residues) =
            self.assembler.as_ref().map_or((0, 0), |assembler| (assembler.record_count(), assembler.residue_count()));
        let (bytes_read, bytes_total) = (self.bytes_read, self.bytes_total);
        (self.settings.progress)(&Progress { stage, bytes_read, bytes_total, records, residues });
    }
}

/// An assembler for the kind of residues in `sample`.
fn start(settings: &Settings<'_>, spill: &Spill, sample: &Composition) -> Result<Assembler> {
    let alphabet = settings.alphabet.unwrap_or_else(|| sample.alphabet());
    let usual = if alphabet.is_nucleotide() { NUCLEOTIDE_BLOCK } else { PROTEIN_BLOCK };
    let shape = Shape {
        compression: settings.compression,
        sequence_block: settings.block_size.unwrap_or(usual),
        text_block: TEXT_BLOCK,
    };
    let names_memory = (settings.budget.free() / 4).clamp(2 << 20, 32 << 20);
    let output = Unpublished::create(&settings.output)?;
    Assembler::new(output, shape, spill, usize::try_from(names_memory).unwrap_or(usize::MAX))
}

/// Reads a finished file back.
///
/// # Errors
/// [`Error::Verification`] with the first thing that is wrong.
pub(crate) fn check(output: &Unpublished, level: Level, budget: &Budget) -> Result<Database> {
    // Records that share a copy are all over the file: with room for its blocks, each is decoded once.
    let cache = if level == Level::Everything { room_for_blocks(output.temporary(), budget.free() / 2) } else { 0 };
    let database = OpenOptions::new().cache(cache).budget(budget.clone()).open(output.temporary())?;
    match database.verify(level)?.problems.into_iter().next() {
        None => Ok(database),
        Some(problem) => {
            let reason = format!("it was read back and is damaged: {problem}");
            Err(Error::Verification { path: output.temporary().to_path_buf(), reason })
        }
    }
}

/// Bytes of a cache that holds most of a container's blocks, if there are `most` at hand.
pub(crate) fn room_for_blocks(path: &Path, most: u64) -> u64 {
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    most.min(length.saturating_mul(4)).min(256 << 20)
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
