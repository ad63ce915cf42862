//! Writing items that come in any order, with few large writes.
//!
//! A write of its own for every item costs the system more than the bytes do, and threads that write to one file wait
//! for each other. So the table is cut into parts. Items are gathered by part and written to it in the order in which
//! they come, each with its number and half a hash in the place of its hash; at the end each part is read, put in order
//! and written again, in parallel. It takes no more of the disk than the table has.
//!
//! Memory is given beforehand: buffers for the parts, and at the end two parts a thread. With too little of it, and
//! where the table is in memory, items are written one by one.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{HASH, SpillTable, Store, put_hashed};
use crate::error::Result;
use crate::memory::budget::Lease;

/// Memory at most, beyond which writes are large enough; and the part of what is available that is taken at most.
const MOST: u64 = 16 << 20;
const SHARE: u64 = 4;
/// Bytes of a part at least, and of what is written to it at once at most.
const LEAST_PART: u64 = 256 << 10;
const MOST_BUFFER: u64 = 128 << 10;

/// Writes the items of a table that come in any order.
#[derive(Debug)]
pub(crate) struct Arranger<'a> {
    table: &'a SpillTable,
    /// None where items are written one by one.
    parts: Vec<Part>,
    /// Bytes of the table a part, but for the item at its end.
    size: u64,
    buffer: usize,
    _lease: Option<Lease>,
}

#[derive(Debug)]
struct Part {
    items: Range<usize>,
    gathered: Mutex<Gathered>,
}

/// Items of a part: those not yet written, and bytes of the others.
#[derive(Debug, Default)]
struct Gathered {
    items: Vec<u8>,
    written: u64,
}

/// Memory for arranging a table of so many bytes, if so much is available.
fn memory_of(available: u64, bytes: u64) -> u64 {
    // Twice the table is a part of all, and a buffer as large.
    (available / SHARE).min(MOST).min(bytes.saturating_mul(2))
}

impl<'a> Arranger<'a> {
    /// Most memory of one for a table of so many bytes, if so much is available.
    pub(crate) fn estimate(available: u64, bytes: u64) -> u64 {
        memory_of(available, bytes)
    }

    /// An arranger for all items of `table`, of which none is longer than `longest`.
    pub(crate) fn new(table: &'a SpillTable, longest: u64) -> Self {
        let budget = table.spill.budget();
        let bytes = table.bytes(0..table.len());
        let memory = memory_of(budget.available(), bytes);
        // At the end a thread has a part as it came, and as it should be.
        let size = (memory / (2 * rayon::current_num_threads() as u64)).saturating_sub(longest + HASH);
        let one_by_one = Self { table, parts: Vec::new(), size, buffer: 0, _lease: None };
        if matches!(table.store, Store::Memory { .. }) || size < LEAST_PART.min(bytes) || bytes == 0 {
            return one_by_one;
        }
        let Ok(lease) = budget.lease("putting items in their places", memory) else { return one_by_one };
        let count = bytes.div_ceil(size);
        let start = |part: u64| table.starts.partition_point(|&start| start < part * size).min(table.len());
        let part = |part| Part { items: start(part)..start(part + 1), gathered: Mutex::default() };
        let buffer = usize::try_from((memory / count).min(MOST_BUFFER)).unwrap_or(usize::MAX);
        Self { parts: (0..count).map(part).collect(), buffer, _lease: Some(lease), ..one_by_one }
    }

    /// Writes an item, which has the length that was said, and is written only once. `scratch` is for whatever it likes
    /// to keep.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Space`](crate::Error::Space).
    pub(crate) fn write(&self, item: usize, bytes: &[u8], scratch: &mut Vec<u8>) -> Result<()> {
        let start = self.table.starts[item];
        let Some(part) = self.parts.get(usize::try_from(start / self.size.max(1)).unwrap_or(usize::MAX)) else {
            return self.table.write(item, bytes, scratch);
        };
        debug_assert_eq!(bytes.len() as u64, self.table.length(item), "{}", self.table.what);
        let mut gathered = part.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if gathered.items.len() + bytes.len() + HASH as usize > self.buffer {
            self.flush(part, &mut gathered)?;
        }
        let Gathered { items, .. } = &mut *gathered;
        items.reserve_exact(self.buffer.saturating_sub(items.len()));
        items.extend_from_slice(&(item as u32).to_le_bytes());
        items.extend_from_slice(&half_hash(item as u32, bytes));
        items.extend_from_slice(bytes);
        if items.len() < self.buffer { Ok(()) } else { self.flush(part, &mut gathered) }
    }

    /// Writes what was gathered behind what the part has.
    fn flush(&self, part: &Part, gathered: &mut Gathered) -> Result<()> {
        let Gathered { items, written } = gathered;
        let place = self.table.place(part.items.clone());
        let (start, end) = (place.start + *written, place.start + *written + items.len() as u64);
        if end > place.end {
            return Err(self.table.damaged());
        }
        self.table.write_at(items, start)?;
        *written += items.len() as u64;
        items.clear();
        // A long item made it larger than it may stay.
        items.shrink_to(self.buffer);
        Ok(())
    }

    /// Puts all parts in order. Items that were not written are not there.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), with [`std::io::ErrorKind::InvalidData`] if a part is not what was written to
    /// it.
    pub(crate) fn finish(self) -> Result<()> {
        for part in &self.parts {
            let mut gathered = part.gathered.lock().unwrap_or_else(PoisonError::into_inner);
            self.flush(part, &mut gathered)?;
            gathered.items = Vec::new();
        }
        let scratch = <(Vec<u8>, Vec<u8>)>::default;
        self.parts.par_iter().try_for_each_init(scratch, |(came, placed), part| self.arrange(part, came, placed))
    }

