//! What a container says of its records beside where their residues are: header texts and names, lengths, layout,
//! optional columns.
//!
//! All of it waits in spill buffers and in an external sort until the file is sealed, so that memory does not grow with
//! the number of records.

use std::sync::Arc;

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::block::BlockEntry;
use talaria_db_spec::columns::{FLAG_IRREGULAR, HeaderEntry};
use talaria_db_spec::keys;
use talaria_db_spec::layout::LayoutEntry;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};
use zstd::zstd_safe;

use crate::column::{Column, Columns};
use crate::error::{Error, Result};
use crate::memory::zstandard;
use crate::sys::anonymous::{AnonymousMemory, PageSize};
use crate::sys::dictionary;
use crate::write::cut::{CutBlock, Cutter};
use crate::write::encode::{Compression, EncodedBlock, EncodingDictionary, encode_bytes};
use crate::write::measure::Measures;
use crate::write::preset::TEXT_BLOCK;
use crate::write::sequences::{Shape, block_entry};
use crate::write::spill::{Sorter, Spill, SpillBuffer};

/// Least level at which header texts and layout scripts are compressed: level 1 takes a twentieth more, level 3 a four
/// hundredth less for half as much time again.
const TEXT_LEVEL: i32 = 2;
/// Level from which the content of a dictionary is chosen. Below it is the first texts, with tables for those that
/// follow: that takes a millisecond, where choosing takes as long as building ten megabytes, and texts of proteins take
/// a two hundredth more.
const TRAINED_FROM: i32 = 10;
/// Bytes of header text from which a dictionary is worth its place.
const DICTIONARY_FROM: usize = 128 << 10;
/// Bytes of a dictionary whose content is chosen.
const TRAINED_SIZE: usize = 32 << 10;
/// Most bytes of first texts in a dictionary: texts take a hundredth to a tenth less than with half of that.
const MOST_FIRST: usize = 64 << 10;
/// What part of the texts that are at hand may be in it.
const FIRST_PART: usize = 4;
/// Bytes of texts for which it has tables.
const TABLED: usize = 128 << 10;
/// Its number, as frames name it: the least that is nobody's.
const DICTIONARY_NUMBER: u32 = 1 << 15;
/// More than the library takes for that: three tables of frequencies, and what it compresses with.
const TRAINING: usize = 24 << 20;
/// Bytes of a sample that a dictionary is trained on.
const DICTIONARY_SAMPLE: usize = 2 << 10;

/// Which of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Text,
    Layout,
}

/// A full block of one of them, before it is encoded and after.
pub(super) struct Cut(Side, CutBlock);
pub(super) struct Encoded(Side, u64, EncodedBlock);

/// One stream on its way.
#[derive(Debug)]
pub(super) struct Stream {
    cutter: Cutter,
    pub(super) directory: SpillBuffer,
    pub(super) blocks: SpillBuffer,
    /// Bytes of all stored blocks.
    stored: u64,
}

impl Stream {
    fn new(nominal: u32, directory: &'static str, blocks: &'static str, spill: &Spill) -> Result<Self> {
        let buffer = |what| SpillBuffer::column(spill, what);
        Ok(Self { cutter: Cutter::new(nominal), directory: buffer(directory)?, blocks: buffer(blocks)?, stored: 0 })
    }

    fn write(&mut self, first_slot: u64, block: &EncodedBlock) -> Result<()> {
        let entry: BlockEntry = block_entry(block, self.stored, first_slot);
        self.directory.write(entry.as_bytes())?;
        self.stored += block.stored.len() as u64;
        self.blocks.write(&block.stored)
    }
}

/// What encodes blocks of either stream, while others are filled.
pub(super) struct Encoder {
    compression: Compression,
    dictionary: Option<Arc<EncodingDictionary>>,
}

impl Encoder {
    pub(super) fn encode(&self, Cut(side, cut): &Cut) -> Result<Encoded> {
        let dictionary = self.dictionary.as_deref().filter(|_| *side == Side::Text);
        Ok(Encoded(*side, cut.first_slot, encode_bytes(&cut.bytes, self.compression, dictionary)?))
    }
}

/// The descriptions of records on their way.
pub(super) struct Described {
    pub(super) texts: Stream,
    pub(super) layouts: Stream,
    pub(super) layout_index: SpillBuffer,
    pub(super) lengths: SpillBuffer,
    pub(super) gc_content: Option<SpillBuffer>,
    /// Two numbers a record, of which one is written when it is known what the residues are.
    pub(super) complexity: Option<SpillBuffer>,
    pub(super) names: Sorter<(u64, u64)>,
    pub(super) dictionary: Option<Vec<u8>>,
    pub(super) longest: u64,
    compression: Compression,
    encoding_dictionary: Option<Arc<EncodingDictionary>>,
    may_have_dictionary: bool,
    irregular: u64,
}

