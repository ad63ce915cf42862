//! Temporary data larger than memory: byte buffers and sorting that go to disk when they must.
//!
//! A build holds things whose size only the input knows. Each of them takes its memory from the budget, and what does
//! not fit goes to a file that has no name: it cannot be left behind by a crash, and nobody else opens it. What is read
//! back is checked, frame by frame, since a flipped bit in a temporary file would otherwise be published as data.
//!
//! - [`Spill`] is the context: budget, folder, limit, and the count of bytes on disk.
//! - [`SpillBuffer`] is an append-only byte buffer that is read once, from the beginning.
//! - [`Sorter`] sorts small records of one size.
//!
//! Nothing touches the disk while everything fits in memory. There is no random access, no sharing of a buffer between
//! threads, and no spilling of one consumer on behalf of another.
//!
//! On disk, bytes are compressed with LZ4 where that helps, which costs less time than most disks take for the
//! difference.
//!
//! ```
//! use talaria_db::memory::budget::Budget;
//! use talaria_db::write::spill::{Sorter, Spill};
//!
//! let spill = Spill::new(Budget::new(16 << 20), std::env::temp_dir(), None);
//! let mut sorter = Sorter::new(&spill, "an example", 1 << 20)?;
//! for number in [3_u64, 1, 2] {
//!     sorter.push((number, 10 * number))?;
//! }
//! let sorted = sorter.finish()?.collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(sorted, [(1, 10), (2, 20), (3, 30)]);
//! assert_eq!(spill.peak_on_disk(), 0);
//! # Ok::<(), talaria_db::Error>(())
//! ```

mod buffer;
mod column;
mod file;
mod frame;
mod plan;
mod reader;
mod record;
mod runs;
mod sorted;
mod sorter;
mod table;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use self::buffer::SpillBuffer;
pub(crate) use self::column::{SpillColumn, is_kept};
pub(crate) use self::frame::{FrameReader, FrameSource, FrameWriter};
pub(crate) use self::plan::{SortCost, SortPlan};
pub use self::reader::SpillReader;
pub use self::record::SortRecord;
pub use self::sorted::Sorted;
pub use self::sorter::Sorter;
pub(crate) use self::table::{Appender, Arranger, SpillTable};
use crate::error::{Error, Result};
use crate::memory::budget::Budget;

/// Payload bytes of a full frame.
pub(crate) const FRAME: usize = 64 << 10;

/// Where temporary data goes, and how much of it there is. Clones share one account.
#[derive(Debug, Clone)]
pub struct Spill {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    budget: Budget,
    folder: PathBuf,
    limit: Option<u64>,
    enabled: bool,
    /// [`FRAME`], but for tests that want many frames of little data.
    frame: usize,
    on_disk: AtomicU64,
    peak: AtomicU64,
    runs: AtomicU64,
}

impl Spill {
    /// A context that takes memory from `budget` and keeps its files in `folder`, in which they may have up to `limit`
    /// bytes together; without a limit, what the disk has. The folder is not looked at before it is needed.
    #[must_use]
    pub fn new(budget: Budget, folder: PathBuf, limit: Option<u64>) -> Self {
        Self::with_frame(budget, folder, limit, FRAME)
    }

    fn with_frame(budget: Budget, folder: PathBuf, limit: Option<u64>, frame: usize) -> Self {
        let (on_disk, peak, runs) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self { shared: Arc::new(Shared { budget, folder, limit, enabled: true, frame, on_disk, peak, runs }) }
    }

    /// Whether anything may go to disk at all. To be said before the context is used; clones made before are not
    /// affected.
    #[must_use]
    pub fn allowed(self, enabled: bool) -> Self {
        if self.shared.enabled == enabled {
            return self;
        }
        let Shared { budget, folder, limit, frame, .. } = &*self.shared;
        let (on_disk, peak) = (AtomicU64::new(self.bytes_on_disk()), AtomicU64::new(self.peak_on_disk()));
        let (budget, folder, runs) = (budget.clone(), folder.clone(), AtomicU64::new(self.runs_written()));
        Self { shared: Arc::new(Shared { budget, folder, limit: *limit, enabled, frame: *frame, on_disk, peak, runs }) }
    }

    /// Whether anything may go to disk. If not, buffers and sorters take of the budget what is free.
    pub(crate) fn is_allowed(&self) -> bool {
        self.shared.enabled
    }

    /// Whether `what`, which does not fit its `memory` bytes any more, may go to disk.
    ///
    /// # Errors
    /// [`Error::SpillDisabled`] if not.
    fn check_allowed(&self, what: &'static str, memory: u64) -> Result<()> {
        if self.is_allowed() {
            return Ok(());
        }
        Err(Error::SpillDisabled { what, memory, limit: self.budget().limit() })
    }

