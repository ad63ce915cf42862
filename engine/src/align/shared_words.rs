//! Words that two sequences must share if they are as identical as is wanted.
//!
//! Each column of an alignment that is no match spoils at most as many words as a word has residues. So an alignment
//! with few of them leaves words whole, and how many at least follows from the lengths (as in CD-HIT; Li and Godzik,
//! Bioinformatics 2006). Two sequences that share fewer need not be aligned: nothing is lost by not doing so. At low
//! identities no number follows, and nothing is ruled out.
//!
//! Costs a pass over each sequence, and 8 KiB for the marks of the member's words: a tenth of an alignment that is
//! found to be in vain.

use super::{CoverageMode, Criterion, Identity, Scoring};

/// Bits of a word's mark. Different words with one mark only make two sequences look more alike.
const MARK_BITS: u32 = 16;
/// Least words a hundred columns that are worth counting: by chance there are some.
const LEAST: i64 = 20;

/// Marks of the words of a sequence.
#[derive(Debug)]
pub(super) struct SharedWords {
    marks: Box<[u64]>,
}

impl Default for SharedWords {
    fn default() -> Self {
        Self { marks: vec![0; 1 << (MARK_BITS - 6)].into() }
    }
}

impl SharedWords {
    /// Whether both sequences, folded, share as many words as an alignment must leave whole that the criterion accepts.
    /// The representative is looked at as far from the diagonal as such an alignment can lead.
    pub(super) fn enough(
        &mut self,
        scoring: Scoring,
        criterion: &Criterion,
        member: &[u8],
        representative: &[u8],
        diagonal: i64,
    ) -> bool {
        let Some((length, wanted)) = shared_by(scoring, criterion, member.len(), representative.len()) else {
            return true;
        };
        let bound = |position: i64| usize::try_from(position.clamp(0, representative.len() as i64)).unwrap_or(0);
        let reach = member.len() as i64;
        let window = &representative[bound(diagonal - reach)..bound(diagonal + 2 * reach)];
        self.marks.fill(0);
        for mark in marks(scoring, length, member) {
            self.marks[mark >> 6] |= 1 << (mark & 63);
        }
        let mut shared = 0;
        marks(scoring, length, window).any(|mark| {
            shared += (self.marks[mark >> 6] >> (mark & 63) & 1) as i64;
            shared >= wanted
        })
    }
}

/// The length of the words that are counted, and how many both must share; none if no number follows.
fn shared_by(scoring: Scoring, criterion: &Criterion, member: usize, representative: usize) -> Option<(usize, i64)> {
    if criterion.definition != Identity::Columns {
        return None;
    }
    let covered = |length: usize| length as i64 * i64::from(criterion.coverage) / 10_000;
    let columns = match criterion.mode {
        CoverageMode::Target => covered(member),
        CoverageMode::Query => covered(representative),
        CoverageMode::Both => covered(member).max(covered(representative)),
    };
    let identity = i64::from(criterion.identity);
    // A run of matches has one word less than residues for each residue of a word but one; each column that is no match
    // ends a run.
    let per_hundred = |length: i64| (identity - (10_000 - identity) * (length - 1)) / 100;
    let mut lengths = match scoring {
        Scoring::Protein => 3..=4_i64,
        Scoring::Nucleotide => 8..=12,
    };
    let length = lengths.rfind(|&length| per_hundred(length) >= LEAST)?;
    let wanted = columns * per_hundred(length) / 100 - (length - 1);
    (wanted > 0).then_some((length as usize, wanted))
}

/// The marks of all words of a sequence.
fn marks(scoring: Scoring, length: usize, residues: &[u8]) -> impl Iterator<Item = usize> + '_ {
    // Five bits are a letter; of bases, bits 1 and 2 tell them apart.
    let (bits, shift) = match scoring {
        Scoring::Protein => (5, 0),
        Scoring::Nucleotide => (2, 1),
    };
    let (letter, mask) = ((1_u32 << bits) - 1, (1_u32 << (bits * length as u32)) - 1);
    let mut word = 0;
    let all = residues.iter().map(move |&residue| {
        word = (word << bits | u32::from(residue) >> shift & letter) & mask;
        (word.wrapping_mul(0x9e37_79b1) >> (u32::BITS - MARK_BITS)) as usize
    });
    all.skip(length - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn how_many_words() {
        let protein = |identity, member| {
            let criterion = Criterion { identity, ..Criterion::default() };
            shared_by(Scoring::Protein, &criterion, member, 1_000)
        };
        // 80 columns, 8 of them no matches: 72 matches in 9 runs, each with 3 words less than matches.
        assert_eq!(protein(9_000, 100), Some((4, 72 - 8 * 3 - 3)));
        assert_eq!(protein(8_000, 100), Some((4, 80 * 20 / 100 - 3)));
        assert_eq!(protein(7_500, 100), Some((3, 80 * 25 / 100 - 2)));
        assert_eq!((protein(7_000, 100), protein(9_000, 5)), (None, None));
        let nucleotide = Criterion { identity: 9_700, ..Criterion::default() };
        assert_eq!(shared_by(Scoring::Nucleotide, &nucleotide, 1_000, 1_000), Some((12, 800 * 64 / 100 - 11)));
    }

    #[test]
    fn unlike_sequences_are_ruled_out() {
        let mut words = SharedWords::default();
        let mut enough = |member: &[u8], representative: &[u8]| {
            words.enough(Scoring::Protein, &Criterion::default(), member, representative, 0)
        };
        let sequence = b"MKVLAAGITEGHQRHWWPLKMNDEYFCSTRVMKILPQDNAYW";
        assert!(enough(sequence, sequence));
        assert!(!enough(sequence, b"MKVLAAGITEWSTDFCAPNKRHEQWYVIMLAGTSDCPNFKRE"));
    }

    proptest! {
        /// Whatever is done to a sequence: as long as it is as identical as is wanted, it is not ruled out.
        #[test]
        fn nothing_is_lost(
            sequence in prop::collection::vec(prop::sample::select(&b"ACDEFGHIKLMNPQRSTVWY"[..]), 30..200),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8), 0..40),
            identity in 7_200_u16..=10_000,
            before in 0..50_usize,
        ) {
            let mut member = sequence.clone();
            let (mut columns, mut matches) = (sequence.len(), sequence.len());
            let mut places: Vec<(usize, u8)> = edits.iter().map(|(at, kind)| (at.index(sequence.len()), *kind)).collect();
            places.sort_unstable();
            places.dedup_by_key(|place| place.0);
            for &(at, kind) in places.iter().rev() {
                match kind {
                    0 => { member[at] = if member[at] == b'W' { b'A' } else { b'W' }; matches -= 1; }
                    1 => { member.remove(at); matches -= 1; }
                    _ => { member.insert(at, b'C'); columns += 1; }
                }
            }
            let representative = [vec![b'P'; before], sequence].concat();
            let criterion = Criterion { identity, ..Criterion::default() };
            if matches * 10_000 >= columns * usize::from(identity) {
                let mut words = SharedWords::default();
                prop_assert!(words.enough(Scoring::Protein, &criterion, &member, &representative, before as i64));
            }
        }
    }
}
