//! Reads inputs: files, FIFOs and standard input, decompressed by their content, in chunks of one size.
//!
//! A background thread reads, decompresses and hashes, so that none of it holds up whoever parses. What comes out are
//! chunks of exactly [`CHUNK`] bytes, the last one excepted, however a pipe delivers them: what is built from them then
//! depends on the content alone.
//!
//! Nothing that is damaged, cut short or unreadable looks like the end of an input. A fault arrives as an error in
//! place of the chunk in which it lies, and the digest exists at the true end only. Every member, frame or stream must
//! be complete, with its checksum, and nothing may follow the last one but the padding that its format knows.
//!
//! Does not look into the bytes, which need not be FASTA, and does not seek: an input is read once, from front to back.
//!
//! Costs a thread with 256 KiB of stack, [`StreamingSettings::buffers`] chunks of memory (three, 6 MiB; a plain regular
//! file that is smaller takes what it needs) and the decoder's: 0.4 MiB for gzip, 4 MiB for bzip2, the window of the
//! data for Zstandard and xz. All is leased from the budget, the windows when the data names them. With
//! [`StreamingSettings::compress_chunks`] there are two plain chunks, and those that wait between the thread and its
//! caller are compressed. The thread decodes 20 (bzip2) to 700 (Zstandard) MB/s, gzip 200; no format is decoded in
//! parallel.

mod chunk;
mod compression;
mod decode;
mod path;
mod source;
#[cfg(test)]
mod tests;
mod waiting;

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

pub use chunk::Chunk;
pub use compression::Compression;
pub use path::InputPath;

use crate::error::{Error, Result};
use crate::memory::budget::Budget;
use crate::memory::settings::{MemorySettings, StreamingSettings};
use chunk::{ChunkWriter, Message, Returned, Shared};
use path::Opened;
use source::Source;
use waiting::{Body, Caller, Chunks};

/// Bytes of every [`Chunk`] but the last.
pub const CHUNK: usize = 2 << 20;

/// Bytes of the stack of the thread that reads: what the decoders have there is a few KiB, the rest is leased.
const THREAD_STACK: usize = 256 << 10;

/// Chunks of an input in memory at a time: one without reading ahead, else at least one that is filled while another is
/// in use.
#[must_use]
pub fn buffers(settings: &StreamingSettings) -> usize {
    if settings.read_ahead { settings.buffers.max(2) } else { 1 }
}

/// What an input was, known at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 of the decompressed bytes.
    pub sha256: [u8; 32],
    /// Number of decompressed bytes.
    pub byte_length: u64,
}

/// An input that is being read.
///
/// Dropping it early ends the thread. For a regular file the drop waits for that, which takes one more step at most; a
/// thread that waits for a pipe or for standard input is left behind, keeps its memory and its leases, and ends when
/// that delivers something or closes.
///
/// ```
/// use talaria_db::fasta::input::Input;
/// use talaria_db::memory::budget::Budget;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("two.fasta");
/// # std::fs::write(&path, ">a\nMK\n>b\nMV\n").unwrap();
/// let mut input = Input::open(path.as_path(), &Default::default(), &Budget::new(16 << 20))?;
/// let mut records = 0;
/// while let Some(chunk) = input.next_chunk()? {
///     records += chunk.iter().filter(|&&byte| byte == b'>').count();
/// }
/// assert_eq!(records, 2);
/// assert_eq!(input.finish()?.byte_length, 12);
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug)]
pub struct Input {
    path: InputPath,
    compression: Compression,
    encoded_length: Option<u64>,
    most_held: usize,
    caller: Option<Caller>,
    budget: Budget,
    shared: Arc<Shared>,
    received: Receiver<Result<Message>>,
    home: Sender<Returned>,
    thread: Option<JoinHandle<()>>,
    state: State,
}

#[derive(Debug)]
enum State {
    Reading,
    Failed,
    Ended(Digest),
}