impl Described {
    /// Most bytes that its buffers keep in memory with these columns.
    pub(super) const fn memory(columns: Columns) -> u64 {
        (6 + columns.count()) * SpillBuffer::column_memory()
    }

    /// With these optional columns. `names_memory` bytes are for sorting the names.
    pub(super) fn new(shape: &Shape, columns: Columns, spill: &Spill, names_memory: usize) -> Result<Self> {
        let buffer = |what| SpillBuffer::column(spill, what);
        let optional = |column, what| columns.contains(column).then(|| buffer(what)).transpose();
        Ok(Self {
            texts: Stream::new(shape.text_block, "the text directory", "text blocks", spill)?,
            layouts: Stream::new(shape.text_block, "the layout directory", "layout blocks", spill)?,
            layout_index: buffer("the layout index")?,
            lengths: buffer("the lengths")?,
            gc_content: optional(Column::GcContent, "the GC contents")?,
            complexity: optional(Column::Complexity, "the complexities")?,
            names: Sorter::new(spill, "sorting names", names_memory)?,
            dictionary: None,
            longest: 0,
            compression: text_compression(shape.compression),
            encoding_dictionary: None,
            may_have_dictionary: true,
            irregular: 0,
        })
    }

    /// Places a header text and its names.
    pub(super) fn header(&mut self, ordinal: u64, header: &[u8], id_length: u16) -> Result<HeaderEntry> {
        let text = self.texts.cutter.push(header, ordinal)?;
        let text_length = u32::try_from(header.len()).map_err(|_| Error::OutOfRange {
            what: "byte of a header line",
            got: header.len() as u64,
            count: u32::MAX.into(),
        })?;
        let (names, mut pushed) = (&mut self.names, Ok(()));
        keys::for_each_name(header, |name, _| {
            if pushed.is_ok() {
                pushed = names.push((keys::hash(name), ordinal));
            }
        });
        pushed?;
        Ok(HeaderEntry {
            text: U64::new(text.bits()),
            text_length: U32::new(text_length),
            id_length: U16::new(id_length),
            flags: 0,
            // Known when all residues have been seen; filled in when the column is written.
            kind: Alphabet::Unknown.byte(),
        })
    }

    /// Adds the rest of a record: `script` is the layout item of an irregular one; `measures` are for the optional
    /// columns, as far as the file has them.
    pub(super) fn add(
        &mut self,
        entry: &mut HeaderEntry,
        ordinal: u64,
        length: u64,
        script: Option<&[u8]>,
        measures: Measures,
    ) -> Result<()> {
        if let Some(script) = script {
            entry.flags |= FLAG_IRREGULAR;
            let address: PackedAddress = self.layouts.cutter.push(script, self.irregular)?;
            let item = LayoutEntry { ordinal: U64::new(ordinal), address: U64::new(address.bits()) };
            self.layout_index.write(item.as_bytes())?;
            self.irregular += 1;
        }
        self.lengths.write(&length.to_le_bytes())?;
        if let Some(gc_content) = &mut self.gc_content {
            gc_content.write(&measures.gc_content.to_le_bytes())?;
        }
        if let Some(complexity) = &mut self.complexity {
            let [nucleotides, others] = measures.complexity;
            complexity.write(&nucleotides.to_le_bytes())?;
            complexity.write(&others.to_le_bytes())?;
        }
        self.longest = self.longest.max(length);
        Ok(())
    }

    /// Closes the open blocks.
    pub(super) fn close(&mut self) {
        self.texts.cutter.close();
        self.layouts.cutter.close();
    }

    /// The blocks that are full and not encoded.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no memory for a dictionary.
    pub(super) fn take_done(&mut self) -> Result<Vec<Cut>> {
        let texts = self.texts.cutter.take_done();
        self.make_dictionary(&texts)?;
        let layouts = self.layouts.cutter.take_done().into_iter().map(|block| Cut(Side::Layout, block));
        Ok(texts.into_iter().map(|block| Cut(Side::Text, block)).chain(layouts).collect())
    }

    /// What encodes blocks that were taken.
    pub(super) fn encoder(&self) -> Encoder {
        Encoder { compression: self.compression, dictionary: self.encoding_dictionary.clone() }
    }

    /// Adds an encoded block to its stream.
    pub(super) fn write(&mut self, Encoded(side, first_slot, block): &Encoded) -> Result<()> {
        match side {
            Side::Text => self.texts.write(*first_slot, block),
            Side::Layout => self.layouts.write(*first_slot, block),
        }
    }

