//! Records that were given the copy of an earlier one because their hashes are the same, until their residues have been
//! compared.
//!
//! Copies lie anywhere in what is written, and comparing with one takes the decoding of its block. So records wait
//! until there are many, and each block is decoded once for all of them: for half a million proteins, of which one in
//! six is a copy, twenty thousand times and not sixty thousand times. What waits is in memory: up to 16 MiB of
//! residues, and a sixteenth of what is free. The file does not depend on how often it is compared.

use std::borrow::Cow;
use std::path::Path;

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;

use crate::error::{Error, Result};
use crate::memory::budget::{Budget, Lease};
use crate::write::assemble::Assembler;

/// Bytes of residues that there is always room for.
const LEAST: usize = 256 << 10;
/// Most of them.
const MOST: usize = 16 << 20;
/// Least residues that a record is taken to have, for the room that its place takes.
const SHORT: usize = 64;

/// A record that waits.
#[derive(Debug, Clone, Copy)]
struct Record {
    ordinal: u64,
    address: PackedAddress,
    /// In the residues that wait.
    start: usize,
    end: usize,
}

/// The records that wait.
#[derive(Debug)]
pub(super) struct Unconfirmed {
    records: Vec<Record>,
    residues: Vec<u8>,
    /// Most bytes of them.
    most: usize,
    /// Number of the block that was open when the first one came.
    since: u64,
    lease: Lease,
}

impl Unconfirmed {
    /// The least memory that it takes.
    pub(super) const MEMORY: u64 = memory(LEAST);

    /// None.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(super) fn new(budget: &Budget) -> Result<Self> {
        let most = usize::try_from(budget.free() / 16).unwrap_or(MOST).clamp(LEAST, MOST);
        let lease = budget.lease("copies that are to be compared", Self::MEMORY)?;
        Ok(Self { records: Vec::new(), residues: Vec::new(), most, since: 0, lease })
    }

    /// Takes record `ordinal` of these residues, whose copy is to be at `address`. The blocks up to that one must be
    /// open or encoded.
    ///
    /// # Errors
    /// Of [`Self::confirm`].
    pub(super) fn add(
        &mut self,
        ordinal: u64,
        residues: &[u8],
        address: PackedAddress,
        assembler: &Assembler,
    ) -> Result<()> {
        if !self.has_room(residues.len(), 1) {
            self.confirm(assembler)?;
        }
        if !self.has_room(residues.len(), 1) {
            let block = block(assembler, address)?;
            return compare(ordinal, residues, address, &block, assembler.path());
        }
        if self.records.is_empty() {
            self.since = assembler.open_block();
        }
        let start = self.residues.len();
        self.residues.extend_from_slice(residues);
        self.records.push(Record { ordinal, address, start, end: self.residues.len() });
        Ok(())
    }

    /// Whether the blocks of some are about to be forgotten.
    pub(super) fn is_urgent(&self, assembler: &Assembler) -> bool {
        !self.records.is_empty() && assembler.open_block() - self.since > Assembler::COPIES_WITHIN
    }

    /// Compares all that wait. All blocks that are full must have been encoded.
    ///
    /// # Errors
    /// [`Error::Verification`] if residues are others than those of the copy; [`Error::Io`] if the output cannot be
    /// read back, or damage in it.
    pub(super) fn confirm(&mut self, assembler: &Assembler) -> Result<()> {
        let Self { records, residues, .. } = self;
        records.par_sort_unstable_by_key(|record| (record.address.bits(), record.ordinal));
        let groups: Vec<&[Record]> =
            records.chunk_by(|left, right| left.address.block() == right.address.block()).collect();
        groups.into_par_iter().try_for_each(|group| {
            let Some(first) = group.first() else { return Ok(()) };
            let block = block(assembler, first.address)?;
            group.iter().try_for_each(|record| {
                let residues = &residues[record.start..record.end];
                compare(record.ordinal, residues, record.address, &block, assembler.path())
            })
        })?;
        records.clear();
        residues.clear();
        Ok(())
    }

    /// Makes room for so many records of so many residues together, if that may be.
    pub(super) fn has_room(&mut self, residues: usize, records: usize) -> bool {
        let needed = (self.residues.len() + residues).max((self.records.len() + records) * SHORT);
        if needed <= self.residues.capacity() {
            return true;
        }
        let room = needed.next_power_of_two().max(LEAST);
        let fits = room <= self.most && (memory(room) <= self.lease.bytes() || self.lease.try_resize(memory(room)));
        if fits {
            self.residues.reserve_exact(room - self.residues.len());
            self.records.reserve_exact(room / SHORT - self.records.len());
        }
        fits
    }
}

