//! What blocks are compressed with.

use crate::error::{Error, Result};

/// A codec and its level, or a rule that picks both for each block.
///
/// Bases are packed in all of them, to two or four bits, where that is shorter; see
/// [`encode_residues`](super::encode_residues).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// None.
    None,
    /// No codec, and five bits a letter for what are no bases: decoded at the speed of memory. What are no residues is
    /// compressed with LZ4.
    Packed,
    /// LZ4.
    Lz4,
    /// Zstandard at a level from 1 to 22.
    Zstd(i32),
    /// As [`Packed`](Self::Packed), but for blocks that Zstandard at level 1 makes shorter by an eighth. What are no
    /// residues is compressed with Zstandard.
    Auto,
}

impl Compression {
    /// From `none`, `packed`, `lz4`, `zstd`, `zstd:LEVEL` or `auto`.
    ///
    /// # Errors
    /// [`Error::Option`].
    ///
    /// ```
    /// use talaria_db::Compression;
    ///
    /// assert_eq!(Compression::parse("zstd:19")?, Compression::Zstd(19));
    /// assert_eq!(Compression::parse("zstd")?, Compression::Zstd(1));
    /// assert!(Compression::parse("zstd:99").is_err());
    /// # Ok::<(), talaria_db::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let refused = |reason: String| Err(Error::Option { option: "--codec", reason });
        match text {
            "none" => Ok(Self::None),
            "packed" => Ok(Self::Packed),
            "lz4" => Ok(Self::Lz4),
            "auto" => Ok(Self::Auto),
            "zstd" => Ok(Self::Zstd(1)),
            _ => match text.strip_prefix("zstd:").map(str::parse) {
                Some(Ok(level @ 1..=22)) => Ok(Self::Zstd(level)),
                Some(_) => refused(format!("{text:?}: the level of zstd is a number from 1 to 22")),
                None => refused(format!("{text:?} is none of none, packed, lz4, zstd, zstd:LEVEL, auto")),
            },
        }
    }
}

impl Compression {
    /// The level of Zstandard, where that is used.
    pub(crate) const fn level(self) -> Option<i32> {
        match self {
            Self::None | Self::Packed | Self::Lz4 => None,
            Self::Zstd(level) => Some(level),
            Self::Auto => Some(1),
        }
    }

    /// Bytes of memory that `threads` threads take to encode blocks of `block` bytes, and to decode them again for
    /// comparing.
    #[must_use]
    pub(crate) fn memory(self, block: u32, threads: usize) -> u64 {
        // Zstandard sizes its tables by the block: four bytes an entry, twice as many entries as bytes in each of two
        // or three tables at high levels, small ones at low levels. The rest is the block in its three forms, and what
        // does not depend on it.
        let blocks = match self {
            Self::Zstd(4..) => 28,
            _ => 6,
        };
        threads as u64 * (blocks * u64::from(block) + (1 << 20))
    }
}

impl std::fmt::Display for Compression {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => out.write_str("none"),
            Self::Packed => out.write_str("packed"),
            Self::Lz4 => out.write_str("lz4"),
            Self::Auto => out.write_str("auto"),
            Self::Zstd(level) => write!(out, "zstd:{level}"),
        }
    }
}
