//! The words of a sequence that are compared: those with the smallest hashes.
//!
//! Two sequences that share many words share the smallest hashes of them too, wherever in the sequences they are
//! (Steinegger and Söding, Nature Communications 2018). Amino acids that replace each other often are one letter. Of
//! nucleotides, a word and its reverse complement are one. Words of one or two letters say nothing and are left out.

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
pub(crate) struct Word {
    pub(crate) hash: u64,
    /// Of its first residue.
    pub(super) position: u32,
    /// Whether its reverse complement has the hash.
    pub(super) reverse: bool,
}

/// Takes words from sequences.
#[derive(Debug)]
pub(crate) struct Words {
    letters: [u8; 256],
    /// Bits of a letter in a window of the sequence, and those of a window that are of the word.
    bits: u32,
    mask: u64,
    span: usize,
    count: usize,
    both_strands: bool,
    /// The letters of a sequence, and its words.
    known: Vec<u8>,
    all: Vec<Word>,
}

impl Words {
    pub(crate) fn new(scoring: Scoring, round: &Round, both_strands: bool) -> Self {
        let mut letters = [NONE; 256];
        let (kinds, bits): (&[&[u8]], u32) = match scoring {
            Scoring::Protein => (&ALIKE, 4),
            Scoring::Nucleotide => (&[b"A", b"C", b"G", b"T"], 2),
        };
        for (letter, kind) in (0..).zip(kinds) {
            kind.iter().for_each(|&residue| letters[usize::from(residue)] = letter);
        }
        let letter = (1_u64 << bits) - 1;
        let mask = round.pattern.bytes().fold(0, |mask, mark| mask << bits | if mark == b'1' { letter } else { 0 });
        Self {
            letters,
            bits,
            mask,
            span: round.pattern.len(),
            count: round.words,
            both_strands: both_strands && scoring == Scoring::Nucleotide,
            known: Vec::new(),
            all: Vec::new(),
        }
    }

    /// The words of a folded sequence with the smallest hashes, one for each hash.
    pub(crate) fn select(&mut self, residues: &[u8]) -> &[Word] {
        self.known.clear();
        self.known.extend(residues.iter().map(|&residue| self.letters[usize::from(residue)]));
        let windows = (residues.len() + 1).saturating_sub(self.span);
        // Hashes are even: most words that are not among the smallest are left out before anything is done with them.
        let likely = 3 * self.count;
        let limit = if windows > 2 * likely { u64::MAX / windows as u64 * likely as u64 } else { u64::MAX };
        self.gather(limit);
        if self.all.len() < self.count && limit < u64::MAX {
            self.gather(u64::MAX);
        }
        if self.all.len() > self.count {
            self.all.select_nth_unstable(self.count - 1);
            self.all.truncate(self.count);
        }
        self.all.sort_unstable();
        self.all.dedup_by_key(|word| word.hash);
        &self.all
    }

    /// All words whose hash is at most `limit`. Each window follows from the one before it.
    fn gather(&mut self, limit: u64) {
        let Self { known, bits, mask, span, both_strands, all, .. } = self;
        let (bits, mask, span) = (*bits, *mask, *span);
        let (letter_mask, highest) = ((1 << bits) - 1, bits * (span as u32 - 1));
        let (mut forward, mut reverse, mut unknown) = (0_u64, 0_u64, 0_u64);
        all.clear();
        for (end, &letter) in known.iter().enumerate() {
            let (letter, none) = if letter == NONE { (0, letter_mask) } else { (u64::from(letter), 0) };
            forward = forward << bits | letter;
            unknown = unknown << bits | none;
            // The pattern is a palindrome, so that its mask is good for the reverse complement too.
            reverse = reverse >> bits | (letter ^ 3) << highest;
            if end + 1 < span || unknown & mask != 0 {
                continue;
            }
            let (here, there) = (forward & mask, reverse & mask);
            let turned = *both_strands && there < here;
            let word = if turned { there } else { here };
            let hash = scatter(word);
            if hash <= limit && variety(word, mask, bits) >= VARIETY {
                all.push(Word { hash, position: (end + 1 - span) as u32, reverse: turned });
            }
        }
    }
}

/// How many different letters a word has, in those places of the window that count.
fn variety(mut word: u64, mut mask: u64, bits: u32) -> u32 {
    let (letter, mut seen) = ((1 << bits) - 1, 0_u32);
    while mask != 0 {
        if mask & letter != 0 {
            seen |= 1 << (word & letter);
        }
        (word, mask) = (word >> bits, mask >> bits);
    }
    seen.count_ones()
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

    const ROUND: Round = Round { pattern: "11011", words: 4, candidates: 1, tries: 1, shared: 1 };

    #[test]
    fn amino_acids_that_are_alike_make_the_same_words() {
        let mut words = Words::new(Scoring::Protein, &ROUND, true);
        let first = words.select(b"MKVLAAGDHWYRI").to_vec();
        assert_eq!(first.len(), 4);
        assert_eq!(words.select(b"LRIMAAGNHWFKV"), first);
        assert_ne!(words.select(b"LRIMAAGWHWFKV").to_vec(), first);
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
    fn words_that_follow_from_each_other_are_those_of_each_window() {
        let sequence: Vec<u8> = (0_u64..900).map(|at| b"ACGTN"[(scatter(at) % 41 / 10) as usize]).collect();
        for pattern in ["11111", "111111111111"] {
            let round = Round { pattern, words: 20, ..ROUND };
            let mut words = Words::new(Scoring::Nucleotide, &round, true);
            let rolled = words.select(&sequence).to_vec();
            let mut each = Vec::new();
            for position in 0..=sequence.len() - pattern.len() {
                let window = &sequence[position..position + pattern.len()];
                each.extend(words.select(window).iter().map(|word| Word { position: position as u32, ..*word }));
            }
            each.sort_unstable();
            each.dedup_by_key(|word| word.hash);
            each.truncate(rolled.len());
            assert!(rolled == each && rolled.len() > 10, "{pattern}");
        }
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
