//! The directories of the streams, the stored blocks and their payloads, and dictionaries.

use talaria_db::read::stream::StreamKind::{Sequence, Text};
use talaria_db_spec::block::{BlockEntry, Packing};
use talaria_db_spec::dictionary::DictionaryEntry;
use talaria_db_spec::forever::MAXIMUM_DICTIONARY;
use talaria_db_spec::packing;
use talaria_db_spec::section::SectionKind;
use zerocopy::little_endian::{U16, U32, U64};

use super::{List, PROTEINS, Row};
use crate::corpus::accept::{dictionary, zstd_frame};
use crate::draft::{Block, Draft};

const DNA: &str = "0017-two-bit-dna";
const FIVE_BIT: &str = "0035-five-bit";
const LONG: &str = "0019-long-record";
const LZ4: &str = "0021-lz4";
const LZ4_DNA: &str = "0022-lz4-two-bit";

pub(super) fn list(list: &mut List) {
    directory(list);
    slots(list);
    codecs(list);
    decoding(list);
    payloads(list);
    wide_payloads(list);
    dictionaries(list);
}

fn entry(draft: &mut Draft, number: usize, change: impl FnOnce(&mut BlockEntry)) {
    draft.edit::<BlockEntry>(SectionKind::SequenceDirectory, |entries| change(&mut entries[number]));
}

fn block(draft: &mut Draft, change: impl FnOnce(&mut Block)) {
    draft.edit_blocks(Sequence, |blocks| change(&mut blocks[0]));
}

// EVIDENCE: B-1, B-2, B-3, B-7, B-12
fn directory(list: &mut List) {
    list.reject("B-1", "bytes-left-over", PROTEINS, "bytes after the last block", |draft| {
        draft.part_mut(SectionKind::SequenceBlocks).bytes.push(b'A');
    });
    list.reject("B-1", "gap", LONG, "a byte between two blocks", |draft| {
        let at = draft.items::<BlockEntry>(SectionKind::SequenceDirectory)[8].offset.get();
        draft.part_mut(SectionKind::SequenceBlocks).bytes.insert(usize::try_from(at).unwrap(), 0);
        entry(draft, 8, |entry| entry.offset += 1);
    });
    list.reject("B-1", "outside", PROTEINS, "a block that ends after the section", |draft| {
        entry(draft, 0, |entry| entry.stored_length += 1);
    });
    list.reject("B-2", "empty-block", LONG, "a block that decodes to nothing", |draft| {
        let residues = u64::from(draft.blocks(Sequence)[0].entry.decoded_length.get());
        draft.header.stored_residue_count -= residues;
        entry(draft, 0, |entry| entry.decoded_length = U32::ZERO);
    });
    list.reject("B-2", "large-block", PROTEINS, "a block that decodes to more than the nominal size", |draft| {
        draft.header.sequence_block_size = U32::new(1024);
        entry(draft, 0, |entry| entry.decoded_length = U32::new(1025));
    });
    list.reject("B-12", "stored-length", PROTEINS, "more stored bytes than a block may have", |draft| {
        entry(draft, 0, |entry| entry.stored_length = U32::new(entry.decoded_length.get() * 2));
    });
    list.reject("B-3", "checksum", PROTEINS, "a bit of a block has flipped", |draft| {
        draft.part_mut(SectionKind::SequenceBlocks).bytes[0] ^= 1;
    });
    list.reject("B-7", "stored-residues", PROTEINS, "a residue more in the header than in all blocks", |draft| {
        draft.header.stored_residue_count += 1;
    });
}

// EVIDENCE: B-6
fn slots(list: &mut List) {
    list.reject("B-6", "decreasing", LONG, "a block whose first slot is before that of the block before", |draft| {
        entry(draft, 5, |entry| entry.first_slot = U64::new(1));
    });
    list.reject("B-6", "no-record", PROTEINS, "a block whose first slot no record has", |draft| {
        entry(draft, 0, |entry| entry.first_slot = U64::new(5));
    });
}

// EVIDENCE: B-4
fn codecs(list: &mut List) {
    for (name, codec, shows) in
        [("snappy", 3, "Snappy, specified and not read by version 1"), ("codec", 4, "a codec that is not known")]
    {
        list.reject("B-4", name, PROTEINS, shows, |draft| block(draft, |block| block.entry.codec = codec));
    }
    for (name, packing, shows) in
        [("packing", 5, "a packing that is not known"), ("packing-7", 7, "a packing that is not known")]
    {
        list.reject("B-4", name, PROTEINS, shows, |draft| block(draft, |block| block.entry.packing = packing));
    }
    list.reject("B-4", "no-dictionary", PROTEINS, "a frame with a dictionary that is not there", |draft| {
        draft.edit_blocks(Text, |blocks| {
            blocks[0].stored = zstd_frame(&blocks[0].stored);
            blocks[0].entry.codec = 2;
            blocks[0].entry.dictionary = U16::new(1);
        });
    });
    list.reject(
        "B-4",
        "dictionary-without-codec",
        PROTEINS,
        "a dictionary for a block that is not compressed",
        |draft| {
            dictionary(draft);
            block(draft, |block| block.entry.dictionary = U16::new(1));
        },
    );
    list.reject("B-4", "packed-text", "0004-one-line-records", "header texts with two bits a base", |draft| {
        draft.edit_blocks(Text, |blocks| {
            let text = std::mem::take(&mut blocks[0].stored);
            packing::pack(&text, Packing::TwoBitDna, &mut blocks[0].stored).expect("a payload that is sound");
            blocks[0].entry.packing = Packing::TwoBitDna.byte();
        });
    });
}

