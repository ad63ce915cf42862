//! The header table's item: where a record's header text is, how long its id is, and the record's flags.
//!
//! The other two columns are plain integers: lengths (`u32` or `u64`) and offsets ([`crate::address::PackedAddress`]).

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::alphabet::Alphabet;
use crate::error::SpecError;

/// FORMAT.md, section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct HeaderEntry {
    /// Packed address of the header text.
    pub text: U64,
    /// Bytes of the header text.
    pub text_length: U32,
    /// Bytes of its first word, or [`LONG_ID`].
    pub id_length: U16,
    /// [`FLAG_SHARED`], [`FLAG_IRREGULAR`], [`FLAG_DELTA`].
    pub flags: u8,
    /// [`Alphabet`].
    pub kind: u8,
}

/// `id_length` of an id of 65535 bytes or more.
pub const LONG_ID: u16 = u16::MAX;
/// An earlier record has the same residues at the same address.
pub const FLAG_SHARED: u8 = 1;
/// The layout index has a script for the record.
pub const FLAG_IRREGULAR: u8 = 2;
/// The record is a delta against another one.
pub const FLAG_DELTA: u8 = 4;

impl HeaderEntry {
    /// Compares the entry of record `ordinal` with rule C-1, in a file whose features announce deltas or not.
    ///
    /// # Errors
    /// C-1; or H-6, as a delta has no place in a file whose features do not announce it.
    pub fn check(&self, ordinal: u64, deltas: bool) -> Result<(), SpecError> {
        let flags = self.flags;
        if flags & !(FLAG_SHARED | FLAG_IRREGULAR | FLAG_DELTA) != 0 {
            return Err(SpecError::violation("header table", "flags", "C-1", ordinal, flags.into(), 7));
        }
        if Alphabet::from_byte(self.kind).is_err() {
            return Err(SpecError::violation("header table", "kind", "C-1", ordinal, self.kind.into(), 3));
        }
        if flags & FLAG_DELTA != 0 && !deltas {
            return Err(SpecError::Unsupported { what: "required feature", name: "deltas", number: 0, rule: "H-6" });
        }
        Ok(())
    }

    /// Whether an earlier record has the same residues.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.flags & FLAG_SHARED != 0
    }

    /// Whether the record has a stored copy of its own: in the result of a reduction that has no membership sections
    /// these are the references.
    #[must_use]
    pub const fn is_reference(&self) -> bool {
        !self.is_shared() && !self.is_delta()
    }

    /// Whether the record is a delta against another one.
    #[must_use]
    pub const fn is_delta(&self) -> bool {
        self.flags & FLAG_DELTA != 0
    }

    /// Whether the layout index has a script for the record.
    #[must_use]
    pub const fn is_irregular(&self) -> bool {
        self.flags & FLAG_IRREGULAR != 0
    }
}

/// Length of the first word of a header text: up to the first space or tab.
///
/// ```
/// assert_eq!(talaria_db_spec::columns::first_word_length(b"P12345 a protein"), 6);
/// assert_eq!(talaria_db_spec::columns::first_word_length(b" no id"), 0);
/// ```
#[must_use]
pub fn first_word_length(text: &[u8]) -> usize {
    text.iter().position(|&byte| byte == b' ' || byte == b'\t').unwrap_or(text.len())
}

/// The `id_length` field of a header text (rule C-2).
#[must_use]
pub fn id_length_field(text: &[u8]) -> u16 {
    u16::try_from(first_word_length(text)).unwrap_or(LONG_ID)
}
