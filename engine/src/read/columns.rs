//! The columns: what is known of a record before anything is decoded.

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::columns::HeaderEntry;
use talaria_db_spec::layout::LayoutEntry;
use zerocopy::FromBytes;

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
        // Sixteen bytes are a `HeaderEntry` whatever they are; `check` looks at their values.
        let entry = HeaderEntry::read_from_bytes(&bytes).map_err(|_| Error::OutOfRange {
            what: "record",
            got: ordinal,
            count: self.len(),
        })?;
        entry.check(ordinal).map_err(Error::format(self.path()))?;
        Ok(entry)
    }

    /// Residues of a record.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or rule S-9.
    pub fn sequence_length(&self, ordinal: u64) -> Result<u64> {
        self.check_ordinal(ordinal)?;
        let section = &self.sections().lengths;
        if section.item_size == 8 {
            self.item(section, ordinal).map(u64::from_le_bytes)
        } else {
            self.item(section, ordinal).map(|bytes| u32::from_le_bytes(bytes).into())
        }
    }

    /// Where the residues of a record lie.
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

    /// Item `index` of the layout index.
    pub(crate) fn layout_entry(&self, index: u64) -> Result<LayoutEntry> {
        let Some(section) = &self.sections().layout_index else {
            return Err(self.broken("layout index", "missing", "C-4", index, 0, 1));
        };
        let bytes: [u8; 16] = self.item(section, index)?;
        LayoutEntry::read_from_bytes(&bytes).map_err(|_| Error::OutOfRange {
            what: "layout index",
            got: index,
            count: section.item_count,
        })
    }

    /// Items of the layout index: irregular records.
    pub(crate) fn layout_count(&self) -> u64 {
        self.sections().layout_index.map_or(0, |section| section.item_count)
    }

    /// Index of the first item of the layout index whose ordinal is at least `ordinal`, by bisection.
    pub(crate) fn layout_position(&self, ordinal: u64) -> Result<u64> {
        let (mut low, mut high) = (0, self.layout_count());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.layout_entry(middle)?.ordinal.get() < ordinal { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }
}
