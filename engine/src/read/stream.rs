//! Streams: the items that blocks hold (residues, header texts, layout scripts, deltas), found by packed address.

use std::ops::Range;
use std::sync::Arc;

use talaria_db_spec::SpecError;
use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::alphabet::are_residues;
use talaria_db_spec::block::{BlockEntry, Packing, maximum_stored};
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::validate::{Container, Section};
use zerocopy::FromBytes;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::memory::buffer::Buffer;
use crate::read::ahead::Ask;
use crate::read::block::{self, Place};
use crate::read::cache::{Block, CacheKey};
use crate::read::shared::SharedSequence;

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// Residues.
    Sequence,
    /// Header texts.
    Text,
    /// Layout scripts.
    Layout,
    /// Records as what differs from others.
    Delta,
}

impl StreamKind {
    /// The streams that this version reads.
    pub const ALL: [Self; 4] = [Self::Sequence, Self::Text, Self::Layout, Self::Delta];

    /// A small number.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Sequence => 0,
            Self::Text => 1,
            Self::Layout => 2,
            Self::Delta => 3,
        }
    }

    /// The name in errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Text => "text",
            Self::Layout => "layout",
            Self::Delta => "delta",
        }
    }

    /// The kinds of the directory and of the blocks.
    #[must_use]
    pub const fn sections(self) -> (SectionKind, SectionKind) {
        match self {
            Self::Sequence => (SectionKind::SequenceDirectory, SectionKind::SequenceBlocks),
            Self::Text => (SectionKind::TextDirectory, SectionKind::TextBlocks),
            Self::Layout => (SectionKind::LayoutDirectory, SectionKind::LayoutBlocks),
            Self::Delta => (SectionKind::DeltaDirectory, SectionKind::DeltaBlocks),
        }
    }
}

/// Where a stream lies.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// Which one.
    pub kind: StreamKind,
    /// Its directory.
    pub directory: Section,
    /// Its blocks.
    pub blocks: Section,
    /// Nominal decoded size of its blocks, in bytes.
    pub nominal: u32,
}

impl Stream {
    /// The stream in a container, if it has it.
    #[must_use]
    pub fn find(container: &Container, kind: StreamKind) -> Option<Self> {
        let (directory, blocks) = kind.sections();
        let header = container.header();
        let directory = *container.section(directory)?;
        let nominal = match kind {
            StreamKind::Sequence => header.sequence_block_size.get(),
            StreamKind::Text | StreamKind::Layout => header.text_block_size.get(),
            // From 10 to 23 by rule X-6.
            StreamKind::Delta => 1 << directory.detail.min(23),
        };
        Some(Self { kind, directory, blocks: *container.section(blocks)?, nominal })
    }
}

/// An item of a stream: where it starts and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Of its first byte.
    pub address: PackedAddress,
    /// In bytes.
    pub length: u64,
}

/// Memory for the blocks that `threads` threads have at hand in a pass over records: two of residues and one of another
/// stream, with their payloads; none is nominally larger than `nominal`.
pub(crate) fn blocks_memory(nominal: u32, threads: usize) -> u64 {
    threads as u64 * 4 * u64::from(nominal)
}

impl Database {
    /// Entry `number` of a stream's directory.
    pub(crate) fn block_entry(&self, stream: &Stream, number: u64) -> Result<BlockEntry> {
        if number >= stream.directory.item_count {
            return Err(self.out_of_range(stream, number));
        }
        let bytes: [u8; 32] = self.item(&stream.directory, number)?;
        let entry = BlockEntry::read_from_bytes(&bytes).map_err(|_| self.out_of_range(stream, number))?;
        let length = entry.decoded_length.get();
        if length == 0 || length > stream.nominal {
            return Err(self.broken(
                stream.kind.name(),
                "decoded_length",
                "B-2",
                number,
                length.into(),
                stream.nominal.into(),
            ));
        }
        let (stored, most) = (u64::from(entry.stored_length.get()), maximum_stored(length));
        if stored > most {
            return Err(self.broken(stream.kind.name(), "stored_length", "B-12", number, stored, most));
        }
        Ok(entry)
    }

