//! What a build makes of its options at once: three points between speed and size.

use talaria_db_spec::alphabet::Alphabet;

use crate::write::assemble::Shape;
use crate::write::encode::Compression;
use crate::write::place::Order;

/// Nominal size of blocks of header texts and layout scripts. A lookup decodes one for a few dozen bytes: of 16 KiB
/// that takes as long as everything else of a lookup together, and saves a hundredth of a file.
pub(super) const TEXT_BLOCK: u32 = 4 << 10;
/// The same for LZ4, which decodes them three times as fast, and finds less in small ones.
const FAST_TEXT_BLOCK: u32 = 16 << 10;
/// Small blocks of proteins compress as well as large ones, and a lookup decodes one; repeats of nucleotides are
/// further apart: of 16S genes 64 KiB take a fourteenth more, 512 KiB an eleventh less.
const BLOCKS: Blocks = Blocks { proteins: 16 << 10, nucleotides: 128 << 10 };
/// The same where nothing is compressed, so that repeats do not matter.
const FAST_BLOCKS: Blocks = Blocks { proteins: 16 << 10, nucleotides: 64 << 10 };
/// As large as still pays: of proteins in order of similarity 1 MiB takes half a percent less, of 16S genes 256 KiB an
/// eighth more.
const LARGE_BLOCKS: Blocks = Blocks { proteins: 256 << 10, nucleotides: 4 << 20 };
/// The shape with the largest blocks of those that are chosen without being asked for.
pub(crate) const LARGEST_USUAL: Shape = Shape {
    compression: Compression::Zstd(1),
    sequence_block: BLOCKS.nucleotides,
    text_block: FAST_TEXT_BLOCK,
    packed: true,
    order: Order::Input,
};

/// Nominal sizes of blocks of residues, by what these are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks {
    proteins: u32,
    nucleotides: u32,
}

impl Blocks {
    /// All of the same size.
    pub(super) const fn of_size(bytes: u32) -> Self {
        Self { proteins: bytes, nucleotides: bytes }
    }

    pub(super) fn of(self, alphabet: Alphabet) -> u32 {
        if alphabet.is_nucleotide() { self.nucleotides } else { self.proteins }
    }

    pub(super) fn smallest(self) -> u32 {
        self.proteins.min(self.nucleotides)
    }

    /// For residues that nobody has seen yet: the smaller of both, but not less than both where they are usual, so that
    /// a build that was begun with the least memory does not lack some later.
    pub(super) fn before_any(self) -> u32 {
        self.largest().min(self.smallest().max(BLOCKS.nucleotides))
    }

    pub(super) fn largest(self) -> u32 {
        self.proteins.max(self.nucleotides)
    }
}

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
    /// Residues packed and not compressed, header texts with LZ4: built and decoded at the speed of a disk, and larger.
    Fast,
    /// Zstandard at level 1, small blocks, the order of the input, packed columns.
    #[default]
    Balanced,
    /// The same at level 19, with large blocks and similar sequences next to each other: a third to two thirds of the
    /// size. A build takes ten times as long and more, and for nucleotides a third of a gigabyte of memory on two
    /// threads; a lookup decodes more.
    Small,
}

/// What a preset stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) compression: Compression,
    pub(super) blocks: Blocks,
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
            blocks: BLOCKS,
            text_block_size: TEXT_BLOCK,
            order: Order::Input,
            packed: true,
        };
        match self {
            Self::Fast => Choice {
                compression: Compression::Packed,
                blocks: FAST_BLOCKS,
                text_block_size: FAST_TEXT_BLOCK,
                packed: false,
                ..usual
            },
            Self::Balanced => usual,
            Self::Small => Choice {
                compression: Compression::Zstd(19),
                blocks: LARGE_BLOCKS,
                text_block_size: 256 << 10,
                order: Order::Similarity,
                ..usual
            },
        }
    }
}
