//! A number a record, in memory while there is room, else in a mapped temporary file.
//!
//! What is found about records is looked at in any order and changed often, so it can neither be sorted nor framed.
//! Where the budget is short, the numbers are in a file without a name whose pages the system keeps in its cache as
//! long as it can: they are in nobody's account, and slower only where they do not fit. The file has its place on the
//! disk before it is mapped. A disk that fails to read it back ends the process.

use std::ops::{Deref, DerefMut};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Spill, file};
use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::sys::scratch::Scratch;

/// Numbers by record.
#[derive(Debug)]
pub(crate) struct SpillColumn<T> {
    store: Store<T>,
}

#[derive(Debug)]
enum Store<T> {
    Memory { all: Vec<T>, _lease: Lease },
    Disk { map: Scratch, _space: Space },
}

/// Bytes on disk, counted until they are dropped.
#[derive(Debug)]
struct Space {
    spill: Spill,
    bytes: u64,
}

impl Drop for Space {
    fn drop(&mut self) {
        self.spill.give_back(self.bytes);
    }
}

/// Whether so many bytes are kept in memory, of which `available` are left, and `keep` are needed for other things: if
/// as many are left beside.
pub(crate) const fn is_kept(bytes: u64, available: u64, keep: u64) -> bool {
    bytes <= available.saturating_sub(keep) / 2
}

impl<T: Copy + FromBytes + IntoBytes + Immutable + KnownLayout> SpillColumn<T> {
    /// `count` times `value`. `keep` bytes of memory are needed for other things.
    ///
    /// # Errors
    /// [`Error::Space`] if they do not fit the limit or the disk; [`Error::SpillDisabled`] if nothing may go there;
    /// [`Error::Io`].
    pub(crate) fn new(spill: &Spill, what: &'static str, count: usize, value: T, keep: u64) -> Result<Self> {
        let bytes = (count * size_of::<T>()) as u64;
        let kept = count == 0 || !spill.is_allowed() || is_kept(bytes, spill.budget().available(), keep);
        if kept {
            match spill.budget().lease(what, bytes) {
                Ok(lease) => return Ok(Self { store: Store::Memory { all: vec![value; count], _lease: lease } }),
                // Somebody else was faster.
                Err(_) if spill.is_allowed() => {}
                Err(_) => {
                    let (memory, limit) = (spill.budget().free(), spill.budget().limit());
                    return Err(Error::SpillDisabled { what, memory, limit });
                }
            }
        }
        spill.preflight(bytes)?;
        spill.take(bytes)?;
        let space = Space { spill: spill.clone(), bytes };
        let file = file::create_sized(spill, bytes)?;
        let map = Scratch::new(file).map_err(Error::io(spill.folder(), "map temporary data"))?;
        let mut column = Self { store: Store::Disk { map, _space: space } };
        column.fill(value);
        Ok(column)
    }
}

impl<T: FromBytes + IntoBytes + Immutable + KnownLayout> Deref for SpillColumn<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.store {
            Store::Memory { all, .. } => all,
            // Whole pages, of a whole number of items: it never fails.
            Store::Disk { map, .. } => <[T]>::ref_from_bytes(map.bytes()).unwrap_or_default(),
        }
    }
}

impl<T: FromBytes + IntoBytes + Immutable + KnownLayout> DerefMut for SpillColumn<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.store {
            Store::Memory { all, .. } => all,
            Store::Disk { map, .. } => <[T]>::mut_from_bytes(map.bytes_mut()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memory::budget::Budget;

    proptest! {
        #[test]
        fn columns_are_vectors(count in 0_usize..3000, writes in prop::collection::vec((any::<usize>(), any::<u32>()), 0..50)) {
            let folder = tempfile::tempdir().unwrap();
            for memory in [0, 1 << 20] {
                let spill = Spill::new(Budget::new(memory), folder.path().to_path_buf(), None);
                let mut column = SpillColumn::new(&spill, "numbers", count, 7_u32, 0).unwrap();
                let mut vector = vec![7; count];
                for &(at, value) in writes.iter().filter(|_| count > 0) {
                    (column[at % count], vector[at % count]) = (value, value);
                }
                prop_assert_eq!(&*column, &*vector);
                let bytes = 4 * count as u64;
                let places = if memory == 0 { (bytes, 0) } else { (0, bytes) };
                prop_assert_eq!((spill.bytes_on_disk(), spill.budget().in_use()), places);
                drop(column);
                prop_assert_eq!((spill.bytes_on_disk(), spill.budget().in_use()), (0, 0));
            }
        }
    }

    #[test]
    fn what_others_need_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(Budget::new(100), folder.path().to_path_buf(), Some(50));
        let on_disk = |count: usize, keep| {
            let column = SpillColumn::new(&spill, "numbers", count, 0_u8, keep);
            column.map(|_column| spill.bytes_on_disk())
        };
        assert_eq!(on_disk(50, 0).unwrap(), 0);
        assert_eq!(on_disk(50, 1).unwrap(), 50);
        assert!(matches!(on_disk(51, 0), Err(Error::Space { need: 51, free: 50, .. })));
        let spill = spill.clone().allowed(false);
        assert_eq!(SpillColumn::new(&spill, "numbers", 100, 0_u8, 50).unwrap().len(), 100);
        assert!(matches!(SpillColumn::new(&spill, "numbers", 101, 0_u8, 50), Err(Error::SpillDisabled { .. })));
    }
}
