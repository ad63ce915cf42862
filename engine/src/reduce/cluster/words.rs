//! The words of a sequence that are compared: those with the smallest hashes.
//!
//! Two sequences that share many words share the smallest hashes of them too, wherever in the sequences they are (Steinegger and Söding, Nature
//! Communications 2018). Amino acids that replace each other often are one letter. Of nucleotides, a word and its reverse complement are one.
//! Words of one or two letters say nothing and are left out.

use super::plan::Round;
use crate::align::Scoring;

/// Amino acids that are one letter of a word.
const ALIKE: [&[u8]; 13] = [b"A", b"C", b"DNB", b"EQZ", b"FY", b"G", b"H", b"IV", b"KR", b"LM", b"P", b"ST", b"W"];
/// No letter of a word.
const NONE: u8 = u8::MAX;
/// Letters that a word must have.
const VARIETY: u32 = 3;

/// A word in a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    pub(super) hash: u64,
    /// Of its first residue.
    pub(super) position: u32,
    /// Whether its reverse complement has the hash.
    pub(super) reverse: bool,
}

/// Takes words from sequences.
#[derive(Debug)]
pub(super) struct Words {
    letters: [u8; 256],
    base: u64,
    offsets: Vec<usize>,
    span: usize,
    count: usize,
    both_strands: bool,
    all: Vec<Word>,
}

impl Words {
    pub(super) fn new(scoring: Scoring, round: &Round, both_strands: bool) -> Self {
        let mut letters = [NONE; 256];
        let kinds: &[&[u8]] = match scoring {
            Scoring::Protein => &ALIKE,
            Scoring::Nucleotide => &[b"A", b"C", b"G", b"T"],
        };
        for (letter, kind) in (0..).zip(kinds) {
            kind.iter().for_each(|&residue| letters[usize::from(residue)] = letter);
        }
        let marks = round.pattern.bytes().enumerate();
        let offsets = marks.filter(|&(_, mark)| mark == b'1').map(|(offset, _)| offset).collect();
        Self {
            letters,
            base: kinds.len() as u64,
            offsets,
            span: round.pattern.len(),
            count: round.words,
            both_strands: both_strands && scoring == Scoring::Nucleotide,
            all: Vec::new(),
        }
    }

    /// The words of a folded sequence with the smallest hashes, one for each hash.
    pub(super) fn select(&mut self, residues: &[u8]) -> &[Word] {
        self.all.clear();
        for (position, window) in (0_u32..).zip(residues.windows(self.span)) {
            let (mut forward, mut reverse, mut scale, mut variety) = (0, 0, 1, 0_u32);
            let letters = self.offsets.iter().map(|&offset| self.letters[usize::from(window[offset])]);
            let mut known = true;
            for letter in letters {
                if letter == NONE {
                    known = false;
                    break;
                }
                variety |= 1 << letter;
                forward = forward * self.base + u64::from(letter);
                if self.both_strands {
                    reverse += u64::from(3 - letter) * scale;
                    scale = scale.wrapping_mul(4);
                }
            }
            if known && variety.count_ones() >= VARIETY {
                let turned = self.both_strands && reverse < forward;
                let hash = scatter(if turned { reverse } else { forward });
                self.all.push(Word { hash, position, reverse: turned });
            }
        }
        if self.all.len() > self.count {
            self.all.select_nth_unstable(self.count - 1);
            self.all.truncate(self.count);
        }
        self.all.sort_unstable();
        self.all.dedup_by_key(|word| word.hash);
        &self.all
    }
}

/// A permutation of the words that has nothing to do with their order (the finisher of SplitMix64).
fn scatter(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::reverse_complement;

    const ROUND: Round = Round { pattern: "11011", words: 4, candidates: 1, tries: 1 };

    #[test]
    fn amino_acids_that_are_alike_make_the_same_words() {
        let mut words = Words::new(Scoring::Protein, &ROUND, true);
        let first = words.select(b"MKVLAAGDHWYRI").to_vec();
        assert_eq!(first.len(), 4);
        assert_eq!(words.select(b"LRIMAAGNHWFKV"), first);
        assert_ne!(words.select(b"WRIMAAGNHWFKV").to_vec(), first);
    }

    #[test]
    fn the_middle_of_the_pattern_does_not_count() {
        let mut words = Words::new(Scoring::Protein, &ROUND, false);
        assert_eq!(words.select(b"MKWLA").to_vec(), words.select(b"MKPLA"));
        assert!(
            words.select(b"MKXL").is_empty() && words.select(b"MKVXA").is_empty() && words.select(b"AAVSA").is_empty()
        );
    }

    #[test]
    fn both_strands_have_the_same_words() {
        let (sequence, mut turned) = (b"ACGTTGCATGGATCCAA".to_vec(), Vec::new());
        reverse_complement(&sequence, &mut turned);
        let hashes = |sequence: &[u8], both_strands| -> Vec<(u64, bool)> {
            let mut words = Words::new(Scoring::Nucleotide, &ROUND, both_strands);
            words.select(sequence).iter().map(|word| (word.hash, word.reverse)).collect()
        };
        let (here, there) = (hashes(&sequence, true), hashes(&turned, true));
        assert!(here.iter().zip(&there).all(|(left, right)| left.0 == right.0));
        // Those that are their own reverse complements are not turned.
        assert!(here.iter().zip(&there).filter(|(left, right)| left.1 != right.1).count() >= 2);
        assert_ne!(hashes(&sequence, false), hashes(&turned, false));
    }
}
