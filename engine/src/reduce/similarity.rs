//! How alike a member and its representative are.

use std::fmt::{self, Write};

use talaria_db_spec::membership::NO_REPRESENTATIVE;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::write::spill::SortRecord;

/// One, in ten-thousandths.
pub(crate) const WHOLE: u16 = 10_000;

/// Identity and coverage of a member and its representative, each in ten-thousandths, rounded down; 10000 is all of it.
///
/// Rounded down, so that what is written never passes a threshold that the alignment does not pass.
///
/// ```
/// use talaria_db::reduce::Similarity;
///
/// let similarity = Similarity::of(9, 10, 2, 3);
/// assert_eq!((similarity.identity(), similarity.coverage()), (9000, 6666));
/// assert_eq!(similarity.to_string(), "0.900\t0.666");
/// assert_eq!(Similarity::FULL.to_string(), "1.000\t1.000");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Similarity {
    identity: u16,
    coverage: u16,
}

impl Similarity {
    /// That of a record with itself.
    pub const FULL: Self = Self { identity: WHOLE, coverage: WHOLE };

    /// That of records of which nothing is known to be alike.
    pub const NONE: Self = Self { identity: 0, coverage: 0 };

    /// From both in ten-thousandths; more than 10000 counts as 10000.
    #[must_use]
    pub const fn new(identity: u16, coverage: u16) -> Self {
        const fn share(value: u16) -> u16 {
            if value < WHOLE { value } else { WHOLE }
        }
        Self { identity: share(identity), coverage: share(coverage) }
    }

    /// From counts: identical columns of so many, covered residues of so many. A share of nothing is all of it.
    #[must_use]
    pub fn of(identical: u64, columns: u64, covered: u64, length: u64) -> Self {
        Self { identity: share(identical, columns), coverage: share(covered, length) }
    }

    /// What is shown of it, as bytes: tables have a line for each record.
    pub(crate) fn columns(self) -> [u8; 11] {
        let mut columns = [b'\t'; 11];
        columns[..5].copy_from_slice(&decimal(self.identity));
        columns[6..].copy_from_slice(&decimal(self.coverage));
        columns
    }

    /// Identity in ten-thousandths.
    #[must_use]
    pub const fn identity(self) -> u16 {
        self.identity
    }

    /// Coverage in ten-thousandths.
    #[must_use]
    pub const fn coverage(self) -> u16 {
        self.coverage
    }
}

/// As tables have it: both with three decimals, rounded down, with a tab between them.
impl fmt::Display for Similarity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.columns().iter().try_for_each(|&byte| out.write_char(byte.into()))
    }
}

/// A share of at most one, with three decimals, rounded down.
fn decimal(value: u16) -> [u8; 5] {
    let digit = |unit: u16| b'0' + (value / unit % 10) as u8;
    [digit(WHOLE), b'.', digit(1000), digit(100), digit(10)]
}

/// `part` of `whole` in ten-thousandths, rounded down.
fn share(part: u64, whole: u64) -> u16 {
    let scaled = u128::from(part) * u128::from(WHOLE);
    let share = scaled.checked_div(u128::from(whole)).unwrap_or_else(|| WHOLE.into());
    u16::try_from(share).unwrap_or(WHOLE).min(WHOLE)
}

/// A member of a representative, or a record that has none. Sorts by representative, then by member; records without
/// one come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    /// [`NO_REPRESENTATIVE`] if the record has none.
    pub(crate) representative: u64,
    pub(crate) member: u64,
    pub(crate) similarity: Similarity,
}

impl Pair {
    /// A record that has no representative.
    pub(crate) const fn unrepresented(record: u64) -> Self {
        Self { representative: NO_REPRESENTATIVE, member: record, similarity: Similarity::NONE }
    }

    /// Whether the record has no representative.
    pub(crate) const fn is_unrepresented(&self) -> bool {
        self.representative == NO_REPRESENTATIVE
    }
}

/// Bytes of an ordinal: there are at most 2^40 records.
const ORDINAL: usize = 5;
/// What stands in place of the identity of a record without a representative, whose ordinal's five bytes could be those
/// of the last record of all.
const NO_IDENTITY: u16 = u16::MAX;

/// Five bytes an ordinal and two a share, little-endian.
impl SortRecord for Pair {
    const SIZE: usize = 2 * ORDINAL + 4;

    fn write(&self, into: &mut [u8]) {
        into[..ORDINAL].copy_from_slice(&self.representative.to_le_bytes()[..ORDINAL]);
        into[ORDINAL..2 * ORDINAL].copy_from_slice(&self.member.to_le_bytes()[..ORDINAL]);
        let identity = if self.is_unrepresented() { NO_IDENTITY } else { self.similarity.identity };
        into[2 * ORDINAL..2 * ORDINAL + 2].copy_from_slice(&identity.to_le_bytes());
        into[2 * ORDINAL + 2..].copy_from_slice(&self.similarity.coverage.to_le_bytes());
    }

    fn read(from: &[u8]) -> Self {
        let ordinal = |at: usize| from[at..at + ORDINAL].iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        let share = |at: usize| u16::from_le_bytes([from[at], from[at + 1]]);
        if share(2 * ORDINAL) == NO_IDENTITY {
            return Self::unrepresented(ordinal(ORDINAL));
        }
        Self {
            representative: ordinal(0),
            member: ordinal(ORDINAL),
            similarity: Similarity { identity: share(2 * ORDINAL), coverage: share(2 * ORDINAL + 2) },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounded_down_and_never_more_than_all() {
        assert_eq!(Similarity::of(0, 0, 5, 3), Similarity::FULL);
        assert_eq!(Similarity::of(99_999, 100_000, u64::MAX, u64::MAX), Similarity::new(9999, 10_000));
        assert_eq!(Similarity::new(u16::MAX, 7), Similarity::new(10_000, 7));
        assert_eq!(Similarity::new(8999, 9).to_string(), "0.899\t0.000");
    }

    proptest! {
        #[test]
        fn pairs_come_back(
            representative in 0_u64..1 << 40, member in 0_u64..1 << 40, identity in 0_u16..=10_000, coverage in 0_u16..=10_000,
        ) {
            let pair = Pair { representative, member, similarity: Similarity::new(identity, coverage) };
            let mut bytes = [0; Pair::SIZE];
            pair.write(&mut bytes);
            prop_assert_eq!(Pair::read(&bytes), pair);
            Pair::unrepresented(member).write(&mut bytes);
            prop_assert_eq!(Pair::read(&bytes), Pair::unrepresented(member));
            prop_assert!(Pair::read(&bytes) > pair && !pair.is_unrepresented());
        }
    }
}
