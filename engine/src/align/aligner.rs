//! The aligner: along the diagonal, from a seed with gaps, and across a band where that leaves a doubt.

use std::fmt;

use super::matrices::Matrices;
use super::path::Path;
use super::shared_words::SharedWords;
use super::ungapped::{Stretch, best_stretch, matches, overlap, seed};
use super::{Alignment, Criterion, Scoring};
use crate::memory::pool::Reusable;

/// Longer sequences are not aligned: matrices are linear in the length, but with a factor of some two hundred bytes.
pub const LONGEST: u64 = 1 << 16;

/// The least score of a diagonal that is worth an alignment with gaps.
const LEAST_SCORE: i32 = 25;
/// How far the identity along a diagonal may be below the wanted one, in ten-thousandths: one gap leaves at least half
/// of an alignment on it.
const SLACK: u32 = 2_000;
/// Residues that may be left over at the ends of what is taken for a whole sequence.
const ENDS: usize = 4;
/// An alignment this close to the wanted identity is looked at again, unless it has nearly the whole member; both in
/// ten-thousandths.
const DOUBT: u16 = 200;
const NEARLY_WHOLE: u64 = 9_800;

/// Whether this processor has the vector instructions that alignment with gaps is made of.
#[must_use]
pub fn supported() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    true
}

/// What a member and its representative have in common, by an alignment that is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// In ten-thousandths, rounded down.
    pub identity: u16,
    /// In ten-thousandths, rounded down.
    pub coverage: u16,
    /// Where they fit: a position of the representative less the member's.
    pub diagonal: i64,
}

/// An aligner and its matrices, which grow with the sequences. Made for one scoring scheme after the other as it comes.
#[derive(Default)]
pub struct Aligner {
    tools: Option<Tools>,
}

struct Tools {
    words: SharedWords,
    matrices: Box<Matrices>,
}

impl fmt::Debug for Aligner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Aligner").field("bytes", &self.capacity()).finish()
    }
}

impl Reusable for Aligner {
    fn capacity(&self) -> usize {
        self.tools.as_ref().map_or(0, |tools| tools.matrices.bytes())
    }
}

impl Aligner {
    /// Bytes of memory for aligning a member of so many residues.
    #[must_use]
    pub fn memory(member: u64) -> u64 {
        Matrices::memory(usize::try_from(member).unwrap_or(usize::MAX)) as u64
    }

    /// One that takes so many bytes, and aligns members for which [`memory`](Self::memory) is not more.
    #[must_use]
    pub(super) fn new(bytes: usize) -> Self {
        Self { tools: Some(Tools { words: SharedWords::default(), matrices: Box::new(Matrices::new(bytes)) }) }
    }

    /// Looks whether a member may join a representative, from a diagonal on which they share words. Both are folded.
    /// None if they are not similar enough, or if the member is longer than the aligner was made for.
    pub fn verify(
        &mut self,
        scoring: Scoring,
        criterion: &Criterion,
        member: &[u8],
        representative: &[u8],
        diagonal: i64,
    ) -> Option<Verified> {
        let lengths = (u32::try_from(member.len()).ok()?, u32::try_from(representative.len()).ok()?);
        let alignment = self.align(scoring, criterion, member, representative, diagonal)?;
        let (identity, coverage) = criterion.accepts(&alignment, lengths.0, lengths.1)?;
        Some(Verified { identity, coverage, diagonal })
    }

