//! bzip2, stream by stream, as parallel compressors write it.
//!
//! The library checks the CRC of every block and of the stream. Its reader of several streams would wait forever for
//! memory that the system refuses, so the loop over the streams is here. Bytes after the last stream that are not a
//! further one are refused, where the command line tool warns.

use ::bzip2::{Decompress, Status};

use super::Fault;
use crate::fasta::input::chunk::ChunkWriter;
use crate::fasta::input::source::Source;

/// Blocks are at most 900 000 bytes long and take four bytes each; the state takes 64 KiB.
pub(super) const MEMORY: u64 = 4 << 20;

const STREAM_MAGIC: [u8; 3] = *b"BZh";

/// Decodes all streams.
pub(super) fn decode(source: &mut Source, writer: &mut ChunkWriter) -> Result<(), Fault> {
    loop {
        decode_stream(source, writer)?;
        match source.peek(STREAM_MAGIC.len())? {
            [] => return Ok(()),
            // A part of the magic number is a stream that is cut short.
            next if STREAM_MAGIC.starts_with(next) => {}
            _ => return Err(Fault::trailing_garbage("stream")),
        }
    }
}

fn decode_stream(source: &mut Source, writer: &mut ChunkWriter) -> Result<(), Fault> {
    let mut stream = Decompress::new(false);
    loop {
        let input = source.fill()?;
        let at_end = input.is_empty();
        let (total_in, total_out) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(input, writer.space()?);
        // Neither is more than was passed in.
        let (read, written) = ((stream.total_in() - total_in) as usize, (stream.total_out() - total_out) as usize);
        source.advance(read);
        writer.advance(written);
        match status {
            Ok(Status::StreamEnd) => return Ok(()),
            Ok(Status::MemNeeded) => return Err(Fault::Damaged("the system has no memory for the decoder".into())),
            Ok(_) if at_end && written == 0 => return Err(Fault::cut_short("stream")),
            Ok(_) if !at_end && read == 0 && written == 0 => {
                return Err(Fault::Damaged("the decoder makes no progress".into()));
            }
            Ok(_) => {}
            Err(_) => return Err(Fault::Damaged("a block is damaged, or a checksum does not match".into())),
        }
    }
}
