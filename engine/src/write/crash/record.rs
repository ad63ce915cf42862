//! A recording of what is done to the files of a folder, in order, and faults that can be planted into it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Something done to a file, by its name in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Opened, and made if it was not there.
    Create { path: String },
    /// Cut to nothing.
    Empty { path: String },
    /// Bytes written.
    Write { path: String, offset: u64, bytes: Vec<u8> },
    /// Its bytes synced.
    Sync { path: String },
    /// Given another name.
    Rename { from: String, to: String },
    /// The names of the folder synced.
    SyncFolder,
    /// Its name removed.
    Remove { path: String },
}

/// What a planted writer leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    NoSync,
    NoFolderSync,
}

struct Recording {
    folder: PathBuf,
    fault: Fault,
    log: Vec<Operation>,
}

static RECORDINGS: Mutex<Vec<Recording>> = Mutex::new(Vec::new());

fn recordings() -> MutexGuard<'static, Vec<Recording>> {
    RECORDINGS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn of<'r>(recordings: &'r mut [Recording], path: &Path) -> Option<&'r mut Recording> {
    let folder = path.parent()?;
    recordings.iter_mut().find(|recording| recording.folder == folder)
}

/// The last part of a path.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Records an operation on a file, if its folder is recorded.
pub(crate) fn note(path: &Path, operation: impl FnOnce(String) -> Operation) {
    if let Some(recording) = of(&mut recordings(), path) {
        recording.log.push(operation(name(path)));
    }
}

/// Whether the planted writer of this folder leaves something out.
pub(crate) fn leaves_out(path: &Path, fault: Fault) -> bool {
    of(&mut recordings(), path).is_some_and(|recording| recording.fault == fault)
}

/// What is done to files in `folder` while `action` runs, and what it returns.
pub(super) fn record<T>(folder: &Path, fault: Fault, action: impl FnOnce() -> T) -> (Vec<Operation>, T) {
    recordings().push(Recording { folder: folder.to_path_buf(), fault, log: Vec::new() });
    let done = action();
    let mut recordings = recordings();
    let at = recordings.iter().position(|recording| recording.folder == folder).unwrap();
    (recordings.swap_remove(at).log, done)
}
