//! The columns: what is known of a record before anything is decoded.

use std::borrow::Cow;
use std::ops::Range;

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::columns::HeaderEntry;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::stream::Item;

/// Where the header text lies of which an item of the header table speaks.
pub(crate) trait TextItem {
    fn text_item(&self) -> Item;
}

impl TextItem for HeaderEntry {
    fn text_item(&self) -> Item {
        Item { address: PackedAddress::from_bits(self.text.get()), length: self.text_length.get().into() }
    }
}

impl Database {
    /// The header table's item of a record, checked.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or rule C-1 or S-9.
    pub fn header_entry(&self, ordinal: u64) -> Result<HeaderEntry> {
        self.check_ordinal(ordinal)?;
        let bytes: [u8; 16] = self.item(&self.sections().header_table, ordinal)?;
        self.parse_header_entry(&bytes, ordinal)
    }

    fn parse_header_entry(&self, bytes: &[u8; 16], ordinal: u64) -> Result<HeaderEntry> {
        // Sixteen bytes are a `HeaderEntry` whatever they are; `check` looks at their values.
        let entry: HeaderEntry = zerocopy::transmute!(*bytes);
        entry.check(ordinal, self.has_deltas()).map_err(Error::format(self.path()))?;
        Ok(entry)
    }

    /// Residues of a record.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or rule S-9.
    pub fn sequence_length(&self, ordinal: u64) -> Result<u64> {
        self.check_ordinal(ordinal)?;
        self.number_item(&self.sections().lengths, ordinal)
    }

    /// Where the residues of a record lie: in the sequence stream, or, of a delta, in the delta stream.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or rule S-9.
    pub fn sequence_address(&self, ordinal: u64) -> Result<PackedAddress> {
        self.check_ordinal(ordinal)?;
        self.item(&self.sections().offsets, ordinal).map(u64::from_le_bytes).map(PackedAddress::from_bits)
    }

    /// Whether a record is a delta, and the address of its copy or item: the same for records that share one.
    pub(crate) fn residue_place(&self, ordinal: u64) -> Result<(bool, u64)> {
        Ok((self.is_delta(ordinal)?, self.sequence_address(ordinal)?.bits()))
    }

    pub(crate) fn sequence_item(&self, ordinal: u64) -> Result<Item> {
        Ok(Item { address: self.sequence_address(ordinal)?, length: self.sequence_length(ordinal)? })
    }

    pub(crate) fn text_item(&self, ordinal: u64) -> Result<Item> {
        self.header_entry(ordinal).map(|entry| entry.text_item())
    }

    /// The item of the header table of a record, and where its residues are: out of `columns`, or by themselves where
    /// these could not be had, as a neighbour is damaged.
    ///
    /// # Errors
    /// As [`Database::header_entry`].
    pub(crate) fn located(&self, columns: Option<&ColumnRun<'_>>, ordinal: u64) -> Result<(HeaderEntry, Item)> {
        match columns {
            Some(columns) => Ok((columns.header_entry(ordinal)?, columns.sequence_item(ordinal)?)),
            None => Ok((self.header_entry(ordinal)?, self.sequence_item(ordinal)?)),
        }
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

/// Records whose columns a cursor looks at together.
const RUN: u64 = 1 << 12;

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
        let run = match self.run.take().filter(|run| run.ordinals.contains(&ordinal)) {
            Some(run) => run,
            None => {
                let end = ordinal.saturating_add(RUN).min(self.end);
                self.database.columns(ordinal..end.max(ordinal + 1))?
            }
        };
        Ok(self.run.insert(run))
    }
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

    /// As [`Database::sequence_item`].
    pub(crate) fn sequence_item(&self, ordinal: u64) -> Result<Item> {
        let address = self.item(&self.offsets, ordinal).map(u64::from_le_bytes).map(PackedAddress::from_bits)?;
        Ok(Item { address, length: self.sequence_length(ordinal)? })
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
