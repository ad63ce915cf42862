//! Reading a byte buffer back.

use std::io::{self, BufRead, ErrorKind, Read};
use std::vec;

use super::file::SpillFile;
use super::frame::FrameReader;
use crate::error::Result;
use crate::memory::budget::Lease;

/// The bytes of a [`SpillBuffer`](super::SpillBuffer), in order. It buffers itself.
///
/// A frame of the file that is not what was written ends the reading with [`InvalidData`](ErrorKind::InvalidData), or
/// [`UnexpectedEof`](ErrorKind::UnexpectedEof) if the file is shorter: no byte of it comes out.
#[derive(Debug)]
pub struct SpillReader {
    current: Vec<u8>,
    position: usize,
    /// Bytes after those in `current`.
    left: u64,
    source: Source,
    lease: Lease,
}

#[derive(Debug)]
enum Source {
    Memory { frames: vec::IntoIter<Vec<u8>>, frame: usize },
    File { frames: FrameReader, file: SpillFile, stored: Vec<u8> },
}

impl SpillReader {
    /// Reads `frames`, full ones of `frame` bytes but for the last; `len` bytes in all.
    pub(super) fn of_memory(frames: Vec<Vec<u8>>, frame: usize, len: u64, mut lease: Lease) -> Result<Self> {
        // The writer had leased them and more, so this gives back.
        lease.resize((frames.len() * frame) as u64)?;
        let source = Source::Memory { frames: frames.into_iter(), frame };
        Ok(Self { current: Vec::new(), position: 0, left: len, source, lease })
    }

    /// Reads all frames of `file`, of `len` bytes.
    pub(super) fn of_file(file: SpillFile, len: u64, mut lease: Lease) -> Result<Self> {
        let frame = file.spill().frame();
        // A writer has leased more than this, so this gives back.
        lease.resize(2 * frame as u64)?;
        let (current, stored) = (Vec::with_capacity(frame), Vec::with_capacity(frame));
        let source = Source::File { frames: FrameReader::new(0..file.len()), file, stored };
        Ok(Self { current, position: 0, left: len, source, lease })
    }
}

impl BufRead for SpillReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.current.len() {
            self.position = 0;
            match &mut self.source {
                Source::Memory { frames, frame } => {
                    self.current = frames.next().unwrap_or_default();
                    let held = frames.len() + usize::from(!self.current.is_empty());
                    self.lease.resize((held * *frame) as u64).map_err(io::Error::other)?;
                }
                Source::File { frames, file, stored } => {
                    frames.next(file, stored, &mut self.current)?;
                }
            }
            let count = self.current.len() as u64;
            if count > self.left || (count == 0 && self.left > 0) {
                self.current.clear();
                return Err(io::Error::new(
                    ErrorKind::UnexpectedEof,
                    "temporary data is not as long as what was written",
                ));
            }
            self.left -= count;
        }
        Ok(&self.current[self.position..])
    }

    fn consume(&mut self, count: usize) {
        self.position = self.current.len().min(self.position + count);
    }
}

impl Read for SpillReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spill;
    use super::*;
    use crate::memory::budget::Budget;

    #[test]
    fn missing_bytes_are_an_error() {
        let budget = Budget::new(1 << 20);
        let lease = || budget.lease("a test", 1 << 18).unwrap();
        let frames = vec![vec![1; 64], vec![2; 10]];
        for (len, kept) in [(74, true), (75, false), (73, false), (64, false)] {
            let mut reader = SpillReader::of_memory(frames.clone(), 64, len, lease()).unwrap();
            let result = reader.read_to_end(&mut Vec::new()).map_err(|error| error.kind());
            assert_eq!(result, if kept { Ok(74) } else { Err(ErrorKind::UnexpectedEof) });
        }
        let spill = Spill::new(budget.clone(), std::env::temp_dir(), None);
        let file = SpillFile::create(&spill, "a test").unwrap();
        let mut reader = SpillReader::of_file(file, 1, lease()).unwrap();
        assert_eq!(reader.fill_buf().unwrap_err().kind(), ErrorKind::UnexpectedEof);
        drop(reader);
        assert_eq!(budget.in_use(), 0);
    }
}
