//! Sealing a container: everything that follows the sequence blocks, the header and the trailer.

use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::dictionary::DictionaryEntry;
use talaria_db_spec::header::{Header, ORDER_INPUT};
use talaria_db_spec::keys::{self, KeyEntry};
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::source::{DIGEST_SHA256, SourceEntry};
use talaria_db_spec::version::{OPTIONAL_MEMBERSHIP, REQUIRED_COMPACT_MEMBERSHIP, REQUIRED_DELTAS};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromZeros, IntoBytes};

use crate::database::Source;
use crate::error::{Error, Result};
use crate::read::lookup::fingerprint_bits;
use crate::write::described::Described;
use crate::write::publish::Unpublished;
use crate::write::sections::SectionWriter;
use crate::write::sequences::{Sequences, set_kind};
use crate::write::spill::{Sorted, Sorter, Spill, SpillBuffer};

/// Bytes of the starts of buckets that stay in memory.
pub(crate) const BUCKETS_MEMORY: usize = 256 << 10;
/// Entries of one bucket that are sorted without a lease.
const SMALL_BUCKET: usize = 1 << 13;

/// What goes into a container beside its records.
#[derive(Debug)]
pub struct Particulars {
    /// The files that it was made from.
    pub sources: Vec<Source>,
    /// Lines of key and value.
    pub provenance: Vec<(String, String)>,
    /// The alphabet, if it is not to be told from the residues.
    pub alphabet: Option<Alphabet>,
    /// Optional features.
    pub features: u64,
}

/// Writes sections of a file whose records are of this alphabet.
pub(super) type Step<'a> = Box<dyn FnOnce(&mut SectionWriter, &Spill, Alphabet) -> Result<()> + 'a>;

/// What writes, each in its place, the sections that say of records what does not depend on where their residues are.
pub(super) struct Steps<'a> {
    pub(super) texts_and_layouts: Step<'a>,
    pub(super) lengths: Step<'a>,
    pub(super) optional_columns: Step<'a>,
    pub(super) names: Step<'a>,
    pub(super) dictionaries: Step<'a>,
}

/// Writes the rest of a file, all of whose sequence blocks are written. It is complete then, and not yet published.
/// `later` has the addresses that were not given with their records, by ordinal.
pub(super) fn seal(
    sequences: Sequences,
    steps: Steps<'_>,
    particulars: &Particulars,
    later: Option<Sorted<(u64, u64)>>,
) -> Result<Unpublished> {
    let alphabet = particulars.alphabet.unwrap_or_else(|| sequences.composition.alphabet());
    let stored_residues = sequences.stored_residues();
    let (mut writer, spill) = (sequences.writer, sequences.spill);
    writer.end(sequences.section)?;
    writer.section_from(SectionKind::SequenceDirectory, 32, sequences.directory, &spill)?;
    (steps.texts_and_layouts)(&mut writer, &spill, alphabet)?;
    let mut required = 0;
    if let Some(deltas) = sequences.deltas {
        required |= REQUIRED_DELTAS;
        writer.section_from(SectionKind::DeltaBlocks, 1, deltas.blocks, &spill)?;
        writer.section_from(SectionKind::DeltaDirectory, 32, deltas.directory, &spill)?;
    }
    let mut section = writer.begin(SectionKind::HeaderTable, 16, sequences.header_table.len())?;
    writer.append_from(&mut section, sequences.header_table, &spill, |part| set_kind(part, alphabet))?;
    writer.end(section)?;
    (steps.lengths)(&mut writer, &spill, alphabet)?;
    write_offsets(&mut writer, sequences.offsets, later, &spill)?;
    (steps.optional_columns)(&mut writer, &spill, alphabet)?;
    let mut features = particulars.features;
    if let Some(membership) = sequences.membership {
        membership.write(&mut writer, sequences.record_count, &spill)?;
        features |= OPTIONAL_MEMBERSHIP;
        required |= REQUIRED_COMPACT_MEMBERSHIP;
    }
    (steps.names)(&mut writer, &spill, alphabet)?;
    write_sources(&mut writer, &particulars.sources)?;
    writer.section(SectionKind::Provenance, 1, &provenance_bytes(&particulars.provenance))?;
    (steps.dictionaries)(&mut writer, &spill, alphabet)?;
    let mut header = Header::new_zeroed();
    header.required_features = U64::new(required);
    header.optional_features = U64::new(features);
    header.record_count = U64::new(sequences.record_count);
    header.residue_count = U64::new(sequences.residue_count);
    header.stored_residue_count = U64::new(stored_residues);
    header.source_count = U32::new(u32::try_from(particulars.sources.len()).unwrap_or(u32::MAX));
    header.sequence_block_size = U32::new(sequences.shape.sequence_block);
    header.text_block_size = U32::new(sequences.shape.text_block);
    header.alphabet = alphabet.byte();
    header.order = ORDER_INPUT;
    writer.finish(header, &spill)
}

