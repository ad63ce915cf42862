//! Encoding one block: packing, codec, checksum. The inverse of [`crate::read::block`].
//!
//! Which packing and whether the codec pays is decided block by block from its residues alone, so that the bytes do not
//! depend on threads or memory.

use std::cell::RefCell;

use talaria_db_spec::block::{Codec, Packing, maximum_payload};
use talaria_db_spec::checksum::crc32;
use talaria_db_spec::delta::streams::{self, Part, STREAMS};
use talaria_db_spec::packing;
use zstd::zstd_safe::{self, CParameter, Strategy};

use crate::error::{Error, Result};
use crate::memory::zstandard;

/// A codec and its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// None.
    None,
    /// LZ4.
    Lz4,
    /// Zstandard at a level from 1 to 22.
    Zstd(i32),
}

impl Compression {
    /// From `none`, `lz4`, `zstd` or `zstd:LEVEL`.
    ///
    /// # Errors
    /// [`Error::Option`].
    ///
    /// ```
    /// use talaria_db::Compression;
    ///
    /// assert_eq!(Compression::parse("zstd:19")?, Compression::Zstd(19));
    /// assert_eq!(Compression::parse("zstd")?, Compression::Zstd(1));
    /// assert!(Compression::parse("zstd:99").is_err());
    /// # Ok::<(), talaria_db::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let refused = |reason: String| Err(Error::Option { option: "--codec", reason });
        match text {
            "none" => Ok(Self::None),
            "lz4" => Ok(Self::Lz4),
            "zstd" => Ok(Self::Zstd(1)),
            _ => match text.strip_prefix("zstd:").map(str::parse) {
                Some(Ok(level @ 1..=22)) => Ok(Self::Zstd(level)),
                Some(_) => refused(format!("{text:?}: the level of zstd is a number from 1 to 22")),
                None => refused(format!("{text:?} is none of none, lz4, zstd, zstd:LEVEL")),
            },
        }
    }
}

impl Compression {
    /// Bytes of memory that `threads` threads take to encode blocks of `block` bytes, and to decode them again for comparing.
    #[must_use]
    pub(crate) fn memory(self, block: u32, threads: usize) -> u64 {
        // Zstandard sizes its tables by the block: four bytes an entry, twice as many entries as bytes in each of two or three tables
        // at high levels, small ones at low levels. The rest is the block in its three forms, and what does not depend on it.
        let blocks = match self {
            Self::Zstd(4..) => 28,
            _ => 6,
        };
        threads as u64 * (blocks * u64::from(block) + (1 << 20))
    }
}

impl std::fmt::Display for Compression {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => out.write_str("none"),
            Self::Lz4 => out.write_str("lz4"),
            Self::Zstd(level) => write!(out, "zstd:{level}"),
        }
    }
}

/// A block as it is stored.
#[derive(Debug)]
pub struct EncodedBlock {
    /// The stored bytes.
    pub stored: Vec<u8>,
    /// Bytes when decoded.
    pub decoded_length: u32,
    /// CRC-32 of the stored bytes.
    pub checksum: u32,
    /// The codec.
    pub codec: Codec,
    /// The packing.
    pub packing: Packing,
    /// 0, or the number of the dictionary.
    pub dictionary: u16,
}

/// A dictionary made ready for encoding.
pub type EncodingDictionary = zstd_safe::CDict<'static>;

/// The level from which on Zstandard weighs matches against values by itself.
const OPTIMAL_LEVEL: i32 = 16;
/// Matches are weighed, long, and looked for in small tables.
const VALUES: [CParameter; 7] = [
    CParameter::CompressionLevel(1),
    CParameter::Strategy(Strategy::ZSTD_btopt),
    CParameter::MinMatch(7),
    CParameter::HashLog(6),
    CParameter::ChainLog(6),
    CParameter::SearchLog(1),
    CParameter::TargetLength(999),
];

thread_local! {
    static VALUES_CONTEXT: RefCell<Option<zstd_safe::CCtx<'static>>> = const { RefCell::new(None) };
    static CONTEXT: RefCell<Option<zstd_safe::CCtx<'static>>> = const { RefCell::new(None) };
}

/// Level from which on it does not matter that packed and unpacked bases are both tried.
const THOROUGH_LEVEL: i32 = 10;

