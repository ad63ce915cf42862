//! Blocks of the delta stream: each kind of what an item says is compressed by itself.

use std::cell::RefCell;

use talaria_db_spec::block::{Codec, Packing, maximum_payload};
use talaria_db_spec::delta::streams::{self, Part, STREAMS};
use zstd::zstd_safe::{self, CParameter, Strategy};

use super::{Compression, EncodedBlock, compress, encode_bytes, finish, no_room};
use crate::error::Result;
use crate::memory::zstandard;

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
}

/// Encodes a block of the delta stream: its items taken apart, each stream compressed where that pays; or as it is, if
/// that is not longer.
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
        if compression.level().is_some_and(|level| level < OPTIMAL_LEVEL) && !stream.is_empty() {
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

/// A Zstandard frame of a stream of values that are skewed and hardly repeat: what there is to gain is in how frequent
/// they are. At the lower levels short matches are taken that cost more than the values by themselves; here they are
/// weighed, and long ones only are looked for.
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