impl Input {
    /// Opens an input, tells its compression and begins to read. For a FIFO and for standard input that waits for the
    /// first [`Compression::DETECTED_FROM`] bytes, or the end.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened or read, or is a folder; [`Error::Memory`] if `budget` has not the memory.
    pub fn open(path: impl Into<InputPath>, settings: &MemorySettings, budget: &Budget) -> Result<Self> {
        let path = path.into();
        let opened = path.open()?;
        Self::start(path, opened, settings, budget, CHUNK)
    }

    /// Bytes of the budget that an input has from its beginning to its end. Looks at the first bytes of a regular file;
    /// anything else is taken to be compressed in the way that takes most, as it cannot be looked at without being
    /// read. What cannot be opened takes none.
    ///
    /// Windows that further frames of Zstandard name, and dictionaries of xz, come on top when the data has them; and
    /// [`Self::waiting_memory`].
    #[must_use]
    pub fn least_memory(path: &InputPath, settings: &MemorySettings) -> u64 {
        let chunks = |room| Chunks::new(settings, room, CHUNK).held_memory();
        let stack = THREAD_STACK as u64;
        let regular = matches!(path, InputPath::File(path) if path.is_file());
        if !regular {
            return chunks(u64::MAX).saturating_add(stack + decode::most_base_memory());
        }
        let Ok(Opened { reader, encoded_length }) = path.open() else { return 0 };
        let mut first = Vec::new();
        if reader.take(decode::FIRST as u64).read_to_end(&mut first).is_err() {
            return 0;
        }
        match Compression::detect(first.get(..Compression::DETECTED_FROM).unwrap_or(&first)) {
            Compression::None => stack.saturating_add(chunks(encoded_length.map_or(u64::MAX, |length| length + 1))),
            compression => chunks(u64::MAX)
                .saturating_add(stack + decode::base_memory(compression) + decode::window(compression, &first)),
        }
    }

    /// Bytes of the budget that an input takes beyond [`Self::least_memory`] at most, if they are free: those of chunks
    /// that wait compressed. None unless [`StreamingSettings::compress_chunks`] is set.
    #[must_use]
    pub fn waiting_memory(settings: &MemorySettings) -> u64 {
        Chunks::new(settings, u64::MAX, CHUNK).waiting_memory()
    }

    fn start(
        path: InputPath,
        opened: Opened,
        settings: &MemorySettings,
        budget: &Budget,
        chunk: usize,
    ) -> Result<Self> {
        let Opened { reader, encoded_length } = opened;
        let shared = Arc::new(Shared::default());
        let mut source = Source::new(reader, Compression::DETECTED_FROM, Arc::clone(&shared));
        let first = source.peek(Compression::DETECTED_FROM).map_err(Error::io(path.as_path(), "read"))?;
        let compression = Compression::detect(first);

        // A plain regular file needs no more than its length, and a byte of room to meet its end in.
        let room = encoded_length.filter(|_| compression == Compression::None).map_or(u64::MAX, |length| length + 1);
        let chunks = Chunks::new(settings, room, chunk);
        let (empty, sides) = chunks.lease(budget)?;
        let (waiting, caller) = sides.unzip();
        let (home, returned) = mpsc::channel();
        for buffer in empty {
            // The receiver is at hand.
            let _ = home.send(Returned::Free(buffer));
        }
        let stack = budget.lease("thread stacks", THREAD_STACK as u64)?;
        let mut lease = budget.lease("the decoder of an input", decode::base_memory(compression))?;

        let (sent, received) = mpsc::channel();
        let mut writer = ChunkWriter::new(chunk, returned, sent, Arc::clone(&shared), waiting);
        let name = path.as_path().to_path_buf();
        let read = move || {
            let _stack = stack;
            match decode::decode(compression, &mut source, &mut writer, &mut lease) {
                Ok(()) => writer.finish(),
                Err(fault) => {
                    if let Some(error) = fault.into_error(&name, compression, writer.decoded()) {
                        writer.fail(error);
                    }
                }
            }
        };
        let thread = thread::Builder::new()
            .name("fasta-input".into())
            .stack_size(THREAD_STACK)
            .spawn(read)
            .map_err(Error::io(path.as_path(), "start the thread to read"))?;
        let state = State::Reading;
        let (most_held, budget, thread) = (chunks.most_held(), budget.clone(), Some(thread));
        Ok(Self { path, compression, encoded_length, most_held, caller, budget, shared, received, home, thread, state })
    }

