//! One record: header text and residues.

use std::ops::Range;

use talaria_db_spec::columns::first_word_length;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::shared::SharedSequence;

/// A record, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    ordinal: u64,
    header: SharedSequence,
    sequence: SharedSequence,
}

impl Record {
    pub(crate) fn new(ordinal: u64, header: SharedSequence, sequence: SharedSequence) -> Self {
        Self { ordinal, header, sequence }
    }

    /// Its number in the order of the input, from 0.
    #[must_use]
    pub fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// The header line, without `>` and line end.
    #[must_use]
    pub fn header(&self) -> &SharedSequence {
        &self.header
    }

    /// The first word of the header line; may be empty.
    #[must_use]
    pub fn id(&self) -> &[u8] {
        self.header.get(..first_word_length(&self.header)).unwrap_or_default()
    }

    /// What follows the id and one blank.
    #[must_use]
    pub fn description(&self) -> &[u8] {
        self.header.get(first_word_length(&self.header) + 1..).unwrap_or_default()
    }

    /// The residues, in the case of the input.
    #[must_use]
    pub fn sequence(&self) -> &SharedSequence {
        &self.sequence
    }
}

impl Database {
    /// The record with this number, from 0.
    ///
    /// A record longer than a block is copied together, and its length leased from the budget while that happens; use
    /// [`Database::region`] or [`Database::for_each_residues`] for parts of a chromosome.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or damage in what was touched.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">one first\nACGT\n>two\nGGCC\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// let database = talaria_db::Database::open(&path)?;
    /// let record = database.record(0)?;
    /// assert_eq!(record.id(), b"one");
    /// assert_eq!(record.description(), b"first");
    /// assert_eq!(record.sequence().as_bytes(), b"ACGT");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn record(&self, ordinal: u64) -> Result<Record> {
        self.record_with(ordinal, self.header(ordinal)?)
    }

    /// The record with this number, whose header text is at hand.
    fn record_with(&self, ordinal: u64, header: SharedSequence) -> Result<Record> {
        let sequence = match self.delta_residues(ordinal)? {
            Some(residues) => residues,
            None => {
                let item = self.sequence_item(ordinal)?;
                self.slice(self.sequences(), item, 0..item.length)?
            }
        };
        Ok(Record::new(ordinal, header, sequence))
    }

    /// The header line of a record, without `>` and line end.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or damage in what was touched.
    pub fn header(&self, ordinal: u64) -> Result<SharedSequence> {
        let item = self.text_item(ordinal)?;
        self.slice(self.texts(), item, 0..item.length)
    }

    /// Residues `range` of a record, counted from 0. Only the blocks that it touches are decoded; a delta is made
    /// whole.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or damage in what was touched.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">chr\nACGTTT\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// let database = talaria_db::Database::open(&path)?;
    /// assert_eq!(database.region(0, 1..4)?.as_bytes(), b"CGT");
    /// assert!(database.region(0, 1..7).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn region(&self, ordinal: u64, range: Range<u64>) -> Result<SharedSequence> {
        if self.is_delta(ordinal)? {
            return self.delta_region(ordinal, range);
        }
        let item = self.sequence_item(ordinal)?;
        self.slice(self.sequences(), item, range)
    }

    /// Residues `range` of a delta, which is made whole.
    fn delta_region(&self, ordinal: u64, range: Range<u64>) -> Result<SharedSequence> {
        let length = self.sequence_length(ordinal)?;
        if range.start > range.end || range.end > length {
            return Err(Error::OutOfRange { what: "residue", got: range.end, count: length });
        }
        let residues = self.delta_residues(ordinal)?.unwrap_or_else(|| SharedSequence::from(Vec::new()));
        let index = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
        Ok(residues.substring(index(range.start)..index(range.end)))
    }

    /// Calls `part` with residues `range` of a record piece by piece, so that a chromosome needs no more memory than a
    /// few blocks. If it is called from outside of a pool of workers, those decode the next pieces meanwhile.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], damage in what was touched, or what `part` returns.
    pub fn for_each_residues(
        &self,
        ordinal: u64,
        range: Range<u64>,
        mut part: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if self.is_delta(ordinal)? {
            let residues = self.delta_region(ordinal, range)?;
            return if residues.is_empty() { Ok(()) } else { part(&residues) };
        }
        let item = self.sequence_item(ordinal)?;
        if self.decodes_ahead(&range) {
            return self.for_each_decoded_ahead(item, range, part);
        }
        self.for_each_part(self.sequences(), item, range, |_, block, piece| part(block.get(piece).unwrap_or_default()))
    }

    /// All records that bear a name (see [`Database::find`]).
    ///
    /// # Errors
    /// Damage in what was touched. A name that nobody bears is no error: the list is empty.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">sp|P1.2|X_Y\nMK\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// let database = talaria_db::Database::open(&path)?;
    /// for name in ["sp|P1.2|X_Y", "P1.2", "P1", "X_Y"] {
    ///     assert_eq!(database.get(name)?[0].sequence().as_bytes(), b"MK");
    /// }
    /// assert!(database.get("P2")?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self, name: impl AsRef<[u8]>) -> Result<Vec<Record>> {
        let found = self.find_headers(name.as_ref())?.into_iter();
        found.map(|(ordinal, header)| self.record_with(ordinal, header)).collect()
    }

    pub(crate) fn check_ordinal(&self, ordinal: u64) -> Result<()> {
        if ordinal < self.len() {
            Ok(())
        } else {
            Err(Error::OutOfRange { what: "record", got: ordinal, count: self.len() })
        }
    }
}
