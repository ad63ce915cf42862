//! From parents to an order: each record soon after the one it is tied to.
//!
//! Parents have lower ranks, so they make trees. These stand in the order of their roots' ranks, each walked from the
//! root down. Of a record's children those with few below them come first: what stands between a record and its child
//! is then small for most.

use super::Placing;
use super::nearest::{NONE, PerRecord};
use crate::error::Result;
use crate::reduce::groups::sort_memory;
use crate::write::spill::Sorter;

/// The position of each record that has a copy of its own, by ordinal; [`NONE`] for others.
pub(super) fn positions(placing: &Placing<'_>, mut ranks: PerRecord, parents: PerRecord) -> Result<PerRecord> {
    let mut positions = walk(placing, parents)?;
    for place in ranks.values.iter_mut().filter(|place| **place != NONE) {
        *place = positions.values[*place as usize];
    }
    positions.values.clear();
    Ok(ranks)
}

/// The position of each rank.
fn walk(placing: &Placing<'_>, parents: PerRecord) -> Result<PerRecord> {
    let records = parents.values.len() as u64;
    let mut sizes = PerRecord::new(placing, "sizes of families", records, 1)?;
    // A child comes after its parent, so that from the last one on each size is complete when its turn comes.
    for (rank, &parent) in parents.values.iter().enumerate().rev() {
        if parent != NONE {
            sizes.values[parent as usize] += sizes.values[rank];
        }
    }
    let spill = placing.spill;
    let mut children = Sorter::new(spill, "who is tied to whom", sort_memory(spill, 4, records * 4))?;
    let mut positions = PerRecord::new(placing, "positions of records", records, 0)?;
    let mut next = 0;
    for (rank, (&parent, &size)) in parents.values.iter().zip(&sizes.values).enumerate() {
        if parent == NONE {
            positions.values[rank] = next;
            next += size;
        } else {
            children.push((u64::from(parent) << 32 | u64::from(size), rank as u64))?;
        }
    }
    drop((parents, sizes));
    let mut last = None;
    for child in children.finish()? {
        let (key, rank) = child?;
        let (parent, size) = ((key >> 32) as u32, key as u32);
        if last != Some(parent) {
            (last, next) = (Some(parent), positions.values[parent as usize] + 1);
        }
        positions.values[rank as usize] = next;
        next += size;
    }
    Ok(positions)
}
