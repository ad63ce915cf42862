//! The section table: what is where, and under which checksum.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// FORMAT.md, section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct SectionEntry {
    /// What the section is.
    pub kind: U32,
    /// Bit 0 must-understand, bits 8 to 15 `detail`.
    pub flags: U32,
    /// File offset of the first byte.
    pub offset: U64,
    /// Bytes, padding not counted.
    pub length: U64,
    /// Bytes an item.
    pub item_size: U32,
    /// 1 whole, 2 by pages, 3 by blocks.
    pub checksum_kind: U32,
    /// Items.
    pub item_count: U64,
    /// By `checksum_kind`.
    pub checksum: U32,
    /// Zero.
    pub reserved: U32,
    /// Index of the first page in the page checksums, for checksum kind 2.
    pub first_page: U64,
    /// Zero.
    pub reserved_end: U64,
}

/// Flag bit 0: a reader that does not know the kind must refuse the file.
pub const FLAG_MUST_UNDERSTAND: u32 = 1;
/// Flag bits that carry `detail`.
pub const FLAG_DETAIL: u32 = 0xFF00;
/// Checksum kind: one CRC-32 over the section.
pub const CHECKSUM_WHOLE: u32 = 1;
/// Checksum kind: one CRC-32 a page, in the page checksums.
pub const CHECKSUM_PAGES: u32 = 2;
/// Checksum kind: one CRC-32 a block, in the stream's directory.
pub const CHECKSUM_BLOCKS: u32 = 3;

/// The kinds that this document gives a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum SectionKind {
    /// [`crate::columns::HeaderEntry`] a record.
    HeaderTable = 1,
    /// Residues of each record.
    Lengths = 2,
    /// Packed address of each record's residues.
    Offsets = 3,
    /// Ordinal of the record in each slot.
    PhysicalOrder = 4,
    /// [`crate::block::BlockEntry`] a sequence block.
    SequenceDirectory = 8,
    /// Stored sequence blocks.
    SequenceBlocks = 9,
    /// [`crate::block::BlockEntry`] a text block.
    TextDirectory = 10,
    /// Stored text blocks.
    TextBlocks = 11,
    /// [`crate::block::BlockEntry`] a layout block.
    LayoutDirectory = 12,
    /// Stored layout blocks.
    LayoutBlocks = 13,
    /// [`crate::block::BlockEntry`] a delta block.
    DeltaDirectory = 14,
    /// Stored delta blocks.
    DeltaBlocks = 15,
    /// [`crate::layout::LayoutEntry`] an irregular record.
    LayoutIndex = 16,
    /// First entry of each bucket of the key index.
    KeyBuckets = 20,
    /// Entries of the key index.
    KeyEntries = 21,
    /// [`crate::source::SourceEntry`] a source.
    Sources = 24,
    /// Bytes of names and preambles.
    Strings = 25,
    /// Lines of key and value.
    Provenance = 26,
    /// [`crate::dictionary::DictionaryEntry`] a dictionary.
    DictionaryDirectory = 28,
    /// Bytes of the dictionaries.
    DictionaryBytes = 29,
    /// CRC-32 a page.
    PageChecksums = 32,
    /// `f32` a record.
    GcContent = 40,
    /// `f32` a record.
    Complexity = 41,
    /// `sha512t24u` a record.
    Digests = 42,
    /// First run of each record.
    SoftMaskIndex = 43,
    /// Start and end of each soft-masked run.
    SoftMaskRuns = 44,
    /// NCBI taxon a record.
    Taxa = 45,
    /// Representative, identity and coverage a record.
    Membership = 48,
    /// Ordinals of the records that another one stands for.
    Members = 49,
    /// [`crate::standing::StandingItem`] for 160 records.
    Standing = 50,
    /// A bit a record: whether it has no representative.
    Unrepresented = 51,
    /// Where the members of each leader start.
    Groups = 52,
    /// Identity of each member, in ten-thousandths.
    Identities = 53,
    /// Coverage of each member that is not covered wholly, in ten-thousandths.
    Coverages = 54,
    /// [`crate::shortcut::ShortcutEntry`] in the order of the elements that have one.
    Shortcuts = 55,
}

/// What section 4 of FORMAT.md says of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindRules {
    /// Name, as FORMAT.md and `inspect` write it.
    pub name: &'static str,
    /// Allowed item sizes.
    pub item_sizes: &'static [u32],
    /// The checksum kind.
    pub checksum_kind: u32,
    /// Whether every file has it.
    pub always: bool,
    /// Whether it has one item a record.
    pub per_record: bool,
}

