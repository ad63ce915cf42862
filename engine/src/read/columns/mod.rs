//! The columns: what is known of a record before anything is decoded.

mod many;
mod run;

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::columns::HeaderEntry;

pub(crate) use self::run::{CURSOR_MEMORY, ColumnCursor, ColumnRun, ColumnView};
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

    pub(crate) fn sequence_item(&self, ordinal: u64) -> Result<Item> {
        Ok(Item { address: self.sequence_address(ordinal)?, length: self.sequence_length(ordinal)? })
    }

    pub(crate) fn text_item(&self, ordinal: u64) -> Result<Item> {
        self.header_entry(ordinal).map(|entry| entry.text_item())
    }
}
