//! The key index: every name of every record is in its bucket, and nothing else is.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use talaria_db_spec::keys::{self, KeyEntry};

use super::Findings;
use crate::database::Database;
use crate::error::Result;
use crate::read::scan::LastBlock;

/// Buckets or records that one thread looks at together.
const GROUP: u64 = 4096;

impl Database {
    pub(super) fn verify_names(&self, findings: &Findings) -> Result<()> {
        let buckets = self.sections().key_buckets.item_count - 1;
        let entries = self.sections().key_entries.item_count;
        for (index, expected) in [(0, 0), (buckets, entries)] {
            if let Some(got) = findings.note(self.bucket_item(index)) {
                findings.expect(self, ("key buckets", "item"), "K-1", got, expected);
            }
        }
        (0..buckets.div_ceil(GROUP)).into_par_iter().for_each(|group| {
            for bucket in group * GROUP..((group + 1) * GROUP).min(buckets) {
                findings.note(self.verify_bucket(bucket));
            }
        });
        let named = AtomicU64::new(0);
        (0..self.len().div_ceil(GROUP)).into_par_iter().for_each(|group| {
            let (mut text, mut places) = (LastBlock::default(), Vec::new());
            for ordinal in group * GROUP..((group + 1) * GROUP).min(self.len()) {
                let header = self.text_item(ordinal).and_then(|item| text.item(self, self.texts(), item, false));
                // A header text that cannot be read has been noted already.
                let Ok(header) = header else { continue };
                if let Some(count) = findings.note(self.verify_names_of(ordinal, &header, &mut places)) {
                    named.fetch_add(count, Ordering::Relaxed);
                }
            }
        });
        if findings.count.load(Ordering::Relaxed) == 0 {
            findings.expect(self, ("key entries", "item_count"), "K-3", entries, named.into_inner());
        }
        Ok(())
    }

    fn verify_bucket(&self, bucket: u64) -> Result<()> {
        let entries = self.sections().key_entries;
        let range =
            keys::bucket_range(bucket, self.bucket_item(bucket)?, self.bucket_item(bucket + 1)?, entries.item_count)
                .map_err(crate::Error::format(self.path()))?;
        let mut before = None;
        for index in range {
            let entry = KeyEntry::from_bits(self.item(&entries, index).map(u64::from_le_bytes)?);
            self.check_key_ordinal(index, entry.ordinal())?;
            if before.is_some_and(|before| entry <= before) {
                return Err(self.broken("key entries", "order", "K-2", index, entry.bits(), 0));
            }
            before = Some(entry);
        }
        Ok(())
    }

    /// How many entries the names of a record have. `places` is room to gather them in.
    fn verify_names_of(&self, ordinal: u64, header: &[u8], places: &mut Vec<(u64, KeyEntry)>) -> Result<u64> {
        let buckets = self.sections().key_buckets.item_count - 1;
        places.clear();
        keys::for_each_name(header, |name, _| {
            let hash = keys::hash(name);
            places.push((keys::bucket(hash, buckets), KeyEntry::new(hash, ordinal)));
        });
        places.sort_unstable();
        places.dedup();
        for &(bucket, entry) in &*places {
            if !self.bucket_has(bucket, entry)? {
                return Err(self.broken("key entries", "name of record", "K-3", ordinal, 0, entry.bits()));
            }
        }
        Ok(places.len() as u64)
    }

    fn bucket_has(&self, bucket: u64, entry: KeyEntry) -> Result<bool> {
        let entries = &self.sections().key_entries;
        let (mut low, mut high) = (self.bucket_item(bucket)?, self.bucket_item(bucket + 1)?.min(entries.item_count));
        while low < high {
            let middle = low + (high - low) / 2;
            let found = KeyEntry::from_bits(self.item(entries, middle).map(u64::from_le_bytes)?);
            if found == entry {
                return Ok(true);
            }
            if found < entry { low = middle + 1 } else { high = middle }
        }
        Ok(false)
    }
}