    /// The stored bytes of a block, compared with their checksum.
    pub(crate) fn stored_block<'s>(
        &'s self,
        stream: &Stream,
        number: u64,
        entry: &BlockEntry,
    ) -> Result<std::borrow::Cow<'s, [u8]>> {
        let (offset, length) = self.stored_range(stream, number, entry)?;
        let stored = self.bytes(offset, length)?;
        block::check(entry, &stored, self.place(stream, number))?;
        Ok(stored)
    }

    /// Where in the file a block is stored, and how many bytes it takes.
    fn stored_range(&self, stream: &Stream, number: u64, entry: &BlockEntry) -> Result<(u64, usize)> {
        let (offset, length) = (entry.offset.get(), u64::from(entry.stored_length.get()));
        if offset.checked_add(length).is_none_or(|end| end > stream.blocks.length) {
            return Err(self.broken(stream.kind.name(), "offset", "B-1", number, offset, stream.blocks.length));
        }
        Ok((stream.blocks.offset + offset, entry.stored_length.get() as usize))
    }

    /// Rule B-4: residues and deltas have packings of their own.
    pub(crate) fn check_packing(&self, stream: &Stream, number: u64, entry: &BlockEntry) -> Result<()> {
        let is_known = match entry.packing {
            0 => true,
            5 => stream.kind == StreamKind::Delta,
            _ => stream.kind == StreamKind::Sequence,
        };
        if is_known {
            return Ok(());
        }
        Err(self.broken(stream.kind.name(), "packing", "B-4", number, entry.packing.into(), 0))
    }

    /// A decoded block, without a look at the cache.
    pub(crate) fn decode_block(&self, stream: &Stream, number: u64) -> Result<Buffer> {
        let entry = self.block_entry(stream, number)?;
        self.read_ahead(stream, number, &entry);
        self.decode_entry(stream, number, &entry)
    }

    fn decode_entry(&self, stream: &Stream, number: u64, entry: &BlockEntry) -> Result<Buffer> {
        self.check_packing(stream, number, entry)?;
        self.storage().settled(|| self.decode_stored(stream, number, entry))
    }

    /// Calls `with` with a decoded block that [`Database::expect_blocks`] has asked for: from the cache if it is there,
    /// and kept in it if it is to be.
    pub(crate) fn with_block(
        &self,
        stream: &Stream,
        number: u64,
        keep: bool,
        with: impl FnOnce(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let key = CacheKey::Block { stream: stream.kind, block: number };
        let decode = || self.decode_entry(stream, number, &self.block_entry(stream, number)?);
        if keep {
            return with(&self.cache().get_or_decode(key, decode)?);
        }
        match self.cache().peek(key) {
            Some(block) => with(&block),
            None => with(&decode()?),
        }
    }

    fn decode_stored(&self, stream: &Stream, number: u64, entry: &BlockEntry) -> Result<Buffer> {
        let (offset, length) = self.stored_range(stream, number, entry)?;
        let stored = self.storage().in_place(offset, length).map_err(Error::io(self.path(), "read"))?;
        let dictionary = match entry.dictionary.get() {
            0 => None,
            index => Some(self.dictionary(index)?),
        };
        let decoded = block::decode_pooled(entry, &stored, dictionary, self.buffers(), self.place(stream, number));
        // After they were used, so that it shows if they changed meanwhile.
        block::check(entry, &stored, self.place(stream, number))?;
        let decoded = decoded?;
        // Packed blocks hold residues by what their codes and runs may be.
        if stream.kind == StreamKind::Sequence && entry.packing == Packing::Bytes.byte() && !are_residues(&decoded) {
            return Err(self.broken(stream.kind.name(), "residue", "B-5", number, 0, 0x21));
        }
        Ok(decoded)
    }

    /// Asks the system for what decoding block `number` is going to need, and the ones after it if they are going to be
    /// next.
    fn read_ahead(&self, stream: &Stream, number: u64, entry: &BlockEntry) {
        let Some(ahead) = self.ahead(stream.kind) else { return };
        match ahead.observe(number) {
            // Where the file is not mapped, it is read in one piece anyway, at once.
            Ask::Alone if self.is_in_memory() => self.will_need_block(stream, entry),
            Ask::Alone | Ask::Nothing => {}
            Ask::Next(blocks) => {
                let last = blocks.end.min(stream.directory.item_count).saturating_sub(1);
                // A directory that is damaged is found out when its turn comes.
                if let (Ok(first), Ok(last)) = (self.block_entry(stream, blocks.start), self.block_entry(stream, last))
                {
                    let end = last.offset.get().saturating_add(last.stored_length.get().into());
                    self.will_need(stream, first.offset.get(), end.saturating_sub(first.offset.get()));
                }
            }
        }
    }

    /// Asks the system for a block that is going to be decoded soon.
    pub(crate) fn expect_block(&self, stream: &Stream, number: u64) {
        if self.ahead(stream.kind).is_some()
            && let Ok(entry) = self.block_entry(stream, number)
        {
            self.will_need_block(stream, &entry);
        }
    }

    /// The same for blocks that ascend: as one range where most of what lies between them is wanted.
    pub(crate) fn expect_blocks(&self, stream: &Stream, numbers: &[u64]) {
        let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else { return };
        if self.ahead(stream.kind).is_none() {
            return;
        }
        if last - first >= 2 * numbers.len() as u64 {
            numbers.iter().for_each(|&number| self.expect_block(stream, number));
        } else if let (Ok(first), Ok(last)) = (self.block_entry(stream, first), self.block_entry(stream, last)) {
            let end = last.offset.get().saturating_add(last.stored_length.get().into());
            self.will_need(stream, first.offset.get(), end.saturating_sub(first.offset.get()));
        }
    }

    fn will_need_block(&self, stream: &Stream, entry: &BlockEntry) {
        self.will_need(stream, entry.offset.get(), entry.stored_length.get().into());
    }

    /// A decoded block, from the cache if it is there.
    pub(crate) fn block(&self, stream: &Stream, number: u64) -> Result<Block> {
        let key = CacheKey::Block { stream: stream.kind, block: number };
        self.cache().get_or_decode(key, || self.decode_block(stream, number))
    }

    /// A decoded block, from the cache if it is there, and not kept in it.
    pub(crate) fn passing_block(&self, stream: &Stream, number: u64) -> Result<Block> {
        match self.cache().peek(CacheKey::Block { stream: stream.kind, block: number }) {
            Some(block) => Ok(block),
            None => self.decode_block(stream, number).map(Arc::new),
        }
    }

    /// Calls `part` with the bytes of `range` of an item, block by block, each with its position in the item.
    ///
    /// Only the blocks that the range touches are decoded (rule B-8).
    pub(crate) fn for_each_part(
        &self,
        stream: &Stream,
        item: Item,
        range: Range<u64>,
        mut part: impl FnMut(u64, &Block, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        if range.start > range.end || range.end > item.length {
            return Err(Error::OutOfRange { what: "residue", got: range.end, count: item.length });
        }
        if range.is_empty() {
            return Ok(());
        }
        let nominal = u64::from(stream.nominal);
        let (first, byte) = (item.address.block(), u64::from(item.address.byte()));
        if item.length <= nominal {
            let block = self.block(stream, first)?;
            if byte + item.length > block.len() as u64 {
                return Err(self.broken(
                    stream.kind.name(),
                    "address",
                    "B-8",
                    first,
                    byte + item.length,
                    block.len() as u64,
                ));
            }
            return part(range.start, &block, (byte + range.start) as usize..(byte + range.end) as usize);
        }
        if byte != 0 {
            return Err(self.broken(stream.kind.name(), "address", "B-8", first, byte, 0));
        }
        let mut position = range.start;
        while position < range.end {
            let index = position / nominal;
            let number = first + index;
            let expected = (item.length - index * nominal).min(nominal);
            let block = self.block(stream, number)?;
            if block.len() as u64 != expected {
                return Err(self.broken(
                    stream.kind.name(),
                    "decoded_length",
                    "B-8",
                    number,
                    block.len() as u64,
                    expected,
                ));
            }
            let start = position - index * nominal;
            let end = (range.end - index * nominal).min(nominal);
            part(position, &block, start as usize..end as usize)?;
            position = index * nominal + end;
        }
        Ok(())
    }

    /// The bytes of `range` of an item: a slice of a block if it lies in one, else a copy of the parts.
    pub(crate) fn slice(&self, stream: &Stream, item: Item, range: Range<u64>) -> Result<SharedSequence> {
        let wanted = range.end.saturating_sub(range.start);
        let mut whole: Option<SharedSequence> = None;
        let mut copied = Vec::new();
        // A copy is as long as the range. It is the caller's from then on, so that the lease covers only its making.
        let in_one = item.length <= u64::from(stream.nominal);
        // Before its length is believed.
        self.check_blocks(stream, item)?;
        let _lease = if in_one { None } else { Some(self.budget().lease("a sequence in one piece", wanted)?) };
        self.for_each_part(stream, item, range, |_, block, part| {
            if part.len() as u64 == wanted {
                whole = Some(SharedSequence::new(Arc::clone(block), part));
            } else {
                if copied.capacity() == 0 {
                    let length = usize::try_from(wanted).unwrap_or(usize::MAX);
                    copied.try_reserve_exact(length).map_err(|_| self.no_memory("a sequence in one piece", wanted))?;
                }
                copied.extend_from_slice(block.get(part).unwrap_or_default());
            }
            Ok(())
        })?;
        Ok(whole.unwrap_or_else(|| SharedSequence::from(copied)))
    }

    /// Rule B-8: there are the blocks that an item takes which is longer than one.
    pub(crate) fn check_blocks(&self, stream: &Stream, item: Item) -> Result<()> {
        let (first, count) = (item.address.block(), stream.directory.item_count);
        let blocks = item.length.div_ceil(stream.nominal.into());
        if blocks > 1 && blocks > count.saturating_sub(first) {
            return Err(self.broken(stream.kind.name(), "address", "B-8", first, blocks, count));
        }
        Ok(())
    }

    /// Takes [`blocks_memory`] for all threads of the pool.
    pub(crate) fn lease_blocks(&self) -> Result<Lease> {
        let nominal = self.sequences().nominal.max(self.texts().nominal);
        let nominal = self.deltas().map_or(nominal, |deltas| nominal.max(deltas.nominal));
        self.budget().lease("blocks at hand", blocks_memory(nominal, rayon::current_num_threads()))
    }

    fn place<'p>(&'p self, stream: &Stream, block: u64) -> Place<'p> {
        Place { path: self.path(), stream: stream.kind.name(), block }
    }

    fn out_of_range(&self, stream: &Stream, number: u64) -> Error {
        self.broken(stream.kind.name(), "address", "B-9", number, number, stream.directory.item_count)
    }

    pub(crate) fn broken(
        &self,
        structure: &'static str,
        field: &'static str,
        rule: &'static str,
        at: u64,
        got: u64,
        expected: u64,
    ) -> Error {
        let violation = SpecError::violation(structure, field, rule, at, got, expected);
        Error::Format { path: self.path().to_path_buf(), violation }
    }

    pub(crate) fn no_memory(&self, what: &'static str, need: u64) -> Error {
        Error::Memory { what, need, free: self.budget().free(), limit: self.budget().limit() }
    }
}
