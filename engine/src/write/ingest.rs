//! From FASTA text to records in a container: parse, share, place, encode.
//!
//! A thread of its own reads, decompresses and hashes. While the blocks of one chunk are encoded, the next chunk is
//! parsed. Between the two, candidates for sharing are compared byte for byte, in parallel, and the records are placed,
//! one after the other. All sizes here are constants, so that the file depends neither on threads nor on memory.

use std::borrow::Cow;

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;
use xxhash_rust::xxh3::xxh3_64;

use crate::column::Columns;
use crate::error::Result;
use crate::fasta::batch::{Batch, Parsed};
use crate::fasta::parse::{Parser, SourceLayout};
use crate::write::assemble::{Assembler, Residues};
use crate::write::measure::Measurer;
use crate::write::share::{Place, ShareTable};

/// Records that are placed together; a chunk with more of them is cut.
pub(super) const TOGETHER: usize = 1 << 14;
/// Bytes of memory that a record takes beside its text while it is placed.
const OVERHEAD: usize = 192;

/// Memory for what is known of each record of a piece while it is placed.
pub(crate) const RECORDS_MEMORY: u64 = ((TOGETHER + 1) * OVERHEAD) as u64;

/// Cuts a chunk of FASTA into pieces of so few records that what is known of each of them while it is placed is
/// bounded, even where records are a few bytes long.
pub fn pieces(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts = |at: usize| at == 0 || matches!(chunk.get(at - 1), Some(b'\n' | b'\r'));
    // What goes on of a record that began in the chunk before is in the first piece, too.
    let cuts = memchr::memchr_iter(b'>', chunk).filter(move |&at| starts(at)).skip(TOGETHER).step_by(TOGETHER);
    let mut from = 0;
    cuts.chain([chunk.len()]).map(move |to| &chunk[std::mem::replace(&mut from, to)..to])
}

/// Records and residues of one input go through here.
#[derive(Debug)]
pub struct Ingest {
    batch: Batch,
    /// Of the batch's records that lie in it whole.
    hashes: Vec<Option<u64>>,
    addresses: Vec<PackedAddress>,
    share: Option<ShareTable>,
    measurer: Measurer,
    shared: u64,
}

impl Ingest {
    /// Shares stored copies if there is a table, and measures records for the optional columns.
    #[must_use]
    pub fn new(share: Option<ShareTable>, columns: Columns) -> Self {
        let measurer = Measurer::new(columns);
        Self { batch: Batch::default(), hashes: Vec::new(), addresses: Vec::new(), share, measurer, shared: 0 }
    }

    /// Records that share the copy of an earlier one.
    #[must_use]
    pub fn shared(&self) -> u64 {
        self.shared
    }

    /// Parses a chunk, while `assembler` encodes what was placed before.
    ///
    /// # Errors
    /// What is wrong with the text or the output.
    pub fn chunk(&mut self, parser: &mut Parser, chunk: &[u8], assembler: &mut Assembler) -> Result<()> {
        let (encoded, parsed) = rayon::join(|| assembler.encode(), || self.parse(parser, chunk));
        encoded?;
        parsed?;
        self.place(assembler)
    }

