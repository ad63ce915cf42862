//! Containment: a record whose residues occur wholly inside another one's joins it.
//!
//! Residues are compared in upper case, and `U` of nucleotides as `T`; everything else is what it is, ambiguous letters
//! too. So is nothing missed and nothing claimed that a comparison of the texts does not find. A record joins the first
//! one by rank that holds it ([`super::order`]: preferred ones first, then the longest), and that one is in no other:
//! whatever held it would hold the record too, and come first. A record is only inside one of a lower rank, so a
//! preferred one only joins one that is preferred as much or more. Records without residues are in every text; they
//! join the first one of their kind.
//!
//! 1. Records with the same residues share their lot.
//! 2. Words are counted (`counts`). A record with a word that nobody else has is in nobody, and most are done with
//!    that.
//! 3. Of each other record the rarest word is gathered (`gather`), as many as memory has room for at a time (`index`).
//! 4. All records are searched for these words, and what stands around them is compared (`search`).
//!
//! Costs a few passes over the residues, each a nanosecond or two a residue, and one for each class of lengths below
//! the length of a word, if there are such records. Takes [`MEMORY`] bytes a record beside the order. Where many
//! records share a word, all those of one length and one place of the word are compared by one hash.

mod counts;
mod gather;
mod index;
mod letters;
mod search;
mod source;
#[cfg(test)]
mod tests;
mod words;

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use self::counts::Counts;
use self::gather::{Class, Gathering};
use self::index::Index;
use self::letters::Letters;
use self::search::Search;
use self::source::{MOST_RECORDS, Piece, Source};
use self::words::Words;
use super::order::{self, Order};
use crate::align::LONGEST;
use crate::database::Database;
use crate::error::Result;
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::{Groups, LEAST_SORT_MEMORY};
use crate::reduce::prefer::Ranks;
use crate::reduce::similarity::Similarity;
use crate::write::spill::Spill;

/// What counts as being inside another record.
///
/// ```
/// use talaria_db::reduce::{Containment, Method, Output, Reduction};
///
/// # let folder = tempfile::tempdir()?;
/// # let (input, output) = (folder.path().join("a.fa"), folder.path().join("a.talaria"));
/// std::fs::write(&input, ">one\nGATTACAGATTACA\n>two\nTTACAG\n>three\nCTGTAA\n")?;
/// let reduction = |both_strands| {
///     let method = Method::Contain(Containment { both_strands });
///     Reduction::new(&input, Output::Container(output.clone())).method(method).run()
/// };
/// assert_eq!(reduction(false)?.references, 2);
/// assert_eq!(reduction(true)?.references, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Containment {
    /// Whether a nucleotide sequence may be inside another one as its reverse complement.
    pub both_strands: bool,
}

impl Containment {
    /// As a command line has it.
    pub(super) const fn options(self) -> &'static str {
        if self.both_strands { " --both-strands" } else { "" }
    }
}

/// Bytes of memory a record, beside the order.
const MEMORY: u64 = 8;
/// Residues of the words that are counted: of proteins, of nucleotides.
const WORD: [usize; 2] = [16, 32];
/// Residues of the words of records that are shorter, each for records of up to twice as many.
const SHORTER: [usize; 5] = [16, 8, 4, 2, 1];

/// Pieces that are gathered from before it is seen how much room there is left.
const TOGETHER: usize = 64;

/// The least memory beside the blocks at hand. Looks at all lengths.
pub(super) fn least_memory(database: &Database, containment: Containment, threads: usize, spills: bool) -> Result<u64> {
    let (records, residues) = (database.len(), database.residue_count());
    let columns = if spills { 0 } else { records * order::COLUMNS };
    Ok(columns + least_beside(records, residues, has_long(database)?, containment, threads))
}

