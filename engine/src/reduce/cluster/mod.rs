//! Clustering in linear time: each record joins a representative that it is verified to be similar to, or stands for
//! itself.
//!
//! After Linclust (Steinegger and Söding, Nature Communications 2018): records that share one of a few words are
//! candidates (`candidates`), and each record is aligned to few of them, so that all of it takes time that is linear in
//! the number of records. What follows depends on the identity (`plan`): either all pairs are aligned (`graph`) before
//! as few representatives as possible are chosen (`cover`), or representatives are found greedily, in several rounds
//! with other words (`assign`); or one after the other. Other than there, a record is never a member of one that it was
//! not itself aligned to, and the result does not depend on the order of the records, on threads or on memory: ties are
//! decided by length and by hashes of what the records are (`order`).
//!
//! Residues are compared as an aligner sees them ([`crate::align::fold`]): case does not count. Records longer than
//! [`crate::align::LONGEST`] join only others with the same residues, byte for byte.
//!
//! Takes 24 bytes of memory a record and the matrices of the aligners; 52 bytes more a record, words and pairs are on
//! disk where they must be.

mod asking;
mod assign;
mod assignment;
mod candidates;
mod checkpoint;
mod cover;
mod diagonal;
mod estimate;
mod fit;
mod graph;
mod old;
mod outcome;
pub(crate) mod plan;
mod same;
mod search;
mod selecting;
pub mod stage;
mod wanted;
pub(crate) mod words;

use self::assign::Assigned;
use self::assignment::Assignment;
use self::candidates::{Edge, Hubs, candidates};
pub(super) use self::checkpoint::Checkpoint;
use self::checkpoint::Found;
pub(super) use self::estimate::{estimate, least_temporary};
use self::fit::Fit;
use self::graph::Graph;
use self::outcome::groups_of;
use self::same::join_same;
use self::selecting::Selecting;
use crate::align::{Aligner, AlignmentPool, Criterion, LONGEST, Scoring, fold, supported};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::reduce::groups::{Groups, LEAST_SORT_MEMORY, sort_memory_of, sort_memory_within};
use crate::reduce::order::{self, Order, Ordering};
use crate::reduce::prefer::Ranks;
use crate::reduce::select::Selection;
use crate::reduce::taxa::Taxa;
use crate::reduce::update::Old;
use crate::write::spill::Spill;

/// Most bytes for sorting words, and for sorting pairs. More would hardly be faster: runs are merged from the system's
/// cache.
const MOST_SORTING: usize = 32 << 20;
/// Below these, alignments say little, and words that are shared nothing.
const LEAST_PROTEIN_IDENTITY: u16 = 3_000;
const LEAST_NUCLEOTIDE_IDENTITY: u16 = 7_000;

/// What makes a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clustering {
    /// What members must have in common with their representative.
    pub criterion: Criterion,
    /// More rounds: fewer clusters for more time.
    pub sensitive: bool,
    /// Whether a nucleotide sequence may join one that its reverse complement is similar to.
    pub both_strands: bool,
}

impl Default for Clustering {
    fn default() -> Self {
        Self { criterion: Criterion::default(), sensitive: false, both_strands: true }
    }
}

impl Clustering {
    /// As a command line has it.
    pub(super) fn options(&self) -> String {
        let Criterion { identity, coverage, definition, mode } = self.criterion;
        let mut options = format!(
            " --min-identity {} --coverage {} --cov-mode {} --identity-definition {}",
            ratio(identity),
            ratio(coverage),
            mode.name(),
            definition.name(),
        );
        options.push_str(if self.sensitive { " --sensitive" } else { "" });
        options.push_str(if self.both_strands { "" } else { " --one-strand" });
        options
    }
}

/// What one round of a clustering did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundReport {
    /// Records that stood for themselves before.
    pub representatives: u64,
    /// Words that were compared.
    pub words: u64,
    /// Pairs of records that share a word, counted for each word.
    pub pairs: u64,
    /// Times that a word had so many records that they were cut into parts.
    pub cut_groups: u64,
    /// Records that joined another one.
    pub joined: u64,
    /// Times that a record was similar to another one, but one of those it stood for was not.
    pub refused: u64,
}

