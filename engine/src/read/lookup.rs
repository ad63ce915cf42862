//! From names to records: hash, bucket, entries with the fingerprint, and then the record's own header text, which
//! decides.
//!
//! A lookup touches one page of the buckets, one of the entries, one of the header table and one text block. A wrong
//! record is never returned, whatever the hash says.

use std::ops::Range;

use talaria_db_spec::keys::{self, KeyEntry, Rank};

use crate::database::Database;
use crate::error::Result;

impl Database {
    /// The numbers of all records that bear `name`, ascending: as their id (the first word of a title), else as an
    /// accession, else as one without its version, else as an entry name. The first of these that any record has
    /// counts.
    ///
    /// # Errors
    /// Damage in what was touched.
    pub fn find(&self, name: impl AsRef<[u8]>) -> Result<Vec<u64>> {
        let name = name.as_ref();
        let mut found = Found::default();
        let hash = keys::hash(name);
        for index in self.bucket_entries(hash)? {
            if let Some(ordinal) = self.candidate(index, hash)? {
                found.add(ordinal, keys::rank_of(&self.header(ordinal)?, name));
            }
        }
        Ok(found.into_ordinals())
    }

    /// The indexes of the key entries in the bucket of a hash.
    pub(crate) fn bucket_entries(&self, hash: u64) -> Result<Range<u64>> {
        let (buckets, entries) = (&self.sections().key_buckets, &self.sections().key_entries);
        let bucket = keys::bucket(hash, buckets.item_count - 1);
        keys::bucket_range(bucket, self.bucket_item(bucket)?, self.bucket_item(bucket + 1)?, entries.item_count)
            .map_err(crate::Error::format(self.path()))
    }

    /// The record of key entry `index`, if the entry may belong to a name with this hash.
    pub(crate) fn candidate(&self, index: u64, hash: u64) -> Result<Option<u64>> {
        let entry = KeyEntry::from_bits(self.item(&self.sections().key_entries, index).map(u64::from_le_bytes)?);
        if !entry.may_be(hash, self.fingerprint_bits()) {
            return Ok(None);
        }
        self.check_key_ordinal(index, entry.ordinal())?;
        Ok(Some(entry.ordinal()))
    }

    /// How much of a hash an entry keeps.
    pub(crate) fn fingerprint_bits(&self) -> u32 {
        fingerprint_bits(self.container().has_packed_columns())
    }

    /// Item `index` of the key buckets.
    pub(crate) fn bucket_item(&self, index: u64) -> Result<u64> {
        let section = &self.sections().key_buckets;
        if section.item_size == 8 {
            self.item(section, index).map(u64::from_le_bytes)
        } else {
            self.item(section, index).map(|bytes| u32::from_le_bytes(bytes).into())
        }
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
#[derive(Default)]
pub(crate) struct Found {
    rank: Option<Rank>,
    ordinals: Vec<u64>,
}

impl Found {
    /// A record that may bear the name; not, if `rank` is none.
    pub(crate) fn add(&mut self, ordinal: u64, rank: Option<Rank>) {
        let Some(rank) = rank else { return };
        if self.rank.is_none_or(|best| rank < best) {
            self.rank = Some(rank);
            self.ordinals.clear();
        }
        if self.rank == Some(rank) {
            self.ordinals.push(ordinal);
        }
    }

    /// The records, in the order in which they were added.
    pub(crate) fn into_ordinals(self) -> Vec<u64> {
        self.ordinals
    }
}
