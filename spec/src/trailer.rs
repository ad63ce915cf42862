//! The trailer: the last 64 bytes, written last, the proof that the file is complete.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::forever::TRAILER_MAGIC;
use crate::header::Header;

/// FORMAT.md, section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Trailer {
    /// As in the header.
    pub file_length: U64,
    /// As in the header.
    pub table_offset: U64,
    /// As in the header.
    pub section_count: U32,
    /// As in the header.
    pub table_checksum: U32,
    /// As in the header.
    pub header_checksum: U32,
    /// Zero.
    pub reserved: U32,
    /// Written as zero, ignored by readers.
    pub unused: [u8; 16],
    /// CRC-32 of the bytes before this field.
    pub trailer_checksum: U32,
    /// Zero.
    pub reserved_end: U32,
    /// [`TRAILER_MAGIC`].
    pub magic: [u8; 8],
}

impl Trailer {
    /// The trailer that goes with a finished header.
    #[must_use]
    pub fn for_header(header: &Header) -> Self {
        let mut trailer = Self {
            file_length: header.file_length,
            table_offset: header.table_offset,
            section_count: header.section_count,
            table_checksum: header.table_checksum,
            header_checksum: header.header_checksum,
            reserved: U32::ZERO,
            unused: [0; 16],
            trailer_checksum: U32::ZERO,
            reserved_end: U32::ZERO,
            magic: TRAILER_MAGIC,
        };
        trailer.trailer_checksum = U32::new(trailer.compute_checksum());
        trailer
    }

    /// The CRC-32 that [`Trailer::trailer_checksum`] should hold.
    #[must_use]
    pub fn compute_checksum(&self) -> u32 {
        crate::checksum::crc32(self.as_bytes().get(..48).unwrap_or_default())
    }
}
