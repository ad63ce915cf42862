//! Loading the records of a window, in parallel.

use std::ops::Range;

use rayon::prelude::*;

use super::Marks;
use crate::database::Database;
use crate::error::Result;
use crate::read::columns::ColumnRun;
use crate::read::scan::LastBlock;
use crate::read::shared::SharedSequence;
use crate::read::window::Window as Gathered;

/// Bytes of records that are loaded together.
pub(super) const WINDOW: u64 = 2 << 20;
/// Most records that are loaded together.
const MOST: u64 = 1 << 13;
/// Bytes of memory that a loaded record takes beside its bytes.
const OVERHEAD: u64 = 256;
/// Of what is free, this part is for residues of an input where they lie in another order than the records.
pub(super) const GATHERED_SHARE: u64 = 4;
/// Records that one thread loads.
const GROUP: usize = 512;
/// Bytes of memory of two windows, one being loaded and one being cut into blocks, and the blocks before and after
/// encoding.
pub(super) const MEMORY: u64 = 4 * WINDOW + MOST * OVERHEAD;

/// The records of `within` from its start on that are loaded together: at least one. `bytes_of` says what each takes.
pub(super) fn cut_window(within: Range<u64>, bytes_of: impl Fn(u64) -> Result<u64>) -> Result<Range<u64>> {
    let (mut end, mut bytes) = (within.start, 0);
    while end < within.end && end - within.start < MOST && bytes < WINDOW {
        bytes += bytes_of(end)?;
        end += 1;
    }
    Ok(within.start..end)
}

/// The columns of the records of `within` that may be loaded together.
pub(super) fn columns(database: &Database, within: Range<u64>) -> Result<ColumnRun<'_>> {
    database.columns(within.start..within.end.min(within.start + MOST))
}

/// What the residues of a record take, if they are loaded: not those of marked records, nor any that are longer than a
/// window.
pub(super) fn residues_to_load(columns: &ColumnRun<'_>, ordinal: u64, without: &Marks) -> Result<Option<u64>> {
    if without.is_set(ordinal) {
        return Ok(None);
    }
    let length = columns.sequence_length(ordinal)?;
    Ok((length <= WINDOW).then_some(length))
}

/// Loads with `load_one`, which gets what it left of the record before, such as the blocks that were decoded last.
pub(super) fn load<S: Default, T: Send>(
    window: Range<u64>,
    load_one: impl Fn(&mut S, u64) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let ordinals: Vec<u64> = window.collect();
    let groups: Vec<Vec<T>> = ordinals
        .par_chunks(GROUP)
        .map(|group| {
            let mut last = S::default();
            group.iter().map(|&ordinal| load_one(&mut last, ordinal)).collect()
        })
        .collect::<Result<_>>()?;
    Ok(groups.into_iter().flatten().collect())
}

/// The residues of a record that is not longer than a window, `gathered` if they were.
pub(super) fn residues(
    database: &Database,
    columns: &ColumnRun<'_>,
    last: &mut LastBlock,
    ordinal: u64,
    gathered: Option<&Gathered>,
) -> Result<SharedSequence> {
    let length = columns.sequence_length(ordinal)?;
    if let Some(residues) = gathered.and_then(|gathered| gathered.get(ordinal, length)) {
        return Ok(SharedSequence::from(residues.to_vec()));
    }
    if columns.header_entry(ordinal)?.is_delta() {
        return database.region(ordinal, 0..length);
    }
    last.item(database, database.sequences(), columns.sequence_item(ordinal)?, false)
}
