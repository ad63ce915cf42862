//! Files without a name.
//!
//! The file has no name from its first moment where the system can do that; elsewhere it is made with a random one, for
//! its owner alone, that is removed at once. Either way the bytes go when the file is closed, however the process ends.
//! A process that is killed between the two leaves an empty file; whoever makes one in that way next removes it. That
//! takes no file from anybody, as none is opened by name.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::Spill;
use crate::error::{Error, Result};

/// How many taken names are too many to be chance.
const ATTEMPTS: u32 = 16;

/// An append-only temporary file whose bytes count on disk until it is dropped.
#[derive(Debug)]
pub(super) struct SpillFile {
    spill: Spill,
    what: &'static str,
    file: File,
    len: u64,
}

impl SpillFile {
    /// An empty file for `what`.
    pub(super) fn create(spill: &Spill, what: &'static str) -> Result<Self> {
        let folder = spill.folder();
        let file = create(folder)?;
        Ok(Self { spill: spill.clone(), what, file, len: 0 })
    }

    /// Appends `bytes`. After an error the file is as long as before.
    ///
    /// # Errors
    /// [`Error::Space`] if they would go past the limit or the disk is full, [`Error::Io`].
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let count = bytes.len() as u64;
        self.spill.take(count)?;
        if let Err(error) = self.file.write_all_at(bytes, self.len) {
            self.spill.give_back(count);
            let folder = self.spill.folder();
            return Err(match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    self.spill.refuse(count, fs2::available_space(folder).unwrap_or(0))
                }
                _ => Error::io(folder, "write temporary data")(error),
            });
        }
        self.len += count;
        Ok(())
    }

    /// Reads exactly `into.len()` bytes from byte `at` on.
    pub(super) fn read_exact_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(into, at)
    }

    /// Bytes written.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// What the file is for.
    pub(super) fn what(&self) -> &'static str {
        self.what
    }

    /// The context.
    pub(super) fn spill(&self) -> &Spill {
        &self.spill
    }

    /// Damages a bit of the byte at `at`.
    #[cfg(test)]
    pub(super) fn flip(&self, at: u64) {
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, at).unwrap();
        self.file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        self.spill.give_back(self.len);
    }
}

/// A file of `bytes` zeros without a name, all of which have their place on the disk.
pub(super) fn create_sized(spill: &Spill, bytes: u64) -> Result<File> {
    use fs2::FileExt as _;
    let (file, folder) = (create(spill.folder())?, spill.folder());
    // Where a file system cannot set places aside, the C library writes zeros.
    let placed = file.allocate(bytes).and_then(|()| file.set_len(bytes));
    match placed {
        Ok(()) => Ok(file),
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            Err(spill.refuse(bytes, fs2::available_space(folder).unwrap_or(0)))
        }
        Err(error) => Err(Error::io(folder, "set aside temporary space")(error)),
    }
}

/// An empty file without a name in `folder`.
pub(super) fn create(folder: &Path) -> Result<File> {
    // Systems and file systems refuse in many ways; what is really wrong with the folder shows in the second attempt.
    unnamed(folder).or_else(|_| named_and_removed(folder)).map_err(Error::io(folder, "create a temporary file"))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// A file that never has a name, nor can get one later.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn unnamed(folder: &Path) -> io::Result<File> {
    options().custom_flags(libc::O_TMPFILE | libc::O_EXCL).open(folder)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unnamed(_: &Path) -> io::Result<File> {
    Err(ErrorKind::Unsupported.into())
}

/// What names of such files begin with, before sixteen hexadecimal digits.
const PREFIX: &str = ".spill-";

/// Removes names that killed processes left.
fn remove_left(folder: &Path) {
    // A folder that cannot be listed or changed is told of by whatever is tried next.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let is_left =
            digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if is_left && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A file that loses its name before it gets a byte.
fn named_and_removed(folder: &Path) -> io::Result<File> {
    remove_left(folder);
    let mut attempts = 0;
    loop {
        attempts += 1;
        // The keys of a hasher are random, and different for each.
        let path = folder.join(format!("{PREFIX}{:016x}", RandomState::new().hash_one(attempts)));
        match options().create_new(true).open(&path) {
            Ok(file) => {
                return match fs::remove_file(&path) {
                    // Another process took it for one that was left.
                    Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                    _ => Ok(file),
                };
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempts < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::memory::budget::Budget;

    #[test]
    fn files_have_no_name() {
        let folder = tempfile::tempdir().unwrap();
        for file in [unnamed(folder.path()), named_and_removed(folder.path())] {
            // Not every file system that tests run on has files without a name.
            let Ok(file) = file else { continue };
            let metadata = file.metadata().unwrap();
            assert_eq!((metadata.nlink(), metadata.mode() & 0o777), (0, 0o600));
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
            file.write_all_at(b"bytes", 0).unwrap();
        }
        named_and_removed(folder.path()).unwrap();
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let others = [".spill-0123", ".spill-0123456789abcdeg", "spill-0123456789abcdef"];
        for name in others.into_iter().chain([".spill-0123456789abcdef"]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        named_and_removed(folder.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, others);
    }

    #[test]
    fn bytes_are_counted_until_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(Budget::new(0), folder.path().to_path_buf(), Some(10));
        let mut file = SpillFile::create(&spill, "a test").unwrap();
        file.append(b"0123456").unwrap();
        assert!(matches!(file.append(b"789a"), Err(Error::Space { need: 4, free: 3, .. })));
        file.append(b"789").unwrap();
        let mut back = [0; 10];
        file.read_exact_at(&mut back, 0).unwrap();
        assert_eq!((&back, file.len(), spill.bytes_on_disk()), (b"0123456789", 10, 10));
        drop(file);
        assert_eq!((spill.bytes_on_disk(), spill.peak_on_disk()), (0, 10));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(Budget::new(0), folder.path().join("missing"), None);
        let error = SpillFile::create(&spill, "a test").unwrap_err();
        assert!(matches!(&error, Error::Io { source, .. } if source.kind() == ErrorKind::NotFound));
        assert!(error.to_string().contains("missing"));
    }
}
