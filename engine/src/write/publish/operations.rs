//! What is done to files that must survive: each operation that changes bytes or names, one function.
//!
//! Tests record what passes through here, and ask of every moment what a power cut would leave.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

#[cfg(test)]
use crate::write::crash::record::{self, Operation};

/// Opens a file that is there, or makes it; says which.
pub(super) fn open_or_create(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            #[cfg(test)]
            record::note(path, |path| Operation::Create { path });
            Ok((file, true))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Gone again if its owner was just done with it.
            let file = options.create(true).truncate(false).open(path)?;
            #[cfg(test)]
            record::note(path, |path| Operation::Create { path });
            Ok((file, false))
        }
        Err(error) => Err(error),
    }
}

/// Takes all bytes away.
pub(super) fn empty(file: &File, path: &Path) -> io::Result<()> {
    file.set_len(0)?;
    #[cfg(test)]
    record::note(path, |path| Operation::Empty { path });
    let _ = path;
    Ok(())
}

/// Writes all of `bytes` at `offset`.
pub(super) fn write_all_at(file: &File, path: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)?;
    #[cfg(test)]
    record::note(path, |path| Operation::Write { path, offset, bytes: bytes.to_vec() });
    let _ = path;
    Ok(())
}

/// Waits until the bytes are on the medium.
pub(super) fn sync(file: &File, path: &Path) -> io::Result<()> {
    #[cfg(test)]
    if record::leaves_out(path, record::Fault::NoSync) {
        return Ok(());
    }
    file.sync_all()?;
    #[cfg(test)]
    record::note(path, |path| Operation::Sync { path });
    let _ = path;
    Ok(())
}

/// Gives a file another name in its folder, over whatever had it.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    #[cfg(test)]
    record::note(from, |from| Operation::Rename { from, to: record::name(to) });
    Ok(())
}

/// Waits until the names in the folder of `path` are on the medium.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(test)]
    if record::leaves_out(path, record::Fault::NoFolderSync) {
        return Ok(());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()?;
    #[cfg(test)]
    record::note(path, |_| Operation::SyncFolder);
    Ok(())
}

/// Takes a file's name away.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)?;
    #[cfg(test)]
    record::note(path, |path| Operation::Remove { path });
    Ok(())
}