fn has_long(database: &Database) -> Result<bool> {
    for ordinal in 0..database.len() {
        if database.sequence_length(ordinal)? > LONGEST {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The same beside the columns of the order, which can be on disk.
fn least_beside(records: u64, residues: u64, has_long: bool, containment: Containment, threads: usize) -> u64 {
    let records = records.saturating_mul(order::LEAST_MEMORY + MEMORY) + Source::pieces_memory(records, residues);
    let index = Index::memory(MOST_RECORDS * entries_a_record(containment.both_strands));
    let searching = counts::LEAST + index + threads as u64 * thread_memory(has_long);
    records.saturating_add(searching.max(3 * LEAST_SORT_MEMORY))
}

/// What [`group`] takes; the groups stay. As many words are gathered at once as there is memory for, so that it may
/// take all.
pub(super) fn estimate(account: &mut Account, known: &Known, containment: Containment, reserve: u64) -> Vec<Held> {
    let has_long = known.longest >= LONGEST;
    let keep = least_beside(known.records, known.residues, has_long, containment, account.threads);
    let order = order::estimate(account, known, keep);
    let containers = account.hold(known.records.saturating_mul(MEMORY));
    account.begin("searching", None, known.records, "records");
    let searching = account.hold(account.available());
    account.release([searching]);
    account.begin("gathering clusters", None, known.records, "records");
    let groups = Groups::estimate(account, known.records, reserve);
    account.release(order.into_iter().chain([containers]));
    groups
}

const fn thread_memory(has_long: bool) -> u64 {
    Source::MEMORY + search::memory(has_long) + gather::MEMORY
}

const fn entries_a_record(both_strands: bool) -> u64 {
    if both_strands { 2 } else { 1 }
}

/// Groups; `reserve` bytes are needed beside the groups once they are made.
pub(super) fn group(
    database: &Database,
    spill: &Spill,
    reserve: u64,
    containment: Containment,
    ranks: Option<&Ranks>,
    progress: &(dyn Fn(&'static str, u64, u64) + Sync),
) -> Result<Groups> {
    let letters = Letters::new(database.alphabet());
    let both_strands = containment.both_strands && database.alphabet().is_nucleotide();
    let fold = |residues: &[u8], folded: &mut Vec<u8>| letters.fold(residues, folded);
    let (records, residues, threads) = (database.len(), database.residue_count(), rayon::current_num_threads());
    let keep = least_beside(records, residues, has_long(database)?, containment, threads);
    let ordering = order::Ordering { database, spill, ranks, old: None, fold: &fold, folds_long: true, keep, progress };
    let order = order::order(&ordering)?;
    // From here on residues come from the table, but for long ones.
    database.release_pages();
    let _lease = spill.budget().lease("containers of records", order.residues.len() as u64 * MEMORY)?;
    let source = Source { database, order: &order, letters: &letters };
    let containers: Vec<AtomicU32> = (0..order.residues.len() as u32).map(AtomicU32::new).collect();
    join_same(&source, &containers)?;
    Contain { source: &source, containers: &containers, both_strands, progress }.run()?;
    to_groups(&order, containers, spill, reserve, database.len())
}

/// Lets records with the same residues join the first of them, and those without residues the first of these.
fn join_same(source: &Source<'_>, containers: &[AtomicU32]) -> Result<()> {
    let join = |rank: u32, first| containers[rank as usize].store(first, Ordering::Relaxed);
    let table = &source.order.residues;
    source.order.alike.par_iter().try_for_each_init(
        || (Vec::new(), Vec::new(), Vec::new()),
        |(read, first, other), &(start, count)| {
            // More than one kind means that two different sequences have one hash.
            let mut kinds = vec![start];
            if source.length(start)? > LONGEST {
                'next: for rank in start + 1..start + count {
                    for &kind in &kinds {
                        if source.equal_long(kind, rank)? {
                            join(rank, kind);
                            continue 'next;
                        }
                    }
                    kinds.push(rank);
                }
                return Ok(());
            }
            table.item(start as usize, first)?;
            source.many(start + 1, start + count, read, |rank, residues| {
                if residues == first {
                    join(rank, start);
                    return Ok(());
                }
                for &kind in &kinds[1..] {
                    table.item(kind as usize, other)?;
                    if residues == other {
                        join(rank, kind);
                        return Ok(());
                    }
                }
                kinds.push(rank);
                Ok(())
            })
        },
    )?;
    let mut empty = None;
    for rank in (0..table.len()).filter(|&rank| table.length(rank) == 0) {
        if source.length(rank as u32)? == 0 {
            join(rank as u32, *empty.get_or_insert(rank as u32));
        }
    }
    Ok(())
}

/// What finding containers needs.
struct Contain<'a> {
    source: &'a Source<'a>,
    containers: &'a [AtomicU32],
    both_strands: bool,
    progress: &'a (dyn Fn(&'static str, u64, u64) + Sync),
}

/// Records of a class, and their residues.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    records: u64,
    residues: u64,
}

