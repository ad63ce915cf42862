//! Along one diagonal, without gaps.

use super::Scoring;

/// The stretch of a diagonal with the highest score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stretch {
    pub(super) score: i32,
    /// First residue of the member in it.
    pub(super) start: usize,
    /// Behind the last one.
    pub(super) end: usize,
}

/// The part of the member that has a partner on `diagonal`, which is the representative's position less the member's.
pub(super) fn overlap(member: usize, representative: usize, diagonal: i64) -> std::ops::Range<usize> {
    let bound = |position: i64| usize::try_from(position.clamp(0, member as i64)).unwrap_or(0);
    let start = bound(-diagonal);
    start..bound(representative as i64 - diagonal).max(start)
}

/// The best stretch on a diagonal; where several are, the first. Two folded stretches of one length.
pub(super) fn best_stretch(scoring: Scoring, member: &[u8], representative: &[u8]) -> Stretch {
    let (mut best, mut score, mut start) = (Stretch::default(), 0, 0);
    for (at, pair) in scoring.scores(member, representative).enumerate() {
        score += pair;
        if score <= 0 {
            (score, start) = (0, at + 1);
        } else if score > best.score {
            best = Stretch { score, start, end: at + 1 };
        }
    }
    best
}

/// Pairs of the same known residue.
pub(super) fn matches(scoring: Scoring, left: &[u8], right: &[u8]) -> usize {
    let unknown = scoring.unknown();
    left.iter().zip(right).filter(|&(left, right)| left == right && *left != unknown).count()
}

/// The place nearest to the middle of a diagonal's stretch at which `length` residues are the same.
pub(super) fn seed(scoring: Scoring, member: &[u8], representative: &[u8], length: usize) -> Option<usize> {
    let places = member.len().min(representative.len()).checked_sub(length)? + 1;
    let fits = |at: usize| {
        let (left, right) = (&member[at..at + length], &representative[at..at + length]);
        left == right && !left.contains(&scoring.unknown())
    };
    let middle = places / 2;
    (0..=middle).flat_map(|step| [middle - step, middle + step]).find(|&at| at < places && fits(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_stay_inside_both() {
        assert_eq!(overlap(10, 10, 0), 0..10);
        assert_eq!(overlap(10, 10, 3), 0..7);
        assert_eq!(overlap(10, 10, -3), 3..10);
        assert_eq!(overlap(10, 100, 50), 0..10);
        assert!(overlap(10, 10, 11).is_empty());
        assert!(overlap(10, 10, -11).is_empty());
    }

    #[test]
    fn the_best_stretch_leaves_bad_ends_out() {
        let stretch = best_stretch(Scoring::Nucleotide, b"AAACGTACGTCCC", b"TTTCGTACGTAAA");
        assert_eq!(stretch, Stretch { score: 14, start: 3, end: 10 });
        assert_eq!(best_stretch(Scoring::Nucleotide, b"NNNN", b"NNNN"), Stretch::default());
    }

    #[test]
    fn seeds_are_near_the_middle_and_known() {
        assert_eq!(seed(Scoring::Protein, b"MKVLAAGGHH", b"MKVWAAGWHH", 3), Some(4));
        assert_eq!(seed(Scoring::Protein, b"MKVLWXXXWA", b"MKVAWXXXWC", 3), Some(0));
        assert_eq!(seed(Scoring::Protein, b"XXXX", b"XXXX", 3), None);
        assert_eq!(seed(Scoring::Protein, b"MK", b"MK", 3), None);
    }
}
