//! How an input is compressed, told from its first bytes.
//!
//! File names lie: archives hold plain text under `.gz`, and pipes have no name. Only the content counts. No magic
//! number here is the beginning of a FASTA file, which starts with `>`, `;` or blanks; that of bzip2, which is
//! printable, is checked together with the 48-bit number that follows it.

/// The compression of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Plain bytes.
    None,
    /// Gzip, BGZF included.
    Gzip,
    /// Zstandard.
    Zstd,
    /// xz, not the older `.lzma`.
    Xz,
    /// bzip2.
    Bzip2,
}

/// Of a gzip member.
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Of a Zstandard frame.
pub(super) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

impl Compression {
    /// Bytes that [`Self::detect`] looks at.
    pub const DETECTED_FROM: usize = 10;

    /// Tells the compression of an input from its first bytes, of which [`Self::DETECTED_FROM`] are enough. Fewer than
    /// a format's magic number are plain.
    #[must_use]
    pub fn detect(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0x00, ..] => Self::Xz,
            // The number of a block, or that of the end of an empty stream.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Self::Bzip2,
            _ => Self::None,
        }
    }

    /// Its number in a container.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Zstd => 2,
            Self::Xz => 3,
            Self::Bzip2 => 4,
        }
    }

    /// Its name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_numbers_are_told_from_their_last_byte_on() {
        let magics: [(&[u8], Compression); 6] = [
            (&GZIP_MAGIC, Compression::Gzip),
            (&ZSTD_MAGIC, Compression::Zstd),
            (b"\x5e\x2a\x4d\x18", Compression::Zstd),
            (b"\xfd7zXZ\x00", Compression::Xz),
            (b"BZh9\x31\x41\x59\x26\x53\x59", Compression::Bzip2),
            (b"BZh1\x17\x72\x45\x38\x50\x90", Compression::Bzip2),
        ];
        for (magic, compression) in magics {
            assert!(magic.len() <= Compression::DETECTED_FROM);
            for length in 0..magic.len() {
                assert_eq!(Compression::detect(&magic[..length]), Compression::None);
            }
            assert_eq!(Compression::detect(magic), compression);
            assert_eq!(Compression::detect(&[magic, b"more"].concat()), compression);
        }
    }

    #[test]
    fn text_is_plain() {
        for text in
            [&b">BZh9 protein\nMK"[..], b"BZh9 is a name", b"BZh0\x31\x41\x59\x26\x53\x59", b"PK\x03\x04", b"\n"]
        {
            assert_eq!(Compression::detect(text), Compression::None);
        }
    }

    #[test]
    fn numbers_are_in_order() {
        use Compression::{Bzip2, Gzip, None, Xz, Zstd};
        for (byte, compression) in (0..).zip([None, Gzip, Zstd, Xz, Bzip2]) {
            assert_eq!(compression.byte(), byte);
        }
    }
}
