//! Many names at once: hashed and put in the order of the key index, so that neighbours are looked at together; then
//! the records that may bear them in the order of the columns; then their header texts in the order of the text stream,
//! each block decoded once. All of it in parallel.
//!
//! Memory beside the result: three times 48 bytes a candidate at most, which are leased.

mod probe;

use rayon::prelude::*;
use talaria_db_spec::keys::{self, Rank};

use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Lease;
use crate::read::scan::LastBlock;
use crate::read::stream::Item;

/// Bytes of memory that a candidate takes, twice while they are put together, and a name beside them.
const CANDIDATE: u64 = 3 * size_of::<Candidate>() as u64;

/// What [`Database::find_many`] found, for each name in the order given.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # std::fs::write(folder.path().join("a.fa"), ">one\nACGT\n>two\nGGCC\n>one\nTT\n")?;
/// # let path = folder.path().join("a.talaria");
/// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
/// let database = talaria_db::Database::open(&path)?;
/// let matches = database.find_many(&["two", "three", "one"])?;
/// assert_eq!(matches.iter().collect::<Vec<_>>(), [&[1][..], &[], &[0, 2]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Matches {
    /// Where the numbers of each name end.
    ends: Vec<usize>,
    ordinals: Vec<u64>,
    _lease: Option<Lease>,
}

/// Of lists that were found one by one.
impl FromIterator<Vec<u64>> for Matches {
    fn from_iter<I: IntoIterator<Item = Vec<u64>>>(lists: I) -> Self {
        let (mut ends, mut ordinals) = (Vec::new(), Vec::new());
        for list in lists {
            ordinals.extend(list);
            ends.push(ordinals.len());
        }
        Self { ends, ordinals, _lease: None }
    }
}

impl Matches {
    /// Names that were looked up.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether none were.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The numbers of the records that bear name `index`, ascending; none if there is no such name.
    #[must_use]
    pub fn get(&self, index: usize) -> &[u64] {
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(index).copied());
        range.and_then(|(start, end)| self.ordinals.get(start..end)).unwrap_or_default()
    }

    /// Those of each name in turn.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u64]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Those of all names, one after the other.
    #[must_use]
    pub fn ordinals(&self) -> &[u64] {
        &self.ordinals
    }
}

/// A record that may bear a name.
#[derive(Clone, Copy)]
struct Candidate {
    text: Item,
    ordinal: u64,
    name: usize,
    rank: Option<Rank>,
}

impl Database {
    /// [`Database::find`] for many names at once, in parallel; each text block is decoded once.
    ///
    /// # Errors
    /// Damage in what was touched; [`crate::Error::Memory`] if the budget has no room for the result.
    pub fn find_many<N: AsRef<[u8]> + Sync>(&self, names: &[N]) -> Result<Matches> {
        let mut lease = self.budget().lease("names to look up", names.len() as u64 * CANDIDATE)?;
        for section in [&self.sections().key_buckets, &self.sections().key_entries, &self.sections().header_table] {
            self.expect(section, names.len());
        }
        let found = self.probe_all(names)?;
        lease.resize(names.len().max(found.len()) as u64 * CANDIDATE)?;
        let mut candidates = self.locate_texts(found)?;
        candidates.par_sort_unstable_by_key(|candidate| (candidate.text.address, candidate.ordinal, candidate.name));
        let same_block = |left: &Candidate, right: &Candidate| left.text.address.block() == right.text.address.block();
        let groups: Vec<&mut [Candidate]> = candidates.chunk_by_mut(same_block).collect();
        groups.into_par_iter().try_for_each(|group| {
            let mut block = LastBlock::default();
            group.iter_mut().try_for_each(|candidate| {
                let header = block.bytes(self, self.texts(), candidate.text, true)?;
                candidate.rank = keys::rank_of(header, names[candidate.name].as_ref());
                Ok(())
            })
        })?;
        candidates.retain(|candidate| candidate.rank.is_some());
        candidates.par_sort_unstable_by_key(|candidate| (candidate.name, candidate.rank, candidate.ordinal));
        // The lowest rank that any record of a name has counts.
        let mut best = None;
        candidates.retain(|candidate| {
            if best.is_none_or(|(name, _)| name != candidate.name) {
                best = Some((candidate.name, candidate.rank));
            }
            best == Some((candidate.name, candidate.rank))
        });
        let mut ends = Vec::with_capacity(names.len());
        for (index, candidate) in candidates.iter().enumerate() {
            ends.resize(candidate.name, index);
        }
        ends.resize(names.len(), candidates.len());
        let ordinals: Vec<u64> = candidates.iter().map(|candidate| candidate.ordinal).collect();
        drop(candidates);
        lease.resize((ends.len() + ordinals.len()) as u64 * 8)?;
        Ok(Matches { ends, ordinals, _lease: Some(lease) })
    }

    /// Where the header texts lie of records that may bear a name, which are given with its index.
    fn locate_texts(&self, mut found: Vec<(u64, usize)>) -> Result<Vec<Candidate>> {
        found.par_sort_unstable();
        let ordinals: Vec<u64> = found.iter().map(|&(ordinal, _)| ordinal).collect();
        let texts = self.look_up(&ordinals, &[&self.sections().header_table], |columns, at| columns.text_item(at))?;
        let candidate = |((ordinal, name), text)| Candidate { text, ordinal, name, rank: None };
        Ok(found.into_iter().zip(texts).map(candidate).collect())
    }
}

#[cfg(test)]
mod tests;