    /// The budget that memory is taken from.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.shared.budget
    }

    /// The folder of the temporary files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// A file without a name in the folder, and a path by which this process can open it again, as long as it is open;
    /// none on systems that have no such paths. Its bytes are not counted.
    pub(crate) fn unnamed(&self) -> Result<Option<(File, PathBuf)>> {
        let file = file::create(self.folder())?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Ok(path.exists().then_some((file, path)))
    }

    /// Bytes that the temporary files have now: as stored, compressed and with frame headers.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        self.shared.on_disk.load(Ordering::Relaxed)
    }

    /// Most bytes that the temporary files had at any time.
    #[must_use]
    pub fn peak_on_disk(&self) -> u64 {
        self.shared.peak.load(Ordering::Relaxed)
    }

    /// Sorted runs that were written to temporary files, those that others were merged into counted too.
    #[must_use]
    pub fn runs_written(&self) -> u64 {
        self.shared.runs.load(Ordering::Relaxed)
    }

    /// Asks whether `need` more bytes could be written now, before hours of work find out. Reserves nothing.
    ///
    /// # Errors
    /// [`Error::Space`] if the limit or the disk has fewer bytes free, [`Error::Io`] if the folder cannot be asked.
    pub fn preflight(&self, need: u64) -> Result<()> {
        let disk = fs2::available_space(self.folder()).map_err(Error::io(self.folder(), "read the free space"))?;
        let limit = self.shared.limit.map(|limit| limit.saturating_sub(self.bytes_on_disk()));
        let free = limit.map_or(disk, |limit| limit.min(disk));
        if need > free { Err(self.refuse(need, free)) } else { Ok(()) }
    }

    fn frame(&self) -> usize {
        self.shared.frame
    }

    fn count_run(&self) {
        self.shared.runs.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts `bytes` as on disk.
    fn take(&self, bytes: u64) -> Result<()> {
        let limit = self.shared.limit.unwrap_or(u64::MAX);
        let grown = |on_disk: u64| on_disk.checked_add(bytes).filter(|&sum| sum <= limit);
        match self.shared.on_disk.fetch_update(Ordering::AcqRel, Ordering::Relaxed, grown) {
            Ok(before) => {
                self.shared.peak.fetch_max(before + bytes, Ordering::Relaxed);
                self.budget().temporary().add(bytes);
                Ok(())
            }
            Err(on_disk) => Err(self.refuse(bytes, limit.saturating_sub(on_disk))),
        }
    }

    fn give_back(&self, bytes: u64) {
        self.shared.on_disk.fetch_sub(bytes, Ordering::AcqRel);
        self.budget().temporary().subtract(bytes);
    }

    fn refuse(&self, need: u64, free: u64) -> Error {
        Error::Space { path: self.folder().to_path_buf(), need, free }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_shared() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(Budget::new(0), folder.path().to_path_buf(), Some(100));
        let clone = spill.clone();
        spill.take(60).unwrap();
        assert!(matches!(clone.take(41), Err(Error::Space { need: 41, free: 40, .. })));
        assert!(matches!(clone.preflight(41), Err(Error::Space { need: 41, free: 40, .. })));
        clone.preflight(40).unwrap();
        clone.take(40).unwrap();
        assert_eq!(spill.budget().temporary().now(), 100);
        spill.give_back(100);
        assert_eq!((spill.budget().temporary().now(), spill.budget().temporary().peak()), (0, 100));
        assert_eq!((spill.bytes_on_disk(), clone.peak_on_disk()), (0, 100));
        assert!(spill.take(u64::MAX).is_err());
    }

    #[test]
    fn disk_can_be_forbidden() {
        let folder = tempfile::tempdir().unwrap();
        let allowed = Spill::new(Budget::new(4 << 20), folder.path().to_path_buf(), None);
        let forbidden = allowed.clone().allowed(false);
        let fill = |spill: &Spill| -> Result<()> {
            let mut buffer = SpillBuffer::new(spill, "a column", 256 << 10)?;
            (0..512).try_for_each(|_| buffer.write(&[7; 16 << 10]))
        };
        let sort = |spill: &Spill| -> Result<()> {
            let mut sorter = Sorter::new(spill, "names", 1 << 20)?;
            (0..400_000_u64).try_for_each(|number| sorter.push((number, number)))
        };
        let large = Spill::new(Budget::new(64 << 20), folder.path().to_path_buf(), None).allowed(false);
        fill(&large).unwrap();
        sort(&large).unwrap();
        assert_eq!(large.peak_on_disk(), 0);
        fill(&allowed).unwrap();
        sort(&allowed).unwrap();
        assert!(allowed.peak_on_disk() > 0);
        let error = fill(&forbidden).unwrap_err();
        assert!(matches!(
            error,
            Error::SpillDisabled { what: "a column", memory: 3_000_000..=0x40_0000, limit: 0x40_0000 }
        ));
        assert!(error.to_string().contains("swap_to_disk"), "{error}");
        assert!(matches!(sort(&forbidden), Err(Error::SpillDisabled { what: "names", .. })));
        assert_eq!((forbidden.peak_on_disk(), forbidden.budget().in_use()), (0, 0));
    }

    #[test]
    fn the_disk_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(Budget::new(0), folder.path().to_path_buf(), None);
        spill.preflight(1).unwrap();
        assert!(matches!(spill.preflight(u64::MAX), Err(Error::Space { need: u64::MAX, .. })));
        let nowhere = Spill::new(Budget::new(0), folder.path().join("missing"), None);
        assert!(matches!(nowhere.preflight(1), Err(Error::Io { .. })));
    }
}
