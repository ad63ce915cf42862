//! Packed addresses: a block of a stream, and a byte in it once it is decoded.

use crate::forever::BYTE_BITS;

/// `block << 24 | byte`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PackedAddress(u64);

impl PackedAddress {
    /// The address of `byte` in `block`; `None` if one of them has no room (40 and 24 bits).
    #[must_use]
    pub const fn new(block: u64, byte: u32) -> Option<Self> {
        if block >> (u64::BITS - BYTE_BITS) != 0 || byte >> BYTE_BITS != 0 {
            return None;
        }
        // Widening: `From` is not const.
        #[expect(clippy::as_conversions, reason = "u32 to u64 loses nothing")]
        Some(Self(block << BYTE_BITS | byte as u64))
    }

    /// From the bits of an offset column's item; every value is an address, if not one that is in range.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits as they are stored.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The number of the block.
    #[must_use]
    pub const fn block(self) -> u64 {
        self.0 >> BYTE_BITS
    }

    /// The byte in the decoded block.
    #[must_use]
    pub const fn byte(self) -> u32 {
        #[expect(clippy::as_conversions, reason = "masked to 24 bits")]
        {
            (self.0 & ((1 << BYTE_BITS) - 1)) as u32
        }
    }
}
