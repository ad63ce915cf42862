//! What a container holds, in figures: lengths, residues, blocks. Also the entries behind them, for tools that show one
//! record's.
//!
//! Costs one pass over the columns and one over the sequence blocks, both in parallel. Header texts are not decoded.

mod lengths;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use talaria_db_spec::block::{BlockEntry, Codec, Packing};

use crate::database::Database;
use crate::error::{Error, Result};
use crate::fasta::alphabet::Composition;
use crate::read::clusters::Status;
use crate::read::scan::Sequence;
use crate::read::stream::{Item, Stream, StreamKind};
use lengths::Lengths;

/// The percentages of [`Statistics::quantiles`].
pub const QUANTILES: [u64; 5] = [5, 25, 50, 75, 95];

/// Records that one thread looks at together.
const GROUP: u64 = 1 << 14;
/// Residues of short records are gathered until there are this many, as counting has a price of its own.
const GATHERED: usize = 64 << 10;
/// Residues of a long record that one thread counts.
const PIECE: u64 = 1 << 20;

/// The figures of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Records.
    pub records: u64,
    /// Residues of all records.
    pub residues: u64,
    /// Residues that are stored: copies that records share count once.
    pub stored_residues: u64,
    /// Records that share the stored copy of an earlier one.
    pub shared_records: u64,
    /// Records that are told as what differs from another one, those that share such a one's item included.
    pub delta_records: u64,
    /// The references of a reduction; nothing in the case of other containers.
    pub references: Option<u64>,
    /// Records of a reduction that have no representative.
    pub unrepresented: u64,
    /// Records that are not laid out as their source's other lines are.
    pub irregular_records: u64,
    /// Length of the shortest record; 0 without records.
    pub shortest: u64,
    /// Length of the longest record; 0 without records.
    pub longest: u64,
    /// Mean length; 0 without records.
    pub mean: f64,
    /// The largest length such that the records of that length or more hold at least half of all residues.
    pub n50: u64,
    /// For each of [`QUANTILES`], the smallest length that at least that percentage of the records do not exceed.
    pub quantiles: [u64; QUANTILES.len()],
    /// How often each residue occurs, shared copies as often as there are records that share them.
    pub composition: Composition,
}

impl Statistics {
    /// Residues in lower case.
    #[must_use]
    pub fn lower_case(&self) -> u64 {
        (b'a'..=b'z').map(|letter| self.composition.count(letter)).sum()
    }
}

/// Blocks of a stream that are stored in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockGroup {
    /// Their codec.
    pub codec: Codec,
    /// Their packing.
    pub packing: Packing,
    /// The number of their dictionary, 0 for none.
    pub dictionary: u16,
    /// Blocks.
    pub blocks: u64,
    /// Bytes as stored.
    pub stored: u64,
    /// Bytes when decoded.
    pub decoded: u64,
}

