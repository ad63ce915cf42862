//! Where two sequences fit each other, if nothing said so yet.

use super::Fit;
use super::candidates::Place;
use super::plan::Round;
use super::words::{Word, Words};
use crate::align::Scoring;

/// Words for this: as short as they can be without many that are shared by chance, and nearly all of a usual
/// sequence's.
const PROTEIN: Round = Round { pattern: "11111", words: 512, candidates: 0, tries: 0, shared: 1 };
const NUCLEOTIDE: Round = Round { pattern: "11111111111", words: 1024, candidates: 0, tries: 0, shared: 1 };

/// Finds the diagonals on which sequences share most words.
#[derive(Debug)]
pub(super) struct Diagonals {
    words: Words,
    span: i64,
    own: Vec<Word>,
    fits: Vec<Fit>,
}

impl Diagonals {
    pub(super) fn new(scoring: Scoring, both_strands: bool) -> Self {
        let round = match scoring {
            Scoring::Protein => PROTEIN,
            Scoring::Nucleotide => NUCLEOTIDE,
        };
        let span = round.pattern.len() as i64;
        Self { words: Words::new(scoring, &round, both_strands), span, own: Vec::new(), fits: Vec::new() }
    }

    /// How `record` fits `other`, both folded, by most of the words they share; of as many the first diagonal. None if
    /// they share no word.
    pub(super) fn find(&mut self, record: &[u8], other: &[u8]) -> Option<Fit> {
        self.own.clear();
        self.own.extend_from_slice(self.words.select(record));
        self.fits.clear();
        // One for each hash, ascending.
        let mut own = self.own.iter().peekable();
        for word in self.words.select(other) {
            while own.next_if(|own| own.hash < word.hash).is_some() {}
            if let Some(shared) = own.next_if(|own| own.hash == word.hash) {
                let place = |word: &Word| Place { rank: 0, position: word.position, reverse: word.reverse };
                self.fits.push(place(shared).fit(&place(word), self.span));
            }
        }
        self.fits.sort_unstable();
        let most = self.fits.chunk_by(|left, right| left == right).rev().max_by_key(|fits| fits.len());
        most.and_then(<[_]>::first).map(|fit| fit.complete(record.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::reverse_complement;

    #[test]
    fn along_and_turned_around() {
        let protein = b"MKVLAAGITEGHQRHWWPLKMNDEYFCSTRVAQLNDKEGTWYPHFSICVM";
        let mut diagonals = Diagonals::new(Scoring::Protein, false);
        assert_eq!(diagonals.find(&protein[7..40], protein), Some(Fit { diagonal: 7, reverse: false }));
        assert_eq!(diagonals.find(b"GGGGGGGGGG", protein), None);

        let gene: Vec<u8> =
            protein.iter().flat_map(|&letter| [0, 2, 4].map(|bit| b"ACGT"[usize::from(letter >> bit & 3)])).collect();
        let mut turned = Vec::new();
        reverse_complement(&gene[30..90], &mut turned);
        let mut diagonals = Diagonals::new(Scoring::Nucleotide, true);
        assert_eq!(diagonals.find(&turned, &gene), Some(Fit { diagonal: 30, reverse: true }));
        assert_eq!(Diagonals::new(Scoring::Nucleotide, false).find(&turned, &gene), None);
    }
}
