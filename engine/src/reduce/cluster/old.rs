//! What an earlier result decided, taken over before anything is compared.

use super::Context;
use super::assignment::Assignment;
use super::order::{NEW, Order};
use super::same::equal;
use crate::database::Database;
use crate::error::Result;

/// Lets the members of the earlier result join their representatives, and new records that have the residues of a
/// record of old, or of another new one, share its lot.
pub(super) fn take_over(
    database: &Database,
    context: &Context<'_>,
    order: &mut Order,
    assignment: &mut Assignment,
) -> Result<()> {
    let (Some(old), Some(same)) = (context.old, order.same.take()) else { return Ok(()) };
    let _lease = context.spill.budget().lease("ranks of records of old", old.len() * 4)?;
    let mut ranks = vec![0_u32; usize::try_from(old.len()).unwrap_or(0)];
    for (rank, &ordinal) in (0_u32..).zip(order.ordinals.iter()) {
        if let Some(place) = ranks.get_mut(ordinal as usize) {
            *place = rank;
        }
    }
    old.for_each_member(|member, membership| {
        // Both are among its records: that was compared with their number.
        let [member, representative] = [member, membership.representative].map(|ordinal| ranks[ordinal as usize]);
        assignment.keep(member, representative, membership.similarity);
        Ok(())
    })?;
    drop(ranks);
    let (mut last, mut kinds, mut scratch) = (None, Vec::new(), (Vec::new(), Vec::new()));
    for item in same {
        let (length, hash, place) = item?;
        if last.replace((length, hash)) != Some((length, hash)) {
            kinds.clear();
        }
        let rank = place as u32;
        let mut found = None;
        for &kind in &kinds {
            if equal(database, order, kind, rank, &mut scratch)? {
                found = Some(kind);
                break;
            }
        }
        match found {
            Some(kind) if place & NEW != 0 => assignment.same(rank, kind),
            Some(_) => {}
            None => kinds.push(rank),
        }
    }
    Ok(())
}
