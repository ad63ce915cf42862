//! The encoded bytes of an input, as its decoder takes them: buffered, with a look ahead, counted.

use std::io::{self, BufRead, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::chunk::Shared;

/// Encoded bytes, from front to back.
///
/// Its own errors travel through the decoders that read from it as a [`ReadFailed`], so that a disk that fails is not
/// taken for damaged data.
pub(super) struct Source {
    reader: Box<dyn Read + Send>,
    /// `buffer[start..end]` is read and not yet consumed.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The end is remembered, not asked for again: a terminal would go on after it.
    ended: bool,
    shared: Arc<Shared>,
}

/// An error of the reader behind a [`Source`], not of a decoder on top of it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct ReadFailed(pub(super) io::Error);

impl Source {
    /// A source with room for `capacity` bytes in its buffer.
    pub(super) fn new(reader: Box<dyn Read + Send>, capacity: usize, shared: Arc<Shared>) -> Self {
        Self { reader, buffer: vec![0; capacity], start: 0, end: 0, ended: false, shared }
    }

    /// Makes the buffer hold `capacity` bytes, if it holds fewer.
    pub(super) fn grow(&mut self, capacity: usize) {
        self.buffer.resize(capacity.max(self.buffer.len()), 0);
    }

    /// Looks at the next `count` bytes, or at those that are left if they are fewer. The buffer must have room for
    /// them.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        debug_assert!(count <= self.buffer.len());
        if self.start + count > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.end - self.start < count && !self.ended {
            self.end += read_some(&mut self.reader, &mut self.buffer[self.end..], &mut self.ended, &self.shared)?;
        }
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    /// The bytes that are buffered, after reading some if there are none. Empty at the end only.
    pub(super) fn fill(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.start = 0;
            self.end = read_some(&mut self.reader, &mut self.buffer, &mut self.ended, &self.shared)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Takes `count` bytes of those that [`Self::fill`] showed.
    pub(super) fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start);
        self.start = self.end.min(self.start + count);
    }

    /// Reads into `target`, past the buffer once that is empty. 0 at the end only.
    pub(super) fn copy(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let buffered = &self.buffer[self.start..self.end];
        if buffered.is_empty() {
            return read_some(&mut self.reader, target, &mut self.ended, &self.shared);
        }
        let count = buffered.len().min(target.len());
        target[..count].copy_from_slice(&buffered[..count]);
        self.start += count;
        Ok(count)
    }
}

/// One read, counted; 0 is the end for good.
fn read_some(reader: &mut dyn Read, target: &mut [u8], ended: &mut bool, shared: &Shared) -> io::Result<usize> {
    while !*ended {
        match reader.read(target) {
            Ok(0) => *ended = true,
            Ok(count) => {
                shared.consumed.fetch_add(count as u64, Ordering::Relaxed);
                return Ok(count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(0)
}

impl Read for Source {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        self.copy(target).map_err(read_failed)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill().map_err(read_failed)
    }

    fn consume(&mut self, count: usize) {
        self.advance(count);
    }
}

fn read_failed(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), ReadFailed(error))
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Cursor;

    use super::*;

    /// A slow pipe: a byte a time, interrupted before each, and perhaps an error at the end.
    pub(in super::super) struct Trickle {
        bytes: Cursor<Vec<u8>>,
        failure: Option<ErrorKind>,
        interrupted: bool,
    }

    impl Trickle {
        pub(in super::super) fn new(bytes: &[u8], failure: Option<ErrorKind>) -> Self {
            Self { bytes: Cursor::new(bytes.to_vec()), failure, interrupted: false }
        }
    }

    impl Read for Trickle {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(ErrorKind::Interrupted.into());
            }
            let length = target.len().min(1);
            match (self.bytes.read(&mut target[..length])?, self.failure) {
                (0, Some(kind)) => Err(kind.into()),
                (count, _) => Ok(count),
            }
        }
    }

    #[test]
    fn looks_ahead_across_the_end_of_the_buffer() {
        let shared = Arc::new(Shared::default());
        let mut source = Source::new(Box::new(Trickle::new(b"0123456789", None)), 4, Arc::clone(&shared));
        assert_eq!(source.peek(4).unwrap(), b"0123");
        assert_eq!(shared.consumed.load(Ordering::Relaxed), 4);
        source.advance(3);
        assert_eq!(source.peek(2).unwrap(), b"34");
        assert_eq!(source.fill().unwrap(), b"34");
        let mut rest = Vec::new();
        source.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"3456789");
        assert_eq!(source.peek(4).unwrap(), b"");
        assert_eq!(shared.consumed.load(Ordering::Relaxed), 10);
    }
}
