//! Where the files lie that go with an output: its folder, and hidden names in it.

use std::path::{Path, PathBuf};

/// A hidden name in `folder` that belongs to the file `output`.
pub(crate) fn beside(folder: &Path, output: &Path, what: &str) -> PathBuf {
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    folder.join(format!(".{name}.{}.{what}", std::process::id()))
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
