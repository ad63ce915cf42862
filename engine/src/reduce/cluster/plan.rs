//! Which words are compared, in how many rounds.
//!
//! A round takes some words of each sequence that still stands for itself, and looks where they occur. The first one takes few long words and finds
//! what is close; what it leaves is fewer, so that each further round can afford more and shorter words, with positions left out so that one
//! substitution spoils fewer of them (Ma et al., Bioinformatics 2002). Numbers of words were chosen by measurement; figures are in `benches/results/2026-11-23-clusters.md`.

use crate::align::{Criterion, Scoring};

/// One round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Round {
    /// Positions of a word that count are `1`. A palindrome, so that both strands have the same.
    pub(super) pattern: &'static str,
    /// Words a sequence.
    pub(super) words: usize,
    /// Most candidates that are kept of a sequence, by the words they share.
    pub(super) candidates: usize,
    /// Most of them that are aligned.
    pub(super) tries: usize,
}

const fn round(pattern: &'static str, words: usize, candidates: usize, tries: usize) -> Round {
    Round { pattern, words, candidates, tries }
}

/// The rounds for a criterion; more of them with `sensitive`.
pub(super) fn rounds(scoring: Scoring, criterion: &Criterion, sensitive: bool) -> Vec<Round> {
    let (first, others): (Round, &[Round]) = match (scoring, criterion.identity) {
        (Scoring::Protein, 9_000..) => (
            round("11111111111111", 20, 20, 12),
            &[round("111111111111", 40, 8, 4), round("11101101110111", 60, 30, 20)],
        ),
        (Scoring::Protein, 6_500..) => {
            (round("1111111111", 20, 8, 4), &[round("1101110111011", 60, 8, 4), round("1101010111", 60, 12, 8)])
        }
        (Scoring::Protein, 4_500..) => {
            (round("1111111111", 20, 8, 4), &[round("1101010111", 60, 8, 4), round("111010011", 100, 20, 8)])
        }
        (Scoring::Protein, _) => {
            (round("1111111111", 20, 8, 4), &[round("111010011", 100, 12, 6), round("11011011", 200, 20, 10)])
        }
        (Scoring::Nucleotide, 9_500..) => (
            round("111111111111111111111", 30, 8, 4),
            &[round("11111111111111111", 60, 12, 6), round("1110110110110110110111", 60, 20, 12)],
        ),
        (Scoring::Nucleotide, 8_500..) => (
            round("11111111111111111", 40, 8, 4),
            &[round("111111111111111", 100, 12, 6), round("1110110110110111", 100, 20, 12)],
        ),
        (Scoring::Nucleotide, _) => (
            round("111111111111111", 40, 8, 4),
            &[round("1110110110111", 100, 12, 6), round("111111111111", 200, 20, 12)],
        ),
    };
    let further = if sensitive { others.len() } else { 1 };
    std::iter::once(first).chain(others.iter().copied().take(further)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_a_word_of_sixty_four_bits() {
        for scoring in [Scoring::Protein, Scoring::Nucleotide] {
            for identity in [3_000, 4_999, 5_000, 7_000, 9_000, 9_700, 10_000] {
                let rounds = rounds(scoring, &Criterion { identity, ..Criterion::default() }, true);
                assert!(rounds.len() > 1);
                for Round { pattern, words, candidates, tries } in rounds {
                    let weight = pattern.bytes().filter(|&byte| byte == b'1').count() as u32;
                    let letters: u64 = if scoring == Scoring::Protein { 13 } else { 4 };
                    assert!(
                        letters.checked_pow(weight).is_some() && pattern.starts_with('1') && pattern.ends_with('1')
                    );
                    assert!(words >= 20 && tries <= candidates);
                    let turned: String = pattern.chars().rev().collect();
                    assert!(scoring == Scoring::Protein || turned == pattern, "{pattern}");
                }
            }
        }
    }
}
