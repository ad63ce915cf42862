//! The key index: every name of every record is in its bucket, and nothing else is.
//!
//! Buckets follow the hashes of names, so a search of each name would touch the whole index at random: a page of it a
//! name wherever the index is larger than what the system has left for its cache. So the entries that are there and
//! those that the names ask for are gone through in the order in which each of them lies, and a sum of keyed hashes is
//! compared: the key is drawn anew for every check, so that two different sets, however they were made, have the same
//! sum once in 2^64. Only if they differ, or something is wrong already, is each name searched, to say which record it
//! is that is not found.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use rayon::prelude::*;
use talaria_db_spec::keys::{self, KeyEntry};

use super::Findings;
use crate::database::Database;
use crate::error::Result;
use crate::read::scan::LastBlock;

/// Buckets or records that one thread looks at together.
const GROUP: u64 = 4096;

/// A bucket and an entry in it.
type Place = (u64, KeyEntry);

/// What entries come to, in any order.
type Sum = u64;

impl Database {
    pub(super) fn verify_names(&self, findings: &Findings) -> Result<()> {
        let buckets = self.sections().key_buckets.item_count - 1;
        let entries = self.sections().key_entries.item_count;
        for (index, expected) in [(0, 0), (buckets, entries)] {
            if let Some(got) = findings.note(self.bucket_item(index)) {
                findings.expect(self, ("key buckets", "item"), "K-1", got, expected);
            }
        }
        let key = RandomState::new();
        let listed: Sum = in_groups(buckets)
            .map(|group| {
                group.filter_map(|bucket| findings.note(self.verify_bucket(bucket, &key))).fold(0, Sum::wrapping_add)
            })
            .reduce(|| 0, Sum::wrapping_add);
        let (count, named) = self.for_each_named(findings, |_, places| sum(&key, places));
        if findings.is_empty() && listed == named {
            return Ok(());
        }
        self.for_each_named(findings, |ordinal, places| {
            findings.note(self.search(ordinal, places));
            0
        });
        if findings.is_empty() {
            findings.expect(self, ("key entries", "item_count"), "K-3", entries, count);
        }
        Ok(())
    }

    /// Calls `visit`, from several threads, with every record whose header text can be read and where its names should
    /// be. How many places there are, and the sum of what `visit` returns.
    fn for_each_named(&self, findings: &Findings, visit: impl Fn(u64, &[Place]) -> Sum + Sync) -> (u64, Sum) {
        let (buckets, bits) = (self.sections().key_buckets.item_count - 1, self.fingerprint_bits());
        let of_group = |group: Range<u64>| {
            let (mut text, mut places, mut count, mut sum) = (LastBlock::default(), Vec::new(), 0, 0);
            // Its pages were compared before, so that nothing else asks for those that come next.
            self.expect_items(&self.sections().header_table, group.clone());
            for ordinal in group {
                let header = self.text_item(ordinal).and_then(|item| text.item(self, self.texts(), item, false));
                let Some(header) = findings.note_again(header) else { continue };
                places.clear();
                keys::for_each_name(&header, |name, _| {
                    let hash = keys::hash(name);
                    places.push((keys::bucket(hash, buckets), KeyEntry::new(hash, ordinal, bits)));
                });
                places.sort_unstable();
                places.dedup();
                count += places.len() as u64;
                sum = Sum::wrapping_add(sum, visit(ordinal, &places));
            }
            (count, sum)
        };
        in_groups(self.len())
            .map(of_group)
            .reduce(|| (0, 0), |left, right| (left.0 + right.0, left.1.wrapping_add(right.1)))
    }

    /// The sum of the entries of a bucket.
    fn verify_bucket(&self, bucket: u64, key: &RandomState) -> Result<Sum> {
        let entries = self.sections().key_entries;
        let range =
            keys::bucket_range(bucket, self.bucket_item(bucket)?, self.bucket_item(bucket + 1)?, entries.item_count)
                .map_err(crate::Error::format(self.path()))?;
        let (mut before, mut all) = (None, 0);
        for index in range {
            let entry = KeyEntry::from_bits(self.item(&entries, index).map(u64::from_le_bytes)?);
            self.check_key_ordinal(index, entry.ordinal())?;
            if before.is_some_and(|before| entry <= before) {
                return Err(self.broken("key entries", "order", "K-2", index, entry.bits(), 0));
            }
            before = Some(entry);
            all = Sum::wrapping_add(all, sum(key, &[(bucket, entry)]));
        }
        Ok(all)
    }

    fn search(&self, ordinal: u64, places: &[Place]) -> Result<()> {
        for &(bucket, entry) in places {
            if !self.bucket_has(bucket, entry)? {
                return Err(self.broken("key entries", "name of record", "K-3", ordinal, 0, entry.bits()));
            }
        }
        Ok(())
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

fn sum(key: &RandomState, places: &[Place]) -> Sum {
    places.iter().map(|(bucket, entry)| key.hash_one((bucket, entry.bits()))).fold(0, Sum::wrapping_add)
}

/// The numbers below `count`, in groups.
fn in_groups(count: u64) -> impl ParallelIterator<Item = Range<u64>> {
    (0..count.div_ceil(GROUP)).into_par_iter().map(move |group| group * GROUP..((group + 1) * GROUP).min(count))
}
