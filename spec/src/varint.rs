//! Unsigned LEB128, in its shortest form only (rule V-1).

use alloc::vec::Vec;

use crate::error::SpecError;

/// Most bytes of a varint.
pub const MAXIMUM_LENGTH: usize = 10;

/// Appends `value`.
pub fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Takes a value off the front of `bytes`.
///
/// # Errors
/// V-1, if the value is cut short, padded or larger than a `u64`; `bytes` is then left as it was.
///
/// ```
/// use talaria_db_spec::varint;
///
/// let mut bytes = Vec::new();
/// varint::write(&mut bytes, 300);
/// assert_eq!(bytes, [0xAC, 0x02]);
/// let mut rest = &bytes[..];
/// assert_eq!(varint::read(&mut rest), Ok(300));
/// assert!(rest.is_empty());
/// assert!(varint::read(&mut &[0x80, 0x00][..]).is_err());
/// ```
#[inline]
pub fn read(bytes: &mut &[u8]) -> Result<u64, SpecError> {
    // Most are of one byte.
    if let Some((&first @ ..0x80, rest)) = bytes.split_first() {
        *bytes = rest;
        return Ok(first.into());
    }
    read_long(bytes)
}

fn read_long(bytes: &mut &[u8]) -> Result<u64, SpecError> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().take(MAXIMUM_LENGTH).enumerate() {
        let low = u64::from(byte & 0x7F);
        let overflows = index == MAXIMUM_LENGTH - 1 && byte > 1;
        let padded = index > 0 && byte == 0;
        if overflows || padded {
            return Err(broken(byte));
        }
        value |= low << (7 * index);
        if byte < 0x80 {
            *bytes = bytes.get(index + 1..).unwrap_or_default();
            return Ok(value);
        }
    }
    Err(broken(bytes.last().copied().unwrap_or_default()))
}

fn broken(byte: u8) -> SpecError {
    SpecError::violation("varint", "last byte", "V-1", 0, u64::from(byte), 0x7F)
}

#[cfg(test)]
mod tests {
    use super::*;

    // EVIDENCE: V-1
    #[test]
    fn every_length_comes_back_and_nothing_else_is_read() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1_u64 << shift) - 1, u64::MAX >> shift] {
                let mut bytes = Vec::new();
                write(&mut bytes, value);
                assert!(bytes.len() <= MAXIMUM_LENGTH);
                let mut rest = &bytes[..];
                assert_eq!(read(&mut rest), Ok(value));
                assert!(rest.is_empty());
                for cut in 0..bytes.len() {
                    assert!(read(&mut &bytes[..cut]).is_err());
                }
            }
        }
        assert!(read(&mut &[0x80; 11][..]).is_err());
        assert!(read(&mut &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02][..]).is_err());
        assert!(read(&mut &[0x81, 0x00][..]).is_err());
    }
}