/// What a clustering found of an earlier one that was interrupted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resumed {
    /// Rounds that were finished.
    pub rounds: usize,
    /// Whether what was kept was damaged, and so of no use.
    pub damaged: bool,
}

/// What the parts of a clustering have in common.
pub(super) struct Context<'a> {
    pub(super) spill: &'a Spill,
    pub(super) scoring: Scoring,
    pub(super) criterion: Criterion,
    pub(super) both_strands: bool,
    pub(super) ranks: Option<&'a Ranks>,
    pub(super) old: Option<&'a Old>,
    /// Bytes of memory that are not for columns of records.
    pub(super) keep: u64,
    pub(super) progress: &'a (dyn Fn(&'static str, u64, u64) + Sync),
}

impl Context<'_> {
    /// Whether an aligner a thread, for records as long as this, would take most of the memory, so that there should be
    /// only one.
    fn one_aligner(&self, longest: u64) -> bool {
        assign::is_alone(longest, rayon::current_num_threads(), self.spill.budget().available())
    }
}

/// A part of the memory that is available, up to [`MOST_SORTING`] and to what so many items take.
pub(super) fn sorting(available: u64, part: u64, count: u64) -> usize {
    sort_memory_within(available, part, 0).min(MOST_SORTING).min(sort_memory_of(count, size_of::<Edge>()))
}

impl Order {
    /// The preference of a rank.
    fn preference(&self, context: &Context<'_>, rank: u32) -> Result<u16> {
        order::preference(context.ranks, context.old, self.ordinals[rank as usize].into())
    }

    /// Residues of a rank that can be aligned.
    fn length(&self, rank: u32) -> u64 {
        self.residues.length(rank as usize)
    }
}

/// The least memory for clustering the records of a database, beside the blocks at hand. Looks at all lengths.
pub(super) fn least_memory(database: &Database, selects: bool, spills: bool) -> Result<u64> {
    let columns = order::COLUMNS + assignment::COLUMNS + graph::COLUMNS + 4 + if selects { 8 } else { 0 };
    let columns = if spills { 0 } else { database.len() * columns };
    Ok(columns + least_beside(database.len(), longest(database)?, selects))
}

/// The same beside the columns of records, which can be on disk.
fn least_beside(records: u64, longest: u64, selects: bool) -> u64 {
    let choosing = cover::MEMORY + if selects { selecting::MEMORY } else { 0 };
    records.saturating_mul(order::LEAST_MEMORY + choosing) + 3 * LEAST_SORT_MEMORY + Aligner::memory(longest)
}

/// Residues of the longest record that can be aligned; of one that cannot be, as many as can.
pub(super) fn longest(database: &Database) -> Result<u64> {
    let (mut longest, mut columns) = (0, database.column_cursor(0..database.len()));
    for ordinal in 0..database.len() {
        longest = columns.at(ordinal)?.sequence_length(ordinal)?.clamp(longest, LONGEST);
        if longest == LONGEST {
            break;
        }
    }
    Ok(longest)
}

/// What is to be found.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) clustering: Clustering,
    /// If references are to be chosen for what they cover: until when, and of which taxa.
    pub(super) selection: Option<(&'a Selection, Option<&'a Taxa>)>,
    pub(super) ranks: Option<&'a Ranks>,
    pub(super) old: Option<&'a Old>,
    /// Where the state after each step is kept.
    pub(super) checkpoint: Option<&'a Checkpoint>,
}

/// Whether sequences of a kind can be clustered like this, here.
fn check(scoring: Scoring, criterion: &Criterion) -> Result<()> {
    if !supported() {
        let reason = "this processor does not have the vector instructions (AVX2) that alignment needs".to_owned();
        return Err(Error::Option { option: "--method", reason });
    }
    let least = match scoring {
        Scoring::Protein => LEAST_PROTEIN_IDENTITY,
        Scoring::Nucleotide => LEAST_NUCLEOTIDE_IDENTITY,
    };
    if criterion.identity < least {
        let reason =
            format!("{} is too low: {} for these sequences, at least", ratio(criterion.identity), ratio(least));
        return Err(Error::Option { option: "--min-identity", reason });
    }
    Ok(())
}