    /// Parses the first chunk of all, before there is an assembler; [`Ingest::place`] is to follow.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(&mut self, parser: &mut Parser, chunk: &[u8]) -> Result<()> {
        self.batch.clear();
        parser.parse(chunk, &mut self.batch)?;
        self.look();
        Ok(())
    }

    /// Ends an input; [`Ingest::place`] is to follow.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn finish(&mut self, parser: &mut Parser) -> Result<SourceLayout> {
        self.batch.clear();
        let layout = parser.finish(&mut self.batch)?;
        self.look();
        Ok(layout)
    }

    /// The batch that was parsed last.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Hashes and measures the records of the batch.
    fn look(&mut self) {
        self.measurer.measure(&self.batch);
        let Batch { records, residues, .. } = &self.batch;
        if self.share.is_some() {
            self.hashes.clear();
            self.hashes.par_extend(records.par_iter().with_min_len(256).map(|record| {
                let whole = record.starts && record.ends && !record.residues.is_empty();
                whole.then(|| xxh3_64(&residues[record.residues.clone()]))
            }));
        }
    }

    /// Places the records of the batch. The blocks of the batch before must have been encoded.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Space`].
    pub fn place(&mut self, assembler: &mut Assembler) -> Result<()> {
        let targets = self.find_shared(assembler)?;
        self.addresses.clear();
        for (index, record) in self.batch.records.iter().enumerate() {
            let text = &self.batch.text[record.text.clone()];
            let residues = &self.batch.residues[record.residues.clone()];
            let script = record.script.clone().map(|range| &self.batch.scripts[range]);
            let measures = self.measurer.next(index, record);
            let mut address = PackedAddress::default();
            match (record.starts, record.ends) {
                (true, true) => {
                    let copy = match targets.get(index).copied().flatten() {
                        Some(Place::Stored(address)) => Some(address),
                        Some(Place::InBatch(earlier)) => self.addresses.get(earlier).copied(),
                        None => None,
                    };
                    self.shared += u64::from(copy.is_some());
                    let residues = match copy {
                        Some(address) => Residues::Shared(address, residues.len() as u64),
                        None => Residues::New(residues),
                    };
                    address = assembler.record(text, record.id_length, residues, script, measures)?;
                }
                (starts, ends) => {
                    if starts {
                        assembler.begin_long(text, record.id_length)?;
                    }
                    assembler.push_long(residues);
                    if ends {
                        assembler.end_long(script, measures)?;
                    }
                }
            }
            self.addresses.push(address);
        }
        if let Some(table) = &mut self.share {
            table.end_batch(|index| self.addresses[index]);
        }
        Ok(())
    }

    /// For each record of the batch, the earlier one whose bytes are the same.
    fn find_shared(&mut self, assembler: &Assembler) -> Result<Vec<Option<Place>>> {
        let Some(table) = &mut self.share else { return Ok(Vec::new()) };
        let records = &self.batch.records;
        let most = assembler.shape().sequence_block as usize;
        let mut candidates: Vec<(Place, usize)> = Vec::new();
        for (index, hash) in self.hashes.iter().enumerate() {
            // A copy longer than a block would have to be compared block by block; `reduce` does that.
            let Some(hash) = hash.filter(|_| records[index].residues.len() <= most) else { continue };
            if let Some(place) = table.find_or_add(hash, index) {
                candidates.push((place, index));
            }
        }
        let block_of = |place: &Place| match place {
            Place::Stored(address) => address.block(),
            Place::InBatch(_) => u64::MAX,
        };
        candidates.par_sort_unstable_by_key(|(place, index)| (block_of(place), *index));
        let groups: Vec<&[(Place, usize)]> =
            candidates.chunk_by(|left, right| block_of(&left.0) == block_of(&right.0)).collect();
        let batch = &self.batch;
        let confirmed: Vec<Vec<(Place, usize)>> = groups
            .into_par_iter()
            .map(|group| {
                let block = match group.first() {
                    Some((Place::Stored(address), _)) => assembler.written_block(address.block())?,
                    _ => None,
                };
                Ok(group.iter().filter(|(place, index)| same(batch, *index, place, block.as_ref())).copied().collect())
            })
            .collect::<Result<_>>()?;
        let mut targets = vec![None; records.len()];
        for (place, index) in confirmed.into_iter().flatten() {
            targets[index] = Some(place);
        }
        Ok(targets)
    }
}

/// Whether a record's residues are those at `place`, byte for byte.
fn same(batch: &Batch, index: usize, place: &Place, block: Option<&Cow<'_, [u8]>>) -> bool {
    let residues_of = |record: &Parsed| &batch.residues[record.residues.clone()];
    let residues = residues_of(&batch.records[index]);
    match place {
        Place::InBatch(earlier) => batch.records.get(*earlier).is_some_and(|record| residues_of(record) == residues),
        Place::Stored(address) => {
            let start = address.byte() as usize;
            block.and_then(|block| block.get(start..start + residues.len())) == Some(residues)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(piece: &[u8]) -> usize {
        piece.split(|&byte| byte == b'\n').filter(|line| line.first() == Some(&b'>')).count()
    }

    #[test]
    fn pieces_have_few_records_wherever_those_are() {
        let tiny = b">\n".repeat(3 * TOGETHER + 1);
        let uneven = [&b"ACGT\n".repeat(100_000)[..], &tiny].concat();
        for chunk in [&tiny[..], &uneven, b"", b"ACGT\n", b">a\nMK>V\n", b"\r>"] {
            let parts: Vec<&[u8]> = pieces(chunk).collect();
            assert_eq!(parts.concat(), chunk);
            assert!(parts.iter().all(|part| records(part) <= TOGETHER), "{}", chunk.len());
            assert_eq!(parts.len(), records(chunk).div_ceil(TOGETHER).max(1));
        }
    }
}
