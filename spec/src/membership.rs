//! Which record stands for which: an item of the membership section a record, narrow or wide.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::SpecError;

/// All of it: identity and coverage are in ten-thousandths.
pub const WHOLE: u16 = 10_000;

/// FORMAT.md, section 13: an item of files with fewer than 2^32 records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct MembershipEntry {
    /// Ordinal of the representative; its own for a representative.
    pub representative: U32,
    /// In ten-thousandths, rounded down.
    pub identity: U16,
    /// In ten-thousandths, rounded down.
    pub coverage: U16,
}

/// FORMAT.md, section 13: an item of files with more records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct WideMembershipEntry {
    /// Ordinal of the representative; its own for a representative.
    pub representative: U64,
    /// In ten-thousandths, rounded down.
    pub identity: U16,
    /// In ten-thousandths, rounded down.
    pub coverage: U16,
}

impl From<MembershipEntry> for WideMembershipEntry {
    fn from(entry: MembershipEntry) -> Self {
        let representative = U64::new(entry.representative.get().into());
        Self { representative, identity: entry.identity, coverage: entry.coverage }
    }
}

impl WideMembershipEntry {
    /// Compares the entry of record `ordinal`, one of `records`, with rule M-3, and with as much of M-2 as it shows alone.
    ///
    /// # Errors
    /// M-2 or M-3.
    pub fn check(&self, ordinal: u64, records: u64) -> Result<(), SpecError> {
        let broken =
            |field, rule, got, expected| Err(SpecError::violation("membership", field, rule, ordinal, got, expected));
        if self.representative.get() >= records {
            return broken("representative", "M-2", self.representative.get(), records);
        }
        for (field, share) in [("identity", self.identity.get()), ("coverage", self.coverage.get())] {
            let is_own = self.representative.get() == ordinal;
            if share > WHOLE || is_own && share != WHOLE {
                return broken(field, "M-3", share.into(), WHOLE.into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // EVIDENCE: M-2, M-3
    #[test]
    fn values_in_range() {
        let entry = |representative: u32, identity, coverage| {
            WideMembershipEntry::from(MembershipEntry {
                representative: U32::new(representative),
                identity: U16::new(identity),
                coverage: U16::new(coverage),
            })
        };
        let rule = |result: Result<(), SpecError>| result.map_err(|error| error.rule());
        assert_eq!(rule(entry(2, WHOLE, WHOLE).check(2, 3)), Ok(()));
        assert_eq!(rule(entry(0, 0, 1).check(2, 3)), Ok(()));
        assert_eq!(rule(entry(3, WHOLE, WHOLE).check(2, 3)), Err("M-2"));
        assert_eq!(rule(entry(0, WHOLE + 1, 1).check(2, 3)), Err("M-3"));
        assert_eq!(rule(entry(0, 1, WHOLE + 1).check(2, 3)), Err("M-3"));
        assert_eq!(rule(entry(2, WHOLE, WHOLE - 1).check(2, 3)), Err("M-3"));
    }
}
