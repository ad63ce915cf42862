//! From many names to the records that may bear them, by hash.
//!
//! Names are put in the order of their hashes, which is that of the buckets. Where they are many, the buckets and
//! entries of a chunk of them are looked at as two runs. Where they are few in a large index, each lookup is a chain of
//! loads that wait for memory; so the chains of a chunk run one step apart: while one name's bucket is read, the bucket
//! of a name [`crate::memory::settings::CacheSettings::prefetch_distance`] further on is fetched, and so for entries.

use std::borrow::Cow;

use rayon::prelude::*;
use talaria_db_spec::keys;

use crate::database::{Database, numbers};
use crate::error::Result;
use crate::memory::budget::Lease;

/// Names that one thread looks up together.
const CHUNK: usize = 1024;
/// Buckets a name, at most, that are looked at in runs: copying those, and their entries, takes as long as two looks
/// into the cache.
const DENSE: u64 = 4;
/// Entries that are looked at as a run, at most: of a sound file there are fewer.
const MOST_ENTRIES: u64 = 1 << 16;

/// The hash of a name, and its index.
type Hashed = (u64, usize);

impl Database {
    /// The records that may bear one of `names`, each with the index of that name, in no particular order.
    pub(super) fn probe_all<N: AsRef<[u8]> + Sync>(&self, names: &[N]) -> Result<Vec<(u64, usize)>> {
        let hash = |(index, name): (usize, &N)| (keys::hash(name.as_ref()), index);
        let mut hashed: Vec<Hashed> = names.par_iter().enumerate().map(hash).collect();
        hashed.par_sort_unstable();
        let found = hashed.par_chunks(CHUNK).map(|chunk| self.probe(chunk)).collect::<Result<Vec<_>>>()?;
        Ok(found.concat())
    }

    /// The same of some names, which are in the order of their hashes.
    fn probe(&self, names: &[Hashed]) -> Result<Vec<(u64, usize)>> {
        let mut found = Vec::with_capacity(names.len());
        // Where a neighbour is damaged, each name says for itself whether it is found.
        let Ok(Some(run)) = IndexRun::of(self, names) else {
            self.probe_apart(names, &mut found)?;
            return Ok(found);
        };
        for &(hash, name) in names {
            run.candidates(self, hash, |ordinal| {
                found.push((ordinal, name));
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// The same one by one, side by side.
    fn probe_apart(&self, names: &[Hashed], found: &mut Vec<(u64, usize)>) -> Result<()> {
        let distance = self.memory().cache.prefetch_distance;
        let (sections, buckets) = (self.sections(), self.sections().key_buckets.item_count - 1);
        let prefetch = |&(hash, _): &Hashed| self.prefetch(&sections.key_buckets, keys::bucket(hash, buckets));
        names.iter().take(distance).for_each(prefetch);
        let mut ranges = Vec::with_capacity(names.len());
        for (index, &(hash, _)) in names.iter().enumerate() {
            if distance > 0 {
                names.get(index + distance).into_iter().for_each(prefetch);
            }
            ranges.push(self.bucket_entries(hash)?);
        }
        for (index, (range, &(hash, name))) in ranges.iter().zip(names).enumerate() {
            if distance > 0
                && let Some(ahead) = ranges.get(index + distance)
            {
                self.prefetch(&sections.key_entries, ahead.start);
            }
            self.candidates(range.clone(), hash, |ordinal| {
                found.push((ordinal, name));
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// Neighbouring buckets, and their entries.
struct IndexRun<'d> {
    first_bucket: u64,
    /// Where the entries of each bucket start, and at last where they end.
    starts: Vec<u64>,
    first_entry: u64,
    entries: Cow<'d, [u8]>,
    _lease: Lease,
}

impl<'d> IndexRun<'d> {
    /// Those of all of these names; `None` if they are too many. An error also if there is no memory for them.
    fn of(database: &'d Database, names: &[Hashed]) -> Result<Option<Self>> {
        let (buckets, entries) = (&database.sections().key_buckets, &database.sections().key_entries);
        let bucket = |name: Option<&Hashed>| name.map(|&(hash, _)| keys::bucket(hash, buckets.item_count - 1));
        let (Some(first), Some(last)) = (bucket(names.first()), bucket(names.last())) else { return Ok(None) };
        if last - first >= DENSE * names.len() as u64 {
            return Ok(None);
        }
        let items = database.items(buckets, first..last + 2)?;
        let starts: Vec<u64> = numbers(buckets, &items).collect();
        let (Some(&start), Some(&end)) = (starts.first(), starts.last()) else { return Ok(None) };
        if start > end || end > entries.item_count || end - start > MOST_ENTRIES {
            return Ok(None);
        }
        let memory = (starts.len() as u64 + end - start) * size_of::<u64>() as u64;
        let lease = database.budget().lease("a part of the key index", memory)?;
        let entries = database.items(entries, start..end)?;
        Ok(Some(Self { first_bucket: first, starts, first_entry: start, entries, _lease: lease }))
    }

    /// As [`Database::candidates`], of the bucket of the hash.
    fn candidates(&self, database: &Database, hash: u64, found: impl FnMut(u64) -> Result<()>) -> Result<()> {
        match self.bucket(database, hash) {
            Some((first, entries)) => database.candidates_among(first, entries, hash, found),
            None => database.candidates(database.bucket_entries(hash)?, hash, found),
        }
    }

    /// The entries of the bucket of a hash and the index of the first of them; `None` if they are not in the run.
    fn bucket(&self, database: &Database, hash: u64) -> Option<(u64, &[[u8; 8]])> {
        let bucket = keys::bucket(hash, database.sections().key_buckets.item_count - 1);
        let at = usize::try_from(bucket.checked_sub(self.first_bucket)?).ok()?;
        let (&start, &end) = (self.starts.get(at)?, self.starts.get(at + 1)?);
        let place = |entry: u64| usize::try_from(entry.checked_sub(self.first_entry)?).ok();
        Some((start, self.entries.as_chunks().0.get(place(start)?..place(end)?)?))
    }
}
