//! Clustering in linear time: each record joins a representative that it is verified to be similar to, or stands for itself.
//!
//! After Linclust (Steinegger and Söding, Nature Communications 2018): records that share one of a few words are candidates (`candidates`), in
//! several rounds with other words (`plan`); each record is aligned to few of them (`assign`), so that all of it takes time that is linear in the number of
//! records. Other than there, a record is never a member of one that it was not itself aligned to, and the result does not depend on the order of the
//! records, on threads or on memory: ties are decided by length and by hashes of what the records are (`order`).
//!
//! Residues are compared as an aligner sees them ([`crate::align::fold`]): case does not count. Records longer than
//! [`crate::align::LONGEST`] join only others with the same residues, byte for byte.
//!
//! Takes 40 bytes of memory a record and the matrices of the aligners; words and pairs are sorted on disk where they must be.

mod assign;
mod candidates;
mod checkpoint;
mod estimate;
mod fit;
mod order;
mod plan;
mod words;

use self::assign::Assignment;
pub(super) use self::checkpoint::Checkpoint;
use self::checkpoint::Found;
pub(super) use self::estimate::{estimate, least_temporary};
use self::fit::Fit;
use self::order::Order;
use crate::align::{Aligner, AlignmentPool, Criterion, LONGEST, Scoring, supported};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::reduce::exact::equal_long;
use crate::reduce::groups::{Groups, LEAST_SORT_MEMORY};
use crate::reduce::prefer::Ranks;
use crate::write::spill::Spill;

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
    pub(super) database: &'a Database,
    pub(super) spill: &'a Spill,
    pub(super) scoring: Scoring,
    pub(super) criterion: Criterion,
    pub(super) both_strands: bool,
    pub(super) ranks: Option<&'a Ranks>,
    pub(super) progress: &'a (dyn Fn(&'static str, u64, u64) + Sync),
}

impl Context<'_> {
    /// The lower, the sooner a record represents others, whatever its length.
    fn preference(&self, ordinal: u64) -> u8 {
        self.ranks.map_or(0, |ranks| ranks.of(ordinal))
    }
}

impl Order {
    /// Residues of a rank that can be aligned.
    fn length(&self, rank: u32) -> u64 {
        self.residues.length(rank as usize)
    }
}

/// The least memory for clustering the records of a database, beside the blocks at hand. Looks at all lengths.
pub(super) fn least_memory(database: &Database) -> Result<u64> {
    let longest = longest(database)?;
    Ok(database.len() * (order::MEMORY + assign::MEMORY) + 3 * LEAST_SORT_MEMORY + Aligner::memory(longest))
}

/// Residues of the longest record that can be aligned; of one that cannot be, as many as can.
pub(super) fn longest(database: &Database) -> Result<u64> {
    let mut longest = 0;
    for ordinal in 0..database.len() {
        longest = database.sequence_length(ordinal)?.clamp(longest, LONGEST);
        if longest == LONGEST {
            break;
        }
    }
    Ok(longest)
}

/// Groups; `reserve` bytes are needed beside the groups once they are made.
pub(super) fn group(
    database: &Database,
    spill: &Spill,
    reserve: u64,
    clustering: &Clustering,
    ranks: Option<&Ranks>,
    checkpoint: Option<&Checkpoint>,
    progress: &(dyn Fn(&'static str, u64, u64) + Sync),
) -> Result<(Groups, Vec<RoundReport>, Resumed)> {
    if !supported() {
        let reason = "this processor does not have the vector instructions (AVX2) that alignment needs".to_owned();
        return Err(Error::Option { option: "--method", reason });
    }
    let Clustering { criterion, both_strands, sensitive } = *clustering;
    let scoring = Scoring::of(database.alphabet());
    let least = match scoring {
        Scoring::Protein => LEAST_PROTEIN_IDENTITY,
        Scoring::Nucleotide => LEAST_NUCLEOTIDE_IDENTITY,
    };
    if criterion.identity < least {
        let reason =
            format!("{} is too low: {} for these sequences, at least", ratio(criterion.identity), ratio(least));
        return Err(Error::Option { option: "--min-identity", reason });
    }
    let context = Context { database, spill, scoring, criterion, both_strands, ranks, progress };
    let order = order::order(&context)?;
    // From here on residues come from the table.
    database.release_pages();
    let mut assignment = Assignment::new(&context, order.residues.len())?;
    let rounds = plan::rounds(scoring, &criterion, sensitive);
    let (mut reports, mut resumed) = (Vec::new(), Resumed::default());
    match checkpoint.map_or(Ok(Found::Nothing), |checkpoint| checkpoint.load(&mut assignment, rounds.len()))? {
        Found::Rounds(finished) => {
            resumed.rounds = finished.len();
            reports = finished;
        }
        found => {
            resumed.damaged = matches!(found, Found::Damaged);
            join_same(&context, &order, &mut assignment)?;
        }
    }
    let pool = AlignmentPool::new(spill.budget())?;
    let everything = 0..order.residues.len() as u32;
    for round in rounds.into_iter().skip(resumed.rounds) {
        let representatives = everything.clone().filter(|&rank| assignment.is_representative(rank)).count() as u64;
        let (edges, compared) = candidates::candidates(&context, &order, &assignment, &round)?;
        let assigned = assignment.assign(&context, &order, &round, &pool, edges)?;
        reports.push(RoundReport {
            representatives,
            words: compared.words,
            pairs: compared.edges,
            cut_groups: compared.cut,
            joined: assigned.joined,
            refused: assigned.refused,
        });
        if let Some(checkpoint) = checkpoint {
            checkpoint.save(&assignment, &reports)?;
        }
    }
    drop(pool);
    let mut groups = Groups::new(database.len(), spill, reserve)?;
    let mut sizes = vec![1_u32; order.residues.len()];
    for rank in everything.clone() {
        if let Some((representative, similarity)) = assignment.representative(rank) {
            sizes[representative as usize] += 1;
            sizes[rank as usize] = 0;
            let [representative, member] = [representative, rank].map(|rank| u64::from(order.ordinals[rank as usize]));
            groups.join(representative, member, similarity)?;
        }
    }
    sizes.into_iter().for_each(|size| groups.count(size.into()));
    Ok((groups, reports, resumed))
}

/// Lets records with the same residues share their lot.
fn join_same(context: &Context<'_>, order: &Order, assignment: &mut Assignment) -> Result<()> {
    let (mut first, mut other) = (Vec::new(), Vec::new());
    for &(start, count) in &order.alike {
        // More than one kind means that two different sequences have one hash.
        let mut kinds = vec![start];
        for rank in start + 1..start + count {
            let mut same = None;
            for &kind in &kinds {
                let [left, right] = [kind, rank].map(|rank| u64::from(order.ordinals[rank as usize]));
                let length = context.database.sequence_length(left)?;
                let equal = if length > LONGEST {
                    equal_long(context.database, left, right, length)?
                } else {
                    order.residues.item(kind as usize, &mut first)?;
                    order.residues.item(rank as usize, &mut other)?;
                    first == other
                };
                if equal {
                    same = Some(kind);
                    break;
                }
            }
            match same {
                Some(kind) => assignment.same(rank, kind),
                None => kinds.push(rank),
            }
        }
    }
    Ok(())
}

/// Ten-thousandths as people write them.
fn ratio(share: u16) -> f64 {
    f64::from(share) / 1e4
}