    /// Makes the dictionary of the header texts from the first blocks that come, if they are enough. The first blocks
    /// are the same whatever the threads and the memory, and so is the dictionary.
    fn make_dictionary(&mut self, texts: &[CutBlock]) -> Result<()> {
        let (mut samples, mut sizes) = (Vec::new(), Vec::new());
        for block in texts.iter().filter(|_| self.may_have_dictionary) {
            samples.extend_from_slice(&block.bytes);
            sizes.extend(block.bytes.chunks(DICTIONARY_SAMPLE).map(<[u8]>::len));
        }
        let first = !samples.is_empty() && std::mem::take(&mut self.may_have_dictionary);
        let Some(level) = self.compression.level() else { return Ok(()) };
        if !first || samples.len() < DICTIONARY_FROM {
            return Ok(());
        }
        let bytes = match level < TRAINED_FROM {
            true => first_texts(&samples, level)?,
            false => train(&samples, &sizes)?,
        };
        if let Some(bytes) = bytes {
            let dictionary = EncodingDictionary::try_create(&bytes, level);
            self.encoding_dictionary = Some(Arc::new(dictionary.ok_or_else(no_memory)?));
            self.dictionary = Some(bytes);
        }
        Ok(())
    }
}

/// A dictionary of the first of these texts.
fn first_texts(texts: &[u8], level: i32) -> Result<Option<Vec<u8>>> {
    let (first, others) = texts.split_at((texts.len() / FIRST_PART).min(MOST_FIRST));
    let samples = others.get(..TABLED).unwrap_or(others);
    match dictionary::with_tables(first, samples, TEXT_BLOCK as usize, level, DICTIONARY_NUMBER) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(zstandard::NO_MEMORY) => Err(no_memory()),
        Err(_) => Ok(None),
    }
}

/// A dictionary of what `samples`, whose lengths are `sizes`, have in common; `None` if that is nothing.
fn train(samples: &[u8], sizes: &[usize]) -> Result<Option<Vec<u8>>> {
    // The library passes over tries that get no memory, and would choose another dictionary.
    drop(AnonymousMemory::new(TRAINING, PageSize::Base).map_err(|_| no_memory())?);
    let mut bytes = Vec::with_capacity(TRAINED_SIZE);
    match zstd_safe::train_from_buffer(&mut bytes, samples, sizes) {
        Ok(_) => Ok(Some(bytes)),
        // Without one the container would be another.
        Err(zstandard::NO_MEMORY) => Err(no_memory()),
        Err(_) => Ok(None),
    }
}

fn no_memory() -> Error {
    zstandard::no_memory("zstd".as_ref(), "train a dictionary")
}

fn text_compression(compression: Compression) -> Compression {
    compression.level().map_or(compression, |level| Compression::Zstd(level.max(TEXT_LEVEL)))
}

#[cfg(test)]
mod tests {
    use talaria_db_spec::section::SectionKind;

    use super::*;
    use crate::database::Database;
    use crate::write::builder::Builder;

    /// A container of records with these texts, which must all come back; and its dictionary.
    fn dictionary(texts: &[Vec<u8>], compression: Compression) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("texts.talaria");
        let records: Vec<_> = texts.iter().map(|text| (text.clone(), b"MKVL".to_vec())).collect();
        Builder::new(&path).compression(compression).add_records("texts", records.into_iter()).finish().unwrap();
        let database = Database::open(&path).unwrap();
        for (ordinal, text) in texts.iter().enumerate() {
            assert_eq!(database.record(ordinal as u64).unwrap().header().as_bytes(), text);
        }
        let container = std::fs::read(&path).unwrap();
        let section = database.container().section(SectionKind::DictionaryBytes)?;
        Some(container[section.offset as usize..][..section.length as usize].to_vec())
    }

    #[test]
    fn the_first_texts_are_a_dictionary() {
        // How a dictionary with tables starts.
        let magic = zstd_safe::MAGIC_DICTIONARY.to_le_bytes();
        let mut texts: Vec<Vec<u8>> = (0_u32..8000)
            .map(|number| format!("sp|P{number:05}|NAME_HUMAN Protein {}", u64::from(number) * 7919).into_bytes())
            .collect();
        let all = texts.concat();
        let first = dictionary(&texts, Compression::Zstd(1)).unwrap();
        // Of whole blocks.
        let most = (all.len() / FIRST_PART).min(MOST_FIRST);
        let length = (0..=most).rev().find(|&length| first.ends_with(&all[..length])).unwrap();
        assert!(first.starts_with(&magic) && most - length < TEXT_BLOCK as usize && first.len() - length < 300);
        let trained = dictionary(&texts, Compression::Zstd(TRAINED_FROM)).unwrap();
        assert!(trained.starts_with(&magic) && trained != first);
        assert!(dictionary(&texts, Compression::Lz4).is_none());
        texts.truncate(10);
        assert!(dictionary(&texts, Compression::Zstd(1)).is_none());
    }

    #[test]
    fn texts_that_are_all_the_same_or_do_not_compress() {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b'!' + (state >> 40) as u8 % 90
        };
        dictionary(&vec![vec![b'a'; 500]; 800], Compression::Zstd(1));
        dictionary(&(0..800).map(|_| (0..500).map(|_| next()).collect()).collect::<Vec<_>>(), Compression::Zstd(1));
    }
}
