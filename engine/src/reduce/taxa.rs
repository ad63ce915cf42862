//! Which taxon each record is of, by a file.
//!
//! Costs four bytes of memory a record and the names of the taxa, which are leased.

use std::collections::HashMap;
use std::path::Path;

use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Lease;
use crate::reduce::names;

/// Memory of a taxon beside its name.
const OVERHEAD: u64 = 96;

/// The taxa of records, numbered from 1 as they come in the file.
#[derive(Debug)]
pub(crate) struct Taxa {
    /// By ordinal; 0 for none.
    of: Vec<u32>,
    count: u32,
    /// Names of the file that no record bears.
    pub(crate) unknown: u64,
    _lease: Lease,
}

/// The name and the taxon of a line.
pub(super) fn name_and_taxon(line: &[u8]) -> std::result::Result<(Vec<u8>, Vec<u8>), String> {
    let tab = line.iter().position(|&byte| byte == b'\t').ok_or("no tab between a name and a taxon")?;
    let (name, taxon) = (line[..tab].trim_ascii(), line[tab + 1..].trim_ascii());
    if name.is_empty() || taxon.is_empty() || taxon.contains(&b'\t') {
        return Err("not a name and a taxon, with a tab between them".to_owned());
    }
    Ok((name.to_vec(), taxon.to_vec()))
}

/// The least memory for reading them.
pub(crate) fn least_memory(records: u64) -> u64 {
    records * 4 + names::MEMORY
}

impl Taxa {
    /// Reads a file whose lines have the name of a record, as [`Database::find`] takes it, a tab, and its taxon: a
    /// number or anything else. A record that is named twice is of the later taxon.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for a line without a tab or a taxon; [`crate::Error::Io`]; [`crate::Error::Memory`].
    pub(crate) fn read(database: &Database, path: &Path) -> Result<Self> {
        let mut lease = database.budget().lease("taxa of records", database.len() * 4)?;
        let mut of = vec![0; usize::try_from(database.len()).unwrap_or(usize::MAX)];
        let mut numbers: HashMap<Vec<u8>, u32> = HashMap::new();
        let unknown = names::look_up(database, path, name_and_taxon, |taxon: &Vec<u8>, ordinals| {
            if ordinals.is_empty() {
                return Ok(());
            }
            let next = numbers.len() as u32 + 1;
            let number = match numbers.get(taxon) {
                Some(&number) => number,
                None => {
                    lease.resize(lease.bytes() + taxon.len() as u64 + OVERHEAD)?;
                    *numbers.entry(taxon.clone()).or_insert(next)
                }
            };
            ordinals.iter().for_each(|&ordinal| of[ordinal as usize] = number);
            Ok(())
        })?;
        Ok(Self { of, count: numbers.len() as u32, unknown, _lease: lease })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The taxon of a record, from 1.
    pub(crate) fn of(&self, ordinal: u32) -> Option<u32> {
        self.of.get(ordinal as usize).copied().filter(|&taxon| taxon > 0)
    }
}
