//! Putting a container together, record by record.
//!
//! Memory does not grow with the number of records: sequence blocks go straight to the output, and what comes after
//! them in the file waits on disk. Blocks are encoded in parallel when [`Assembler::encode`] is called; their order and
//! bytes do not depend on when that is.

use std::borrow::Cow;
use std::path::Path;

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::columns::HeaderEntry;

use crate::column::Columns;
use crate::error::Result;
use crate::memory::budget::Budget;
use crate::write::cut::CutBlock;
use crate::write::described::{self, Described};
use crate::write::encode::Compression;
use crate::write::measure::Measures;
use crate::write::publish::Unpublished;
use crate::write::seal::{BUCKETS_MEMORY, Particulars, seal};
use crate::write::sections::SectionWriter;
use crate::write::sequences::{COPIES_WITHIN, EncodedResidues, Sequences};
pub use crate::write::sequences::{REMEMBERED_MEMORY, Residues, Shape};
use crate::write::spill::{Spill, SpillBuffer};

/// Least and most memory for sorting names.
const LEAST_NAMES_MEMORY: u64 = 2 << 20;
const MOST_NAMES_MEMORY: u64 = 32 << 20;

/// A record that is longer than a block, while its residues come.
#[derive(Debug)]
struct LongRecord {
    entry: HeaderEntry,
    address: PackedAddress,
    length: u64,
}

/// A container on its way.
pub struct Assembler {
    sequences: Sequences,
    described: Described,
    long: Option<LongRecord>,
}

/// A full block, before it is encoded and after.
enum Cut {
    Residues(CutBlock),
    Other(described::Cut),
}
pub(super) enum Encoded {
    Residues(Box<EncodedResidues>),
    Other(described::Encoded),
}

/// Blocks that are full, and what encodes them.
pub(super) struct FullBlocks {
    blocks: Vec<Cut>,
    residues: Compression,
    others: described::Encoder,
}

impl FullBlocks {
    /// Encodes them, in parallel.
    pub(super) fn encode(self) -> Result<Vec<Encoded>> {
        let Self { blocks, residues, others } = self;
        let encode = |block| match block {
            Cut::Residues(cut) => EncodedResidues::new(&cut, residues).map(|block| Encoded::Residues(block.into())),
            Cut::Other(cut) => others.encode(&cut).map(Encoded::Other),
        };
        // One by one, so that no thread is left with several while others have none.
        blocks.into_par_iter().with_max_len(1).map(encode).collect()
    }
}

impl Assembler {
    /// The least memory with which any file can be assembled and sealed, without what encoding takes.
    pub(crate) const fn least_memory(columns: Columns) -> u64 {
        Self::least_memory_beside_names(columns) + LEAST_NAMES_MEMORY
    }

    /// The same without what sorting names takes.
    pub(crate) const fn least_memory_beside_names(columns: Columns) -> u64 {
        // With page checksums, and the buckets when it is sealed.
        Sequences::MEMORY
            + Described::memory(columns)
            + SectionWriter::MEMORY
            + SpillBuffer::most_memory(BUCKETS_MEMORY)
    }

    /// The share of what is free now that is for sorting names.
    pub(crate) fn names_memory(budget: &Budget) -> usize {
        Self::names_memory_within(budget.free())
    }

    /// The same where `free` bytes are.
    pub(crate) fn names_memory_within(free: u64) -> usize {
        let share = (free / 4).clamp(LEAST_NAMES_MEMORY, MOST_NAMES_MEMORY);
        usize::try_from(share).unwrap_or(usize::MAX)
    }

    /// Starts a file with these optional columns. `names_memory` bytes are for sorting the names.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory), [`Error::Io`](crate::Error::Io).
    pub fn new(
        output: Unpublished,
        shape: Shape,
        columns: Columns,
        spill: &Spill,
        names_memory: usize,
    ) -> Result<Self> {
        let sequences = Sequences::new(output, shape, spill)?;
        let described = Described::new(&shape, columns, spill, names_memory)?;
        Ok(Self { sequences, described, long: None })
    }

    /// Compresses residues in another way than the shape says, as they are going to be copied.
    pub(crate) fn set_residue_compression(&mut self, compression: Compression) {
        self.sequences.compression = compression;
    }

