//! Lookups straight from a plain FASTA file: no container, and nothing is converted or copied.
//!
//! What makes that possible is an index: for each record its place, its residues and the width of its lines; for each
//! name its hash. It is made in one parallel pass when the file is opened, or read from a file beside the FASTA if one
//! was saved ([`MappedFasta::save_index`]). Names, ranks, residues and errors are exactly those of a container built
//! from the file: a file that a build refuses is refused here when the index is made, with the same words. The index of
//! samtools is not read: it has first words only, no accessions, and nothing that tells whether it is the file's.
//!
//! The index is never trusted: what a name leads to is decided by the header in the file, line structure and residues
//! are looked at as they are read, and a file that changed gives [`Error::Index`]. What it cannot know is whether a
//! residue was replaced by another one, for FASTA has no checksums; a container has. Compressed files are refused, for
//! they have no places to go to.
//!
//! Costs: the pass reads the whole file, about 2 GB/s a thread from memory; 24 bytes a record and 8 a name stay, leased
//! from the budget (a container needs none of that). A lookup is a binary search and a comparison; a region of a record
//! with regular lines reads no more than the region, of an irregular one all before it. A saved index is opened in the
//! time of reading a thousandth of it.
//!
//! A mapped file that somebody cuts short makes the process fail, see [`crate::sys::map`]. FASTA is edited more often
//! than containers are; who cannot rely on the file sets
//! [`crate::memory::settings::MappingSettings::use_memory_mapping`] to false.

mod entry;
mod leased;
mod lookup;
mod make;
mod read;
mod saved;
mod scan;
#[cfg(test)]
mod tests;
mod tracker;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rayon::prelude::*;
use talaria_db_spec::alphabet::Alphabet;

use crate::error::{Error, Result};
use crate::fasta::alphabet::Composition;
use crate::fasta::input::Compression;
use crate::memory::budget::Budget;
use crate::memory::settings::MemorySettings;
use crate::read::storage::Storage;

use entry::Entry;
use make::Made;
use saved::{SavedIndex, Stamp};

/// Records whose residues are counted together.
const COUNTED_TOGETHER: u64 = 1 << 12;

/// A plain FASTA file, open for lookups.
///
/// All methods take `&self` and may be called from many threads.
///
/// ```
/// use talaria_db::fasta::mapped::MappedFasta;
/// use talaria_db::memory::budget::Budget;
/// use talaria_db::memory::settings::MemorySettings;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.fasta");
/// std::fs::write(&path, ">sp|P69905|HBA_HUMAN Hemoglobin\nMVLSPADK\nTNVKAAW\n")?;
/// let fasta = MappedFasta::open(&path, &MemorySettings::default(), &Budget::new(1 << 20))?;
/// let records = fasta.get("P69905")?;
/// assert_eq!(records[0].sequence().as_bytes(), b"MVLSPADKTNVKAAW");
/// assert_eq!(fasta.region(0, 6..10)?.as_bytes(), b"DKTN");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MappedFasta {
    path: PathBuf,
    storage: Storage,
    budget: Budget,
    stamp: Stamp,
    index: Index,
    origin: IndexOrigin,
    alphabet: OnceLock<Alphabet>,
}

/// Where the index of a [`MappedFasta`] came from.
#[derive(Debug)]
#[non_exhaustive]
pub enum IndexOrigin {
    /// It was made, as none was saved.
    Made,
    /// It was saved before.
    Saved,
    /// It was made, as the saved one cannot be used; why.
    Remade(Error),
}

#[derive(Debug)]
enum Index {
    Made(Made),
    Saved(SavedIndex),
}

impl MappedFasta {
    /// Opens a file: with its saved index if that is there and fits, else with one that is made now. What
    /// [`MemorySettings`] says of mapping holds for both files.
    ///
    /// # Errors
    /// [`Error::Input`] for what is not plain FASTA, [`Error::Memory`] if the budget has no room for the index,
    /// [`Error::Io`].
    pub fn open(path: impl AsRef<Path>, settings: &MemorySettings, budget: &Budget) -> Result<Self> {
        let path = path.as_ref();
        let storage = Storage::open(path, settings)?;
        let length = storage.len().min(Compression::DETECTED_FROM as u64);
        let first = storage.bytes(0, usize::try_from(length).unwrap_or(0)).map_err(Error::io(path, "read"))?;
        let compression = Compression::detect(&first);
        if compression != Compression::None {
            let name = compression.name();
            let reason = format!(
                "this is {name} data, and lookups without a container need plain FASTA; \
                 `talaria-db build` makes a container of it as it is"
            );
            return Err(Error::Input { path: path.to_path_buf(), line: 1, column: None, reason });
        }
        drop(first);
        let stamp = Stamp::new(path, &storage)?;
        let (saved, origin) = match SavedIndex::open(path, &stamp, settings, budget) {
            Ok(Some(saved)) => (Some(saved), IndexOrigin::Saved),
            Ok(None) => (None, IndexOrigin::Made),
            Err(error @ Error::Memory { .. }) => return Err(error),
            Err(error) => (None, IndexOrigin::Remade(error)),
        };
        let index = match saved {
            Some(saved) => Index::Saved(saved),
            None => Index::Made(make::make(path, &storage, budget)?),
        };
        let alphabet = OnceLock::new();
        if let Index::Saved(saved) = &index {
            // The lock is new, so nothing is there.
            let _ = alphabet.set(saved.alphabet());
        }
        Ok(Self { path: path.to_path_buf(), storage, budget: budget.clone(), stamp, index, origin, alphabet })
    }

