//! Many small sequences, copied one after the other into a few large chunks.
//!
//! For copies that are made together and go together: a chunk is one allocation, whatever the number of sequences in
//! it. What is in a chunk can be handed out as [`SharedSequence`]s without another copy; the chunk then lives as long
//! as any of them, so that one small sequence that is kept keeps a chunk. Nothing can be freed one by one.
//!
//! An arena is in no lease: whoever fills one knows beforehand how much it is going to hold, and has leased that or
//! answers for it. Costs the copy, and an allocation a chunk.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::memory::buffer::Buffer;
use crate::read::shared::SharedSequence;

/// Sequences in chunks.
///
/// ```
/// use talaria_db::memory::arena::SequenceArena;
///
/// let mut arena = SequenceArena::new(64 << 10);
/// let (first, second) = (arena.alloc_sequence(b"MKVL")?, arena.alloc_sequence(b"AAGI")?);
/// assert_eq!((arena.get(&first), arena.get(&second)), (&b"MKVL"[..], &b"AAGI"[..]));
/// let shared = arena.share(&second);
/// drop(arena);
/// assert_eq!(shared.as_bytes(), b"AAGI");
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug)]
pub struct SequenceArena {
    /// Nothing is added to them any more.
    chunks: Vec<Arc<Buffer>>,
    current: Buffer,
    chunk_size: usize,
}

/// Where a sequence is in the arena that it was copied into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArenaRef {
    chunk: usize,
    offset: usize,
    length: usize,
}

impl ArenaRef {
    /// Bytes of the sequence.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl SequenceArena {
    /// An arena with chunks of `chunk_size` bytes, the first of which is made when it is needed; a longer sequence gets
    /// a chunk of its own.
    #[must_use]
    pub fn new(chunk_size: usize) -> Self {
        Self { chunks: Vec::new(), current: Buffer::default(), chunk_size }
    }

    /// Copies a sequence.
    ///
    /// # Errors
    /// [`Error::Memory`] if the system has no room for it; the arena is as it was.
    pub fn alloc_sequence(&mut self, sequence: &[u8]) -> Result<ArenaRef> {
        self.make_room(sequence.len())?;
        let offset = self.current.len();
        self.current.extend(sequence);
        Ok(ArenaRef { chunk: self.chunks.len(), offset, length: sequence.len() })
    }

    /// The bytes of a sequence of this arena.
    #[must_use]
    pub fn get(&self, sequence: &ArenaRef) -> &[u8] {
        let chunk: &[u8] = match self.chunks.get(sequence.chunk) {
            Some(chunk) => chunk,
            None if sequence.chunk == self.chunks.len() => &self.current,
            None => &[],
        };
        chunk.get(sequence.offset..sequence.offset + sequence.length).unwrap_or_default()
    }

    /// A sequence that shares its chunk with the arena. What is left of the chunk is not filled any more: for when all
    /// is copied.
    #[must_use]
    pub fn share(&mut self, sequence: &ArenaRef) -> SharedSequence {
        if sequence.chunk == self.chunks.len() {
            self.seal();
        }
        match self.chunks.get(sequence.chunk) {
            Some(chunk) => SharedSequence::new(Arc::clone(chunk), sequence.offset..sequence.offset + sequence.length),
            None => SharedSequence::from(Vec::new()),
        }
    }

    /// Bytes of memory that its chunks take.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.capacity() as u64).sum::<u64>() + self.current.capacity() as u64
    }

    fn make_room(&mut self, length: usize) -> Result<()> {
        if self.current.capacity() - self.current.len() >= length {
            return Ok(());
        }
        let size = self.chunk_size.max(length);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| Error::Memory {
            what: "sequences",
            need: size as u64,
            free: 0,
            limit: self.capacity(),
        })?;
        self.seal();
        self.current = bytes.into();
        Ok(())
    }

    fn seal(&mut self) {
        let current = std::mem::take(&mut self.current);
        if current.capacity() > 0 {
            self.chunks.push(Arc::new(current));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chunks_live_as_long_as_what_is_shared_of_them() {
        let mut arena = SequenceArena::new(1000);
        let first = arena.alloc_sequence(b"MKVL").unwrap();
        let shared = arena.share(&first);
        let second = arena.alloc_sequence(b"AAGI").unwrap();
        assert_ne!(first.chunk, second.chunk);
        assert_eq!((arena.get(&first), arena.get(&second), arena.capacity()), (&b"MKVL"[..], &b"AAGI"[..], 2000));
        drop(arena);
        assert_eq!(shared.as_bytes(), b"MKVL");
    }

    proptest! {
        #[test]
        fn it_is_a_list_of_sequences(lengths in prop::collection::vec(0_usize..300, 0..60), chunk_size in 0_usize..400) {
            let mut arena = SequenceArena::new(chunk_size);
            let mut model: Vec<Vec<u8>> = Vec::new();
            let mut places = Vec::new();
            for (index, length) in lengths.into_iter().enumerate() {
                model.push(vec![b'A' + (index % 26) as u8; length]);
                places.push(arena.alloc_sequence(&model[index]).unwrap());
            }
            for (place, sequence) in places.iter().zip(&model) {
                prop_assert_eq!(arena.get(place), &sequence[..]);
                prop_assert_eq!((place.len(), place.is_empty()), (sequence.len(), sequence.is_empty()));
            }
            let bytes = model.iter().map(Vec::len).sum::<usize>();
            prop_assert!(arena.capacity() >= bytes as u64);
            let shared: Vec<SharedSequence> = places.iter().map(|place| arena.share(place)).collect();
            drop(arena);
            prop_assert!(shared.iter().zip(&model).all(|(shared, sequence)| shared.as_bytes() == &sequence[..]));
        }
    }
}
