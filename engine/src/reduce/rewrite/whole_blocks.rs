//! Runs of blocks of residues that can be carried over as they stand.
//!
//! A block can, if all its records keep a copy of their own and nothing else is in it, and if what wrote it coded as is
//! wanted now. So a file of which little is left out is hardly coded anew.

use std::ops::Range;

use super::{Marks, provenance};
use crate::database::Database;
use crate::error::Result;
use crate::read::columns::ColumnCursor;
use crate::write::encode::Compression;

/// Blocks from which on a run is carried over: the blocks before and after it are cut short.
const LEAST_BLOCKS: u64 = 4;

/// Blocks that are carried over, and the slots of their records.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) blocks: Range<u64>,
    pub(super) slots: Range<u64>,
}

/// Finds the runs of a file, in order.
pub(super) struct WholeBlocks<'a> {
    database: &'a Database,
    columns: ColumnCursor<'a>,
    /// Records that have no copy of their own.
    later: &'a Marks,
    /// Those that have not been looked at.
    blocks: Range<u64>,
}

impl<'a> WholeBlocks<'a> {
    /// Of a file that is coded with `compression`.
    pub(super) fn new(database: &'a Database, later: &'a Marks, compression: Compression) -> Result<Self> {
        let in_order = database.sections().physical_order.is_none();
        let coded_so = provenance::codec_of(database)? == Some(compression.to_string());
        let blocks = if in_order && coded_so { database.sequences().directory.item_count } else { 0 };
        Ok(Self { database, columns: database.column_cursor(0..database.len()), later, blocks: 0..blocks })
    }

    /// The next run, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Run>> {
        let mut start = self.blocks.start;
        while let Some(block) = self.blocks.next() {
            if self.stays_whole(block)? {
                continue;
            }
            if block - start >= LEAST_BLOCKS {
                return self.run(start..block).map(Some);
            }
            start = block + 1;
        }
        let end = self.blocks.end;
        if end.saturating_sub(start) >= LEAST_BLOCKS {
            self.blocks.start = end;
            return self.run(start..end).map(Some);
        }
        Ok(None)
    }

    fn run(&self, blocks: Range<u64>) -> Result<Run> {
        let slots = self.database.first_slot(blocks.start)?..self.database.first_slot(blocks.end)?;
        Ok(Run { blocks, slots })
    }

    fn stays_whole(&mut self, block: u64) -> Result<bool> {
        let database = self.database;
        let stream = database.sequences();
        let mut residues = 0;
        for ordinal in database.first_slot(block)?..database.first_slot(block + 1)? {
            let columns = self.columns.at(ordinal)?;
            let entry = columns.header_entry(ordinal)?;
            if self.later.is_set(ordinal) != (entry.is_shared() || entry.is_delta()) {
                return Ok(false);
            }
            if self.later.is_set(ordinal) {
                continue;
            }
            let item = columns.sequence_item(ordinal)?;
            if item.length > 0 && item.address.block() != block || item.length > stream.nominal.into() {
                return Ok(false);
            }
            residues += item.length;
        }
        // A piece of a record that is longer than a block has no records.
        Ok(residues == u64::from(database.block_entry(stream, block)?.decoded_length.get()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::Builder;
    use crate::reduce::{Method, Output, Reduction};

    const RECORDS: u64 = 200;
    const LENGTH: usize = 100;

    /// Ten records a block, in 20 blocks; every seventh of those from number 100 on is the same as the one before.
    fn container(folder: &Path) -> PathBuf {
        let residues = |record: u64| {
            let mut seed = record - u64::from(record >= 100 && record.is_multiple_of(7));
            let mut letter = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                b"ACDEFGHIKLMNPQRSTVWY"[(seed >> 33) as usize % 20]
            };
            (0..LENGTH).map(|_| letter()).collect::<Vec<u8>>()
        };
        let records = (0..RECORDS).map(move |record| (format!("r{record}").into_bytes(), residues(record)));
        let path = folder.join("in.talaria");
        let builder = Builder::new(&path).block_size(1024).share(false);
        builder.add_records("records", records).finish().unwrap();
        path
    }

    fn runs(database: &Database, later: &Marks, compression: Compression) -> Vec<Run> {
        let mut whole = WholeBlocks::new(database, later, compression).unwrap();
        std::iter::from_fn(|| whole.next().unwrap()).collect()
    }

    #[test]
    fn runs_end_where_a_record_has_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(container(folder.path())).unwrap();
        let later = Marks::new(RECORDS, &database).unwrap();
        assert_eq!(runs(&database, &later, Compression::Zstd(1)), [Run { blocks: 0..20, slots: 0..RECORDS }]);
        assert_eq!(runs(&database, &later, Compression::Zstd(2)), []);
        later.set(55);
        later.set(99);
        let expected = [Run { blocks: 0..5, slots: 0..50 }, Run { blocks: 10..20, slots: 100..RECORDS }];
        assert_eq!(runs(&database, &later, Compression::Zstd(1)), expected);
    }

    #[test]
    fn blocks_before_the_first_member_are_the_same_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (container(folder.path()), folder.path().join("out.talaria"));
        Reduction::new(&input, Output::Container(output.clone())).method(Method::Exact).run().unwrap();
        let [before, after] = [&input, &output].map(|path| Database::open(path).unwrap());
        assert!(after.has_shared());
        for block in 0..10 {
            let entries = [&before, &after].map(|database| database.block_entry(database.sequences(), block).unwrap());
            assert_eq!(entries[0].checksum, entries[1].checksum, "block {block}");
            assert_eq!(entries[0].offset, entries[1].offset, "block {block}");
        }
        let text = |database: &Database| {
            let mut text = Vec::new();
            database.export(&mut text, &crate::read::export::ExportOptions::default()).unwrap();
            text
        };
        assert_eq!(text(&before), text(&after));
    }
}
