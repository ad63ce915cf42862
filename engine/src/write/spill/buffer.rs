//! A byte buffer that lives in memory while it is small.

use std::mem;

use super::file::SpillFile;
use super::frame::FrameWriter;
use super::reader::SpillReader;
use super::{FRAME, Spill};
use crate::error::Result;
use crate::memory::budget::Lease;

/// Bytes of a column that stay in memory, at least and at most; between them one part in this many of what is free.
const LEAST_COLUMN: usize = 256 << 10;
const MOST_COLUMN: usize = 16 << 20;
const COLUMN_SHARE: u64 = 128;

/// An append-only byte buffer, read once from the beginning.
///
/// It holds its bytes in memory up to a threshold, or until the budget refuses more; then all of them, and those that
/// follow, go to a temporary file. Bytes are kept in pieces of 64 KiB, so that growing copies nothing.
///
/// A buffer takes about 135 KiB of the budget from the start, which are what writing to a file and reading it back
/// need: once made, it never fails for want of memory. The first 64 KiB of data are within that.
#[derive(Debug)]
pub struct SpillBuffer {
    spill: Spill,
    what: &'static str,
    memory: usize,
    len: u64,
    /// Full frames but the last one; none once there is a file.
    frames: Vec<Vec<u8>>,
    /// The last frame.
    last: Vec<u8>,
    file: Option<(SpillFile, FrameWriter)>,
    /// After what it stands for, so that it is given back after it.
    lease: Lease,
}

impl SpillBuffer {
    /// An empty buffer for `what`, of which up to `memory` bytes stay in memory.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if the first 135 KiB are not free.
    pub fn new(spill: &Spill, what: &'static str, memory: usize) -> Result<Self> {
        let frame = spill.frame();
        let lease = spill.budget().lease(what, base(frame))?;
        let last = Vec::with_capacity(frame);
        Ok(Self { spill: spill.clone(), what, memory, len: 0, frames: Vec::new(), last, file: None, lease })
    }

    /// An empty buffer for a column or the blocks of a stream, which waits until a file is sealed. Where little is free,
    /// 256 KiB of it stay in memory; where there is plenty, all of a small file do, as writing it and reading it back
    /// would take a tenth of the time of a build.
    ///
    /// # Errors
    /// As [`SpillBuffer::new`].
    pub(crate) fn column(spill: &Spill, what: &'static str) -> Result<Self> {
        let share = usize::try_from(spill.budget().free() / COLUMN_SHARE).unwrap_or(usize::MAX);
        Self::new(spill, what, share.clamp(LEAST_COLUMN, MOST_COLUMN))
    }

    /// Memory of one made by [`SpillBuffer::column`] where little is free.
    pub(crate) const fn column_memory() -> u64 {
        Self::most_memory(LEAST_COLUMN)
    }

    /// Most memory of a buffer of which up to `memory` bytes stay in memory.
    pub(crate) const fn most_memory(memory: usize) -> u64 {
        // A frame less than `memory` has is kept beside the one that is filled, as there must be room for both.
        base(FRAME) + (memory / FRAME).saturating_sub(1) as u64 * FRAME as u64
    }

    /// Appends `bytes`. After an error the buffer is good for nothing but being dropped.
    ///
    /// # Errors
    /// [`Error::Space`](crate::Error::Space) if the bytes go to disk and it is refused,
    /// [`Error::Io`](crate::Error::Io).
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            // Only now, as a buffer that ends with a full frame needs no other.
            if self.last.len() == self.spill.frame() && !self.keep() {
                self.spill_all()?;
            }
            let (head, rest) = bytes.split_at(bytes.len().min(self.spill.frame() - self.last.len()));
            self.last.extend_from_slice(head);
            self.len += head.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    /// Bytes written.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Ends the writing. The reader takes 128 KiB for a file; of bytes in memory it gives back what has been read.
    ///
    /// # Errors
    /// As [`write`](Self::write), for the last bytes.
    pub fn into_reader(mut self) -> Result<SpillReader> {
        let frame = self.spill.frame();
        if self.file.is_some() {
            self.spill_all()?;
        } else {
            self.frames.push(mem::take(&mut self.last));
        }
        let Self { frames, last, file, lease, len, .. } = self;
        match file {
            None => SpillReader::of_memory(frames, frame, len, lease),
            Some((file, writer)) => {
                drop((writer, last));
                SpillReader::of_file(file, len, lease)
            }
        }
    }

    /// Keeps the full last frame in memory, and begins another, if that is allowed.
    fn keep(&mut self) -> bool {
        let frame = self.spill.frame();
        let allowed = self.file.is_none()
            && (!self.spill.is_allowed() || (self.frames.len() + 2).saturating_mul(frame) <= self.memory)
            && self.lease.resize(self.lease.bytes() + frame as u64).is_ok();
        if allowed {
            self.frames.push(mem::replace(&mut self.last, Vec::with_capacity(frame)));
        }
        allowed
    }

    /// Moves all that is in memory to the file.
    fn spill_all(&mut self) -> Result<()> {
        self.spill.check_allowed(self.what, self.lease.bytes())?;
        let frame = self.spill.frame();
        let (file, writer) = match &mut self.file {
            Some(file) => file,
            none => none.insert((SpillFile::create(&self.spill, self.what)?, FrameWriter::new(frame))),
        };
        for frame in mem::take(&mut self.frames) {
            writer.append(file, &frame)?;
        }
        writer.append(file, &self.last)?;
        self.last.clear();
        self.lease.resize(base(frame))
    }
}

