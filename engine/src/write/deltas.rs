//! The delta stream on its way: items are cut into blocks as they come, encoded in parallel, and wait in spill buffers
//! until the container is sealed.

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::block::BlockEntry;
use zerocopy::IntoBytes;

use crate::error::Result;
use crate::write::cut::Cutter;
use crate::write::encode::{Compression, encode_deltas};
use crate::write::sequences::block_entry;
use crate::write::spill::{Spill, SpillBuffer};

/// Nominal size of the blocks: what a lookup decodes, and what the streams of a block have to be compressed together.
pub(crate) const DELTA_BLOCK: u32 = 64 << 10;

/// A delta stream on its way.
#[derive(Debug)]
pub(crate) struct DeltaStream {
    cutter: Cutter,
    compression: Compression,
    pub(crate) directory: SpillBuffer,
    pub(crate) blocks: SpillBuffer,
    stored: u64,
    items: u64,
}

impl DeltaStream {
    /// Bytes of memory beside what encoding takes.
    pub(crate) const MEMORY: u64 = 2 * SpillBuffer::column_memory();

    /// Bytes on disk at most of items of `bytes` bytes.
    pub(crate) fn most_bytes(bytes: u64) -> u64 {
        let blocks = (bytes / u64::from(DELTA_BLOCK)).saturating_mul(2).saturating_add(2);
        let all = bytes.saturating_add(blocks.saturating_mul(size_of::<BlockEntry>() as u64));
        all.saturating_add(all / 1024)
    }

    /// An empty one.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub(crate) fn new(compression: Compression, spill: &Spill) -> Result<Self> {
        Ok(Self {
            cutter: Cutter::new(DELTA_BLOCK),
            compression,
            directory: SpillBuffer::column(spill, "the delta directory")?,
            blocks: SpillBuffer::column(spill, "delta blocks")?,
            stored: 0,
            items: 0,
        })
    }

    /// Adds an item of at most [`DELTA_BLOCK`] bytes and returns its address.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] after 2^40 blocks.
    pub(crate) fn push(&mut self, item: &[u8]) -> Result<PackedAddress> {
        let address = self.cutter.push(item, self.items)?;
        self.items += 1;
        Ok(address)
    }

    /// Encodes the blocks that are full, in parallel, and keeps them in order.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Space`].
    pub(crate) fn encode(&mut self) -> Result<()> {
        let compression = self.compression;
        let done = self.cutter.take_done().into_par_iter();
        let encoded: Vec<_> =
            done.map(|cut| Ok((cut.first_slot, encode_deltas(&cut.bytes, compression)?))).collect::<Result<_>>()?;
        for (first_slot, block) in encoded {
            self.directory.write(block_entry(&block, self.stored, first_slot).as_bytes())?;
            self.stored += block.stored.len() as u64;
            self.blocks.write(&block.stored)?;
        }
        Ok(())
    }

    /// Encodes what is left.
    ///
    /// # Errors
    /// As [`DeltaStream::encode`].
    pub(crate) fn close(&mut self) -> Result<()> {
        self.cutter.close();
        self.encode()
    }
}
