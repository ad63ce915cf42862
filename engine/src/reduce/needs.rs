//! What a reduction needs, and how what it reads is opened: memory, caches, shapes.

use std::path::Path;

use super::choose;
use super::{Method, Reduction, cluster, contain, exact, rewrite, taxa};
use crate::column::Columns;
use crate::database::{Database, is_container};
use crate::error::Result;
use crate::memory::budget::Budget;
use crate::memory::settings::HugePages;
use crate::options::OpenOptions;
use crate::read::blocks::blocks_memory;
use crate::reduce::cluster::Checkpoint;
use crate::reduce::groups::LEAST_SORT_MEMORY;
use crate::reduce::prefer::Ranks;
use crate::reduce::rewrite::provenance::codec_of;
use crate::reduce::update::{self, Old};
use crate::threads::{stacks_memory, thread_count};
use crate::write::assemble::Shape;
use crate::write::builder::Builder;
use crate::write::check::room_for_length;
use crate::write::encode::Compression;
use crate::write::place::Order;
use crate::write::preset::LARGEST_USUAL;

impl Reduction<'_> {
    /// The least budget that this reduction can do with, in bytes. The input is looked at, not read.
    ///
    /// For FASTA that is what building a container from it takes, or reducing one of the usual shape; marks of many
    /// records come on top.
    ///
    /// # Errors
    /// What is wrong with a container, or the system says; [`crate::Error::Format`] if what is to be updated is none.
    pub fn least_memory(&self) -> Result<u64> {
        let threads = thread_count(self.threads);
        if let Some(old) = &self.old {
            let building = self.builder(Path::new(""))?.least_memory();
            return Ok(building.max(self.least_memory_of_container(old)?));
        }
        if !is_container(&self.input)? {
            let shape = self.usual_shape();
            let reducing =
                least_memory(self.method, &shape, Columns::default(), 0, threads, 0) + stacks_memory(self.threads);
            let reducing = reducing + self.preference.least_memory(0);
            return Ok(self.builder(Path::new(""))?.least_memory().max(reducing));
        }
        self.least_memory_of_container(&self.input)
    }

    pub(super) fn least_memory_of_container(&self, path: &Path) -> Result<u64> {
        // Opened as it will be, but without what can be done without.
        let mut memory = self.memory.clone();
        (memory.cache.capacity, memory.mapping.populate, memory.mapping.huge_pages) = (Some(0), false, HugePages::Off);
        let database = OpenOptions::new().memory(memory).open(path)?;
        let (shape, columns) = (self.shape_of(&database), database.columns_kept());
        let (records, threads) = (database.len(), thread_count(self.threads));
        let delta_block = database.deltas().map_or(0, |deltas| deltas.nominal);
        let mut least = least_memory(self.method, &shape, columns, records, threads, delta_block);
        if let Method::Cluster(_) | Method::Select(_) = self.method {
            let blocks = blocks_memory(shape.sequence_block.max(shape.text_block).max(delta_block), threads);
            let selects = matches!(self.method, Method::Select(_));
            least = least.max(blocks + cluster::least_memory(&database, selects, self.memory.spill.enabled)?);
        }
        if self.taxa.is_some() {
            least += taxa::least_memory(records);
        }
        if let Method::Contain(containment) = self.method {
            let blocks = blocks_memory(shape.sequence_block.max(shape.text_block).max(delta_block), threads);
            least =
                least.max(blocks + contain::least_memory(&database, containment, threads, self.memory.spill.enabled)?);
        }
        let preferring = self.preference.least_memory(records);
        // Twice open: for who stands for whom.
        let updating = match self.old {
            Some(_) => choose::least_memory(records) + Old::least_memory(&database)? + database.budget().in_use(),
            None => 0,
        };
        Ok(database.budget().in_use() + least + preferring + updating + stacks_memory(self.threads))
    }

    /// Opens the input of a reduction, or what was built from it, with a cache of the size that suits.
    pub(super) fn open(&self, path: &Path, budget: &Budget) -> Result<Database> {
        let mut memory = self.memory.clone();
        let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let least = self.least_memory_of_container(path)?;
        memory.cache.capacity = Some(self.cache_capacity(length, budget, least));
        OpenOptions::new().memory(memory).budget(budget.clone()).open(path)
    }

    /// A quarter for decoded blocks of a container of `length` bytes, if so much is spare beside `least`; the rest is
    /// for sorting and writing.
    pub(super) fn cache_capacity(&self, length: u64, budget: &Budget, least: u64) -> u64 {
        let most = match self.method {
            // Residues that are compared come from a table; only coding deltas comes back to blocks.
            Method::Cluster(_) | Method::Contain(_) | Method::Select(_) if self.leaves_members_out() => 32 << 20,
            Method::Cluster(_) | Method::Contain(_) | Method::Select(_) => 128 << 20,
            Method::Exact | Method::Given => u64::MAX,
        };
        let usual = || room_for_length(length, budget.limit() / 4).min(most);
        self.memory.cache.capacity.unwrap_or_else(usual).min(budget.free().saturating_sub(least))
    }

    /// What is left for writing while records are grouped.
    pub(super) fn reserve_for_writing(&self, shape: &Shape, columns: Columns, records: u64, threads: usize) -> u64 {
        rewrite::least_memory(shape, columns, records, threads, self.method.tells_members())
    }

    /// Where the state of this clustering is kept, if it is.
    pub(super) fn checkpoint(&self, database: &Database, ranks: Option<&Ranks>) -> Result<Option<Checkpoint>> {
        let (Some(folder), Method::Cluster(clustering)) = (&self.resume, self.method) else { return Ok(None) };
        let header = database.container().header();
        // The header has the checksum of the section table, and that those of all sections.
        let text = format!(
            "version {}\ninput of {} records, {} residues, {} bytes, checksum {:08x}\noptions{}\npreferences {:016x}\n",
            env!("CARGO_PKG_VERSION"),
            database.len(),
            database.residue_count(),
            header.file_length.get(),
            header.header_checksum.get(),
            clustering.options(),
            ranks.map_or(0, Ranks::hash),
        );
        Checkpoint::new(folder, text).map(Some)
    }

    /// The shape of what is made from FASTA.
    pub(super) fn usual_shape(&self) -> Shape {
        let compression = self.compression.unwrap_or(LARGEST_USUAL.compression);
        Shape { compression, order: self.order.unwrap_or_default(), ..LARGEST_USUAL }
    }

    /// The shape of what is made from a container.
    pub(super) fn shape_of(&self, database: &Database) -> Shape {
        let header = database.container().header();
        let (sequence_block, text_block) = (header.sequence_block_size.get(), header.text_block_size.get());
        let packed = database.container().has_packed_columns();
        Shape {
            compression: self.compression_of(database),
            sequence_block,
            text_block,
            packed,
            order: self.order_of(database),
        }
    }

    /// The order in which residues are to lie in what is made from a container.
    fn order_of(&self, database: &Database) -> Order {
        let as_before = if database.is_placed() { Order::Similarity } else { Order::Input };
        self.order.unwrap_or(as_before)
    }

    /// How residues are compressed in what is made from a container. A provenance that cannot be read is found when it
    /// is carried over.
    pub(super) fn compression_of(&self, database: &Database) -> Compression {
        let written = || codec_of(database).ok().flatten().and_then(|codec| Compression::parse(&codec).ok());
        self.compression.or_else(written).unwrap_or(LARGEST_USUAL.compression)
    }

    /// What makes a container at `path` from FASTA, or from an earlier result and what comes to it.
    pub(super) fn builder(&self, path: &Path) -> Result<Builder<'_>> {
        let builder = self.builder_of_nothing(path);
        match &self.old {
            Some(old) => update::prepare(old, builder).map(|builder| builder.add_file(&self.input)),
            None => Ok(builder.add_fasta(&self.input)),
        }
    }

    /// The same without inputs.
    pub(super) fn builder_of_nothing(&self, path: &Path) -> Builder<'_> {
        let mut builder = Builder::new(path)
            .compression(self.compression.unwrap_or(LARGEST_USUAL.compression))
            .threads(self.threads)
            .budget(self.budget.clone())
            .memory(self.memory.clone())
            .temporary_folder(self.temporary())
            .progress(|progress| (self.progress)("building", progress.records, 0));
        if let Some(limit) = self.spill_limit {
            builder = builder.spill_limit(limit);
        }
        builder
    }
}

/// The least memory for reducing an open container of this shape, with these columns and blocks of deltas.
fn least_memory(
    method: Method,
    shape: &Shape,
    columns: Columns,
    records: u64,
    threads: usize,
    delta_block: u32,
) -> u64 {
    // The groups stay while the container is written.
    let writing =
        2 * LEAST_SORT_MEMORY + rewrite::least_memory(shape, columns, records, threads, method.tells_members());
    let nominal = shape.sequence_block.max(shape.text_block).max(delta_block);
    writing.max(blocks_memory(nominal, threads) + exact::least_memory())
}