    /// Saves the index beside the file, as its name with `.talaria-index` behind it, over one that is there. Returns
    /// that path. Does nothing if the index came from there.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Space`]; [`Error::Index`] if the file has changed since it was opened.
    pub fn save_index(&self) -> Result<PathBuf> {
        let target = saved::path_of(&self.path);
        let Index::Made(made) = &self.index else { return Ok(target) };
        let alphabet = self.alphabet()?;
        if Stamp::new(&self.path, &self.storage)? != self.stamp {
            return Err(self.changed(0));
        }
        saved::save(&self.path, &self.stamp, made, alphabet, &self.budget)?;
        Ok(target)
    }

    /// Where the index came from.
    #[must_use]
    pub fn index_origin(&self) -> &IndexOrigin {
        &self.origin
    }

    /// Records.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.index {
            Index::Made(made) => made.entries.items().len() as u64,
            Index::Saved(saved) => saved.records(),
        }
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Residues of all records.
    #[must_use]
    pub fn residue_count(&self) -> u64 {
        match &self.index {
            Index::Made(made) => made.residues,
            Index::Saved(saved) => saved.residues(),
        }
    }

    /// As [`Database::check_unchanged`](crate::Database::check_unchanged). FASTA has no checksums: this is all that
    /// tells that what was read is of one file.
    ///
    /// # Errors
    /// [`Error::Changed`], or [`Error::Io`].
    pub fn check_unchanged(&self) -> Result<()> {
        self.storage.check_unchanged(&self.path)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The budget that it was opened with.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What the residues are; see [`Composition::alphabet`]. All of them count, where a container counts identical
    /// records once. The first call reads the whole file, in parallel, unless the index was saved.
    ///
    /// # Errors
    /// As [`MappedFasta::for_each_residues`].
    pub fn alphabet(&self) -> Result<Alphabet> {
        if let Some(&alphabet) = self.alphabet.get() {
            return Ok(alphabet);
        }
        let groups = self.len().div_ceil(COUNTED_TOGETHER);
        let composition = (0..groups)
            .into_par_iter()
            .map(|group| {
                let start = group * COUNTED_TOGETHER;
                self.composition(start..self.len().min(start + COUNTED_TOGETHER))
            })
            .try_reduce(Composition::default, |mut left, right| {
                left.add(&right);
                Ok(left)
            })?;
        Ok(*self.alphabet.get_or_init(|| composition.alphabet()))
    }

    fn composition(&self, records: std::ops::Range<u64>) -> Result<Composition> {
        // Gathered, because a count costs more to start than a line to copy.
        let mut gathered: Vec<u8> = Vec::with_capacity(read::PIECE);
        let mut composition = Composition::default();
        for ordinal in records {
            self.for_each_residues(ordinal, 0..self.sequence_length(ordinal)?, |part| {
                for part in part.chunks(read::PIECE) {
                    if gathered.len() + part.len() > read::PIECE {
                        composition.add(&Composition::of(&gathered));
                        gathered.clear();
                    }
                    gathered.extend_from_slice(part);
                }
                Ok(())
            })?;
        }
        composition.add(&Composition::of(&gathered));
        Ok(composition)
    }

    fn entry(&self, ordinal: u64) -> Result<Entry> {
        let entry = match &self.index {
            Index::Made(made) => {
                usize::try_from(ordinal).ok().and_then(|index| made.entries.items().get(index)).copied()
            }
            Index::Saved(saved) if ordinal < saved.records() => Some(saved.entry(ordinal)?),
            Index::Saved(_) => None,
        };
        entry.ok_or_else(|| Error::OutOfRange { what: "record", got: ordinal, count: self.len() })
    }

    fn last_byte(&self) -> u8 {
        match &self.index {
            Index::Made(made) => made.last_byte,
            Index::Saved(saved) => saved.last_byte(),
        }
    }

    /// The error for a file whose bytes at `offset` are not what the index says.
    fn changed(&self, offset: u64) -> Error {
        let reason = format!("changed after its index was made (seen at byte {offset}); open it again");
        Error::Index { path: self.path.clone(), reason }
    }
}
