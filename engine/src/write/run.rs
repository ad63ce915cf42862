//! A build as it runs: inputs through the parser into an assembler, then sealed, checked and published.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use talaria_db_spec::alphabet::are_residues;

use crate::database::{Database, Source};
use crate::error::{Error, Result};
use crate::fasta::alphabet::Composition;
use crate::fasta::input::{CHUNK, Input, InputPath};
use crate::fasta::parse::{Parser, SourceLayout};
use crate::memory::budget::{Budget, Lease};
use crate::memory::manager::MemoryManager;
use crate::memory::placement::PlacementReport;
use crate::memory::settings::MemorySettings;
use crate::options::OpenOptions;
use crate::read::verify::Level;
use crate::sys::heap::release_freed_memory;
use crate::write::assemble::Assembler;
use crate::write::builder::{BuildReport, Origin, OwnedRecord, Progress, Settings};
use crate::write::container_input::ContainerInput;
use crate::write::encode::Compression;
use crate::write::ingest::{Ingest, pieces};
use crate::write::needs::{Needs, encoding_memory, longest_whole, shape};
use crate::write::place::{self, Order, Placing};
use crate::write::preset::TEXT_BLOCK;
use crate::write::publish::Unpublished;
use crate::write::seal::Particulars;
use crate::write::spill::Spill;

/// Residues that are looked at to choose between the two.
const SAMPLE: usize = 1 << 20;
/// A build that is going on.
pub(super) struct Run<'b> {
    settings: &'b Settings<'b>,
    manager: MemoryManager,
    spill: Spill,
    assembler: Option<Assembler>,
    ingest: Ingest,
    sources: Vec<Source>,
    /// Of the containers among the inputs.
    commands: Vec<String>,
    bytes_read: u64,
    bytes_total: Option<u64>,
    records_lease: Lease,
    /// What no input has taken yet of what the largest of them needs, so that nobody else does meanwhile.
    inputs_lease: Lease,
    lease: Lease,
    /// What is going to be the container, if it is written in another order afterwards.
    ordered: Option<Unpublished>,
}

impl<'b> Run<'b> {
    pub(super) fn new(settings: &'b Settings<'b>, origins: &[Origin]) -> Result<Self> {
        let folder = settings.folder.clone().unwrap_or_else(|| folder_of(&settings.output));
        let spill =
            Spill::new(settings.budget.clone(), folder, settings.spill_limit).allowed(settings.memory.spill.enabled);
        let needs = Needs::new(settings, rayon::current_num_threads(), origins);
        let lease = settings.budget.lease("parsing and encoding", needs.encoding)?;
        Ok(Self {
            settings,
            manager: MemoryManager::new(settings.budget.clone(), settings.memory.collection.clone()),
            spill,
            assembler: None,
            ingest: Ingest::new(settings.share, settings.columns, &settings.budget)?,
            sources: Vec::new(),
            commands: Vec::new(),
            bytes_read: 0,
            bytes_total: None,
            records_lease: settings.budget.lease("the records of a chunk", needs.records)?,
            inputs_lease: settings.budget.lease("inputs", needs.inputs)?,
            lease,
            ordered: match settings.order {
                Order::Input => None,
                Order::Similarity => Some(output(settings)?),
            },
        })
    }

    pub(super) fn run(mut self, origins: Vec<Origin>) -> Result<BuildReport> {
        let size = |origin: &Origin| match origin {
            Origin::Fasta(path) => std::fs::metadata(path.as_path()).ok().filter(std::fs::Metadata::is_file),
            Origin::Container(path) => std::fs::metadata(path).ok(),
            Origin::Records(..) => None,
        };
        self.bytes_total = origins.iter().map(|origin| size(origin).map(|metadata| metadata.len())).sum();
        if let Some(total) = self.bytes_total {
            // No container is that small; better now than after hours.
            // A file without a name is among the temporary ones.
            let named = self.settings.unnamed.is_none();
            let folder = if named { folder_of(&self.settings.output) } else { self.spill.folder().to_path_buf() };
            Spill::new(self.settings.budget.clone(), folder, None).preflight(total / 16)?;
        }
        for origin in origins {
            match origin {
                Origin::Fasta(path) => self.fasta(&path)?,
                Origin::Container(path) => self.container(&path)?,
                Origin::Records(name, records) => self.records(name, records)?,
            }
        }
        self.seal()
    }