impl Described {
    /// What writes it.
    pub(super) fn steps(self) -> Steps<'static> {
        let Self { texts, layouts, layout_index, lengths, gc_content, complexity, names, dictionary, longest, .. } =
            self;
        Steps {
            texts_and_layouts: Box::new(move |writer, spill, _| {
                writer.section_from(SectionKind::TextBlocks, 1, texts.blocks, spill)?;
                writer.section_from(SectionKind::TextDirectory, 32, texts.directory, spill)?;
                if layout_index.is_empty() {
                    return Ok(());
                }
                writer.section_from(SectionKind::LayoutBlocks, 1, layouts.blocks, spill)?;
                writer.section_from(SectionKind::LayoutDirectory, 32, layouts.directory, spill)?;
                writer.section_from(SectionKind::LayoutIndex, 16, layout_index, spill)
            }),
            lengths: Box::new(move |writer, spill, _| write_lengths(writer, lengths, longest, spill)),
            optional_columns: Box::new(move |writer, spill, alphabet| {
                if let Some(gc_content) = gc_content {
                    writer.section_from(SectionKind::GcContent, 4, gc_content, spill)?;
                }
                let Some(complexity) = complexity else { return Ok(()) };
                let half = if alphabet.is_nucleotide() { Half::First } else { Half::Second };
                write_half(writer, SectionKind::Complexity, complexity, half, spill)
            }),
            names: Box::new(move |writer, spill, _| write_keys(writer, names, spill)),
            dictionaries: Box::new(move |writer, _, _| {
                let Some(dictionary) = dictionary else { return Ok(()) };
                let mut entry = DictionaryEntry::new_zeroed();
                entry.length = U32::new(u32::try_from(dictionary.len()).unwrap_or(u32::MAX));
                entry.codec = 2;
                writer.section(SectionKind::DictionaryDirectory, 32, entry.as_bytes())?;
                writer.section(SectionKind::DictionaryBytes, 1, &dictionary)
            }),
        }
    }
}

/// The provenance as a section has it.
pub(crate) fn provenance_bytes(lines: &[(String, String)]) -> Vec<u8> {
    lines.iter().flat_map(|(key, value)| format!("{key}\t{value}\n").into_bytes()).collect()
}

/// The lengths come as `u64` and are narrowed if the longest record allows it.
fn write_lengths(writer: &mut SectionWriter, lengths: SpillBuffer, longest: u64, spill: &Spill) -> Result<()> {
    if longest > u64::from(u32::MAX) {
        return writer.section_from(SectionKind::Lengths, 8, lengths, spill);
    }
    write_half(writer, SectionKind::Lengths, lengths, Half::First, spill)
}

