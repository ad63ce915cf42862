//! Which record stands for which: an item of the membership section a record, narrow or wide; and what the shares of
//! the compact form may be (see [`crate::standing`]).

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::SpecError;

/// All of it: identity and coverage are in ten-thousandths.
pub const WHOLE: u16 = 10_000;

/// What an item has in place of the ordinal of a representative if no record stands for its own: all ones, in items of
/// either size.
pub const NO_REPRESENTATIVE: u64 = u64::MAX;

/// FORMAT.md, section 13: an item of files with fewer than 2^32 records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct MembershipEntry {
    /// Ordinal of the representative; its own for a representative; all ones if there is none.
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
    /// Ordinal of the representative; its own for a representative; [`NO_REPRESENTATIVE`].
    pub representative: U64,
    /// In ten-thousandths, rounded down.
    pub identity: U16,
    /// In ten-thousandths, rounded down.
    pub coverage: U16,
}

impl From<MembershipEntry> for WideMembershipEntry {
    fn from(entry: MembershipEntry) -> Self {
        let representative = match entry.representative.get() {
            u32::MAX => NO_REPRESENTATIVE,
            ordinal => ordinal.into(),
        };
        let representative = U64::new(representative);
        Self { representative, identity: entry.identity, coverage: entry.coverage }
    }
}

impl WideMembershipEntry {
    /// Ordinal of the record that stands for this one, if there is one.
    #[must_use]
    pub const fn representative(&self) -> Option<u64> {
        match self.representative.get() {
            NO_REPRESENTATIVE => None,
            ordinal => Some(ordinal),
        }
    }

    /// Compares the entry of record `ordinal`, one of `records`, with the rules M-3 and M-5, and with as much of M-2 as
    /// it shows alone.
    ///
    /// # Errors
    /// M-2, M-3 or M-5.
    pub fn check(&self, ordinal: u64, records: u64) -> Result<(), SpecError> {
        let broken =
            |field, rule, got, expected| Err(SpecError::violation("membership", field, rule, ordinal, got, expected));
        let shares = [("identity", self.identity.get()), ("coverage", self.coverage.get())];
        let Some(representative) = self.representative() else {
            return match shares.into_iter().find(|&(_, share)| share != 0) {
                Some((field, share)) => broken(field, "M-5", share.into(), 0),
                None => Ok(()),
            };
        };
        if representative >= records {
            return broken("representative", "M-2", representative, records);
        }
        for (field, share) in shares {
            let is_own = representative == ordinal;
            if share > WHOLE || is_own && share != WHOLE {
                return broken(field, "M-3", share.into(), WHOLE.into());
            }
        }
        Ok(())
    }
}

/// Compares the identity of the member of rank `index`, in the compact form, with rule M-11.
///
/// # Errors
/// M-11.
pub fn check_identity(index: u64, identity: u16) -> Result<(), SpecError> {
    match identity {
        0..=WHOLE => Ok(()),
        _ => Err(SpecError::violation("identities", "identity", "M-11", index, identity.into(), WHOLE.into())),
    }
}

/// Compares item `index` of the coverages, in the compact form, with rule M-11.
///
/// # Errors
/// M-11.
pub fn check_coverage(index: u64, coverage: u16) -> Result<(), SpecError> {
    match coverage {
        0..WHOLE => Ok(()),
        _ => Err(SpecError::violation("coverages", "coverage", "M-11", index, coverage.into(), u64::from(WHOLE) - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // EVIDENCE: M-11
    #[test]
    fn shares_of_the_compact_form_are_in_range() {
        let rule = |result: Result<(), SpecError>| result.map_err(|error| error.rule());
        assert_eq!((rule(check_identity(0, 0)), rule(check_identity(0, WHOLE))), (Ok(()), Ok(())));
        assert_eq!((rule(check_coverage(0, 0)), rule(check_coverage(0, WHOLE - 1))), (Ok(()), Ok(())));
        assert_eq!((rule(check_identity(0, WHOLE + 1)), rule(check_coverage(0, WHOLE))), (Err("M-11"), Err("M-11")));
    }

    // EVIDENCE: M-2, M-3, M-5
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
        assert_eq!(entry(2, 0, 0).representative(), Some(2));
        assert_eq!(entry(u32::MAX, 0, 0).representative(), None);
        assert_eq!(entry(u32::MAX - 1, 0, 0).representative(), Some(u64::from(u32::MAX) - 1));
        assert_eq!(rule(entry(u32::MAX, 0, 0).check(2, 3)), Ok(()));
        assert_eq!(rule(entry(u32::MAX, 1, 0).check(2, 3)), Err("M-5"));
        assert_eq!(rule(entry(u32::MAX, 0, WHOLE).check(2, 3)), Err("M-5"));
        // What is all ones in the narrow item is an ordinal in the wide one.
        let wide = |representative| WideMembershipEntry { representative: U64::new(representative), ..entry(0, 0, 0) };
        assert_eq!(wide(u32::MAX.into()).representative(), Some(u32::MAX.into()));
        assert_eq!(rule(wide(u32::MAX.into()).check(2, 1 << 33)), Ok(()));
        assert_eq!(wide(NO_REPRESENTATIVE).representative(), None);
    }
}
