//! Copies that more than one record shares, kept from the record that has them to the ones that follow.
//!
//! A pass in the order of the input decodes every block once; a record that shares an earlier one's copy would make it
//! decode a block again. So the copies that will be needed again are set aside when they come by. They are a small part
//! of all blocks. Where memory is too small even for them, there is no stash, and blocks go through the cache.

use std::ops::Range;
use std::sync::OnceLock;

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;

use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Lease;

/// Records that one thread looks at together.
const GROUP: u64 = 1 << 14;
/// Bytes of memory that an address takes while they are gathered, and a copy beside its bytes.
const ENTRY: u64 = 64;

/// The shared copies of a range of records.
pub(super) struct Stash {
    /// For each block the position of its first address, and one more: a search is among the few of one block.
    first: Vec<usize>,
    /// Ascending.
    addresses: Vec<u64>,
    /// Their lengths, as they were leased.
    lengths: Vec<u64>,
    copies: Vec<OnceLock<Box<[u8]>>>,
    _lease: Lease,
}

impl Stash {
    /// For the records `ordinals`; `None` if there is nothing to share, no memory for it, or nothing is to be held but
    /// buffers.
    ///
    /// # Errors
    /// Damage in the columns.
    pub(super) fn new(database: &Database, ordinals: Range<u64>) -> Result<Option<Self>> {
        if !database.has_shared() || database.memory().streaming.only {
            return Ok(None);
        }
        let count = ordinals.end - ordinals.start;
        let Ok(mut lease) = database.budget().lease("shared copies", count.saturating_mul(ENTRY)) else {
            return Ok(None);
        };
        let mut shared: Vec<(u64, u64)> = (0..count.div_ceil(GROUP))
            .into_par_iter()
            .map(|group| {
                let start = ordinals.start + group * GROUP;
                find_shared(database, start..(start + GROUP).min(ordinals.end))
            })
            .try_reduce(Vec::new, |mut left, right| {
                left.extend(right);
                Ok(left)
            })?;
        shared.par_sort_unstable();
        shared.dedup_by_key(|&mut (address, _)| address);
        let bytes = shared.iter().fold(0_u64, |sum, &(_, length)| sum.saturating_add(length));
        let blocks = database.sequences().directory.item_count;
        let index = (blocks + 1) * size_of::<usize>() as u64;
        if lease.resize((shared.len() as u64 * ENTRY).saturating_add(bytes).saturating_add(index)).is_err() {
            return Ok(None);
        }
        let mut copies = Vec::new();
        copies.resize_with(shared.len(), OnceLock::new);
        let (addresses, lengths): (Vec<u64>, Vec<u64>) = shared.into_iter().unzip();
        let mut first = Vec::new();
        let mut position = 0;
        for block in 0..=blocks {
            while addresses.get(position).is_some_and(|&known| PackedAddress::from_bits(known).block() < block) {
                position += 1;
            }
            first.push(position);
        }
        Ok(Some(Self { first, addresses, lengths, copies, _lease: lease }))
    }

    /// Position of the first address from `address` on.
    pub(super) fn position(&self, address: PackedAddress) -> usize {
        let range = self.of_block(address.block());
        let start = range.start;
        start + self.addresses.get(range).map_or(0, |known| known.partition_point(|&known| known < address.bits()))
    }

    /// Positions of the addresses in a block; none for a block that is not there.
    fn of_block(&self, block: u64) -> Range<usize> {
        let at = usize::try_from(block).unwrap_or(usize::MAX - 1);
        let bound = |at: usize| self.first.get(at).copied().unwrap_or(self.addresses.len());
        bound(at)..bound(at.saturating_add(1))
    }

    /// Sets residues aside if others will need them. `from` is a position not after theirs, and is moved there:
    /// addresses that ascend cost no search.
    pub(super) fn offer(&self, from: &mut usize, address: PackedAddress, residues: &[u8]) {
        while self.addresses.get(*from).is_some_and(|&known| known < address.bits()) {
            *from += 1;
        }
        if self.addresses.get(*from) == Some(&address.bits())
            && self.lengths.get(*from) == Some(&(residues.len() as u64))
            && let Some(copy) = self.copies.get(*from)
        {
            copy.get_or_init(|| residues.into());
        }
    }

    /// The first `length` residues of the copy at `address`, if it has come by.
    pub(super) fn get(&self, address: PackedAddress, length: u64) -> Option<&[u8]> {
        let at = self.position(address);
        if self.addresses.get(at) != Some(&address.bits()) {
            return None;
        }
        let copy = self.copies.get(at)?.get()?;
        Some(copy).filter(|copy| copy.len() as u64 == length).map(AsRef::as_ref)
    }
}

/// Addresses and lengths of the records that share an earlier copy, and lie in one block.
fn find_shared(database: &Database, ordinals: Range<u64>) -> Result<Vec<(u64, u64)>> {
    let (mut shared, most) = (Vec::new(), u64::from(database.sequences().nominal));
    database.for_each_shared(ordinals, |_, item| {
        if item.length <= most {
            shared.push((item.address.bits(), item.length));
        }
    })?;
    Ok(shared)
}
