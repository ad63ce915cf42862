//! A build as it runs: inputs through the parser into an assembler, then sealed, checked and published.

mod inputs;
mod sealing;

use std::path::Path;

use crate::database::Source;
use crate::error::{Error, Result};
use crate::fasta::alphabet::Composition;
use crate::fasta::parse::{Parser, SourceLayout};
use crate::memory::budget::Lease;
use crate::memory::manager::MemoryManager;
use crate::write::assemble::Assembler;
use crate::write::beside::{beside, folder_of};
use crate::write::builder::{BuildReport, Origin, Progress, Settings};
use crate::write::encode::Compression;
use crate::write::ingest::{Ingest, pieces};
use crate::write::needs::{Needs, encoding_memory, longest_whole, shape};
use crate::write::place::{self, Order};
use crate::write::publish::Unpublished;
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
            ordered: match settings.order {
                Order::Input => None,
                Order::Similarity => Some(output(settings, &spill)?),
            },
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
            self.ingest.place_rest(assembler)?;
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
                let assembler = start(self.settings, &self.spill, &sample, &mut self.lease)?;
                self.ingest.parse_ahead(&self.settings.budget);
                self.assembler.insert(assembler)
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

    fn report(&self, stage: &'static str) {
        let (records, residues) =
            self.assembler.as_ref().map_or((0, 0), |assembler| (assembler.record_count(), assembler.residue_count()));
        let (bytes_read, bytes_total) = (self.bytes_read, self.bytes_total);
        (self.settings.progress)(&Progress { stage, bytes_read, bytes_total, records, residues });
    }
}

/// An assembler for the kind of residues in `sample`. If their blocks are larger than was reckoned with, `lease` grows
/// by what that takes.
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
        return Assembler::new(output(settings, spill)?, shape, settings.columns, spill, names_memory);
    }
    // In the order of the input first, for a while and without a name.
    let unordered = match spill.unnamed()? {
        Some((file, path)) => Unpublished::unnamed(file, path, spill.folder()),
        None => Unpublished::create(&beside(spill.folder(), &settings.output, "unordered.talaria"))?,
    };
    let mut assembler = Assembler::new(unordered, shape, settings.columns, spill, names_memory)?;
    if let Compression::Zstd(_) = settings.compression {
        assembler.set_residue_compression(Compression::Zstd(1));
    }
    Ok(assembler)
}

/// Where the container goes.
fn output(settings: &Settings<'_>, spill: &Spill) -> Result<Unpublished> {
    match &settings.unnamed {
        Some(file) => {
            let file = file.try_clone().map_err(Error::io(&settings.output, "write"))?;
            Ok(Unpublished::unnamed(file, settings.output.clone(), spill.folder()))
        }
        None => Unpublished::create(&settings.output),
    }
}
