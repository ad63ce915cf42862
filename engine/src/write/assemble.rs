//! Putting a container together, record by record: three streams of blocks, three columns and optional ones, the key index.
//!
//! Sequence blocks go straight to the output. What comes after them in the file (the other streams, columns, directories, names) waits in
//! spill buffers and in an external sort, so that memory does not grow with the number of records. Blocks are encoded in
//! parallel when [`Assembler::encode`] is called; their order and bytes do not depend on when that is.

use std::borrow::Cow;

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::block::BlockEntry;
use talaria_db_spec::columns::{FLAG_DELTA, FLAG_IRREGULAR, FLAG_SHARED, HeaderEntry};
use talaria_db_spec::keys;
use talaria_db_spec::layout::LayoutEntry;
use talaria_db_spec::section::SectionKind;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use crate::column::{Column, Columns};
use crate::error::{Error, Result};
use crate::fasta::alphabet::Composition;
use crate::memory::budget::Budget;
use crate::read::block;
use crate::read::stream::StreamKind;
use crate::write::cut::{CutBlock, Cutter};
use crate::write::deltas::DeltaStream;
use crate::write::encode::{Compression, EncodedBlock, EncodingDictionary, encode_bytes, encode_residues};
use crate::write::measure::Measures;
use crate::write::membership::MembershipSections;
use crate::write::publish::Unpublished;
use crate::write::seal::BUCKETS_MEMORY;
use crate::write::sections::{OpenSection, SectionWriter};
use crate::write::spill::{Sorter, Spill, SpillBuffer};

/// Sequence blocks whose entries are remembered, so that they can be read back: the ones written last.
const REMEMBERED: u64 = 1 << 18;
/// Bytes of memory for them.
pub const REMEMBERED_MEMORY: u64 = REMEMBERED * size_of::<BlockEntry>() as u64;
/// Level at which header texts and layout scripts are compressed.
const TEXT_LEVEL: i32 = 3;
/// Bytes of header text from which a dictionary is worth its place.
const DICTIONARY_FROM: usize = 128 << 10;
/// Bytes of a dictionary.
const DICTIONARY_SIZE: usize = 32 << 10;
/// Bytes of a sample that a dictionary is trained on.
const DICTIONARY_SAMPLE: usize = 2 << 10;
/// In memory before a column or stream spills.
const COLUMN_MEMORY: usize = 256 << 10;
/// Least and most memory for sorting names.
const LEAST_NAMES_MEMORY: u64 = 2 << 20;
const MOST_NAMES_MEMORY: u64 = 32 << 20;
/// Bytes of a record's item in the header table.
const HEADER_ITEM: usize = size_of::<HeaderEntry>();

/// The streams that records are put into as they come.
const STREAMS: [StreamKind; 3] = [StreamKind::Sequence, StreamKind::Text, StreamKind::Layout];

/// What shapes a file.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Codec of the residues.
    pub compression: Compression,
    /// Nominal size of sequence blocks.
    pub sequence_block: u32,
    /// Nominal size of the blocks of the other streams.
    pub text_block: u32,
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

/// A record that is longer than a block, while its residues come.
#[derive(Debug)]
struct LongRecord {
    entry: HeaderEntry,
    address: PackedAddress,
    length: u64,
}

/// What an encoded block needs beside its bytes.
struct Encoded {
    stream: StreamKind,
    first_slot: u64,
    block: EncodedBlock,
    composition: Composition,
}

/// A container on its way.
pub struct Assembler {
    pub(crate) shape: Shape,
    pub(crate) spill: Spill,
    pub(crate) writer: SectionWriter,
    pub(crate) sequence_section: OpenSection,
    pub(crate) streams: [StreamParts; 3],
    /// Made beforehand, if there are deltas.
    pub(crate) deltas: Option<DeltaStream>,
    pub(crate) layout_index: SpillBuffer,
    pub(crate) header_table: SpillBuffer,
    pub(crate) lengths: SpillBuffer,
    pub(crate) offsets: SpillBuffer,
    pub(crate) gc_content: Option<SpillBuffer>,
    /// Two numbers a record, of which one is written when it is known what the residues are.
    pub(crate) complexity: Option<SpillBuffer>,
    pub(crate) names: Sorter<(u64, u64)>,
    pub(crate) dictionary: Option<Vec<u8>>,
    pub(crate) record_count: u64,
    pub(crate) residue_count: u64,
    pub(crate) longest: u64,
    pub(crate) composition: Composition,
    /// Which record stands for which, if the file is to say so.
    pub(crate) membership: Option<MembershipSections>,
    /// The shape's, unless told otherwise.
    residue_compression: Compression,
    encoding_dictionary: Option<EncodingDictionary>,
    may_train: bool,
    irregular: u64,
    recent: Vec<BlockEntry>,
    long: Option<LongRecord>,
}

