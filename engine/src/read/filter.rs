//! Which records have lengths and measures within bounds, from the columns alone: no block is decoded.
//!
//! Columns are read in runs, in parallel; a run costs its pages' checksums the first time and a comparison a record.
//! The numbers of the records that match come in windows, so that memory does not grow with the number of records.

use std::ops::{Range, RangeInclusive};

use rayon::prelude::*;
use talaria_db_spec::measures::check_share;

use crate::column::Column;
use crate::database::{Database, numbers};
use crate::error::{Error, Result};
use crate::memory::budget::Lease;

/// Records whose columns one thread looks at together.
const GROUP: u64 = 1 << 12;
/// Records of a window.
const WINDOW: u64 = 64 * GROUP;
/// Bytes of memory for a record of a run: its items, twice where they are read from the file, and whether it matches.
const RUN_MEMORY: u64 = 2 * 8 + 1;

/// What records are to be like. A bound of a measure leaves out what is outside, and needs the column.
///
/// ```
/// use talaria_db::read::filter::Filter;
///
/// let filter = Filter { length: 400..=500, gc_content: Some(0.4..=0.6), ..Filter::default() };
/// assert!(!filter.is_open());
/// assert!(Filter::default().is_open());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Residues.
    pub length: RangeInclusive<u64>,
    /// The share of `G`, `C` and `S`, from 0 to 1.
    pub gc_content: Option<RangeInclusive<f32>>,
    /// Complexity, from 0 to 1.
    pub complexity: Option<RangeInclusive<f32>>,
}

impl Default for Filter {
    fn default() -> Self {
        Self::OPEN
    }
}

impl Filter {
    /// Every record matches.
    pub const OPEN: Self = Self { length: 0..=u64::MAX, gc_content: None, complexity: None };

    /// Whether every record matches.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::OPEN
    }

    fn bounds(&self) -> [(Column, Option<&RangeInclusive<f32>>); 2] {
        [(Column::GcContent, self.gc_content.as_ref()), (Column::Complexity, self.complexity.as_ref())]
    }
}

/// The numbers of the records that match, a window of records at a time. Made by [`Database::select`].
#[derive(Debug)]
pub struct Select<'d> {
    database: &'d Database,
    filter: Filter,
    next: u64,
    _lease: Lease,
}

impl Database {
    /// The numbers of the records that match, ascending, in vectors of up to 262,144. An item that is an error ends it.
    ///
    /// # Errors
    /// [`Error::NoColumn`] if the filter needs one that the container does not have, [`Error::Memory`]. Damage in the
    /// columns is in the items.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.talaria");
    /// use talaria_db::read::filter::Filter;
    /// use talaria_db::{Builder, Column, Database};
    ///
    /// let records = [&b"ACGT"[..], b"GGGGCC", b"GC"].map(|residues| (b"record".to_vec(), residues.to_vec()));
    /// Builder::new(&path).columns([Column::GcContent]).add_records("three", records.into_iter()).finish()?;
    /// let database = Database::open(&path)?;
    /// let filter = Filter { length: 3..=100, gc_content: Some(0.6..=1.0), ..Filter::default() };
    /// let found: Vec<Vec<u64>> = database.select(&filter)?.collect::<Result<_, _>>()?;
    /// assert_eq!(found.concat(), [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn select(&self, filter: &Filter) -> Result<Select<'_>> {
        self.check_filter(filter)?;
        let window = self.len().min(WINDOW);
        let runs = rayon::current_num_threads() as u64 * GROUP.min(window) * RUN_MEMORY;
        // The numbers of each run, and those of the window.
        let lease = self.budget().lease("the numbers of records that match", 2 * 8 * window + runs)?;
        Ok(Select { database: self, filter: filter.clone(), next: 0, _lease: lease })
    }

    /// Whether a record matches.
    ///
    /// # Errors
    /// [`Error::NoColumn`], [`Error::OutOfRange`], or damage in the columns.
    pub fn matches(&self, filter: &Filter, ordinal: u64) -> Result<bool> {
        if !filter.length.contains(&self.sequence_length(ordinal)?) {
            return Ok(false);
        }
        for (column, bounds) in filter.bounds() {
            let Some(bounds) = bounds else { continue };
            self.required_column(column)?;
            if !self.measure(column, ordinal)?.is_some_and(|value| bounds.contains(&value)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the container has the columns that the filter needs.
    ///
    /// # Errors
    /// [`Error::NoColumn`] with the first one that is missing.
    pub fn check_filter(&self, filter: &Filter) -> Result<()> {
        let needed = filter.bounds().into_iter().filter(|(_, bounds)| bounds.is_some());
        needed.into_iter().try_for_each(|(column, _)| self.required_column(column).map(drop))
    }

    /// For each of a run of records, whether it matches.
    pub(crate) fn matching(&self, filter: &Filter, ordinals: Range<u64>) -> Result<Vec<bool>> {
        let count = usize::try_from(ordinals.end.saturating_sub(ordinals.start)).unwrap_or(usize::MAX);
        let mut matching = vec![true; count];
        if filter.length != Filter::OPEN.length {
            let section = &self.sections().lengths;
            let bytes = self.items(section, ordinals.clone())?;
            keep(&mut matching, numbers(section, &bytes), |length| filter.length.contains(&length));
        }
        for (column, bounds) in filter.bounds() {
            let Some(bounds) = bounds else { continue };
            let bytes = self.measures(column, ordinals.clone())?;
            let values = || bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
            let name = column.section().rules().name;
            let checked =
                (ordinals.start..).zip(values()).try_for_each(|(at, value)| check_share(name, at, value).map(drop));
            checked.map_err(Error::format(self.path()))?;
            keep(&mut matching, values(), |value| bounds.contains(&value));
        }
        Ok(matching)
    }

    /// The numbers of the records of a window that match.
    fn window(&self, filter: &Filter, ordinals: Range<u64>) -> Result<Vec<u64>> {
        let groups = (ordinals.end - ordinals.start).div_ceil(GROUP);
        let found: Vec<Vec<u64>> = (0..groups)
            .into_par_iter()
            .map(|group| {
                let start = ordinals.start + group * GROUP;
                let run = start..(start + GROUP).min(ordinals.end);
                let matching = self.matching(filter, run.clone())?;
                Ok(run.zip(matching).filter(|(_, matches)| *matches).map(|(ordinal, _)| ordinal).collect())
            })
            .collect::<Result<_>>()?;
        Ok(found.concat())
    }
}

fn keep<T>(matching: &mut [bool], values: impl Iterator<Item = T>, is_within: impl Fn(T) -> bool) {
    for (matches, value) in matching.iter_mut().zip(values) {
        *matches &= is_within(value);
    }
}

impl Iterator for Select<'_> {
    type Item = Result<Vec<u64>>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.next < self.database.len() {
            let end = (self.next + WINDOW).min(self.database.len());
            let window = std::mem::replace(&mut self.next, end)..end;
            match self.database.window(&self.filter, window) {
                Ok(found) if found.is_empty() => {}
                Ok(found) => return Some(Ok(found)),
                Err(error) => {
                    self.next = self.database.len();
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl std::iter::FusedIterator for Select<'_> {}

#[cfg(test)]
mod tests;
