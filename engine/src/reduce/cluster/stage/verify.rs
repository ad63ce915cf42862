//! The alignment of all pairs of a part of all records.
//!
//! Parts are ranges of ranks with as many residues each. Of the residues only those of the part's records are taken, of
//! their candidates, and of records that might be the same as others; they stand in a temporary table, as in one
//! process.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::super::candidates::{Edge, parts};
use super::super::graph::find_links;
use super::super::plan::Round;
use super::super::same::find_same;
use super::edges::PAIRS;
use super::head::{Head, Kind};
use super::inputs::{Inputs, shards_of};
use super::kmers::weight;
use super::merge::Merge;
use super::ranks::{self, Record};
use super::reader::{Items, StageFile};
use super::writer::StageWriter;
use super::{Partition, Stage, StageSummary, round};
use crate::align::{Aligner, AlignmentPool, LONGEST, fold};
use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Lease;
use crate::reduce::exact::equal_residues;
use crate::reduce::groups::LEAST_SORT_MEMORY;
use crate::reduce::order::Order;
use crate::reduce::order::write_residues;
use crate::write::spill::{Arranger, Spill, SpillColumn, SpillTable};

/// The section of links that has records with the same residues as an earlier one: the rank of each, and of that one.
pub(super) const SAME: usize = 1;

/// What a part is, and where its records are.
struct Part {
    /// The shard of each rank and the ordinal in it, as one number.
    ordinals: SpillColumn<u32>,
    /// The rank of each such number.
    ranks: SpillColumn<u32>,
    /// Which residues are needed, by rank.
    wanted: Vec<bool>,
    /// Runs of ranks that are alike, and whose first one is in the part: the first, and how many.
    alike: Vec<(u32, u32)>,
    start: u32,
    end: u32,
    _lease: Lease,
}

/// Bytes of memory a record: whether it is needed, and runs, of which there may be one for two records.
const MEMORY: u64 = 1 + 4;

impl Stage<'_> {
    /// Aligns the records of a part to those that they share words with, and writes which are similar. `files` are all
    /// shards, their words, and all parts of the pairs, in any order.
    ///
    /// # Errors
    /// [`crate::Error::StageFiles`] for files that do not go together, [`crate::Error::Stage`] for damage, also in
    /// shards, [`crate::Error::Io`], [`crate::Error::Space`], [`crate::Error::Memory`].
    pub fn verify(&self, files: &[PathBuf], partition: Partition, output: &Path) -> Result<StageSummary> {
        self.run(output, |spill| self.align(files, partition, output, spill))
    }

    fn align(&self, files: &[PathBuf], partition: Partition, output: &Path, spill: &Spill) -> Result<StageSummary> {
        let inputs = Inputs::open(files, &[Kind::Kmers, Kind::Edges], true, &self.budget)?;
        let Inputs { kmers, edges, .. } = &inputs;
        let records = ranks::count(kmers)?;
        let [first, ..] = &kmers[..] else { return Ok(StageSummary::default()) };
        let (scoring, clustering) = (first.head().scoring, first.head().clustering);
        let round = round(scoring, &clustering)?;
        let shards = shards_of(kmers);
        let (databases, _) = inputs.open_shards(first, &shards, &self.memory, &self.budget)?;
        let longest = kmers.iter().map(|file| file.head().numbers[2]).max().unwrap_or(0);
        let keep = u64::from(records) * MEMORY + 3 * LEAST_SORT_MEMORY + Aligner::memory(longest.min(LONGEST));
        let mut part = self.part(kmers, records, partition, (spill, keep))?;
        for edge in pairs(edges, part.own(), records, &round)? {
            let (rank, candidate, _) = parts(edge?.0);
            part.wanted[rank as usize] = true;
            part.wanted[candidate as usize] = true;
        }
        let bases = ranks::bases(kmers);
        let residues = self.residues(kmers, &databases, &bases, &part, (spill, keep))?;
        let own = part.own();
        let Part { ordinals, alike, _lease, .. } = part;
        let order = Order::of_parts(ordinals, residues);
        let context = self.context(spill, scoring, &clustering, keep);
        let pool = AlignmentPool::new(&self.budget)?;
        let expanded = pairs(edges, own.clone(), records, &round)?.flat_map(|pair| match pair {
            Ok((edge, count)) => Repeated { edge: Some(Ok(edge)), count },
            Err(error) => Repeated { edge: Some(Err(error)), count: 1 },
        });
        let links = find_links(&context, &order, &round, &pool, expanded, |_| {})?.finish()?;
        drop(pool);
        let mut writer = StageWriter::create(output, &self.budget)?;
        let pairs = links.remaining();
        for link in links {
            writer.push(&link?)?;
        }
        writer.end_section()?;
        let mut scratch = (Vec::new(), Vec::new());
        let equal = |first: u32, other: u32| equal(&databases, &bases, &order, first, other, &mut scratch);
        find_same(&alike, equal, |rank, kind| writer.push(&(u64::from(rank), u64::from(kind))))?;
        let head = Head { kind: Kind::Links, scoring, clustering, partition, shards, numbers: [pairs, 0, 0] };
        writer.finish(&head)?;
        Ok(StageSummary { records: own.len() as u64, pairs, ..self.summary(spill) })
    }

    /// Where all records are, and which ones are in the part.
    fn part(
        &self,
        kmers: &[StageFile],
        records: u32,
        partition: Partition,
        (spill, keep): (&Spill, u64),
    ) -> Result<Part> {
        let lease = self.budget.lease("records that are needed", u64::from(records) * MEMORY)?;
        let size = records as usize;
        let (alike, wanted) = (Vec::new(), vec![false; size]);
        let ordinals = SpillColumn::new(spill, "records by rank", size, 0_u32, keep)?;
        let ranks = SpillColumn::new(spill, "ranks of records", size, u32::MAX, keep)?;
        let mut part = Part { ordinals, ranks, wanted, alike, start: records, end: records, _lease: lease };
        let bases = ranks::bases(kmers);
        let total = kmers.iter().fold(0_u128, |sum, file| sum + u128::from(file.head().numbers[0]));
        let (mut before, mut run) = (0_u128, (0, 0));
        for record in ranks::records(kmers)? {
            let Record { rank, length, shard, ordinal, alike, .. } = record?;
            let of = before * u128::from(partition.count()) / total.max(1);
            let is_own = of.min(u128::from(partition.count() - 1)) == u128::from(partition.number() - 1);
            before += u128::from(weight(length));
            if is_own {
                part.start = part.start.min(rank);
            } else if part.start < rank && part.end == records {
                part.end = rank;
            }
            let number = bases[shard] + ordinal;
            part.ordinals[rank as usize] = number;
            // Of as many as the shard has, none twice is all of them.
            if std::mem::replace(&mut part.ranks[number as usize], rank) != u32::MAX {
                return Err(kmers[shard].damaged("it knows a record twice"));
            }
            if alike {
                run.1 += 1;
                if part.own().contains(&run.0) {
                    part.wanted[run.0 as usize] = true;
                    part.wanted[rank as usize] = true;
                }
            } else {
                part.end_run(run);
                run = (rank, 1);
            }
        }
        part.end_run(run);
        Ok(part)
    }

    /// The residues that are needed, by rank.
    fn residues(
        &self,
        kmers: &[StageFile],
        databases: &[Database],
        bases: &[u32],
        part: &Part,
        (spill, keep): (&Spill, u64),
    ) -> Result<SpillTable> {
        let scoring = kmers.first().map_or(crate::align::Scoring::Protein, |file| file.head().scoring);
        let fold = |residues: &[u8], folded: &mut Vec<u8>| fold(residues, scoring, folded);
        let lengths = ranks::records(kmers)?.map(|record| {
            let Record { rank, length, .. } = record?;
            Ok(if part.wanted[rank as usize] && length <= LONGEST { length } else { 0 })
        });
        let table = SpillTable::new(spill, "residues in order", part.ordinals.len() as u64, keep, lengths)?;
        let arranger = Arranger::new(&table, LONGEST);
        for ((database, base), file) in databases.iter().zip(bases).zip(kmers) {
            (self.progress)("reading", u64::from(*base), part.ordinals.len() as u64);
            let _blocks = database.lease_blocks()?;
            write_residues(database, &fold, &arranger, |ordinal, length| {
                let rank = part.ranks[*base as usize + ordinal as usize];
                let is_wanted = part.wanted[rank as usize];
                if is_wanted && table.length(rank as usize) != length {
                    return Err(file.damaged("a record of its shard has another length"));
                }
                Ok(is_wanted.then_some(rank))
            })?;
            database.release_pages();
        }
        arranger.finish()?;
        Ok(table)
    }
}

