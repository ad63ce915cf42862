//! A complete file whose bytes are changed one by one, and of which only what lies above the change is sealed anew.
//!
//! The seals are, from below: the table's checksum in the header, the header's own, the copies of both in the
//! trailer, and the trailer's own. [`Image::change_entry`] seals all of them, [`Image::change_header`] the last
//! three, [`Image::change_trailer`] the last; through [`Image::bytes_mut`] nothing is sealed.

use std::ops::Range;

use talaria_db_spec::checksum::crc32;
use talaria_db_spec::header::Header;
use talaria_db_spec::section::{SectionEntry, SectionKind};
use talaria_db_spec::trailer::Trailer;
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, IntoBytes};

/// A file in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    bytes: Vec<u8>,
}

impl Image {
    /// A file of at least a header and a trailer.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        assert!(bytes.len() >= size_of::<Header>() + size_of::<Trailer>(), "no room for a header and a trailer");
        Self { bytes }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, to be changed without a seal.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> Header {
        Header::read_from_prefix(&self.bytes).expect("a header").0
    }

    /// The trailer.
    #[must_use]
    pub fn trailer(&self) -> Trailer {
        Trailer::read_from_suffix(&self.bytes).expect("a trailer").1
    }

    /// The section table.
    #[must_use]
    pub fn entries(&self) -> Vec<SectionEntry> {
        <[SectionEntry]>::ref_from_bytes(&self.bytes[self.table()]).expect("whole entries").to_vec()
    }

    /// The entry of a kind.
    #[must_use]
    pub fn entry(&self, kind: SectionKind) -> SectionEntry {
        let entry = self.entries().into_iter().find(|entry| entry.kind.get() == kind.number());
        entry.unwrap_or_else(|| panic!("no section {}", kind.rules().name))
    }

    /// Where a section lies.
    #[must_use]
    pub fn range(&self, entry: &SectionEntry) -> Range<usize> {
        let start = usize::try_from(entry.offset.get()).unwrap();
        start..start + usize::try_from(entry.length.get()).unwrap()
    }

    /// The bytes of a section, to be changed without a seal.
    pub fn section_mut(&mut self, kind: SectionKind) -> &mut [u8] {
        let range = self.range(&self.entry(kind));
        &mut self.bytes[range]
    }

    /// Changes the entry of a kind, and seals what lies above.
    pub fn change_entry(&mut self, kind: SectionKind, change: impl FnOnce(&mut SectionEntry)) {
        self.change_table(|entries| {
            let entry = entries.iter_mut().find(|entry| entry.kind.get() == kind.number());
            change(entry.unwrap_or_else(|| panic!("no section {}", kind.rules().name)));
        });
    }

    /// Changes the table without moving it, and seals what lies above.
    pub fn change_table(&mut self, change: impl FnOnce(&mut Vec<SectionEntry>)) {
        let (table, mut entries) = (self.table(), self.entries());
        change(&mut entries);
        self.bytes[table].copy_from_slice(entries.as_bytes());
        self.seal_table();
    }

    /// Changes the header, and seals it and the trailer.
    pub fn change_header(&mut self, change: impl FnOnce(&mut Header)) {
        let mut header = self.header();
        change(&mut header);
        header.header_checksum = U32::new(header.compute_checksum());
        self.bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
        let trailer = self.trailer();
        let mut sealed = Trailer::for_header(&header);
        sealed.unused = trailer.unused;
        self.put_trailer(sealed);
    }

    /// Changes the trailer, and seals it.
    pub fn change_trailer(&mut self, change: impl FnOnce(&mut Trailer)) {
        let mut trailer = self.trailer();
        change(&mut trailer);
        self.put_trailer(trailer);
    }

    /// Seals the table and what lies above.
    pub fn seal_table(&mut self) {
        let checksum = crc32(&self.bytes[self.table()]);
        self.change_header(|header| header.table_checksum = U32::new(checksum));
    }

    fn put_trailer(&mut self, mut trailer: Trailer) {
        trailer.trailer_checksum = U32::new(trailer.compute_checksum());
        let start = self.bytes.len() - size_of::<Trailer>();
        self.bytes[start..].copy_from_slice(trailer.as_bytes());
    }

    fn table(&self) -> Range<usize> {
        let header = self.header();
        let start = usize::try_from(header.table_offset.get()).unwrap();
        start..start + usize::try_from(header.section_count.get()).unwrap() * size_of::<SectionEntry>()
    }
}