/// Encodes residues: two bits a base where that fits, then the codec where that pays.
///
/// A codec finds repeats of bytes, and a base is a quarter of one when it is packed: only one in four repeats is at a place where it shows. So where bases repeat a lot they
/// are tried unpacked too, and stay so if that is shorter by an eighth at least, as they take more time to decode.
///
/// # Errors
/// [`Error::Io`] if the codec fails, which it does for want of memory only.
pub fn encode_residues(residues: &[u8], compression: Compression) -> Result<EncodedBlock> {
    let Some((packing, payload)) = pack(residues) else {
        return encode_bytes(residues, compression, None);
    };
    let mut stored = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    let codec = compress(&payload, compression, None, &mut stored)?;
    let thorough = matches!(compression, Compression::Zstd(THOROUGH_LEVEL..));
    let repeats = stored.len() < payload.len() - payload.len() / 8 * if thorough { 1 } else { 3 };
    if codec != Codec::None && repeats {
        let unpacked = encode_bytes(residues, compression, None)?;
        if unpacked.stored.len() < stored.len() - stored.len() / 8 {
            return Ok(unpacked);
        }
    }
    // A packed block is decoded at the speed of memory: a codec that takes off next to nothing is not worth its time.
    let (codec, stored) = if codec != Codec::None && stored.len() < payload.len() - payload.len() / 32 {
        (codec, stored)
    } else {
        (Codec::None, payload)
    };
    Ok(finish(stored, residues.len(), codec, packing, 0))
}

/// Encodes bytes that are no residues, or residues that do not pack.
///
/// # Errors
/// As [`encode_residues`].
pub fn encode_bytes(
    bytes: &[u8],
    compression: Compression,
    dictionary: Option<&EncodingDictionary>,
) -> Result<EncodedBlock> {
    let mut stored = Vec::new();
    let dictionary = dictionary.filter(|_| matches!(compression, Compression::Zstd(_)));
    let codec = compress(bytes, compression, dictionary, &mut stored)?;
    if codec == Codec::None || stored.len() >= bytes.len() {
        return Ok(finish(bytes.to_vec(), bytes.len(), Codec::None, Packing::Bytes, 0));
    }
    Ok(finish(stored, bytes.len(), codec, Packing::Bytes, u16::from(dictionary.is_some())))
}

/// Encodes a block of the delta stream: its items taken apart, each stream compressed where that pays; or as it is, if that is not longer.
///
/// # Errors
/// As [`encode_residues`].
pub(crate) fn encode_deltas(bytes: &[u8], compression: Compression) -> Result<EncodedBlock> {
    let plain = encode_bytes(bytes, compression, None)?;
    let Some(streams) = streams::split(bytes) else { return Ok(plain) };
    let mut compressed: [Vec<u8>; STREAMS] = Default::default();
    let mut codec = Codec::None;
    for (stream, out) in streams.iter().zip(&mut compressed) {
        let used = compress(stream, compression, None, out)?;
        if matches!(compression, Compression::Zstd(..OPTIMAL_LEVEL)) && !stream.is_empty() {
            let frame = compress_values(stream)?;
            if frame.len() < out.len() {
                *out = frame;
            }
        }
        // An empty stream is never shorter.
        if out.len() >= stream.len() {
            out.clear();
        } else {
            codec = used;
        }
    }
    let parts = std::array::from_fn(|index| {
        let (stream, out) = (&streams[index], &compressed[index]);
        let stored = if out.is_empty() { stream } else { out };
        Part { length: stream.len() as u64, stored, compressed: !out.is_empty() }
    });
    let mut stored = Vec::new();
    streams::write_payload(&parts, &mut stored);
    let all = parts.iter().map(|part| part.length).sum::<u64>();
    let decoded = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    if stored.len() >= plain.stored.len() || all > maximum_payload(decoded) {
        return Ok(plain);
    }
    Ok(finish(stored, bytes.len(), codec, Packing::DeltaStreams, 0))
}

fn finish(stored: Vec<u8>, decoded: usize, codec: Codec, packing: Packing, dictionary: u16) -> EncodedBlock {
    let decoded_length = u32::try_from(decoded).unwrap_or(u32::MAX);
    EncodedBlock { checksum: crc32(&stored), stored, decoded_length, codec, packing, dictionary }
}

/// The two-bit payload, if most of a sample are nucleotides and the exceptions are few.
fn pack(residues: &[u8]) -> Option<(Packing, Vec<u8>)> {
    let (mut sample, mut bases, mut thymine, mut uracil) = (0, 0, 0, 0);
    for &residue in residues.iter().step_by(13) {
        sample += 1;
        match residue.to_ascii_uppercase() {
            b'A' | b'C' | b'G' | b'N' => bases += 1,
            b'T' => thymine += 1,
            b'U' => uracil += 1,
            _ => {}
        }
    }
    if (bases + thymine + uracil) * 10 < sample * 9 {
        return None;
    }
    let packing = if uracil > thymine { Packing::TwoBitRna } else { Packing::TwoBitDna };
    let mut payload = Vec::with_capacity(residues.len() / 4 + 64);
    packing::pack(residues, packing, &mut payload)?;
    Some((packing, payload))
}

