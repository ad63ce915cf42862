//! Where the fixtures are, and when they are written anew.

use std::fs;
use std::path::{Path, PathBuf};

/// Set to `1`, this makes `tests/golden.rs` write the golden containers, their dumps and the dump in `FORMAT.md` anew.
pub const WRITE_GOLDEN: &str = "TALARIA_WRITE_GOLDEN";

/// Set to `1`, this makes `tests/corpus.rs` write the accept and reject corpora and the manifest anew.
pub const WRITE_CORPUS: &str = "TALARIA_WRITE_CORPUS";

/// Whether a test is to write what it else compares.
#[must_use]
pub fn is_writing(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value == "1")
}

/// The root of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a member lies in its workspace").to_path_buf()
}

/// The folder of the golden containers.
#[must_use]
pub fn golden() -> PathBuf {
    workspace().join("fixtures/golden")
}

/// The folder of the corpora.
#[must_use]
pub fn corpus() -> PathBuf {
    workspace().join("fixtures/corpus")
}

/// All bytes of a file that must be there.
#[must_use]
pub fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All text of a file that must be there.
#[must_use]
pub fn read_text(path: &Path) -> String {
    String::from_utf8(read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes a file.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The names in a folder, sorted, without hidden ones.
#[must_use]
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().expect("a name in UTF-8")).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}