impl Contain<'_> {
    /// Finds the container of every record that has one.
    fn run(&self) -> Result<()> {
        let database = self.source.database;
        let budget = database.budget();
        let counted = WORD[usize::from(database.alphabet().is_nucleotide())];
        let mut lengths = vec![counted];
        lengths.extend(SHORTER.into_iter().filter(|&shorter| shorter < counted));
        let mut extents = vec![Extent::default(); lengths.len()];
        let mut has_long = false;
        for rank in 0..self.containers.len() as u32 {
            let length = self.source.length(rank)?;
            let class = lengths.iter().position(|&least| least as u64 <= length);
            if let Some(class) = class
                && self.containers[rank as usize].load(Ordering::Relaxed) == rank
            {
                has_long |= length > LONGEST;
                extents[class].records += 1;
                extents[class].residues += length;
            }
        }
        if extents.iter().map(|extent| extent.records).sum::<u64>() < 2 {
            return Ok(());
        }
        let threads = rayon::current_num_threads() as u64;
        let _blocks = database.lease_blocks()?;
        let _buffers = budget.lease("residues at hand", threads * thread_memory(has_long))?;
        let (pieces, _pieces) = self.source.pieces()?;
        let gathering = Gathering { source: self.source, containers: self.containers, both_strands: self.both_strands };
        let mut below = u64::MAX;
        for (length, extent) in lengths.into_iter().zip(extents) {
            let words = Words::new(length);
            let lengths = length as u64..below;
            below = length as u64;
            if extent.records == 0 {
                continue;
            }
            let mut counts = None;
            if length == counted {
                (self.progress)("counting", 0, self.containers.len() as u64);
                let made = Counts::new(extent.residues, self.both_strands, budget)?;
                gathering.count(&words, &made, &pieces)?;
                counts = Some(made);
            }
            self.find(&gathering, &Class { words, lengths, counts }, extent.records, &pieces)?;
        }
        Ok(())
    }

    /// Finds the containers of a class of records, as many at a time as there is memory for.
    fn find(&self, gathering: &Gathering<'_>, class: &Class, records: u64, pieces: &[Piece]) -> Result<()> {
        let a_record = entries_a_record(self.both_strands);
        let least = MOST_RECORDS * a_record;
        let mut index = Index::new(records * a_record, least, self.source.database.budget())?;
        let search = Search { source: self.source, containers: self.containers, progress: self.progress };
        let mut rest = pieces;
        while !rest.is_empty() {
            // Pieces that there is room for even if nothing of them can be ruled out.
            let mut room = index.room();
            let fitting = rest.iter().map_while(|piece| {
                room = room.checked_sub(piece.records() * a_record as usize)?;
                Some(())
            });
            let (now, later) = rest.split_at(fitting.take(TOGETHER).count());
            if now.is_empty() {
                search.run(&class.words, &mut index, pieces)?;
            }
            gathering.gather(class, now, &mut index)?;
            rest = later;
        }
        search.run(&class.words, &mut index, pieces)
    }
}

/// Who joins whom at last.
fn to_groups(order: &Order, containers: Vec<AtomicU32>, spill: &Spill, reserve: u64, records: u64) -> Result<Groups> {
    let mut groups = Groups::new(records, spill, reserve)?;
    let mut of: Vec<u32> = containers.into_iter().map(AtomicU32::into_inner).collect();
    let mut sizes = vec![1_u32; of.len()];
    for rank in 0..of.len() {
        // The container of an earlier record is what it is at last.
        let representative = of[of[rank] as usize];
        of[rank] = representative;
        if representative as usize != rank {
            sizes[representative as usize] += 1;
            sizes[rank] = 0;
            let [representative, member] = [representative as usize, rank].map(|rank| u64::from(order.ordinals[rank]));
            groups.join(representative, member, Similarity::FULL)?;
        }
    }
    sizes.into_iter().for_each(|size| groups.count(size.into()));
    Ok(groups)
}
