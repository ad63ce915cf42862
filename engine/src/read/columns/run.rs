//! The columns of neighbouring records, looked at together.
//!
//! Where bytes of the file are not borrowed, one item of a column costs a look into the block cache, some hundred
//! nanoseconds; an item of a run costs a load.

use std::borrow::Cow;
use std::ops::Range;

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::columns::HeaderEntry;

use super::TextItem;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::stream::Item;

impl Database {
    /// The columns of records one by one, or out of a run that could be had.
    pub(crate) fn column_view<'c>(&'c self, run: Option<&'c ColumnRun<'c>>) -> ColumnView<'c> {
        ColumnView { database: self, run }
    }

    /// The columns of those of the records `within` that are asked for, in ascending order.
    pub(crate) fn column_cursor(&self, within: Range<u64>) -> ColumnCursor<'_> {
        ColumnCursor { database: self, end: within.end, run: None }
    }

    /// The columns of a run of records.
    pub(crate) fn columns(&self, ordinals: Range<u64>) -> Result<ColumnRun<'_>> {
        let sections = self.sections();
        Ok(ColumnRun {
            database: self,
            headers: self.items(&sections.header_table, ordinals.clone())?,
            lengths: self.items(&sections.lengths, ordinals.clone())?,
            wide: sections.lengths.item_size == 8,
            offsets: self.items(&sections.offsets, ordinals.clone())?,
            ordinals,
        })
    }
}

/// The columns of a run of records, whose pages have been compared: an access is a load.
pub(crate) struct ColumnRun<'d> {
    database: &'d Database,
    ordinals: Range<u64>,
    headers: Cow<'d, [u8]>,
    lengths: Cow<'d, [u8]>,
    wide: bool,
    offsets: Cow<'d, [u8]>,
}

impl ColumnRun<'_> {
    /// The records.
    pub(crate) fn ordinals(&self) -> Range<u64> {
        self.ordinals.clone()
    }

    /// As [`Database::header_entry`].
    pub(crate) fn header_entry(&self, ordinal: u64) -> Result<HeaderEntry> {
        let bytes: [u8; 16] = self.item(&self.headers, ordinal)?;
        self.database.parse_header_entry(&bytes, ordinal)
    }

    /// As [`Database::sequence_length`].
    pub(crate) fn sequence_length(&self, ordinal: u64) -> Result<u64> {
        if self.wide {
            self.item(&self.lengths, ordinal).map(u64::from_le_bytes)
        } else {
            self.item(&self.lengths, ordinal).map(|bytes| u32::from_le_bytes(bytes).into())
        }
    }

    /// As [`Database::sequence_address`].
    pub(crate) fn sequence_address(&self, ordinal: u64) -> Result<PackedAddress> {
        self.item(&self.offsets, ordinal).map(u64::from_le_bytes).map(PackedAddress::from_bits)
    }

    /// As [`Database::sequence_item`].
    pub(crate) fn sequence_item(&self, ordinal: u64) -> Result<Item> {
        Ok(Item { address: self.sequence_address(ordinal)?, length: self.sequence_length(ordinal)? })
    }

    fn item<const N: usize>(&self, column: &[u8], ordinal: u64) -> Result<[u8; N]> {
        let index = ordinal.checked_sub(self.ordinals.start).and_then(|index| usize::try_from(index).ok());
        let item = index.and_then(|index| column.get(index.checked_mul(N)?..)?.first_chunk());
        item.copied().ok_or_else(|| self.out_of_range(ordinal))
    }

    fn out_of_range(&self, ordinal: u64) -> Error {
        Error::OutOfRange { what: "record", got: ordinal, count: self.ordinals.end }
    }
}

/// Records whose columns a cursor looks at together.
const RUN: u64 = 1 << 12;
/// Bytes of memory that a cursor takes.
pub(crate) const CURSOR_MEMORY: u64 = RUN * 28;

/// The columns of records that are asked for in ascending order: pages are compared, and packed columns unpacked, for
/// 4096 of them together. Takes 28 bytes for each of those.
pub(crate) struct ColumnCursor<'d> {
    database: &'d Database,
    /// Of what is looked at.
    end: u64,
    run: Option<ColumnRun<'d>>,
}

impl<'d> ColumnCursor<'d> {
    /// The columns of this record and some that follow.
    ///
    /// # Errors
    /// As [`Database::header_entry`].
    pub(crate) fn at(&mut self, ordinal: u64) -> Result<&ColumnRun<'d>> {
        if !self.run.as_ref().is_some_and(|run| run.ordinals.contains(&ordinal)) {
            self.run = None;
        }
        match &mut self.run {
            Some(run) => Ok(run),
            none => {
                let end = ordinal.saturating_add(RUN).min(self.end);
                Ok(none.insert(self.database.columns(ordinal..end.max(ordinal + 1))?))
            }
        }
    }
}

/// Where the columns of a record are looked at: in a run that is at hand, or one by one where there is none, as records
/// are few and far between, or a neighbour is damaged.
#[derive(Clone, Copy)]
pub(crate) struct ColumnView<'c> {
    database: &'c Database,
    run: Option<&'c ColumnRun<'c>>,
}

impl ColumnView<'_> {
    /// As [`Database::header_entry`].
    pub(crate) fn header_entry(&self, ordinal: u64) -> Result<HeaderEntry> {
        match self.run {
            Some(run) => run.header_entry(ordinal),
            None => self.database.header_entry(ordinal),
        }
    }

    pub(crate) fn text_item(&self, ordinal: u64) -> Result<Item> {
        self.header_entry(ordinal).map(|entry| entry.text_item())
    }

    /// As [`Database::sequence_length`].
    pub(crate) fn sequence_length(&self, ordinal: u64) -> Result<u64> {
        match self.run {
            Some(run) => run.sequence_length(ordinal),
            None => self.database.sequence_length(ordinal),
        }
    }

    /// As [`Database::sequence_item`].
    pub(crate) fn sequence_item(&self, ordinal: u64) -> Result<Item> {
        match self.run {
            Some(run) => run.sequence_item(ordinal),
            None => self.database.sequence_item(ordinal),
        }
    }

    /// Whether a record is a delta, and the address of its copy or item: the same for records that share one.
    pub(crate) fn residue_place(&self, ordinal: u64) -> Result<(bool, u64)> {
        let is_delta = self.database.has_deltas() && self.header_entry(ordinal)?.is_delta();
        let address = match self.run {
            Some(run) => run.sequence_address(ordinal)?,
            None => self.database.sequence_address(ordinal)?,
        };
        Ok((is_delta, address.bits()))
    }
}
