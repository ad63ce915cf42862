//! Packings by a third hand, read by both readers; and the codec that a reader of version 1 may refuse, which the first
//! one does.

use talaria_db::read::export::ExportOptions;
use talaria_db::read::stream::StreamKind;
use talaria_db_format_tests::draft::{Block, Draft};
use talaria_db_format_tests::{fixtures, ladder, outcome};
use talaria_db_spec::block::Packing;
use talaria_db_spec::{packing, varint};

use crate::{ask, digest, is_there};

/// What packings 3, 6 and 4 have codes for.
const FOUR: &[u8] = b"-ACMGRSVTWYHKDBN";
const FOUR_RNA: &[u8] = b"-ACMGRSVUWYHKDBN";
const FIVE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ*";

/// The number of Snappy.
const SNAPPY: u8 = 3;

/// Rungs, the packing of their residues, and whether Snappy compresses that.
const CASES: [(&str, u8, bool); 8] = [
    ("0003-line-widths", 0, true),
    ("0003-line-widths", 4, false),
    ("0003-line-widths", 4, true),
    ("0008-lower-case", 4, true),
    ("0017-two-bit-dna", 3, false),
    ("0017-two-bit-dna", 3, true),
    ("0018-two-bit-rna", 6, false),
    ("0018-two-bit-rna", 6, true),
];

/// The list of maximal runs of residues that have the same byte, or any, by `class`.
fn runs(residues: &[u8], with_byte: bool, class: impl Fn(u8) -> Option<u8>) -> Vec<u8> {
    let (mut list, mut count, mut at, mut end) = (Vec::new(), 0, 0, 0);
    for run in residues.chunk_by(|left, right| class(*left) == class(*right)) {
        if let Some(byte) = class(run[0]) {
            varint::write(&mut list, (at - end) as u64);
            varint::write(&mut list, run.len() as u64);
            list.extend(with_byte.then_some(byte));
            (count, end) = (count + 1, at + run.len());
        }
        at += run.len();
    }
    let mut all = Vec::new();
    varint::write(&mut all, count);
    [all, list].concat()
}

/// The payload of packing 3, 4 or 6.
fn pack(residues: &[u8], alphabet: &[u8], bits: usize) -> Vec<u8> {
    let mut packed = vec![0; (residues.len() * bits).div_ceil(8)];
    for (at, residue) in residues.iter().enumerate() {
        let code = alphabet.iter().position(|letter| *letter == residue.to_ascii_uppercase()).unwrap_or(0);
        for bit in (0..bits).filter(|bit| code >> bit & 1 == 1) {
            packed[(at * bits + bit) / 8] |= 1 << ((at * bits + bit) % 8);
        }
    }
    let upper = |residue: u8| residue.to_ascii_uppercase();
    packed.extend(runs(residues, true, |residue| Some(upper(residue)).filter(|letter| !alphabet.contains(letter))));
    packed.extend(runs(residues, false, |residue| residue.is_ascii_lowercase().then_some(0)));
    packed
}

/// The residues of an uncompressed block.
fn residues(block: &Block) -> Vec<u8> {
    let packing = Packing::from_byte(block.entry.packing).unwrap();
    if packing == Packing::Bytes {
        return block.stored.clone();
    }
    let mut residues = vec![0; usize::try_from(block.entry.decoded_length.get()).unwrap()];
    packing::unpack(&block.stored, packing, &mut residues).unwrap();
    residues
}

/// Stores the residues of a block in another way.
fn store(block: &mut Block, packing: u8, compress: bool) {
    let residues = residues(block);
    let payload = match packing {
        3 => pack(&residues, FOUR, 4),
        4 => pack(&residues, FIVE, 5),
        6 => pack(&residues, FOUR_RNA, 4),
        _ => residues,
    };
    block.entry.packing = packing;
    if !compress {
        block.stored = payload;
        return;
    }
    block.entry.codec = SNAPPY;
    block.stored = snap::raw::Encoder::new().compress_vec(&payload).unwrap();
    if packing != 0 {
        let length = u32::try_from(payload.len()).unwrap();
        block.stored.splice(..0, length.to_le_bytes());
    }
}

#[test]
fn packings_by_a_third_hand_are_read() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut files, mut expected) = (Vec::new(), Vec::new());
    for (name, packing, compress) in CASES {
        let rung = ladder::find(name);
        let mut draft = Draft::parse(&rung.container());
        draft.edit_blocks(StreamKind::Sequence, |blocks| {
            blocks.iter_mut().for_each(|block| store(block, packing, compress));
        });
        let bytes = draft.assemble().into_bytes();
        if compress {
            assert_eq!(outcome::broken_rules(&bytes).into_iter().collect::<Vec<_>>(), ["B-4"], "{name}");
        } else {
            let mut text = Vec::new();
            outcome::open(&bytes).export(&mut text, &ExportOptions::default()).unwrap();
            assert_eq!(text, rung.fasta(), "{name} {packing}");
        }
        let file = folder.path().join(files.len().to_string());
        fixtures::write(&file, bytes);
        files.push(file);
        expected.push(format!("export\t{}", digest(&rung.fasta())));
    }
    for ((case, second), expected) in CASES.iter().zip(ask("answers", &files)).zip(expected) {
        let second = second.unwrap_or_else(|rule| panic!("{case:?} is refused for {rule}"));
        assert_eq!(second.first(), Some(&expected), "{case:?}");
    }
}
