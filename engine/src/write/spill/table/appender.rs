//! Writing items in their order, many at a time.

use super::{HASH, SpillTable, put_hashed};
use crate::error::Result;

/// Bytes that are written together.
const TOGETHER: usize = 64 << 10;

/// Writes all items of a table, from the first one on. Takes 64 KiB and an item, and not from the budget.
#[derive(Debug)]
pub(crate) struct Appender<'a> {
    table: &'a SpillTable,
    /// Items that are written, and those behind them that are not.
    written: usize,
    waiting: usize,
    bytes: Vec<u8>,
}

impl<'a> Appender<'a> {
    /// An appender for `table`.
    pub(crate) fn new(table: &'a SpillTable) -> Self {
        Self { table, written: 0, waiting: 0, bytes: Vec::with_capacity(TOGETHER) }
    }

    /// Writes the next item, which has the length that was said.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Space`](crate::Error::Space).
    pub(crate) fn push(&mut self, item: &[u8]) -> Result<()> {
        debug_assert_eq!(item.len() as u64, self.table.length(self.written + self.waiting), "{}", self.table.what);
        let start = self.bytes.len();
        self.bytes.resize(start + HASH as usize + item.len(), 0);
        put_hashed(&mut self.bytes[start..], item);
        self.waiting += 1;
        if self.bytes.len() < TOGETHER { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<()> {
        self.table.write_at(&self.bytes, self.table.starts[self.written])?;
        self.written += self.waiting;
        self.waiting = 0;
        self.bytes.clear();
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub(crate) fn finish(mut self) -> Result<()> {
        self.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::budget::Budget;
    use crate::write::spill::Spill;

    #[test]
    fn items_are_where_they_belong() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(Budget::new(1 << 20), folder.path().to_path_buf(), None);
        let items: Vec<_> = (0..3000_usize).map(|item| vec![item as u8; item * 13 % 200]).collect();
        let lengths = items.iter().map(|item| Ok(item.len() as u64));
        let table = SpillTable::new(&spill, "items", 3000, 0, lengths).unwrap();
        let mut appender = Appender::new(&table);
        items.iter().try_for_each(|item| appender.push(item)).unwrap();
        appender.finish().unwrap();
        let mut found = Vec::new();
        for (at, item) in items.iter().enumerate() {
            table.item(at, &mut found).unwrap();
            assert_eq!(&found, item);
        }
    }
}
