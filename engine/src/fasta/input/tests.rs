//! End to end: encoded bytes in, chunks and a digest out.

use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::source::tests::Trickle;
use super::*;
use crate::memory::settings::Algorithm;

const SMALL: usize = 64;
const FORMATS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Zstd, Compression::Xz, Compression::Bzip2];

fn text(length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| b"ACGT\n"[(at.wrapping_mul(at) >> 3) as usize % 5]).collect()
}

fn encode(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    match compression {
        Compression::None => encoded.extend_from_slice(bytes),
        Compression::Gzip => {
            let header = flate2::GzBuilder::new().filename("a.fasta");
            let mut encoder = header.write(&mut encoded, flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        Compression::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(&mut encoded, 1).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(&mut encoded, 0);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(&mut encoded, bzip2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
    }
    encoded
}

fn bgzf_block(bytes: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    let header = flate2::GzBuilder::new().extra(&b"BC\x02\x00\x00\x00"[..]);
    let mut encoder = header.write(&mut block, flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap();
    let size = u16::try_from(block.len() - 1).unwrap();
    block[16..18].copy_from_slice(&size.to_le_bytes());
    block
}

fn start(reader: impl Read + Send + 'static, budget: &Budget) -> Result<Input> {
    let opened = Opened { reader: Box::new(reader), encoded_length: None };
    Input::start(InputPath::StandardInput, opened, &MemorySettings::default(), budget, SMALL)
}

/// Reads all, checking the sizes of the chunks, the digest, and that all memory is given back.
fn drain(mut input: Input, chunk: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(next) = input.next_chunk()? {
        assert!(bytes.len().is_multiple_of(chunk), "a short chunk before the last");
        assert!((1..=chunk).contains(&next.len()));
        bytes.extend_from_slice(&next);
    }
    assert!(input.next_chunk()?.is_none());
    let digest = input.finish()?;
    assert_eq!(digest.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
    assert_eq!(digest.byte_length, bytes.len() as u64);
    Ok(bytes)
}

fn decoded(encoded: &[u8]) -> Result<Vec<u8>> {
    let budget = Budget::new(8 << 20);
    let result = drain(start(Cursor::new(encoded.to_vec()), &budget).unwrap(), SMALL);
    assert_eq!(budget.in_use(), 0);
    result
}

fn refusal(encoded: &[u8]) -> String {
    let error = decoded(encoded).unwrap_err();
    assert!(matches!(error, Error::Compressed { .. }), "{error}");
    error.to_string()
}

#[test]
fn every_format_comes_back_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input.txt");
    for compression in FORMATS {
        for length in [0, 1, CHUNK, CHUNK + 1] {
            let bytes = text(length);
            let encoded = encode(compression, &bytes);
            fs::write(&path, &encoded).unwrap();
            let budget = Budget::new(32 << 20);
            let input = Input::open(path.as_path(), &Default::default(), &budget).unwrap();
            assert_eq!((input.path(), input.compression()), (path.as_path(), compression));
            assert_eq!(input.encoded_length(), Some(encoded.len() as u64));
            assert!(drain(input, CHUNK).unwrap() == bytes, "{compression:?}, {length} bytes");
            assert_eq!(budget.in_use(), 0);
        }
    }
}

#[test]
fn members_frames_and_streams_are_joined() {
    for compression in FORMATS {
        for length in [0, 1, SMALL - 1, SMALL, SMALL + 1, 5 * SMALL] {
            let bytes = text(length);
            let encoded = [encode(compression, &bytes), encode(compression, b""), encode(compression, &bytes)].concat();
            assert_eq!(decoded(&encoded).unwrap(), [&bytes[..], &bytes].concat(), "{compression:?}, {length} bytes");
        }
    }
    let skippable = b"\x53\x2a\x4d\x18\x03\0\0\0abc";
    let frame = encode(Compression::Zstd, b">a\nMK\n");
    assert_eq!(decoded(&[&skippable[..], &frame, skippable, &frame].concat()).unwrap(), b">a\nMK\n>a\nMK\n");
}

#[test]
fn each_prefix_is_refused() {
    for compression in FORMATS.into_iter().skip(1) {
        let bytes = text(3 * SMALL);
        let first = encode(compression, &bytes);
        let encoded = [&first[..], &first].concat();
        for length in 0..encoded.len() {
            let prefix = &encoded[..length];
            if Compression::detect(prefix) == Compression::None {
                assert_eq!(decoded(prefix).unwrap(), prefix);
            } else if length == first.len() {
                assert_eq!(decoded(prefix).unwrap(), bytes);
            } else {
                let reason = refusal(prefix);
                assert!(reason.ends_with("it is cut short"), "{length} bytes: {reason}");
            }
        }
    }
}

#[test]
fn each_flipped_bit_is_refused_or_without_effect() {
    for compression in FORMATS.into_iter().skip(1) {
        let bytes = text(3 * SMALL);
        let encoded = encode(compression, &bytes);
        for bit in 0..8 * encoded.len() {
            let mut damaged = encoded.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if Compression::detect(&damaged) == compression {
                assert!(decoded(&damaged).map_or(true, |decoded| decoded == bytes), "{compression:?}, bit {bit}");
            }
        }
    }
}

#[test]
fn only_padding_may_follow() {
    let bytes = text(3 * SMALL);
    for compression in FORMATS.into_iter().skip(1) {
        let encoded = encode(compression, &bytes);
        for garbage in [&b"garbage, not a member"[..], b"\0\0\0\0garbage", b"g", b"\x1f\x8c", &encoded[..1]] {
            refusal(&[&encoded[..], garbage].concat());
        }
        let padded = [&encoded[..], &[0; 512]].concat();
        match compression {
            Compression::Gzip | Compression::Xz => assert_eq!(decoded(&padded).unwrap(), bytes),
            _ => drop(refusal(&padded)),
        }
    }
    let gzip = encode(Compression::Gzip, &bytes);
    assert!(refusal(&[&gzip[..], b"\0g"].concat()).contains("trailing garbage"));
    assert!(refusal(&[&gzip[..], b"\x1f"].concat()).ends_with("it is cut short"));
}

#[test]
fn bgzf_ends_with_its_empty_block() {
    let bytes = text(300);
    let blocks: Vec<u8> = bytes.chunks(100).flat_map(bgzf_block).collect();
    let whole = [&blocks[..], &bgzf_block(b"")].concat();
    assert_eq!(decoded(&whole).unwrap(), bytes);
    assert_eq!(decoded(&[&whole[..], &whole, &[0; 9]].concat()).unwrap(), [&bytes[..], &bytes].concat());
    for cut in [&blocks[..], &[&blocks[..], &[0; 9]].concat()] {
        let reason = refusal(cut);
        assert!(reason.contains("probably cut short") && reason.contains("gzip -dc"), "{reason}");
    }
}

#[test]
fn a_pipe_gives_the_same_chunks() {
    for compression in FORMATS {
        let bytes = text(5 * SMALL + 7);
        let pipe = Trickle::new(&encode(compression, &bytes), None);
        let input = start(pipe, &Budget::new(8 << 20)).unwrap();
        assert_eq!((input.path(), input.encoded_length()), (Path::new("-"), None));
        assert_eq!(drain(input, SMALL).unwrap(), bytes);
    }
}

#[test]
fn a_failing_read_is_neither_damage_nor_an_end() {
    for compression in FORMATS {
        let encoded = encode(compression, &text(3 * SMALL));
        for length in [encoded.len() / 2, encoded.len()] {
            let pipe = Trickle::new(&encoded[..length], Some(io::ErrorKind::ConnectionReset));
            let mut input = start(pipe, &Budget::new(8 << 20)).unwrap();
            let error = loop {
                match input.next_chunk() {
                    Ok(chunk) => assert_eq!(chunk.unwrap().len(), SMALL),
                    Err(error) => break error,
                }
            };
            let Error::Io { source, .. } = &error else { panic!("{error}") };
            assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
            assert_eq!(input.bytes_consumed(), length as u64);
            assert!(input.next_chunk().is_err());
            assert!(input.finish().is_err());
        }
    }
}

#[test]
fn memory_is_leased_or_refused() {
    // A frame that says that it needs 64 MiB, and a stream with a dictionary of 1 MiB.
    let zstd = b"\x28\xb5\x2f\xfd\x00\x80\x01\x00\x00".to_vec();
    let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(options.dict_size(1 << 20));
    let stream = liblzma::stream::Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc64).unwrap();
    let mut xz = Vec::new();
    liblzma::read::XzEncoder::new_stream(&b">a\nMK\n"[..], stream).read_to_end(&mut xz).unwrap();

    for (encoded, need, decoded) in [(zstd, 64 << 20, &b""[..]), (xz, 1 << 20, b">a\nMK\n")] {
        let budget = Budget::new(need);
        let error = drain(start(Cursor::new(encoded.clone()), &budget).unwrap(), SMALL).unwrap_err();
        assert!(matches!(error, Error::Memory { .. }), "{error}");
        let budget = Budget::new(need + (2 << 20));
        assert_eq!(drain(start(Cursor::new(encoded), &budget).unwrap(), SMALL).unwrap(), decoded);
        assert!(budget.peak() > need);
    }
    let too_far = b"\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00";
    assert!(refusal(too_far).contains("--long=31"));
    assert!(matches!(start(io::empty(), &Budget::new(100)), Err(Error::Memory { .. })));
}

#[test]
fn a_small_file_takes_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small");
    fs::write(&path, ">a\nMK\n").unwrap();
    let budget = Budget::new(THREAD_STACK as u64 + 7);
    assert_eq!(drain(Input::open(path, &Default::default(), &budget).unwrap(), CHUNK).unwrap(), b">a\nMK\n");

    // It may grow after its length was asked for.
    let opened = Opened { reader: Box::new(Cursor::new(text(4 * SMALL))), encoded_length: Some(SMALL as u64 / 2) };
    let input = Input::start(
        PathBuf::from("grows").into(),
        opened,
        &MemorySettings::default(),
        &Budget::new((THREAD_STACK + 3 * SMALL) as u64),
        SMALL,
    )
    .unwrap();
    assert_eq!(drain(input, SMALL).unwrap(), text(4 * SMALL));
}

#[test]
fn inputs_are_dropped_early_without_a_hang() {
    // The writer stays open: the thread waits for it and is left behind.
    let (reader, writer) = io::pipe().unwrap();
    (&writer).write_all(&text(100 * SMALL)).unwrap();
    let budget = Budget::new(1 << 20);
    let mut input = start(reader, &budget).unwrap();
    let kept = input.next_chunk().unwrap().unwrap();
    drop(input);
    assert_eq!(*kept, text(SMALL));
    drop(kept);
    drop(writer);

    // A regular file: the thread waits for a buffer, and is over after the drop.
    let opened = Opened { reader: Box::new(Cursor::new(text(100 * SMALL))), encoded_length: Some(100 * SMALL as u64) };
    let mut input =
        Input::start(PathBuf::from("file").into(), opened, &MemorySettings::default(), &budget, SMALL).unwrap();
    let kept: Vec<_> = (0..3).map(|_| input.next_chunk().unwrap().unwrap()).collect();
    assert!(input.next_chunk().unwrap_err().to_string().contains("in use"));
    drop(input);
    drop(kept);
}

#[test]
fn finish_reads_on_to_the_end() {
    let mut input = start(Cursor::new(text(10 * SMALL)), &Budget::new(1 << 20)).unwrap();
    drop(input.next_chunk().unwrap());
    assert_eq!(input.finish().unwrap().byte_length, 10 * SMALL as u64);
}

#[test]
fn as_many_buffers_as_are_set() {
    for (count, read_ahead, expected) in [(1, true, 2), (2, true, 2), (5, true, 5), (5, false, 1)] {
        let streaming = StreamingSettings { buffers: count, read_ahead, ..Default::default() };
        assert_eq!(buffers(&streaming), expected);
        let settings = MemorySettings { streaming, ..Default::default() };
        let budget = Budget::new(1 << 20);
        let bytes = text(9 * SMALL);
        let opened = Opened { reader: Box::new(Cursor::new(bytes.clone())), encoded_length: None };
        let input = Input::start(InputPath::StandardInput, opened, &settings, &budget, SMALL).unwrap();
        assert_eq!(budget.in_use(), (THREAD_STACK + expected * SMALL) as u64);
        assert_eq!(drain(input, SMALL).unwrap(), bytes);
    }
}

const MEDIUM: usize = 4096;

/// With chunks that wait compressed.
fn compressing(count: usize) -> MemorySettings {
    let mut settings = MemorySettings::default();
    (settings.streaming.buffers, settings.streaming.compress_chunks) = (count, true);
    settings
}

/// Bytes that nothing makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let blocks = (0..length.div_ceil(32) as u64).map(|number| Sha256::digest(number.to_le_bytes()));
    blocks.flatten().take(length).collect()
}

fn compressed_chunks(bytes: &[u8], settings: &MemorySettings, budget: &Budget) -> Input {
    let opened = Opened { reader: Box::new(Cursor::new(bytes.to_vec())), encoded_length: None };
    Input::start(InputPath::StandardInput, opened, settings, budget, MEDIUM).unwrap()
}

#[test]
fn chunks_that_wait_compressed_are_the_same() {
    let (smooth, rough) = (text(9 * MEDIUM), noise(9 * MEDIUM));
    let mixed: Vec<u8> =
        smooth.chunks(MEDIUM).zip(rough.chunks(MEDIUM)).flat_map(|(smooth, rough)| [rough, smooth].concat()).collect();
    for algorithm in [Algorithm::Lz4, Algorithm::Zstd, Algorithm::Snappy] {
        let mut settings = compressing(4);
        settings.compression.algorithm = algorithm;
        for compression in FORMATS {
            for bytes in [&smooth[..], &rough, &mixed, &mixed[..MEDIUM + 1], b""] {
                let budget = Budget::new(16 << 20);
                let input = compressed_chunks(&encode(compression, bytes), &settings, &budget);
                assert!(drain(input, MEDIUM).unwrap() == bytes, "{algorithm:?}, {compression:?}");
                assert_eq!(budget.in_use(), 0);
            }
        }
    }
}

/// What is leased once all chunks of an input wait that may.
fn leased_while_waiting(bytes: &[u8], settings: &MemorySettings) -> u64 {
    let budget = Budget::new(1 << 20);
    let mut input = compressed_chunks(bytes, settings, &budget);
    // The thread ends once the last chunk is on its way: nobody has taken any.
    input.thread.take().unwrap().join().unwrap();
    let leased = budget.in_use();
    assert_eq!(drain(input, MEDIUM).unwrap(), bytes);
    leased
}

#[test]
fn chunks_that_wait_compressed_take_less() {
    let mut plain = compressing(6);
    plain.streaming.compress_chunks = false;
    let chunk = MEDIUM as u64;
    let smooth = text(5 * MEDIUM);
    assert_eq!(leased_while_waiting(&smooth, &plain), 5 * chunk);
    // The caller's buffer, and five that are a tenth of a chunk at most.
    let compressed = leased_while_waiting(&smooth, &compressing(6));
    assert!((chunk..=chunk + chunk / 2).contains(&compressed), "{compressed}");
    let rough = leased_while_waiting(&noise(5 * MEDIUM), &compressing(6));
    assert_eq!(rough, 6 * chunk);
}

#[test]
fn without_memory_for_more_chunks_travel_plain() {
    let chunks = Chunks::new(&compressing(6), u64::MAX, MEDIUM);
    let least = chunks.held_memory() + THREAD_STACK as u64;
    for bytes in [text(20 * MEDIUM), noise(20 * MEDIUM)] {
        let budget = Budget::new(least);
        assert_eq!(drain(compressed_chunks(&bytes, &compressing(6), &budget), MEDIUM).unwrap(), bytes);
        assert_eq!((budget.in_use(), budget.peak()), (0, least));
        // Never more than is said.
        let budget = Budget::new(1 << 20);
        assert_eq!(drain(compressed_chunks(&bytes, &compressing(6), &budget), MEDIUM).unwrap(), bytes);
        assert!(budget.peak() <= least + chunks.waiting_memory(), "{}", budget.peak());
    }
    let opened = Opened { reader: Box::new(io::empty()), encoded_length: None };
    let refused =
        Input::start(InputPath::StandardInput, opened, &compressing(6), &Budget::new(least - 1), MEDIUM).unwrap_err();
    assert!(matches!(refused, Error::Memory { .. }));
}

#[test]
fn compressed_chunks_may_be_kept_and_dropped_early() {
    for bytes in [text(100 * MEDIUM), noise(100 * MEDIUM)] {
        let budget = Budget::new(1 << 20);
        let mut input = compressed_chunks(&bytes, &compressing(4), &budget);
        let kept: Vec<_> = (0..3).map(|_| input.next_chunk().unwrap().unwrap()).collect();
        assert!(kept.iter().zip(bytes.chunks(MEDIUM)).all(|(kept, bytes)| **kept == *bytes));
        assert!(input.next_chunk().unwrap_err().to_string().contains("in use"));
        drop(kept);
        assert_eq!(input.next_chunk().unwrap().unwrap()[..], bytes[3 * MEDIUM..4 * MEDIUM]);
        // The thread is full and waits; the drop of a file waits for it.
        input.encoded_length = Some(bytes.len() as u64);
        drop(input);
        assert_eq!(budget.in_use(), 0);
    }
}

#[test]
fn errors_come_after_the_chunks_before_them() {
    let pipe = Trickle::new(&text(5 * MEDIUM), Some(io::ErrorKind::ConnectionReset));
    let opened = Opened { reader: Box::new(pipe), encoded_length: None };
    let budget = Budget::new(1 << 20);
    let mut input = Input::start(InputPath::StandardInput, opened, &compressing(4), &budget, MEDIUM).unwrap();
    for _ in 0..5 {
        assert_eq!(input.next_chunk().unwrap().unwrap().len(), MEDIUM);
    }
    assert!(matches!(input.next_chunk(), Err(Error::Io { .. })));
    assert!(input.finish().is_err());
}