/// Groups; `reserve` bytes are needed beside the groups once they are made.
pub(super) fn group(
    database: &Database,
    spill: &Spill,
    reserve: u64,
    wanted: &Wish<'_>,
    progress: &(dyn Fn(&'static str, u64, u64) + Sync),
) -> Result<(Groups, Vec<RoundReport>, Resumed)> {
    let Wish { clustering, selection, ranks, old, checkpoint } = *wanted;
    let Clustering { criterion, both_strands, sensitive } = clustering;
    let scoring = Scoring::of(database.alphabet());
    check(scoring, &criterion)?;
    let keep = least_beside(database.len(), longest(database)?, selection.is_some());
    let context = Context { spill, scoring, criterion, both_strands, ranks, old, keep, progress };
    let fold = |residues: &[u8], folded: &mut Vec<u8>| fold(residues, scoring, folded);
    let ordering = Ordering { database, spill, ranks, old, fold: &fold, folds_long: false, keep, progress };
    let mut order = order::order(&ordering)?;
    // From here on residues come from the table.
    database.release_pages();
    let mut assignment = Assignment::new(&context, order.residues.len())?;
    let plan = match selection {
        Some(_) => plan::selection(scoring, &criterion, sensitive),
        None => plan::plan(scoring, &criterion, sensitive),
    };
    let (mut reports, mut resumed) = (Vec::new(), Resumed::default());
    match checkpoint.map_or(Ok(Found::Nothing), |checkpoint| checkpoint.load(&mut assignment, plan.steps()))? {
        Found::Rounds(finished) => {
            resumed.rounds = finished.len();
            reports = finished;
        }
        found => {
            resumed.damaged = matches!(found, Found::Damaged);
            old::take_over(database, &context, &mut order, &mut assignment)?;
            join_same(database, &order, &mut assignment)?;
        }
    }
    let pool = AlignmentPool::new(spill.budget())?;
    let everything = 0..order.residues.len() as u32;
    let standing =
        |assignment: &Assignment| everything.clone().filter(|&rank| assignment.is_representative(rank)).count() as u64;
    let mut selecting = None;
    if let Some((selection, taxa)) = selection {
        selecting = Some(Selecting::new(database, &context, &order, &assignment, selection.ratio, taxa)?);
    }
    let keep = |assignment: &Assignment, reports: &[RoundReport]| {
        checkpoint.map_or(Ok(()), |checkpoint| checkpoint.save(assignment, reports))
    };
    let has_graph = !plan.graph.is_empty();
    if let Some(round) = plan.graph.last().filter(|_| resumed.rounds == 0) {
        let representatives = standing(&assignment);
        let (edges, compared) = candidates(&context, &order, &assignment, &plan.graph, Hubs::Three)?;
        let graph = Graph::new(&context, &order, round, &pool, edges)?;
        let joined = cover::cover(&context, &order, &graph, &mut assignment, selecting.as_mut())?;
        reports.push(compared.report(representatives, Assigned { joined, refused: 0 }));
        keep(&assignment, &reports)?;
    }
    for round in plan.rounds.iter().skip(resumed.rounds - usize::from(has_graph).min(resumed.rounds)) {
        let representatives = standing(&assignment);
        let rounds = std::slice::from_ref(round);
        let (edges, compared) = candidates(&context, &order, &assignment, rounds, Hubs::Two)?;
        let assigned = assignment.assign(&context, &order, round, &pool, edges)?;
        reports.push(compared.report(representatives, assigned));
        keep(&assignment, &reports)?;
    }
    drop(pool);
    drop(selecting);
    Ok((groups_of(database, &context, &order, &assignment, reserve)?, reports, resumed))
}

/// Ten-thousandths as people write them.
fn ratio(share: u16) -> f64 {
    f64::from(share) / 1e4
}
