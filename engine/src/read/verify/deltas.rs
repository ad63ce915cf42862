//! The delta stream as a whole: its blocks are made of items and nothing else, and each item is that of a record.
//!
//! What the items make is checked with the records. Here the items are counted, block by block, and compared with the records that are deltas and share
//! no other's item.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use talaria_db_spec::delta::for_each_item;

use super::Findings;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::stream::Stream;

/// Records that one thread looks at together.
const GROUP: u64 = 1 << 14;

impl Database {
    /// To be called when the records and the blocks have been checked.
    ///
    /// # Errors
    /// None; what is found is noted.
    pub(super) fn verify_delta_items(&self, findings: &Findings) -> Result<()> {
        let Some(stream) = self.deltas() else { return Ok(()) };
        if findings.count.load(Ordering::Relaxed) > 0 {
            return Ok(());
        }
        let blocks = stream.directory.item_count;
        let counts: Vec<u64> = (0..blocks)
            .into_par_iter()
            .map(|number| findings.note(self.count_items(stream, number)).unwrap_or_default())
            .collect();
        let mut items = 0;
        for (number, count) in (0..).zip(counts) {
            if let Some(entry) = findings.note(self.block_entry(stream, number))
                && entry.first_slot.get() != items
            {
                findings.add(self.broken("delta", "first_slot", "B-6", number, entry.first_slot.get(), items));
            }
            items += count;
        }
        let records = AtomicU64::new(0);
        (0..self.len().div_ceil(GROUP)).into_par_iter().for_each(|group| {
            for ordinal in group * GROUP..((group + 1) * GROUP).min(self.len()) {
                let Some(entry) = findings.note(self.header_entry(ordinal)) else { continue };
                if entry.is_delta() && !entry.is_shared() {
                    records.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        findings.expect(self, ("delta", "items"), "X-4", items, records.into_inner());
        Ok(())
    }

    fn count_items(&self, stream: &Stream, number: u64) -> Result<u64> {
        let (block, mut count) = (self.decode_block(stream, number)?, 0);
        let counted = for_each_item(&block, |_, _| {
            count += 1;
            Ok(())
        });
        counted.map_err(Error::format(self.path())).map(|()| count)
    }
}
