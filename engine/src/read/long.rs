//! Long records for those who take them piece by piece: the next blocks are decoded by workers while the caller has the
//! one before.
//!
//! [`StreamingSettings::buffers`](crate::memory::settings::StreamingSettings::buffers) blocks are in memory at a time,
//! leased as they are made; where the budget has room for one only, the caller decodes one after the other. From inside
//! a pool nothing is gained, as its workers have work of their own; there blocks are decoded when their turn comes.

use std::ops::Range;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::pipeline::{self, Work};
use crate::read::shared::SharedSequence;
use crate::read::stream::Item;

/// Shorter ranges are decoded before a worker has woken up, in blocks.
const LEAST: u64 = 8;

struct Pieces<'d> {
    database: &'d Database,
    item: Item,
}

impl Work for Pieces<'_> {
    type Unit = Range<u64>;
    type Buffer = Option<SharedSequence>;

    /// A block, and its payload on the way.
    fn memory(&self, _: &Range<u64>) -> u64 {
        2 * u64::from(self.database.sequences().nominal)
    }

    fn make(&self, range: Range<u64>, buffer: &mut Option<SharedSequence>) -> Result<()> {
        self.database.for_each_passing_part(self.database.sequences(), self.item, range, |_, block, part| {
            *buffer = Some(SharedSequence::new(block.clone(), part));
            Ok(())
        })
    }
}

impl Database {
    /// Whether [`Database::for_each_decoded_ahead`] is of use for residues `range` of a record.
    pub(crate) fn decodes_ahead(&self, range: &Range<u64>) -> bool {
        let nominal = u64::from(self.sequences().nominal);
        self.memory().streaming.read_ahead
            && range.end.saturating_sub(range.start) >= LEAST * nominal
            && rayon::current_thread_index().is_none()
    }

    /// Calls `part` with residues `range` of an item that is longer than a block, block by block.
    pub(crate) fn for_each_decoded_ahead(
        &self,
        item: Item,
        range: Range<u64>,
        mut part: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if range.end > item.length {
            return Err(Error::OutOfRange { what: "residue", got: range.end, count: item.length });
        }
        let nominal = u64::from(self.sequences().nominal);
        let (mut next, end) = (range.start, range.end);
        let cut = || {
            let start = next;
            // At the borders of blocks, so that each is decoded once.
            next = end.min((start / nominal).saturating_add(1).saturating_mul(nominal));
            Ok((start < end).then_some(start..next))
        };
        let buffers = self.memory().streaming.buffers;
        pipeline::in_order(&Pieces { database: self, item }, buffers, self.budget(), cut, |piece| {
            piece.as_ref().map_or(Ok(()), |piece| part(piece))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::memory::budget::Budget;
    use crate::{Builder, OpenOptions};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_same_residues_as_one_by_one(length in 0_usize..90_000, from in 0_usize..90_000, count in 0_usize..90_000) {
            let residues: Vec<u8> = (0..length).map(|index| b"ACGTN"[index * index % 97 % 5]).collect();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("long.talaria");
            let records = vec![(b"short".to_vec(), b"ACGT".to_vec()), (b"long".to_vec(), residues.clone())];
            Builder::new(&path).add_records("two", records.into_iter()).block_size(1024).finish().unwrap();
            let range = from.min(length)..from.saturating_add(count).min(length);
            // Room for all buffers, and for one.
            for limit in [u64::MAX, 2 * 1024 + 4096] {
                let budget = Budget::new(limit);
                let database = OpenOptions::new().cache(0).budget(budget.clone()).open(&path).unwrap();
                let mut got = Vec::new();
                database.for_each_residues(1, range.start as u64..range.end as u64, |part| {
                    got.extend_from_slice(part);
                    Ok(())
                }).unwrap();
                prop_assert!(got == residues[range.clone()]);
            }
        }
    }

    #[test]
    fn blocks_that_pass_are_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.talaria");
        let residues = b"ACGTTGCA".repeat(1 << 18);
        let record = std::iter::once((b"long".to_vec(), residues.clone()));
        Builder::new(&path).add_records("one", record).block_size(1 << 14).finish().unwrap();
        let database = OpenOptions::new().open(&path).unwrap();
        let mut got = Vec::new();
        database
            .for_each_residues(0, 0..residues.len() as u64, |part| {
                got.extend_from_slice(part);
                Ok(())
            })
            .unwrap();
        assert!(got == residues);
        let item = database.sequence_item(0).unwrap();
        assert_eq!(database.count_long(item).unwrap().letter(b'A'), residues.len() as u64 / 4);
        assert_eq!(database.cache_statistics().entries, 0);
    }

    #[test]
    fn errors_end_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.talaria");
        let records = vec![(b"long".to_vec(), b"ACGTTGCA".repeat(4096))];
        Builder::new(&path).add_records("one", records.into_iter()).block_size(1024).finish().unwrap();
        let database = OpenOptions::new().open(&path).unwrap();
        let mut parts = 0;
        let stopped = database.for_each_residues(0, 0..32_768, |_| {
            parts += 1;
            if parts == 5 { Err(crate::Error::OutOfRange { what: "part", got: 5, count: 5 }) } else { Ok(()) }
        });
        assert!(matches!(stopped, Err(crate::Error::OutOfRange { what: "part", .. })));
        assert_eq!(parts, 5);
        let too_far = database.for_each_residues(0, 0..32_769, |_| panic!("nothing is given of what is not there"));
        assert!(matches!(too_far, Err(crate::Error::OutOfRange { what: "residue", got: 32_769, count: 32_768 })));
    }
}
