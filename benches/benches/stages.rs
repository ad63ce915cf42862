//! What a build and a reader do with bytes, stage by stage, on one thread and in memory: so that each can be set beside
//! a copy and the whole.
//!
//! Ingest: reading the file in chunks with its digest, taking FASTA apart, hashing residues for copies, packing,
//! encoding blocks, checksums. Decoding: by packing and codec, beside the codec alone. The whole of a build is in the
//! benchmark `build`, real containers in `library`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing to say")]

use std::path::Path;
use std::sync::LazyLock;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use sha2::{Digest, Sha256};
use talaria_db::Compression;
use talaria_db::fasta::alphabet::Composition;
use talaria_db::fasta::batch::Batch;
use talaria_db::fasta::input::Input;
use talaria_db::fasta::parse::Parser;
use talaria_db::memory::budget::Budget;
use talaria_db::memory::settings::MemorySettings;
use talaria_db::read::block::{self, Place};
use talaria_db::spec::block::{BlockEntry, Codec, Packing};
use talaria_db::spec::checksum::crc32;
use talaria_db::spec::packing;
use talaria_db::write::encode::{EncodedBlock, encode_residues};
use talaria_db::write::share::ResidueHasher;
use talaria_db_benches::{AMINO_ACIDS, BASES, records};
use zerocopy::FromZeros;

/// Residues of a block, as they are by default for proteins and for nucleotides.
const PROTEIN_BLOCK: usize = 16 << 10;
const BASE_BLOCK: usize = 64 << 10;
/// What is packed, and how.
const PACKINGS: [(&str, Packing); 3] =
    [("nucleotides", Packing::TwoBitDna), ("nucleotides", Packing::FourBitDna), ("proteins", Packing::FiveBit)];
/// Bytes of FASTA that a parser is given at a time.
const CHUNK: usize = 2 << 20;

/// Eight megabytes of FASTA, and its residues.
static PROTEINS: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| made(AMINO_ACIDS));
static GENES: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| made(BASES));

fn main() {
    divan::main();
}

fn made(letters: &'static [u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut fasta, mut all) = (Vec::new(), Vec::new());
    for (header, residues) in records(26_000, 150, letters) {
        fasta.extend_from_slice(&[b">", &header[..], b"\n"].concat());
        for line in residues.chunks(60) {
            fasta.extend_from_slice(line);
            fasta.push(b'\n');
        }
        all.extend_from_slice(&residues);
    }
    (fasta, all)
}

fn residues_of(kind: &str) -> (&'static [u8], usize) {
    match kind {
        "proteins" => (&PROTEINS.1, PROTEIN_BLOCK),
        _ => (&GENES.1, BASE_BLOCK),
    }
}

/// The bound of all: residues copied, a block at a time.
#[divan::bench(args = ["proteins", "nucleotides"])]
fn copy_of_memory(bencher: Bencher<'_, '_>, kind: &str) {
    let (residues, size) = residues_of(kind);
    let mut block = vec![0; size];
    bencher.counter(BytesCount::new(residues.len())).bench_local(|| {
        for part in residues.chunks(size) {
            block[..part.len()].copy_from_slice(part);
            black_box(&block);
        }
    });
}

mod ingest {
    use super::*;

    /// The file in chunks by a thread of its own, with the SHA-256 of its bytes.
    #[divan::bench]
    fn read_and_digest(bencher: Bencher<'_, '_>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made.fasta");
        std::fs::write(&path, &PROTEINS.0).unwrap();
        let budget = Budget::new(1 << 30);
        bencher.counter(BytesCount::new(PROTEINS.0.len())).bench_local(|| {
            let mut input = Input::open(path.clone(), &MemorySettings::default(), &budget).unwrap();
            while let Some(chunk) = input.next_chunk().unwrap() {
                black_box(&chunk);
            }
            input.finish().unwrap()
        });
    }

    #[divan::bench]
    fn digest_alone(bencher: Bencher<'_, '_>) {
        bencher.counter(BytesCount::new(PROTEINS.0.len())).bench(|| Sha256::digest(black_box(&PROTEINS.0)));
    }

    /// FASTA in lines of 60 into texts, residues and layout.
    #[divan::bench(args = ["proteins", "nucleotides"])]
    fn take_apart(bencher: Bencher<'_, '_>, kind: &str) {
        let fasta = if kind == "proteins" { &PROTEINS.0 } else { &GENES.0 };
        let budget = Budget::new(1 << 30);
        let mut batch = Batch::default();
        bencher.counter(BytesCount::new(fasta.len())).bench_local(|| {
            let mut parser = Parser::new(Path::new("made.fasta"), 1 << 20, &budget);
            for chunk in fasta.chunks(CHUNK) {
                batch.clear();
                parser.parse(chunk, &mut batch).unwrap();
                black_box(&batch);
            }
            batch.clear();
            parser.finish(&mut batch).unwrap()
        });
    }

    /// The hash by which copies of residues are looked for, of pieces of 300.
    #[divan::bench]
    fn hash_for_copies(bencher: Bencher<'_, '_>) {
        let (residues, hasher) = (&PROTEINS.1, ResidueHasher::new());
        bencher.counter(BytesCount::new(residues.len())).bench(|| {
            residues.chunks(300).for_each(|part| {
                black_box(hasher.hash(part));
            });
        });
    }

