//! Residues of many records in an order of one's own, each block decoded once.
//!
//! Where residues lie in another order than the records, going through records decodes a block for each of them. So as
//! many as memory holds are gathered at once: their blocks are decoded in the order in which they lie, and each
//! record's residues are copied to where they are wanted. Of more residues than memory holds, every block is decoded
//! once for each part of them. Header texts can be gathered in the same way.

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;

use crate::database::Database;
use crate::error::Result;
use crate::read::stream::Stream;

/// Where the residues of an item lie, and where they are wanted.
pub(crate) type Wanted<'b> = (PackedAddress, &'b mut [u8]);

/// Bytes of memory that an item takes beside its bytes.
pub(crate) const WANTED: u64 = size_of::<Wanted<'_>>() as u64;

/// Blocks that are asked for together before the first of them is decoded.
const TOGETHER: usize = 16;

impl Database {
    /// Fills what is wanted of the sequence stream, in parallel. No item is longer than a block.
    ///
    /// # Errors
    /// Damage in a block, or rule B-8 if an item does not lie in its block.
    pub(crate) fn gather_residues(&self, wanted: &mut [Wanted<'_>]) -> Result<()> {
        self.gather_items(self.sequences(), wanted)
    }

    /// The same of any stream.
    ///
    /// # Errors
    /// As [`Database::gather_residues`].
    pub(crate) fn gather_items(&self, stream: &Stream, wanted: &mut [Wanted<'_>]) -> Result<()> {
        wanted.par_sort_unstable_by_key(|(address, _)| address.bits());
        let mut groups: Vec<&mut [Wanted<'_>]> =
            wanted.chunk_by_mut(|left, right| left.0.block() == right.0.block()).collect();
        // What touches more blocks than the cache holds would only push everything else out of it.
        let keep = groups.len() as u64 * u64::from(stream.nominal) <= self.cache().capacity() / 2;
        groups.par_chunks_mut(TOGETHER).try_for_each(|groups| {
            let numbers: Vec<u64> = groups.iter().filter_map(|group| Some(group.first()?.0.block())).collect();
            self.expect_blocks(stream, &numbers);
            groups.iter_mut().zip(numbers).try_for_each(|(group, number)| {
                self.with_block(stream, number, keep, |block| {
                    fill(group, block).map_err(|end| {
                        self.broken(stream.kind.name(), "address", "B-8", number, end, block.len() as u64)
                    })
                })
            })
        })
    }
}

/// Copies what is wanted of a block; where the item ends that is not in it, if there is one.
fn fill(group: &mut [Wanted<'_>], block: &[u8]) -> std::result::Result<(), u64> {
    for (address, part) in group {
        let start = address.byte() as usize;
        let end = start.saturating_add(part.len());
        part.copy_from_slice(block.get(start..end).ok_or(end as u64)?);
    }
    Ok(())
}

/// Cuts `bytes` into parts of these lengths.
pub(crate) fn cut<'b>(
    mut bytes: &'b mut [u8],
    items: impl Iterator<Item = (PackedAddress, usize)>,
) -> impl Iterator<Item = Wanted<'b>> {
    items.map_while(move |(address, length)| {
        let (part, rest) = std::mem::take(&mut bytes).split_at_mut_checked(length)?;
        bytes = rest;
        Some((address, part))
    })
}
