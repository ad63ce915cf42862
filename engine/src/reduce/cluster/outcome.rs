//! What came of a clustering, by the numbers of records: who stands for whom, and who is left.

use super::Context;
use super::assignment::Assignment;
use super::order::Order;
use crate::database::Database;
use crate::error::Result;
use crate::reduce::groups::Groups;
use crate::reduce::similarity::Similarity;
use crate::reduce::update::Old;
use crate::write::spill::SpillColumn;

/// The groups that an assignment makes; `reserve` bytes are needed beside them.
pub(super) fn groups_of(
    database: &Database,
    context: &Context<'_>,
    order: &Order,
    assignment: &Assignment,
    reserve: u64,
) -> Result<Groups> {
    let Context { spill, old, .. } = *context;
    let mut groups = Groups::new(database.len(), spill, reserve)?.after(old.map_or(0, Old::len));
    let mut sizes = SpillColumn::new(spill, "sizes of clusters", order.ordinals.len(), 1_u32, context.keep)?;
    let ordinal = |rank: u32| u64::from(order.ordinals[rank as usize]);
    // Records that nobody stands for, and that have the same residues as another one.
    let mut same = Vec::new();
    for rank in 0..order.ordinals.len() as u32 {
        if let Some(first) = assignment.left_with(rank) {
            sizes[rank as usize] = 0;
            groups.leave(ordinal(rank), database.sequence_length(ordinal(rank))?)?;
            if first != rank {
                same.push((first, rank));
            }
        } else if let Some((representative, similarity)) = assignment.representative(rank) {
            sizes[representative as usize] += 1;
            sizes[rank as usize] = 0;
            groups.join(ordinal(representative), ordinal(rank), similarity)?;
        }
    }
    sizes.iter().for_each(|&size| groups.count(size.into()));
    if !same.is_empty() {
        let mut copies = groups.emptied(spill, reserve)?;
        for rank in 0..order.ordinals.len() as u32 {
            if assignment.left_with(rank).is_none()
                && let Some((representative, similarity)) = assignment.representative(rank)
            {
                copies.join(ordinal(representative), ordinal(rank), similarity)?;
            }
        }
        for (first, rank) in same {
            copies.join(ordinal(first), ordinal(rank), Similarity::FULL)?;
        }
        groups.set_copies(copies);
    }
    Ok(groups)
}
