//! Which words are compared, in how many rounds.
//!
//! A round takes some words of each sequence that still stands for itself, and looks where they occur. The first one
//! takes few long words and finds what is close; what it leaves is fewer, so that each further round can afford more
//! and shorter words, with positions left out so that one substitution spoils fewer of them (Ma et al., Bioinformatics
//! 2002). Where the first one finds nearly everything, all its pairs are aligned ([`super::graph`]); where it does not,
//! that would be many alignments for little, and records that have a representative are left alone from then on
//! ([`super::assign`]). Numbers were chosen by measurement; figures are in `benches/results/2026-11-23-clusters.md`.

use crate::align::{Criterion, Scoring};

/// One round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Round {
    /// Positions of a word that count are `1`. A palindrome, so that both strands have the same.
    pub(super) pattern: &'static str,
    /// Words a sequence.
    pub(super) words: usize,
    /// Most candidates that are kept of a sequence, by the words they share.
    pub(super) candidates: usize,
    /// Most of them that are aligned.
    pub(super) tries: usize,
    /// Words that a candidate must share at least.
    pub(super) shared: usize,
}

pub(crate) const fn round(pattern: &'static str, words: usize, candidates: usize, tries: usize) -> Round {
    Round { pattern, words, candidates, tries, shared: 1 }
}

/// What is done for a criterion.
#[derive(Debug)]
pub(super) struct Plan {
    /// Whose pairs are all aligned before representatives are chosen among all records; may be none.
    pub(super) graph: Vec<Round>,
    /// What follows, in which those that stand for themselves look for one that does.
    pub(super) rounds: Vec<Round>,
}

impl Plan {
    /// Steps after each of which the state can be kept.
    pub(super) fn steps(&self) -> usize {
        usize::from(!self.graph.is_empty()) + self.rounds.len()
    }

    fn graph_only(self) -> Self {
        Self { rounds: Vec::new(), ..self }
    }
}

/// Where long words find nearly all that is similar, as identities in ten-thousandths.
pub(super) const LEAST_PROTEIN_GRAPH: u16 = 6_500;
pub(super) const LEAST_NUCLEOTIDE_GRAPH: u16 = 8_500;

/// The plan for a criterion; more of everything with `sensitive`.
pub(super) fn plan(scoring: Scoring, criterion: &Criterion, sensitive: bool) -> Plan {
    let rounds = rounds(scoring, criterion.identity);
    let least = match scoring {
        Scoring::Protein => LEAST_PROTEIN_GRAPH,
        Scoring::Nucleotide => LEAST_NUCLEOTIDE_GRAPH,
    };
    let aligned = |round: &Round, tries| Round { candidates: tries, tries, shared: 1, ..*round };
    let graph = |tries, rounds: &[Round]| rounds.iter().map(|round| aligned(round, tries)).collect();
    match (criterion.identity >= least, sensitive) {
        (true, false) => Plan { graph: graph(20, &rounds[..1]), rounds: Vec::new() },
        (true, true) => Plan { graph: graph(40, &rounds), rounds: rounds[1..].to_vec() },
        (false, false) => Plan { graph: Vec::new(), rounds: rounds[..2].to_vec() },
        (false, true) => Plan { graph: graph(12, &rounds[..2]), rounds: rounds[1..].to_vec() },
    }
}

/// The plan for a selection, which is among all pairs.
pub(super) fn selection(scoring: Scoring, criterion: &Criterion, sensitive: bool) -> Plan {
    let plan = plan(scoring, criterion, sensitive);
    if plan.graph.is_empty() {
        return self::plan(scoring, criterion, true).graph_only();
    }
    plan.graph_only()
}

/// The rounds for an identity, in the order in which they find less and less.
fn rounds(scoring: Scoring, identity: u16) -> [Round; 3] {
    match (scoring, identity) {
        // Thirteen letters leave less than fourteen; fourteen find what is among too many that share thirteen.
        (Scoring::Protein, 9_000..) => {
            [round("1111111111111", 22, 20, 12), round("11111111111111", 40, 8, 4), round("11101101110111", 60, 30, 20)]
        }
        (Scoring::Protein, 6_500..) => {
            [round("1111111111", 20, 8, 4), round("1101110111011", 60, 8, 4), round("1101010111", 60, 12, 8)]
        }
        // One word of the second round is shared by many that have nothing else in common.
        (Scoring::Protein, 4_500..) => [
            round("1111111111", 20, 8, 4),
            Round { shared: 2, ..round("1101010111", 45, 8, 4) },
            round("111010011", 100, 20, 8),
        ],
        (Scoring::Protein, _) => {
            [round("1111111111", 20, 8, 4), round("111010011", 100, 12, 6), round("11011011", 200, 20, 10)]
        }
        (Scoring::Nucleotide, 9_500..) => [
            round("111111111111111111111", 30, 8, 4),
            round("11111111111111111", 60, 12, 6),
            round("1110110110110110110111", 60, 20, 12),
        ],
        (Scoring::Nucleotide, 8_500..) => [
            round("11111111111111111", 40, 8, 4),
            round("111111111111111", 100, 12, 6),
            round("1110110110110111", 100, 20, 12),
        ],
        (Scoring::Nucleotide, _) => {
            [round("111111111111111", 40, 8, 4), round("1110110110111", 100, 12, 6), round("111111111111", 200, 20, 12)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_a_word_of_sixty_four_bits() {
        for scoring in [Scoring::Protein, Scoring::Nucleotide] {
            for identity in [3_000, 4_999, 5_000, 7_000, 9_000, 9_700, 10_000] {
                for Round { pattern, words, candidates, tries, .. } in rounds(scoring, identity) {
                    let bits = if scoring == Scoring::Protein { 4 } else { 2 };
                    assert!(pattern.len() * bits <= 64 && pattern.starts_with('1') && pattern.ends_with('1'));
                    assert!(words >= 20 && tries <= candidates);
                    let turned: String = pattern.chars().rev().collect();
                    assert!(scoring == Scoring::Protein || turned == pattern, "{pattern}");
                }
            }
        }
    }

    #[test]
    fn sensitive_is_more() {
        for scoring in [Scoring::Protein, Scoring::Nucleotide] {
            for identity in [7_000, 9_000] {
                let criterion = Criterion { identity, ..Criterion::default() };
                let [usual, sensitive] = [false, true].map(|sensitive| plan(scoring, &criterion, sensitive));
                assert!(usual.graph.len() + usual.rounds.len() < sensitive.graph.len() + sensitive.rounds.len());
                assert!(sensitive.graph.len() > usual.graph.len());
            }
        }
    }
}
