//! Reference-counted slices of decoded blocks.

use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::memory::buffer::Buffer;

/// Bytes of a decoded block: residues or a header text. Clones and substrings share the block, which lives as long as
/// any of them.
///
/// So a short substring keeps a whole block alive (16 KiB by default). Copy the bytes if many small pieces of many
/// blocks are to be kept; [`crate::Database::batch`] does.
///
/// ```
/// use talaria_db::read::shared::SharedSequence;
///
/// let sequence = SharedSequence::from(b"MKVLAAGI".to_vec());
/// assert_eq!(sequence.substring(1..4).as_bytes(), b"KVL");
/// ```
#[derive(Clone)]
pub struct SharedSequence {
    data: Arc<Buffer>,
    start: usize,
    length: usize,
}

impl SharedSequence {
    /// The slice `range` of `data`; shortened to what there is.
    #[must_use]
    pub fn new(data: Arc<Buffer>, range: Range<usize>) -> Self {
        let end = range.end.min(data.len());
        let start = range.start.min(end);
        Self { data, start, length: end - start }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.data.get(self.start..self.start + self.length).unwrap_or_default()
    }

    /// A part, without a copy; shortened to what there is.
    #[must_use]
    pub fn substring(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.length);
        let start = range.start.min(end);
        Self { data: Arc::clone(&self.data), start: self.start + start, length: end - start }
    }
}

impl From<Vec<u8>> for SharedSequence {
    fn from(bytes: Vec<u8>) -> Self {
        let length = bytes.len();
        Self { data: Arc::new(bytes.into()), start: 0, length }
    }
}

impl Deref for SharedSequence {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for SharedSequence {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for SharedSequence {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for SharedSequence {}

impl std::fmt::Debug for SharedSequence {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SharedSequence({:?})", String::from_utf8_lossy(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substrings_outlive_the_cache_and_the_container() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.talaria");
        let residues = |index: usize| b"MKVLAAGI".repeat(1 + index % 90);
        let records = (0..3000).map(move |index| (format!("r{index}").into_bytes(), residues(index)));
        crate::Builder::new(&path).add_records("made", records).finish().unwrap();
        let budget = crate::memory::budget::Budget::new(64 << 20);
        let database = crate::OpenOptions::new().budget(budget.clone()).open(&path).unwrap();
        let whole = database.record(1234).unwrap().sequence().clone();
        let (part, header) = (whole.substring(3..40), database.header(1234).unwrap());
        drop(whole);
        database.cache().clear();
        // Whose blocks take the buffers of those that nobody holds.
        for ordinal in 0..3000 {
            assert_eq!(database.region(ordinal, 0..8).unwrap().as_bytes(), b"MKVLAAGI");
        }
        assert_eq!((part.as_bytes(), header.as_bytes()), (&residues(1234)[3..40], &b"r1234"[..]));
        drop(database);
        assert_eq!(budget.in_use(), 0);
        assert_eq!((part.as_bytes(), header.as_bytes()), (&residues(1234)[3..40], &b"r1234"[..]));
    }

    #[test]
    fn substrings_share_and_outlive() {
        let whole = SharedSequence::from(b"ACGTACGT".to_vec());
        let part = whole.substring(2..6);
        let inner = part.substring(1..99);
        drop(whole);
        assert_eq!((part.as_bytes(), inner.as_bytes()), (&b"GTAC"[..], &b"TAC"[..]));
        assert_eq!(part.substring(9..12).as_bytes(), b"");
    }
}
