//! The header: the first 128 bytes, from which everything else is found.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// FORMAT.md, section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Header {
    /// [`crate::forever::HEADER_MAGIC`].
    pub magic: [u8; 8],
    /// The lowest version a reader must know.
    pub read_version: U16,
    /// The version of the writer.
    pub write_version: U16,
    /// Bytes of the header page.
    pub header_size: U32,
    /// Bits that a reader must understand.
    pub required_features: U64,
    /// Bits that a reader may ignore.
    pub optional_features: U64,
    /// Records.
    pub record_count: U64,
    /// Sum of the lengths of all records.
    pub residue_count: U64,
    /// Sum of the decoded lengths of the sequence blocks.
    pub stored_residue_count: U64,
    /// Bytes of the whole file.
    pub file_length: U64,
    /// File offset of the section table.
    pub table_offset: U64,
    /// Entries of the section table.
    pub section_count: U32,
    /// CRC-32 of the section table.
    pub table_checksum: U32,
    /// Entries of the sources section.
    pub source_count: U32,
    /// Nominal decoded size of the sequence stream's blocks, in bytes.
    pub sequence_block_size: U32,
    /// Nominal decoded size of the other streams' blocks, in bytes.
    pub text_block_size: U32,
    /// [`crate::alphabet::Alphabet`].
    pub alphabet: u8,
    /// 1 input order, 2 by similarity.
    pub order: u8,
    /// Zero.
    pub reserved: U16,
    /// Written as zero, ignored by readers.
    pub unused: [u8; 24],
    /// Zero.
    pub reserved_end: U32,
    /// CRC-32 of the bytes before this field.
    pub header_checksum: U32,
}

/// Residues lie in the order of the input.
pub const ORDER_INPUT: u8 = 1;
/// Residues lie where similar ones lie; the physical order section says which.
pub const ORDER_SIMILARITY: u8 = 2;

impl Header {
    /// The CRC-32 that [`Header::header_checksum`] should hold.
    #[must_use]
    pub fn compute_checksum(&self) -> u32 {
        let bytes = self.as_bytes();
        crate::checksum::crc32(bytes.get(..124).unwrap_or_default())
    }
}
