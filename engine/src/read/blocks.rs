//! Blocks of streams, by number: found in the directory, compared with their checksums, decoded, and kept in the cache
//! if they are to be.

use std::borrow::Cow;
use std::sync::Arc;

use talaria_db_spec::alphabet::are_residues;
use talaria_db_spec::block::{BlockEntry, Packing, maximum_stored};
use zerocopy::FromBytes;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::memory::buffer::Buffer;
use crate::read::block::{self, Place};
use crate::read::cache::{Block, CacheKey};
use crate::read::stream::{Stream, StreamKind};

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
    ) -> Result<Cow<'s, [u8]>> {
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
}
