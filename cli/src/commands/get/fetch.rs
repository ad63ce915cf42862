//! From what is wanted to its residues: many short records together, long ones piece by piece.

use std::ops::Range;

use talaria_db::read::batch::{OVERHEAD, most_bytes};
use talaria_db::read::scan::RecordView;
use talaria_db::spec::alphabet::{Alphabet, complement};

use super::FEW;
use super::search::Wanted;
use super::source::Source;
use super::write::{RecordWriter, Subject};
use crate::failure::{Failure, Result};
use crate::open::DatabaseFlags;

/// Records up to this length may be copied whole, in residues.
const SHORT: u64 = 256 << 10;
/// Longer ranges are decoded by several threads, in residues.
const LONG: u64 = 1 << 20;
/// Residues of a piece of a long record that is read from its end.
const PIECE: u64 = 256 << 10;

/// Reads what is wanted and gives it to a writer.
pub(in crate::commands) struct Fetcher<'s> {
    flags: &'s DatabaseFlags,
    source: &'s Source,
    writer: RecordWriter,
    reverse: bool,
    most: u64,
    piece: Vec<u8>,
}

impl<'s> Fetcher<'s> {
    /// With `reverse`, of the other strand.
    pub(in crate::commands) fn new(
        flags: &'s DatabaseFlags,
        source: &'s Source,
        writer: RecordWriter,
        reverse: bool,
    ) -> Self {
        let most = most_bytes(source.budget());
        Self { flags, source, writer, reverse, most, piece: Vec::new() }
    }

    /// Writes what is left.
    pub(in crate::commands) fn finish(self) -> Result<()> {
        Ok(self.writer.finish()?)
    }

    /// Fetches and writes, in the order given.
    pub(in crate::commands) fn fetch(&mut self, wanted: &[Wanted<'_>]) -> Result<()> {
        let mut rest = wanted;
        while !rest.is_empty() {
            let batch = self.batch(rest);
            let (now, later) = rest.split_at(batch.max(1));
            if batch > FEW {
                self.together(now)?;
            } else {
                now.iter().try_for_each(|wanted| self.alone(wanted))?;
            }
            rest = later;
        }
        Ok(())
    }

    /// How many of the next ones can be in memory together.
    fn batch(&self, wanted: &[Wanted<'_>]) -> usize {
        let mut left = self.most;
        let fits = |wanted: &&Wanted<'_>| {
            let need = wanted.length.saturating_add(u64::from(wanted.header_length) + OVERHEAD);
            let fits = wanted.length <= SHORT && need <= left;
            left = left.saturating_sub(need);
            fits
        };
        wanted.iter().take_while(fits).count()
    }

    fn together(&mut self, wanted: &[Wanted<'_>]) -> Result<()> {
        let ordinals: Vec<u64> = wanted.iter().map(|wanted| wanted.ordinal).collect();
        let strands = wanted.iter().map(|wanted| self.strand(wanted)).collect::<Result<Vec<_>>>()?;
        let look = self.writer.look();
        let write = |index: usize, record: RecordView<'_>, out: &mut Vec<u8>| {
            let (Some(wanted), Some(&strand)) = (wanted.get(index), strands.get(index)) else { return };
            let mut look = look;
            look.begin(&subject(wanted, record.header, strand), out);
            let residues = slice(record.residues, wanted.range());
            match strand {
                None => look.residues(residues, out),
                Some(alphabet) => {
                    let mut other = residues.to_vec();
                    reverse_complement(&mut other, alphabet);
                    look.residues(&other, out);
                }
            }
            look.end(out);
        };
        Ok(self.source.write_records(&ordinals, write, |bytes| self.writer.records(bytes))?)
    }

    fn alone(&mut self, wanted: &Wanted<'_>) -> Result<()> {
        let (ordinal, range) = (wanted.ordinal, wanted.range());
        let alphabet = self.strand(wanted)?;
        self.writer.begin(&subject(wanted, &self.source.header(ordinal)?, alphabet))?;
        let Some(alphabet) = alphabet else {
            if range.end - range.start > LONG {
                self.flags.start_threads()?;
            }
            self.source.for_each_residues(ordinal, range, |part| self.writer.residues(part))?;
            return Ok(self.writer.end()?);
        };
        let _lease = self.source.budget().lease("a piece of the other strand", PIECE.min(range.end - range.start))?;
        let mut end = range.end;
        while end > range.start {
            // Pieces start at multiples of their size, so that hardly a block is decoded twice.
            let start = ((end - 1) / PIECE * PIECE).max(range.start);
            self.piece.clear();
            self.source.for_each_residues(ordinal, start..end, |part| {
                self.piece.extend_from_slice(part);
                Ok(())
            })?;
            reverse_complement(&mut self.piece, alphabet);
            self.writer.residues(&self.piece)?;
            end = start;
        }
        Ok(self.writer.end()?)
    }

    /// The alphabet to complement in; none if that is not wanted.
    fn strand(&self, wanted: &Wanted<'_>) -> Result<Option<Alphabet>> {
        if !self.reverse {
            return Ok(None);
        }
        let alphabet = self.source.alphabet(wanted.ordinal)?;
        if alphabet == Alphabet::Protein {
            let number = wanted.ordinal;
            let name = wanted.query.map_or(format!("number {number}"), |name| String::from_utf8_lossy(name).into());
            return Err(Failure::Usage(format!("{name}: --reverse-complement: a protein has no other strand")));
        }
        Ok(Some(alphabet))
    }
}

fn subject<'s>(wanted: &Wanted<'s>, header: &'s [u8], strand: Option<Alphabet>) -> Subject<'s> {
    Subject {
        query: wanted.query,
        ordinal: wanted.ordinal,
        header,
        length: wanted.length,
        part: wanted.part.clone(),
        reversed: strand.is_some(),
    }
}

fn slice(residues: &[u8], range: Range<u64>) -> &[u8] {
    let at = |position| usize::try_from(position).unwrap_or(usize::MAX);
    residues.get(at(range.start)..at(range.end)).unwrap_or_default()
}

fn reverse_complement(residues: &mut [u8], alphabet: Alphabet) {
    residues.reverse();
    for residue in residues {
        *residue = complement(*residue, alphabet);
    }
}