    /// Adds a record and returns the address of its residues. `script` is the layout item of an irregular record;
    /// `measures` are for the optional columns, as far as the file has them.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Space`](crate::Error::Space),
    /// [`Error::OutOfRange`](crate::Error::OutOfRange).
    pub fn record(
        &mut self,
        header: &[u8],
        id_length: u16,
        residues: Residues<'_>,
        script: Option<&[u8]>,
        measures: Measures,
    ) -> Result<PackedAddress> {
        let mut entry = self.described.header(self.sequences.record_count, header, id_length)?;
        let (flags, address, length) = self.sequences.place(residues)?;
        entry.flags |= flags;
        self.add(entry, address, length, script, measures)?;
        Ok(address)
    }

    /// Starts a record that is longer than a block, and returns the address of its residues.
    ///
    /// # Errors
    /// As [`Assembler::record`].
    pub fn begin_long(&mut self, header: &[u8], id_length: u16) -> Result<PackedAddress> {
        let entry = self.described.header(self.sequences.record_count, header, id_length)?;
        let address = self.sequences.begin_long()?;
        self.long = Some(LongRecord { entry, address, length: 0 });
        Ok(address)
    }

    /// Adds residues to the long record.
    pub fn push_long(&mut self, residues: &[u8]) {
        self.sequences.push_long(residues);
        if let Some(long) = &mut self.long {
            long.length += residues.len() as u64;
        }
    }

    /// Ends the long record.
    ///
    /// # Errors
    /// As [`Assembler::record`].
    pub fn end_long(&mut self, script: Option<&[u8]>, measures: Measures) -> Result<()> {
        self.sequences.end_long();
        match self.long.take() {
            Some(long) => self.add(long.entry, long.address, long.length, script, measures),
            None => Ok(()),
        }
    }

    fn add(
        &mut self,
        mut entry: HeaderEntry,
        address: PackedAddress,
        length: u64,
        script: Option<&[u8]>,
        measures: Measures,
    ) -> Result<()> {
        self.described.add(&mut entry, self.sequences.record_count, length, script, measures)?;
        self.sequences.add(entry, address, length)
    }

    /// Encodes the blocks that are full, in parallel, and writes them in order.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Space`](crate::Error::Space).
    pub fn encode(&mut self) -> Result<()> {
        let encoded = self.take_full()?.encode()?;
        self.write(encoded)
    }

    /// Takes the blocks that are full, to be encoded while others are filled. They are to be written before any that
    /// are taken later.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if there is no memory for a dictionary.
    pub(super) fn take_full(&mut self) -> Result<FullBlocks> {
        let mut blocks: Vec<Cut> = self.sequences.take_done().into_iter().map(Cut::Residues).collect();
        blocks.extend(self.described.take_done()?.into_iter().map(Cut::Other));
        Ok(FullBlocks { blocks, residues: self.sequences.compression, others: self.described.encoder() })
    }

    /// Writes blocks that were taken, in order.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Space`](crate::Error::Space).
    pub(super) fn write(&mut self, blocks: Vec<Encoded>) -> Result<()> {
        for block in blocks {
            match block {
                Encoded::Residues(block) => self.sequences.write_block(&block)?,
                Encoded::Other(block) => self.described.write(&block)?,
            }
        }
        self.sequences.writer.flush()
    }

    /// Closes all blocks and encodes what is left.
    ///
    /// # Errors
    /// As [`Assembler::encode`].
    pub fn close(&mut self) -> Result<()> {
        self.sequences.close();
        self.described.close();
        self.encode()
    }

    /// A sequence block, decoded, for comparing with: the open one, or one of those written last. `None` for older
    /// ones.
    ///
    /// The blocks that are full must have been encoded.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the output cannot be read back, or damage in it.
    pub fn written_block(&self, number: u64) -> Result<Option<Cow<'_, [u8]>>> {
        self.sequences.written_block(number)
    }

    /// Most blocks from the block of a copy to the open one, when it is shared.
    pub(super) const COPIES_WITHIN: u64 = COPIES_WITHIN;

    /// Number of the sequence block that is open.
    pub(super) fn open_block(&self) -> u64 {
        self.sequences.open_block()
    }

    /// Where the bytes go.
    pub(super) fn path(&self) -> &Path {
        self.sequences.writer.output().temporary()
    }

    /// What shapes the file.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.sequences.shape
    }

    /// Records so far.
    #[must_use]
    pub fn record_count(&self) -> u64 {
        self.sequences.record_count
    }

    /// Residues so far.
    #[must_use]
    pub fn residue_count(&self) -> u64 {
        self.sequences.residue_count
    }

    /// Writes the rest of the file. It is complete then, and not yet published.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Space`](crate::Error::Space), [`Error::Memory`](crate::Error::Memory).
    pub fn seal(mut self, particulars: &Particulars) -> Result<Unpublished> {
        self.close()?;
        seal(self.sequences, self.described.steps(), particulars, None)
    }
}