/// One stream on its way.
#[derive(Debug)]
pub(crate) struct StreamParts {
    pub(crate) cutter: Cutter,
    pub(crate) directory: SpillBuffer,
    /// Stored blocks; those of the sequence stream are in the output already.
    pub(crate) blocks: SpillBuffer,
    /// Bytes of all stored blocks.
    pub(crate) stored: u64,
}

impl Assembler {
    /// The least memory with which any file can be assembled and sealed, without what encoding takes.
    pub(crate) const fn least_memory(columns: Columns) -> u64 {
        Self::least_memory_beside_names(columns) + LEAST_NAMES_MEMORY
    }

    /// The same without what sorting names takes.
    pub(crate) const fn least_memory_beside_names(columns: Columns) -> u64 {
        // Directories and blocks of three streams, the layout index, three columns and those that are optional; page checksums; the
        // buckets when it is sealed.
        (10 + columns.count()) * SpillBuffer::most_memory(COLUMN_MEMORY)
            + SpillBuffer::most_memory(0)
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
    /// [`Error::Memory`], [`Error::Io`].
    pub fn new(
        output: Unpublished,
        shape: Shape,
        columns: Columns,
        spill: &Spill,
        names_memory: usize,
    ) -> Result<Self> {
        let buffer = |what| SpillBuffer::new(spill, what, COLUMN_MEMORY);
        let stream = |nominal, directory, blocks| -> Result<StreamParts> {
            Ok(StreamParts {
                cutter: Cutter::new(nominal),
                directory: buffer(directory)?,
                blocks: buffer(blocks)?,
                stored: 0,
            })
        };
        let optional = |column, what| columns.contains(column).then(|| buffer(what)).transpose();
        let mut writer = SectionWriter::new(output, spill)?;
        let sequence_section = writer.begin(SectionKind::SequenceBlocks, 1, u64::MAX)?;
        Ok(Self {
            shape,
            spill: spill.clone(),
            writer,
            sequence_section,
            streams: [
                stream(shape.sequence_block, "the sequence directory", "sequence blocks")?,
                stream(shape.text_block, "the text directory", "text blocks")?,
                stream(shape.text_block, "the layout directory", "layout blocks")?,
            ],
            deltas: None,
            layout_index: buffer("the layout index")?,
            header_table: buffer("the header table")?,
            lengths: buffer("the lengths")?,
            offsets: buffer("the offsets")?,
            gc_content: optional(Column::GcContent, "the GC contents")?,
            complexity: optional(Column::Complexity, "the complexities")?,
            names: Sorter::new(spill, "sorting names", names_memory)?,
            dictionary: None,
            record_count: 0,
            residue_count: 0,
            longest: 0,
            composition: Composition::default(),
            membership: None,
            residue_compression: shape.compression,
            encoding_dictionary: None,
            may_train: true,
            irregular: 0,
            recent: Vec::new(),
            long: None,
        })
    }

    /// Compresses residues in another way than the shape says, as they are going to be copied.
    pub(crate) fn set_residue_compression(&mut self, compression: Compression) {
        self.residue_compression = compression;
    }

    /// Takes the delta stream, whose blocks are all encoded.
    pub(crate) fn set_deltas(&mut self, deltas: DeltaStream) {
        self.deltas = Some(deltas);
    }

    /// Adds a record and returns the address of its residues. `script` is the layout item of an irregular record; `measures` are
    /// for the optional columns, as far as the file has them.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Space`], [`Error::OutOfRange`].
    pub fn record(
        &mut self,
        header: &[u8],
        id_length: u16,
        residues: Residues<'_>,
        script: Option<&[u8]>,
        measures: Measures,
    ) -> Result<PackedAddress> {
        let mut entry = self.header(header, id_length)?;
        let (address, length) = match residues {
            Residues::New(bytes) => {
                let slot = self.record_count;
                let address = self.sequence().cutter.push(bytes, slot)?;
                (address, bytes.len() as u64)
            }
            Residues::Shared(address, length) => {
                entry.flags |= FLAG_SHARED;
                (address, length)
            }
            Residues::Later(length) => {
                entry.flags |= FLAG_SHARED;
                (PackedAddress::default(), length)
            }
            Residues::Delta { length, shared } => {
                entry.flags |= FLAG_DELTA | if shared { FLAG_SHARED } else { 0 };
                (PackedAddress::default(), length)
            }
        };
        self.columns(entry, address, length, script, measures)?;
        Ok(address)
    }

    /// Starts a record that is longer than a block, and returns the address of its residues.
    ///
    /// # Errors
    /// As [`Assembler::record`].
    pub fn begin_long(&mut self, header: &[u8], id_length: u16) -> Result<PackedAddress> {
        let entry = self.header(header, id_length)?;
        let slot = self.record_count;
        let address = self.sequence().cutter.begin_long(slot)?;
        self.long = Some(LongRecord { entry, address, length: 0 });
        Ok(address)
    }

    /// Adds residues to the long record.
    pub fn push_long(&mut self, residues: &[u8]) {
        self.sequence().cutter.push_long(residues);
        if let Some(long) = &mut self.long {
            long.length += residues.len() as u64;
        }
    }

    /// Ends the long record.
    ///
    /// # Errors
    /// As [`Assembler::record`].
    pub fn end_long(&mut self, script: Option<&[u8]>, measures: Measures) -> Result<()> {
        self.sequence().cutter.end_long();
        match self.long.take() {
            Some(long) => self.columns(long.entry, long.address, long.length, script, measures),
            None => Ok(()),
        }
    }

    /// Encodes the blocks that are full, in parallel, and writes them in order.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Space`].
    pub fn encode(&mut self) -> Result<()> {
        let mut jobs: Vec<(StreamKind, CutBlock)> = Vec::new();
        for kind in STREAMS {
            jobs.extend(self.streams[kind.index()].cutter.take_done().into_iter().map(|block| (kind, block)));
        }
        self.train(&jobs);
        let (compression, residues) = (self.shape.compression, self.residue_compression);
        let dictionary = self.encoding_dictionary.as_ref();
        let encoded: Vec<Encoded> = jobs
            .into_par_iter()
            .map(|(stream, cut)| {
                let (block, composition) = if stream == StreamKind::Sequence {
                    (encode_residues(&cut.bytes, residues)?, Composition::of(&cut.bytes))
                } else {
                    let dictionary = dictionary.filter(|_| stream == StreamKind::Text);
                    (encode_bytes(&cut.bytes, text_compression(compression), dictionary)?, Composition::default())
                };
                Ok(Encoded { stream, first_slot: cut.first_slot, block, composition })
            })
            .collect::<Result<_>>()?;
        for block in encoded {
            self.composition.add(&block.composition);
            self.write_block(&block)?;
        }
        self.writer.flush()
    }

    /// Closes all blocks and encodes what is left.
    ///
    /// # Errors
    /// As [`Assembler::encode`].
    pub fn close(&mut self) -> Result<()> {
        for stream in &mut self.streams {
            stream.cutter.close();
        }
        self.encode()
    }

    /// A sequence block, decoded, for comparing with: the open one, or one of those written last. `None` for older ones.
    ///
    /// The blocks that are full must have been encoded.
    ///
    /// # Errors
    /// [`Error::Io`] if the output cannot be read back, or damage in it.
    pub fn written_block(&self, number: u64) -> Result<Option<Cow<'_, [u8]>>> {
        let (open_number, open) = self.streams[StreamKind::Sequence.index()].cutter.open_block();
        if number == open_number {
            return Ok(Some(Cow::Borrowed(open)));
        }
        if number > open_number || open_number - number > REMEMBERED {
            return Ok(None);
        }
        let Some(entry) = self.recent.get(remembered_at(number)) else { return Ok(None) };
        let offset = self.sequence_section.offset() + entry.offset.get();
        let stored = self.writer.output().read_at(offset, entry.stored_length.get() as usize)?;
        let place = block::Place { path: self.writer.output().temporary(), stream: "sequence", block: number };
        block::check(entry, &stored, place)?;
        block::decode(entry, &stored, None, place).map(|bytes| Some(Cow::Owned(bytes)))
    }

