//! From names to records: hash, bucket, entries with the fingerprint, and then the record's own header text, which decides.
//!
//! A lookup touches one page of the buckets, one of the entries, one of the header table and one text block. A wrong record is
//! never returned, whatever the hash says.

use rayon::prelude::*;
use talaria_db_spec::keys::{self, KeyEntry, Rank};

use crate::database::Database;
use crate::error::Result;
use crate::read::stream::Item;

impl Database {
    /// The numbers of all records that bear `name`, ascending: as their id (the first word of a title), else as an accession, else
    /// as one without its version, else as an entry name. The first of these that any record has counts.
    ///
    /// # Errors
    /// Damage in what was touched.
    pub fn find(&self, name: impl AsRef<[u8]>) -> Result<Vec<u64>> {
        let name = name.as_ref();
        let mut found = Found::default();
        for ordinal in self.candidates(name)? {
            found.add(ordinal, keys::rank_of(&self.header(ordinal)?, name));
        }
        Ok(found.into_ordinals())
    }

    /// [`Database::find`] for many names at once, in parallel; each text block is decoded once.
    ///
    /// # Errors
    /// Damage in what was touched.
    pub fn find_many<N: AsRef<[u8]> + Sync>(&self, names: &[N]) -> Result<Vec<Vec<u64>>> {
        let candidates: Vec<Vec<u64>> =
            names.par_iter().map(|name| self.candidates(name.as_ref())).collect::<Result<_>>()?;
        let mut checks: Vec<(Item, u64, usize)> = Vec::new();
        for (index, ordinals) in candidates.iter().enumerate() {
            for &ordinal in ordinals {
                checks.push((self.text_item(ordinal)?, ordinal, index));
            }
        }
        checks.par_sort_unstable_by_key(|&(item, ordinal, index)| (item.address, ordinal, index));
        let same_block =
            |left: &(Item, u64, usize), right: &(Item, u64, usize)| left.0.address.block() == right.0.address.block();
        let groups: Vec<&[(Item, u64, usize)]> = checks.chunk_by(same_block).collect();
        let ranks: Vec<Vec<(usize, u64, Option<Rank>)>> = groups
            .into_par_iter()
            .map(|group| {
                let rank = |&(item, ordinal, index): &(Item, u64, usize)| {
                    let header = self.slice(self.texts(), item, 0..item.length)?;
                    Ok((index, ordinal, keys::rank_of(&header, names[index].as_ref())))
                };
                group.iter().map(rank).collect::<Result<_>>()
            })
            .collect::<Result<_>>()?;
        let mut found: Vec<Found> = Vec::new();
        found.resize_with(names.len(), Found::default);
        for (index, ordinal, rank) in ranks.into_iter().flatten() {
            found[index].add(ordinal, rank);
        }
        Ok(found
            .into_iter()
            .map(|mut found| {
                found.ordinals.sort_unstable();
                found.ordinals
            })
            .collect())
    }

    /// The records whose entries in the key index have the fingerprint of `name`, ascending.
    fn candidates(&self, name: &[u8]) -> Result<Vec<u64>> {
        let hash = keys::hash(name);
        let (buckets, entries) = (&self.sections().key_buckets, &self.sections().key_entries);
        let bucket = keys::bucket(hash, buckets.item_count - 1);
        let range =
            keys::bucket_range(bucket, self.bucket_item(bucket)?, self.bucket_item(bucket + 1)?, entries.item_count)
                .map_err(crate::Error::format(self.path()))?;
        let mut ordinals = Vec::new();
        for index in range {
            let entry = KeyEntry::from_bits(self.item(entries, index).map(u64::from_le_bytes)?);
            if entry.may_be(hash) {
                self.check_key_ordinal(index, entry.ordinal())?;
                ordinals.push(entry.ordinal());
            }
        }
        Ok(ordinals)
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
