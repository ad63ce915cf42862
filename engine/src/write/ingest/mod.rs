//! From FASTA text to records in a container: parse, share, place, encode.
//!
//! A thread of its own reads, decompresses and hashes. Three things go on at once: a chunk is parsed, the records of
//! the one before it are placed, and the blocks that those before filled are encoded. Placing is what is done one
//! record after the other; those that share an earlier copy are compared with it byte for byte, in parallel, when many
//! of them have come. Where memory is scarce, there is one batch of records and not two, and it is placed between the
//! other steps. All sizes that the file depends on are constants, so that it depends neither on threads nor on memory.

mod placer;

use rayon::prelude::*;

use self::placer::Placer;
use crate::column::Columns;
use crate::error::Result;
use crate::fasta::batch::Batch;
use crate::fasta::input::CHUNK;
use crate::fasta::parse::{Parser, SourceLayout};
use crate::memory::budget::{Budget, Lease};
use crate::write::assemble::Assembler;
use crate::write::share::{Hash, ResidueHasher};

/// Records that are placed together; a chunk with more of them is cut.
pub(super) const TOGETHER: usize = 1 << 14;
/// Bytes of memory that a record takes beside its text while it is placed.
const OVERHEAD: usize = 208;

/// Memory for what is known of each record of a piece while it is placed.
pub(crate) const RECORDS_MEMORY: u64 = ((TOGETHER + 1) * OVERHEAD) as u64;
/// Memory to parse a piece while another one is placed and the blocks of a third are encoded.
const AHEAD_MEMORY: u64 = RECORDS_MEMORY + 2 * CHUNK as u64;
/// That is taken if it is at most one part of what is free in this many: what comes later needs memory, too.
const AHEAD_SHARE: u64 = 8;

/// Cuts a chunk of FASTA into pieces of so few records that what is known of each of them while it is placed is
/// bounded, even where records are a few bytes long.
pub fn pieces(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts = |at: usize| at == 0 || matches!(chunk.get(at - 1), Some(b'\n' | b'\r'));
    // What goes on of a record that began in the chunk before is in the first piece, too.
    let cuts = memchr::memchr_iter(b'>', chunk).filter(move |&at| starts(at)).skip(TOGETHER).step_by(TOGETHER);
    let mut from = 0;
    cuts.chain([chunk.len()]).map(move |to| &chunk[std::mem::replace(&mut from, to)..to])
}

/// The records of a piece.
#[derive(Debug, Default)]
struct Looked {
    batch: Batch,
    /// Of the records that lie in it whole.
    hashes: Vec<Option<Hash>>,
}

impl Looked {
    fn clear(&mut self) {
        self.batch.clear();
        self.hashes.clear();
    }

    /// Parses a piece, and hashes its records.
    fn parse(&mut self, parser: &mut Parser, piece: &[u8], hasher: Option<&ResidueHasher>) -> Result<()> {
        self.clear();
        parser.parse(piece, &mut self.batch)?;
        self.hash(hasher);
        Ok(())
    }

    fn hash(&mut self, hasher: Option<&ResidueHasher>) {
        let Batch { records, residues, .. } = &self.batch;
        let Some(hasher) = hasher else { return };
        self.hashes.par_extend(records.par_iter().with_min_len(256).map(|record| {
            let whole = record.starts && record.ends && !record.residues.is_empty();
            whole.then(|| hasher.hash(&residues[record.residues.clone()]))
        }));
    }
}

/// Records and residues of one input go through here.
#[derive(Debug)]
pub struct Ingest {
    /// What is to be placed next.
    waiting: Looked,
    /// What is parsed meanwhile.
    next: Looked,
    hasher: Option<ResidueHasher>,
    placer: Placer,
    /// If there is memory to parse ahead.
    ahead: Option<Lease>,
}

impl Ingest {
    /// What finding copies takes at least.
    pub(super) const SHARE_MEMORY: u64 = Placer::SHARE_MEMORY;

    /// Shares stored copies if `share` says so, and measures records for the optional columns.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn new(share: bool, columns: Columns, budget: &Budget) -> Result<Self> {
        let placer = Placer::new(share, columns, budget)?;
        let hasher = share.then(ResidueHasher::new);
        Ok(Self { waiting: Looked::default(), next: Looked::default(), hasher, placer, ahead: None })
    }

    /// Parses ahead from now on, if there is memory to spare: to be called when everything else that is needed has its
    /// memory.
    pub(super) fn parse_ahead(&mut self, budget: &Budget) {
        if budget.free() / AHEAD_SHARE >= AHEAD_MEMORY {
            self.ahead = budget.lease("a chunk that is parsed ahead", AHEAD_MEMORY).ok();
        }
    }

    /// Records that share the copy of an earlier one.
    #[must_use]
    pub fn shared(&self) -> u64 {
        self.placer.shared()
    }

    /// Parses a piece of a chunk, while what waits is placed and `assembler` encodes what was placed before.
    ///
    /// # Errors
    /// What is wrong with the text or the output.
    pub fn chunk(&mut self, parser: &mut Parser, piece: &[u8], assembler: &mut Assembler) -> Result<()> {
        if !self.placer.can_defer(&self.waiting, assembler) {
            self.place_rest(assembler)?;
        }
        let blocks = assembler.take_full()?;
        let Self { waiting, next, hasher, placer, .. } = self;
        let (encoded, (placed, parsed)) = rayon::join(
            || blocks.encode(),
            || rayon::join(|| placer.place(waiting, assembler), || next.parse(parser, piece, hasher.as_ref())),
        );
        assembler.write(encoded?)?;
        placed?;
        parsed?;
        self.waiting.clear();
        std::mem::swap(&mut self.waiting, &mut self.next);
        if self.ahead.is_none() {
            self.place(assembler)?;
        }
        Ok(())
    }

    /// Parses the first piece of all, before there is an assembler; [`Ingest::place`] is to follow.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(&mut self, parser: &mut Parser, piece: &[u8]) -> Result<()> {
        self.waiting.parse(parser, piece, self.hasher.as_ref())
    }

    /// Ends an input, all of whose records so far have been placed; [`Ingest::place`] is to follow.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn finish(&mut self, parser: &mut Parser) -> Result<SourceLayout> {
        self.waiting.clear();
        let layout = parser.finish(&mut self.waiting.batch)?;
        self.waiting.hash(self.hasher.as_ref());
        Ok(layout)
    }

    /// The batch that waits.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.waiting.batch
    }

    /// Encodes what was placed, and places what waits.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Space`], and of comparing copies.
    pub(super) fn place_rest(&mut self, assembler: &mut Assembler) -> Result<()> {
        assembler.encode()?;
        self.place(assembler)
    }

    /// Places the records that wait. All blocks that are full must have been encoded.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Space`].
    pub fn place(&mut self, assembler: &mut Assembler) -> Result<()> {
        self.placer.confirm_if_urgent(assembler)?;
        self.placer.place(&self.waiting, assembler)?;
        self.waiting.clear();
        Ok(())
    }

    /// Compares the records that were given an earlier copy with it, those that this has not been done for. All blocks
    /// that are full must have been encoded.
    ///
    /// # Errors
    /// [`crate::Error::Verification`] if they are not the same, [`crate::Error::Io`].
    pub fn confirm(&mut self, assembler: &Assembler) -> Result<()> {
        self.placer.confirm(assembler)
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