// EVIDENCE: B-5, B-10
fn decoding(list: &mut List) {
    list.reject("B-5", "short-block", PROTEINS, "fewer stored bytes than residues", |draft| {
        block(draft, |block| block.stored.truncate(block.stored.len() - 1));
    });
    list.reject("B-5", "lz4-garbage", LZ4, "a match before the start of an LZ4 block", |draft| {
        block(draft, |block| block.stored = vec![0x00, 0xFF, 0xFF, 0x00]);
    });
    list.reject("B-5", "lz4-short", LZ4, "an LZ4 block of fewer bytes than the directory says", |draft| {
        block(draft, |block| block.stored = b"\x30MKV".to_vec());
    });
    list.reject("B-5", "zstd-garbage", PROTEINS, "no Zstandard frame", |draft| {
        block(draft, |block| block.entry.codec = 2)
    });
    list.reject("B-5", "zstd-left-over", PROTEINS, "a byte after a Zstandard frame", |draft| {
        draft.edit_blocks(Text, |blocks| {
            blocks[0].stored = zstd_frame(&blocks[0].stored);
            blocks[0].stored.push(0);
            blocks[0].entry.codec = 2;
        });
    });
    list.reject("B-5", "no-payload-length", LZ4_DNA, "a packed and compressed block of three bytes", |draft| {
        block(draft, |block| block.stored.truncate(3));
    });
    list.reject("B-5", "no-residue", PROTEINS, "a blank among the residues", |draft| {
        block(draft, |block| block.stored[0] = b' ')
    });
    list.reject("B-10", "payload-length", LZ4_DNA, "a payload that may not be that long", |draft| {
        block(draft, |block| block.stored[..4].copy_from_slice(&u32::MAX.to_le_bytes()));
    });
}

// EVIDENCE: B-11, V-1
fn payloads(list: &mut List) {
    // The block has 355 bases in 89 bytes; then come the number of exception runs, and the first one: gap 0, 50 times
    // N.
    const RUNS: usize = 89;
    let cases: [Row<Vec<u8>>; 8] = [
        ("B-11", "unused-bits", |payload| payload[RUNS - 1] |= 0xC0, "the unused bits of the last byte"),
        ("B-11", "empty-run", |payload| payload[RUNS + 2] = 0, "an exception run without residues"),
        ("B-11", "run-outside", |payload| payload[RUNS + 2] = 0x7F, "exception runs that leave the block"),
        ("B-11", "lower-case", |payload| payload[RUNS + 3] = b'n', "a lower-case letter as exception"),
        ("B-11", "no-residue", |payload| payload[RUNS + 3] = b'\n', "a line end as exception"),
        ("B-11", "left-over", |payload| payload.push(0), "a byte after the last run"),
        ("B-11", "short", |payload| payload.truncate(RUNS - 1), "fewer bytes than bases"),
        (
            "V-1",
            "payload",
            |payload| drop(payload.splice(RUNS + 1..=RUNS + 1, [0x80, 0x00])),
            "a gap of 0 in two bytes",
        ),
    ];
    for (rule, name, change, shows) in cases {
        list.reject(rule, name, DNA, shows, |draft| {
            block(draft, |block| {
                assert_eq!((block.stored[RUNS + 2], block.stored[RUNS + 3]), (50, b'N'), "the first run of the seed");
                change(&mut block.stored);
            });
        });
    }
}

// EVIDENCE: B-11
fn wide_payloads(list: &mut List) {
    // The first block has 1007 residues in 630 bytes; two lists without runs come after them.
    const CODES: usize = 630;
    let five: [Row<Vec<u8>>; 4] = [
        ("B-11", "five-bit-code", |payload| payload[0] |= 0x1F, "a code of five bits without a letter"),
        (
            "B-11",
            "five-bit-last-code",
            |payload| {
                payload[CODES - 2] |= 0xC0;
                payload[CODES - 1] |= 0x07;
            },
            "such a code at the end",
        ),
        ("B-11", "five-bit-unused", |payload| payload[CODES - 1] |= 0x08, "the unused bits of the last byte"),
        ("B-11", "five-bit-short", |payload| payload.truncate(CODES - 1), "fewer bytes than codes of five bits"),
    ];
    for (rule, name, change, shows) in five {
        list.reject(rule, name, FIVE_BIT, shows, |draft| block(draft, |block| change(&mut block.stored)));
    }
    // Bytes of letters as codes: nobody meant them to be.
    for (name, packing, shows) in
        [("four-bit-bytes", 3, "bytes as four-bit DNA"), ("four-bit-rna-bytes", 6, "bytes as four-bit RNA")]
    {
        list.reject("B-11", name, PROTEINS, shows, |draft| block(draft, |block| block.entry.packing = packing));
    }
}

// EVIDENCE: D-1
fn dictionaries(list: &mut List) {
    let cases: [Row<DictionaryEntry>; 5] = [
        ("D-1", "gap", |entry| entry.offset += 1, "a dictionary that does not start where it should"),
        ("D-1", "outside", |entry| entry.length += 1, "a dictionary that ends after the bytes"),
        ("D-1", "long", |entry| entry.length = U32::new(MAXIMUM_DICTIONARY + 1), "a dictionary of more than 1 MiB"),
        ("D-1", "codec", |entry| entry.codec = 1, "a dictionary for LZ4"),
        ("D-1", "reserved", |entry| entry.reserved = [0, 0, 1], "a reserved byte"),
    ];
    for (rules, name, change, shows) in cases {
        list.reject(rules, name, PROTEINS, shows, |draft| {
            dictionary(draft);
            draft.edit::<DictionaryEntry>(SectionKind::DictionaryDirectory, |entries| change(&mut entries[0]));
        });
    }
}
