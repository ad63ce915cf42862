//! Zstandard, frame by frame.
//!
//! libzstd verifies the checksum of a frame that has one, skips skippable frames, and refuses what is no frame. What a
//! frame needs is told by its header: the window, that is how far back it refers. It is leased before the frame is
//! decoded.
//!
//! Does not take dictionaries, and no window beyond [`WINDOW_LOG_MAX`], which is what the command line tool takes
//! without being asked.

use ::zstd::stream::raw::{DParameter, Decoder, Operation};

use super::Fault;
use crate::fasta::input::chunk::ChunkWriter;
use crate::fasta::input::compression::ZSTD_MAGIC;
use crate::fasta::input::source::Source;
use crate::memory::budget::Lease;

/// A decoder without its window: 160 KiB of context, and three blocks of 128 KiB.
pub(super) const MEMORY: u64 = 640 << 10;

/// Logarithm of the largest window.
const WINDOW_LOG_MAX: u32 = 27;
/// The largest window.
const MOST_WINDOW: u64 = 1 << WINDOW_LOG_MAX;
/// Bytes from which the window can be told: the magic number, the descriptor, a dictionary's identifier, the content's
/// size.
pub(super) const HEADER: usize = 4 + 1 + 4 + 8;

/// Decodes all frames.
pub(super) fn decode(source: &mut Source, writer: &mut ChunkWriter, lease: &mut Lease) -> Result<(), Fault> {
    let mut decoder = Decoder::new().map_err(damaged)?;
    decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(damaged)?;
    let base = lease.bytes();
    loop {
        let header = source.peek(HEADER)?;
        if header.is_empty() {
            return Ok(());
        }
        let window = window(header).unwrap_or(0);
        if window > MOST_WINDOW {
            return Err(Fault::Damaged(format!(
                "a frame needs a window of {window} bytes, more than the {MOST_WINDOW} that are accepted; pipe the \
                 output of zstd -dc --long=31 in"
            )));
        }
        // The decoder keeps the largest window that it ever needed.
        lease.resize(lease.bytes().max(base + window))?;
        decode_frame(&mut decoder, source, writer)?;
    }
}

fn decode_frame(decoder: &mut Decoder<'_>, source: &mut Source, writer: &mut ChunkWriter) -> Result<(), Fault> {
    loop {
        let input = source.fill()?;
        let at_end = input.is_empty();
        let status = decoder.run_on_buffers(input, writer.space()?).map_err(damaged)?;
        source.advance(status.bytes_read);
        writer.advance(status.bytes_written);
        if status.remaining == 0 {
            return Ok(());
        }
        if at_end && status.bytes_written == 0 {
            return Err(Fault::cut_short("frame"));
        }
    }
}

/// The window that is taken for the frame with this header: none for one that is refused.
pub(super) fn accepted_window(header: &[u8]) -> u64 {
    window(header).filter(|&window| window <= MOST_WINDOW).unwrap_or(0)
}

/// The window that the frame with this header needs. `None` if it is not a frame with a window, or cut short, which the
/// decoder is left to judge.
pub(super) fn window(header: &[u8]) -> Option<u64> {
    let descriptor = *header.strip_prefix(&ZSTD_MAGIC)?.first()?;
    let fields = &header[ZSTD_MAGIC.len() + 1..];
    let single_segment = descriptor & 0x20 != 0;
    if !single_segment {
        let window = *fields.first()?;
        let base = 1 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // The window is the content. A size of two bytes counts from 256.
    let identifier = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let (length, least) = [(1, 0), (2, 256), (4, 0), (8, 0)][usize::from(descriptor >> 6)];
    let mut size = [0; 8];
    size[..length].copy_from_slice(fields.get(identifier..identifier + length)?);
    Some(u64::from_le_bytes(size) + least)
}

fn damaged(error: std::io::Error) -> Fault {
    Fault::Damaged(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_told_from_headers() {
        let told = |fields: &[u8]| window(&[&ZSTD_MAGIC[..], fields].concat());
        assert_eq!(told(&[0x00, 0]), Some(1 << 10));
        assert_eq!(told(&[0x00, (17 << 3) | 7]), Some((1 << 27) / 8 * 15));
        assert_eq!(told(&[0x20, 200]), Some(200));
        assert_eq!(told(&[0x61, 9, 1, 1]), Some(257 + 256));
        assert_eq!(told(&[0xa3, 9, 9, 9, 9, 0, 0, 1, 0]), Some(1 << 16));
        assert_eq!(told(&[0xe0, 0, 0, 0, 0, 1, 0, 0, 0]), Some(1 << 32));
        assert_eq!(told(&[0xe0, 0, 0, 0, 0, 1, 0, 0]), None);
        assert_eq!(told(&[]), None);
        let largest = told(&[0xe0; 9]);
        assert!(largest.is_some_and(|window| window > MOST_WINDOW), "{largest:?}");
        assert_eq!(accepted_window(&[&ZSTD_MAGIC[..], &[0xe0; 9]].concat()), 0);
        assert_eq!(accepted_window(&[&ZSTD_MAGIC[..], &[0x00, 17 << 3]].concat()), MOST_WINDOW);
        assert_eq!(window(b"\x50\x2a\x4d\x18\x04\0\0\0"), None);
    }
}
