//! The block that a pass is in.

use std::sync::Arc;

use talaria_db_spec::address::PackedAddress;

use crate::database::Database;
use crate::error::Result;
use crate::read::cache::Block;
use crate::read::shared::SharedSequence;
use crate::read::stream::{Item, Stream};

/// The block that was used last: neighbouring records are usually in the same one.
#[derive(Default)]
pub(crate) struct LastBlock {
    number: u64,
    block: Option<Block>,
    /// The last item that was longer than a block.
    long: Option<SharedSequence>,
}

impl LastBlock {
    /// The bytes of a block from an address on.
    pub(crate) fn from(
        &mut self,
        database: &Database,
        stream: &Stream,
        address: PackedAddress,
        keep: bool,
    ) -> Result<SharedSequence> {
        let block = self.block(database, stream, address.block(), keep)?;
        let (start, end) = (address.byte() as usize, block.len());
        if start > end {
            let (got, expected) = (start as u64, end as u64);
            return Err(database.broken(stream.kind.name(), "address", "B-9", address.block(), got, expected));
        }
        Ok(SharedSequence::new(block, start..end))
    }

    fn block(&mut self, database: &Database, stream: &Stream, number: u64, keep: bool) -> Result<Block> {
        self.load(database, stream, number, keep).map(Arc::clone)
    }

    fn load(&mut self, database: &Database, stream: &Stream, number: u64, keep: bool) -> Result<&Block> {
        if self.number != number {
            self.block = None;
        }
        match &mut self.block {
            Some(block) => Ok(block),
            none => {
                let block =
                    if keep { database.block(stream, number)? } else { database.passing_block(stream, number)? };
                self.number = number;
                Ok(none.insert(block))
            }
        }
    }

    /// As [`LastBlock::item`], without a share in the block.
    pub(crate) fn bytes(&mut self, database: &Database, stream: &Stream, item: Item, keep: bool) -> Result<&[u8]> {
        if item.length == 0 {
            return Ok(&[]);
        }
        if item.length > u64::from(stream.nominal) {
            return Ok(self.long.insert(database.slice(stream, item, 0..item.length)?));
        }
        let (number, start) = (item.address.block(), item.address.byte() as usize);
        let end = start + item.length as usize;
        let block = self.load(database, stream, number, keep)?;
        block.get(start..end).ok_or_else(|| {
            let (got, expected) = (end as u64, block.len() as u64);
            database.broken(stream.kind.name(), "address", "B-8", number, got, expected)
        })
    }

    /// An item's bytes; its block is decoded only if it is another one than last time. With `keep` it goes into the
    /// cache too.
    pub(crate) fn item(
        &mut self,
        database: &Database,
        stream: &Stream,
        item: Item,
        keep: bool,
    ) -> Result<SharedSequence> {
        if item.length == 0 {
            return Ok(SharedSequence::from(Vec::new()));
        }
        if item.length > u64::from(stream.nominal) {
            return database.slice(stream, item, 0..item.length);
        }
        let number = item.address.block();
        let block = self.block(database, stream, number, keep)?;
        let start = item.address.byte() as usize;
        let end = start + item.length as usize;
        if end > block.len() {
            let (got, expected) = (end as u64, block.len() as u64);
            return Err(database.broken(stream.kind.name(), "address", "B-8", number, got, expected));
        }
        Ok(SharedSequence::new(block, start..end))
    }
}
