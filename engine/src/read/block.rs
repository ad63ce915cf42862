//! Decoding one block: checksum, codec, packing, each compared with what the directory says.
//!
//! Costs one allocation of the decoded length, which the caller has checked against the stream's nominal block size, and the
//! codec's time. Contexts of Zstandard are kept by thread.

use std::cell::RefCell;
use std::path::Path;

use talaria_db_spec::SpecError;
use talaria_db_spec::block::{BlockEntry, Codec, Packing, maximum_payload};
use talaria_db_spec::checksum::crc32;
use talaria_db_spec::packing;
use zstd::zstd_safe;

use crate::error::{Error, Result};

thread_local! {
    /// One for frames without a dictionary and one for those with: a context that goes from one to the other takes the dictionary
    /// for cold every time, and decodes slower.
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

/// Decodes `stored`, which [`check`] has passed, with the dictionary that the entry names.
///
/// # Errors
/// B-4, B-5, B-10 or B-11.
pub fn decode(entry: &BlockEntry, stored: &[u8], dictionary: Option<&Dictionary>, place: Place<'_>) -> Result<Vec<u8>> {
    let spec = Error::format(place.path);
    let (codec, packing) = match (Codec::from_byte(entry.codec), Packing::from_byte(entry.packing)) {
        (Ok(codec), Ok(packing)) => (codec, packing),
        (Err(violation), _) | (_, Err(violation)) => return Err(spec(violation)),
    };
    if entry.dictionary.get() != 0 && codec != Codec::Zstd {
        return Err(place.format("dictionary", "B-4", entry.dictionary.get().into(), 0));
    }
    let decoded_length = entry.decoded_length.get() as usize;
    if packing == Packing::Bytes {
        return decompress(codec, stored, decoded_length, dictionary, place);
    }
    let mut residues = vec![0; decoded_length];
    if codec == Codec::None {
        packing::unpack(stored, packing, &mut residues).map_err(spec)?;
        return Ok(residues);
    }
    let Some((length, compressed)) = stored.split_first_chunk::<4>() else {
        return Err(place.format("payload length", "B-5", stored.len() as u64, 4));
    };
    let payload_length = u32::from_le_bytes(*length);
    let most = maximum_payload(entry.decoded_length.get());
    if u64::from(payload_length) > most {
        return Err(place.format("payload length", "B-10", payload_length.into(), most));
    }
    let payload = decompress(codec, compressed, payload_length as usize, dictionary, place)?;
    packing::unpack(&payload, packing, &mut residues).map_err(spec)?;
    Ok(residues)
}

/// Decompresses to exactly `length` bytes, in one pass into a buffer of that size: no window is allocated, whatever a frame asks for.
fn decompress(
    codec: Codec,
    stored: &[u8],
    length: usize,
    dictionary: Option<&Dictionary>,
    place: Place<'_>,
) -> Result<Vec<u8>> {
    let exact = |got: usize| place.format("decoded length", "B-5", got as u64, length as u64);
    match codec {
        Codec::None if stored.len() == length => Ok(stored.to_vec()),
        Codec::None => Err(exact(stored.len())),
        Codec::Lz4 => {
            let mut bytes = vec![0; length];
            let got = lz4_flex::block::decompress_into(stored, &mut bytes)
                .map_err(|error| place.decode(error.to_string()))?;
            if got == length { Ok(bytes) } else { Err(exact(got)) }
        }
        Codec::Zstd => {
            let frame = zstd_safe::find_frame_compressed_size(stored)
                .map_err(|code| place.decode(zstd_safe::get_error_name(code)))?;
            if frame != stored.len() {
                return Err(place.format("stored length", "B-5", stored.len() as u64, frame as u64));
            }
            let mut bytes = Vec::with_capacity(length);
            let got = with_context(dictionary.is_some(), |context| match dictionary {
                Some(dictionary) => context.decompress_using_ddict(&mut bytes, stored, dictionary),
                None => context.decompress(&mut bytes, stored),
            })
            .map_err(|code| place.decode(zstd_safe::get_error_name(code)))?;
            if got == length { Ok(bytes) } else { Err(exact(got)) }
        }
    }
}

fn with_context(
    with_dictionary: bool,
    work: impl FnOnce(&mut zstd_safe::DCtx<'static>) -> zstd_safe::SafeResult,
) -> zstd_safe::SafeResult {
    CONTEXTS.with(|[plain, trained]| {
        let mut slot = if with_dictionary { trained } else { plain }.borrow_mut();
        work(slot.get_or_insert_with(zstd_safe::DCtx::create))
    })
}
