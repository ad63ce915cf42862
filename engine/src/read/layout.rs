//! Layout scripts of irregular records: found by bisection of the layout index.

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::layout::LayoutEntry;
use talaria_db_spec::varint;
use zerocopy::FromBytes;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::shared::SharedSequence;
use crate::read::stream::Item;

impl Database {
    /// The layout script of an irregular record, for [`talaria_db_spec::layout::Script::parse`]; `None` for a regular
    /// one.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or damage in what was touched.
    pub fn layout_of(&self, ordinal: u64) -> Result<Option<SharedSequence>> {
        if !self.header_entry(ordinal)?.is_irregular() {
            return Ok(None);
        }
        let index = self.layout_position(ordinal)?;
        self.layout_script(index, ordinal).map(Some)
    }

    /// The bytes of the script of record `ordinal`, which is item `index` of the layout index.
    pub(crate) fn layout_script(&self, index: u64, ordinal: u64) -> Result<SharedSequence> {
        if index >= self.layout_count() {
            return Err(self.broken("layout index", "ordinal", "C-4", index, self.layout_count(), ordinal));
        }
        let entry = self.layout_entry(index)?;
        let Some(stream) = self.layouts().filter(|_| entry.ordinal.get() == ordinal) else {
            return Err(self.broken("layout index", "ordinal", "C-4", index, entry.ordinal.get(), ordinal));
        };
        let address = PackedAddress::from_bits(entry.address.get());
        let block = self.block(stream, address.block())?;
        let start = address.byte() as usize;
        let Some(mut rest) = block.get(start..) else {
            return Err(self.broken("layout", "address", "B-9", address.block(), start as u64, block.len() as u64));
        };
        let before = rest.len();
        let length = varint::read(&mut rest).map_err(Error::format(self.path()))?;
        let prefix = (before - rest.len()) as u64;
        let item = Item { address, length: prefix.saturating_add(length) };
        self.slice(stream, item, prefix..item.length)
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
