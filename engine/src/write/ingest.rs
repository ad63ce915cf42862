//! From FASTA text to records in a container: parse, share, place, encode.
//!
//! A thread of its own reads, decompresses and hashes. While the blocks of one chunk are encoded, the next chunk is
//! parsed. Between the two, the records are placed, one after the other; those that share an earlier copy are compared
//! with it byte for byte, in parallel, when many of them have come. All sizes that the file depends on are constants,
//! so that it depends neither on threads nor on memory.

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;

use crate::column::Columns;
use crate::error::Result;
use crate::fasta::batch::{Batch, Parsed};
use crate::fasta::parse::{Parser, SourceLayout};
use crate::memory::budget::Budget;
use crate::write::assemble::{Assembler, Residues};
use crate::write::measure::Measurer;
use crate::write::share::{Hash, Place, ResidueHasher, ShareTable};
use crate::write::unconfirmed::Unconfirmed;

/// Records that are placed together; a chunk with more of them is cut.
pub(super) const TOGETHER: usize = 1 << 14;
/// Bytes of memory that a record takes beside its text while it is placed.
const OVERHEAD: usize = 208;

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

/// What finds copies.
#[derive(Debug)]
struct Share {
    hasher: ResidueHasher,
    table: ShareTable,
    unconfirmed: Unconfirmed,
}

/// Records and residues of one input go through here.
#[derive(Debug)]
pub struct Ingest {
    batch: Batch,
    /// Of the batch's records that lie in it whole.
    hashes: Vec<Option<Hash>>,
    addresses: Vec<PackedAddress>,
    share: Option<Share>,
    measurer: Measurer,
    shared: u64,
}

impl Ingest {
    /// What finding copies takes at least.
    pub(super) const SHARE_MEMORY: u64 = ShareTable::MEMORY + Unconfirmed::MEMORY;

    /// Shares stored copies if `share` says so, and measures records for the optional columns.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn new(share: bool, columns: Columns, budget: &Budget) -> Result<Self> {
        let measurer = Measurer::new(columns);
        let make = || -> Result<Share> {
            let (hasher, table) = (ResidueHasher::new(), ShareTable::new(budget)?);
            Ok(Share { hasher, table, unconfirmed: Unconfirmed::new(budget)? })
        };
        let share = share.then(make).transpose()?;
        Ok(Self { batch: Batch::default(), hashes: Vec::new(), addresses: Vec::new(), share, measurer, shared: 0 })
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
        if let Some(Share { hasher, .. }) = &self.share {
            self.hashes.clear();
            self.hashes.par_extend(records.par_iter().with_min_len(256).map(|record| {
                let whole = record.starts && record.ends && !record.residues.is_empty();
                whole.then(|| hasher.hash(&residues[record.residues.clone()]))
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
        if let Some(Share { table, .. }) = &mut self.share {
            table.end_batch(|index| self.addresses[index]);
        }
        Ok(())
    }

    /// Compares the records that were given an earlier copy with it, those that this has not been done for. All blocks
    /// that are full must have been encoded.
    ///
    /// # Errors
    /// [`crate::Error::Verification`] if they are not the same, [`crate::Error::Io`].
    pub fn confirm(&mut self, assembler: &Assembler) -> Result<()> {
        self.share.as_mut().map_or(Ok(()), |share| share.unconfirmed.confirm(assembler))
    }

    /// For each record of the batch, the earlier one whose copy it shares.
    fn find_shared(&mut self, assembler: &Assembler) -> Result<Vec<Option<Place>>> {
        let Some(Share { table, unconfirmed, .. }) = &mut self.share else { return Ok(Vec::new()) };
        if unconfirmed.is_urgent(assembler) {
            unconfirmed.confirm(assembler)?;
        }
        let Batch { records, residues, .. } = &self.batch;
        let residues_of = |record: &Parsed| &residues[record.residues.clone()];
        let most = assembler.shape().sequence_block as usize;
        let oldest = assembler.open_block().saturating_sub(Assembler::COPIES_WITHIN);
        let mut targets = vec![None; records.len()];
        let mut ordinal = assembler.record_count();
        for (index, (record, hash)) in records.iter().zip(&self.hashes).enumerate() {
            let this = ordinal;
            ordinal += u64::from(record.ends);
            // A copy longer than a block would have to be compared block by block; `reduce` does that.
            let Some(hash) = hash.filter(|_| record.residues.len() <= most) else { continue };
            targets[index] = match table.find_or_add(hash, index) {
                Some(Place::InBatch(earlier)) if residues_of(&records[earlier]) == residues_of(record) => {
                    Some(Place::InBatch(earlier))
                }
                Some(Place::Stored(address)) if address.block() >= oldest => {
                    unconfirmed.add(this, residues_of(record), address, assembler)?;
                    Some(Place::Stored(address))
                }
                _ => None,
            };
        }
        Ok(targets)
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
