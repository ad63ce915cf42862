//! Chunks of decompressed bytes, and how their buffers go round.
//!
//! There are as many buffers as the settings say, no more. The reading thread fills one and sends it; whoever drops the
//! [`Chunk`] sends it back. Both channels are unbounded because the buffers are not. A buffer carries the lease of its
//! memory wherever it goes, and its memory is allocated when it is first filled.
//!
//! Where chunks are kept compressed while they wait, see [`super::waiting`], what comes back is the leave to send one
//! more.

use std::fmt;
use std::mem;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};

use sha2::{Digest as _, Sha256};

use super::decode::Fault;
use super::waiting::{Body, Caller, Waiting};
use super::{CHUNK, Digest};
use crate::error::{Error, Result};
use crate::memory::budget::{Budget, Lease};
use crate::memory::pinned::PinnedBuffer;

/// What the two sides of an input tell each other beside the channels.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Encoded bytes that were read.
    pub(super) consumed: AtomicU64,
    /// Chunks that are in the caller's hands.
    pub(super) held: AtomicUsize,
    /// Nobody wants the rest.
    pub(super) stop: AtomicBool,
}

/// What the memory is for.
const WHAT: &str = "a chunk of an input";

/// The memory of a chunk.
pub(super) struct Buffer {
    bytes: Bytes,
    filled: usize,
    /// For what is not pinned, allocated or not.
    lease: Lease,
    budget: Budget,
}

enum Bytes {
    Heap(Vec<u8>),
    Pinned(PinnedBuffer),
}

impl Buffer {
    /// A buffer for a whole chunk, if it is free.
    fn try_lease(budget: &Budget, chunk: usize) -> Option<Self> {
        let lease = budget.try_lease(WHAT, chunk as u64)?;
        Some(Self { bytes: Bytes::Heap(Vec::new()), filled: 0, lease, budget: budget.clone() })
    }

    /// A buffer that is going to hold `capacity` bytes, and grows to a chunk if that was too few.
    pub(super) fn lease(budget: &Budget, capacity: u64) -> Result<Self> {
        let lease = budget.lease(WHAT, capacity)?;
        Ok(Self { bytes: Bytes::Heap(Vec::new()), filled: 0, lease, budget: budget.clone() })
    }

    /// What was filled of it.
    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes()[..self.filled]
    }

    /// Fills it anew with the first `length` bytes that `fill` writes.
    pub(super) fn refill(
        &mut self,
        length: usize,
        chunk: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<()> {
        self.filled = 0;
        fill(&mut self.spare(chunk)?[..length])?;
        self.filled = length;
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Heap(bytes) => bytes,
            Bytes::Pinned(buffer) => buffer.as_slice(),
        }
    }

    /// The part to fill next; not empty.
    fn spare(&mut self, chunk: usize) -> Result<&mut [u8]> {
        let length = self.bytes().len();
        if self.filled == length {
            if length > 0 || self.lease.bytes() == 0 {
                self.lease.resize(chunk as u64)?;
            }
            // At most `chunk`, which is a `usize`.
            self.allocate(self.lease.bytes() as usize)?;
        }
        let bytes = match &mut self.bytes {
            Bytes::Heap(bytes) => &mut bytes[..],
            Bytes::Pinned(buffer) => buffer.as_mut_slice(),
        };
        Ok(&mut bytes[self.filled..])
    }

    /// Makes the memory `length` bytes, which are leased. A whole chunk is worth its own pages.
    fn allocate(&mut self, length: usize) -> Result<()> {
        if length >= CHUNK {
            let lease = mem::replace(&mut self.lease, self.budget.lease(WHAT, 0)?);
            let mut buffer = PinnedBuffer::with_lease(lease, length)?;
            buffer.as_mut_slice()[..self.filled].copy_from_slice(&self.bytes()[..self.filled]);
            self.bytes = Bytes::Pinned(buffer);
        } else if let Bytes::Heap(bytes) = &mut self.bytes {
            bytes.resize(length, 0);
        }
        Ok(())
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Buffer").field("filled", &self.filled).field("lease", &self.lease).finish()
    }
}

/// What the reading thread sends.
pub(super) enum Message {
    /// The next chunk.
    Chunk(Body),
    /// All chunks were sent.
    End(Digest),
}

/// What comes back to it.
pub(super) enum Returned {
    /// A chunk is no longer in use. Its buffer, unless that belongs to the caller's side.
    Free(Option<Buffer>),
    /// Nobody wants the rest.
    Stop,
}

/// Decompressed bytes of an input: [`CHUNK`](super::CHUNK) of them, fewer in the last one, never none.
///
/// Dropping it gives its buffer back to the input, which needs it to read on.
#[derive(Debug)]
pub struct Chunk {
    buffer: Option<Buffer>,
    home: Sender<Returned>,
    shared: Arc<Shared>,
    /// Whose buffer it is, if it is not the reading thread's.
    caller: Option<Caller>,
}

