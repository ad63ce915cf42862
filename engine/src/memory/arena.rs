//! Many small sequences, copied one after the other into a few large chunks.
//!
//! For copies that are made together and go together: a chunk is one allocation, whatever the number of sequences in it. What is in a
//! chunk can be handed out as [`SharedSequence`]s without another copy; the chunk then lives as long as any of them, so that one small
//! sequence that is kept keeps a chunk. Nothing can be freed one by one; [`SequenceArena::clear`] frees all and keeps the memory.
//!
//! Costs the copy, and where an arena is leased a lease a chunk.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::memory::budget::{Budget, Lease};
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
    /// Empty ones.
    free: Vec<Buffer>,
    chunk_size: usize,
    /// For the capacity of all of them.
    lease: Option<Lease>,
}

/// Where a sequence is in the arena that it was copied into, until that is cleared.
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
    /// An arena with chunks of `chunk_size` bytes, the first of which is made when it is needed; a longer sequence gets a chunk of its
    /// own. Its memory is in no lease: for what somebody else has leased, or answers for.
    #[must_use]
    pub fn new(chunk_size: usize) -> Self {
        Self { chunks: Vec::new(), current: Buffer::default(), free: Vec::new(), chunk_size, lease: None }
    }

    /// The same, leased chunk by chunk for `what`. Where the budget has no room for a whole chunk, one is made that has just room for the
    /// next sequence.
    ///
    /// # Errors
    /// Those of a lease of no bytes.
    pub fn leased(chunk_size: usize, what: &'static str, budget: &Budget) -> Result<Self> {
        Ok(Self { lease: Some(budget.lease(what, 0)?), ..Self::new(chunk_size) })
    }

    /// Copies a sequence.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for it; the arena is as it was.
    pub fn alloc_sequence(&mut self, sequence: &[u8]) -> Result<ArenaRef> {
        self.alloc_parts(sequence.len(), |append| {
            append(sequence);
            Ok(())
        })
    }

    /// Copies a sequence of at most `length` bytes that comes in parts, which `write` appends; what is beyond the length is left out.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for it, or what `write` returns; the arena is as it was.
    pub fn alloc_parts<E: From<Error>>(
        &mut self,
        length: usize,
        write: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>,
    ) -> Result<ArenaRef, E> {
        self.make_room(length)?;
        let offset = self.current.len();
        let current = &mut self.current;
        let mut append = |part: &[u8]| {
            let left = length - (current.len() - offset);
            current.extend(part.get(..left).unwrap_or(part));
        };
        if let Err(error) = write(&mut append) {
            self.current.truncate(offset);
            return Err(error);
        }
        Ok(ArenaRef { chunk: self.chunks.len(), offset, length: self.current.len() - offset })
    }

    /// The bytes of a sequence; none if the arena has been cleared since, or others' if it has been filled again.
    #[must_use]
    pub fn get(&self, sequence: &ArenaRef) -> &[u8] {
        let chunk: &[u8] = match self.chunks.get(sequence.chunk) {
            Some(chunk) => chunk,
            None if sequence.chunk == self.chunks.len() => &self.current,
            None => &[],
        };
        chunk.get(sequence.offset..sequence.offset + sequence.length).unwrap_or_default()
    }

    /// A sequence that shares its chunk with the arena. What is left of the chunk is not filled any more: for when all is copied.
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

    /// Forgets all sequences. The chunks are kept to be filled again, but those that others share, which are theirs from now on, and those
    /// that were made for a sequence longer than a chunk.
    pub fn clear(&mut self) {
        self.seal();
        let chunk_size = self.chunk_size;
        let own = self.chunks.drain(..).filter_map(Arc::into_inner).filter(|chunk| chunk.capacity() <= chunk_size);
        self.free.extend(own.map(|mut chunk| {
            chunk.truncate(0);
            chunk
        }));
        let kept = self.capacity();
        if let Some(lease) = &mut self.lease {
            let shrunk = lease.try_resize(kept);
            debug_assert!(shrunk, "a lease never refuses to shrink");
        }
    }

    /// Bytes of memory that its chunks take.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        let chunks = self.chunks.iter().map(|chunk| &**chunk).chain(&self.free).chain([&self.current]);
        chunks.map(|chunk| chunk.capacity() as u64).sum()
    }

    fn make_room(&mut self, length: usize) -> Result<()> {
        if self.current.capacity() - self.current.len() >= length {
            return Ok(());
        }
        if let Some(index) = self.free.iter().position(|chunk| chunk.capacity() >= length) {
            self.seal();
            self.current = self.free.swap_remove(index);
            return Ok(());
        }
        let mut size = self.chunk_size.max(length);
        if let Some(lease) = &mut self.lease {
            let leased = lease.bytes();
            if !lease.try_resize(leased.saturating_add(size as u64)) {
                size = length;
                lease.resize(leased.saturating_add(size as u64))?;
            }
        }
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(size).is_err() {
            let need = size as u64;
            let Some(lease) = &mut self.lease else {
                return Err(Error::Memory { what: "sequences", need, free: 0, limit: 0 });
            };
            let before = lease.bytes() - need;
            lease.resize(before)?;
            return Err(lease.refused(need));
        }
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

    const LIMIT: u64 = 100_000;

    #[test]
    fn a_sequence_in_parts_is_no_longer_than_was_said() {
        let mut arena = SequenceArena::new(16);
        let parts = arena.alloc_parts(6, |append| {
            [&b"ACGT"[..], b"ACGT", b"ACGT"].into_iter().for_each(append);
            Ok::<_, Error>(())
        });
        assert_eq!(arena.get(&parts.unwrap()), b"ACGTAC");
        let failed = arena.alloc_parts(4, |append| {
            append(b"GG");
            Err(Error::OutOfRange { what: "part", got: 1, count: 1 })
        });
        assert!(failed.is_err());
        let next = arena.alloc_sequence(b"TT").unwrap();
        assert_eq!((next.offset, arena.get(&next)), (6, &b"TT"[..]));
    }

    #[test]
    fn chunks_that_others_share_are_theirs() {
        let budget = Budget::new(LIMIT);
        let mut arena = SequenceArena::leased(1000, "sequences", &budget).unwrap();
        let first = arena.alloc_sequence(b"MKVL").unwrap();
        let shared = arena.share(&first);
        let second = arena.alloc_sequence(b"AAGI").unwrap();
        assert_ne!(first.chunk, second.chunk);
        assert_eq!((arena.get(&first), arena.get(&second), budget.in_use()), (&b"MKVL"[..], &b"AAGI"[..], 2000));
        arena.clear();
        assert_eq!((budget.in_use(), arena.capacity()), (1000, 1000));
        assert_eq!((shared.as_bytes(), arena.get(&second)), (&b"MKVL"[..], &b""[..]));
        drop(arena);
        assert_eq!(budget.in_use(), 0);
    }

    #[test]
    fn where_memory_is_short_chunks_are_smaller_and_then_refused() {
        let budget = Budget::new(1000);
        let mut arena = SequenceArena::leased(900, "sequences", &budget).unwrap();
        let first = arena.alloc_sequence(&[b'A'; 850]).unwrap();
        let second = arena.alloc_sequence(&[b'C'; 60]).unwrap();
        assert!(matches!(arena.alloc_sequence(&[b'G'; 60]), Err(Error::Memory { need: 60, free: 40, .. })));
        assert_eq!((arena.get(&first), arena.get(&second)), (&[b'A'; 850][..], &[b'C'; 60][..]));
        assert_eq!(budget.in_use(), 960);
    }

    proptest! {
        #[test]
        fn it_is_a_list_of_sequences(
            rounds in prop::collection::vec(prop::collection::vec((0_usize..300, any::<bool>()), 0..60), 1..4),
            chunk_size in 0_usize..400,
        ) {
            let budget = Budget::new(LIMIT);
            let mut arena = SequenceArena::leased(chunk_size, "sequences", &budget).unwrap();
            let mut kept: Vec<(SharedSequence, Vec<u8>)> = Vec::new();
            for (round, sequences) in rounds.into_iter().enumerate() {
                let mut model: Vec<(ArenaRef, Vec<u8>)> = Vec::new();
                for (number, (length, share)) in sequences.into_iter().enumerate() {
                    let sequence: Vec<u8> = (0..length).map(|at| (at * 7 + number * 31 + round) as u8).collect();
                    let place = arena.alloc_sequence(&sequence).unwrap();
                    prop_assert_eq!((place.len(), place.is_empty()), (length, length == 0));
                    if share && number % 5 == 0 {
                        kept.push((arena.share(&place), sequence.clone()));
                    }
                    model.push((place, sequence));
                    prop_assert_eq!(budget.in_use(), arena.capacity());
                }
                for (place, sequence) in &model {
                    prop_assert_eq!(arena.get(place), &sequence[..]);
                    let shared = arena.share(place);
                    prop_assert_eq!(shared.as_bytes(), &sequence[..]);
                }
                arena.clear();
                prop_assert_eq!(budget.in_use(), arena.capacity());
            }
            drop(arena);
            prop_assert_eq!(budget.in_use(), 0);
            for (shared, sequence) in &kept {
                prop_assert_eq!(shared.as_bytes(), &sequence[..]);
            }
        }
    }
}