    fn fasta(&mut self, path: &InputPath) -> Result<()> {
        let memory = &self.settings.memory;
        let reserved = self.inputs_lease.bytes();
        self.inputs_lease.resize(reserved.saturating_sub(Input::least_memory(path, memory)))?;
        let mut input = Input::open(path.clone(), memory, &self.settings.budget)?;
        let mut parser = self.parser(path.as_path());
        let before = self.bytes_read;
        while let Some(chunk) = input.next_chunk()? {
            self.chunk(&mut parser, &chunk)?;
            self.manager.step();
            self.bytes_read = before + input.bytes_consumed();
            self.report("reading");
        }
        self.bytes_read = before + input.bytes_consumed();
        let compression = input.compression().byte();
        // Placed while the input still has its memory, so that columns do not take what the next one needs.
        let layout = self.end(&mut parser)?;
        let digest = input.finish()?;
        self.inputs_lease.resize(reserved)?;
        let name = path.as_path().file_name().unwrap_or(path.as_path().as_os_str()).to_string_lossy().into_owned();
        self.add_source(name, layout, digest.byte_length, compression, digest.sha256);
        Ok(())
    }

    /// The sources of a container go through the same parser, one after the other.
    fn container(&mut self, path: &Path) -> Result<()> {
        let memory = &self.settings.memory;
        let reserved = self.inputs_lease.bytes();
        self.inputs_lease.resize(reserved.saturating_sub(ContainerInput::least_memory(path, memory)))?;
        let input = ContainerInput::open(path, memory, &self.settings.budget)?;
        let stored = std::fs::metadata(path).map_err(Error::io(path, "look at"))?.len();
        let text: u64 = input.sources().iter().fold(0, |sum, source| sum.saturating_add(source.byte_length));
        let (before, mut seen) = (self.bytes_read, 0_u64);
        for (number, source) in input.sources().iter().enumerate() {
            let mut parser = self.parser(path);
            input.for_each_chunk(number, |chunk| {
                self.chunk(&mut parser, chunk)?;
                self.manager.step();
                seen += chunk.len() as u64;
                let share = u128::from(stored) * u128::from(seen) / u128::from(text.max(seen));
                self.bytes_read = before + u64::try_from(share).unwrap_or(stored);
                self.report("reading");
                Ok(())
            })?;
            let layout = self.end(&mut parser)?;
            self.add_source(source.name.clone(), layout, source.byte_length, source.compression, source.sha256);
        }
        self.bytes_read = before + stored;
        self.commands.extend(input.commands()?);
        drop(input);
        self.inputs_lease.resize(reserved)
    }

