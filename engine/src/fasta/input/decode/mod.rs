//! The decoders: encoded bytes in, decompressed bytes out, and nothing accepted that is not whole.
//!
//! A sequence database that ends early is a wrong answer to every search, so each decoder goes on to the end of its
//! input and takes only what is complete there: every member, frame or stream with its checksum, and behind the last
//! one nothing but the padding that the format knows. What the libraries let pass is checked here.
//!
//! The decoders take their memory from the budget before they allocate it: gzip and bzip2 need the same for any input
//! and take it before the first byte; zstd and xz need what the input says.

mod bzip2;
mod gzip;
mod xz;
mod zstd;

use std::io;
use std::path::Path;

use super::chunk::ChunkWriter;
use super::compression::Compression;
use super::source::Source;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;

/// Encoded bytes that are read at once.
const SOURCE_BUFFER: usize = 128 << 10;

/// Why a decoder stopped before the end.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nobody wants the rest.
    Stopped,
    /// The input cannot be read.
    Read(io::Error),
    /// The data is not what it should be.
    Damaged(String),
    /// There is not the memory for it.
    Refused(Error),
}

impl Fault {
    /// The error to report, if there is one.
    pub(super) fn into_error(self, path: &Path, compression: Compression, decoded: u64) -> Option<Error> {
        match self {
            Self::Stopped => None,
            Self::Read(error) => Some(Error::io(path, "read")(error)),
            Self::Damaged(reason) => {
                Some(Error::Compressed { path: path.to_path_buf(), format: compression.name(), decoded, reason })
            }
            Self::Refused(error) => Some(error),
        }
    }

    /// The input ends inside `part`.
    fn cut_short(part: &str) -> Self {
        Self::Damaged(format!("the input ends inside a {part}: it is cut short"))
    }

    /// Behind the last `part` there is something else.
    fn trailing_garbage(part: &str) -> Self {
        Self::Damaged(format!("trailing garbage: what follows the last {part} is not a further {part}"))
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// First bytes of an input that tell all that can be told before it is decoded.
pub(super) const FIRST: usize = zstd::HEADER;

/// The window that the first frame needs beside the decoder's memory, if it is told from the first bytes.
pub(super) fn window(compression: Compression, first: &[u8]) -> u64 {
    match compression {
        Compression::Zstd => zstd::accepted_window(first),
        _ => 0,
    }
}

/// The most of all [`base_memory`].
pub(super) fn most_base_memory() -> u64 {
    let all = [Compression::None, Compression::Gzip, Compression::Zstd, Compression::Xz, Compression::Bzip2];
    all.into_iter().map(base_memory).max().unwrap_or(0)
}

/// Bytes that the decoder of `compression` needs for any input.
pub(super) fn base_memory(compression: Compression) -> u64 {
    let decoder = match compression {
        Compression::None => return 0,
        Compression::Gzip => gzip::MEMORY,
        Compression::Zstd => zstd::MEMORY,
        Compression::Xz => xz::MEMORY,
        Compression::Bzip2 => bzip2::MEMORY,
    };
    SOURCE_BUFFER as u64 + decoder
}

/// Decodes all of `source` into `writer`. `lease` is [`base_memory`] long and grows with what the input needs.
pub(super) fn decode(
    compression: Compression,
    source: &mut Source,
    writer: &mut ChunkWriter,
    lease: &mut Lease,
) -> Result<(), Fault> {
    if compression != Compression::None {
        source.grow(SOURCE_BUFFER);
    }
    match compression {
        Compression::None => copy(source, writer),
        Compression::Gzip => gzip::decode(source, writer),
        Compression::Zstd => zstd::decode(source, writer, lease),
        Compression::Xz => xz::decode(source, writer, lease),
        Compression::Bzip2 => bzip2::decode(source, writer),
    }
}

fn copy(source: &mut Source, writer: &mut ChunkWriter) -> Result<(), Fault> {
    loop {
        match source.copy(writer.space()?)? {
            0 => return Ok(()),
            count => writer.advance(count),
        }
    }
}
