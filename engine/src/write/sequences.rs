//! What a container says of where residues are: the sequence stream, the header table, the offsets, deltas and who
//! stands for whom.
//!
//! Sequence blocks go straight to the output; the other parts wait in spill buffers until the file is sealed. What else
//! there is of a record is [`described`](crate::write::described) anew, or [`carried`](crate::write::carried) over from
//! another container.

use std::borrow::Cow;

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::block::BlockEntry;
use talaria_db_spec::columns::{FLAG_DELTA, FLAG_SHARED, HeaderEntry};
use talaria_db_spec::section::SectionKind;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use crate::error::Result;
use crate::fasta::alphabet::Composition;
use crate::read::block;
use crate::write::cut::{CutBlock, Cutter};
use crate::write::deltas::DeltaStream;
use crate::write::encode::{Compression, EncodedBlock, encode_residues};
use crate::write::membership::MembershipSections;
use crate::write::place::Order;
use crate::write::publish::Unpublished;
use crate::write::sections::{OpenSection, SectionWriter};
use crate::write::spill::{Spill, SpillBuffer};

/// Blocks whose entries are remembered, so that they can be read back: the ones written last.
const REMEMBERED: u64 = 1 << 18;
/// Most blocks between a copy and the record that shares it. It is compared before as many blocks again have come.
pub(super) const COPIES_WITHIN: u64 = REMEMBERED / 4;
/// Bytes of memory for them.
pub const REMEMBERED_MEMORY: u64 = REMEMBERED * size_of::<BlockEntry>() as u64;
/// Bytes of a record's item in the header table.
const HEADER_ITEM: usize = size_of::<HeaderEntry>();

/// What shapes a file.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Codec of the residues.
    pub compression: Compression,
    /// Nominal size of sequence blocks.
    pub sequence_block: u32,
    /// Nominal size of the blocks of the other streams.
    pub text_block: u32,
    /// Whether columns are packed.
    pub packed: bool,
    /// In which residues are to lie.
    pub order: Order,
}

/// Where a record's residues are to be.
#[derive(Debug, Clone, Copy)]
pub enum Residues<'a> {
    /// A new copy.
    New(&'a [u8]),
    /// The copy of an earlier record, with their number.
    Shared(PackedAddress, u64),
    /// The copy of an earlier record whose address is given when the file is sealed, with their number.
    Later(u64),
    /// A delta, or with `shared` that of an earlier record, whose address is given when the file is sealed.
    Delta {
        /// Residues.
        length: u64,
        /// Whether an earlier record has the item.
        shared: bool,
    },
}

/// A block of the sequence stream, encoded, and what is in it.
pub(super) struct EncodedResidues {
    first_slot: u64,
    block: EncodedBlock,
    composition: Composition,
}

impl EncodedResidues {
    /// Encodes.
    pub(super) fn new(cut: &CutBlock, compression: Compression) -> Result<Self> {
        let composition = Composition::of(&cut.bytes);
        let block = encode_residues(&cut.bytes, &composition, compression)?;
        Ok(Self { first_slot: cut.first_slot, block, composition })
    }
}

/// The residues' side of a container on its way.
pub(crate) struct Sequences {
    pub(super) shape: Shape,
    /// Of the residues: the shape's, unless they are going to be copied.
    pub(super) compression: Compression,
    pub(super) spill: Spill,
    pub(super) writer: SectionWriter,
    pub(super) section: OpenSection,
    cutter: Cutter,
    pub(super) directory: SpillBuffer,
    /// Bytes of all stored blocks.
    stored: u64,
    /// Residues in blocks that were copied.
    copied: u64,
    pub(super) header_table: SpillBuffer,
    pub(super) offsets: SpillBuffer,
    /// Made beforehand, if there are deltas.
    pub(super) deltas: Option<DeltaStream>,
    /// Which record stands for which, if the file is to say so.
    pub(super) membership: Option<MembershipSections>,
    pub(super) record_count: u64,
    pub(super) residue_count: u64,
    /// Of the blocks that were encoded.
    pub(super) composition: Composition,
    recent: Vec<BlockEntry>,
}

impl Sequences {
    /// Most bytes that its buffers keep in memory, with those of a delta stream.
    pub(crate) const MEMORY: u64 = 5 * SpillBuffer::column_memory();

    /// Starts a file.
    ///
    /// # Errors
    /// [`crate::Error::Memory`], [`crate::Error::Io`].
    pub(super) fn new(output: Unpublished, shape: Shape, spill: &Spill) -> Result<Self> {
        let buffer = |what| SpillBuffer::column(spill, what);
        let mut writer = SectionWriter::new(output, spill, shape.packed)?;
        let section = writer.begin(SectionKind::SequenceBlocks, 1, u64::MAX)?;
        Ok(Self {
            shape,
            compression: shape.compression,
            spill: spill.clone(),
            writer,
            section,
            cutter: Cutter::new(shape.sequence_block),
            directory: buffer("the sequence directory")?,
            stored: 0,
            copied: 0,
            header_table: buffer("the header table")?,
            offsets: buffer("the offsets")?,
            deltas: None,
            membership: None,
            record_count: 0,
            residue_count: 0,
            composition: Composition::default(),
            recent: Vec::new(),
        })
    }

