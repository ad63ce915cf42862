//! The path of an alignment with gaps: what it has in common, and where it lies.

use block_aligner::cigar::{Cigar, Operation};

use super::Alignment;

/// A path of an alignment with gaps.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Path {
    pub(super) score: i32,
    pub(super) matches: usize,
    pub(super) columns: usize,
    /// Residues of the member, of the representative.
    pub(super) member: usize,
    pub(super) representative: usize,
    /// Where it begins in both; at the front for an extension.
    pub(super) member_start: usize,
    pub(super) representative_start: usize,
}

impl Path {
    /// One that goes through a pair of residues, the second of both sides' paths.
    pub(super) fn around((at, partner): (usize, usize), [before, after]: [Self; 2]) -> Self {
        Self {
            score: before.score + after.score,
            matches: before.matches + after.matches,
            columns: before.columns + after.columns,
            member: before.member + after.member,
            representative: before.representative + after.representative,
            member_start: at - before.member,
            representative_start: partner - before.representative,
        }
    }

    /// Adds up the operations; `pairs` counts the matches among so many pairs from two places.
    pub(super) fn walk(&mut self, operations: &Cigar, pairs: impl Fn(usize, usize, usize) -> usize) {
        for operation in (0..operations.len()).map(|at| operations.get(at)) {
            self.columns += operation.len;
            match operation.op {
                Operation::I => self.member += operation.len,
                Operation::D => self.representative += operation.len,
                _ => {
                    self.matches += pairs(self.member, self.representative, operation.len);
                    self.member += operation.len;
                    self.representative += operation.len;
                }
            }
        }
    }

    pub(super) fn alignment(&self) -> Alignment {
        // Sequences that are aligned have fewer than 2^32 residues.
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Alignment {
            score: self.score,
            matches: small(self.matches),
            columns: small(self.columns),
            member: small(self.member_start)..small(self.member_start + self.member),
            representative: small(self.representative_start)..small(self.representative_start + self.representative),
        }
    }
}

/// Residues of both sequences that operations go over.
pub(super) fn spans(operations: &Cigar) -> (usize, usize) {
    let each = (0..operations.len()).map(|at| operations.get(at));
    each.fold((0, 0), |(member, representative), operation| match operation.op {
        Operation::I => (member + operation.len, representative),
        Operation::D => (member, representative + operation.len),
        _ => (member + operation.len, representative + operation.len),
    })
}