impl Chunk {
    pub(super) fn new(buffer: Buffer, home: Sender<Returned>, shared: Arc<Shared>, caller: Option<Caller>) -> Self {
        shared.held.fetch_add(1, Ordering::Relaxed);
        Self { buffer: Some(buffer), home, shared, caller }
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], Buffer::filled)
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Some(mut buffer) = self.buffer.take() {
            buffer.filled = 0;
            self.shared.held.fetch_sub(1, Ordering::Relaxed);
            let buffer = match &self.caller {
                Some(caller) => {
                    caller.give_back(buffer);
                    None
                }
                None => Some(buffer),
            };
            // Without its input, the buffer is freed here.
            let _ = self.home.send(Returned::Free(buffer));
        }
    }
}

/// Where decoders put decompressed bytes: cuts them into chunks, hashes and sends them.
pub(super) struct ChunkWriter {
    chunk: usize,
    returned: Receiver<Returned>,
    sent: Sender<Result<Message>>,
    shared: Arc<Shared>,
    waiting: Option<Waiting>,
    current: Option<Buffer>,
    /// An empty buffer at hand.
    empty: Option<Buffer>,
    /// How many more chunks may be sent, if they may be compressed; else their buffers say.
    leave: usize,
    hasher: Sha256,
    decoded: u64,
}

impl ChunkWriter {
    pub(super) fn new(
        chunk: usize,
        returned: Receiver<Returned>,
        sent: Sender<Result<Message>>,
        shared: Arc<Shared>,
        waiting: Option<Waiting>,
    ) -> Self {
        let (current, empty, hasher) = (None, None, Sha256::new());
        Self { chunk, returned, sent, shared, waiting, current, empty, leave: 0, hasher, decoded: 0 }
    }

    /// Room for decompressed bytes, never empty; waits for a buffer if all are in use.
    ///
    /// # Errors
    /// [`Fault::Stopped`] if nobody wants the rest.
    pub(super) fn space(&mut self) -> Result<&mut [u8], Fault> {
        self.check_wanted()?;
        let buffer = match self.current.take() {
            Some(buffer) => buffer,
            None => self.next_buffer().ok_or(Fault::Stopped)?,
        };
        Ok(self.current.insert(buffer).spare(self.chunk)?)
    }

    /// Takes the first `count` bytes of the last [`Self::space`] as written.
    pub(super) fn advance(&mut self, count: usize) {
        self.decoded += count as u64;
        if let Some(buffer) = &mut self.current {
            buffer.filled += count;
            if buffer.filled == self.chunk {
                self.send_current();
            }
        }
    }

    /// Bytes written so far.
    pub(super) fn decoded(&self) -> u64 {
        self.decoded
    }

    /// Refuses to go on if nobody wants the rest. For loops that write nothing.
    pub(super) fn check_wanted(&self) -> Result<(), Fault> {
        if self.shared.stop.load(Ordering::Relaxed) { Err(Fault::Stopped) } else { Ok(()) }
    }

    /// Sends the last chunk and the end.
    pub(super) fn finish(mut self) {
        self.send_current();
        let digest = Digest { sha256: mem::take(&mut self.hasher).finalize().into(), byte_length: self.decoded };
        let _ = self.sent.send(Ok(Message::End(digest)));
    }

    /// Sends an error in place of the next chunk.
    pub(super) fn fail(self, error: Error) {
        let _ = self.sent.send(Err(error));
    }

    /// Waits until a chunk is no longer in use; false if nobody wants the rest.
    fn receive(&mut self) -> bool {
        let Ok(Returned::Free(buffer)) = self.returned.recv() else { return false };
        self.leave += 1;
        // One is enough: further ones were taken in addition.
        self.empty = self.empty.take().or(buffer);
        true
    }

    /// None if nobody wants the rest.
    fn next_buffer(&mut self) -> Option<Buffer> {
        loop {
            if let Some(buffer) = self.empty.take() {
                return Some(buffer);
            }
            // The one that is on its way comes back, if there is no other.
            let more = self.waiting.as_ref().and_then(|waiting| Buffer::try_lease(&waiting.budget, self.chunk));
            if more.is_some() {
                return more;
            }
            if !self.receive() {
                return None;
            }
        }
    }

    /// The buffer as it is to wait, once it may be sent; none if nobody wants it.
    fn compressed(&mut self, mut buffer: Buffer) -> Option<Body> {
        while self.leave == 0 {
            if !self.receive() {
                return None;
            }
        }
        self.leave -= 1;
        match self.waiting.as_ref().and_then(|waiting| waiting.compress(buffer.filled())) {
            Some(compressed) => {
                buffer.filled = 0;
                // If another came back meanwhile, it was taken in addition.
                self.empty = Some(buffer);
                Some(compressed)
            }
            None => Some(Body::Plain(buffer)),
        }
    }

    fn send_current(&mut self) {
        let Some(buffer) = self.current.take_if(|buffer| buffer.filled > 0) else { return };
        self.hasher.update(buffer.filled());
        let body = if self.waiting.is_some() {
            let Some(body) = self.compressed(buffer) else { return };
            body
        } else {
            Body::Plain(buffer)
        };
        // An input that is gone has asked to stop, which the next step notices.
        let _ = self.sent.send(Ok(Message::Chunk(body)));
    }
}
