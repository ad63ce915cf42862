//! From names to records: hash, bucket, entries with the fingerprint, and then the record's own header text, which
//! decides.
//!
//! A lookup touches one page of the buckets, one of the entries, one of the header table and one text block. A wrong
//! record is never returned, whatever the hash says.

use std::ops::Range;

use talaria_db_spec::keys::{self, KeyEntry, Rank};

use crate::database::Database;
use crate::error::Result;
use crate::read::shared::SharedSequence;

/// Key entries that are looked at together: a writer aims at eight a bucket.
const TOGETHER: usize = 16;
/// The lane of packed key entries that has their fingerprints.
const FINGERPRINT_LANE: usize = 1;

impl Database {
    /// The numbers of all records that bear `name`, ascending: as their id (the first word of a title), else as an
    /// accession, else as one without its version, else as an entry name. The first of these that any record has
    /// counts.
    ///
    /// # Errors
    /// Damage in what was touched.
    pub fn find(&self, name: impl AsRef<[u8]>) -> Result<Vec<u64>> {
        Ok(self.find_headers(name.as_ref())?.into_iter().map(|(ordinal, _)| ordinal).collect())
    }

    /// As [`Database::find`], with the header texts, which were read anyway.
    pub(crate) fn find_headers(&self, name: &[u8]) -> Result<Vec<(u64, SharedSequence)>> {
        let mut found = Found::default();
        let hash = keys::hash(name);
        self.candidates(self.bucket_entries(hash)?, hash, |ordinal| {
            let header = self.header(ordinal)?;
            let rank = keys::rank_of(&header, name);
            found.add((ordinal, header), rank);
            Ok(())
        })?;
        Ok(found.into_records())
    }

    /// The indexes of the key entries in the bucket of a hash.
    pub(crate) fn bucket_entries(&self, hash: u64) -> Result<Range<u64>> {
        let (buckets, entries) = (&self.sections().key_buckets, &self.sections().key_entries);
        let bucket = keys::bucket(hash, buckets.item_count - 1);
        let [start, end] = if buckets.item_size == 8 {
            let mut items = [[0; 8]; 2];
            self.few(buckets, bucket, &mut items)?;
            items.map(u64::from_le_bytes)
        } else {
            let mut items = [[0; 4]; 2];
            self.few(buckets, bucket, &mut items)?;
            items.map(|item| u32::from_le_bytes(item).into())
        };
        keys::bucket_range(bucket, start, end, entries.item_count).map_err(crate::Error::format(self.path()))
    }

    /// Calls `found` with the records of those key entries that may belong to a name with this hash.
    pub(crate) fn candidates(
        &self,
        entries: Range<u64>,
        hash: u64,
        mut found: impl FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        if let Some(column) = self.packed_column(&self.sections().key_entries) {
            let fingerprint = (FINGERPRINT_LANE, hash & keys::fingerprint_mask(self.fingerprint_bits()));
            return column.with_value(self.cache(), entries, fingerprint, |index, item| {
                self.candidates_among(index, &[item], hash, &mut found)
            });
        }
        let mut items = [[0; 8]; TOGETHER];
        let mut next = entries.start;
        while next < entries.end {
            let count = (entries.end - next).min(TOGETHER as u64);
            let items = items.get_mut(..count as usize).unwrap_or_default();
            self.few(&self.sections().key_entries, next, items)?;
            self.candidates_among(next, items, hash, &mut found)?;
            next += count;
        }
        Ok(())
    }

    /// The same of key entries that are at hand, the first of which is `first`.
    pub(crate) fn candidates_among(
        &self,
        first: u64,
        items: &[[u8; 8]],
        hash: u64,
        mut found: impl FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        for (index, item) in (first..).zip(items) {
            let entry = KeyEntry::from_bits(u64::from_le_bytes(*item));
            if entry.may_be(hash, self.fingerprint_bits()) {
                self.check_key_ordinal(index, entry.ordinal())?;
                found(entry.ordinal())?;
            }
        }
        Ok(())
    }

    /// How much of a hash an entry keeps.
    pub(crate) fn fingerprint_bits(&self) -> u32 {
        fingerprint_bits(self.container().has_packed_columns())
    }

    /// Item `index` of the key buckets.
    pub(crate) fn bucket_item(&self, index: u64) -> Result<u64> {
        self.number_item(&self.sections().key_buckets, index)
    }

    pub(crate) fn check_key_ordinal(&self, index: u64, ordinal: u64) -> Result<()> {
        if ordinal < self.len() {
            Ok(())
        } else {
            Err(self.broken("key entries", "ordinal", "K-2", index, ordinal, self.len()))
        }
    }
}

/// How much of a hash an entry of the key index keeps, by whether columns are packed.
pub(crate) const fn fingerprint_bits(packed: bool) -> u32 {
    if packed { keys::PACKED_FINGERPRINT_BITS } else { keys::FINGERPRINT_BITS }
}

/// The records with the lowest rank so far.
pub(crate) struct Found<T> {
    rank: Option<Rank>,
    records: Vec<T>,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self { rank: None, records: Vec::new() }
    }
}

impl<T> Found<T> {
    /// A record that may bear the name; not, if `rank` is none.
    pub(crate) fn add(&mut self, record: T, rank: Option<Rank>) {
        let Some(rank) = rank else { return };
        if self.rank.is_none_or(|best| rank < best) {
            self.rank = Some(rank);
            self.records.clear();
        }
        if self.rank == Some(rank) {
            self.records.push(record);
        }
    }

    /// The records, in the order in which they were added.
    pub(crate) fn into_records(self) -> Vec<T> {
        self.records
    }
}
