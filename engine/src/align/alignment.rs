//! What an alignment says: identity, coverage, and whether that is enough.

use std::ops::Range;

/// A local alignment of a member to its representative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alignment {
    /// Under [`super::Scoring`].
    pub score: i32,
    /// Columns with the same residue on both sides, unknown residues not counted.
    pub matches: u32,
    /// Columns, those with a gap counted.
    pub columns: u32,
    /// The residues of the member that are in it.
    pub member: Range<u32>,
    /// The residues of the representative that are in it.
    pub representative: Range<u32>,
}

impl Alignment {
    /// The same alignment of the representative to the member.
    #[must_use]
    pub fn turned(&self) -> Self {
        Self { member: self.representative.clone(), representative: self.member.clone(), ..*self }
    }
}

/// What identity is the share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Identity {
    /// Matches to columns of the alignment, gaps counted: what BLAST prints, and MMseqs2 with `--seq-id-mode 0`.
    #[default]
    Columns,
    /// Matches to residues of the shorter sequence: CD-HIT's, and MMseqs2's with `--seq-id-mode 1`.
    Shorter,
    /// Matches to residues of the longer sequence: MMseqs2's with `--seq-id-mode 2`.
    Longer,
}

impl Identity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Columns, Self::Shorter, Self::Longer];

    /// The name that commands print and take.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Columns => "mmseqs2",
            Self::Shorter => "cd-hit",
            Self::Longer => "longer",
        }
    }
}

/// Of which sequence a share must be in the alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CoverageMode {
    /// Of the member: a fragment may join a long representative. MMseqs2's `--cov-mode 1`.
    #[default]
    Target,
    /// Of the representative. MMseqs2's `--cov-mode 2`.
    Query,
    /// Of both. MMseqs2's `--cov-mode 0`.
    Both,
}

impl CoverageMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Target, Self::Query, Self::Both];

    /// The name that commands print and take.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Query => "query",
            Self::Both => "both",
        }
    }
}

/// A share in ten-thousandths, rounded down.
pub(crate) const WHOLE: u16 = 10_000;

/// What an alignment must have for a member to join a representative.
///
/// ```
/// use talaria_db::align::{Alignment, Criterion};
///
/// let alignment = Alignment { score: 450, matches: 90, columns: 100, member: 0..100, representative: 7..107 };
/// let criterion = Criterion { identity: 9_000, coverage: 8_000, ..Criterion::default() };
/// assert_eq!(criterion.accepts(&alignment, 120, 300), Some((9_000, 8_333)));
/// assert_eq!(Criterion { identity: 9_001, ..criterion }.accepts(&alignment, 120, 300), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Criterion {
    /// Least identity, in ten-thousandths.
    pub identity: u16,
    /// Least coverage, in ten-thousandths.
    pub coverage: u16,
    /// What identity is the share of.
    pub definition: Identity,
    /// Of which sequence coverage is the share.
    pub mode: CoverageMode,
}

impl Default for Criterion {
    fn default() -> Self {
        Self { identity: 9_000, coverage: 8_000, definition: Identity::default(), mode: CoverageMode::default() }
    }
}

impl Criterion {
    /// Identity and coverage in ten-thousandths, rounded down, of an alignment of a member and a representative with so
    /// many residues; none if they are not enough. Of both coverages the lesser one counts.
    #[must_use]
    pub fn accepts(&self, alignment: &Alignment, member: u32, representative: u32) -> Option<(u16, u16)> {
        let similarity = self.similarity(alignment, member, representative);
        (similarity.0 >= self.identity && similarity.1 >= self.coverage).then_some(similarity)
    }

    /// Identity and coverage, enough or not.
    pub(super) fn similarity(&self, alignment: &Alignment, member: u32, representative: u32) -> (u16, u16) {
        let whole = match self.definition {
            Identity::Columns => alignment.columns,
            Identity::Shorter => member.min(representative),
            Identity::Longer => member.max(representative),
        };
        let of_member = share(alignment.member.end - alignment.member.start, member);
        let of_representative = share(alignment.representative.end - alignment.representative.start, representative);
        let coverage = match self.mode {
            CoverageMode::Target => of_member,
            CoverageMode::Query => of_representative,
            CoverageMode::Both => of_member.min(of_representative),
        };
        (share(alignment.matches, whole), coverage)
    }

    /// Whether lengths alone rule it out that a member may join a representative.
    pub(crate) fn rules_out(&self, member: u32, representative: u32) -> bool {
        let least = |aligned: u32, of: u32| share(aligned.min(of), of) < self.coverage;
        match self.mode {
            CoverageMode::Target => least(representative, member),
            CoverageMode::Query => least(member, representative),
            CoverageMode::Both => least(representative, member) || least(member, representative),
        }
    }
}

/// `part` of `whole` in ten-thousandths, rounded down; the exact value is at least a threshold if and only if this is,
/// since thresholds are ten-thousandths.
fn share(part: u32, whole: u32) -> u16 {
    let parts = u64::from(part) * u64::from(WHOLE) / u64::from(whole.max(1));
    u16::try_from(parts).unwrap_or(u16::MAX).min(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_and_modes_differ() {
        let alignment = Alignment { score: 0, matches: 60, columns: 90, member: 10..90, representative: 0..85 };
        let of = |definition, mode| {
            let criterion = Criterion { identity: 0, coverage: 0, definition, mode };
            criterion.accepts(&alignment, 100, 120).unwrap()
        };
        assert_eq!(of(Identity::Columns, CoverageMode::Target), (6_666, 8_000));
        assert_eq!(of(Identity::Shorter, CoverageMode::Query), (6_000, 7_083));
        assert_eq!(of(Identity::Longer, CoverageMode::Both), (5_000, 7_083));
    }

    #[test]
    fn a_third_is_not_enough_for_a_third_rounded_up() {
        let alignment = Alignment { score: 0, matches: 1, columns: 3, member: 0..3, representative: 0..3 };
        let with = |identity| Criterion { identity, ..Criterion::default() }.accepts(&alignment, 3, 3);
        assert_eq!((with(3_333), with(3_334)), (Some((3_333, 10_000)), None));
    }

    #[test]
    fn lengths_alone() {
        let with = |mode| Criterion { mode, ..Criterion::default() };
        assert!(!with(CoverageMode::Target).rules_out(80, 1_000));
        assert!(with(CoverageMode::Query).rules_out(79, 100));
        assert!(!with(CoverageMode::Both).rules_out(80, 100));
        assert!(with(CoverageMode::Target).rules_out(100, 79));
    }
}
