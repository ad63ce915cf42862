//! The streams in a dump: directories, blocks, and items found by rule B-8.

use std::fmt::Write as _;
use std::path::Path;

use talaria_db::read::block::{self, Dictionary, Place};
use talaria_db::read::stream::StreamKind;
use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::block::{BlockEntry, Codec, Packing};
use talaria_db_spec::delta;
use talaria_db_spec::dictionary::DictionaryEntry;
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::varint;

use super::text;
use crate::draft::Draft;

/// One stream, decoded.
struct Stream {
    kind: StreamKind,
    nominal: u64,
    blocks: Vec<(BlockEntry, Vec<u8>)>,
}

/// All streams, decoded.
pub(super) struct Streams {
    streams: Vec<Stream>,
}

impl Streams {
    /// Decodes all blocks of a container.
    pub(super) fn decode(draft: &Draft) -> Self {
        let has = |kind: SectionKind| draft.parts.iter().any(|part| part.entry.kind.get() == kind.number());
        let kinds = StreamKind::ALL.into_iter().filter(|kind| has(kind.sections().0));
        let dictionaries = if has(SectionKind::DictionaryDirectory) { dictionaries(draft) } else { Vec::new() };
        let stream = |kind| {
            let decode = |(number, block): (usize, crate::draft::Block)| {
                let place = Place { path: Path::new("(dump)"), stream: StreamKind::name(kind), block: number as u64 };
                let index = usize::from(block.entry.dictionary.get()).checked_sub(1);
                let dictionary = index.map(|index| &dictionaries[index]);
                let bytes = block::decode(&block.entry, &block.stored, dictionary, place).expect("a sound block");
                (block.entry, bytes)
            };
            let (sequence, text) = (draft.header.sequence_block_size.get(), draft.header.text_block_size.get());
            let nominal = match kind {
                StreamKind::Sequence => sequence,
                StreamKind::Text | StreamKind::Layout => text,
                StreamKind::Delta => 1 << (draft.part(SectionKind::DeltaDirectory).entry.flags.get() >> 8),
            };
            let blocks = draft.blocks(kind).into_iter().enumerate().map(decode).collect();
            Stream { kind, nominal: nominal.into(), blocks }
        };
        Self { streams: kinds.map(stream).collect() }
    }

    /// The item of `length` bytes at an address.
    pub(super) fn item(&self, kind: StreamKind, bits: u64, length: u64) -> Vec<u8> {
        let stream = self.stream(kind);
        let address = PackedAddress::from_bits(bits);
        let (first, length) = (usize::try_from(address.block()).unwrap(), usize::try_from(length).unwrap());
        if length == 0 {
            return Vec::new();
        }
        if length as u64 <= stream.nominal {
            let start = usize::try_from(address.byte()).unwrap();
            return stream.blocks[first].1[start..start + length].to_vec();
        }
        assert_eq!(address.byte(), 0, "a long item starts its block");
        let mut item: Vec<u8> = stream.blocks[first..].iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        item.truncate(length);
        item
    }

    /// The layout script at an address, without its length.
    pub(super) fn script(&self, bits: u64) -> Vec<u8> {
        let address = PackedAddress::from_bits(bits);
        let blocks = &self.stream(StreamKind::Layout).blocks[usize::try_from(address.block()).unwrap()..];
        let start = usize::try_from(address.byte()).unwrap();
        let bytes: Vec<u8> = blocks.iter().flat_map(|(_, bytes)| bytes.clone()).skip(start).collect();
        let mut rest = &bytes[..];
        let length = varint::read(&mut rest).expect("a length");
        rest[..usize::try_from(length).unwrap()].to_vec()
    }

    /// The item of the delta stream at an address, as it is.
    pub(super) fn delta(&self, bits: u64) -> Vec<u8> {
        let address = PackedAddress::from_bits(bits);
        let block = &self.stream(StreamKind::Delta).blocks[usize::try_from(address.block()).unwrap()].1;
        let rest = &block[usize::try_from(address.byte()).unwrap()..];
        let length = delta::item_length(rest).expect("a length");
        rest[..usize::try_from(length).unwrap()].to_vec()
    }

    /// Directories and the decoded bytes of all blocks.
    pub(super) fn dump(&self, out: &mut String) {
        for stream in &self.streams {
            writeln!(out, "\n{} stream: {} blocks", stream.kind.name(), stream.blocks.len()).unwrap();
            for (number, (entry, bytes)) in stream.blocks.iter().enumerate() {
                let codec = Codec::from_byte(entry.codec).expect("a codec").name();
                let packing = Packing::from_byte(entry.packing).expect("a packing").name();
                write!(out, "  block {number}: at {}, {} bytes stored", entry.offset, entry.stored_length).unwrap();
                write!(out, " as {packing}, {codec}, dictionary {}", entry.dictionary).unwrap();
                write!(out, ", {} decoded, slots from {}", entry.decoded_length, entry.first_slot).unwrap();
                writeln!(out, ", {}\n    {}", text::hex(entry.checksum.get()), text::quoted(bytes)).unwrap();
            }
        }
    }

    fn stream(&self, kind: StreamKind) -> &Stream {
        self.streams.iter().find(|stream| stream.kind == kind).expect("the stream")
    }
}

fn dictionaries(draft: &Draft) -> Vec<Dictionary> {
    let bytes = &draft.part(SectionKind::DictionaryBytes).bytes;
    let entries = draft.items::<DictionaryEntry>(SectionKind::DictionaryDirectory);
    let mut start = 0;
    let dictionary = |(index, entry): (usize, &DictionaryEntry)| {
        let range = entry.range(index as u64, start, bytes.len() as u64).expect("a sound dictionary");
        start = range.end;
        let content = &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        Dictionary::try_create(content).expect("a dictionary")
    };
    entries.iter().enumerate().map(dictionary).collect()
}
