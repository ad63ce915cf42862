//! Runs of exceptions and of lower-case letters: gaps and lengths as varints.

use alloc::vec::Vec;

use super::{broken, widen};
use crate::error::SpecError;
use crate::varint;

/// Writes the maximal runs for which `class` is the same `Some`. Gives up, returning `false`, once `out` is longer than
/// `limit`.
pub(super) fn write(
    residues: &[u8],
    out: &mut Vec<u8>,
    limit: usize,
    class: impl Fn(u8) -> Option<u8>,
    with_byte: bool,
) -> bool {
    let mut list = Vec::new();
    let mut runs = 0_u64;
    let mut end_before = 0;
    let mut position = 0;
    for group in residues.chunk_by(|&left, &right| class(left) == class(right)) {
        let start = position;
        position += group.len();
        let Some(byte) = group.first().and_then(|&residue| class(residue)) else { continue };
        varint::write(&mut list, widen(start - end_before));
        varint::write(&mut list, widen(group.len()));
        if with_byte {
            list.push(byte);
        }
        runs += 1;
        end_before = position;
        if out.len() + list.len() > limit {
            return false;
        }
    }
    varint::write(out, runs);
    out.extend_from_slice(&list);
    true
}

/// Calls `apply` with each run of a list, and the list after its gap and length.
pub(super) fn read(
    lists: &mut &[u8],
    residues: &mut [u8],
    mut apply: impl FnMut(&mut [u8], &mut &[u8]) -> Result<(), SpecError>,
) -> Result<(), SpecError> {
    let runs = varint::read(lists)?;
    let mut rest = residues;
    for _ in 0..runs {
        let gap = varint::read(lists)?;
        let length = varint::read(lists)?;
        let left = widen(rest.len());
        let cut = |count: u64| usize::try_from(count).map_err(|_| broken("run", count, left));
        let after_gap = rest.split_at_mut_checked(cut(gap)?).ok_or_else(|| broken("gap", gap, left))?.1;
        if length == 0 {
            return Err(broken("run", 0, 1));
        }
        let (run, after) = after_gap.split_at_mut_checked(cut(length)?).ok_or_else(|| broken("run", length, left))?;
        apply(run, lists)?;
        rest = after;
    }
    Ok(())
}
