//! What is known of an input before it is read.
//!
//! Of a container: its header, its section table and its column of lengths. Of FASTA: its length and its first
//! [`SAMPLE`] bytes, from which the rest is guessed.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::block::BlockEntry;
use talaria_db_spec::keys;
use talaria_db_spec::section::SectionKind;

use crate::column::Columns;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::fasta::alphabet::Composition;
use crate::fasta::input::Compression;
use crate::write::assemble::Shape;

/// Bytes of FASTA that are looked at.
const SAMPLE: u64 = 1 << 20;
/// What a compressed file is guessed to be when it is not.
const EXPANSION: u64 = 4;
/// Bytes of a record, if nothing can be seen of any.
const RECORD: u64 = 400;
/// Names of a record of FASTA.
const NAMES: u64 = 3;

/// What is known of an input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) records: u64,
    pub(crate) residues: u64,
    /// Residues of the longest record, or as many as matter.
    pub(crate) longest: u64,
    /// Names in the index of keys.
    pub(crate) names: u64,
    /// Decoded bytes of header texts and layout scripts.
    pub(crate) texts: u64,
    /// Bytes of the container.
    pub(crate) container: u64,
    /// The shape of what is made of it.
    pub(crate) shape: Shape,
    pub(crate) columns: Columns,
    pub(crate) alphabet: Alphabet,
    /// The largest nominal size of a block.
    pub(crate) nominal: u32,
    /// Whether it is guessed.
    pub(crate) guessed: bool,
}

impl Known {
    pub(super) fn of_container(database: &Database, shape: Shape, longest: u64) -> Self {
        let section = |kind| database.container().section(kind).map_or(0, |section| section.length);
        let header = database.container().header();
        let blocks = [SectionKind::TextDirectory, SectionKind::LayoutDirectory]
            .map(|directory| section(directory) / size_of::<BlockEntry>() as u64);
        let nominal = shape.sequence_block.max(shape.text_block);
        Self {
            records: database.len(),
            residues: database.residue_count(),
            longest,
            // A name that a record has twice is in the index once.
            names: section(SectionKind::KeyEntries) / 8 + database.len(),
            texts: blocks.iter().sum::<u64>().saturating_mul(shape.text_block.into()),
            container: header.file_length.get(),
            shape,
            columns: database.columns_kept(),
            alphabet: database.alphabet(),
            nominal: database.deltas().map_or(nominal, |deltas| nominal.max(deltas.nominal)),
            guessed: false,
        }
    }

    /// # Errors
    /// [`Error::Option`] for what is no regular file, [`Error::Io`].
    pub(super) fn of_fasta(path: &Path, shape: Shape) -> Result<Self> {
        let open = |path| File::open(path).map_err(Error::io(path, "open"));
        let file = match path == Path::new("-") {
            true => None,
            false => Some(open(path)?),
        };
        let length = match &file {
            Some(file) => {
                let metadata = file.metadata().map_err(Error::io(path, "look at"))?;
                metadata.is_file().then_some(metadata.len())
            }
            None => None,
        };
        let (Some(file), Some(length)) = (file, length) else {
            let reason = format!("{} cannot be looked at without being read: give a file", path.display());
            return Err(Error::Option { option: "--estimate", reason });
        };
        let mut first = Vec::new();
        file.take(SAMPLE).read_to_end(&mut first).map_err(Error::io(path, "read"))?;
        let compression = Compression::detect(first.get(..Compression::DETECTED_FROM).unwrap_or(&first));
        let plain = matches!(compression, Compression::None);
        let (text, sample) = if plain { (length, Sample::of(&first)) } else { (length * EXPANSION, Sample::default()) };
        let records = sample.scaled(sample.records, text, text.div_ceil(RECORD));
        let residues = sample.scaled(sample.residues, text, text);
        Ok(Self {
            records,
            residues,
            longest: sample.longest,
            names: records.saturating_mul(NAMES),
            texts: sample.scaled(sample.headers, text, text),
            container: text.saturating_add(records * 64),
            shape,
            columns: Columns::default(),
            alphabet: sample.composition.alphabet(),
            nominal: shape.sequence_block.max(shape.text_block),
            guessed: true,
        })
    }

    /// Bytes on disk at most of what waits for its place in a container of these records, but for the residues.
    pub(crate) fn waiting(&self) -> u64 {
        let item = size_of::<BlockEntry>() as u64;
        let entries = (self.residues / u64::from(self.shape.sequence_block)).saturating_mul(2)
            + self.texts / u64::from(self.shape.text_block)
            + 8;
        // Items of the header table, lengths, offsets and places of layouts.
        let columns = self.records.saturating_mul(16 + 8 + 8 + 16 + 8 * self.columns.count());
        let buckets = self.names.div_ceil(keys::ENTRIES_PER_BUCKET).saturating_add(2).saturating_mul(8);
        let pages = self.residues.saturating_add(self.texts).saturating_add(columns) / 1024;
        let all = [self.texts, entries.saturating_mul(item), columns, buckets, pages];
        let all = all.into_iter().fold(0, u64::saturating_add);
        // Headers of frames.
        all.saturating_add(all / 1024)
    }
}

/// What the first bytes of a FASTA file hold.
#[derive(Debug, Default)]
struct Sample {
    bytes: u64,
    records: u64,
    residues: u64,
    headers: u64,
    longest: u64,
    composition: Composition,
}

impl Sample {
    fn of(bytes: &[u8]) -> Self {
        let mut sample = Self { bytes: bytes.len() as u64, ..Self::default() };
        let mut length = 0;
        for line in bytes.split(|&byte| byte == b'\n') {
            if line.starts_with(b">") {
                sample.records += 1;
                sample.headers += line.len() as u64;
                length = 0;
            } else {
                length += line.len() as u64;
                sample.residues += line.len() as u64;
                sample.longest = sample.longest.max(length);
                sample.composition.add(&Composition::of(line));
            }
        }
        sample
    }

    /// What `count` comes to in `text` bytes; `unseen` if nothing was seen.
    fn scaled(&self, count: u64, text: u64, unseen: u64) -> u64 {
        let scaled = u128::from(count) * u128::from(text);
        match scaled.checked_div(u128::from(self.bytes)) {
            Some(scaled) => u64::try_from(scaled).unwrap_or(u64::MAX),
            None => unseen,
        }
    }
}
