//! The bytes: gaps, sections, pages, blocks.

use std::ops::Range;

use rayon::prelude::*;
use talaria_db_spec::checksum::crc32;
use talaria_db_spec::forever::{HEADER_SIZE, PAGE, TRAILER_SIZE};
use talaria_db_spec::section::{CHECKSUM_PAGES, CHECKSUM_WHOLE, SectionKind};
use talaria_db_spec::validate::Section;

use super::{Findings, Level};
use crate::database::Database;
use crate::read::stream::{Stream, StreamKind};

/// Bytes of a gap that are looked at together.
const PIECE: u64 = 1 << 20;

impl Database {
    /// Every byte that belongs to nothing is zero (F-2).
    pub(super) fn verify_gaps(&self, findings: &Findings) {
        let header = self.container().header();
        let last = header.file_length.get() - TRAILER_SIZE;
        let mut used = vec![(0, HEADER_SIZE), (header.table_offset.get(), u64::from(header.section_count.get()) * 64)];
        used.extend(self.container().sections().iter().map(|section| (section.offset, section.length)));
        let unknown = self.container().unknown_sections();
        used.extend(unknown.iter().map(|entry| (entry.offset.get(), entry.length.get())));
        used.push((last, 0));
        used.sort_unstable();
        let mut end = 0;
        for (offset, length) in used {
            while end < offset {
                let piece = (offset - end).min(PIECE);
                let Some(bytes) = findings.note(self.bytes(end, piece as usize)) else { break };
                if let Some(at) = bytes.iter().position(|&byte| byte != 0) {
                    let got = bytes.get(at).copied().unwrap_or_default();
                    findings.add(self.broken("file", "byte between sections", "F-2", end + at as u64, got.into(), 0));
                }
                end += piece;
            }
            end = end.max(offset + length);
        }
    }

    pub(super) fn verify_whole_sections(&self, findings: &Findings) {
        for section in self.container().sections() {
            if section.kind.rules().checksum_kind == CHECKSUM_WHOLE {
                let name = section.kind.rules().name;
                self.verify_whole(name, section.offset..section.offset + section.length, section.checksum, findings);
            }
        }
        for entry in self.container().unknown_sections() {
            if entry.checksum_kind.get() == CHECKSUM_WHOLE {
                let (start, length) = (entry.offset.get(), entry.length.get());
                self.verify_whole("section", start..start + length, entry.checksum.get(), findings);
            }
        }
        findings.note(self.sources());
        findings.note(self.provenance());
        let dictionaries =
            self.container().section(SectionKind::DictionaryDirectory).map_or(0, |section| section.item_count);
        for number in 1..=dictionaries {
            findings.note(self.dictionary(u16::try_from(number).unwrap_or(u16::MAX)));
        }
    }

    /// The checksum of a range, a piece at a time.
    fn verify_whole(&self, name: &'static str, range: Range<u64>, expected: u32, findings: &Findings) {
        let mut hasher = crc32fast::Hasher::new();
        let mut start = range.start;
        while start < range.end {
            let piece = (range.end - start).min(PIECE);
            let Some(bytes) = findings.note(self.bytes(start, piece as usize)) else { return };
            hasher.update(&bytes);
            start += piece;
        }
        let got = hasher.finalize();
        if got != expected {
            findings.add(self.broken(name, "checksum", "S-9", range.start, got.into(), expected.into()));
        }
    }

    /// Every page against its checksum, and every section's run of page checksums against the table.
    pub(super) fn verify_pages(&self, findings: &Findings) -> u64 {
        let Some(checksums) = self.container().section(SectionKind::PageChecksums) else { return 0 };
        let mut pages = 0;
        for section in self.container().sections() {
            if section.kind.rules().checksum_kind != CHECKSUM_PAGES {
                continue;
            }
            pages += section.pages();
            (0..section.pages()).into_par_iter().for_each(|page| {
                findings.note(self.page(section, page));
            });
            let run = (section.first_page, section.pages(), section.checksum);
            self.verify_run(checksums, section.kind.rules().name, run, findings);
        }
        pages += self.verify_unknown_pages(checksums, findings);
        let expected = checksums.item_count;
        findings.expect(self, ("page checksums", "item_count"), "S-8", pages, expected);
        pages
    }

    /// Every frame of every packed column.
    pub(super) fn verify_packed(&self, findings: &Findings) {
        for column in self.container().sections().iter().filter_map(|section| self.packed_column(section)) {
            column.verify(&|result| {
                findings.note(result);
            });
        }
    }

