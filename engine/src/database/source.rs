//! What a container was made from, and how.

use talaria_db_spec::section::SectionKind;
use talaria_db_spec::source::{LineEnd, SourceEntry};
use zerocopy::FromBytes;

use super::Database;
use crate::error::{Error, Result};

/// A file that the container was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, without folders.
    pub name: String,
    /// The bytes before its first record.
    pub preamble: Vec<u8>,
    /// Its length, decompressed.
    pub byte_length: u64,
    /// Ordinal of its first record.
    pub first_record: u64,
    /// Records.
    pub record_count: u64,
    /// Residues a line in regular records; 0: one line.
    pub line_width: u64,
    /// How its lines end.
    pub line_end: LineEnd,
    /// How it was compressed: 0 not, 1 gzip, 2 Zstandard, 3 xz, 4 bzip2.
    pub compression: u8,
    /// SHA-256 of its decompressed bytes.
    pub sha256: [u8; 32],
}

impl Database {
    /// The files that it was made from, in order.
    ///
    /// # Errors
    /// Rule S-9 or one of P-1 to P-3.
    pub fn sources(&self) -> Result<Vec<Source>> {
        let strings = self.whole_section(SectionKind::Strings)?;
        let bytes = self.whole_section(SectionKind::Sources)?;
        let (mut first_record, mut start) = (0_u64, 0);
        let mut sources = Vec::new();
        for (index, chunk) in bytes.chunks_exact(128).enumerate() {
            let Ok(entry) = SourceEntry::read_from_bytes(chunk) else { continue };
            let index = index as u64;
            start =
                entry.check(index, start, strings.len() as u64, first_record).map_err(Error::format(self.path()))?;
            let text = |offset: u64, length: u32| {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                strings.get(start..start.saturating_add(length as usize)).unwrap_or_default()
            };
            first_record = first_record.saturating_add(entry.record_count.get());
            sources.push(Source {
                name: String::from_utf8_lossy(text(entry.name_offset.get(), entry.name_length.get())).into_owned(),
                preamble: text(entry.preamble_offset.get(), entry.preamble_length.get()).to_vec(),
                byte_length: entry.byte_length.get(),
                first_record: entry.first_record.get(),
                record_count: entry.record_count.get(),
                line_width: entry.line_width.get(),
                line_end: LineEnd::from_byte(entry.line_end, index).map_err(Error::format(self.path()))?,
                compression: entry.compression,
                sha256: entry.digest,
            });
        }
        if first_record != self.len() {
            return Err(self.broken("sources", "record_count", "P-2", 0, first_record, self.len()));
        }
        Ok(sources)
    }

    /// How the container came to be: lines of key and value.
    ///
    /// # Errors
    /// Rule S-9.
    pub fn provenance(&self) -> Result<Vec<(String, String)>> {
        let bytes = self.whole_section(SectionKind::Provenance)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect())
    }
}