impl Part {
    /// Keeps a run of ranks that are alike, if it is one, and begins in the part.
    fn end_run(&mut self, run: (u32, u32)) {
        if run.1 > 1 && self.own().contains(&run.0) {
            self.alike.push(run);
        }
    }

    /// The ranks that it has.
    fn own(&self) -> Range<u32> {
        self.start..self.end
    }
}

/// The same edge several times, as each word gave it.
struct Repeated {
    edge: Option<Result<Edge>>,
    count: u64,
}

impl Iterator for Repeated {
    type Item = Result<Edge>;

    fn next(&mut self) -> Option<Self::Item> {
        match &self.edge {
            Some(Ok(edge)) if self.count > 1 => {
                self.count -= 1;
                Some(Ok(*edge))
            }
            _ => self.edge.take(),
        }
    }
}

/// The pairs of a part's records, each with how many words say so.
fn pairs<'f>(
    edges: &'f [StageFile],
    own: Range<u32>,
    records: u32,
    round: &Round,
) -> Result<impl Iterator<Item = Result<(Edge, u64)>> + 'f> {
    let (from, to) = (u64::from(own.start) << 32, u64::from(own.end) << 32);
    let most = round.words as u64;
    let source = |file: &'f StageFile| -> Result<_> {
        let items: Items<'f, (u64, u64, u64)> = file.range(PAIRS, from, Some(to))?;
        Ok(items.map(move |item| {
            let (pair, fit, count) = item?;
            let (record, candidate, of_pair) = parts((pair, fit));
            let is_near = of_pair.diagonal.unsigned_abs() <= 4 * LONGEST;
            if record >= records || candidate >= record || !is_near || !(1..=most).contains(&count) {
                return Err(file.damaged("a pair of records cannot be"));
            }
            Ok((pair, fit, count))
        }))
    };
    let merged = Merge::new(edges.iter().map(source).collect::<Result<Vec<_>>>()?)?;
    Ok(merged.map(|item| item.map(|(pair, fit, count)| ((pair, fit), count))))
}

/// Whether two records with one length and hash have the same residues.
fn equal(
    databases: &[Database],
    bases: &[u32],
    order: &Order,
    first: u32,
    other: u32,
    (left, right): &mut (Vec<u8>, Vec<u8>),
) -> Result<bool> {
    let place = |rank: u32| {
        let number = order.ordinals[rank as usize];
        let shard = bases.partition_point(|&base| base <= number) - 1;
        (&databases[shard], u64::from(number - bases[shard]))
    };
    let (one, another) = (place(first), place(other));
    let length = one.0.sequence_length(one.1)?;
    if length > LONGEST {
        return equal_residues(one, another, length);
    }
    order.residues.item(first as usize, left)?;
    order.residues.item(other as usize, right)?;
    Ok(left == right)
}
