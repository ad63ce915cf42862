//! A container as an input of a build: the text of its sources, as export gives it back.
//!
//! One thread of its own exports source by source and hashes; what comes out are chunks as of any other input
//! ([`crate::fasta::input`]), which go through the same parser. So a container that was built from others is one that
//! was built from their sources, and every byte of them is compared with its digest on the way.
//!
//! Costs that thread's stack, three chunks, the blocks and the text at hand of an export by one thread, and a cache of
//! blocks that is given back when others need the memory.

use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use sha2::{Digest, Sha256};

use crate::database::{Database, Source};
use crate::error::{Error, Result};
use crate::fasta::input::CHUNK;
use crate::memory::budget::{Budget, Lease};
use crate::memory::settings::{HugePages, MemorySettings};
use crate::options::OpenOptions;
use crate::read::blocks::blocks_memory;
use crate::read::export::ExportOptions;
use crate::threads::{STACK, Workers};
use crate::write::check::room_for_blocks;

/// Chunks: one that is filled, one that waits and one that is in use.
const CHUNKS: usize = 3;
/// Text and residues of deltas that one thread has at hand, at least.
const TEXT_MEMORY: u64 = 2 << 20;
/// Most bytes of its cache.
const MOST_CACHE: u64 = 32 << 20;

/// An open container whose sources are read.
pub(super) struct ContainerInput {
    database: Database,
    sources: Vec<Source>,
    worker: Workers,
    _lease: Lease,
}

impl ContainerInput {
    /// Bytes of the budget that it takes at least. What cannot be opened takes none.
    pub(super) fn least_memory(path: &Path, memory: &MemorySettings) -> u64 {
        let options = OpenOptions::new().memory(without_luxury(memory)).cache(0);
        let Ok(database) = options.open(path) else { return 0 };
        database.budget().in_use() + reading_memory(&database)
    }

    /// Opens it.
    ///
    /// # Errors
    /// As [`Database::open`] and [`Database::sources`].
    pub(super) fn open(path: &Path, memory: &MemorySettings, budget: &Budget) -> Result<Self> {
        let room = room_for_blocks(path, (budget.free() / 8).min(MOST_CACHE));
        let cache = memory.cache.capacity.map_or(room, |most| most.min(room));
        let database =
            OpenOptions::new().memory(without_luxury(memory)).cache(cache).budget(budget.clone()).open(path)?;
        let sources = database.sources()?;
        let lease = budget.lease("the text of a container", (CHUNKS * CHUNK) as u64)?;
        let worker = Workers::start(1, budget, memory)?;
        Ok(Self { database, sources, worker, _lease: lease })
    }

    /// The sources, in order.
    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The commands that it came from, in order.
    pub(super) fn commands(&self) -> Result<Vec<String>> {
        let lines = self.database.provenance()?.into_iter();
        Ok(lines.filter(|(key, _)| key == "command").map(|(_, command)| command).collect())
    }

    /// Calls `take` with the text of a source, in chunks of [`CHUNK`] bytes but for the last one.
    ///
    /// # Errors
    /// What `take` returns; damage in the container; rule P-4 if the text is not what the source was.
    pub(super) fn for_each_chunk(&self, number: usize, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let (full, filled) = sync_channel(1);
        let (home, empty) = channel();
        for _ in 0..CHUNKS {
            let mut chunk = Vec::new();
            let failed = |_| self.database.no_memory("the text of a container", CHUNK as u64);
            chunk.try_reserve_exact(CHUNK).map_err(failed)?;
            // The receiver is at hand.
            let _ = home.send(chunk);
        }
        let mut exported = Ok(());
        let result = &mut exported;
        // Both ends are gone when this closure ends, however it does: nobody waits for anybody then.
        let taken = self.worker.in_place_scope(move |scope| {
            scope.spawn(move |_| *result = self.export(number, Chunks::new(full, empty)));
            for chunk in filled {
                take(&chunk)?;
                let _ = home.send(chunk);
            }
            Ok(())
        });
        // What could not be taken makes the export fail, too.
        taken.and(exported)
    }

    fn export(&self, number: usize, mut chunks: Chunks) -> Result<()> {
        let options = ExportOptions { source: Some(number), ..ExportOptions::default() };
        self.database.export(&mut chunks, &options)?;
        chunks.pass_on().map_err(Error::io(self.database.path(), "read"))?;
        let digest: [u8; 32] = chunks.hasher.finalize().into();
        match self.sources.get(number) {
            Some(source) if digest != source.sha256 => {
                let word = |bytes: &[u8; 32]| bytes.iter().take(8).fold(0, |word, &byte| word << 8 | u64::from(byte));
                let (got, expected) = (word(&digest), word(&source.sha256));
                Err(self.database.broken("sources", "digest", "P-4", number as u64, got, expected))
            }
            _ => Ok(()),
        }
    }
}

/// Without what makes reading faster and takes memory.
fn without_luxury(memory: &MemorySettings) -> MemorySettings {
    let mut memory = memory.clone();
    (memory.mapping.populate, memory.mapping.huge_pages) = (false, HugePages::Off);
    memory
}

/// What reading takes of an open container.
fn reading_memory(database: &Database) -> u64 {
    let nominal = database.sequences().nominal.max(database.texts().nominal);
    let nominal = database.deltas().map_or(nominal, |deltas| nominal.max(deltas.nominal));
    (CHUNKS * CHUNK + STACK) as u64 + blocks_memory(nominal, 1) + TEXT_MEMORY
}

/// Text on its way to whoever takes it.
struct Chunks {
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    chunk: Option<Vec<u8>>,
    hasher: Sha256,
}

impl Chunks {
    fn new(full: SyncSender<Vec<u8>>, empty: Receiver<Vec<u8>>) -> Self {
        Self { full, empty, chunk: None, hasher: Sha256::new() }
    }

    /// Hands over what is there.
    fn pass_on(&mut self) -> io::Result<()> {
        match self.chunk.take() {
            Some(chunk) if !chunk.is_empty() => {
                self.hasher.update(&chunk);
                self.full.send(chunk).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))
            }
            _ => Ok(()),
        }
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = match &mut self.chunk {
            Some(chunk) => chunk,
            None => {
                let mut chunk = self.empty.recv().map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
                chunk.clear();
                self.chunk.insert(chunk)
            }
        };
        let (part, _) = bytes.split_at(bytes.len().min(CHUNK - chunk.len()));
        chunk.extend_from_slice(part);
        if chunk.len() == CHUNK {
            self.pass_on()?;
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