    /// Places residues: the flags of their record, their address and their number.
    pub(super) fn place(&mut self, residues: Residues<'_>) -> Result<(u8, PackedAddress, u64)> {
        let nowhere = PackedAddress::default();
        Ok(match residues {
            Residues::New(bytes) => (0, self.cutter.push(bytes, self.record_count)?, bytes.len() as u64),
            Residues::Shared(address, length) => (FLAG_SHARED, address, length),
            Residues::Later(length) => (FLAG_SHARED, nowhere, length),
            Residues::Delta { length, shared } => (FLAG_DELTA | if shared { FLAG_SHARED } else { 0 }, nowhere, length),
        })
    }

    /// Starts residues that come in pieces and are more than a block, and returns their address.
    pub(super) fn begin_long(&mut self) -> Result<PackedAddress> {
        self.cutter.begin_long(self.record_count)
    }

    pub(super) fn push_long(&mut self, residues: &[u8]) {
        self.cutter.push_long(residues);
    }

    pub(super) fn end_long(&mut self) {
        self.cutter.end_long();
    }

    /// Adds the record whose residues were placed.
    pub(super) fn add(&mut self, entry: HeaderEntry, address: PackedAddress, length: u64) -> Result<()> {
        self.header_table.write(entry.as_bytes())?;
        self.offsets.write(&address.bits().to_le_bytes())?;
        self.record_count += 1;
        self.residue_count += length;
        Ok(())
    }

    /// Closes the open block.
    pub(super) fn close(&mut self) {
        self.cutter.close();
    }

    /// The blocks that are full and not encoded.
    pub(super) fn take_done(&mut self) -> Vec<CutBlock> {
        self.cutter.take_done()
    }

    /// Writes the next block.
    pub(super) fn write_block(&mut self, encoded: &EncodedResidues) -> Result<()> {
        self.composition.add(&encoded.composition);
        let entry = block_entry(&encoded.block, self.stored, encoded.first_slot);
        self.write_stored(entry, &encoded.block.stored)
    }

    /// Writes a block of another container as it stands, and returns its number. All blocks before it must have been
    /// written, and the open one closed.
    pub(super) fn copy_block(&mut self, entry: BlockEntry, stored: &[u8]) -> Result<u64> {
        self.copied += u64::from(entry.decoded_length.get());
        let number = self.cutter.skip_block();
        self.write_stored(BlockEntry { offset: U64::new(self.stored), ..entry }, stored)?;
        Ok(number)
    }

    fn write_stored(&mut self, entry: BlockEntry, stored: &[u8]) -> Result<()> {
        let number = self.directory.len() / size_of::<BlockEntry>() as u64;
        self.directory.write(entry.as_bytes())?;
        self.stored += stored.len() as u64;
        match self.recent.get_mut(remembered_at(number)) {
            Some(slot) => *slot = entry,
            None => self.recent.push(entry),
        }
        self.writer.append(&mut self.section, stored)
    }

    /// A block, decoded: the open one, or one of those written last. `None` for older ones.
    pub(super) fn written_block(&self, number: u64) -> Result<Option<Cow<'_, [u8]>>> {
        let (open_number, open) = self.cutter.open_block();
        if number == open_number {
            return Ok(Some(Cow::Borrowed(open)));
        }
        if number > open_number || open_number - number > REMEMBERED {
            return Ok(None);
        }
        let Some(entry) = self.recent.get(remembered_at(number)) else { return Ok(None) };
        let offset = self.section.offset() + entry.offset.get();
        let stored = self.writer.output().read_at(offset, entry.stored_length.get() as usize)?;
        let place = block::Place { path: self.writer.output().temporary(), stream: "sequence", block: number };
        block::check(entry, &stored, place)?;
        block::decode(entry, &stored, None, place).map(|bytes| Some(Cow::Owned(bytes)))
    }

    /// Number of the block that is open.
    pub(super) fn open_block(&self) -> u64 {
        self.cutter.open_block().0
    }

    /// Residues in all blocks.
    pub(super) fn stored_residues(&self) -> u64 {
        self.cutter.total() + self.copied
    }
}

/// Sets the alphabet in a part of the header table.
pub(super) fn set_kind(part: &mut [u8], alphabet: Alphabet) {
    for item in part.chunks_exact_mut(HEADER_ITEM) {
        item[HEADER_ITEM - 1] = alphabet.byte();
    }
}

/// The entry of a block in its stream's directory.
pub(super) fn block_entry(block: &EncodedBlock, offset: u64, first_slot: u64) -> BlockEntry {
    BlockEntry {
        offset: U64::new(offset),
        first_slot: U64::new(first_slot),
        stored_length: U32::new(u32::try_from(block.stored.len()).unwrap_or(u32::MAX)),
        decoded_length: U32::new(block.decoded_length),
        checksum: U32::new(block.checksum),
        codec: block.codec.byte(),
        packing: block.packing.byte(),
        dictionary: U16::new(block.dictionary),
    }
}

fn remembered_at(number: u64) -> usize {
    (number % REMEMBERED) as usize
}
