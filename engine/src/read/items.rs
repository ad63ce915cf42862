//! Items of streams, found by packed address: in one block, or in blocks of their own if they are longer.

use std::ops::Range;
use std::sync::Arc;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::cache::Block;
use crate::read::shared::SharedSequence;
use crate::read::stream::{Item, Stream};

impl Database {
    /// Calls `part` with the bytes of `range` of an item, block by block, each with its position in the item.
    ///
    /// Only the blocks that the range touches are decoded (rule B-8).
    pub(crate) fn for_each_part(
        &self,
        stream: &Stream,
        item: Item,
        range: Range<u64>,
        part: impl FnMut(u64, &Block, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        self.for_each_part_of(|number| self.block(stream, number), stream, item, range, part)
    }

    /// The same for a pass, which asks for each block once: blocks come from the cache if they are there, and are not
    /// kept in it.
    pub(crate) fn for_each_passing_part(
        &self,
        stream: &Stream,
        item: Item,
        range: Range<u64>,
        part: impl FnMut(u64, &Block, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        self.for_each_part_of(|number| self.passing_block(stream, number), stream, item, range, part)
    }

    fn for_each_part_of(
        &self,
        block_of: impl Fn(u64) -> Result<Block>,
        stream: &Stream,
        item: Item,
        range: Range<u64>,
        mut part: impl FnMut(u64, &Block, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        if range.start > range.end || range.end > item.length {
            return Err(Error::OutOfRange { what: "residue", got: range.end, count: item.length });
        }
        if range.is_empty() {
            return Ok(());
        }
        let nominal = u64::from(stream.nominal);
        let (first, byte) = (item.address.block(), u64::from(item.address.byte()));
        if item.length <= nominal {
            let block = block_of(first)?;
            if byte + item.length > block.len() as u64 {
                return Err(self.broken(
                    stream.kind.name(),
                    "address",
                    "B-8",
                    first,
                    byte + item.length,
                    block.len() as u64,
                ));
            }
            return part(range.start, &block, (byte + range.start) as usize..(byte + range.end) as usize);
        }
        if byte != 0 {
            return Err(self.broken(stream.kind.name(), "address", "B-8", first, byte, 0));
        }
        let mut position = range.start;
        while position < range.end {
            let index = position / nominal;
            let number = first + index;
            let expected = (item.length - index * nominal).min(nominal);
            let block = block_of(number)?;
            if block.len() as u64 != expected {
                return Err(self.broken(
                    stream.kind.name(),
                    "decoded_length",
                    "B-8",
                    number,
                    block.len() as u64,
                    expected,
                ));
            }
            let start = position - index * nominal;
            let end = (range.end - index * nominal).min(nominal);
            part(position, &block, start as usize..end as usize)?;
            position = index * nominal + end;
        }
        Ok(())
    }

    /// The bytes of `range` of an item: a slice of a block if it lies in one, else a copy of the parts.
    pub(crate) fn slice(&self, stream: &Stream, item: Item, range: Range<u64>) -> Result<SharedSequence> {
        let wanted = range.end.saturating_sub(range.start);
        let mut whole: Option<SharedSequence> = None;
        let mut copied = Vec::new();
        // A copy is as long as the range. It is the caller's from then on, so that the lease covers only its making.
        let in_one = item.length <= u64::from(stream.nominal);
        let _lease = if in_one {
            None
        } else {
            // Before its length is believed.
            self.check_blocks(stream, item)?;
            Some(self.budget().lease("a sequence in one piece", wanted)?)
        };
        self.for_each_part(stream, item, range, |_, block, part| {
            if part.len() as u64 == wanted {
                whole = Some(SharedSequence::new(Arc::clone(block), part));
            } else {
                if copied.capacity() == 0 {
                    let length = usize::try_from(wanted).unwrap_or(usize::MAX);
                    copied.try_reserve_exact(length).map_err(|_| self.no_memory("a sequence in one piece", wanted))?;
                }
                copied.extend_from_slice(block.get(part).unwrap_or_default());
            }
            Ok(())
        })?;
        Ok(whole.unwrap_or_else(|| SharedSequence::from(copied)))
    }

    /// Rule B-8: there are the blocks that an item takes which is longer than one.
    pub(crate) fn check_blocks(&self, stream: &Stream, item: Item) -> Result<()> {
        let (first, count) = (item.address.block(), stream.directory.item_count);
        let blocks = item.length.div_ceil(stream.nominal.into());
        if blocks > 1 && blocks > count.saturating_sub(first) {
            return Err(self.broken(stream.kind.name(), "address", "B-8", first, blocks, count));
        }
        Ok(())
    }
}
