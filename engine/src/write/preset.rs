//! What a build makes of its options at once: three points between speed and size.

use crate::write::encode::Compression;
use crate::write::place::Order;
use crate::write::run::TEXT_BLOCK;

/// A choice of codec, blocks, order and columns.
///
/// ```
/// use talaria_db::{Builder, Compression, Preset};
///
/// // As small as it gets, but for blocks that are faster to decode.
/// let builder = Builder::new("uniref50.talaria").preset(Preset::Small).compression(Compression::Zstd(3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// LZ4: built and decoded at the speed of a disk, and larger.
    Fast,
    /// Zstandard at level 1, small blocks, the order of the input.
    #[default]
    Balanced,
    /// Zstandard at level 19, large blocks, similar sequences next to each other, packed columns: half to two thirds of the size. A build takes ten times
    /// as long, and a lookup decodes more.
    Small,
}

/// What a preset stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) compression: Compression,
    /// By what the residues are, if there is none.
    pub(super) block_size: Option<u32>,
    pub(super) text_block_size: u32,
    pub(super) order: Order,
    pub(super) packed: bool,
}

impl Preset {
    /// All of them, from the fastest.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Balanced, Self::Small];

    /// As a command line has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Small => "small",
        }
    }

    pub(super) const fn choice(self) -> Choice {
        let usual = Choice {
            compression: Compression::Zstd(1),
            block_size: None,
            text_block_size: TEXT_BLOCK,
            order: Order::Input,
            packed: false,
        };
        match self {
            Self::Fast => Choice { compression: Compression::Lz4, ..usual },
            Self::Balanced => usual,
            Self::Small => Choice {
                compression: Compression::Zstd(19),
                block_size: Some(256 << 10),
                text_block_size: 256 << 10,
                order: Order::Similarity,
                packed: true,
            },
        }
    }
}
