//! A file that appears whole or not at all.
//!
//! Bytes go to a hidden file in the target's folder, which is renamed over the target once it is complete and on disk.
//! A failed sync publishes nothing and is not tried again: after it the system may have dropped the very pages that it
//! could not write. The hidden file's name follows from the target's and it is locked while it is written, so that two
//! writers of one target do not meet, and what a killed writer left is taken over by the next one. A file system
//! without locks is trusted with the name alone: there a second writer is refused, and what a killed one left is to be
//! removed by hand.
//!
//! Before it is published the file is compared with what was written: by its length, and by its bytes, unless somebody
//! has read it back and judged it already.

mod operations;
mod unfinished;
mod written;

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::unfinished::remove_unfinished;
use self::written::Written;
use crate::error::{Error, Result};

/// A file on its way. Each of its bytes is written once; by [`io::Write`] they follow the furthest one.
#[derive(Debug)]
pub struct Unpublished {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    /// Or has no name that could be left behind.
    published: bool,
    written: Mutex<Written>,
    /// Somebody has read the bytes back.
    checked: bool,
}

impl Unpublished {
    /// Starts a file that will be `target`. A link is followed: the file that it points to is what will be replaced.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Space`]; also if another process is writing the same target, or if it is there and no
    /// regular file.
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
        let file = lock_new(&temporary).map_err(|source| failed(&target, "write", 0, source))?;
        unfinished::note(&temporary);
        Ok(Self { file, temporary, target, published: false, written: Mutex::default(), checked: false })
    }

    /// `file`, which has no name in `folder` and gets none: this process reads it again as `path`, and it is gone
    /// however the process ends.
    pub(crate) fn unnamed(file: File, path: PathBuf, folder: &Path) -> Self {
        let (temporary, target) = (path, folder.to_path_buf());
        Self { file, temporary, target, published: true, written: Mutex::default(), checked: false }
    }

    /// What it will be, or the folder that it has no name in.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The file under its hidden name.
    #[must_use]
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Bytes so far, up to the furthest one.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.written().end()
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes all of `bytes` at `offset`, where nothing was written before.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Space`], with the target's name.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        operations::write_all_at(&self.file, &self.temporary, bytes, offset)
            .map_err(|source| failed(&self.target, "write", bytes.len() as u64, source))?;
        self.written().note(bytes, offset);
        Ok(())
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

    /// Says that the bytes were read back from the file and are right: they are not read again before it is published.
    pub(crate) fn set_checked(&mut self) {
        self.checked = true;
    }

    /// Compares the file with what was written, makes it durable and gives it its name, over whatever had it. One that
    /// is to have no name stays as it is.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Space`]; nothing is published then, unless the error says that it is the folder that
    /// could not be synced.
    pub fn publish(mut self) -> Result<()> {
        if self.published {
            return Ok(());
        }
        let written = self.written();
        written.check_length(&self.file).map_err(Error::io(&self.target, "publish"))?;
        if !self.checked {
            written.check_bytes(&self.file).map_err(Error::io(&self.target, "publish"))?;
        }
        drop(written);
        let length = self.len();
        operations::sync(&self.file, &self.temporary)
            .map_err(|source| failed(&self.target, "make durable", length, source))?;
        unfinished::forget(&self.temporary);
        operations::rename(&self.temporary, &self.target)
            .map_err(|source| failed(&self.target, "publish", 0, source))?;
        self.published = true;
        operations::sync_folder(&self.target)
            .map_err(Error::io(&self.target, "be sure that the new name is durable, the file itself is complete"))
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        // What a panic left is a checksum too few at worst, which the comparison shows.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for &Unpublished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.written();
        let end = written.end();
        operations::write_all_at(&self.file, &self.temporary, bytes, end)?;
        written.note(bytes, end);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        if !self.published {
            unfinished::forget(&self.temporary);
            // Nothing can be done about a failure here, and the next writer of this target takes the file over.
            let _ = operations::remove(&self.temporary);
        }
    }
}

/// An error of writing `target`: that a disk or a quota is full is told with what is free.
fn failed(target: &Path, action: &'static str, need: u64, source: io::Error) -> Error {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    if need > 0 && matches!(source.kind(), StorageFull | QuotaExceeded) {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let free = fs2::available_space(folder).unwrap_or(0);
        return Error::Space { path: target.to_path_buf(), need, free };
    }
    Error::Io { path: target.to_path_buf(), action, source }
}

/// Creates the file, or takes over one that nobody has locked, and locks and empties it.
fn lock_new(path: &Path) -> io::Result<File> {
    loop {
        let (file, created) = operations::open_or_create(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process is writing it"));
            }
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(TryLockError::Error(error)) if !has_no_locks(&error) => {
                if created {
                    let _ = operations::remove(path);
                }
                return Err(error);
            }
            Err(TryLockError::Error(_)) if created => {}
            // Whether its writer lives cannot be told.
            Err(TryLockError::Error(_)) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let reason = format!(
                    "another process is writing it, or one was killed that did; this file system has no locks, so if there is \
                     no such process, remove {name} beside it"
                );
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, reason));
            }
        }
        // Between opening and locking, its last owner may have renamed or removed it.
        use std::os::unix::fs::MetadataExt;
        let same = std::fs::metadata(path)
            .and_then(|named| file.metadata().map(|opened| (named.dev(), named.ino()) == (opened.dev(), opened.ino())))
            .unwrap_or(false);
        if same {
            if let Err(error) = operations::empty(&file, path) {
                let _ = operations::remove(path);
                return Err(error);
            }
            return Ok(file);
        }
    }
}

/// Whether a lock was refused because the file system, or the server behind it, has none.
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(libc::ENOLCK)
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