    /// What shapes the file.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Records so far.
    #[must_use]
    pub fn record_count(&self) -> u64 {
        self.record_count
    }

    /// Residues so far.
    #[must_use]
    pub fn residue_count(&self) -> u64 {
        self.residue_count
    }

    fn sequence(&mut self) -> &mut StreamParts {
        &mut self.streams[StreamKind::Sequence.index()]
    }

    /// Places a header text and its names.
    fn header(&mut self, header: &[u8], id_length: u16) -> Result<HeaderEntry> {
        let ordinal = self.record_count;
        let text = self.streams[StreamKind::Text.index()].cutter.push(header, ordinal)?;
        let text_length = u32::try_from(header.len()).map_err(|_| Error::OutOfRange {
            what: "byte of a header line",
            got: header.len() as u64,
            count: u32::MAX.into(),
        })?;
        let (names, mut pushed) = (&mut self.names, Ok(()));
        keys::for_each_name(header, |name, _| {
            if pushed.is_ok() {
                pushed = names.push((keys::hash(name), ordinal));
            }
        });
        pushed?;
        Ok(HeaderEntry {
            text: U64::new(text.bits()),
            text_length: U32::new(text_length),
            id_length: U16::new(id_length),
            flags: 0,
            // Known when all residues have been seen; filled in when the column is written.
            kind: Alphabet::Unknown.byte(),
        })
    }

