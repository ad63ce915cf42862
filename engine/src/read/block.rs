//! Decoding one block: checksum, codec, packing, each compared with what the directory says.
//!
//! Costs a buffer of the decoded length, which the caller has checked against the stream's nominal block size, and the
//! codec's time. Buffers come from a pool, as most blocks are dropped soon after they are decoded. Contexts of
//! Zstandard are kept by thread.

mod delta;

use std::cell::RefCell;
use std::path::Path;

use talaria_db_spec::SpecError;
use talaria_db_spec::block::{BlockEntry, Codec, Packing, maximum_payload};
use talaria_db_spec::checksum::crc32;
use talaria_db_spec::packing;
use zstd::zstd_safe;

use crate::error::{Error, Result};
use crate::memory::buffer::{Buffer, Buffers};
use crate::memory::zstandard;
use crate::sys::letters;

thread_local! {
    /// One for frames without a dictionary and one for those with: a context that goes from one to the other takes the
    /// dictionary for cold every time, and decodes slower.
    static CONTEXTS: [RefCell<Option<zstd_safe::DCtx<'static>>>; 2] = const { [RefCell::new(None), RefCell::new(None)] };
}

/// A dictionary made ready for decoding.
pub type Dictionary = zstd_safe::DDict<'static>;

/// Where a block stands, for errors.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The container.
    pub path: &'a Path,
    /// Name of the stream.
    pub stream: &'static str,
    /// Number of the block.
    pub block: u64,
}

impl Place<'_> {
    fn decode(&self, reason: impl Into<String>) -> Error {
        Error::Decode { path: self.path.to_path_buf(), stream: self.stream, block: self.block, reason: reason.into() }
    }

    /// What the Zstandard library said.
    fn refused(&self, code: usize) -> Error {
        if code == zstandard::NO_MEMORY {
            return zstandard::no_memory(self.path, "decode a block");
        }
        self.decode(zstd_safe::get_error_name(code))
    }

    fn format(&self, field: &'static str, rule: &'static str, got: u64, expected: u64) -> Error {
        let violation = SpecError::violation(self.stream, field, rule, self.block, got, expected);
        Error::Format { path: self.path.to_path_buf(), violation }
    }
}

/// Compares stored bytes with the checksum of their entry.
///
/// # Errors
/// Rule B-3.
pub fn check(entry: &BlockEntry, stored: &[u8], place: Place<'_>) -> Result<()> {
    let (got, expected) = (crc32(stored), entry.checksum.get());
    if got == expected { Ok(()) } else { Err(place.format("block checksum", "B-3", got.into(), expected.into())) }
}

/// Decodes `stored`, which [`check`] has passed, with the dictionary that the entry names, into a buffer of its own.
///
/// # Errors
/// B-4, B-5, B-10 or B-11; X-5 for a block of deltas.
pub fn decode(entry: &BlockEntry, stored: &[u8], dictionary: Option<&Dictionary>, place: Place<'_>) -> Result<Vec<u8>> {
    decode_into(entry, stored, dictionary, |length| vec![0; length].into(), place).map(Buffer::into_vec)
}

/// As [`decode`], into a buffer of `buffers`.
///
/// # Errors
/// B-4, B-5, B-10 or B-11; X-5 for a block of deltas.
pub fn decode_pooled(
    entry: &BlockEntry,
    stored: &[u8],
    dictionary: Option<&Dictionary>,
    buffers: &Buffers,
    place: Place<'_>,
) -> Result<Buffer> {
    decode_into(entry, stored, dictionary, |length| buffers.acquire(length), place)
}

fn decode_into(
    entry: &BlockEntry,
    stored: &[u8],
    dictionary: Option<&Dictionary>,
    acquire: impl Fn(usize) -> Buffer,
    place: Place<'_>,
) -> Result<Buffer> {
    let spec = Error::format(place.path);
    let (codec, packing) = match (Codec::from_byte(entry.codec), Packing::from_byte(entry.packing)) {
        (Ok(codec), Ok(packing)) => (codec, packing),
        (Err(violation), _) | (_, Err(violation)) => return Err(spec(violation)),
    };
    if entry.dictionary.get() != 0 && (codec != Codec::Zstd || packing == Packing::DeltaStreams) {
        return Err(place.format("dictionary", "B-4", entry.dictionary.get().into(), 0));
    }
    let decoded_length = entry.decoded_length.get() as usize;
    let mut decoded = acquire(decoded_length);
    if packing == Packing::DeltaStreams {
        delta::decode(codec, stored, decoded.as_mut_slice(), place)?;
        return Ok(decoded);
    }
    if packing == Packing::Bytes {
        decompress(codec, stored, decoded.as_mut_slice(), dictionary, place)?;
        return Ok(decoded);
    }
    if codec == Codec::None {
        packing::unpack_with(stored, packing, decoded.as_mut_slice(), letters::unpack).map_err(spec)?;
        return Ok(decoded);
    }
    let Some((length, compressed)) = stored.split_first_chunk::<4>() else {
        return Err(place.format("payload length", "B-5", stored.len() as u64, 4));
    };
    let payload_length = u32::from_le_bytes(*length);
    let most = maximum_payload(entry.decoded_length.get());
    if u64::from(payload_length) > most {
        return Err(place.format("payload length", "B-10", payload_length.into(), most));
    }
    let mut payload = acquire(payload_length as usize);
    decompress(codec, compressed, payload.as_mut_slice(), dictionary, place)?;
    packing::unpack_with(&payload, packing, decoded.as_mut_slice(), letters::unpack).map_err(spec)?;
    Ok(decoded)
}

/// Decompresses to exactly the length of `out`, in one pass: no window is allocated, whatever a frame asks for.
fn decompress(
    codec: Codec,
    stored: &[u8],
    out: &mut [u8],
    dictionary: Option<&Dictionary>,
    place: Place<'_>,
) -> Result<()> {
    let length = out.len();
    let exact = |got: usize| {
        if got == length { Ok(()) } else { Err(place.format("decoded length", "B-5", got as u64, length as u64)) }
    };
    match codec {
        Codec::None => {
            exact(stored.len())?;
            out.copy_from_slice(stored);
            Ok(())
        }
        Codec::Lz4 => {
            exact(lz4_flex::block::decompress_into(stored, out).map_err(|error| place.decode(error.to_string()))?)
        }
        Codec::Zstd => {
            let frame = zstd_safe::find_frame_compressed_size(stored).map_err(|code| place.refused(code))?;
            if frame != stored.len() {
                return Err(place.format("stored length", "B-5", stored.len() as u64, frame as u64));
            }
            let got = with_context(dictionary.is_some(), |context| match dictionary {
                Some(dictionary) => context.decompress_using_ddict(out, stored, dictionary),
                None => context.decompress(out, stored),
            })
            .map_err(|code| place.refused(code))?;
            exact(got)
        }
    }
}

fn with_context(
    with_dictionary: bool,
    work: impl FnOnce(&mut zstd_safe::DCtx<'static>) -> zstd_safe::SafeResult,
) -> zstd_safe::SafeResult {
    CONTEXTS.with(|[plain, trained]| {
        let mut slot = if with_dictionary { trained } else { plain }.borrow_mut();
        work(zstandard::decompressor(&mut slot)?)
    })
}
