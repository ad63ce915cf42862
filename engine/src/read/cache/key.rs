//! What a cache's entries are called, and a hash of that which costs one multiplication.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::read::stream::StreamKind;

/// Names what was decoded or checked, within one container. A container never changes, so what bears a key is never out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheKey {
    /// A decoded block.
    Block {
        /// Its stream.
        stream: StreamKind,
        /// Its number in the stream.
        block: u64,
    },
    /// A page of a column or index, compared with its checksum; by its number in the page checksums.
    Page(u64),
}

impl CacheKey {
    /// The key as one number; different for keys that are different as long as numbers are below 2^56.
    fn packed(self) -> u64 {
        match self {
            Self::Block { stream, block } => (stream.index() as u64 + 1) << 56 ^ block,
            Self::Page(page) => page,
        }
    }

    /// A number whose upper half is spread evenly whatever the keys are.
    pub(super) fn spread(self) -> u64 {
        mix(self.packed())
    }
}

impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.packed());
    }
}

/// Hashes a [`CacheKey`]. Numbers of blocks come from files, so a hostile one could choose keys that meet in the table; it would slow
/// down nobody but its own reader, and by no more than the entries that its cache holds.
#[derive(Debug, Default)]
pub(super) struct KeyHasher(u64);

/// For the maps of a cache.
pub(super) type KeyHash = BuildHasherDefault<KeyHasher>;

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, value: u64) {
        // Another start than that of the shard's number, so that the keys of one shard still spread.
        self.0 = mix(self.0 ^ value ^ 0x5851_F42D_4C95_7F2D);
    }
}

/// Both halves of a product with an odd constant, put together.
fn mix(value: u64) -> u64 {
    let product = u128::from(value ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_spread_evenly_over_shards_and_differ_from_pages() {
        let mut counts = [0; 16];
        for block in 0..16_000 {
            for stream in StreamKind::ALL {
                counts[(CacheKey::Block { stream, block }.spread() >> 60) as usize] += 1;
            }
            counts[(CacheKey::Page(block).spread() >> 60) as usize] += 1;
        }
        assert!(counts.iter().all(|&count| (3_500..4_500).contains(&count)), "{counts:?}");
        let block = CacheKey::Block { stream: StreamKind::Sequence, block: 7 };
        assert_ne!(block.packed(), CacheKey::Page(7).packed());
        assert_ne!(block, CacheKey::Page(7));
    }
}
