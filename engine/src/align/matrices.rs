//! The matrices of an aligner: extensions from a pair of residues, and alignments across a band, read out as paths.
//!
//! Their memory is linear in the length of the member, since blocks are at most as wide as a constant, and is counted
//! beforehand ([`Matrices::memory`]).

use std::ops::RangeInclusive;

use block_aligner::cigar::Cigar;
use block_aligner::scan_block::PaddedBytes;
use block_aligner::scores::{AAMatrix, BLOSUM62, Matrix};

use super::path::{Path, spans};
use super::scoring::{NUCLEOTIDES, Scoring};
use super::ungapped::matches;
use crate::sys::matrices::BlockMatrix;

/// Widths of the blocks of an extension from a seed.
const EXTENSION: RangeInclusive<usize> = 32..=64;
/// Of a band, which is to find what an extension missed; and of one for members of no more residues than the other one
/// is wide.
const BAND: RangeInclusive<usize> = 256..=256;
const SHORT_BAND: RangeInclusive<usize> = 128..=128;
/// Most residues of the representative beyond the member's that an alignment is looked for in.
const MOST_GAPS: usize = 4096;
/// Padding behind sequences: the widest block.
const PADDING: usize = 256;
/// Bytes of matrices a residue, and beside them. A trace has four bytes for each [`block_aligner::L`] cells of the
/// widest block: two for an extension, three for a band. Two bytes hold a residue, 16 an operation of the path, and 14
/// a step of each trace.
const PER_RESIDUE: usize = trace(1, &EXTENSION) * 2 + 2 + 16 + 14;
const PER_BAND_RESIDUE: usize = trace(1, &BAND) * 3 + 14;
const FIXED: usize = trace(2 * 256 + 2, &EXTENSION) * 2 + trace(2 * 256 + 2, &BAND) * 3 + (48 << 10);

const fn trace(residues: usize, widths: &RangeInclusive<usize>) -> usize {
    *widths.end() / block_aligner::L * residues * 4
}

/// Longer members are not aligned across a band, which would take most of the memory.
const LONGEST_BANDED: usize = 4096;
/// Score that an extension may lose before it ends.
const DROP: i32 = 100;

/// The memory of an aligner, and what is computed in it.
pub(super) struct Matrices {
    /// Memory that they are made for, and residues of both sequences together.
    bytes: usize,
    residues: usize,
    extension: BlockMatrix<true, false>,
    band: BlockMatrix<true, true>,
    band_score: BlockMatrix<false, true>,
    member: PaddedBytes,
    representative: PaddedBytes,
    path: Cigar,
}

impl Matrices {
    /// Bytes of memory for aligning a member of so many residues.
    pub(super) fn memory(member: usize) -> usize {
        let residues = residues(member.min(usize::MAX / (4 * PER_RESIDUE)));
        residues * PER_RESIDUE + residues.min(residues_banded()) * PER_BAND_RESIDUE + FIXED
    }