/// What a buffer takes from the start: a frame, and the writing of one. It is more than the reading of one.
const fn base(frame: usize) -> u64 {
    (frame + FrameWriter::memory(frame)) as u64
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, ErrorKind, Read};

    use proptest::prelude::*;

    use super::super::FRAME;
    use super::*;
    use crate::error::Error;
    use crate::memory::budget::Budget;

    fn spill(budget: u64, limit: Option<u64>, frame: usize) -> Spill {
        Spill::with_frame(Budget::new(budget), std::env::temp_dir(), limit, frame)
    }

    fn filled(spill: &Spill, memory: usize, bytes: &[u8]) -> SpillBuffer {
        let mut buffer = SpillBuffer::new(spill, "a test", memory).unwrap();
        buffer.write(bytes).unwrap();
        buffer
    }

    #[test]
    fn the_threshold_is_a_number_of_bytes() {
        let spill = spill(1 << 20, None, FRAME);
        let bytes = vec![1; 2 * FRAME + 1];
        for (length, memory, on_disk) in [(1, 0, false), (FRAME, 0, false), (FRAME + 1, 0, true)] {
            let _buffer = filled(&spill, memory, &bytes[..length]);
            assert_eq!(spill.bytes_on_disk() > 0, on_disk);
        }
        for (length, on_disk) in [(2 * FRAME, false), (2 * FRAME + 1, true)] {
            let buffer = filled(&spill, 2 * FRAME, &bytes[..length]);
            assert_eq!((spill.bytes_on_disk() > 0, buffer.len()), (on_disk, length as u64));
        }
        assert_eq!((spill.bytes_on_disk(), spill.budget().in_use()), (0, 0));
    }

    #[test]
    fn a_refused_lease_spills() {
        let frame = 64;
        let spill = spill(base(frame) + 3 * frame as u64, None, frame);
        let bytes = (0..=255).cycle().take(5 * frame).collect::<Vec<u8>>();
        let kept = filled(&spill, usize::MAX, &bytes[..4 * frame]);
        assert_eq!((spill.budget().free(), spill.peak_on_disk()), (0, 0));
        drop(kept);
        let spilled = filled(&spill, usize::MAX, &bytes);
        assert!(spill.bytes_on_disk() > 0);
        assert_eq!(spill.budget().in_use(), base(frame));
        let mut back = Vec::new();
        spilled.into_reader().unwrap().read_to_end(&mut back).unwrap();
        assert_eq!(back, bytes);
        let _all = spill.budget().lease("the rest", spill.budget().free()).unwrap();
        assert!(matches!(SpillBuffer::new(&spill, "a test", 0), Err(Error::Memory { .. })));
    }

    #[test]
    fn what_is_read_is_given_back() {
        let spill = spill(1 << 20, None, 64);
        let mut reader = filled(&spill, usize::MAX, &[1; 130]).into_reader().unwrap();
        for (count, held) in [(64, 192), (64, 128), (2, 64), (0, 0)] {
            assert_eq!(reader.fill_buf().unwrap().len(), count);
            assert_eq!(spill.budget().in_use(), held);
            reader.consume(count);
        }
        assert_eq!(spill.peak_on_disk(), 0);
    }

    #[test]
    fn damage_is_found() {
        let spill = spill(1 << 20, None, 64);
        let buffer = filled(&spill, 0, &[1; 200]);
        let (file, _) = buffer.file.as_ref().unwrap();
        // In the last of three frames; the fourth is still in memory.
        file.flip(file.len() - 1);
        let (mut reader, mut back) = (buffer.into_reader().unwrap(), Vec::new());
        let error = reader.read_to_end(&mut back).unwrap_err();
        assert_eq!((error.kind(), back), (ErrorKind::InvalidData, vec![1; 128]));
        assert!(error.to_string().starts_with("a test: the frame at byte "));
    }

    #[test]
    fn the_limit_is_kept() {
        let spill = spill(1 << 20, Some(80), 64);
        let mut buffer = filled(&spill, 0, b"small");
        let noise = (0..=255).map(|byte: u8| byte.wrapping_mul(41)).collect::<Vec<_>>();
        assert!(matches!(buffer.write(&noise), Err(Error::Space { .. })));
        drop(buffer);
        assert_eq!((spill.bytes_on_disk(), spill.budget().in_use()), (0, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn bytes_come_back(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..12),
            memory in 0_usize..1000,
            take in 1_usize..200,
        ) {
            let spill = spill(1 << 20, None, 32);
            let mut buffer = SpillBuffer::new(&spill, "a test", memory).unwrap();
            pieces.iter().for_each(|piece| buffer.write(piece).unwrap());
            let bytes = pieces.concat();
            prop_assert_eq!((buffer.len(), buffer.is_empty()), (bytes.len() as u64, bytes.is_empty()));
            prop_assert_eq!(spill.bytes_on_disk() > 0, bytes.len() > memory.max(32) / 32 * 32);
            let (mut reader, mut back, mut piece) = (buffer.into_reader().unwrap(), Vec::new(), vec![0; take]);
            loop {
                match reader.read(&mut piece).unwrap() {
                    0 => break,
                    count => back.extend_from_slice(&piece[..count]),
                }
            }
            prop_assert_eq!(back, bytes);
            drop(reader);
            prop_assert_eq!((spill.budget().in_use(), spill.bytes_on_disk()), (0, 0));
        }
    }
}
