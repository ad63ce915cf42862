//! Residues in an order in which similar sequences are neighbours (`build --order similarity`).
//!
//! A block is compressed by itself, so that what repeats in it is what it saves: in the order of the input, proteins
//! take half of their bytes, next to their relatives less than a third. The container is built in the order of the
//! input first, without a name; then the engine finds the order and copies the residues into it, and everything else
//! goes over as it is. Ordinals stay: the physical order says where they are.
//!
//! The order comes from what a linear-time clustering compares first, without any alignment (`nearest`): a record is
//! tied to the one it shares most of its words with, and the trees that this makes are walked so that each record comes
//! soon after the one it is tied to (`forest`).
//!
//! It costs a pass over the residues, sorting of 32 bytes a record, of 16 bytes a word and of 8 bytes a pair of records
//! that share a word, as many passes again as the residues are larger than what is free (`read::gather`), and 16 bytes
//! of memory a record. It does not depend on threads or on memory; on the order of the input only where records are the
//! same, and where so many share a word that their group is cut.

mod copy;
mod forest;
mod nearest;
#[cfg(test)]
mod tests;

use self::nearest::{NONE, PerRecord};
use crate::align::Scoring;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::reduce::cluster::plan::{Round, round};
use crate::write::assemble::Shape;
use crate::write::publish::Unpublished;
use crate::write::spill::Spill;

/// The order in which the residues of a container lie. Records have the numbers and the order of the input in any case.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("three.talaria");
/// use talaria_db::{Builder, Database, Order};
///
/// let names = [b"one", b"two", b"six"].map(|name| (name.to_vec(), b"MKVLAAGDHWYRI".to_vec()));
/// Builder::new(&path).order(Order::Similarity).add_records("three", names.into_iter()).finish()?;
/// assert_eq!(Database::open(&path)?.record(2)?.id(), b"six");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// That of the input: a build reads it once, and whatever reads all records in their order reads the file from
    /// front to back.
    #[default]
    Input,
    /// Similar ones next to each other: smaller by a third to a half where there are families, for more time and
    /// temporary space to build.
    Similarity,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Input, Self::Similarity];

    /// As a command line has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Similarity => "similarity",
        }
    }
}

/// What records are compared by.
#[derive(Debug, Clone, Copy)]
struct Comparison {
    scoring: Scoring,
    words: Round,
    /// Words of a record at most.
    most: usize,
    /// Records before it that each one is compared with in each group of those that share a word, beside the first.
    before: usize,
}

impl Comparison {
    fn new(scoring: Scoring, pattern: &'static str, most: usize, before: usize) -> Self {
        Self { scoring, words: round(pattern, most, 1, 1), most, before }
    }

    /// Chosen by measurement (`benches/results/2026-11-23-similarity-order.md`): proteins of one family differ
    /// everywhere, so that words are short; nucleotide sequences that repeat at all have long stretches in common, and
    /// only many long words tell who is nearest.
    fn of(database: &Database) -> Self {
        let scoring = Scoring::of(database.alphabet());
        match scoring {
            Scoring::Protein => Self::new(scoring, "1111111111", 30, 2),
            Scoring::Nucleotide => Self::new(scoring, "1111111111111111111111111111111", 100, 3),
        }
    }
}

/// What the order is found with, and what is said of it.
pub(crate) struct Placing<'a> {
    /// A container in the order of the input.
    pub(crate) database: &'a Database,
    pub(crate) spill: &'a Spill,
    /// Of the residues.
    pub(crate) shape: Shape,
    pub(crate) provenance: &'a [(String, String)],
    pub(crate) progress: &'a (dyn Fn(&'static str) + Sync),
    /// A container of the same records whose order is taken, if it has one; else the order is found anew.
    pub(crate) follow: Option<&'a Database>,
}

/// Bytes of memory a record: its rank, its parent, its position, and the size of its family.
pub(crate) const RECORD_MEMORY: u64 = 16;

/// The least memory for placing the residues of a container, beside that of its records.
pub(crate) fn least_memory(shape: &Shape, threads: usize) -> u64 {
    nearest::least_memory(shape.sequence_block, threads).max(copy::least_memory(shape, threads))
}

/// Writes the container again to `output`, similar sequences next to each other.
///
/// # Errors
/// [`Error::Memory`] if there is not enough for 16 bytes a record, [`Error::Space`], [`Error::Io`], or damage in the
/// container.
pub(crate) fn place(placing: &Placing<'_>, output: Unpublished) -> Result<Unpublished> {
    let database = placing.database;
    let records = database.len();
    if u32::try_from(records).is_err() {
        let reason = format!("{records} records are too many at once: build containers of parts of them");
        return Err(Error::Option { option: "--order", reason });
    }
    let positions = match placing.follow.filter(|other| other.is_placed()) {
        Some(other) => followed(placing, other)?,
        None => {
            (placing.progress)("comparing");
            let comparison = Comparison::of(database);
            let (ranks, words) = nearest::sketch(placing, &comparison)?;
            let parents = nearest::parents(placing, &comparison, &ranks, words)?;
            forest::positions(placing, ranks, parents)?
        }
    };
    let slots = copy::slots(placing, positions)?;
    // What comes now goes through the file from front to back again.
    database.release_pages();
    (placing.progress)("placing");
    copy::copy(placing, slots, output)
}

/// The slots of another container of the same records.
fn followed(placing: &Placing<'_>, other: &Database) -> Result<PerRecord> {
    let mut positions = PerRecord::new(placing, "positions of records", other.len(), NONE)?;
    for (position, slot) in (0..other.len()).enumerate() {
        let ordinal = other.ordinal_in_slot(slot)?;
        if let Some(place) = positions.values.get_mut(ordinal as usize) {
            *place = position as u32;
        }
    }
    Ok(positions)
}
