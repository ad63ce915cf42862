//! A file that appears whole or not at all.
//!
//! Bytes go to a hidden file in the target's folder, which is renamed over the target once it is complete and on disk. A failed
//! sync publishes nothing and is not tried again: after it the system may have dropped the very pages that it could not write.
//! The hidden file's name follows from the target's and it is locked while it is written, so that two writers of one target
//! do not meet, and what a killed writer left is taken over by the next one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file on its way.
#[derive(Debug)]
pub struct Unpublished {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    /// Or has no name that could be left behind.
    published: bool,
}

impl Unpublished {
    /// Starts a file that will be `target`. A link is followed: the file that it points to is what will be replaced.
    ///
    /// # Errors
    /// [`Error::Io`]; also if another process is writing the same target, or if it is there and no regular file.
    pub fn create(target: &Path) -> Result<Self> {
        let refused = |reason| {
            let source = io::Error::new(io::ErrorKind::InvalidInput, reason);
            Err(Error::Io { path: target.to_path_buf(), action: "write", source })
        };
        let target = match std::fs::metadata(target) {
            Ok(metadata) if metadata.is_file() => target.canonicalize().map_err(Error::io(target, "write"))?,
            Ok(_) => return refused("it is no regular file"),
            Err(_) => target.to_path_buf(),
        };
        let Some(name) = target.file_name() else { return refused("it names no file") };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".unfinished");
        let temporary = target.with_file_name(hidden);
        let file = lock_new(&temporary).map_err(Error::io(&target, "write"))?;
        Ok(Self { file, temporary, target, published: false })
    }

    /// `file`, which has no name and gets none: this process reads it again as `path`, and it is gone however the process ends.
    pub(crate) fn unnamed(file: File, path: PathBuf) -> Self {
        Self { file, temporary: path.clone(), target: path, published: true }
    }

    /// The file under its hidden name.
    #[must_use]
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The open file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Space`], with the target's name.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.file.write_all_at(bytes, offset).map_err(|source| self.failed(bytes.len() as u64, source))
    }

    /// Reads `length` bytes at `offset` back.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset).map_err(Error::io(&self.temporary, "read back"))?;
        Ok(bytes)
    }

    /// Makes the file durable and gives it its name, over whatever had it. One that is to have no name stays as it is.
    ///
    /// # Errors
    /// [`Error::Io`]; nothing is published then, unless the error says that it is the folder that could not be synced.
    pub fn publish(mut self) -> Result<()> {
        if self.published {
            return Ok(());
        }
        self.file.sync_all().map_err(Error::io(&self.target, "make durable"))?;
        std::fs::rename(&self.temporary, &self.target).map_err(Error::io(&self.target, "publish"))?;
        self.published = true;
        let folder = match self.target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(Error::io(&self.target, "be sure that the new name is durable, the file itself is complete"))
    }

    fn failed(&self, need: u64, source: io::Error) -> Error {
        if source.kind() == io::ErrorKind::StorageFull {
            let folder = self.temporary.parent().unwrap_or(Path::new("."));
            let free = fs2::available_space(folder).unwrap_or(0);
            return Error::Space { path: self.target.clone(), need, free };
        }
        Error::Io { path: self.target.clone(), action: "write", source }
    }
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be done about a failure here, and the next writer of this target takes the file over.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Creates the file, or takes over one that nobody has locked, and locks and empties it.
fn lock_new(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process is writing it"));
            }
            // A file system without locks: the name alone has to do.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Between opening and locking, its last owner may have renamed or removed it.
        use std::os::unix::fs::MetadataExt;
        let same = std::fs::metadata(path)
            .and_then(|named| file.metadata().map(|opened| (named.dev(), named.ino()) == (opened.dev(), opened.ino())))
            .unwrap_or(false);
        if same {
            file.set_len(0)?;
            return Ok(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.talaria");
        std::fs::write(&target, "old").unwrap();
        let names = || std::fs::read_dir(folder.path()).unwrap().count();

        let first = Unpublished::create(&target).unwrap();
        first.write_at(b"new", 0).unwrap();
        assert!(Unpublished::create(&target).is_err(), "a second writer");
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        drop(first);
        assert_eq!((names(), std::fs::read(&target).unwrap()), (1, b"old".to_vec()));

        std::fs::write(folder.path().join(".a.talaria.unfinished"), "left by a killed writer").unwrap();
        let second = Unpublished::create(&target).unwrap();
        second.write_at(b"new", 0).unwrap();
        second.publish().unwrap();
        assert_eq!((names(), std::fs::read(&target).unwrap()), (1, b"new".to_vec()));
        assert!(Unpublished::create(folder.path()).is_err(), "a folder");
        assert!(Unpublished::create(Path::new("/dev/null")).is_err(), "a device");

        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let third = Unpublished::create(&link).unwrap();
        third.write_at(b"newer", 0).unwrap();
        third.publish().unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&target).unwrap(), b"newer");
    }
}
