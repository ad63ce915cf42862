//! Gzip, member by member, and BGZF.
//!
//! flate2 checks the CRC and the length of each member, and refuses headers that are cut short. Its reader of several
//! members knows neither padding nor BGZF, and calls bytes behind the last member a bad header, so the loop over the
//! members is here.
//!
//! BGZF is gzip in members of at most 64 KiB ("blocks"), each of which says so in its header, and a last one that is
//! empty: the only sign that the file was not cut between two blocks.
//!
//! Each member costs the allocation of a decoder's state, some 50 KiB.

use std::io::{self, ErrorKind, Read};

use flate2::GzHeader;
use flate2::bufread::GzDecoder;

use super::Fault;
use crate::fasta::input::chunk::ChunkWriter;
use crate::fasta::input::compression::GZIP_MAGIC;
use crate::fasta::input::source::{ReadFailed, Source};

/// The window and the state, and the three fields of a header, which are 64 KiB at most.
pub(super) const MEMORY: u64 = 256 << 10;

const NO_END_BLOCK: &str = "the last BGZF block is not the empty one that ends a file: it is probably cut short; to \
    accept it as it is, pipe the output of gzip -dc in";

/// Decodes all members.
pub(super) fn decode(source: &mut Source, writer: &mut ChunkWriter) -> Result<(), Fault> {
    loop {
        let ended = decode_member(source, writer)?;
        match source.peek(GZIP_MAGIC.len())? {
            // Half a magic number is a member that is cut short.
            next if !next.is_empty() && GZIP_MAGIC.starts_with(next) => continue,
            [] => {}
            _ => skip_padding(source, writer)?,
        }
        return if ended { Ok(()) } else { Err(Fault::Damaged(NO_END_BLOCK.into())) };
    }
}

/// Decodes a member, and tells whether it may be the last: a BGZF block with bytes in it may not.
fn decode_member(source: &mut Source, writer: &mut ChunkWriter) -> Result<bool, Fault> {
    let before = writer.decoded();
    let mut decoder = GzDecoder::new(source);
    loop {
        match decoder.read(writer.space()?).map_err(fault)? {
            0 => break,
            count => writer.advance(count),
        }
    }
    let is_block = decoder.header().and_then(GzHeader::extra).is_some_and(has_block_size);
    Ok(!is_block || writer.decoded() == before)
}

/// Takes zeros up to the end of the source, as tapes and disk images have them.
fn skip_padding(source: &mut Source, writer: &ChunkWriter) -> Result<(), Fault> {
    loop {
        writer.check_wanted()?;
        let bytes = source.fill()?;
        if bytes.is_empty() {
            return Ok(());
        }
        if bytes.iter().any(|&byte| byte != 0) {
            return Err(Fault::trailing_garbage("member"));
        }
        let count = bytes.len();
        source.advance(count);
    }
}

/// Whether the extra field of a header has the subfield `BC`, two bytes long, of a BGZF block.
fn has_block_size(mut extra: &[u8]) -> bool {
    while let [first, second, low, high, rest @ ..] = extra {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        if [*first, *second] == *b"BC" && length == 2 {
            return true;
        }
        extra = rest.get(length..).unwrap_or_default();
    }
    false
}

fn fault(error: io::Error) -> Fault {
    match error.downcast::<ReadFailed>() {
        Ok(ReadFailed(error)) => Fault::Read(error),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Fault::cut_short("member"),
        Err(error) => Fault::Damaged(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subfield_of_a_block_is_found_behind_others() {
        assert!(has_block_size(b"BC\x02\x00\x1b\x00"));
        assert!(has_block_size(b"XY\x01\x00-BC\x02\x00\x1b\x00"));
        assert!(!has_block_size(b"BC\x03\x00\x1b\x00\x00"));
        assert!(!has_block_size(b"XY\x06\x00BC\x02\x00\x1b\x00"));
        assert!(!has_block_size(b"XY\xff\xffBC\x02\x00"));
        assert!(!has_block_size(b"BC"));
    }
}
