//! Residues of many records in an order of one's own, each block decoded once.
//!
//! Where residues lie in another order than the records, going through records decodes a block for each of them. So as
//! many as memory holds are gathered at once: their blocks are decoded in the order in which they lie, and each
//! record's residues are copied to where they are wanted. Of more residues than memory holds, every block is decoded
//! once for each part of them.

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;

use crate::database::Database;
use crate::error::Result;

/// Where the residues of an item lie, and where they are wanted.
pub(crate) type Wanted<'b> = (PackedAddress, &'b mut [u8]);

/// Bytes of memory that an item takes beside its bytes.
pub(crate) const WANTED: u64 = size_of::<Wanted<'_>>() as u64;

impl Database {
    /// Fills what is wanted of the sequence stream, in parallel. No item is longer than a block.
    ///
    /// # Errors
    /// Damage in a block, or rule B-8 if an item does not lie in its block.
    pub(crate) fn gather_residues(&self, wanted: &mut [Wanted<'_>]) -> Result<()> {
        let stream = self.sequences();
        wanted.par_sort_unstable_by_key(|(address, _)| address.bits());
        wanted.par_chunk_by_mut(|left, right| left.0.block() == right.0.block()).try_for_each(|group| {
            let Some(number) = group.first().map(|(address, _)| address.block()) else { return Ok(()) };
            let block = self.passing_block(stream, number)?;
            for (address, part) in group {
                let start = address.byte() as usize;
                let end = start.saturating_add(part.len());
                let Some(bytes) = block.get(start..end) else {
                    let (got, expected) = (end as u64, block.len() as u64);
                    return Err(self.broken(stream.kind.name(), "address", "B-8", number, got, expected));
                };
                part.copy_from_slice(bytes);
            }
            Ok(())
        })
    }
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
