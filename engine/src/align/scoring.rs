//! What a pair of residues and a gap are worth.

use std::sync::LazyLock;

use block_aligner::scores::{BLOSUM62, Gaps, Matrix, NucMatrix};
use talaria_db_spec::alphabet::Alphabet;

/// A scoring scheme. An alignment is one with the highest score under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoring {
    /// BLOSUM62; a gap of `n` residues costs `10 + n`.
    Protein,
    /// 2 for a match, -3 for a mismatch or an unknown base; a gap of `n` bases costs `5 + 2 n`.
    Nucleotide,
}

/// Match and mismatch of nucleotides.
const MATCH: i8 = 2;
const MISMATCH: i8 = -3;
/// Scores of nucleotides for the aligner with gaps.
pub(super) static NUCLEOTIDES: LazyLock<NucMatrix> = LazyLock::new(|| {
    let mut matrix = NucMatrix::new_simple(MATCH, MISMATCH);
    matrix.set(b'N', b'N', MISMATCH);
    matrix
});
/// BLOSUM62 by the five low bits of letters, as the aligner with gaps has it, so that both count the same.
static PROTEINS: LazyLock<[[i8; 32]; 32]> = LazyLock::new(|| {
    let mut table = [[0; 32]; 32];
    for left in b'A'..=b'Z' {
        for right in b'A'..=b'Z' {
            table[usize::from(left & 31)][usize::from(right & 31)] = BLOSUM62.get(left, right);
        }
    }
    table
});

impl Scoring {
    /// The scheme for an alphabet; a mixed one is taken for protein.
    #[must_use]
    pub fn of(alphabet: Alphabet) -> Self {
        match alphabet {
            Alphabet::Dna | Alphabet::Rna => Self::Nucleotide,
            Alphabet::Protein | Alphabet::Unknown => Self::Protein,
        }
    }

    /// The residue that equals nothing.
    #[must_use]
    pub const fn unknown(self) -> u8 {
        match self {
            Self::Protein => b'X',
            Self::Nucleotide => b'N',
        }
    }

    /// What the first residue of a gap and each further one cost, below zero.
    pub(super) const fn gaps(self) -> Gaps {
        match self {
            Self::Protein => Gaps { open: -11, extend: -1 },
            Self::Nucleotide => Gaps { open: -7, extend: -2 },
        }
    }

    /// Equal residues from which an alignment with gaps sets out.
    pub(super) const fn seed(self) -> usize {
        match self {
            Self::Protein => 3,
            Self::Nucleotide => 8,
        }
    }

    /// What the pairs of two stretches of folded residues of one length are worth.
    pub(super) fn scores<'a>(self, left: &'a [u8], right: &'a [u8]) -> impl Iterator<Item = i32> + 'a {
        let table = match self {
            Self::Protein => Some(&*PROTEINS),
            Self::Nucleotide => None,
        };
        left.iter().zip(right).map(move |(&left, &right)| match table {
            Some(table) => table[usize::from(left & 31)][usize::from(right & 31)].into(),
            None if left == right && left != b'N' => MATCH.into(),
            None => MISMATCH.into(),
        })
    }
}
