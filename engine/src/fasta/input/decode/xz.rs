//! xz: concatenated streams, with padding.
//!
//! liblzma verifies the checksum of every block, the index, and that padding consists of fours of zeros. It would pass
//! over a checksum of a kind that it does not know; here that is refused. A block needs its dictionary, up to 4 GiB, in
//! memory: the decoder stops before it allocates one beyond its limit, and goes on when the limit was raised, so that
//! each dictionary is leased before it is allocated.

use liblzma::stream::{Action, CONCATENATED, Error as XzError, Status, Stream, TELL_UNSUPPORTED_CHECK};

use super::Fault;
use crate::fasta::input::chunk::ChunkWriter;
use crate::fasta::input::source::Source;
use crate::memory::budget::Lease;

/// What the decoder counts for itself, without a dictionary.
pub(super) const MEMORY: u64 = 64 << 10;

/// Decodes all streams.
pub(super) fn decode(source: &mut Source, writer: &mut ChunkWriter, lease: &mut Lease) -> Result<(), Fault> {
    let mut stream = Stream::new_stream_decoder(MEMORY, CONCATENATED | TELL_UNSUPPORTED_CHECK).map_err(damaged)?;
    let other = lease.bytes().saturating_sub(MEMORY);
    loop {
        let input = source.fill()?;
        let at_end = input.is_empty();
        let (total_in, total_out) = (stream.total_in(), stream.total_out());
        let result = stream.process(input, writer.space()?, if at_end { Action::Finish } else { Action::Run });
        // Neither is more than was passed in.
        let written = (stream.total_out() - total_out) as usize;
        source.advance((stream.total_in() - total_in) as usize);
        writer.advance(written);
        match result {
            Ok(Status::StreamEnd) => return Ok(()),
            Ok(_) if at_end && written == 0 => return Err(Fault::cut_short("stream")),
            Ok(Status::MemNeeded) => return Err(Fault::Damaged("the decoder makes no progress".into())),
            Ok(_) => {}
            Err(XzError::MemLimit) => {
                let need = memory_needed(&mut stream);
                lease.resize(lease.bytes().max(other.saturating_add(need)))?;
                stream.set_memlimit(need).map_err(damaged)?;
            }
            Err(error) => return Err(damaged(error)),
        }
    }
}

/// What the decoder needs to go on, to the KiB: it does not tell, but takes no limit below. It allocates nothing by
/// that.
fn memory_needed(stream: &mut Stream) -> u64 {
    let (mut refused, mut accepted) = (stream.memlimit(), 1 << 40);
    while accepted - refused > 1 << 10 {
        let middle = refused + (accepted - refused) / 2;
        match stream.set_memlimit(middle) {
            Ok(()) => accepted = middle,
            Err(_) => refused = middle,
        }
    }
    accepted
}

fn damaged(error: XzError) -> Fault {
    Fault::Damaged(error.to_string())
}
