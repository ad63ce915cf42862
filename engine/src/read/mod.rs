//! How a container is read: bytes behind one seam, pages and blocks that are checked before they are used, lookups,
//! batches, scans and the way back to FASTA.

pub(crate) mod ahead;
pub mod batch;
pub mod block;
pub(crate) mod blocks;
pub mod cache;
pub mod clusters;
pub mod columns;
pub(crate) mod delta;
mod expect;
pub mod export;
#[cfg(test)]
mod fault_tests;
pub mod fetch;
pub mod filter;
pub mod find_many;
pub(crate) mod gather;
mod items;
pub mod layout;
mod long;
pub mod lookup;
pub mod mapped;
pub mod measures;
pub mod opened;
pub(crate) mod packed;
pub mod pages;
mod pipeline;
pub mod record;
pub mod scan;
pub mod shared;
pub mod stats;
pub mod storage;
pub mod stream;
pub mod verify;
pub(crate) mod window;