    /// Its path, `-` for standard input.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.path.as_path()
    }

    /// How it is compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Bytes of the file when it was opened, if it is a regular file.
    #[must_use]
    pub fn encoded_length(&self) -> Option<u64> {
        self.encoded_length
    }

    /// Bytes of the file that were read so far: ahead of the chunks, by what is on its way.
    #[must_use]
    pub fn bytes_consumed(&self) -> u64 {
        self.shared.consumed.load(Ordering::Relaxed)
    }

    /// The next chunk; `None` at the end. Waits for it.
    ///
    /// The thread fills the buffers of dropped chunks. One chunk fewer than there are buffers may be kept while asking
    /// for a further one; one fewer than that if chunks that wait are compressed, and those but the first are then
    /// leased in addition.
    ///
    /// # Errors
    /// [`Error::Io`] if the input cannot be read, or too many chunks are kept; [`Error::Compressed`] if it is damaged
    /// or cut short; [`Error::Memory`] if the budget has not the memory to decode it. After a fault of the input there
    /// are only errors.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>> {
        match self.state {
            State::Reading => {}
            State::Ended(_) => return Ok(None),
            State::Failed => return Err(self.failed("reading stopped at an earlier error")),
        }
        if self.shared.held.load(Ordering::Relaxed) >= self.most_held {
            return Err(self.failed("all chunks are in use: drop one first"));
        }
        match self.received.recv() {
            Ok(Ok(Message::Chunk(body))) => self.chunk(body).map(Some),
            Ok(Ok(Message::End(digest))) => {
                self.state = State::Ended(digest);
                Ok(None)
            }
            Ok(Err(error)) => {
                self.state = State::Failed;
                Err(error)
            }
            Err(_) => {
                self.state = State::Failed;
                Err(self.failed("the thread that reads it has died"))
            }
        }
    }

    fn chunk(&mut self, body: Body) -> Result<Chunk> {
        let (buffer, caller) = match (body, &self.caller) {
            (Body::Compressed(compressed, _lease), Some(caller)) => {
                let buffer =
                    caller.decompress(&compressed, &self.budget).inspect_err(|_| self.state = State::Failed)?;
                (buffer, Some(caller.clone()))
            }
            (Body::Plain(buffer), _) => (buffer, None),
            (Body::Compressed(..), None) => return Err(self.failed("a chunk came compressed that was not to be")),
        };
        Ok(Chunk::new(buffer, self.home.clone(), Arc::clone(&self.shared), caller))
    }

    /// The digest of the whole input; chunks that were not asked for are read and dropped.
    ///
    /// # Errors
    /// As [`Self::next_chunk`].
    pub fn finish(mut self) -> Result<Digest> {
        loop {
            if let State::Ended(digest) = self.state {
                return Ok(digest);
            }
            self.next_chunk()?;
        }
    }

    fn failed(&self, reason: &'static str) -> Error {
        Error::io(self.path(), "read")(io::Error::other(reason))
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // The thread may wait for a buffer; if it is gone, there is no one to wake.
        let _ = self.home.send(Returned::Stop);
        let waits_for_others = self.encoded_length.is_none() && matches!(self.state, State::Reading);
        if let Some(thread) = self.thread.take().filter(|_| !waits_for_others) {
            // A thread that died was reported in place of a chunk.
            let _ = thread.join();
        }
    }
}
