//! Dictionaries of compressed blocks, made ready when a block first asks for one, and kept.

use talaria_db_spec::dictionary::DictionaryEntry;
use talaria_db_spec::section::SectionKind;
use zerocopy::FromBytes;

use super::Database;
use crate::error::{Error, Result};
use crate::read::block::Dictionary;

/// Bytes of memory of a dictionary that is ready for use, beside its content.
const DICTIONARY_TABLES: u64 = 32 << 10;

impl Database {
    /// Dictionary `number`, from 1.
    pub(crate) fn dictionary(&self, number: u16) -> Result<&Dictionary> {
        let slot = usize::from(number).checked_sub(1).and_then(|index| self.inner.dictionaries.get(index));
        let Some(slot) = slot else {
            let count = self.inner.dictionaries.len() as u64;
            return Err(self.broken("block", "dictionary", "B-4", 0, number.into(), count));
        };
        if let Some((dictionary, _)) = slot.get() {
            return Ok(dictionary);
        }
        let directory = self.whole_section(SectionKind::DictionaryDirectory)?;
        let bytes = self.whole_section(SectionKind::DictionaryBytes)?;
        let entry_at = |index: usize| {
            directory.chunks_exact(32).nth(index).and_then(|entry| DictionaryEntry::read_from_bytes(entry).ok())
        };
        let index = usize::from(number) - 1;
        let Some(entry) = entry_at(index) else {
            return Err(self.broken("dictionary directory", "item_count", "D-1", number.into(), 0, 1));
        };
        let before = index.checked_sub(1).and_then(entry_at);
        let start = before.map_or(0, |before| before.offset.get().saturating_add(before.length.get().into()));
        let range = entry.range(number.into(), start, bytes.len() as u64).map_err(Error::format(self.path()))?;
        // The copy of the content, and tables of fixed size.
        let lease = self.budget().lease("a dictionary", range.end - range.start + DICTIONARY_TABLES)?;
        let content = bytes.get(range.start as usize..range.end as usize).unwrap_or_default();
        let Some(dictionary) = Dictionary::try_create(content) else {
            return Err(self.broken("dictionary", "content", "D-1", number.into(), content.len() as u64, 8));
        };
        Ok(&slot.get_or_init(|| (dictionary, lease)).0)
    }
}
