//! How values look in a dump.

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::alphabet::Alphabet;

use crate::draft::Part;

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

/// The items of a section of `u32` or `u64`.
pub(super) fn integers(part: &Part) -> Vec<u64> {
    if part.entry.item_size.get() == 8 {
        return part.bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    }
    part.bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes).into()).collect()
}
