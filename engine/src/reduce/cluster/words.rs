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
    base: u64,
    offsets: Vec<usize>,
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

    /// All words whose hash is at most `limit`.
    fn gather(&mut self, limit: u64) {
        self.all.clear();
        if self.offsets.len() == self.span {
            self.gather_contiguous(limit);
            return;
        }
        let Self { known, offsets, base, both_strands, all, .. } = self;
        for (position, window) in (0_u32..).zip(known.windows(self.span)) {
            let (mut forward, mut reverse, mut scale, mut unknown) = (0_u64, 0_u64, 1_u64, false);
            for &offset in &*offsets {
                let letter = window[offset];
                unknown |= letter == NONE;
                forward = forward.wrapping_mul(*base).wrapping_add(letter.into());
                if *both_strands {
                    reverse = reverse.wrapping_add(u64::from(letter ^ 3).wrapping_mul(scale));
                    scale = scale.wrapping_mul(4);
                }
            }
            if !unknown {
                let letters = offsets.iter().map(|&offset| window[offset]);
                keep(all, limit, position, forward, both_strands.then_some(reverse), letters);
            }
        }
    }

    /// The same where no position is left out: each word follows from the one before it.
    fn gather_contiguous(&mut self, limit: u64) {
        let Self { known, span, base, both_strands, all, .. } = self;
        let (base, span) = (*base, *span);
        let highest = base.wrapping_pow(u32::try_from(span - 1).unwrap_or(0));
        let (mut forward, mut reverse, mut run) = (0_u64, 0_u64, 0);
        for (end, &letter) in known.iter().enumerate() {
            if letter == NONE {
                (forward, reverse, run) = (0, 0, 0);
                continue;
            }
            if run >= span {
                forward -= u64::from(known[end - span]) * highest;
            }
            forward = forward * base + u64::from(letter);
            if *both_strands {
                reverse = reverse / base + u64::from(letter ^ 3) * highest;
            }
            run += 1;
            if run >= span {
                let start = end + 1 - span;
                let letters = known[start..=end].iter().copied();
                keep(all, limit, start as u32, forward, both_strands.then_some(reverse), letters);
            }
        }
    }
}

/// Keeps a word if its hash is small enough and it has letters enough.
#[inline]
fn keep(
    all: &mut Vec<Word>,
    limit: u64,
    position: u32,
    forward: u64,
    reverse: Option<u64>,
    letters: impl Iterator<Item = u8>,
) {
    let turned = reverse.is_some_and(|reverse| reverse < forward);
    let hash = scatter(reverse.filter(|_| turned).unwrap_or(forward));
    if hash <= limit && letters.fold(0_u32, |variety, letter| variety | 1 << letter).count_ones() >= VARIETY {
        all.push(Word { hash, position, reverse: turned });
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

    const ROUND: Round = Round { pattern: "11011", words: 4, candidates: 1, tries: 1, shared: 1 };

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
