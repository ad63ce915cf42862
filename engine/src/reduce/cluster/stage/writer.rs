//! Writing a file of a stage.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | [`MAGIC`] |
//! | 8 | [`VERSION`] |
//! | | the sections: items, then what says of what comes before ([`super::head`]) |
//! | 96 | of each section: where it begins, where its items end, where its index ends, how many items |
//! | 8 | XXH3 of the first 16 bytes and of the 96 before |
//! | 8 | [`END`] |
//!
//! Integers are little-endian. A section's items lie in frames, as in temporary files ([`crate::write::spill`]), each
//! with its length and a CRC-32; after them lies their index, in frames too: the first number of each frame's first
//! item, and where the frame is. So what is sorted is read from any item on. The form is private to the program: only
//! the version that wrote a file reads it.

use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use super::super::graph::Link;
use super::head::Head;
use crate::error::Result;
use crate::memory::budget::{Budget, Lease};
use crate::write::publish::Unpublished;
use crate::write::spill::{FRAME, FrameWriter, SortRecord};

/// The first bytes: no text, and damaged by whoever takes it for some.
pub(super) const MAGIC: [u8; 8] = *b"\x89TDBSTG\n";
/// The last ones: a file that has them is complete.
pub(super) const END: [u8; 8] = *b"TDBSTGE\n";
/// Of the form.
pub(super) const VERSION: u64 = 1;
/// Bytes before the first section.
pub(super) const PREFIX: usize = 16;
/// Sections, the head last.
pub(super) const SECTIONS: usize = 3;
/// The section of the head.
pub(super) const HEAD: usize = SECTIONS - 1;
/// Bytes after the last section.
pub(super) const TRAILER: usize = SECTIONS * 32 + 16;

/// What a section has, told by its first number.
pub(super) trait Item: SortRecord {
    /// By which it is sorted, first.
    fn first(&self) -> u64;
}

impl Item for (u64, u64) {
    fn first(&self) -> u64 {
        self.0
    }
}

impl Item for (u64, u64, u64) {
    fn first(&self) -> u64 {
        self.0
    }
}

impl Item for (u64, u64, u64, u64) {
    fn first(&self) -> u64 {
        self.0
    }
}

impl Item for Link {
    fn first(&self) -> u64 {
        self.representative.into()
    }
}

/// Where a section is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Section {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) index_end: u64,
    pub(super) items: u64,
}

impl Section {
    pub(super) fn numbers(self) -> [u64; 4] {
        [self.start, self.end, self.index_end, self.items]
    }
}

/// A file on its way.
#[derive(Debug)]
pub(super) struct StageWriter {
    file: Unpublished,
    at: u64,
    frames: FrameWriter,
    payload: Vec<u8>,
    /// First numbers and places of the frames of the section at hand.
    index: Vec<(u64, u64)>,
    first: u64,
    section: Section,
    sections: Vec<Section>,
    lease: Lease,
}

/// Bytes of memory beside the index.
const MEMORY: u64 = (FRAME + FrameWriter::memory(FRAME)) as u64;

impl StageWriter {
    pub(super) fn create(path: &Path, budget: &Budget) -> Result<Self> {
        let lease = budget.lease("writing a stage's file", MEMORY)?;
        let file = Unpublished::create(path)?;
        file.write_at(&prefix(), 0)?;
        Ok(Self {
            file,
            at: PREFIX as u64,
            frames: FrameWriter::new(FRAME),
            payload: Vec::with_capacity(FRAME),
            index: Vec::new(),
            first: 0,
            section: Section { start: PREFIX as u64, ..Section::default() },
            sections: Vec::new(),
            lease,
        })
    }

    /// Adds an item to the section at hand.
    pub(super) fn push(&mut self, item: &impl Item) -> Result<()> {
        self.push_bytes(item.first(), |into| item.write(into), size_of_item(item))
    }

    fn push_bytes(&mut self, first: u64, write: impl FnOnce(&mut [u8]), size: usize) -> Result<()> {
        let at = self.payload.len();
        if at + size > FRAME {
            self.end_frame()?;
        }
        let at = self.payload.len();
        if at == 0 {
            self.first = first;
        }
        self.payload.resize(at + size, 0);
        write(&mut self.payload[at..]);
        self.section.items += 1;
        Ok(())
    }

    fn end_frame(&mut self) -> Result<()> {
        if !self.payload.is_empty() {
            if self.index.len() == self.index.capacity() {
                let more = self.index.capacity().max(256);
                self.lease.resize(MEMORY + ((self.index.len() + more) * size_of::<(u64, u64)>()) as u64)?;
                self.index.reserve_exact(more);
            }
            self.index.push((self.first, self.at));
            self.write_frame()?;
        }
        Ok(())
    }

    fn write_frame(&mut self) -> Result<()> {
        let frame = self.frames.encode(&self.payload);
        self.file.write_at(frame, self.at)?;
        self.at += frame.len() as u64;
        self.payload.clear();
        Ok(())
    }

    /// Ends the section at hand, and begins the next one.
    pub(super) fn end_section(&mut self) -> Result<()> {
        self.end_frame()?;
        self.section.end = self.at;
        for part in std::mem::take(&mut self.index).chunks(FRAME / 16) {
            for (first, place) in part {
                self.payload.extend_from_slice(&first.to_le_bytes());
                self.payload.extend_from_slice(&place.to_le_bytes());
            }
            self.write_frame()?;
        }
        self.lease.resize(MEMORY)?;
        self.section.index_end = self.at;
        self.sections.push(self.section);
        self.section = Section { start: self.at, ..Section::default() };
        Ok(())
    }

    /// Publishes the file, whose other sections are empty.
    pub(super) fn finish(mut self, head: &Head) -> Result<()> {
        while self.sections.len() < HEAD {
            self.end_section()?;
        }
        for byte in head.encode() {
            self.push_bytes(0, |into| into[0] = byte, 1)?;
        }
        self.end_section()?;
        let table = table(&self.sections);
        self.file.write_at(&[&table[..], &hash(&table).to_le_bytes(), &END].concat(), self.at)?;
        self.file.publish()
    }
}

const fn size_of_item<I: Item>(_: &I) -> usize {
    I::SIZE
}

/// The first bytes of a file.
pub(super) fn prefix() -> [u8; PREFIX] {
    let mut prefix = [0; PREFIX];
    prefix[..8].copy_from_slice(&MAGIC);
    prefix[8..].copy_from_slice(&VERSION.to_le_bytes());
    prefix
}

fn table(sections: &[Section]) -> Vec<u8> {
    sections.iter().flat_map(|section| section.numbers()).flat_map(u64::to_le_bytes).collect()
}

/// The hash that proves a table of sections.
pub(super) fn hash(table: &[u8]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(&prefix());
    hasher.update(table);
    hasher.digest()
}