    /// The alignment by which a member may join a representative: what [`verify`](Self::verify) goes by.
    pub fn align(
        &mut self,
        scoring: Scoring,
        criterion: &Criterion,
        member: &[u8],
        representative: &[u8],
        diagonal: i64,
    ) -> Option<Alignment> {
        let lengths = (u32::try_from(member.len()).ok()?, u32::try_from(representative.len()).ok()?);
        let Tools { words, matrices } = self.tools.as_mut()?;
        if !matrices.fit(member.len()) || criterion.rules_out(lengths.0, lengths.1) {
            return None;
        }
        let accepted = |path: &Path| {
            let alignment = path.alignment();
            criterion.accepts(&alignment, lengths.0, lengths.1).map(|_| alignment)
        };
        let range = overlap(member.len(), representative.len(), diagonal);
        if range.is_empty() {
            return None;
        }
        let shift = |position: usize| usize::try_from(position as i64 + diagonal).unwrap_or(0);
        let (left, right) = (&member[range.clone()], &representative[shift(range.start)..shift(range.end)]);
        let Stretch { score, start, end } = best_stretch(scoring, left, right);
        let (left, right) = (&left[start..end], &right[start..end]);
        let start = range.start + start;
        let same = matches(scoring, left, right);
        if left.len() + ENDS >= member.len() {
            let path = Path {
                score,
                matches: same,
                columns: left.len(),
                member: left.len(),
                representative: left.len(),
                member_start: start,
                representative_start: shift(start),
            };
            // With what is left over at the ends, and gaps to reach it, the best alignment may be longer, and less
            // identical.
            let longer = Path { columns: path.columns + 3 * (member.len() - left.len()), ..path };
            if accepted(&longer).is_some()
                && let Some(alignment) = accepted(&path)
            {
                return Some(alignment);
            }
        }
        let wanted = u64::from(u32::from(criterion.identity).saturating_sub(SLACK));
        if score < LEAST_SCORE || (same as u64) * 10_000 < wanted * left.len() as u64 {
            return None;
        }
        if !words.enough(scoring, criterion, member, representative, diagonal) {
            return None;
        }
        let at = start + seed(scoring, left, right, scoring.seed())?;
        let path = extend_both(matrices, scoring, criterion, member, representative, (at, shift(at)))?;
        let alignment = accepted(&path)?;
        // A better one could go over what is left of the member too, with gaps, and not find a match there.
        let rest = 2 * (member.len() - path.member);
        let strict = Criterion { identity: criterion.identity.saturating_add(DOUBT), ..*criterion };
        let sure = |columns| {
            let path = Path { columns, ..path };
            strict.accepts(&path.alignment(), lengths.0, lengths.1).is_some()
        };
        let nearly_whole = path.member as u64 * 10_000 >= member.len() as u64 * NEARLY_WHOLE;
        if sure(path.columns + rest) || nearly_whole && sure(path.columns) {
            return Some(alignment);
        }
        let band = matrices.band(scoring, member, representative, diagonal, path.score);
        accepted(&band.unwrap_or(path))
    }
}