    fn columns(
        &mut self,
        mut entry: HeaderEntry,
        address: PackedAddress,
        length: u64,
        script: Option<&[u8]>,
        measures: Measures,
    ) -> Result<()> {
        let ordinal = self.record_count;
        if let Some(script) = script {
            entry.flags |= FLAG_IRREGULAR;
            let address = self.streams[StreamKind::Layout.index()].cutter.push(script, self.irregular)?;
            let item = LayoutEntry { ordinal: U64::new(ordinal), address: U64::new(address.bits()) };
            self.layout_index.write(item.as_bytes())?;
            self.irregular += 1;
        }
        self.header_table.write(entry.as_bytes())?;
        self.lengths.write(&length.to_le_bytes())?;
        self.offsets.write(&address.bits().to_le_bytes())?;
        if let Some(gc_content) = &mut self.gc_content {
            gc_content.write(&measures.gc_content.to_le_bytes())?;
        }
        if let Some(complexity) = &mut self.complexity {
            let [nucleotides, others] = measures.complexity;
            complexity.write(&nucleotides.to_le_bytes())?;
            complexity.write(&others.to_le_bytes())?;
        }
        self.record_count += 1;
        self.residue_count += length;
        self.longest = self.longest.max(length);
        Ok(())
    }

    /// Trains the dictionary of the header texts on the first blocks that come, if they are enough. The first blocks are the same
    /// whatever the threads and the memory, and so is the dictionary.
    fn train(&mut self, jobs: &[(StreamKind, CutBlock)]) {
        let (mut samples, mut sizes) = (Vec::new(), Vec::new());
        let texts = jobs.iter().filter(|(stream, _)| self.may_train && *stream == StreamKind::Text);
        for (_, block) in texts {
            samples.extend_from_slice(&block.bytes);
            sizes.extend(block.bytes.chunks(DICTIONARY_SAMPLE).map(<[u8]>::len));
        }
        let first = !samples.is_empty() && std::mem::take(&mut self.may_train);
        if !first || samples.len() < DICTIONARY_FROM || !matches!(self.shape.compression, Compression::Zstd(_)) {
            return;
        }
        // Texts without anything in common give no dictionary, and none is needed then.
        if let Ok(bytes) = zstd::dict::from_continuous(&samples, &sizes, DICTIONARY_SIZE) {
            self.encoding_dictionary = EncodingDictionary::try_create(&bytes, TEXT_LEVEL);
            self.dictionary = self.encoding_dictionary.is_some().then_some(bytes);
        }
    }

    fn write_block(&mut self, encoded: &Encoded) -> Result<()> {
        let Encoded { stream, first_slot, block, .. } = encoded;
        let parts = &mut self.streams[stream.index()];
        let entry = BlockEntry {
            offset: U64::new(parts.stored),
            first_slot: U64::new(*first_slot),
            stored_length: U32::new(u32::try_from(block.stored.len()).unwrap_or(u32::MAX)),
            decoded_length: U32::new(block.decoded_length),
            checksum: U32::new(block.checksum),
            codec: block.codec.byte(),
            packing: block.packing.byte(),
            dictionary: U16::new(block.dictionary),
        };
        let number = parts.directory.len() / size_of::<BlockEntry>() as u64;
        parts.directory.write(entry.as_bytes())?;
        parts.stored += block.stored.len() as u64;
        if *stream != StreamKind::Sequence {
            return parts.blocks.write(&block.stored);
        }
        match self.recent.get_mut(remembered_at(number)) {
            Some(slot) => *slot = entry,
            None => self.recent.push(entry),
        }
        self.writer.append(&mut self.sequence_section, &block.stored)
    }

    /// Sets the alphabet in a part of the header table.
    pub(crate) fn set_kind(part: &mut [u8], alphabet: Alphabet) {
        for item in part.chunks_exact_mut(HEADER_ITEM) {
            item[HEADER_ITEM - 1] = alphabet.byte();
        }
    }
}

fn remembered_at(number: u64) -> usize {
    (number % REMEMBERED) as usize
}

fn text_compression(compression: Compression) -> Compression {
    match compression {
        Compression::Zstd(level) => Compression::Zstd(level.max(TEXT_LEVEL)),
        other => other,
    }
}
