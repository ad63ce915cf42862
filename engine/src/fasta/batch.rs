//! What the parser hands on: the records of one chunk of FASTA, in four flat buffers.
//!
//! Flat, because a source has up to 2^40 records: a batch costs a handful of allocations, and none once its buffers
//! have grown to the size that chunks need. It owns its bytes, so that it can go to another thread while the next chunk
//! is parsed. Its memory is in no lease: who keeps batches answers for them. A batch of one chunk has at most the
//! chunk's bytes, a record that was held back, and the scripts.

use std::ops::Range;

/// Records and pieces of records, in the order of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Header texts, one after the other, nothing between them.
    pub text: Vec<u8>,
    /// Residues, one record after the other, nothing between them.
    pub residues: Vec<u8>,
    /// Layout scripts of irregular records, each as it goes into the layout stream.
    pub scripts: Vec<u8>,
    /// The records, or pieces of them.
    pub records: Vec<Parsed>,
}

impl Batch {
    /// Empties the batch and keeps its buffers.
    pub fn clear(&mut self) {
        self.text.clear();
        self.residues.clear();
        self.scripts.clear();
        self.records.clear();
    }

    /// Whether there is no record and no piece of one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// A record, or a piece of a long one.
///
/// A record in one piece has `starts` and `ends`. Of a record in several pieces the first one has `starts`, the last
/// one `ends`, and no other record is between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The header text in [`Batch::text`]; empty unless `starts`.
    pub text: Range<usize>,
    /// Bytes of the header text's first word, as [`talaria_db_spec::columns::id_length_field`] says; 0 unless `starts`.
    pub id_length: u16,
    /// This piece's residues in [`Batch::residues`]; may be empty if `ends`.
    pub residues: Range<usize>,
    /// Whether this is the record's first piece.
    pub starts: bool,
    /// Whether this is the record's last piece.
    pub ends: bool,
    /// Residues of the record up to the end of this piece, so all of them if `ends`.
    pub total_residues: u64,
    /// The layout script in [`Batch::scripts`], its length in front, if `ends` and the record is irregular.
    pub script: Option<Range<usize>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_keeps_the_buffers() {
        let mut batch = Batch { text: b"x".to_vec(), residues: b"ACGT".to_vec(), ..Batch::default() };
        assert!(batch.is_empty());
        let capacity = batch.residues.capacity();
        batch.clear();
        assert_eq!(batch, Batch::default());
        assert_eq!(batch.residues.capacity(), capacity);
    }
}
