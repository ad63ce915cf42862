//! The hidden files that this process is writing, for a program that is told to end.

use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::operations;

static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn note(path: &Path) {
    unfinished().push(path.to_path_buf());
}

/// Before the file gets its name or is removed: from then on its hidden name may be another process's.
pub(super) fn forget(path: &Path) {
    unfinished().retain(|noted| noted != path);
}

/// Removes the hidden files of all outputs that are not published yet. For a process that ends right away, as by a
/// signal: who begins, publishes or gives up an output from now on waits forever. (Without this call, the next writer
/// of the same target takes over what is left.)
pub fn remove_unfinished() {
    let mut files = unfinished();
    for file in files.drain(..) {
        // The process ends, whatever comes of it.
        let _ = operations::remove(&file);
    }
    mem::forget(files);
}
