//! Reductions: fewer sequences that stand for all of them, with every original record recoverable.
//!
//! A reduction runs directly over a container, block by block, and makes another container (or FASTA of the
//! references). What differs from method to method is which record each one joins; the rest of this module turns that
//! into files. A record that joins another one has it as its representative; records that join none are the references.
//! A method may leave records unrepresented: they join none, and are no references either.
//!
//! Methods: [`exact`], containment ([`Containment`]), [`cluster`], and a choice of references ([`Selection`]). A
//! reduction may go on from an earlier one ([`Reduction::update`]).

mod built;
mod choose;
pub mod cluster;
mod clusters;
mod contain;
mod delta;
pub(crate) mod estimate;
pub mod exact;
mod fasta;
pub(crate) mod groups;
mod method;
mod names;
mod needs;
mod options;
mod order;
mod prefer;
mod reference_text;
mod report;
mod rewrite;
mod run;
mod select;
pub(crate) mod similarity;
mod taxa;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unrepresented_tests;
mod update;

pub use cluster::{Clustering, Resumed, RoundReport, stage};
pub use contain::Containment;
pub use estimate::{Estimate, SortEstimate, StageEstimate};
pub use method::{Method, Output};
pub use prefer::Preference;
pub use report::{ReductionReport, StageReport};
pub use select::Selection;
pub use similarity::Similarity;
pub use update::UpdateReport;

use std::path::PathBuf;

use crate::memory::budget::Budget;
use crate::memory::settings::MemorySettings;
use crate::write::encode::Compression;
use crate::write::place::Order;

/// A reduction: from where, to where, how.
///
/// ```
/// use talaria_db::reduce::{Output, Reduction};
///
/// # let folder = tempfile::tempdir()?;
/// # let (input, output) = (folder.path().join("a.fa"), folder.path().join("a.talaria"));
/// std::fs::write(&input, ">one\nMKVL\n>two\nGGA\n>three\nMKVL\n")?;
/// let report = Reduction::new(&input, Output::Container(output.clone())).run()?;
/// assert_eq!((report.records, report.references), (3, 2));
///
/// let mut everything = Vec::new();
/// talaria_db::Database::open(&output)?.export(&mut everything, &Default::default())?;
/// assert_eq!(everything, std::fs::read(&input)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reduction<'p> {
    input: PathBuf,
    old: Option<PathBuf>,
    output: Output,
    method: Method,
    clusters: Option<PathBuf>,
    clstr: Option<PathBuf>,
    references_only: bool,
    membership: bool,
    preference: Preference,
    taxa: Option<PathBuf>,
    members: Vec<(u64, u64)>,
    unrepresented: Vec<u64>,
    compression: Option<Compression>,
    /// Of the residues, if not as in the input.
    order: Option<Order>,
    threads: usize,
    memory: MemorySettings,
    budget: Budget,
    folder: Option<PathBuf>,
    resume: Option<PathBuf>,
    spill_limit: Option<u64>,
    progress: Box<dyn Fn(&'static str, u64, u64) + Send + Sync + 'p>,
}

impl std::fmt::Debug for Reduction<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Reduction").field("input", &self.input).field("output", &self.output).finish_non_exhaustive()
    }
}