/// Memory for so many residues and their records, with half as many that they are copied from when there is room.
const fn memory(residues: usize) -> u64 {
    ((residues + residues / SHORT * size_of::<Record>()) * 3 / 2) as u64
}

fn block(assembler: &Assembler, address: PackedAddress) -> Result<Cow<'_, [u8]>> {
    // Older blocks are not shared from, and these are compared before they are old.
    Ok(assembler.written_block(address.block())?.unwrap_or_default())
}

fn compare(ordinal: u64, residues: &[u8], address: PackedAddress, block: &[u8], path: &Path) -> Result<()> {
    let start = address.byte() as usize;
    if block.get(start..start + residues.len()) == Some(residues) {
        return Ok(());
    }
    let reason = format!("record {ordinal} and an earlier one have one hash and other residues; use --no-share");
    Err(Error::Verification { path: path.to_path_buf(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Columns;
    use crate::write::assemble::{Residues, Shape};
    use crate::write::encode::Compression;
    use crate::write::measure::Measures;
    use crate::write::place::Order;
    use crate::write::publish::Unpublished;
    use crate::write::spill::Spill;

    const RECORD: usize = 1000;

    fn residues(number: usize) -> Vec<u8> {
        (0..RECORD).map(|index| b"ACDEFGHIKLMNPQRSTVWY"[(index * 7 + number * (index % 13)) % 20]).collect()
    }

    /// 2,000 records in blocks of 4 KiB, and their addresses.
    fn assembler(folder: &Path, budget: &Budget) -> (Assembler, Vec<PackedAddress>) {
        let shape = Shape {
            compression: Compression::Zstd(1),
            sequence_block: 4 << 10,
            text_block: 4 << 10,
            packed: false,
            order: Order::Input,
        };
        let spill = Spill::new(budget.clone(), folder.to_path_buf(), None);
        let output = Unpublished::create(&folder.join("copies.talaria")).unwrap();
        let mut assembler = Assembler::new(output, shape, Columns::default(), &spill, 1 << 20).unwrap();
        let place = |number| {
            let residues = residues(number);
            assembler.record(b"name", 4, Residues::New(&residues), None, Measures::default()).unwrap()
        };
        let addresses = (0..2000).map(place).collect();
        assembler.encode().unwrap();
        (assembler, addresses)
    }

    #[test]
    fn copies_are_compared_however_little_room_there_is() {
        let folder = tempfile::tempdir().unwrap();
        for free in [u64::MAX, 1 << 20] {
            let (assembler, addresses) = assembler(folder.path(), &Budget::new(u64::MAX));
            let mut unconfirmed = Unconfirmed::new(&Budget::new(free)).unwrap();
            for (number, &address) in addresses.iter().enumerate() {
                unconfirmed.add(number as u64 + 2000, &residues(number), address, &assembler).unwrap();
            }
            assert_eq!(unconfirmed.records.len() == 2000, free > 1 << 20);
            unconfirmed.confirm(&assembler).unwrap();
            assert!(unconfirmed.records.is_empty());
            // One of another length, one of other letters, and one that is too long to wait.
            let long = residues(1).repeat(300);
            for (residues, address) in
                [(&residues(7)[..], addresses[8]), (&residues(7)[..], addresses[1999]), (&long, addresses[0])]
            {
                let added = unconfirmed.add(4000, residues, address, &assembler);
                let error = added.and_then(|()| unconfirmed.confirm(&assembler)).unwrap_err();
                assert!(matches!(error, Error::Verification { .. }), "{error}");
                unconfirmed = Unconfirmed::new(&Budget::new(free)).unwrap();
            }
        }
    }
}
