//! Decoding a block of deltas: its streams one by one, then its items from them.

use talaria_db_spec::block::{Codec, maximum_payload};
use talaria_db_spec::delta::streams::{self, STREAMS};

use super::{Place, decompress};
use crate::error::{Error, Result};

/// Fills `decoded` from a payload of packing 5.
///
/// # Errors
/// B-5, B-10, V-1 or X-5.
pub(super) fn decode(codec: Codec, stored: &[u8], decoded: &mut [u8], place: Place<'_>) -> Result<()> {
    let spec = Error::format(place.path);
    let most = maximum_payload(u32::try_from(decoded.len()).unwrap_or(u32::MAX));
    // The lengths add up to no more than that, so that what is allocated is bounded by the block.
    let parts = streams::read_payload(stored, most).map_err(&spec)?;
    let mut buffers: [Vec<u8>; STREAMS] = Default::default();
    for (part, buffer) in parts.iter().zip(&mut buffers) {
        if part.compressed {
            if codec == Codec::None {
                return Err(place.format("compressed stream", "X-5", part.length, 0));
            }
            buffer.resize(usize::try_from(part.length).unwrap_or(usize::MAX), 0);
            decompress(codec, part.stored, buffer, None, place)?;
        }
    }
    let streams =
        std::array::from_fn(|index| if parts[index].compressed { &buffers[index][..] } else { parts[index].stored });
    streams::join(&streams, decoded).map_err(spec)
}