    /// The pages of sections that this version does not know, which are checked like all others.
    fn verify_unknown_pages(&self, checksums: &Section, findings: &Findings) -> u64 {
        let mut pages = 0;
        for entry in self.container().unknown_sections() {
            if entry.checksum_kind.get() != CHECKSUM_PAGES {
                continue;
            }
            let (first, length) = (entry.first_page.get(), entry.length.get());
            let count = length.div_ceil(PAGE);
            for page in 0..count {
                let start = page * PAGE;
                let bytes = self.bytes(entry.offset.get() + start, (length - start).min(PAGE) as usize);
                let stored = self.bytes(checksums.offset + (first + page) * 4, 4);
                let (Some(bytes), Some(stored)) = (findings.note(bytes), findings.note(stored)) else { continue };
                let (got, expected) = (crc32(&bytes), stored.as_ref().try_into().map_or(0, u32::from_le_bytes));
                if got != expected {
                    findings.add(self.broken("section", "page checksum", "S-9", page, got.into(), expected.into()));
                }
            }
            self.verify_run(checksums, "section", (first, count, entry.checksum.get()), findings);
            pages += count;
        }
        pages
    }

    /// A section's run of page checksums (first page, pages, checksum) against the table.
    fn verify_run(&self, checksums: &Section, name: &'static str, run: (u64, u64, u32), findings: &Findings) {
        let (first, count, expected) = run;
        let Some(bytes) = findings.note(self.bytes(checksums.offset + first * 4, (count * 4) as usize)) else { return };
        let got = crc32(&bytes);
        if got != expected {
            findings.add(self.broken(name, "checksum of page checksums", "S-9", 0, got.into(), expected.into()));
        }
    }

    /// The directory of a stream and its blocks.
    pub(super) fn verify_stream(
        &self,
        kind: StreamKind,
        level: Level,
        findings: &Findings,
        damaged: &mut Vec<(StreamKind, u64)>,
    ) -> u64 {
        let Some(stream) = Stream::find(self.container(), kind) else { return 0 };
        let blocks = stream.directory.item_count;
        let (mut decoded, mut slot) = (0, 0);
        // Where the next block is to start; not known after an entry that cannot be read.
        let (mut offset, mut whole) = (Some(0), true);
        let slots = if kind == StreamKind::Layout { self.layout_count() } else { self.len() };
        for number in 0..blocks {
            let Some(entry) = findings.note(self.block_entry(&stream, number)) else {
                (offset, whole) = (None, false);
                continue;
            };
            if let Some(expected) = offset.filter(|&expected| expected != entry.offset.get()) {
                findings.add(self.broken(kind.name(), "offset", "B-1", number, entry.offset.get(), expected));
            }
            if entry.first_slot.get() < slot || entry.first_slot.get() > slots {
                findings.add(self.broken(kind.name(), "first_slot", "B-6", number, entry.first_slot.get(), slot));
            }
            findings.note(self.check_packing(&stream, number, &entry));
            offset = Some(entry.offset.get().saturating_add(entry.stored_length.get().into()));
            decoded += u64::from(entry.decoded_length.get());
            slot = entry.first_slot.get();
        }
        if let Some(end) = offset {
            findings.expect(self, (kind.name(), "end of the last block"), "B-1", end, stream.blocks.length);
        }
        if kind == StreamKind::Sequence && whole {
            let expected = self.container().header().stored_residue_count.get();
            findings.expect(self, ("header", "stored_residue_count"), "B-7", decoded, expected);
        }
        let mut broken: Vec<u64> = (0..blocks)
            .into_par_iter()
            .filter(|&number| findings.note(self.verify_block(&stream, number, level)).is_none())
            .collect();
        broken.sort_unstable();
        damaged.extend(broken.into_iter().map(|number| (kind, number)));
        blocks
    }

    fn verify_block(&self, stream: &Stream, number: u64, level: Level) -> crate::Result<()> {
        if level == Level::Everything {
            // Header texts are looked at twice more: by record, and as part of the sources.
            let keeps = stream.kind == StreamKind::Text && self.keeps_texts();
            return if keeps {
                self.block(stream, number).map(|_| ())
            } else {
                self.decode_block(stream, number).map(|_| ())
            };
        }
        let entry = self.block_entry(stream, number)?;
        self.stored_block(stream, number, &entry).map(|_| ())
    }
}
