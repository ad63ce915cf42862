//! CRC-32/ISO-HDLC, the checksum of pages, blocks and sections.

/// The CRC-32 of `bytes`.
///
/// ```
/// assert_eq!(talaria_db_spec::checksum::crc32(b"123456789"), 0xCBF4_3926);
/// ```
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes);
    hasher.finalize()
}
