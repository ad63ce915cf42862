//! Bytes that were decoded, in a buffer that goes back to its pool.
//!
//! A buffer is filled with zeros once, when it is made: when it is used again, what an earlier user left in it is
//! overwritten, and nothing but what was asked for can be seen of it.

use std::ops::Deref;
use std::sync::Arc;

use crate::error::Result;
use crate::memory::budget::Budget;
use crate::memory::pool::{Pool, Pooled};

/// Most bytes that are kept idle.
const MOST_IDLE: u64 = 8 << 20;
/// What part of the limit may be idle.
const IDLE_PART: u64 = 32;

/// A pool of the memory of buffers. Clones share one.
#[derive(Debug, Clone)]
pub struct Buffers(Arc<Pool<Vec<u8>>>);

impl Buffers {
    /// One that keeps up to 8 MiB, or a 32nd of the limit, idle.
    ///
    /// # Errors
    /// As [`Pool::new`].
    pub fn new(budget: &Budget) -> Result<Self> {
        Pool::new("idle buffers", MOST_IDLE.min(budget.limit() / IDLE_PART), budget).map(Self)
    }

    /// A buffer of `length` bytes, which are arbitrary ones: they are there to be overwritten.
    #[must_use]
    pub fn acquire(&self, length: usize) -> Buffer {
        let mut bytes = self.0.acquire(length, |capacity| vec![0; capacity]);
        if bytes.len() < length {
            bytes.resize(length, 0);
        }
        Buffer { bytes, length }
    }

    /// Bytes that are idle.
    #[must_use]
    pub fn idle(&self) -> u64 {
        self.0.idle()
    }
}

/// Bytes, in memory that goes back to its pool, if it is of one.
///
/// ```
/// use talaria_db::memory::buffer::Buffer;
///
/// let buffer = Buffer::from(b"MKVL".to_vec());
/// assert_eq!(&buffer[1..3], b"KV");
/// ```
#[derive(Debug, Default)]
pub struct Buffer {
    /// As long as was ever used of it.
    bytes: Pooled<Vec<u8>>,
    length: usize,
}

impl Buffer {
    /// The bytes, to be overwritten.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.length).unwrap_or_default()
    }

    /// Adds to the end.
    pub(crate) fn extend(&mut self, more: &[u8]) {
        self.bytes.truncate(self.length);
        self.bytes.extend_from_slice(more);
        self.length = self.bytes.len();
    }

    /// Bytes of memory that it holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The bytes, which do not go back to a pool.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        let mut bytes = self.bytes.into_inner();
        bytes.truncate(self.length);
        bytes
    }
}

/// Bytes of no pool.
impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { length: bytes.len(), bytes: bytes.into() }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_seen_of_an_earlier_user_but_what_is_overwritten() {
        let buffers = Buffers::new(&Budget::new(64 << 20)).unwrap();
        let mut first = buffers.acquire(10_000);
        assert!(first.iter().all(|&byte| byte == 0));
        first.as_mut_slice().fill(b'A');
        drop(first);
        assert_eq!(buffers.idle(), 10_240);
        let mut second = buffers.acquire(9_300);
        assert_eq!((second.len(), second.as_mut_slice().len(), buffers.idle()), (9_300, 9_300, 0));
        second.as_mut_slice().fill(b'C');
        assert_eq!(second.into_vec(), [b'C'; 9_300]);
        assert_eq!(buffers.idle(), 0);
    }

    #[test]
    fn bytes_of_no_pool() {
        let buffer = Buffer::from(b"ACGT".to_vec());
        assert_eq!((&*buffer, buffer.capacity()), (&b"ACGT"[..], 4));
        assert!(Buffer::default().is_empty());
    }
}