/// A Zstandard frame of a stream of values that are skewed and hardly repeat: what there is to gain is in how frequent they are. At the lower levels short matches are
/// taken that cost more than the values by themselves; here they are weighed, and long ones only are looked for.
fn compress_values(stream: &[u8]) -> Result<Vec<u8>> {
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(stream.len()));
    let compressed = VALUES_CONTEXT.with_borrow_mut(|slot| {
        let context = zstandard::compressor(slot)?;
        for parameter in VALUES {
            context.set_parameter(parameter)?;
        }
        context.compress2(&mut frame, stream)
    });
    compressed.map_err(no_room)?;
    Ok(frame)
}

/// A buffer of the bound's size is never too small: what is left is want of memory.
fn no_room(code: usize) -> Error {
    if code == zstandard::NO_MEMORY {
        return zstandard::no_memory("zstd".as_ref(), "compress a block");
    }
    let source = std::io::Error::other(zstd_safe::get_error_name(code));
    Error::Io { path: "zstd".into(), action: "compress a block", source }
}

/// Appends the compressed bytes to `out`; [`Codec::None`] leaves it as it was.
fn compress(
    bytes: &[u8],
    compression: Compression,
    dictionary: Option<&EncodingDictionary>,
    out: &mut Vec<u8>,
) -> Result<Codec> {
    match compression {
        Compression::None => Ok(Codec::None),
        Compression::Lz4 => {
            out.extend_from_slice(&lz4_flex::block::compress(bytes));
            Ok(Codec::Lz4)
        }
        Compression::Zstd(level) => {
            let mut frame = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
            CONTEXT
                .with_borrow_mut(|slot| {
                    let context = zstandard::compressor(slot)?;
                    match dictionary {
                        Some(dictionary) => context.compress_using_cdict(&mut frame, bytes, dictionary),
                        None => context.compress(&mut frame, bytes, level),
                    }
                })
                .map_err(no_room)?;
            out.extend_from_slice(&frame);
            Ok(Codec::Zstd)
        }
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::little_endian::{U16, U32};
    use zerocopy::{FromZeros, IntoBytes};

    use super::*;
    use crate::read::block;

    fn bases(count: usize, seed: &mut u64) -> Vec<u8> {
        let mut base = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b"ACGT"[(*seed >> 62) as usize]
        };
        (0..count).map(|_| base()).collect()
    }

    /// How it is packed, once it has come back.
    fn packing(residues: &[u8], compression: Compression) -> (Packing, Codec) {
        let encoded = encode_residues(residues, compression).unwrap();
        let mut entry = talaria_db_spec::block::BlockEntry::new_zeroed();
        entry.stored_length = U32::new(encoded.stored.len() as u32);
        entry.decoded_length = U32::new(encoded.decoded_length);
        entry.checksum = U32::new(encoded.checksum);
        (entry.codec, entry.packing) = (encoded.codec.byte(), encoded.packing.byte());
        entry.dictionary = U16::new(encoded.dictionary);
        assert_eq!(entry.as_bytes().len(), 32);
        let place = block::Place { path: "".as_ref(), stream: "sequence", block: 0 };
        assert!(block::decode(&entry, &encoded.stored, None, place).unwrap() == residues);
        (encoded.packing, encoded.codec)
    }

    #[test]
    fn bases_that_repeat_are_not_packed() {
        let mut seed = 7;
        let alone = bases(64 << 10, &mut seed);
        let (gene, mut family) = (bases(1500, &mut seed), Vec::new());
        for copy in 0..40 {
            // Each is a base longer than the one before, so that repeats are at all places.
            family.extend_from_slice(&gene[..700]);
            family.extend(bases(copy, &mut seed));
            family.extend_from_slice(&gene[700..]);
        }
        for level in [1, 3, 19] {
            assert_eq!(packing(&alone, Compression::Zstd(level)), (Packing::TwoBitDna, Codec::None), "{level}");
            assert_eq!(packing(&family, Compression::Zstd(level)), (Packing::Bytes, Codec::Zstd), "{level}");
        }
        assert_eq!(packing(&family, Compression::None), (Packing::TwoBitDna, Codec::None));
        // The same places every time: packed ones repeat too.
        let repeated = gene[..1024].repeat(40);
        assert_eq!(packing(&repeated, Compression::Lz4), (Packing::TwoBitDna, Codec::Lz4));
    }
}
