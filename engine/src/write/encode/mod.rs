//! Encoding one block: packing, codec, checksum. The inverse of [`crate::read::block`].
//!
//! Which packing and whether the codec pays is decided block by block from what is in it alone, so that the bytes do
//! not depend on threads or memory.

mod compression;
mod deltas;
mod residues;

use std::cell::RefCell;

use talaria_db_spec::block::{Codec, Packing};
use talaria_db_spec::checksum::crc32;
use zstd::zstd_safe;

pub use self::compression::Compression;
pub(crate) use self::deltas::encode_deltas;
pub use self::residues::encode_residues;
use crate::error::{Error, Result};
use crate::memory::zstandard;

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

thread_local! {
    static CONTEXT: RefCell<Option<zstd_safe::CCtx<'static>>> = const { RefCell::new(None) };
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
    let dictionary = dictionary.filter(|_| compression.level().is_some());
    let codec = compress(bytes, compression, dictionary, &mut stored)?;
    if codec == Codec::None || stored.len() >= bytes.len() {
        return Ok(finish(bytes.to_vec(), bytes.len(), Codec::None, Packing::Bytes, 0));
    }
    Ok(finish(stored, bytes.len(), codec, Packing::Bytes, u16::from(dictionary.is_some())))
}

fn finish(stored: Vec<u8>, decoded: usize, codec: Codec, packing: Packing, dictionary: u16) -> EncodedBlock {
    let decoded_length = u32::try_from(decoded).unwrap_or(u32::MAX);
    EncodedBlock { checksum: crc32(&stored), stored, decoded_length, codec, packing, dictionary }
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
    let Some(level) = compression.level() else {
        if compression == Compression::None {
            return Ok(Codec::None);
        }
        out.extend_from_slice(&lz4_flex::block::compress(bytes));
        return Ok(Codec::Lz4);
    };
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
