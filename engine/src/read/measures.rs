//! The optional columns of a container, one number a record, read in place: no block is decoded.

use std::borrow::Cow;
use std::ops::Range;

use talaria_db_spec::measures::check_share;
use talaria_db_spec::validate::Section;

use crate::column::{Column, Columns};
use crate::database::Database;
use crate::error::{Error, Result};

impl Database {
    /// Which optional columns the container has ([`crate::Builder::columns`]).
    #[must_use]
    pub fn columns_kept(&self) -> Columns {
        Column::ALL.into_iter().filter(|&column| self.column(column).is_some()).collect()
    }

    /// The share of `G`, `C` and `S` among `A C G T U S W` in a record, from 0 to 1; `None` if the container does not
    /// have the column.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or rule O-1 or S-9.
    pub fn gc_content(&self, ordinal: u64) -> Result<Option<f32>> {
        self.measure(Column::GcContent, ordinal)
    }

    /// How complex the residues of a record are: Shannon entropy over the most that it could be in the container's
    /// alphabet, from 0 to
    /// 1. `None` if the container does not have the column.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or rule O-1 or S-9.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.talaria");
    /// use talaria_db::{Builder, Column, Database};
    ///
    /// let records = vec![(b"one".to_vec(), b"ACACAC".to_vec()), (b"two".to_vec(), b"AAAA".to_vec())];
    /// Builder::new(&path).columns(Column::ALL).add_records("two", records.into_iter()).finish()?;
    /// let database = Database::open(&path)?;
    /// assert_eq!((database.complexity(0)?, database.complexity(1)?), (Some(0.5), Some(0.0)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn complexity(&self, ordinal: u64) -> Result<Option<f32>> {
        self.measure(Column::Complexity, ordinal)
    }

    /// [`Database::gc_content`] or [`Database::complexity`].
    ///
    /// # Errors
    /// As those.
    pub fn measure(&self, column: Column, ordinal: u64) -> Result<Option<f32>> {
        self.check_ordinal(ordinal)?;
        let Some(section) = self.column(column) else { return Ok(None) };
        let value = f32::from_le_bytes(self.item(section, ordinal)?);
        check_share(column.section().rules().name, ordinal, value).map(Some).map_err(Error::format(self.path()))
    }

    /// The bytes of a column for a run of records, whose pages have been compared.
    ///
    /// # Errors
    /// [`Error::NoColumn`], [`Error::OutOfRange`], or rule S-9.
    pub(crate) fn measures(&self, column: Column, ordinals: Range<u64>) -> Result<Cow<'_, [u8]>> {
        self.items(self.required_column(column)?, ordinals)
    }

    /// The section of a column.
    ///
    /// # Errors
    /// [`Error::NoColumn`].
    pub(crate) fn required_column(&self, column: Column) -> Result<&Section> {
        let path = || self.path().to_path_buf();
        self.column(column).ok_or_else(|| Error::NoColumn { path: path(), column: column.name() })
    }

    fn column(&self, column: Column) -> Option<&Section> {
        self.container().section(column.section())
    }
}
