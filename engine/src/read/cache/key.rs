//! What a cache's entries are called, and a hash of that which costs one multiplication.

use crate::read::stream::StreamKind;

/// Names what was decoded or checked, within one container. A container never changes, so what bears a key is never out of date.
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
    fn packed(self) -> u64 {
        match self {
            Self::Block { stream, block } => (stream.index() as u64 + 1) << 56 ^ block,
            Self::Page(page) => page,
        }
    }

    /// The key's hash. Numbers of blocks come from files, so a hostile one could choose keys that meet in the table; it would slow down
    /// nobody but its own reader, and by no more than the entries that its cache holds.
    pub(super) fn hash(self) -> u64 {
        mix(self.packed())
    }

    /// A number that chooses a shard, spread evenly in its upper half, and so that the hashes of one shard still spread.
    pub(super) fn spread(self) -> u64 {
        mix(self.packed() ^ 0x5851_F42D_4C95_7F2D)
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
