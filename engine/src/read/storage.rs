//! Where the bytes of a container come from: a mapping, `pread`, or memory.
//!
//! Everything above reads through [`Storage::bytes`], so that lookups, scans and checks are the same on all three.

use std::borrow::Cow;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use crate::error::{Error, Result};
use crate::memory::budget::Budget;
use crate::memory::mapping::MappingReport;
use crate::memory::settings::{MappingSettings, MemorySettings};
use crate::read::ahead::PIECE;
use crate::read::mapped::MappedFile;
use crate::read::opened::Opened;
use crate::sys::lease;
use crate::sys::map::{Advice, Mapping};
use crate::sys::prefetch::prefetch_read;

/// How a container is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Mapped into memory: the fastest; see [`crate::sys::map`] for what it relies on.
    #[default]
    Map,
    /// Read piece by piece with `pread`: no mapping, for file systems or files that cannot be relied on.
    Read,
}

/// The bytes of one container.
#[derive(Debug)]
pub enum Storage {
    /// A mapped file, and the file itself if the mapping is guarded or the file leased.
    Mapped(MappedFile, Option<Opened>),
    /// A file read with `pread`.
    File(Opened),
    /// Bytes in memory.
    Bytes(Vec<u8>),
}

impl Storage {
    /// Opens a file: mapped, unless it is below the threshold or is not to be.
    ///
    /// # Errors
    /// [`Error::Io`]. A folder is refused; so is a pipe, which has no random access.
    pub fn open(path: &Path, settings: &MemorySettings) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path, "open"))?;
        let metadata = file.metadata().map_err(Error::io(path, "look at"))?;
        if !metadata.is_file() {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file");
            return Err(Error::Io { path: path.to_path_buf(), action: "open", source });
        }
        let length = metadata.len();
        let MappingSettings { use_memory_mapping, threshold, guard, lease, .. } = settings.mapping;
        let leased = lease && lease::take(&file);
        if !use_memory_mapping || settings.streaming.only || length < threshold.max(1) {
            return Ok(Self::File(Opened::new(file, &metadata)));
        }
        let mapping = Mapping::new(&file).map_err(Error::io(path, "map"))?;
        // A lookup touches a page here and there, the first ones while opening; what the kernel reads around them is of
        // no use.
        mapping.advise(Advice::Random, 0, usize::try_from(length).unwrap_or(usize::MAX));
        let mut mapped = MappedFile::new(mapping);
        if guard && !mapped.guard() {
            return Ok(Self::File(Opened::new(file, &metadata)));
        }
        Ok(Self::Mapped(mapped, (guard || leased).then(|| Opened::new(file, &metadata))))
    }

    /// Populates the parts `hot` of a mapped file and puts them into large pages, as the settings say; see
    /// [`MappedFile::prepare`].
    pub fn prepare(&mut self, hot: &[Range<u64>], settings: &MemorySettings, budget: &Budget) {
        if let Self::Mapped(mapped, _) = self {
            mapped.prepare(hot, settings, budget);
        }
    }

    /// What pages the parts of [`Storage::prepare`] lie in; nothing where no file is mapped.
    #[must_use]
    pub fn report(&self) -> Option<MappingReport> {
        match self {
            Self::Mapped(mapped, _) => Some(mapped.report()),
            Self::File(..) | Self::Bytes(_) => None,
        }
    }

    /// Bytes in all.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Mapped(mapped, _) => mapped.len(),
            Self::File(opened) => opened.len(),
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Whether [`Storage::bytes`] borrows, and so takes no memory.
    #[must_use]
    pub fn borrows(&self) -> bool {
        match self {
            Self::Mapped(mapped, _) => !mapped.is_guarded(),
            Self::File(..) => false,
            Self::Bytes(_) => true,
        }
    }

    /// Whether [`Storage::in_place`] borrows. Where that has once been so and is no more, a page of the file could not
    /// be had: what was borrowed is to be read again.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        match self {
            Self::Mapped(mapped, _) => !mapped.was_hit(),
            Self::File(..) => false,
            Self::Bytes(_) => true,
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `length` bytes from `offset`: borrowed where they are in memory for good, else read into a buffer of that size.
    ///
    /// # Errors
    /// What the system says; `UnexpectedEof` if the range is not inside the file.
    pub fn bytes(&self, offset: u64, length: usize) -> std::io::Result<Cow<'_, [u8]>> {
        let bytes = self.in_place(offset, length)?;
        match (self, bytes) {
            (Self::Mapped(..), Cow::Borrowed(bytes)) if !self.borrows() => {
                let copy = bytes.to_vec();
                if self.is_in_memory() { Ok(Cow::Owned(copy)) } else { self.in_place(offset, length) }
            }
            (_, bytes) => Ok(bytes),
        }
    }

    /// The same where it borrows and there are such bytes.
    #[inline]
    pub(crate) fn borrowed(&self, offset: u64, length: usize) -> Option<&[u8]> {
        match self {
            Self::Mapped(mapped, _) if !mapped.is_guarded() => mapped.get(range(offset, length)?),
            Self::Mapped(..) | Self::File(_) => None,
            Self::Bytes(bytes) => bytes.get(range(offset, length)?),
        }
    }

    /// As [`Storage::bytes`], borrowed where they are in memory just now: as long as [`Storage::is_in_memory`] is true
    /// they are the file's. To be asked after they have been used.
    ///
    /// # Errors
    /// As [`Storage::bytes`].
    pub fn in_place(&self, offset: u64, length: usize) -> std::io::Result<Cow<'_, [u8]>> {
        let borrowed = match self {
            Self::Mapped(mapped, Some(opened)) if mapped.was_hit() => {
                return opened.bytes(offset, length).map(Cow::Owned);
            }
            Self::Mapped(mapped, _) => range(offset, length).and_then(|range| mapped.get(range)),
            Self::Bytes(bytes) => range(offset, length).and_then(|range| bytes.get(range)),
            Self::File(opened) => return opened.bytes(offset, length).map(Cow::Owned),
        };
        borrowed.map(Cow::Borrowed).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }

    /// What comes of bytes that are read in place, as long as they are the file's; if it turns out that they were not,
    /// what comes of reading them again.
    pub(crate) fn settled<T>(&self, attempt: impl Fn() -> T) -> T {
        let in_place = self.is_in_memory();
        let result = attempt();
        if in_place && !self.is_in_memory() { attempt() } else { result }
    }

    /// Compares the file at `path` with what it was when it was opened, by length and time. Of a mapped file that is
    /// neither guarded nor leased nothing is known.
    ///
    /// # Errors
    /// [`Error::Changed`], or [`Error::Io`].
    pub(crate) fn check_unchanged(&self, path: &Path) -> Result<()> {
        let unchanged = match self {
            Self::Mapped(_, Some(opened)) | Self::File(opened) => opened.is_unchanged(),
            Self::Mapped(_, None) | Self::Bytes(_) => Ok(true),
        };
        match unchanged.map_err(Error::io(path, "look at"))? {
            true => Ok(()),
            false => Err(Error::Changed { path: path.to_path_buf() }),
        }
    }

    /// Starts to fetch the byte at `offset`, and those around it, into the processor's caches, if it is in memory.
    pub fn prefetch(&self, offset: u64) {
        if let (true, Ok(Cow::Borrowed(bytes))) = (self.is_in_memory(), self.in_place(offset, 1)) {
            prefetch_read(bytes, 0);
        }
    }

    /// Takes the pages of a mapped file out of this process, as after a pass over all of it.
    pub(crate) fn release(&self) {
        if let Self::Mapped(mapped, _) = self {
            mapped.release();
        }
    }

    /// Asks the system to read a range into its cache, without waiting for it: in pieces, as it ignores what is too
    /// much.
    pub(crate) fn will_need(&self, range: Range<u64>) {
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min((start / PIECE + 1) * PIECE);
            match self {
                Self::Mapped(mapped, _) => {
                    if let (Ok(offset), Ok(length)) = (usize::try_from(start), usize::try_from(end - start)) {
                        mapped.will_need(offset, length);
                    }
                }
                Self::File(opened) => opened.will_need(start, end - start),
                Self::Bytes(_) => return,
            }
            start = end;
        }
    }
}

