//! Dictionaries: what the blocks of a stream have in common, kept once.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::block::Codec;
use crate::error::SpecError;
use crate::forever::MAXIMUM_DICTIONARY;

/// FORMAT.md, section 11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct DictionaryEntry {
    /// In the dictionary bytes.
    pub offset: U64,
    /// Bytes.
    pub length: U32,
    /// [`Codec::Zstd`].
    pub codec: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// Written as zero, ignored by readers.
    pub unused: [u8; 16],
}

impl DictionaryEntry {
    /// Where dictionary `index` lies in a dictionary section of `bytes` bytes, in which the one before it ends at
    /// `start`.
    ///
    /// # Errors
    /// D-1.
    pub fn range(&self, index: u64, start: u64, bytes: u64) -> Result<core::ops::Range<u64>, SpecError> {
        let broken = |field, got, expected| {
            Err(SpecError::violation("dictionary directory", field, "D-1", index, got, expected))
        };
        if self.codec != Codec::Zstd.byte() {
            return broken("codec", self.codec.into(), 2);
        }
        if self.reserved != [0; 3] {
            return broken("reserved", self.reserved.iter().map(|&byte| u64::from(byte)).sum(), 0);
        }
        if self.length.get() > MAXIMUM_DICTIONARY {
            return broken("length", self.length.get().into(), MAXIMUM_DICTIONARY.into());
        }
        match start.checked_add(self.length.get().into()) {
            Some(end) if end <= bytes && self.offset.get() == start => Ok(start..end),
            _ => broken("offset", self.offset.get(), start),
        }
    }
}