/// Puts the addresses that came later in their places.
fn write_offsets(
    writer: &mut SectionWriter,
    offsets: SpillBuffer,
    later: Option<Sorted<(u64, u64)>>,
    spill: &Spill,
) -> Result<()> {
    let Some(mut later) = later else {
        return writer.section_from(SectionKind::Offsets, 8, offsets, spill);
    };
    let mut section = writer.begin(SectionKind::Offsets, 8, offsets.len())?;
    let (mut ordinal, mut next, mut failed) = (0, later.next(), None);
    writer.append_from(&mut section, offsets, spill, |part| {
        for item in part.chunks_exact_mut(8) {
            match next.take() {
                Some(Ok((member, address))) if member == ordinal => {
                    item.copy_from_slice(&address.to_le_bytes());
                    next = later.next();
                }
                Some(Err(error)) => failed = Some(error),
                other => next = other,
            }
            ordinal += 1;
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => writer.end(section),
    }
}

/// Which four bytes of an item of eight.
#[derive(Clone, Copy)]
enum Half {
    /// The first ones: the whole of a `u64` that fits in a `u32`.
    First,
    /// The others.
    Second,
}

/// Writes a section of items of four bytes, half of those that a buffer holds.
fn write_half(
    writer: &mut SectionWriter,
    kind: SectionKind,
    wide: SpillBuffer,
    half: Half,
    spill: &Spill,
) -> Result<()> {
    use std::io::Read;
    let items = wide.len() / 8;
    let mut section = writer.begin(kind, 4, items * 4)?;
    let mut reader = wide.into_reader()?;
    for _ in 0..items {
        let mut item = [0; 8];
        reader.read_exact(&mut item).map_err(Error::io(spill.folder(), "read temporary data"))?;
        let (first, second) = item.split_at(4);
        writer.append(&mut section, if matches!(half, Half::First) { first } else { second })?;
    }
    writer.end(section)
}

fn write_keys(writer: &mut SectionWriter, names: Sorter<(u64, u64)>, spill: &Spill) -> Result<()> {
    let bits = fingerprint_bits(writer.packs());
    let count = names.len().div_ceil(keys::ENTRIES_PER_BUCKET).max(1);
    let mut starts = SpillBuffer::new(spill, "the key buckets", BUCKETS_MEMORY)?;
    let mut section = writer.begin(SectionKind::KeyEntries, 8, names.len() * 8)?;
    let mut lease = spill.budget().lease("a bucket of names", 0)?;
    let (mut bucket, mut written, mut entries) = (0, 0_u64, Vec::new());
    starts.write(&0_u64.to_le_bytes())?;
    let mut end_bucket = |entries: &mut Vec<KeyEntry>, written: &mut u64, writer: &mut SectionWriter| -> Result<()> {
        entries.sort_unstable();
        entries.dedup();
        for entry in entries.drain(..) {
            writer.append(&mut section, &entry.bits().to_le_bytes())?;
            *written += 1;
        }
        starts.write(&written.to_le_bytes())
    };
    for name in names.finish()? {
        let (hash, ordinal) = name?;
        while bucket < keys::bucket(hash, count) {
            end_bucket(&mut entries, &mut written, writer)?;
            bucket += 1;
        }
        if entries.len() == entries.capacity() && entries.len() >= SMALL_BUCKET {
            // Many records of one name: the vector is about to double.
            lease.resize(entries.len() as u64 * 16)?;
        }
        entries.push(KeyEntry::new(hash, ordinal, bits));
    }
    while bucket < count {
        end_bucket(&mut entries, &mut written, writer)?;
        bucket += 1;
    }
    writer.end(section)?;
    if written > u64::from(u32::MAX) {
        return writer.section_from(SectionKind::KeyBuckets, 8, starts, spill);
    }
    write_half(writer, SectionKind::KeyBuckets, starts, Half::First, spill)
}

fn write_sources(writer: &mut SectionWriter, sources: &[Source]) -> Result<()> {
    let (mut entries, mut strings) = (Vec::new(), Vec::new());
    for source in sources {
        let mut entry = SourceEntry::new_zeroed();
        let mut place = |bytes: &[u8]| {
            let offset = strings.len() as u64;
            strings.extend_from_slice(bytes);
            (U64::new(offset), U32::new(u32::try_from(bytes.len()).unwrap_or(u32::MAX)))
        };
        (entry.name_offset, entry.name_length) = place(source.name.as_bytes());
        (entry.preamble_offset, entry.preamble_length) = place(&source.preamble);
        entry.byte_length = U64::new(source.byte_length);
        entry.first_record = U64::new(source.first_record);
        entry.record_count = U64::new(source.record_count);
        entry.line_width = U64::new(source.line_width);
        entry.line_end = source.line_end.byte();
        entry.digest_kind = DIGEST_SHA256;
        entry.compression = source.compression;
        entry.digest = source.sha256;
        entries.extend_from_slice(entry.as_bytes());
    }
    writer.section(SectionKind::Sources, 128, &entries)?;
    writer.section(SectionKind::Strings, 1, &strings)
}
