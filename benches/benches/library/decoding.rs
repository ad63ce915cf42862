//! Decoding of blocks by packing and codec: by the engine with its checks, by the codec and packing alone, and a copy
//! of memory.

use std::cell::RefCell;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;

use talaria_db::Database;
use talaria_db::memory::settings::MemorySettings;
use talaria_db::read::block::{self, Dictionary, Place};
use talaria_db::read::storage::Storage;
use talaria_db::read::stream::{Stream, StreamKind};
use talaria_db::spec::block::{BlockEntry, Codec, Packing};
use talaria_db::spec::dictionary::DictionaryEntry;
use talaria_db::spec::section::SectionKind;
use zerocopy::FromBytes;
use zstd::zstd_safe;

use crate::{Outcome, time};

/// Most stored bytes of blocks of one packing and codec.
const BLOCKS: usize = 64 << 20;

/// Blocks of a stream with one packing and codec, as they are stored.
struct Group {
    packing: Packing,
    codec: Codec,
    blocks: Vec<(BlockEntry, Vec<u8>)>,
    stored: usize,
    decoded: usize,
}

/// Decoding by packing and codec: the engine with its checks, the codec and packing alone, a copy. The seconds that the
/// latter would take for all blocks.
pub(crate) fn decoding(path: &Path, database: &Database, kind: StreamKind, out: &mut impl Write) -> Outcome<f64> {
    let Some(stream) = Stream::find(database.container(), kind) else { return Ok(0.0) };
    let storage = Storage::open(path, &MemorySettings::default())?;
    let dictionaries = dictionaries(database, &storage)?;
    let mut groups: Vec<Group> = Vec::new();
    for number in 0..stream.directory.item_count {
        let Some(entry) = database.directory_entry(kind, number)? else { continue };
        let (packing, codec) = (Packing::from_byte(entry.packing)?, Codec::from_byte(entry.codec)?);
        let at =
            groups.iter().position(|group| group.packing == packing && group.codec == codec).unwrap_or_else(|| {
                groups.push(Group { packing, codec, blocks: Vec::new(), stored: 0, decoded: 0 });
                groups.len() - 1
            });
        let group = &mut groups[at];
        if group.stored < BLOCKS {
            let stored =
                storage.bytes(stream.blocks.offset + entry.offset.get(), entry.stored_length.get() as usize)?;
            group.stored += stored.len();
            group.decoded += entry.decoded_length.get() as usize;
            group.blocks.push((entry, stored.into_owned()));
        }
    }
    let mut total = 0.0;
    let known = database.block_groups(kind)?;
    for group in &groups {
        let name = format!("{} of {} and {}", kind.name(), group.packing.name(), group.codec.name());
        let speed = |seconds: f64| group.decoded as f64 / seconds / 1e9;
        let place = Place { path, stream: kind.name(), block: 0 };
        let checked = time(|| {
            for (entry, stored) in &group.blocks {
                block::check(entry, stored, place)?;
                black_box(block::decode(entry, stored, dictionary_of(&dictionaries, entry), place)?);
            }
            Ok(())
        })?;
        let mut buffer = Vec::new();
        let alone = time(|| {
            for (entry, stored) in &group.blocks {
                decode_alone(group, entry, stored, dictionary_of(&dictionaries, entry), place, &mut buffer)?;
            }
            Ok(())
        })?;
        let source =
            vec![b'A'; group.blocks.iter().map(|(entry, _)| entry.decoded_length.get() as usize).max().unwrap_or(0)];
        let mut target = source.clone();
        let copied = time(|| {
            for (entry, _) in &group.blocks {
                let length = entry.decoded_length.get() as usize;
                target[..length].copy_from_slice(black_box(&source[..length]));
                black_box(&target);
            }
            Ok(())
        })?;
        writeln!(out, "decode {name}, checked\t{:.3}\tGB/s", speed(checked))?;
        writeln!(out, "decode {name}, codec alone\t{:.3}\tGB/s", speed(alone))?;
        writeln!(out, "decode {name}, copy of memory\t{:.3}\tGB/s", speed(copied))?;
        let of = known.iter().filter(|known| known.packing == group.packing && known.codec == group.codec);
        total += alone * of.map(|known| known.decoded).sum::<u64>() as f64 / group.decoded as f64;
    }
    Ok(total)
}

/// The codec into a buffer that is there, without checksum and checks. What is packed is unpacked by the engine.
fn decode_alone(
    group: &Group,
    entry: &BlockEntry,
    stored: &[u8],
    dictionary: Option<&Dictionary>,
    place: Place<'_>,
    buffer: &mut Vec<u8>,
) -> Outcome<()> {
    if group.packing != Packing::Bytes {
        black_box(block::decode(entry, stored, dictionary, place)?);
        return Ok(());
    }
    let length = entry.decoded_length.get() as usize;
    buffer.resize(length.max(buffer.len()), 0);
    let out = &mut buffer[..length];
    match group.codec {
        Codec::None => out.copy_from_slice(stored),
        Codec::Lz4 => drop(lz4_flex::block::decompress_into(stored, out)?),
        Codec::Zstd => {
            let decompressed = CONTEXTS.with_borrow_mut(|[plain, trained]| match dictionary {
                Some(dictionary) => trained.decompress_using_ddict(out, stored, dictionary),
                None => plain.decompress(out, stored),
            });
            decompressed.map_err(zstd_safe::get_error_name)?;
        }
    }
    black_box(buffer);
    Ok(())
}

thread_local! {
    /// For frames without a dictionary and for those with one.
    static CONTEXTS: RefCell<[zstd_safe::DCtx<'static>; 2]> =
        RefCell::new([zstd_safe::DCtx::create(), zstd_safe::DCtx::create()]);
}

/// The dictionaries of a container, ready for use.
fn dictionaries(database: &Database, storage: &Storage) -> Outcome<Vec<Dictionary>> {
    let section = |kind| database.container().section(kind);
    let directory = section(SectionKind::DictionaryDirectory).zip(section(SectionKind::DictionaryBytes));
    let Some((directory, content)) = directory else { return Ok(Vec::new()) };
    let mut made = Vec::new();
    for entry in storage.bytes(directory.offset, directory.length as usize)?.chunks_exact(size_of::<DictionaryEntry>())
    {
        let entry = DictionaryEntry::read_from_bytes(entry).map_err(|_| "a dictionary is cut short")?;
        let bytes = storage.bytes(content.offset + entry.offset.get(), entry.length.get() as usize)?;
        made.push(Dictionary::try_create(&bytes).ok_or("a dictionary cannot be used")?);
    }
    Ok(made)
}

fn dictionary_of<'a>(dictionaries: &'a [Dictionary], entry: &BlockEntry) -> Option<&'a Dictionary> {
    usize::from(entry.dictionary.get()).checked_sub(1).and_then(|number| dictionaries.get(number))
}
