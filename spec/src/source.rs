//! Sources: the files that a container was made from, and what gives their very bytes back.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::SpecError;

/// FORMAT.md, section 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct SourceEntry {
    /// Of the file name in the strings.
    pub name_offset: U64,
    /// Bytes of the file name.
    pub name_length: U32,
    /// Bytes of the preamble.
    pub preamble_length: U32,
    /// Of the preamble in the strings.
    pub preamble_offset: U64,
    /// Bytes of the source, decompressed.
    pub byte_length: U64,
    /// Ordinal of its first record.
    pub first_record: U64,
    /// Records.
    pub record_count: U64,
    /// Residues a line in regular records; 0: one line, however long.
    pub line_width: U64,
    /// [`LineEnd`].
    pub line_end: u8,
    /// [`DIGEST_SHA256`].
    pub digest_kind: u8,
    /// 0 none, 1 gzip, 2 Zstandard, 3 xz, 4 bzip2.
    pub compression: u8,
    /// Zero.
    pub reserved: [u8; 5],
    /// Of the decompressed bytes.
    pub digest: [u8; 32],
    /// Written as zero, ignored by readers.
    pub unused: [u8; 32],
}

/// `digest_kind`: SHA-256.
pub const DIGEST_SHA256: u8 = 1;

/// How lines end in the regular records of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LineEnd {
    /// `\n`
    #[default]
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`
    Cr,
}

impl LineEnd {
    /// The bytes of the line end.
    #[must_use]
    pub const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
            Self::Cr => b"\r",
        }
    }

    /// The byte on disk.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Lf => 1,
            Self::CrLf => 2,
            Self::Cr => 3,
        }
    }

    /// From the byte on disk, of source `index`.
    ///
    /// # Errors
    /// P-3.
    pub fn from_byte(byte: u8, index: u64) -> Result<Self, SpecError> {
        match byte {
            1 => Ok(Self::Lf),
            2 => Ok(Self::CrLf),
            3 => Ok(Self::Cr),
            _ => Err(SpecError::violation("sources", "line_end", "P-3", index, byte.into(), 3)),
        }
    }
}

impl SourceEntry {
    /// Compares source `index` with rules P-1 to P-3, given where its strings and its records should start, and the
    /// bytes of all strings. Returns where the strings of the next source start.
    ///
    /// # Errors
    /// P-1, P-2 or P-3.
    pub fn check(&self, index: u64, start: u64, strings: u64, first_record: u64) -> Result<u64, SpecError> {
        let broken =
            |field, rule, got, expected| Err(SpecError::violation("sources", field, rule, index, got, expected));
        LineEnd::from_byte(self.line_end, index)?;
        if self.digest_kind != DIGEST_SHA256 {
            return broken("digest_kind", "P-3", self.digest_kind.into(), 1);
        }
        if self.compression > 4 {
            return broken("compression", "P-3", self.compression.into(), 4);
        }
        if self.reserved != [0; 5] {
            return broken("reserved", "P-3", self.reserved.iter().map(|&byte| u64::from(byte)).sum(), 0);
        }
        let end_of = |from: u64, offset: u64, length: u32| {
            from.checked_add(length.into()).filter(|&end| offset == from && end <= strings)
        };
        let Some(name_end) = end_of(start, self.name_offset.get(), self.name_length.get()) else {
            return broken("name_offset", "P-1", self.name_offset.get(), start);
        };
        let Some(end) = end_of(name_end, self.preamble_offset.get(), self.preamble_length.get()) else {
            return broken("preamble_offset", "P-1", self.preamble_offset.get(), name_end);
        };
        if self.first_record.get() != first_record {
            return broken("first_record", "P-2", self.first_record.get(), first_record);
        }
        Ok(end)
    }
}
