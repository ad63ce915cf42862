//! Checking a whole container: every checksum, every structural rule, the digest of every source.
//!
//! Problems do not stop the check: it says all that is damaged (up to a bound), and how many records can still be read.

mod bytes;
mod deltas;
mod digest;
mod measures;
mod membership;
mod names;
mod records;
mod shared;

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::stream::StreamKind;

/// Most problems that are listed; the others are counted.
const MOST_PROBLEMS: usize = 100;

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All checksums and where everything lies. Nothing is decoded.
    Checksums,
    /// That, all blocks decoded, all records, names and layouts, and the sources' digests.
    Everything,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Verification {
    /// The first problems, in no particular order.
    pub problems: Vec<Error>,
    /// All problems.
    pub problem_count: u64,
    /// Blocks that cannot be decoded, ascending.
    pub damaged_blocks: Vec<(StreamKind, u64)>,
    /// Records that cannot be read whole, if everything was checked.
    pub unreadable_records: u64,
    /// Ranges of their ordinals, half open, the first hundred.
    pub unreadable_ranges: Vec<std::ops::Range<u64>>,
    /// Pages whose checksums were compared.
    pub pages: u64,
    /// Blocks whose checksums were compared.
    pub blocks: u64,
    /// Sources whose digests were compared.
    pub sources: u64,
}

impl Verification {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problem_count == 0
    }
}

/// Where problems are gathered by many threads.
#[derive(Default)]
struct Findings {
    problems: Mutex<Vec<Error>>,
    count: AtomicU64,
    /// What is wrong with the budget, not with the file.
    memory: Mutex<Option<Error>>,
}

impl Findings {
    fn add(&self, error: Error) {
        if matches!(error, Error::Memory { .. }) {
            self.memory.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            return;
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.len() < MOST_PROBLEMS {
            problems.push(error);
        }
    }

    /// Whether there was no problem, and memory for all of it.
    fn is_empty(&self) -> bool {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.is_none() && self.count.load(Ordering::Relaxed) == 0
    }

    /// Keeps the error, if it is one.
    fn note<T>(&self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// Keeps the error, if it is one, of what an earlier step read as well: only if that found nothing, so that none is
    /// there twice.
    fn note_again<T>(&self, result: Result<T>) -> Option<T> {
        result
            .map_err(|error| {
                if self.is_empty() {
                    self.add(error)
                }
            })
            .ok()
    }

    fn expect(
        &self,
        database: &Database,
        what: (&'static str, &'static str),
        rule: &'static str,
        got: u64,
        expected: u64,
    ) {
        if got != expected {
            self.add(database.broken(what.0, what.1, rule, 0, got, expected));
        }
    }
}

impl Database {
    /// Checks the container. What [`Database::open`] checks has been checked already.
    ///
    /// # Errors
    /// [`Error::Memory`] if the budget is too small for the check itself. Damage is no error: it is in the result.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">one\nACGT\n>two\nGGCC\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// use talaria_db::read::verify::Level;
    ///
    /// let verification = talaria_db::Database::open(&path)?.verify(Level::Everything)?;
    /// assert!(verification.is_sound());
    /// assert_eq!(verification.sources, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(&self, level: Level) -> Result<Verification> {
        let _lease = self.lease_blocks()?;
        let findings = Findings::default();
        let mut verification = Verification::default();
        self.verify_gaps(&findings);
        self.verify_whole_sections(&findings);
        verification.pages = self.verify_pages(&findings);
        self.verify_packed(&findings);
        for kind in StreamKind::ALL {
            verification.blocks += self.verify_stream(kind, level, &findings, &mut verification.damaged_blocks);
        }
        if level == Level::Everything {
            self.verify_records(&findings, &mut verification)?;
            self.verify_shared(&findings)?;
            self.verify_membership(&findings)?;
            self.verify_delta_items(&findings)?;
            self.verify_names(&findings)?;
            if verification.unreadable_records == 0 && findings.is_empty() {
                self.verify_measures(&findings);
            }
            if verification.unreadable_records == 0 && findings.is_empty() {
                verification.sources = self.verify_sources(&findings)?;
            }
        }
        if let Some(error) = findings.memory.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        verification.problem_count = findings.count.into_inner();
        verification.problems = findings.problems.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(verification)
    }
}
