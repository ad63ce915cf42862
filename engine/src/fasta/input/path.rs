//! Where an input is: a file, or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// An input by name. `-` is standard input; a file of that name is `./-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputPath {
    /// A file, or anything else that can be opened and read from front to back, as a FIFO.
    File(PathBuf),
    /// Standard input.
    StandardInput,
}

/// What [`InputPath::open`] opened.
pub(super) struct Opened {
    /// Its bytes.
    pub(super) reader: Box<dyn Read + Send>,
    /// Their number, if it is a regular file.
    pub(super) encoded_length: Option<u64>,
}

impl InputPath {
    /// The path that messages name: `-` for standard input.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::StandardInput => Path::new("-"),
        }
    }

    /// Opens it. Opening a FIFO waits for its writer.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened, or is a folder: a system may open that and fail at the first read only.
    pub(super) fn open(&self) -> Result<Opened> {
        let Self::File(path) = self else {
            return Ok(Opened { reader: Box::new(io::stdin()), encoded_length: None });
        };
        let file = File::open(path).map_err(Error::io(path, "open"))?;
        let metadata = file.metadata().map_err(Error::io(path, "open"))?;
        if metadata.is_dir() {
            let reason = "it is a folder; name the files in it";
            return Err(Error::io(path, "read")(io::Error::new(io::ErrorKind::IsADirectory, reason)));
        }
        let encoded_length = metadata.is_file().then_some(metadata.len());
        Ok(Opened { reader: Box::new(file), encoded_length })
    }
}

impl From<PathBuf> for InputPath {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::StandardInput } else { Self::File(path) }
    }
}

impl From<&Path> for InputPath {
    fn from(path: &Path) -> Self {
        Self::from(path.to_path_buf())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_standard_input() {
        assert_eq!(InputPath::from(Path::new("-")), InputPath::StandardInput);
        assert_eq!(InputPath::StandardInput.as_path(), Path::new("-"));
        assert_eq!(InputPath::from(Path::new("./-")).as_path(), Path::new("./-"));
        assert!(matches!(InputPath::from(PathBuf::from("./-")), InputPath::File(_)));
    }

    #[test]
    fn folders_and_missing_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = InputPath::from(folder.path()).open().err().unwrap();
        assert!(error.to_string().ends_with("cannot read: it is a folder; name the files in it"), "{error}");
        assert!(matches!(InputPath::from(folder.path().join("none")).open(), Err(Error::Io { action: "open", .. })));
    }
}
