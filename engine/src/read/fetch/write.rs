//! What is made of records by all threads, handed over in order.

use std::ops::Range;

use super::batch::Batch;
use crate::database::Database;
use crate::error::Result;
use crate::read::pipeline::{Work, in_order};
use crate::read::scan::RecordView;

/// Bytes of records that one thread writes together, unless one record is longer.
const UNIT: u64 = 96 << 10;
/// Bytes that writing a record may take beside twice its own.
const WRITTEN: u64 = 256;

impl Database {
    /// Has `write` add something to a buffer for each of the records with these numbers, from all threads, and calls
    /// `take` with what was written, in the order given, some records at a time. `write` gets the index of the number
    /// too.
    ///
    /// # Errors
    /// As [`Database::batch`], [`crate::Error::Memory`], or what `write` or `take` returns.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">one\nACGT\n>two\nGG\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// use talaria_db::read::scan::RecordView;
    ///
    /// let database = talaria_db::Database::open(&path)?;
    /// let mut lines = Vec::new();
    /// let write = |index: usize, record: RecordView<'_>, out: &mut Vec<u8>| {
    ///     out.extend_from_slice(format!("{index} {}\n", record.residues.len()).as_bytes());
    ///     Ok(())
    /// };
    /// database.write_records(&[1, 0], write, |bytes| Ok(lines.extend_from_slice(bytes)))?;
    /// assert_eq!(lines, b"0 2\n1 4\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_records(
        &self,
        ordinals: &[u64],
        write: impl Fn(usize, RecordView<'_>, &mut Vec<u8>) -> Result<()> + Sync,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let buffers = 2 * rayon::current_num_threads() + 2;
        self.for_each_batch(ordinals, Self::locate, |batch, first| {
            let (mut next, mut start) = (0, 0);
            let cut = || {
                let unit = Unit::cut(batch, next, start);
                (next, start) = (unit.records.end, start + unit.bytes as usize);
                Ok(Some(unit).filter(|unit| !unit.records.is_empty()))
            };
            let writing = Writing { batch, first, write: &write };
            in_order(&writing, buffers, self.budget(), cut, |written| take(written))
        })
    }
}

/// Some records of a batch, one after the other.
struct Unit {
    records: Range<usize>,
    /// Where their bytes start.
    start: usize,
    bytes: u64,
}

impl Unit {
    fn cut(batch: &Batch<'_>, first: usize, start: usize) -> Self {
        let (mut end, mut bytes) = (first, 0);
        while end < batch.len() && (end == first || bytes + batch.bytes(end) <= UNIT) {
            bytes += batch.bytes(end);
            end += 1;
        }
        Self { records: first..end, start, bytes }
    }
}

struct Writing<'b, W> {
    batch: &'b Batch<'b>,
    /// The index of its first record among all.
    first: usize,
    write: &'b W,
}

impl<W: Fn(usize, RecordView<'_>, &mut Vec<u8>) -> Result<()> + Sync> Work for Writing<'_, W> {
    type Unit = Unit;
    type Buffer = Vec<u8>;

    fn memory(&self, unit: &Unit) -> u64 {
        2 * unit.bytes + unit.records.len() as u64 * WRITTEN
    }

    fn make(&self, unit: Unit, buffer: &mut Vec<u8>) -> Result<()> {
        buffer.clear();
        let first = self.first + unit.records.start;
        let mut views = (first..).zip(self.batch.views(unit.records, unit.start));
        views.try_for_each(|(index, record)| (self.write)(index, record, buffer))
    }
}
