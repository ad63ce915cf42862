//! From untrusted bytes to a proof: the header page and the trailer become a [`Container`], or an error that names the
//! rule.
//!
//! What is checked here is what opening costs: the header, the trailer, and the section table, whatever the number of
//! records. Pages and blocks are compared with their checksums when they are first used, and everything else by
//! `verify`.

mod ends;
mod membership;
mod table;

use alloc::vec::Vec;

use zerocopy::FromBytes;

pub use self::ends::{header, trailer};
use crate::alphabet::Alphabet;
use crate::error::SpecError;
use crate::forever::PAGE;
use crate::header::Header;
use crate::packed_columns::{self, INDEX_ITEM};
use crate::section::{SectionEntry, SectionKind};
use crate::version;

/// Bytes of an entry of the section table.
const ENTRY: u64 = 64;

/// A container whose header, trailer and section table have been checked. It can be made in no other way.
#[derive(Debug, Clone)]
pub struct Container {
    header: Header,
    alphabet: Alphabet,
    sections: Vec<Section>,
    unknown: Vec<SectionEntry>,
}

/// A section that lies inside the file, with item size and count that fit its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// What it is.
    pub kind: SectionKind,
    /// File offset of the first byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// Bytes an item.
    pub item_size: u32,
    /// Items.
    pub item_count: u64,
    /// By the kind's checksum kind.
    pub checksum: u32,
    /// Index of its first page in the page checksums.
    pub first_page: u64,
    /// By the kind; zero for most.
    pub detail: u8,
    /// The lanes of its items, if it is packed.
    pub lanes: Option<&'static [u32]>,
}

impl Section {
    /// Where the frames of a packed section end and their index starts, from its first byte.
    #[must_use]
    pub const fn frames_end(&self) -> u64 {
        self.length.saturating_sub(packed_columns::frames(self.item_count).saturating_mul(INDEX_ITEM))
    }

    /// Pages of the section, if it is checked by pages.
    #[must_use]
    pub const fn pages(&self) -> u64 {
        self.length.div_ceil(PAGE)
    }
}

impl Container {
    /// Checks the section table `bytes` of a header that [`header`] has checked.
    ///
    /// # Errors
    /// H-10 or one of S-1 to S-10, K-4, M-1, M-6 to M-8, W-1.
    pub fn new(header: Header, bytes: &[u8]) -> Result<Self, SpecError> {
        let checksum = crate::checksum::crc32(bytes);
        if header.table_checksum.get() != checksum {
            let got = header.table_checksum.get().into();
            return Err(SpecError::violation("header", "table_checksum", "H-10", 0, got, checksum.into()));
        }
        let alphabet = Alphabet::from_byte(header.alphabet)?;
        let mut container = Self { header, alphabet, sections: Vec::new(), unknown: Vec::new() };
        let mut before = 0;
        for (index, chunk) in bytes.chunks(64).enumerate() {
            let Ok(entry) = SectionEntry::read_from_bytes(chunk) else {
                let got = number_of(chunk.len());
                return Err(SpecError::violation("section table", "length", "H-9", number_of(index), got, ENTRY));
            };
            let kind = entry.kind.get();
            if kind <= before {
                let (at, got, expected) = (number_of(index), kind.into(), u64::from(before) + 1);
                return Err(SpecError::violation("section table", "kind", "S-1", at, got, expected));
            }
            before = kind;
            container.place(&entry, number_of(index))?;
        }
        container.check_overlaps()?;
        container.check_presence()?;
        container.check_pages()?;
        Ok(container)
    }

    /// The checked header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The alphabet.
    #[must_use]
    pub const fn alphabet(&self) -> Alphabet {
        self.alphabet
    }

    /// Whether records may be deltas.
    #[must_use]
    pub fn has_deltas(&self) -> bool {
        self.header.required_features.get() & version::REQUIRED_DELTAS != 0
    }

    /// Whether columns are packed.
    #[must_use]
    pub fn has_packed_columns(&self) -> bool {
        self.header.required_features.get() & version::REQUIRED_PACKED_COLUMNS != 0
    }

    /// Whether who stands for whom is said in the compact form.
    #[must_use]
    pub fn has_compact_membership(&self) -> bool {
        self.header.required_features.get() & version::REQUIRED_COMPACT_MEMBERSHIP != 0
    }

    /// All sections of known kinds, by kind.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Entries of kinds that this version does not know and may ignore.
    #[must_use]
    pub fn unknown_sections(&self) -> &[SectionEntry] {
        &self.unknown
    }

    /// Whether the file says which record stands for which.
    #[must_use]
    pub fn has_membership(&self) -> bool {
        self.section(SectionKind::Members).is_some()
    }

    /// The section of this kind, if there is one.
    #[must_use]
    pub fn section(&self, kind: SectionKind) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == kind)
    }
}

fn number_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
