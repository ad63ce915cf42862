//! Runs of exceptions and of lower-case letters: gaps and lengths as varints.

use alloc::vec::Vec;
use core::ops::Range;

use super::{broken, widen};
use crate::error::SpecError;
use crate::varint;

/// Residues that are looked at together for lower-case letters.
const TOGETHER: usize = 64;

/// The maximal run that goes on where the last letters were.
#[derive(Debug, Default)]
struct Run {
    start: usize,
    end: usize,
    byte: u8,
}

/// The runs of a list, as they are found.
#[derive(Debug, Default)]
struct List {
    bytes: Vec<u8>,
    runs: u64,
    /// Where the last run that was written ends.
    end: usize,
    with_byte: bool,
}

impl List {
    fn add(&mut self, run: &Run) {
        if run.start == run.end {
            return;
        }
        varint::write(&mut self.bytes, widen(run.start - self.end));
        varint::write(&mut self.bytes, widen(run.end - run.start));
        if self.with_byte {
            self.bytes.push(run.byte);
        }
        self.runs += 1;
        self.end = run.end;
    }
}

/// Writes the maximal runs for which `class` is the same `Some`, all of which lie in `places`: stretches in order, none
/// over another. Gives up, returning `false`, once `out` is longer than `limit`.
pub(super) fn write(
    residues: &[u8],
    places: impl IntoIterator<Item = Range<usize>>,
    out: &mut Vec<u8>,
    limit: usize,
    class: impl Fn(u8) -> Option<u8>,
    with_byte: bool,
) -> bool {
    let mut list = List { with_byte, ..List::default() };
    let mut run = Run::default();
    for place in places {
        let mut at = place.start;
        for group in residues.get(place).unwrap_or_default().chunk_by(|&left, &right| class(left) == class(right)) {
            let start = at;
            at += group.len();
            let Some(byte) = group.first().and_then(|&residue| class(residue)) else { continue };
            if run.end == start && run.byte == byte && run.start < run.end {
                run.end = at;
                continue;
            }
            list.add(&run);
            run = Run { start, end: at, byte };
            if out.len() + list.bytes.len() > limit {
                return false;
            }
        }
    }
    list.add(&run);
    varint::write(out, list.runs);
    out.extend_from_slice(&list.bytes);
    out.len() <= limit
}

/// Stretches that have all lower-case letters of `residues`.
pub(super) fn lower_case(residues: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let chunks = residues.chunks(TOGETHER).enumerate();
    chunks.filter(|(_, chunk)| chunk.iter().fold(false, |lower, letter| lower | letter.is_ascii_lowercase())).map(
        |(number, chunk)| {
            let start = number * TOGETHER;
            start..start + chunk.len()
        },
    )
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