    /// Puts a part in order.
    fn arrange(&self, part: &Part, came: &mut Vec<u8>, placed: &mut Vec<u8>) -> Result<()> {
        let Self { table, .. } = self;
        let place = table.place(part.items.clone());
        let written = part.gathered.lock().unwrap_or_else(PoisonError::into_inner).written;
        came.resize(usize::try_from(written).unwrap_or(usize::MAX), 0);
        table.read_at(came, place.start)?;
        placed.clear();
        placed.resize(usize::try_from(place.end - place.start).unwrap_or(usize::MAX), 0);
        let mut rest = &came[..];
        while let Some((item, bytes, behind)) = self.next(part, rest) {
            let at = usize::try_from(table.starts[item] - place.start).unwrap_or(usize::MAX);
            put_hashed(&mut placed[at..at + bytes.len() + HASH as usize], bytes);
            rest = behind;
        }
        if rest.is_empty() { table.write_at(placed, place.start) } else { Err(table.damaged()) }
    }

    /// The first item of those that came, its bytes, and what is behind it; none if it is not what was written.
    fn next<'b>(&self, part: &Part, came: &'b [u8]) -> Option<(usize, &'b [u8], &'b [u8])> {
        let (number, rest) = came.split_first_chunk()?;
        let (half, rest) = rest.split_first_chunk()?;
        let number = u32::from_le_bytes(*number);
        let item = Some(number as usize).filter(|item| part.items.contains(item))?;
        let (bytes, behind) = rest.split_at_checked(usize::try_from(self.table.length(item)).ok()?)?;
        (half_hash(number, bytes) == *half).then_some((item, bytes, behind))
    }
}

/// Half of a hash of an item and its number.
fn half_hash(item: u32, bytes: &[u8]) -> [u8; 4] {
    (xxh3_64_with_seed(bytes, item.into()) as u32).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use proptest::prelude::*;

    use super::*;
    use crate::error::Error;
    use crate::memory::budget::Budget;
    use crate::write::spill::Spill;

    const LONGEST: usize = 5000;

    fn spill(memory: u64) -> (tempfile::TempDir, Spill) {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(Budget::new(memory), folder.path().to_path_buf(), None);
        (folder, spill)
    }

    fn table(spill: &Spill, items: &[Vec<u8>]) -> SpillTable {
        let lengths = items.iter().map(|item| Ok(item.len() as u64));
        SpillTable::new(spill, "items", items.len() as u64, 0, lengths).unwrap()
    }

    /// Items of all lengths, most of them short.
    fn items(count: usize) -> Vec<Vec<u8>> {
        let length = |item: usize| if item % 97 == 5 { LONGEST - item % 7 } else { item * 31 % 700 };
        (0..count).map(|item| vec![item as u8; length(item)]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn items_come_back_whatever_the_order_and_the_memory(
            count in 0_usize..8000,
            step in prop::sample::select(vec![1_usize, 8009, 9973]),
            megabytes in 0_u64..24,
            left_out in 2_usize..9000,
        ) {
            let (_folder, spill) = spill((megabytes << 20) + (1 << 17));
            let items = items(count);
            let table = table(&spill, &items);
            let held = spill.budget().in_use();
            let arranger = Arranger::new(&table, LONGEST as u64);
            prop_assert!(spill.budget().in_use() - held <= Arranger::estimate(spill.budget().limit() - held, u64::MAX));
            (0..count).into_par_iter().try_for_each_init(Vec::new, |scratch, turn| {
                let item = turn * step % count;
                if item % left_out == 1 { Ok(()) } else { arranger.write(item, &items[item], scratch) }
            }).unwrap();
            arranger.finish().unwrap();
            prop_assert_eq!(spill.budget().in_use(), held);
            let mut found = Vec::new();
            for (item, bytes) in items.iter().enumerate() {
                match table.item(item, &mut found) {
                    Ok(()) => prop_assert_eq!(&found, bytes),
                    Err(_) => prop_assert_eq!(item % left_out, 1),
                }
            }
        }
    }

    #[test]
    fn there_are_parts_where_there_is_memory_and_a_disk() {
        for (memory, allowed, parts) in [(64, true, 2), (8, true, 3), (1, true, 0), (64, false, 0)] {
            let (_folder, spill) = spill(memory << 20);
            let spill = spill.allowed(allowed);
            let table = table(&spill, &items(7000));
            rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| {
                assert_eq!(Arranger::new(&table, LONGEST as u64).parts.len(), parts, "{memory} MiB");
            });
        }
    }

    #[test]
    fn damage_between_the_passes_is_found() {
        let (_folder, spill) = spill(64 << 20);
        let items = items(3000);
        for at in [0, 4, 9, 70_000] {
            let table = table(&spill, &items);
            let arranger = Arranger::new(&table, LONGEST as u64);
            (0..3000).rev().try_for_each(|item| arranger.write(item, &items[item], &mut Vec::new())).unwrap();
            arranger.flush(&arranger.parts[0], &mut arranger.parts[0].gathered.lock().unwrap()).unwrap();
            let Store::Disk { file, .. } = &table.store else { panic!("on disk") };
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1], at).unwrap();
            assert!(matches!(arranger.finish(), Err(Error::Io { .. })), "byte {at}");
        }
    }

    #[test]
    fn an_item_that_is_written_twice_is_refused() {
        let (_folder, spill) = spill(64 << 20);
        let items = items(3000);
        let table = table(&spill, &items);
        let arranger = Arranger::new(&table, LONGEST as u64);
        let twice =
            (0..3000).chain(2000..3000).try_for_each(|item| arranger.write(item, &items[item], &mut Vec::new()));
        assert!(twice.and_then(|()| arranger.finish()).is_err());
    }
}