    #[divan::bench(args = PACKINGS)]
    fn pack(bencher: Bencher<'_, '_>, (kind, packing): (&str, Packing)) {
        let (residues, size) = residues_of(kind);
        let mut payload = Vec::with_capacity(size);
        bencher.counter(BytesCount::new(residues.len())).bench_local(|| {
            for part in residues.chunks(size) {
                payload.clear();
                packing::pack(part, packing, &mut payload).unwrap();
                black_box(&payload);
            }
        });
    }

    #[divan::bench(args = ["none", "packed", "lz4", "zstd:1", "zstd:3", "zstd:19", "auto"], sample_count = 5)]
    fn encode_proteins(bencher: Bencher<'_, '_>, codec: &str) {
        encode(bencher, "proteins", codec);
    }

    #[divan::bench(args = ["none", "packed", "lz4", "zstd:1", "zstd:3", "zstd:19", "auto"], sample_count = 5)]
    fn encode_nucleotides(bencher: Bencher<'_, '_>, codec: &str) {
        encode(bencher, "nucleotides", codec);
    }

    /// Packing, codec and checksum of blocks. A megabyte of them, as high levels take their time.
    fn encode(bencher: Bencher<'_, '_>, kind: &str, codec: &str) {
        let (residues, size) = residues_of(kind);
        let (residues, compression) = (&residues[..1 << 20], Compression::parse(codec).unwrap());
        bencher.counter(BytesCount::new(residues.len())).bench_local(|| {
            for part in residues.chunks(size) {
                black_box(encode_residues(part, &Composition::of(part), compression).unwrap());
            }
        });
    }

    #[divan::bench]
    fn checksum(bencher: Bencher<'_, '_>) {
        let residues = &PROTEINS.1;
        bencher
            .counter(BytesCount::new(residues.len()))
            .bench(|| residues.chunks(PROTEIN_BLOCK).fold(0, |all, part| all ^ crc32(black_box(part))));
    }
}

mod decode {
    use super::*;

    /// All blocks of residues with a codec, and what their directory says.
    fn blocks(kind: &str, codec: &str) -> Vec<(BlockEntry, EncodedBlock)> {
        let (residues, size) = residues_of(kind);
        let compression = Compression::parse(codec).unwrap();
        let encode = |part: &[u8]| {
            let block = encode_residues(part, &Composition::of(part), compression).unwrap();
            let mut entry = BlockEntry::new_zeroed();
            entry.stored_length = (block.stored.len() as u32).into();
            entry.decoded_length = block.decoded_length.into();
            entry.checksum = block.checksum.into();
            (entry.codec, entry.packing) = (block.codec.byte(), block.packing.byte());
            (entry, block)
        };
        residues[..4 << 20].chunks(size).map(encode).collect()
    }

    /// As a reader does it, with checksum and checks.
    #[divan::bench(args = [
        ("proteins", "none"),
        ("proteins", "packed"),
        ("proteins", "lz4"),
        ("proteins", "zstd:1"),
        ("proteins", "zstd:19"),
        ("nucleotides", "packed"),
        ("nucleotides", "zstd:1"),
    ])]
    fn checked(bencher: Bencher<'_, '_>, (kind, codec): (&str, &str)) {
        let blocks = blocks(kind, codec);
        let place = Place { path: Path::new("made"), stream: "sequence", block: 0 };
        bencher.counter(BytesCount::new(4_usize << 20)).bench_local(|| {
            for (entry, block) in &blocks {
                block::check(entry, &block.stored, place).unwrap();
                black_box(block::decode(entry, &block.stored, None, place).unwrap());
            }
        });
    }

    /// One packing alone, as a reader does it, without the checksum.
    #[divan::bench(args = PACKINGS)]
    fn unpack(bencher: Bencher<'_, '_>, (kind, packing): (&str, Packing)) {
        let (residues, size) = residues_of(kind);
        let pack = |part: &[u8]| {
            let mut payload = Vec::new();
            packing::pack(part, packing, &mut payload).unwrap();
            let mut entry = BlockEntry::new_zeroed();
            entry.stored_length = (payload.len() as u32).into();
            entry.decoded_length = (part.len() as u32).into();
            (entry.codec, entry.packing) = (Codec::None.byte(), packing.byte());
            (entry, payload)
        };
        let blocks: Vec<(BlockEntry, Vec<u8>)> = residues.chunks(size).map(pack).collect();
        let place = Place { path: Path::new("made"), stream: "sequence", block: 0 };
        bencher.counter(BytesCount::new(residues.len())).bench_local(|| {
            for (entry, payload) in &blocks {
                black_box(block::decode(entry, payload, None, place).unwrap());
            }
        });
    }

    /// The codec with nothing around it, of blocks that are not packed.
    #[divan::bench(args = ["lz4", "zstd:1", "zstd:19"])]
    fn codec_alone(bencher: Bencher<'_, '_>, codec: &str) {
        let blocks = blocks("proteins", codec);
        let mut residues = vec![0; PROTEIN_BLOCK];
        let mut zstd = zstd::bulk::Decompressor::new().unwrap();
        bencher.counter(BytesCount::new(4_usize << 20)).bench_local(|| {
            for (_, block) in &blocks {
                let out = &mut residues[..block.decoded_length as usize];
                match block.codec {
                    Codec::None => out.copy_from_slice(&block.stored),
                    Codec::Lz4 => drop(lz4_flex::block::decompress_into(&block.stored, out).unwrap()),
                    Codec::Zstd => drop(zstd.decompress_to_buffer(&block.stored, out).unwrap()),
                }
                black_box(&residues);
            }
        });
    }
}
