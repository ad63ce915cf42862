//! A finished file is read back before it gets its name.

use std::path::Path;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Budget;
use crate::memory::settings::MemorySettings;
use crate::options::OpenOptions;
use crate::read::verify::Level;
use crate::write::publish::Unpublished;

/// Reads a finished file back.
///
/// # Errors
/// [`Error::Verification`] with the first thing that is wrong, [`Error::Io`] if all that is wrong is that it cannot be
/// read, [`Error::Memory`].
pub(crate) fn check(
    output: &mut Unpublished,
    level: Level,
    budget: &Budget,
    memory: &MemorySettings,
) -> Result<Database> {
    // Records that share a copy are all over the file: with room for its blocks, each is decoded once.
    let cache = if level == Level::Everything { room_for_blocks(output.temporary(), budget.free() / 2) } else { 0 };
    let options = OpenOptions::new().memory(memory.clone()).cache(cache).budget(budget.clone());
    let database = options.open(output.temporary())?;
    let problems = database.verify(level)?.problems.into_iter();
    let path = output.target().to_path_buf();
    // Damage says more than a read that failed.
    match problems.min_by_key(|problem| matches!(problem, Error::Io { .. })) {
        None => {
            output.set_checked();
            Ok(database)
        }
        Some(Error::Io { source, .. }) => Err(Error::Io { path, action: "read back", source }),
        Some(problem) => {
            Err(Error::Verification { path, reason: format!("it was read back and is damaged: {problem}") })
        }
    }
}

/// Bytes of a cache that holds most of a container's blocks, if there are `most` at hand.
pub(crate) fn room_for_blocks(path: &Path, most: u64) -> u64 {
    room_for_length(std::fs::metadata(path).map_or(0, |metadata| metadata.len()), most)
}

/// The same for a container of `length` bytes.
pub(crate) fn room_for_length(length: u64, most: u64) -> u64 {
    most.min(length.saturating_mul(4)).min(256 << 20)
}
