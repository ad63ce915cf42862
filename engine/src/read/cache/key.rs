//! What a cache's entries are called, and a hash of that which costs one multiplication.

use crate::read::stream::StreamKind;

/// Names what was decoded or checked, within one container. A container never changes, so what bears a key is never out
/// of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    #[inline]
    fn packed(self) -> u64 {
        match self {
            Self::Block { stream, block } => (stream.index() as u64 + 1) << 56 ^ block,
            Self::Page(page) => page,
        }
    }

    /// The key's hash. Numbers of blocks come from files, so a hostile one could choose keys that meet in the table; it
    /// would slow down nobody but its own reader, and by no more than the entries that its cache holds.
    #[inline]
    pub(super) fn hash(self) -> u64 {
        mix(self.packed())
    }

    /// Which of `count` shards it falls to; by bits of the hash that no table of a shard uses.
    #[inline]
    pub(super) fn shard(self, count: usize) -> usize {
        (((self.hash() >> 32) & 0xFF_FFFF) as usize * count) >> 24
    }
}

/// Both halves of a product with an odd constant, put together.
#[inline]
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
                counts[CacheKey::Block { stream, block }.shard(16)] += 1;
            }
            counts[CacheKey::Page(block).shard(16)] += 1;
        }
        assert!(counts.iter().all(|&count| (4_500..5_500).contains(&count)), "{counts:?}");
        let block = CacheKey::Block { stream: StreamKind::Sequence, block: 7 };
        assert_ne!(block.packed(), CacheKey::Page(7).packed());
        assert_ne!(block, CacheKey::Page(7));
    }
}
