//! Where things are in a container: what its header, trailer and section table say, found once when it is opened.

use std::ops::Range;
use std::path::Path;

use talaria_db_spec::SpecError;
use talaria_db_spec::forever::{HEADER_PAGE, TRAILER_SIZE};
use talaria_db_spec::section::{CHECKSUM_PAGES, SectionKind};
use talaria_db_spec::validate::{self, Container, Section};

use super::Database;
use crate::error::{Error, Result};
use crate::read::storage::Storage;
use crate::read::stream::{Stream, StreamKind};

/// The sections that every lookup uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sections {
    pub(crate) header_table: Section,
    pub(crate) lengths: Section,
    pub(crate) offsets: Section,
    pub(crate) key_buckets: Section,
    pub(crate) key_entries: Section,
    pub(crate) layout_index: Option<Section>,
    pub(crate) physical_order: Option<Section>,
    pub(super) sequences: Stream,
    pub(super) texts: Stream,
    pub(super) layouts: Option<Stream>,
    pub(super) deltas: Option<Stream>,
}

impl Sections {
    /// Nominal size of the largest blocks.
    pub(super) fn largest_block(&self) -> u32 {
        let largest = self.sequences.nominal.max(self.texts.nominal);
        self.deltas.map_or(largest, |deltas| largest.max(deltas.nominal))
    }

    pub(super) fn of(container: &Container, path: &Path) -> Result<Self> {
        let section = |kind| required(container, kind, path);
        let stream = |kind| Stream::find(container, kind).ok_or_else(|| missing(StreamKind::sections(kind).0, path));
        Ok(Self {
            header_table: section(SectionKind::HeaderTable)?,
            lengths: section(SectionKind::Lengths)?,
            offsets: section(SectionKind::Offsets)?,
            key_buckets: section(SectionKind::KeyBuckets)?,
            key_entries: section(SectionKind::KeyEntries)?,
            layout_index: container.section(SectionKind::LayoutIndex).copied(),
            physical_order: container.section(SectionKind::PhysicalOrder).copied(),
            sequences: stream(StreamKind::Sequence)?,
            texts: stream(StreamKind::Text)?,
            layouts: Stream::find(container, StreamKind::Layout),
            deltas: Stream::find(container, StreamKind::Delta),
        })
    }
}

impl Database {
    pub(crate) fn sections(&self) -> &Sections {
        &self.inner.sections
    }

    pub(crate) fn sequences(&self) -> &Stream {
        &self.inner.sections.sequences
    }

    pub(crate) fn texts(&self) -> &Stream {
        &self.inner.sections.texts
    }

    pub(crate) fn layouts(&self) -> Option<&Stream> {
        self.inner.sections.layouts.as_ref()
    }

    pub(crate) fn deltas(&self) -> Option<&Stream> {
        self.inner.sections.deltas.as_ref()
    }
}

pub(super) fn read_container(path: &Path, storage: &Storage) -> Result<Container> {
    let read = |offset, length| storage.bytes(offset, length).map_err(Error::io(path, "read"));
    let length = storage.len();
    let page = read(0, usize::try_from(length.min(HEADER_PAGE)).unwrap_or(0))?;
    let header = validate::header(&page, length).map_err(Error::format(path))?;
    let trailer = read(length - TRAILER_SIZE, TRAILER_SIZE as usize)?;
    validate::trailer(&trailer, &header).map_err(Error::format(path))?;
    let table = read(header.table_offset.get(), header.section_count.get() as usize * 64)?;
    Container::new(header, &table).map_err(Error::format(path))
}

/// Where columns, directories and indexes lie, and the checksums of their pages: all that is read through pages.
pub(super) fn hot_parts(container: &Container) -> Vec<Range<u64>> {
    let is_hot = |kind: SectionKind| kind.rules().checksum_kind == CHECKSUM_PAGES || kind == SectionKind::PageChecksums;
    let hot = container.sections().iter().filter(|section| is_hot(section.kind));
    hot.map(|section| section.offset..section.offset.saturating_add(section.length)).collect()
}

pub(super) fn required(container: &Container, kind: SectionKind, path: &Path) -> Result<Section> {
    container.section(kind).copied().ok_or_else(|| missing(kind, path))
}

fn missing(kind: SectionKind, path: &Path) -> Error {
    let violation = SpecError::violation("section table", kind.rules().name, "S-7", kind.number().into(), 0, 1);
    Error::Format { path: path.to_path_buf(), violation }
}