    /// Records go through the same parser, as text; so what they look like on the way out is what they were on the way
    /// in.
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
        Parser::new(path, longest_whole(self.settings), &self.settings.budget)
    }

    fn chunk(&mut self, parser: &mut Parser, chunk: &[u8]) -> Result<()> {
        for piece in pieces(chunk) {
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
                self.assembler.insert(start(self.settings, &self.spill, &sample, &mut self.lease)?)
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
            Some(mut assembler) => {
                assembler.encode()?;
                self.ingest.confirm(&assembler)?;
                assembler
            }
            None => start(self.settings, &self.spill, &Composition::default(), &mut self.lease)?,
        };
        let shape = *assembler.shape();
        let mut command = format!("build --codec {} --block-size {}", shape.compression, shape.sequence_block);
        if let Some(alphabet) = self.settings.alphabet {
            command.push_str(&format!(" --alphabet {}", alphabet.name()));
        }
        if !self.settings.share {
            command.push_str(" --no-share");
        }
        if shape.text_block != TEXT_BLOCK {
            command.push_str(&format!(" --text-block-size {}", shape.text_block));
        }
        if shape.packed {
            command.push_str(" --packed-columns");
        }
        if self.settings.order != Order::Input {
            command.push_str(&format!(" --order {}", self.settings.order.name()));
        }
        if !self.settings.columns.is_empty() {
            command.push_str(&format!(" --columns {}", self.settings.columns));
        }
        let mut provenance = vec![("writer".to_owned(), concat!("talaria-db ", env!("CARGO_PKG_VERSION")).to_owned())];
        self.commands.push(command);
        provenance.extend(self.commands.drain(..).map(|command| ("command".to_owned(), command)));
        let particulars = Particulars {
            sources: std::mem::take(&mut self.sources),
            provenance,
            alphabet: self.settings.alphabet,
            features: 0,
        };
        let (records, residues) = (assembler.record_count(), assembler.residue_count());
        let Self { settings, spill, ingest, bytes_read, bytes_total, records_lease, inputs_lease, ordered, .. } = self;
        let lease = self.lease;
        let shared = ingest.shared();
        // Many records of one name take memory when names are sealed; that of inputs is free for it.
        drop((ingest, records_lease, inputs_lease));
        let mut output = assembler.seal(&particulars)?;
        let report = |stage| (settings.progress)(&Progress { stage, bytes_read, bytes_total, records, residues });
        let mut lease = Some(lease);
        if let Some(ordered) = ordered {
            // What building took is free for placing.
            lease = None;
            release_freed_memory();
            let options = OpenOptions::new().memory(settings.memory.clone()).cache(0).budget(settings.budget.clone());
            let (database, provenance) = (options.open(output.temporary())?, &particulars.provenance[..]);
            let placing =
                Placing { database: &database, spill: &spill, shape, provenance, progress: &report, follow: None };
            output = place::place(&placing, ordered)?;
        }
        if settings.verify {
            report("verifying");
        }
        let level = if settings.verify { Level::Everything } else { Level::Checksums };
        // What building took is free for checking.
        drop(lease);
        release_freed_memory();
        let database = check(&mut output, level, &settings.budget, &settings.memory)?;
        let report = BuildReport {
            records: database.len(),
            residues: database.residue_count(),
            shared,
            alphabet: database.alphabet(),
            file_length: database.container().header().file_length.get(),
            sources: particulars.sources,
            peak_memory: settings.budget.peak(),
            peak_spill: spill.peak_on_disk(),
            placement: PlacementReport::default(),
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

/// An assembler for the kind of residues in `sample`. If their blocks are larger than the smallest, `lease` grows by
/// what that takes.
fn start(settings: &Settings<'_>, spill: &Spill, sample: &Composition, lease: &mut Lease) -> Result<Assembler> {
    let (known, threads) = (shape(settings, settings.alphabet), rayon::current_num_threads());
    let shape = shape(settings, Some(settings.alphabet.unwrap_or_else(|| sample.alphabet())));
    if settings.order == Order::Similarity && shape.sequence_block > known.sequence_block {
        // Better now than when everything has been read.
        let needed = place::least_memory(&shape, threads);
        let limit = settings.budget.limit();
        if needed > limit {
            let what = "placing blocks of this size";
            return Err(Error::Memory { what, need: needed, free: settings.budget.available(), limit });
        }
    }
    let more = encoding_memory(&shape, threads).saturating_sub(encoding_memory(&known, threads));
    lease.resize(lease.bytes() + more)?;
    let names_memory = Assembler::names_memory(&settings.budget);
    if settings.order == Order::Input {
        return Assembler::new(output(settings)?, shape, settings.columns, spill, names_memory);
    }
    // In the order of the input first, for a while and without a name.
    let unordered = match spill.unnamed()? {
        Some((file, path)) => Unpublished::unnamed(file, path),
        None => Unpublished::create(&beside(spill.folder(), &settings.output, "unordered.talaria"))?,
    };
    let mut assembler = Assembler::new(unordered, shape, settings.columns, spill, names_memory)?;
    if let Compression::Zstd(_) = settings.compression {
        assembler.set_residue_compression(Compression::Zstd(1));
    }
    Ok(assembler)
}

/// Where the container goes.
fn output(settings: &Settings<'_>) -> Result<Unpublished> {
    match &settings.unnamed {
        Some(file) => {
            let file = file.try_clone().map_err(Error::io(&settings.output, "write"))?;
            Ok(Unpublished::unnamed(file, settings.output.clone()))
        }
        None => Unpublished::create(&settings.output),
    }
}

/// Reads a finished file back.
///
/// # Errors
/// [`Error::Verification`] with the first thing that is wrong.
pub(crate) fn check(
    output: &mut Unpublished,
    level: Level,
    budget: &Budget,
    memory: &MemorySettings,
) -> Result<Database> {
    // Records that share a copy are all over the file: with room for its blocks, each is decoded once.
    let cache = if level == Level::Everything { room_for_blocks(output.temporary(), budget.free() / 2) } else { 0 };
    let options = OpenOptions::new().memory(memory.clone()).cache(cache).budget(budget.clone());
    let database = options.open(output.temporary())?;
    match database.verify(level)?.problems.into_iter().next() {
        None => {
            output.set_checked();
            Ok(database)
        }
        Some(problem) => {
            let reason = format!("it was read back and is damaged: {problem}");
            Err(Error::Verification { path: output.temporary().to_path_buf(), reason })
        }
    }
}

/// Bytes of a cache that holds most of a container's blocks, if there are `most` at hand.
pub(crate) fn room_for_blocks(path: &Path, most: u64) -> u64 {
    room_for_length(std::fs::metadata(path).map_or(0, |metadata| metadata.len()), most)
}

/// The same for a container of `length` bytes.
pub(crate) fn room_for_length(length: u64, most: u64) -> u64 {
    most.min(length.saturating_mul(4)).min(256 << 20)
}

/// A hidden name in `folder` that belongs to the file `output`.
pub(crate) fn beside(folder: &Path, output: &Path, what: &str) -> PathBuf {
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    folder.join(format!(".{name}.{}.{what}", std::process::id()))
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
