//! Records with the same residues share their lot: one of them is compared, and the others are what it is.

use super::assignment::Assignment;
use super::order::Order;
use crate::align::LONGEST;
use crate::database::Database;
use crate::error::Result;
use crate::reduce::exact::equal_long;

/// Lets records with the same residues share their lot.
pub(super) fn join_same(database: &Database, order: &Order, assignment: &mut Assignment) -> Result<()> {
    let mut scratch = (Vec::new(), Vec::new());
    let equal = |first: u32, other: u32| equal(database, order, first, other, &mut scratch);
    find_same(&order.alike, equal, |rank, kind| {
        assignment.same(rank, kind);
        Ok(())
    })
}

/// Calls `same` with each rank of these runs that has the same residues as an earlier one, and the first such one.
pub(super) fn find_same(
    alike: &[(u32, u32)],
    mut equal: impl FnMut(u32, u32) -> Result<bool>,
    mut same: impl FnMut(u32, u32) -> Result<()>,
) -> Result<()> {
    for &(start, count) in alike {
        // More than one kind means that two different sequences have one hash.
        let mut kinds = vec![start];
        for rank in start + 1..start + count {
            let mut found = None;
            for &kind in &kinds {
                if equal(kind, rank)? {
                    found = Some(kind);
                    break;
                }
            }
            match found {
                Some(kind) => same(rank, kind)?,
                None => kinds.push(rank),
            }
        }
    }
    Ok(())
}

/// Whether two records of one length have the same residues.
pub(super) fn equal(
    database: &Database,
    order: &Order,
    first: u32,
    other: u32,
    (left, right): &mut (Vec<u8>, Vec<u8>),
) -> Result<bool> {
    let ordinals = [first, other].map(|rank| u64::from(order.ordinals[rank as usize]));
    let length = database.sequence_length(ordinals[0])?;
    if length > LONGEST {
        return equal_long(database, ordinals[0], ordinals[1], length);
    }
    order.residues.item(first as usize, left)?;
    order.residues.item(other as usize, right)?;
    Ok(left == right)
}
