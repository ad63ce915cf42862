//! Records that share an earlier copy, by where that is, so that a pass over blocks visits them while it has the block.
//!
//! Such a record may lie anywhere in the order of the input, and its copy in any block before. To fetch the block for
//! each of them would decode most blocks a second time, or keep them all. So the records are put in the order of their
//! copies beforehand, in a pass over the columns: 24 bytes a record that shares, leased, twice that meanwhile.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;

use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Lease;
use crate::read::stream::Item;

/// Records that one thread looks at together, and finds before it asks for memory.
const GROUP: u64 = 1 << 12;
/// Bytes of memory for one that shares.
const ENTRY: u64 = size_of::<(u64, u64, u64)>() as u64;

/// The records that share copies in blocks.
pub(crate) struct Sharers {
    /// Address of the copy, ordinal and length, ascending.
    by_address: Vec<(u64, u64, u64)>,
    _lease: Lease,
}

impl Sharers {
    /// Those of a container whose residues lie in the order of the input; `None` if it has none, or there is no memory
    /// for them.
    ///
    /// # Errors
    /// Damage in the columns; rule B-9 for the copy in a block that is not there.
    pub(super) fn of(database: &Database) -> Result<Option<Self>> {
        if !database.has_shared() || database.is_placed() || database.has_deltas() {
            return Ok(None);
        }
        // Of each group what it found, as long as there is memory for twice that.
        let lease = Mutex::new(Some(database.budget().lease("records that share copies", 0)?));
        let find = |group: u64| {
            let mut found = Vec::new();
            let ordinals = group * GROUP..((group + 1) * GROUP).min(database.len());
            database.for_each_shared(ordinals, |ordinal, item| {
                found.push((item.address.bits(), ordinal, item.length));
            })?;
            found.shrink_to_fit();
            let mut lease = lease.lock().unwrap_or_else(PoisonError::into_inner);
            let more = 2 * found.len() as u64 * ENTRY;
            if lease.as_mut().is_some_and(|lease| lease.resize(lease.bytes() + more).is_err()) {
                *lease = None;
            }
            Ok(if lease.is_some() { found } else { Vec::new() })
        };
        let parts = (0..database.len().div_ceil(GROUP)).into_par_iter().map(find).collect::<Result<Vec<_>>>()?;
        let Some(mut lease) = lease.into_inner().unwrap_or_else(PoisonError::into_inner) else { return Ok(None) };
        let mut by_address = parts.concat();
        by_address.par_sort_unstable();
        let blocks = database.sequences().directory.item_count;
        let last = by_address.last().map_or(0, |&(address, ..)| PackedAddress::from_bits(address).block());
        if last >= blocks && !by_address.is_empty() {
            return Err(database.broken("sequence", "address", "B-9", last, last, blocks));
        }
        lease.resize(by_address.len() as u64 * ENTRY)?;
        Ok(Some(Self { by_address, _lease: lease }))
    }

    /// The ordinals of those whose copy lies in a block, or starts there, and where it is.
    pub(super) fn in_block(&self, block: u64) -> impl Iterator<Item = (u64, Item)> + '_ {
        let of = |&(address, ordinal, length): &(u64, u64, u64)| {
            (ordinal, Item { address: PackedAddress::from_bits(address), length })
        };
        let start = self.by_address.partition_point(|entry| of(entry).1.address.block() < block);
        let rest = self.by_address.get(start..).unwrap_or_default();
        rest.iter().map(of).take_while(move |(_, item)| item.address.block() == block)
    }
}

impl Database {
    /// Calls `with` with those of the records `ordinals` that share an earlier copy which is not empty and no delta.
    pub(crate) fn for_each_shared(&self, ordinals: Range<u64>, mut with: impl FnMut(u64, Item)) -> Result<()> {
        let columns = self.columns(ordinals.clone())?;
        for ordinal in ordinals {
            let entry = columns.header_entry(ordinal)?;
            if entry.is_shared() && !entry.is_delta() {
                let item = columns.sequence_item(ordinal)?;
                if item.length > 0 {
                    with(ordinal, item);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::memory::budget::Budget;
    use crate::{Builder, OpenOptions};

    /// Records of which most share the copy of one far before, some are empty, and some longer than a block.
    fn records() -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        (0..4000_usize).map(|number| {
            let distinct = if number % 3 == 0 { number } else { number / 7 };
            let residues = match distinct % 50 {
                0 => Vec::new(),
                1 => b"MKVLAAGI".repeat(300 + distinct % 5),
                _ => format!("MK{}", "ACDEFGHIKL".repeat(1 + distinct % 40)).into_bytes(),
            };
            (format!("r{number} number {number}").into_bytes(), residues)
        })
    }

    #[test]
    fn every_record_once_whatever_the_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shared.talaria");
        Builder::new(&path).block_size(1 << 11).add_records("made", records()).finish().unwrap();
        let expected: Vec<_> = records().collect();
        // With room for the list and all texts, for the list alone, and for neither.
        for (room, cache) in [(32 << 20, 16 << 20), (32 << 20, 0), (64 << 10, 0)] {
            let budget = Budget::new(64 << 20);
            let database = OpenOptions::new().budget(budget.clone()).cache(cache).open(&path).unwrap();
            let blocks = database.lease_blocks().unwrap();
            let _others = budget.lease("others", budget.available() - room).unwrap();
            assert_eq!(database.keeps_texts(), cache > 0);
            assert_eq!(Sharers::of(&database).unwrap().is_some(), room > 1 << 20);
            drop(blocks);

            let seen = Mutex::new(vec![0; expected.len()]);
            database
                .scan(|record| {
                    let (header, residues) = &expected[record.ordinal as usize];
                    assert_eq!((record.header, record.residues), (&header[..], &residues[..]));
                    seen.lock().unwrap()[record.ordinal as usize] += 1;
                    Ok(())
                })
                .unwrap();
            database
                .scan_residues(|record| {
                    assert_eq!(record.residues, expected[record.ordinal as usize].1);
                    let entry = database.header_entry(record.ordinal)?;
                    assert_eq!(record.shared, entry.is_shared());
                    seen.lock().unwrap()[record.ordinal as usize] += 1;
                    Ok(())
                })
                .unwrap();
            assert!(seen.into_inner().unwrap().iter().all(|&times| times == 2));
        }
    }
}