/// The alignment through a pair of equal residues; none if what is on one side of them makes it impossible to fulfil
/// the criterion.
fn extend_both(
    matrices: &mut Matrices,
    scoring: Scoring,
    criterion: &Criterion,
    member: &[u8],
    representative: &[u8],
    (at, partner): (usize, usize),
) -> Option<Path> {
    let (own, other) = (member.split_at(at), representative.split_at(partner));
    let sides = [(own.0, other.0), (own.1, other.1)];
    // The longer side is the one that is more often in vain.
    let first = usize::from(at < member.len() - at);
    let mut paths = [Path::default(); 2];
    paths[first] = matrices.extend(scoring, sides[first].0, sides[first].1, first == 0)?;
    // As if all of the other side were the same.
    let (own, other) = sides[1 - first];
    paths[1 - first] = Path {
        matches: own.len(),
        columns: own.len(),
        member: own.len(),
        representative: other.len(),
        ..Path::default()
    };
    let lengths = (u32::try_from(member.len()).ok()?, u32::try_from(representative.len()).ok()?);
    criterion.accepts(&Path::around((at, partner), paths).alignment(), lengths.0, lengths.1)?;
    paths[1 - first] = matrices.extend(scoring, own, other, first == 1)?;
    Some(Path::around((at, partner), paths))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::align::{CoverageMode, Identity};

    fn protein(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        (0..length).map(|_| b"ACDEFGHIKLMNPQRSTVWY"[next() % 20]).collect()
    }

    fn aligner(member: usize) -> Aligner {
        Aligner::new(usize::try_from(Aligner::memory(member as u64)).unwrap())
    }

    fn verify(criterion: &Criterion, member: &[u8], representative: &[u8], diagonal: i64) -> Option<Verified> {
        aligner(member.len()).verify(Scoring::Protein, criterion, member, representative, diagonal)
    }

    #[test]
    fn without_gaps() {
        let representative = protein(1, 200);
        let mut member = representative[20..180].to_vec();
        (0..8).for_each(|step| member[10 + 20 * step] = b'W');
        let differing = (0..160).filter(|&at| member[at] != representative[20 + at]).count() as u64;
        let found = verify(&Criterion::default(), &member, &representative, 20).unwrap();
        assert_eq!(u64::from(found.identity), (160 - differing) * 10_000 / 160);
        assert_eq!((found.coverage, found.diagonal), (10_000, 20));
        assert_eq!(verify(&Criterion::default(), &member, &representative, 21), None);
    }

    #[test]
    fn with_gaps_on_both_sides_of_the_seed() {
        let representative = protein(2, 300);
        let mut member = representative.clone();
        member.drain(200..203);
        member.splice(80..80, *b"GGG");
        let found = verify(&Criterion::default(), &member, &representative, -3).unwrap();
        // 297 residues are the same, and six columns are gaps.
        assert_eq!((found.identity, found.coverage), (9_801, 10_000));
        let strict = Criterion { identity: 9_802, ..Criterion::default() };
        assert_eq!(verify(&strict, &member, &representative, -3), None);
        let shorter = Criterion { identity: 9_900, definition: Identity::Shorter, ..Criterion::default() };
        assert_eq!(verify(&shorter, &member, &representative, -3).unwrap().identity, 9_900);
    }

    #[test]
    fn coverage_of_whom() {
        let representative = protein(3, 400);
        let member = &representative[100..300];
        let with = |mode| verify(&Criterion { mode, ..Criterion::default() }, member, &representative, 100);
        assert_eq!(with(CoverageMode::Target).unwrap().coverage, 10_000);
        assert_eq!((with(CoverageMode::Query), with(CoverageMode::Both)), (None, None));
    }

    #[test]
    fn nucleotides_and_unknown_ones() {
        let representative = b"ACGTTGCATGCAAGCTTGGATCCATCGATTACGGATTCAGGCATCGACTAGCAT".to_vec();
        let mut member = representative.clone();
        let mut aligner = aligner(member.len());
        let mut verify = |member: &[u8]| {
            aligner.verify(Scoring::Nucleotide, &Criterion::default(), member, &representative, 0).map(|v| v.identity)
        };
        assert_eq!(verify(&member), Some(10_000));
        member[25] = b'N';
        assert_eq!(verify(&member), Some(9_814));
        member[20..26].fill(b'N');
        assert_eq!(verify(&member), None);
    }

    #[test]
    fn memory_is_linear() {
        let (one, four) = (Aligner::memory(10_000), Aligner::memory(40_000));
        assert!(four < 4 * one && one < 6 << 20, "{one} {four}");
        assert_eq!(aligner(100).verify(Scoring::Protein, &Criterion::default(), &[b'A'; 101], &[b'A'; 101], 0), None);
    }

    proptest! {
        /// Whatever the sequences are: no panic, and what is accepted fulfils the criterion.
        #[test]
        fn any_sequences(
            member in prop::collection::vec(prop::sample::select(&b"ACDEWXBZ"[..]), 0..200),
            other in prop::collection::vec(prop::sample::select(&b"ACDEWXBZ"[..]), 0..300),
            diagonal in -250_i64..350,
            nucleotides in any::<bool>(),
        ) {
            let scoring = if nucleotides { Scoring::Nucleotide } else { Scoring::Protein };
            let (mut left, mut right) = (Vec::new(), Vec::new());
            super::super::fold(&member, scoring, &mut left);
            super::super::fold(&other, scoring, &mut right);
            let criterion = Criterion { identity: 4_000, coverage: 1_000, ..Criterion::default() };
            if let Some(found) = aligner(200).verify(scoring, &criterion, &left, &right, diagonal) {
                prop_assert!(found.identity >= 4_000 && found.coverage >= 1_000);
                prop_assert!(found.identity <= 10_000 && found.coverage <= 10_000);
            }
        }
    }
}