fn range(offset: u64, length: usize) -> Option<Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    Some(start..start.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::settings::HugePages;
    use crate::{Builder, Database, OpenOptions};

    fn container() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.talaria");
        let records = (0..3000).map(|index| (format!("r{index}").into_bytes(), b"MKVL".repeat(1 + index % 50)));
        Builder::new(&path).add_records("made", records).finish().unwrap();
        (folder, path)
    }

    fn answers(database: &Database) -> bool {
        (0..3000).step_by(7).all(|index| {
            let records = database.get(format!("r{index}")).unwrap();
            records.len() == 1 && records[0].sequence().as_bytes() == b"MKVL".repeat(1 + index % 50)
        })
    }

    #[test]
    fn the_threshold_chooses_between_mapping_and_reading() {
        let (_folder, path) = container();
        let length = std::fs::metadata(&path).unwrap().len();
        for (threshold, mapped) in [(0, true), (length, true), (length + 1, false), (u64::MAX, false)] {
            let mut settings = MemorySettings::default();
            settings.mapping.threshold = threshold;
            let database = OpenOptions::new().memory(settings.clone()).open(&path).unwrap();
            assert_eq!(database.mapping_report().mapped, mapped, "{threshold}");
            assert!(answers(&database));
            settings.mapping.use_memory_mapping = false;
            assert!(!OpenOptions::new().memory(settings).open(&path).unwrap().mapping_report().mapped);
        }
        let bytes = std::fs::read(&path).unwrap();
        assert!(!OpenOptions::new().from_bytes(bytes).unwrap().mapping_report().mapped);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_would_write_to_a_leased_file_waits() {
        use std::os::unix::fs::OpenOptionsExt;
        let (_folder, path) = container();
        // Without waiting for the lease, but asking for it to end.
        let write = || std::fs::OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&path);
        if !lease::take(&std::fs::File::open(&path).unwrap()) {
            println!("skipped: the file system of temporary files has no leases");
            return;
        }
        for access in [Access::Map, Access::Read] {
            let database = OpenOptions::new().access(access).lease(true).open(&path).unwrap();
            assert_eq!(write().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
            assert!(answers(&database));
            database.check_unchanged().unwrap();
            drop(database);
            write().unwrap();
            // None is asked for unless told so, and none is given while somebody writes.
            let database = OpenOptions::new().access(access).open(&path).unwrap();
            let _writer = write().unwrap();
            assert!(answers(&database) && answers(&OpenOptions::new().lease(true).open(&path).unwrap()));
        }
    }

    #[test]
    fn answers_are_the_same_in_all_pages() {
        let (_folder, path) = container();
        for huge_pages in [HugePages::Off, HugePages::Transparent, HugePages::TwoMiB, HugePages::OneGiB] {
            for populate in [false, true] {
                let mut settings = MemorySettings::default();
                settings.mapping.huge_pages = huge_pages;
                settings.mapping.populate = populate;
                let database = OpenOptions::new().memory(settings).open(&path).unwrap();
                assert!(answers(&database));
                let report = database.mapping_report();
                assert_eq!((report.asked, report.populate, report.bytes > 0), (huge_pages, populate, true));
                if populate || huge_pages != HugePages::Off {
                    assert!(report.resident >= report.bytes, "{report:?}");
                }
            }
        }
    }

    /// Bytes of the file around which the system reads nothing by itself.
    #[cfg(target_os = "linux")]
    fn random(path: &Path) -> u64 {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut bytes = 0;
        let mut of_file = None;
        for line in smaps.lines() {
            if let Some(rest) = line.strip_prefix("VmFlags:") {
                bytes += of_file.filter(|_| rest.split_ascii_whitespace().any(|flag| flag == "rr")).unwrap_or(0);
            } else if let Some(rest) = line.strip_prefix("Size:") {
                of_file = of_file.map(|_| rest.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10);
            } else if line.split_ascii_whitespace().nth(5).is_some() {
                of_file = line.ends_with(path.to_str().unwrap()).then_some(0);
            } else if line.split_ascii_whitespace().next().is_some_and(|word| word.contains('-')) {
                of_file = None;
            }
        }
        bytes
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nothing_is_read_around_what_is_asked_for() {
        let (_folder, path) = container();
        let database = Database::open(&path).unwrap();
        let length = std::fs::metadata(&path).unwrap().len().next_multiple_of(4096);
        assert_eq!(random(&path), length);
        database.scan(|_| Ok(())).unwrap();
        assert_eq!(random(&path), length);
    }
}