impl Database {
    /// Lengths and composition of all records.
    ///
    /// # Errors
    /// Damage in the columns or the sequence blocks; [`Error::Memory`].
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">one\nACGT\n>two\nGGCCnn\n>three\nACGT\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// let statistics = talaria_db::Database::open(&path)?.statistics()?;
    /// assert_eq!((statistics.residues, statistics.stored_residues), (14, 10));
    /// assert_eq!((statistics.shortest, statistics.longest, statistics.n50), (4, 6, 4));
    /// assert_eq!((statistics.composition.letter(b'G'), statistics.lower_case()), (4, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn statistics(&self) -> Result<Statistics> {
        let lengths = self.count_lengths()?;
        let composition = self.count_residues()?;
        let (records, residues) = (lengths.records(), lengths.residues());
        Ok(Statistics {
            records,
            residues: self.residue_count(),
            stored_residues: self.container().header().stored_residue_count.get(),
            shared_records: lengths.shared,
            delta_records: lengths.deltas,
            references: self.is_reduced().then_some(lengths.references),
            unrepresented: lengths.unrepresented,
            irregular_records: lengths.irregular,
            shortest: lengths.shortest(),
            longest: lengths.longest(),
            mean: if records == 0 { 0.0 } else { residues as f64 / records as f64 },
            n50: lengths.n50(),
            quantiles: QUANTILES.map(|percentage| lengths.quantile(percentage)),
            composition,
        })
    }

    /// How the blocks of a stream are stored, by codec, packing and dictionary. Reads the directory.
    ///
    /// # Errors
    /// Damage in the directory.
    pub fn block_groups(&self, kind: StreamKind) -> Result<Vec<BlockGroup>> {
        let Some(stream) = Stream::find(self.container(), kind) else { return Ok(Vec::new()) };
        let mut groups = BTreeMap::new();
        for number in 0..stream.directory.item_count {
            let entry = self.block_entry(&stream, number)?;
            let spec = Error::format(self.path());
            let (codec, packing) = match (Codec::from_byte(entry.codec), Packing::from_byte(entry.packing)) {
                (Ok(codec), Ok(packing)) => (codec, packing),
                (Err(violation), _) | (_, Err(violation)) => return Err(spec(violation)),
            };
            let dictionary = entry.dictionary.get();
            let empty = BlockGroup { codec, packing, dictionary, blocks: 0, stored: 0, decoded: 0 };
            let group = groups.entry((entry.codec, entry.packing, dictionary)).or_insert(empty);
            group.blocks += 1;
            group.stored += u64::from(entry.stored_length.get());
            group.decoded += u64::from(entry.decoded_length.get());
        }
        Ok(groups.into_values().collect())
    }

    /// The directory's entry of a block, checked; `None` if there is no such block.
    ///
    /// # Errors
    /// Damage in the directory.
    pub fn directory_entry(&self, kind: StreamKind, block: u64) -> Result<Option<BlockEntry>> {
        let stream = Stream::find(self.container(), kind).filter(|stream| block < stream.directory.item_count);
        stream.map(|stream| self.block_entry(&stream, block)).transpose()
    }

    fn count_lengths(&self) -> Result<Lengths> {
        let threads = rayon::current_num_threads() as u64;
        let _lease = self.budget().lease("lengths of records", threads * GROUP * 8)?;
        let all = Mutex::new(Lengths::new(self.budget())?);
        (0..self.len().div_ceil(GROUP)).into_par_iter().try_for_each(|group| {
            let ordinals = group * GROUP..((group + 1) * GROUP).min(self.len());
            let (mut shared, mut irregular, mut deltas, mut references, mut unrepresented) = (0, 0, 0, 0, 0);
            let mut lengths = Vec::with_capacity(GROUP as usize);
            for ordinal in ordinals {
                let entry = self.header_entry(ordinal)?;
                shared += u64::from(entry.is_shared());
                irregular += u64::from(entry.is_irregular());
                deltas += u64::from(entry.is_delta());
                let status = self.status(ordinal)?;
                references += u64::from(status.map_or(entry.is_reference(), |status| status == Status::Representative));
                unrepresented += u64::from(status == Some(Status::Unrepresented));
                lengths.push(self.sequence_length(ordinal)?);
            }
            lengths.sort_unstable();
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.shared += shared;
            all.irregular += irregular;
            all.deltas += deltas;
            all.references += references;
            all.unrepresented += unrepresented;
            lengths.chunk_by(|left, right| left == right).try_for_each(|same| all.add(same))
        })?;
        Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Not by [`Database::scan`], which decodes header texts and copies a chromosome together.
    fn count_residues(&self) -> Result<Composition> {
        let threads = rayon::current_num_threads();
        let _lease = self.budget().lease("counting residues", (threads * GATHERED) as u64)?;
        let _blocks = self.lease_blocks()?;
        self.owned_slots()
            .try_fold(Counter::default, |mut counter, slots| {
                self.visit_sequences(slots?, |_, _, sequence| {
                    match sequence {
                        Sequence::Whole(residues) => counter.add(residues),
                        Sequence::Long(item) => counter.total.add(&self.count_long(item)?),
                    }
                    Ok(())
                })?;
                Ok(counter)
            })
            .map(|counter| counter.map(Counter::finish))
            .try_reduce(Composition::default, sum)
    }

    /// How often each residue occurs in a record that is longer than a block.
    pub(crate) fn count_long(&self, item: Item) -> Result<Composition> {
        // So that pieces end where blocks do.
        let length = PIECE.max(self.sequences().nominal.into());
        (0..item.length.div_ceil(length))
            .into_par_iter()
            .map(|piece| {
                let range = piece * length..item.length.min((piece * length).saturating_add(length));
                let mut composition = Composition::default();
                self.for_each_passing_part(self.sequences(), item, range, |_, block, part| {
                    composition.add(&Composition::of(block.get(part).unwrap_or_default()));
                    Ok(())
                })?;
                Ok(composition)
            })
            .try_reduce(Composition::default, sum)
    }
}

fn sum(mut left: Composition, right: Composition) -> Result<Composition> {
    left.add(&right);
    Ok(left)
}

/// Counts residues.
#[derive(Default)]
struct Counter {
    total: Composition,
    gathered: Vec<u8>,
}

impl Counter {
    fn add(&mut self, residues: &[u8]) {
        if self.gathered.len() + residues.len() > GATHERED {
            self.count();
        }
        if residues.len() > GATHERED {
            self.total.add(&Composition::of(residues));
        } else {
            self.gathered.extend_from_slice(residues);
        }
    }

    fn count(&mut self) {
        self.total.add(&Composition::of(&self.gathered));
        self.gathered.clear();
    }

    fn finish(mut self) -> Composition {
        self.count();
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, Database};

    /// Below and above what is gathered, and longer than a block.
    #[test]
    fn residues_are_counted_in_records_of_every_length() {
        let records: Vec<Vec<u8>> = [0, 1, 100, GATHERED - 101, GATHERED, GATHERED + 1, 3 << 20]
            .map(|length| (0..length).map(|at| b"MKVLaag-*"[(at + length) % 9]).collect())
            .into();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.talaria");
        let named = records.clone().into_iter().map(|residues| (b"r".to_vec(), residues));
        Builder::new(&path).block_size(1 << 20).add_records("made", named).finish().unwrap();
        let statistics = Database::open(&path).unwrap().statistics().unwrap();
        assert_eq!(statistics.composition, Composition::of(&records.concat()));
        let residues: u64 = records.iter().map(|residues| residues.len() as u64).sum();
        assert_eq!((statistics.records, statistics.residues, statistics.longest), (7, residues, 3 << 20));
    }
}
