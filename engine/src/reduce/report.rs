//! What a reduction came to, and how long it took.

use std::time::{Duration, Instant};

use super::{Method, Resumed, RoundReport, UpdateReport};
use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Budget;
use crate::memory::placement::PlacementReport;
use crate::sys::heap::release_freed_memory;

/// What a reduction came to.
#[derive(Debug, Clone)]
pub struct ReductionReport {
    /// The method.
    pub method: Method,
    /// Records of the input.
    pub records: u64,
    /// Records that stand for themselves, and maybe for others.
    pub references: u64,
    /// Residues of all records.
    pub residues: u64,
    /// Residues of the references.
    pub reference_residues: u64,
    /// Records that are no references, and that none stands for. All others are references or their members.
    pub unrepresented: u64,
    /// Residues of the references and of their members.
    pub covered_residues: u64,
    /// How many clusters have 1, 2, 3 to 4, 5 to 8, ... records.
    pub sizes: Vec<(u64, u64)>,
    /// What came to an earlier result, if this was an update of it.
    pub update: Option<UpdateReport>,
    /// Names of preferred records that no record bears.
    pub unknown_preferred: u64,
    /// Names with a taxon that no record bears.
    pub unknown_taxa: u64,
    /// Percentages, and the identity in ten-thousandths that so many of the members do not exceed: the least one, 5,
    /// 25, 50, 75 and 95 %.
    pub identity_quantiles: Vec<(u8, u16)>,
    /// Whether all records that are no references are left out of the output.
    pub references_only: bool,
    /// Stored bytes of the residues of references, and of members that are stored whole; none where FASTA is written.
    pub sequence_bytes: u64,
    /// Stored bytes of the members that are told by what differs.
    pub delta_bytes: u64,
    /// Bytes of the container that was read (of one made from FASTA, if that was read).
    pub input_bytes: u64,
    /// Bytes of the output.
    pub output_bytes: u64,
    /// What was found of an earlier reduction that was interrupted ([`super::Reduction::resume`]).
    pub resumed: Resumed,
    /// What each round of a clustering did.
    pub rounds: Vec<RoundReport>,
    /// How long each stage took.
    pub stages: Vec<StageReport>,
    /// Most bytes of the budget in use at any time.
    pub peak_memory: u64,
    /// Most bytes of temporary files at any time.
    pub peak_spill: u64,
    /// Sorted runs that were written to temporary files, those that others were merged into counted too.
    pub sorted_runs: u64,
    /// On which nodes of the machine it was done.
    pub placement: PlacementReport,
}

/// A stage of a reduction.
#[derive(Debug, Clone, Copy)]
pub struct StageReport {
    /// Its name.
    pub name: &'static str,
    /// How long it took.
    pub time: Duration,
    /// Most bytes of the budget in use at any time until it ended.
    pub peak_memory: u64,
}

/// What of the identities is reported, in percent of the members.
pub(super) const QUANTILES: [u8; 6] = [0, 5, 25, 50, 75, 95];

/// Stages, as they come.
pub(super) struct Stages {
    pub(super) reports: Vec<StageReport>,
    budget: Budget,
}

impl Stages {
    pub(super) fn new(budget: &Budget) -> Self {
        Self { reports: Vec::new(), budget: budget.clone() }
    }

    pub(super) fn time<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        release_freed_memory();
        let (time, peak_memory) = (start.elapsed(), self.budget.peak());
        self.reports.push(StageReport { name, time, peak_memory });
        result
    }
}

/// Residues of the references.
pub(super) fn reference_residues(reduced: &Database) -> Result<u64> {
    if !reduced.container().has_membership() {
        return Ok(reduced.container().header().stored_residue_count.get());
    }
    let (mut residues, mut columns) = (0, reduced.column_cursor(0..reduced.len()));
    for ordinal in 0..reduced.len() {
        let run = columns.at(ordinal)?;
        if reduced.is_reference(ordinal, &run.header_entry(ordinal)?)? {
            residues += run.sequence_length(ordinal)?;
        }
    }
    Ok(residues)
}
