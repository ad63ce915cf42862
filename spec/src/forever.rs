//! Constants that may never change, because files that hold them exist.

/// First bytes of a container, in the manner of PNG: a high bit, a name, and line ends that a transfer in text mode
/// would change.
pub const HEADER_MAGIC: [u8; 8] = *b"\x89TAL\r\n\x1a\n";

/// Last bytes of a container; a file without them was cut short or never finished.
pub const TRAILER_MAGIC: [u8; 8] = *b"\x89talend\n";

/// Bytes of the header page: header, section table, zeros.
pub const HEADER_PAGE: u64 = 4096;

/// Bytes of the header at the start of the header page.
pub const HEADER_SIZE: u64 = 128;

/// Bytes of the trailer at the end of the file.
pub const TRAILER_SIZE: u64 = 64;

/// Length of the shortest container.
pub const MINIMUM_FILE: u64 = HEADER_PAGE + TRAILER_SIZE;

/// Sections and the section table start at multiples of this.
pub const SECTION_ALIGNMENT: u64 = 64;

/// Bytes under one item of the page checksums.
pub const PAGE: u64 = 4096;

/// Bits of a packed address for the byte within the decoded block.
pub const BYTE_BITS: u32 = 24;

/// Most records, and one more than the largest ordinal: what an entry of the key index has room for.
pub const MAXIMUM_RECORDS: u64 = 1 << 40;

/// Smallest nominal block size.
pub const MINIMUM_BLOCK: u32 = 1 << 10;

/// Largest nominal block size, and so the most that one block decodes to.
pub const MAXIMUM_BLOCK: u32 = 1 << 23;

/// Most bytes of a dictionary.
pub const MAXIMUM_DICTIONARY: u32 = 1 << 20;

/// Most entries of the section table.
pub const MAXIMUM_SECTIONS: u32 = 1024;

#[cfg(test)]
mod tests {
    // Restated on purpose: a change here breaks every file in the world.
    #[test]
    fn nothing_has_changed() {
        assert_eq!(super::HEADER_MAGIC, [0x89, 0x54, 0x41, 0x4C, 0x0D, 0x0A, 0x1A, 0x0A]);
        assert_eq!(super::TRAILER_MAGIC, [0x89, 0x74, 0x61, 0x6C, 0x65, 0x6E, 0x64, 0x0A]);
        assert_eq!((super::HEADER_PAGE, super::HEADER_SIZE, super::TRAILER_SIZE), (4096, 128, 64));
        assert_eq!((super::MINIMUM_FILE, super::SECTION_ALIGNMENT, super::PAGE), (4160, 64, 4096));
        assert_eq!((super::BYTE_BITS, super::MAXIMUM_RECORDS), (24, 1_099_511_627_776));
        assert_eq!((super::MINIMUM_BLOCK, super::MAXIMUM_BLOCK), (1024, 8_388_608));
        assert_eq!((super::MAXIMUM_DICTIONARY, super::MAXIMUM_SECTIONS), (1_048_576, 1024));
    }
}
