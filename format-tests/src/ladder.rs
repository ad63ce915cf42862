//! The golden containers: a ladder, each rung of which adds one thing that a container can hold.
//!
//! A rung is a folder of `fixtures/golden` with its sources, the container `container.talaria` and the dump
//! `dump.snap`. Rungs are added at the end; the number of one that was published is never given to another.

use std::io::Read;
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;
use talaria_db::{Column, Compression, Order};

use crate::fixtures;
use crate::recipe::Recipe;

/// One golden container.
#[derive(Debug, Clone, Copy)]
pub struct Rung {
    /// Its folder.
    pub name: &'static str,
    /// How it is built from its sources.
    pub recipe: Recipe,
}

const PLAIN: Recipe = Recipe::PLAIN;
const KIBIBYTE: Recipe = Recipe { block_size: Some(1024), ..PLAIN };
const LZ4: Recipe = Recipe { compression: Compression::Lz4, ..PLAIN };
/// Blocks of bases, whatever size is usual for them.
const BASES: Recipe = Recipe { block_size: Some(64 << 10), ..PLAIN };
const LZ4_BASES: Recipe = Recipe { compression: Compression::Lz4, ..BASES };

/// Record 1 stands for all others.
const FAMILY: [(u64, u64); 11] =
    [(1, 0), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (1, 8), (1, 9), (1, 10), (1, 11)];

/// Records 0 and 2 stand for the even and the odd ones of 4 to 38, so that members and places make a long cycle.
const IN_TURN: [(u64, u64); 35] = {
    let (mut pairs, mut member) = ([(0, 0); 35], 4);
    while member < 39 {
        pairs[member - 4] = (if member.is_multiple_of(2) { 0 } else { 2 }, member as u64);
        member += 1;
    }
    pairs
};

/// The rungs, from the bottom.
pub const RUNGS: [Rung; 37] = [
    rung("0001-empty", PLAIN),
    rung("0002-one-record", PLAIN),
    rung("0003-line-widths", PLAIN),
    rung("0004-one-line-records", PLAIN),
    rung("0005-no-final-line-end", PLAIN),
    rung("0006-crlf", PLAIN),
    rung("0007-mac-line-ends", PLAIN),
    rung("0008-lower-case", PLAIN),
    rung("0009-irregular-layout", PLAIN),
    rung("0010-empty-records", PLAIN),
    rung("0011-shared", PLAIN),
    rung("0012-not-shared", Recipe { share: false, ..PLAIN }),
    rung("0013-ctrl-a-titles", PLAIN),
    rung("0014-database-ids", PLAIN),
    rung("0015-preamble", PLAIN),
    rung("0016-four-sources", PLAIN),
    rung("0017-two-bit-dna", BASES),
    rung("0018-two-bit-rna", BASES),
    rung("0019-long-record", KIBIBYTE),
    rung("0020-long-irregular", KIBIBYTE),
    rung("0021-lz4", LZ4),
    rung("0022-lz4-two-bit", LZ4_BASES),
    rung("0023-zstd", Recipe { compression: Compression::Zstd(1), ..PLAIN }),
    rung("0024-odd-residues", PLAIN),
    rung("0025-long-header", LZ4),
    rung("0026-columns", Recipe { columns: &Column::ALL, ..KIBIBYTE }),
    rung("0027-columns-dna", Recipe { columns: &Column::ALL, ..BASES }),
    rung("0028-deltas", Recipe { members: &FAMILY, ..KIBIBYTE }),
    rung("0029-deltas-dna", Recipe { members: &[(0, 1), (0, 2), (0, 3), (0, 4)], ..LZ4_BASES }),
    rung("0030-unrepresented", Recipe { members: &[(2, 0), (2, 5)], unrepresented: &[1, 3, 4], ..PLAIN }),
    rung("0031-similarity-order", Recipe { order: Order::Similarity, ..KIBIBYTE }),
    rung("0032-similarity-order-dna", Recipe { order: Order::Similarity, block_size: Some(2048), ..LZ4 }),
    rung("0033-packed-columns", Recipe { order: Order::Similarity, packed: true, ..KIBIBYTE }),
    rung("0034-packed-membership", Recipe { members: &FAMILY, packed: true, ..KIBIBYTE }),
    rung("0035-five-bit", Recipe { compression: Compression::Packed, ..KIBIBYTE }),
    rung("0036-four-bit", Recipe { compression: Compression::Packed, ..KIBIBYTE }),
    rung("0037-compact-membership", Recipe { members: &IN_TURN, unrepresented: &[3, 39], ..KIBIBYTE }),
];

const fn rung(name: &'static str, recipe: Recipe) -> Rung {
    Rung { name, recipe }
}

/// The rung with this name.
#[must_use]
pub fn find(name: &str) -> Rung {
    *RUNGS.iter().find(|rung| rung.name == name).unwrap_or_else(|| panic!("the ladder has no {name}"))
}

/// The text of a source, which may be compressed with gzip, decompressed without the engine.
#[must_use]
pub fn plain(source: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    if source.starts_with(b"\x1f\x8b") {
        MultiGzDecoder::new(source).read_to_end(&mut text).expect("sound gzip");
    } else {
        text.extend_from_slice(source);
    }
    text
}

impl Rung {
    /// The name of the container in the folder of its rung.
    pub const CONTAINER: &str = "container.talaria";
    /// The name of the dump in the folder of its rung.
    pub const DUMP: &str = "dump.snap";

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        fixtures::golden().join(self.name)
    }

    /// Names and bytes of its sources, in the order in which they go in: that of their names.
    #[must_use]
    pub fn sources(&self) -> Vec<(String, Vec<u8>)> {
        let names = fixtures::names(&self.folder());
        let sources = names.into_iter().filter(|name| name != Self::CONTAINER && !name.contains(".snap"));
        sources.map(|name| (name.clone(), fixtures::read(&self.folder().join(name)))).collect()
    }

    /// The text of all its sources, one after the other: what the container gives back.
    #[must_use]
    pub fn fasta(&self) -> Vec<u8> {
        self.sources().iter().flat_map(|(_, bytes)| plain(bytes)).collect()
    }

    /// The container as it is stored.
    #[must_use]
    pub fn container(&self) -> Vec<u8> {
        fixtures::read(&self.folder().join(Self::CONTAINER))
    }

    /// Whether other versions of its codec give other bytes, so that only what it decodes to can be asserted.
    #[must_use]
    pub fn bytes_may_vary(&self) -> bool {
        matches!(self.recipe.compression, Compression::Zstd(_))
    }
}
