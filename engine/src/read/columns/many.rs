//! The columns of many records, in any order.
//!
//! Where records are many, they are looked at from front to back, a run of neighbours at a time, and so they are where
//! a column does not stay in the system's cache: then each page is read once. Where they are few in a large file, each
//! access waits for memory, so that the columns of a record further on are fetched meanwhile.
//!
//! Beside the result, takes 16 bytes and an item a record while they are put in order, and 112 KiB a thread for a run;
//! without memory for that, records are looked at one by one.

use rayon::prelude::*;
use talaria_db_spec::validate::Section;

use super::{CURSOR_MEMORY, ColumnView};
use crate::database::{AS_MUCH_AS_A_PAGE, Database, place};
use crate::error::Result;

/// Records whose items of a column are asked for together, where a column does not stay in the system's cache: up to
/// 256 KiB of it.
const TOGETHER: u64 = 1 << 14;
/// Records whose columns one thread looks at, alone if there are fewer: starting others takes longer.
const ALONE: usize = 256;
/// Runs are looked at where at least one of so many neighbours is asked for: copying the columns of that many takes as
/// long as one look into the cache.
const DENSE: u64 = 16;

impl Database {
    /// What `item` finds in `columns` for each of these records, in the order given.
    pub(crate) fn look_up<T: Copy + Send>(
        &self,
        ordinals: &[u64],
        columns: &[&Section],
        item: impl Fn(ColumnView<'_>, u64) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let single = self.column_view(None);
        if ordinals.len() < ALONE {
            return ordinals.iter().map(|&ordinal| item(single, ordinal)).collect();
        }
        let is_dense = is_dense(ordinals.len(), self.len());
        if is_dense || !columns.iter().all(|column| self.stays(column)) {
            return self.look_up_in_order(ordinals, columns, item);
        }
        let distance = self.memory().cache.prefetch_distance;
        let count = ordinals.len();
        columns.iter().for_each(|column| self.expect(column, count));
        (0..count)
            .into_par_iter()
            .with_min_len(ALONE)
            .map(|index| {
                if distance > 0
                    && let Some(&ahead) = ordinals.get(index + distance)
                {
                    columns.iter().for_each(|column| self.prefetch(column, ahead));
                }
                item(single, ordinals[index])
            })
            .collect()
    }

    /// The same from front to back, piece by piece.
    fn look_up_in_order<T: Copy + Send>(
        &self,
        ordinals: &[u64],
        columns: &[&Section],
        item: impl Fn(ColumnView<'_>, u64) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut order: Vec<(u64, usize)> = ordinals.iter().copied().zip(0..).collect();
        order.par_sort_unstable();
        let pieces: Vec<&[(u64, usize)]> =
            order.chunk_by(|(left, _), (right, _)| left / TOGETHER == right / TOGETHER).collect();
        let found: Vec<Vec<T>> = pieces
            .par_iter()
            .map(|piece| {
                let (Some(&(first, _)), Some(&(last, _))) = (piece.first(), piece.last()) else {
                    return Ok(Vec::new());
                };
                let range = first..last.saturating_add(1);
                for column in columns {
                    let bytes = place(column, range.end) - place(column, range.start);
                    if piece.len() as u64 >= bytes / AS_MUCH_AS_A_PAGE {
                        self.expect_items(column, range.clone());
                    }
                }
                let lease = || self.budget().lease("columns of neighbours", CURSOR_MEMORY).ok();
                let lease = is_dense(piece.len(), last - first).then(lease).flatten();
                let mut cursor = lease.as_ref().map(|_| self.column_cursor(range));
                let look = |&(ordinal, _): &(u64, usize)| {
                    // Where a neighbour is damaged, each record says for itself whether it is.
                    let run = cursor.as_mut().and_then(|cursor| cursor.at(ordinal).ok());
                    item(self.column_view(run), ordinal)
                };
                piece.iter().map(look).collect()
            })
            .collect::<Result<_>>()?;
        let mut items = vec![None; ordinals.len()];
        for ((_, index), item) in order.into_iter().zip(found.into_iter().flatten()) {
            items[index] = Some(item);
        }
        Ok(items.into_iter().flatten().collect())
    }
}

/// Whether so many of these neighbours are asked for that they are looked at in runs.
fn is_dense(asked: usize, neighbours: u64) -> bool {
    asked as u64 >= neighbours / DENSE
}

#[cfg(test)]
mod tests {
    use crate::memory::settings::MemorySettings;
    use crate::{Builder, OpenOptions};

    #[test]
    fn columns_that_do_not_stay_in_memory_give_the_same_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.talaria");
        // More than are looked up together.
        let count = 2 * super::TOGETHER + 100;
        let records = (0..count).map(|number| (format!("r{number}").into_bytes(), vec![b'A'; 1 + number as usize % 7]));
        Builder::new(&path).add_records("made", records).finish().unwrap();
        let mut settings = MemorySettings::default();
        settings.mapping.page_cache = Some(1);
        let database = OpenOptions::new().memory(settings).open(&path).unwrap();
        // Not in order, some twice, over all pieces.
        let ordinals: Vec<u64> = (0..3000).map(|number| number * 7919 % (count - 1)).chain([0, count - 1, 0]).collect();
        let found = database.batch(&ordinals).unwrap();
        assert_eq!(found.len(), ordinals.len());
        for (record, ordinal) in found.iter().zip(&ordinals) {
            assert_eq!(record.header().as_bytes(), format!("r{ordinal}").as_bytes());
            assert_eq!(record.sequence().len(), 1 + *ordinal as usize % 7);
        }
        assert!(database.batch(&vec![count; 300]).is_err());
    }
}
