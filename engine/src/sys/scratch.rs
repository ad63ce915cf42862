//! Writable mappings of temporary files: memory that the system can put on disk when it is short.

use std::fs::File;
use std::io;

/// A mapping of a temporary file that nobody else has.
#[derive(Debug)]
pub struct Scratch {
    map: memmap2::MmapMut,
}

impl Scratch {
    /// Maps the whole of `file`, which has no name, is open nowhere else, and has its place on the disk already: else a
    /// write to the mapping could find the disk full, which ends the process.
    ///
    /// # Errors
    /// What the system says; an empty file cannot be mapped.
    pub fn new(file: File) -> io::Result<Self> {
        // SAFETY: the file was made by this process, has no name by which another one could open it, and is closed when
        // this returns, so that nobody changes or cuts it while it is mapped. The bytes are read only as plain numbers,
        // of which every pattern is one.
        let map = unsafe { memmap2::MmapMut::map_mut(&file) }?;
        Ok(Self { map })
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The bytes, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.map
    }
}
