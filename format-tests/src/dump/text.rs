//! How values look in a dump.

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::alphabet::Alphabet;

/// Most bytes of a text that are shown whole.
const SHOWN: usize = 120;

/// Bytes in quotes, with escapes; the middle of long ones is counted.
pub(super) fn quoted(bytes: &[u8]) -> String {
    if bytes.len() <= SHOWN {
        return format!("\"{}\"", bytes.escape_ascii());
    }
    let (start, end) = (&bytes[..SHOWN / 2], &bytes[bytes.len() - SHOWN / 4..]);
    let left = bytes.len() - start.len() - end.len();
    format!("\"{}\" .. {left} bytes .. \"{}\"", start.escape_ascii(), end.escape_ascii())
}

/// A checksum.
pub(super) fn hex(value: u32) -> String {
    format!("{value:08x}")
}

/// A packed address.
pub(super) fn address(bits: u64) -> String {
    let address = PackedAddress::from_bits(bits);
    format!("block {} byte {}", address.block(), address.byte())
}

/// An alphabet, by its byte.
pub(super) fn alphabet(byte: u8) -> String {
    Alphabet::from_byte(byte).expect("an alphabet").name().to_owned()
}