    /// Those that take so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let bytes_left = bytes.saturating_sub(FIXED);
        let all_banded = bytes_left / (PER_RESIDUE + PER_BAND_RESIDUE);
        let some_banded = bytes_left.saturating_sub(residues_banded() * PER_BAND_RESIDUE) / PER_RESIDUE;
        let residues = if all_banded <= residues_banded() { all_banded } else { some_banded };
        Self {
            bytes,
            residues,
            extension: BlockMatrix::new(residues, *EXTENSION.end()),
            band: BlockMatrix::new(residues.min(residues_banded()), *BAND.end()),
            band_score: BlockMatrix::new(residues.min(residues_banded()), *BAND.end()),
            member: PaddedBytes::new::<AAMatrix>(residues, PADDING),
            representative: PaddedBytes::new::<AAMatrix>(residues, PADDING),
            path: Cigar::new(residues, 0),
        }
    }

    /// Whether they are large enough for a member of so many residues.
    pub(super) fn fit(&self, member: usize) -> bool {
        residues(member) <= self.residues
    }

    /// Memory that they were made for.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The best path from the beginnings of both, or of both read from behind.
    pub(super) fn extend(
        &mut self,
        scoring: Scoring,
        member: &[u8],
        representative: &[u8],
        backwards: bool,
    ) -> Option<Path> {
        // What is further off could only be reached by gaps that cost more than the member can bring.
        let reach = representative.len().min(reach(member.len()));
        let representative =
            if backwards { &representative[representative.len() - reach..] } else { &representative[..reach] };
        if member.is_empty() || representative.is_empty() {
            return Some(Path::default());
        }
        match scoring {
            Scoring::Protein => self.extend_blocks(&BLOSUM62, scoring, member, representative, backwards),
            Scoring::Nucleotide => self.extend_blocks(&*NUCLEOTIDES, scoring, member, representative, backwards),
        }
        let end = self.extension.res();
        self.extension.trace().cigar(end.query_idx, end.reference_idx, &mut self.path);
        let mut path = Path { score: end.score, ..Path::default() };
        let pairs = |at: usize, partner: usize, count: usize| {
            let (at, partner) = if backwards {
                (member.len() - at - count, representative.len() - partner - count)
            } else {
                (at, partner)
            };
            matches(scoring, &member[at..at + count], &representative[partner..partner + count])
        };
        path.walk(&self.path, pairs);
        Some(path)
    }

    /// The best local alignment in a band around a diagonal, if its score is above `least`. None of a member that is too
    /// long for it.
    pub(super) fn band(
        &mut self,
        scoring: Scoring,
        member: &[u8],
        representative: &[u8],
        diagonal: i64,
        least: i32,
    ) -> Option<Path> {
        if member.len() > LONGEST_BANDED {
            return None;
        }
        let wide = i64::try_from(64 + member.len() / 8).ok()?;
        let bound = |position: i64| usize::try_from(position.clamp(0, representative.len() as i64)).unwrap_or(0);
        let (from, to) = (bound(diagonal - wide), bound(diagonal + member.len() as i64 + wide));
        let window = &representative[from..to];
        let better = match scoring {
            Scoring::Protein => self.cross(&BLOSUM62, scoring, member, window, least),
            Scoring::Nucleotide => self.cross(&*NUCLEOTIDES, scoring, member, window, least),
        };
        if !better {
            return None;
        }
        let end = self.band.res();
        self.band.trace().cigar(end.query_idx, end.reference_idx, &mut self.path);
        let mut path = Path { score: end.score, ..Path::default() };
        let (spans, spans_representative) = spans(&self.path);
        path.member_start = end.query_idx.checked_sub(spans)?;
        path.representative_start = end.reference_idx.checked_sub(spans_representative)?;
        let (start, other) = (path.member_start, path.representative_start);
        let pairs = |at: usize, partner: usize, count: usize| {
            let (at, partner) = (start + at, other + partner);
            matches(scoring, &member[at..at + count], &window[partner..partner + count])
        };
        path.walk(&self.path, pairs);
        path.representative_start += from;
        Some(path)
    }

    fn extend_blocks<M: Matrix>(&mut self, matrix: &M, scoring: Scoring, member: &[u8], other: &[u8], backwards: bool) {
        if backwards {
            self.member.set_bytes_rev::<M>(member, PADDING);
            self.representative.set_bytes_rev::<M>(other, PADDING);
        } else {
            self.member.set_bytes::<M>(member, PADDING);
            self.representative.set_bytes::<M>(other, PADDING);
        }
        self.extension.align(&self.member, &self.representative, matrix, scoring.gaps(), EXTENSION, DROP);
    }

    /// Looks across the band for a score above `least`, and only then for the path that has it, which takes longer.
    fn cross<M: Matrix>(&mut self, matrix: &M, scoring: Scoring, member: &[u8], window: &[u8], least: i32) -> bool {
        self.member.set_bytes::<M>(member, PADDING);
        self.representative.set_bytes::<M>(window, PADDING);
        let (gaps, drop) = (scoring.gaps(), i32::MAX / 2);
        let widths = if member.len() <= *BAND.end() { SHORT_BAND } else { BAND };
        self.band_score.align(&self.member, &self.representative, matrix, gaps, widths.clone(), drop);
        let better = self.band_score.res().score > least;
        if better {
            self.band.align(&self.member, &self.representative, matrix, gaps, widths, drop);
        }
        better
    }
}

/// How far into the representative an extension looks.
fn reach(member: usize) -> usize {
    member + member.min(MOST_GAPS) + PADDING
}

/// Residues of both sequences together in the largest alignment across a band.
fn residues_banded() -> usize {
    residues(LONGEST_BANDED)
}

/// Residues of both sequences together in the largest alignment of a member.
fn residues(member: usize) -> usize {
    member + reach(member)
}
