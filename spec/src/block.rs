//! Blocks: the entry of a stream's directory, and the codecs and packings that it names.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::SpecError;

/// FORMAT.md, section 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct BlockEntry {
    /// Of the stored bytes, from the start of the stream's blocks section.
    pub offset: U64,
    /// Slot of the first record that belongs to the block.
    pub first_slot: U64,
    /// Bytes as stored.
    pub stored_length: U32,
    /// Bytes when decoded.
    pub decoded_length: U32,
    /// CRC-32 of the stored bytes.
    pub checksum: U32,
    /// [`Codec`].
    pub codec: u8,
    /// [`Packing`].
    pub packing: u8,
    /// 0, or the number of a dictionary, from 1.
    pub dictionary: U16,
}

/// How a payload is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    /// Not at all.
    None = 0,
    /// LZ4 block format.
    Lz4 = 1,
    /// One Zstandard frame, RFC 8878.
    Zstd = 2,
}

impl Codec {
    /// From the byte on disk.
    ///
    /// # Errors
    /// B-4, if the codec is not known, or specified and not read by this version (Snappy).
    pub fn from_byte(byte: u8) -> Result<Self, SpecError> {
        match byte {
            0 => Ok(Self::None),
            1 => Ok(Self::Lz4),
            2 => Ok(Self::Zstd),
            3 => Err(unsupported("codec", "Snappy", byte)),
            _ => Err(unsupported("codec", "unknown", byte)),
        }
    }

    /// The byte on disk.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Lz4 => 1,
            Self::Zstd => 2,
        }
    }

    /// The name that commands print and take.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// How residues are packed before they are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Packing {
    /// A byte a residue.
    Bytes = 0,
    /// Two bits a base, `A C G T`.
    TwoBitDna = 1,
    /// Two bits a base, `A C G U`.
    TwoBitRna = 2,
    /// Four bits a base, or what is known of it, with `T`.
    FourBitDna = 3,
    /// Five bits a letter or `*`.
    FiveBit = 4,
    /// Items of the delta stream, taken apart.
    DeltaStreams = 5,
    /// Four bits a base, or what is known of it, with `U`.
    FourBitRna = 6,
}

impl Packing {
    /// From the byte on disk.
    ///
    /// # Errors
    /// B-4, if the packing is not known.
    pub fn from_byte(byte: u8) -> Result<Self, SpecError> {
        match byte {
            0 => Ok(Self::Bytes),
            1 => Ok(Self::TwoBitDna),
            2 => Ok(Self::TwoBitRna),
            3 => Ok(Self::FourBitDna),
            4 => Ok(Self::FiveBit),
            5 => Ok(Self::DeltaStreams),
            6 => Ok(Self::FourBitRna),
            _ => Err(unsupported("packing", "unknown", byte)),
        }
    }

    /// The byte on disk.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Bytes => 0,
            Self::TwoBitDna => 1,
            Self::TwoBitRna => 2,
            Self::FourBitDna => 3,
            Self::FiveBit => 4,
            Self::DeltaStreams => 5,
            Self::FourBitRna => 6,
        }
    }

    /// Bits that a residue takes; `None` for what has no codes of residues.
    #[must_use]
    pub const fn bits(self) -> Option<usize> {
        match self {
            Self::Bytes | Self::DeltaStreams => None,
            Self::TwoBitDna | Self::TwoBitRna => Some(2),
            Self::FourBitDna | Self::FourBitRna => Some(4),
            Self::FiveBit => Some(5),
        }
    }

    /// The name that `inspect` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::TwoBitDna => "two-bit DNA",
            Self::TwoBitRna => "two-bit RNA",
            Self::FourBitDna => "four-bit DNA",
            Self::FourBitRna => "four-bit RNA",
            Self::FiveBit => "five-bit",
            Self::DeltaStreams => "delta streams",
        }
    }
}

/// The longest payload of a block that decodes to `decoded_length` bytes (rule B-10).
#[must_use]
pub const fn maximum_payload(decoded_length: u32) -> u64 {
    #[expect(clippy::as_conversions, reason = "u32 to u64 loses nothing; `From` is not const")]
    let decoded = decoded_length as u64;
    decoded + decoded / 4 + 64
}

/// The most bytes that such a block is stored in (rule B-12).
#[must_use]
pub const fn maximum_stored(decoded_length: u32) -> u64 {
    maximum_payload(decoded_length) + 4
}

fn unsupported(what: &'static str, name: &'static str, byte: u8) -> SpecError {
    SpecError::Unsupported { what, name, number: byte.into(), rule: "B-4" }
}
