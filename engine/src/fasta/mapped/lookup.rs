//! From names to records: hash, items with its high bits, and then the record's own header text, which decides.

use rayon::prelude::*;
use talaria_db_spec::keys;

use crate::error::Result;
use crate::read::batch::OVERHEAD;
use crate::read::find_many::Matches;
use crate::read::lookup::Found;
use crate::read::record::Record;

use super::entry::{first_item, ordinal_of};
use super::{Index, MappedFasta};

impl MappedFasta {
    /// The numbers of all records that bear `name`, ascending, by the rules of [`crate::Database::find`].
    ///
    /// # Errors
    /// [`crate::Error::Index`] if the file has changed or a saved index is damaged, [`crate::Error::Io`].
    pub fn find(&self, name: impl AsRef<[u8]>) -> Result<Vec<u64>> {
        let name = name.as_ref();
        let hash = keys::hash(name);
        let mut found = Found::default();
        let count = self.name_count();
        let mut index = self.first_at_least(first_item(hash))?;
        while index < count {
            let Some(ordinal) = ordinal_of(self.name_item(index)?, hash) else { break };
            found.add(ordinal, self.with_header(ordinal, |header| keys::rank_of(header, name))?);
            index += 1;
        }
        Ok(found.into_records())
    }

    /// [`MappedFasta::find`] for many names at once, in parallel.
    ///
    /// # Errors
    /// As [`MappedFasta::find`].
    pub fn find_many<N: AsRef<[u8]> + Sync>(&self, names: &[N]) -> Result<Matches> {
        let found: Vec<Vec<u64>> = names.par_iter().map(|name| self.find(name)).collect::<Result<_>>()?;
        Ok(found.into_iter().collect())
    }

    /// All records that bear a name (see [`MappedFasta::find`]).
    ///
    /// # Errors
    /// As [`MappedFasta::for_each_residues`]. A name that nobody bears is no error: the list is empty.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Result<Vec<Record>> {
        self.find(name)?.into_iter().map(|ordinal| self.record(ordinal)).collect()
    }

    /// Calls `visit` with the records with these numbers, in the order given, one in memory at a time.
    ///
    /// # Errors
    /// As [`MappedFasta::for_each_residues`], or what `visit` returns.
    pub fn for_each_record<E: From<crate::Error>>(
        &self,
        ordinals: &[u64],
        mut visit: impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        for &ordinal in ordinals {
            let length = self.sequence_length(ordinal)?.saturating_add(self.header_length(ordinal)?.into());
            let _lease = self.budget().lease("a record", length.saturating_add(OVERHEAD))?;
            visit(&self.record(ordinal)?)?;
        }
        Ok(())
    }

    /// The first of the sorted items that is not less than `item`.
    fn first_at_least(&self, item: u64) -> Result<u64> {
        let (mut low, mut high) = (0, self.name_count());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.name_item(middle)? < item { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    fn name_count(&self) -> u64 {
        match &self.index {
            Index::Made(made) => made.names.items().len() as u64,
            Index::Saved(saved) => saved.names(),
        }
    }

    fn name_item(&self, index: u64) -> Result<u64> {
        match &self.index {
            Index::Made(made) => {
                let item = usize::try_from(index).ok().and_then(|index| made.names.items().get(index));
                item.copied().ok_or(crate::Error::OutOfRange { what: "name", got: index, count: self.name_count() })
            }
            Index::Saved(saved) => {
                let item = saved.name(index)?;
                if ordinal_of(item, item).is_none_or(|ordinal| ordinal >= saved.records()) {
                    return Err(saved.damaged("a name leads to no record"));
                }
                Ok(item)
            }
        }
    }
}
