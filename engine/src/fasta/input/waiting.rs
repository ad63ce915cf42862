//! Chunks that wait for the parser, kept compressed if that is asked for.
//!
//! The reading thread fills one plain buffer again and again, and whoever asked for a chunk gets it in another; both
//! are leased from the beginning, so that an input goes on however little is free. What waits between them is leased as
//! it is: if there is no memory to compress a chunk, or that saves less than a tenth, its plain buffer waits instead,
//! and the thread fills another if one is free. Nothing waits where there are fewer than three chunks, or the input has
//! no more than two.

use std::sync::{Arc, Mutex, PoisonError};

use super::chunk::Buffer;
use crate::error::Result;
use crate::memory::budget::{Budget, Lease};
use crate::memory::compress::CompressedBuffer;
use crate::memory::settings::{Algorithm, CompressionSettings, MemorySettings};

/// What the memory is for.
const WHAT: &str = "a compressed chunk of an input";

/// The empty buffers of the thread, and what compresses for it and decompresses for the caller.
type Leased = (Vec<Option<Buffer>>, Option<(Waiting, Caller)>);

/// Chunks of an input that are in memory, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunks {
    /// How many at a time.
    pub(super) count: usize,
    /// With what those that wait are compressed.
    compression: Option<(Algorithm, u32)>,
    chunk: usize,
    /// Decompressed bytes, if they are known, and one.
    room: u64,
}

impl Chunks {
    pub(super) fn new(settings: &MemorySettings, room: u64, chunk: usize) -> Self {
        let CompressionSettings { algorithm, level, .. } = settings.compression;
        let count = super::buffers(&settings.streaming);
        let waits = settings.streaming.compress_chunks && count >= 3 && room > 2 * chunk as u64 + 1;
        Self { count, compression: waits.then_some((algorithm, level)), chunk, room }
    }

    /// How many the caller may hold.
    pub(super) fn most_held(&self) -> usize {
        // The thread always has one of its own to fill.
        if self.compression.is_some() { self.count - 1 } else { self.count }
    }

    /// Bytes that are leased from the beginning to the end.
    pub(super) fn held_memory(&self) -> u64 {
        match self.compression {
            Some((algorithm, level)) => 2 * self.chunk as u64 + CompressedBuffer::context(algorithm, level, self.chunk),
            None => (self.count as u64).saturating_mul(self.chunk as u64).min(self.room),
        }
    }

    /// Bytes beyond those that chunks which wait may take, if they are free.
    pub(super) fn waiting_memory(&self) -> u64 {
        self.compression.map_or(0, |(algorithm, _)| {
            let most = CompressedBuffer::most(algorithm, self.chunk) as u64;
            // All but one wait plain in the worst case, while that one is compressed.
            (self.count as u64 - 1).saturating_mul(self.chunk as u64).saturating_add(most)
        })
    }

    /// Leases what is held from the beginning.
    pub(super) fn lease(&self, budget: &Budget) -> Result<Leased> {
        if let Some((algorithm, level)) = self.compression {
            let lease = || Buffer::lease(budget, self.chunk as u64);
            let context = budget.lease(WHAT, CompressedBuffer::context(algorithm, level, self.chunk))?;
            let caller = Caller { buffer: Arc::new(Mutex::new(Some(lease()?))), chunk: self.chunk };
            let waiting = Waiting { algorithm, level, budget: budget.clone(), _context: context };
            let mut empty = vec![Some(lease()?)];
            empty.resize_with(self.most_held(), || None);
            return Ok((empty, Some((waiting, caller))));
        }
        let mut room = self.room;
        let mut empty = Vec::new();
        for _ in 0..self.count {
            let capacity = room.min(self.chunk as u64);
            room -= capacity;
            empty.push(Some(Buffer::lease(budget, capacity)?));
        }
        Ok((empty, None))
    }
}

/// A chunk on its way.
#[derive(Debug)]
pub(super) enum Body {
    Plain(Buffer),
    Compressed(CompressedBuffer, Lease),
}

/// Compresses, on the side of the thread.
#[derive(Debug)]
pub(super) struct Waiting {
    algorithm: Algorithm,
    level: u32,
    pub(super) budget: Budget,
    _context: Lease,
}

impl Waiting {
    /// The bytes compressed, if there is memory for that and it is worth while.
    pub(super) fn compress(&self, bytes: &[u8]) -> Option<Body> {
        let most = CompressedBuffer::most(self.algorithm, bytes.len()) as u64;
        let mut lease = self.budget.try_lease(WHAT, most)?;
        let compressed = CompressedBuffer::compress(bytes, self.algorithm, self.level).ok()?;
        if compressed.len() >= bytes.len() - bytes.len() / 10 {
            return None;
        }
        lease.try_resize(compressed.len() as u64).then_some(Body::Compressed(compressed, lease))
    }
}

/// Decompresses, on the side of the caller. Clones share one buffer.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    buffer: Arc<Mutex<Option<Buffer>>>,
    chunk: usize,
}

impl Caller {
    /// A buffer with the original bytes: the one at hand, or, if a chunk is kept in it, a further one of `budget`.
    pub(super) fn decompress(&self, compressed: &CompressedBuffer, budget: &Budget) -> Result<Buffer> {
        let at_hand = self.buffer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut buffer = match at_hand {
            Some(buffer) => buffer,
            None => Buffer::lease(budget, self.chunk as u64)?,
        };
        buffer.refill(compressed.original_length(), self.chunk, |bytes| compressed.decompress_into(bytes))?;
        Ok(buffer)
    }

    /// Takes the buffer of a dropped chunk back; if there is one at hand, it is freed.
    pub(super) fn give_back(&self, buffer: Buffer) {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(buffer);
    }
}
