//! A container that is read with `pread`, and what it was when it was opened.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

#[cfg(test)]
use crate::planted::{Planted, planted};
use crate::sys::file;

/// A file, and what it was when it was opened.
#[derive(Debug)]
pub struct Opened {
    file: File,
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(test)]
    planted: std::sync::Arc<Planted>,
}

impl Opened {
    pub(crate) fn new(file: File, metadata: &Metadata) -> Self {
        Self {
            file,
            length: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(test)]
            planted: planted(),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// `length` bytes from `offset`.
    ///
    /// # Errors
    /// What the system says; `UnexpectedEof`, with the reason, if the file has been cut short since.
    pub(crate) fn bytes(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        #[cfg(test)]
        self.planted.fail_read()?;
        let last = offset.checked_add(length as u64).filter(|last| *last <= self.length);
        let last = last.ok_or(ErrorKind::UnexpectedEof)?;
        let mut buffer = vec![0; length];
        self.file.read_exact_at(&mut buffer, offset).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                let reason = format!("the file was cut short after it was opened: it has no {last} bytes any more");
                io::Error::new(error.kind(), reason)
            }
            _ => error,
        })?;
        Ok(buffer)
    }

    /// Starts to read a range into the system's cache.
    pub(crate) fn will_need(&self, offset: u64, length: u64) {
        file::will_need(&self.file, offset, length);
    }

    /// Whether it has the length and the time that it had.
    pub(crate) fn is_unchanged(&self) -> io::Result<bool> {
        let now = self.file.metadata()?;
        Ok(now.len() == self.length && now.modified().ok() == self.modified)
    }
}
