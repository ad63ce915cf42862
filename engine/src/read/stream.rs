//! Streams: which there are, where they lie, and what an item of one is. Blocks are decoded in `blocks.rs`, items are
//! put together in `items.rs`.

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::validate::{Container, Section};

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// Residues.
    Sequence,
    /// Header texts.
    Text,
    /// Layout scripts.
    Layout,
    /// Records as what differs from others.
    Delta,
}

impl StreamKind {
    /// The streams that this version reads.
    pub const ALL: [Self; 4] = [Self::Sequence, Self::Text, Self::Layout, Self::Delta];

    /// A small number.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Sequence => 0,
            Self::Text => 1,
            Self::Layout => 2,
            Self::Delta => 3,
        }
    }

    /// The name in errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Text => "text",
            Self::Layout => "layout",
            Self::Delta => "delta",
        }
    }

    /// The kinds of the directory and of the blocks.
    #[must_use]
    pub const fn sections(self) -> (SectionKind, SectionKind) {
        match self {
            Self::Sequence => (SectionKind::SequenceDirectory, SectionKind::SequenceBlocks),
            Self::Text => (SectionKind::TextDirectory, SectionKind::TextBlocks),
            Self::Layout => (SectionKind::LayoutDirectory, SectionKind::LayoutBlocks),
            Self::Delta => (SectionKind::DeltaDirectory, SectionKind::DeltaBlocks),
        }
    }
}

/// Where a stream lies.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// Which one.
    pub kind: StreamKind,
    /// Its directory.
    pub directory: Section,
    /// Its blocks.
    pub blocks: Section,
    /// Nominal decoded size of its blocks, in bytes.
    pub nominal: u32,
}

impl Stream {
    /// The stream in a container, if it has it.
    #[must_use]
    pub fn find(container: &Container, kind: StreamKind) -> Option<Self> {
        let (directory, blocks) = kind.sections();
        let header = container.header();
        let directory = *container.section(directory)?;
        let nominal = match kind {
            StreamKind::Sequence => header.sequence_block_size.get(),
            StreamKind::Text | StreamKind::Layout => header.text_block_size.get(),
            // From 10 to 23 by rule X-6.
            StreamKind::Delta => 1 << directory.detail.min(23),
        };
        Some(Self { kind, directory, blocks: *container.section(blocks)?, nominal })
    }
}

/// An item of a stream: where it starts and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Of its first byte.
    pub address: PackedAddress,
    /// In bytes.
    pub length: u64,
}
