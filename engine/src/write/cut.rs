//! Cutting items into blocks, by the rules of FORMAT.md, section 7.
//!
//! Whole items share a block until the next one would not fit; an item longer than a block gets consecutive blocks of
//! its own. Where blocks are cut depends on the lengths of the items alone.

use talaria_db_spec::address::PackedAddress;

use crate::error::{Error, Result};

/// A block that is full, before it is encoded.
#[derive(Debug)]
pub struct CutBlock {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Slot of the first record that belongs to it.
    pub first_slot: u64,
}

/// Cuts the items of one stream.
#[derive(Debug)]
pub struct Cutter {
    nominal: usize,
    open: Vec<u8>,
    open_slot: u64,
    next_block: u64,
    long: bool,
    done: Vec<CutBlock>,
    total: u64,
}

impl Cutter {
    /// For blocks of at most `nominal` bytes.
    #[must_use]
    pub fn new(nominal: u32) -> Self {
        let nominal = nominal as usize;
        Self { nominal, open: Vec::new(), open_slot: 0, next_block: 0, long: false, done: Vec::new(), total: 0 }
    }

    /// Adds the item of record or index `slot`, whole, and returns its address.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] after 2^40 blocks.
    pub fn push(&mut self, item: &[u8], slot: u64) -> Result<PackedAddress> {
        if item.len() > self.nominal {
            let address = self.begin_long(slot)?;
            self.push_long(item);
            self.end_long();
            return Ok(address);
        }
        if self.open.len() + item.len() > self.nominal {
            self.close();
        }
        if item.is_empty() && self.open.is_empty() {
            // The open block may never come to be; the one before it is there, or there is none yet and address 0 will
            // do.
            return address(self.next_block.saturating_sub(1), 0);
        }
        if self.open.is_empty() {
            self.open_slot = slot;
            self.open.reserve_exact(self.nominal);
        }
        let start = self.open.len();
        self.open.extend_from_slice(item);
        self.total += item.len() as u64;
        address(self.next_block, start)
    }

    /// The address that an item of `length` bytes, at least one, gets if it is added next.
    ///
    /// # Errors
    /// As [`Cutter::push`].
    pub fn next_address(&self, length: u64) -> Result<PackedAddress> {
        if self.open.is_empty() || self.open.len() as u64 + length <= self.nominal as u64 {
            return address(self.next_block, self.open.len());
        }
        address(self.next_block + 1, 0)
    }

    /// Starts an item that is longer than a block, and returns its address.
    ///
    /// # Errors
    /// As [`Cutter::push`].
    pub fn begin_long(&mut self, slot: u64) -> Result<PackedAddress> {
        self.close();
        self.open_slot = slot;
        self.long = true;
        address(self.next_block, 0)
    }

    /// Adds bytes to the long item.
    pub fn push_long(&mut self, mut bytes: &[u8]) {
        self.total += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = self.nominal - self.open.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            if self.open.is_empty() {
                self.open.reserve_exact(self.nominal);
            }
            self.open.extend_from_slice(now);
            bytes = later;
            if self.open.len() == self.nominal {
                let owner = self.open_slot;
                self.close();
                // The blocks that follow are the same record's; the next one to belong to them is the one after it.
                self.open_slot = if self.long { owner + 1 } else { owner };
                self.long = false;
            }
        }
    }

    /// Ends the long item.
    pub fn end_long(&mut self) {
        self.close();
        self.long = false;
    }

    /// Closes the open block, if there is one.
    pub fn close(&mut self) {
        if !self.open.is_empty() {
            let bytes = std::mem::take(&mut self.open);
            self.done.push(CutBlock { bytes, first_slot: self.open_slot });
            self.next_block += 1;
        }
    }

    /// Leaves a number to a block that is written otherwise, and returns it. No block may be open.
    pub fn skip_block(&mut self) -> u64 {
        debug_assert!(self.open.is_empty(), "a block is open");
        self.next_block += 1;
        self.next_block - 1
    }

    /// The blocks that were closed since the last call.
    pub fn take_done(&mut self) -> Vec<CutBlock> {
        std::mem::take(&mut self.done)
    }

    /// Number of the open block, and its bytes.
    #[must_use]
    pub fn open_block(&self) -> (u64, &[u8]) {
        (self.next_block, &self.open)
    }

    /// Bytes of all items.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }
}

fn address(block: u64, byte: usize) -> Result<PackedAddress> {
    u32::try_from(byte).ok().and_then(|byte| PackedAddress::new(block, byte)).ok_or(Error::OutOfRange {
        what: "block",
        got: block,
        count: 1 << 40,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // EVIDENCE: B-6, B-8, B-9
    #[test]
    fn items_lie_where_the_format_says() {
        let mut cutter = Cutter::new(4);
        let at = |cutter: &mut Cutter, item: &[u8], slot| {
            let address = cutter.push(item, slot).unwrap();
            (address.block(), address.byte())
        };
        assert_eq!(at(&mut cutter, b"", 0), (0, 0));
        assert_eq!(at(&mut cutter, b"abc", 1), (0, 0));
        assert_eq!(at(&mut cutter, b"d", 2), (0, 3));
        assert_eq!(at(&mut cutter, b"", 3), (0, 4));
        assert_eq!(at(&mut cutter, b"e", 4), (1, 0));
        assert_eq!(at(&mut cutter, b"fghijklmn", 5), (2, 0));
        assert_eq!(at(&mut cutter, b"", 6), (4, 0));
        assert_eq!(at(&mut cutter, b"opqrstuv", 7), (5, 0));
        assert_eq!(at(&mut cutter, b"w", 8), (7, 0));
        cutter.close();
        assert_eq!(at(&mut cutter, b"", 9), (7, 0));
        let blocks: Vec<_> = cutter.take_done().into_iter().map(|block| (block.bytes, block.first_slot)).collect();
        let expected: Vec<(Vec<u8>, u64)> = vec![
            (b"abcd".to_vec(), 1),
            (b"e".to_vec(), 4),
            (b"fghi".to_vec(), 5),
            (b"jklm".to_vec(), 6),
            (b"n".to_vec(), 6),
            (b"opqr".to_vec(), 7),
            (b"stuv".to_vec(), 8),
            (b"w".to_vec(), 8),
        ];
        assert_eq!(blocks, expected);
        assert_eq!((cutter.open_block().0, cutter.total()), (8, 23));
    }
}