impl SectionKind {
    /// All kinds, ascending.
    pub const ALL: [Self; 35] = [
        Self::HeaderTable,
        Self::Lengths,
        Self::Offsets,
        Self::PhysicalOrder,
        Self::SequenceDirectory,
        Self::SequenceBlocks,
        Self::TextDirectory,
        Self::TextBlocks,
        Self::LayoutDirectory,
        Self::LayoutBlocks,
        Self::DeltaDirectory,
        Self::DeltaBlocks,
        Self::LayoutIndex,
        Self::KeyBuckets,
        Self::KeyEntries,
        Self::Sources,
        Self::Strings,
        Self::Provenance,
        Self::DictionaryDirectory,
        Self::DictionaryBytes,
        Self::PageChecksums,
        Self::GcContent,
        Self::Complexity,
        Self::Digests,
        Self::SoftMaskIndex,
        Self::SoftMaskRuns,
        Self::Taxa,
        Self::Membership,
        Self::Members,
        Self::Standing,
        Self::Unrepresented,
        Self::Groups,
        Self::Identities,
        Self::Coverages,
        Self::Shortcuts,
    ];

    /// The number on disk.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the enum is `repr(u32)`")]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The kind with this number, if it has a meaning.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// What FORMAT.md says of the kind.
    #[must_use]
    pub const fn rules(self) -> KindRules {
        use SectionKind as K;
        let (name, item_sizes, checksum_kind, always, per_record): (_, &'static [u32], _, _, _) = match self {
            K::HeaderTable => ("header table", &[16], CHECKSUM_PAGES, true, true),
            K::Lengths => ("lengths", &[4, 8], CHECKSUM_PAGES, true, true),
            K::Offsets => ("offsets", &[8], CHECKSUM_PAGES, true, true),
            K::PhysicalOrder => ("physical order", &[4, 8], CHECKSUM_PAGES, false, true),
            K::SequenceDirectory => ("sequence directory", &[32], CHECKSUM_PAGES, true, false),
            K::SequenceBlocks => ("sequence blocks", &[1], CHECKSUM_BLOCKS, true, false),
            K::TextDirectory => ("text directory", &[32], CHECKSUM_PAGES, true, false),
            K::TextBlocks => ("text blocks", &[1], CHECKSUM_BLOCKS, true, false),
            K::LayoutDirectory => ("layout directory", &[32], CHECKSUM_PAGES, false, false),
            K::LayoutBlocks => ("layout blocks", &[1], CHECKSUM_BLOCKS, false, false),
            K::DeltaDirectory => ("delta directory", &[32], CHECKSUM_PAGES, false, false),
            K::DeltaBlocks => ("delta blocks", &[1], CHECKSUM_BLOCKS, false, false),
            K::LayoutIndex => ("layout index", &[16], CHECKSUM_PAGES, false, false),
            K::KeyBuckets => ("key buckets", &[4, 8], CHECKSUM_PAGES, true, false),
            K::KeyEntries => ("key entries", &[8], CHECKSUM_PAGES, true, false),
            K::Sources => ("sources", &[128], CHECKSUM_WHOLE, true, false),
            K::Strings => ("strings", &[1], CHECKSUM_WHOLE, true, false),
            K::Provenance => ("provenance", &[1], CHECKSUM_WHOLE, true, false),
            K::DictionaryDirectory => ("dictionary directory", &[32], CHECKSUM_WHOLE, false, false),
            K::DictionaryBytes => ("dictionary bytes", &[1], CHECKSUM_WHOLE, false, false),
            K::PageChecksums => ("page checksums", &[4], CHECKSUM_WHOLE, true, false),
            K::GcContent => ("GC content", &[4], CHECKSUM_PAGES, false, true),
            K::Complexity => ("complexity", &[4], CHECKSUM_PAGES, false, true),
            K::Digests => ("digests", &[24], CHECKSUM_PAGES, false, true),
            K::SoftMaskIndex => ("soft-mask index", &[8], CHECKSUM_PAGES, false, false),
            K::SoftMaskRuns => ("soft-mask runs", &[16], CHECKSUM_PAGES, false, false),
            K::Taxa => ("taxa", &[4], CHECKSUM_PAGES, false, true),
            K::Membership => ("membership", &[8, 12, 16], CHECKSUM_PAGES, false, true),
            K::Members => ("members", &[4, 8], CHECKSUM_PAGES, false, false),
            K::Standing => ("standing", &[64], CHECKSUM_PAGES, false, false),
            K::Unrepresented => ("unrepresented", &[8], CHECKSUM_PAGES, false, false),
            K::Groups => ("groups", &[4, 8], CHECKSUM_PAGES, false, false),
            K::Identities => ("identities", &[2], CHECKSUM_PAGES, false, false),
            K::Coverages => ("coverages", &[2], CHECKSUM_PAGES, false, false),
            K::Shortcuts => ("shortcuts", &[16], CHECKSUM_PAGES, false, false),
        };
        KindRules { name, item_sizes, checksum_kind, always, per_record }
    }
}
