//! Which records are to be representatives rather than others.
//!
//! Rules give each record a small number, its preference; the lower wins. A list of names comes first, then taxa, then
//! texts in headers, both in the order given. What no rule names comes last.
//!
//! Costs a pass over the header texts if there are texts, the lookup of the names of a list or of all that have a
//! taxon, and a byte a record, which is leased.

use std::path::{Path, PathBuf};

use memchr::memmem::Finder;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::read::blocks::blocks_memory;
use crate::read::columns::TextItem;
use crate::read::scan::LastBlock;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::LEAST_SORT_MEMORY;
use crate::reduce::names;
use crate::reduce::taxa::name_and_taxon;

/// Most taxa and texts: preferences are a byte, the lowest one is for the list and the highest one for what no rule
/// names.
const MOST_RULES: usize = 253;
/// The preference of what no rule names.
const LAST: u8 = u8::MAX;
/// Records that one thread looks at together.
const GROUP: usize = 4096;

/// Rules by which representatives are chosen before their length or place counts.
///
/// ```
/// use talaria_db::reduce::{Output, Preference, Reduction};
///
/// # let folder = tempfile::tempdir()?;
/// # let (input, output) = (folder.path().join("a.fa"), folder.path().join("a.talaria"));
/// std::fs::write(&input, ">tr|A1\nMKVL\n>tr|A2\nGGA\n>sp|P1\nMKVL\n")?;
/// let preference = Preference::default().text("sp|");
/// Reduction::new(&input, Output::Container(output.clone())).prefer(preference).run()?;
/// let clusters = talaria_db::Database::open(&output)?.clusters()?;
/// assert_eq!(clusters.membership(0)?.map(|membership| membership.representative), Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preference {
    list: Option<PathBuf>,
    /// Which record is of which taxon, and the taxa that are preferred.
    taxa: Option<(PathBuf, Vec<Vec<u8>>)>,
    texts: Vec<Vec<u8>>,
}

impl Preference {
    /// Records with these names come before all others: a file with one a line, names as [`Database::find`] takes them.
    #[must_use]
    pub fn list(mut self, path: impl AsRef<Path>) -> Self {
        self.list = Some(path.as_ref().to_path_buf());
        self
    }

    /// Records of these taxa come next, of an earlier one before those of a later one. The file says the taxon of each
    /// record: a line each, its name as [`Database::find`] takes it, a tab, and the taxon. One that has several there
    /// is of the one that is preferred most.
    #[must_use]
    pub fn taxa<T: AsRef<[u8]>>(mut self, path: impl AsRef<Path>, taxa: impl IntoIterator<Item = T>) -> Self {
        let taxa = taxa.into_iter().map(|taxon| taxon.as_ref().to_vec()).collect();
        self.taxa = Some((path.as_ref().to_path_buf(), taxa));
        self
    }

    /// Records whose header holds this text come before those that hold a later text or none.
    #[must_use]
    pub fn text(mut self, text: impl AsRef<[u8]>) -> Self {
        self.texts.push(text.as_ref().to_vec());
        self
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_none() && self.taxa.is_none() && self.texts.is_empty()
    }

    /// The options that say this, as provenance has them: without names of files.
    pub(crate) fn options(&self) -> String {
        let list = self.list.iter().map(|_| " --prefer-list".to_owned());
        let taxa = self.taxa.iter().flat_map(|(_, taxa)| taxa);
        let taxa = taxa.map(|taxon| format!(" --prefer-taxon {:?}", String::from_utf8_lossy(taxon)));
        let texts = self.texts.iter().map(|text| format!(" --prefer {:?}", String::from_utf8_lossy(text)));
        list.chain(taxa).chain(texts).collect()
    }

    /// The memory that finding and applying preferences takes, beside what the reduction takes without.
    pub(crate) fn least_memory(&self, records: u64) -> u64 {
        if self.is_empty() { 0 } else { records + records.div_ceil(8) + 8 + names::MEMORY + 6 * LEAST_SORT_MEMORY }
    }

    /// The preference of every record.
    ///
    /// # Errors
    /// [`Error::Option`] for a text that is empty, or too many rules; [`Error::Io`] or [`Error::Input`] for the list
    /// and the taxa; [`Error::Memory`]; damage in the header texts.
    pub(crate) fn ranks(&self, database: &Database) -> Result<Ranks> {
        let taxa = self.taxa.as_ref().map_or(&[][..], |(_, taxa)| taxa);
        if taxa.len() + self.texts.len() > MOST_RULES || self.texts.iter().any(Vec::is_empty) {
            let reason = format!("up to {MOST_RULES} texts and taxa, no text empty");
            return Err(Error::Option { option: "--prefer", reason });
        }
        let records = usize::try_from(database.len()).unwrap_or(usize::MAX);
        let lease = database.budget().lease("preferences of records", database.len())?;
        let mut ranks = vec![LAST; records];
        let finders: Vec<Finder<'_>> = self.texts.iter().map(Finder::new).collect();
        if !finders.is_empty() {
            let _blocks = database.lease_blocks()?;
            ranks.par_chunks_mut(GROUP).enumerate().try_for_each(|(group, ranks)| -> Result<()> {
                let mut texts = LastBlock::default();
                for (ordinal, rank) in ((group * GROUP) as u64..).zip(ranks) {
                    let item = database.header_entry(ordinal)?.text_item();
                    let header = texts.item(database, database.texts(), item, false)?;
                    if let Some(found) = finders.iter().position(|finder| finder.find(&header).is_some()) {
                        *rank = u8::try_from(taxa.len() + found + 1).unwrap_or(LAST);
                    }
                }
                Ok(())
            })?;
        }
        let unknown_taxa = match &self.taxa {
            Some((path, taxa)) => names::look_up(database, path, name_and_taxon, |taxon, ordinals| {
                if let Some(found) = taxa.iter().position(|preferred| preferred == taxon) {
                    let preference = u8::try_from(found + 1).unwrap_or(LAST);
                    let better = |rank: &mut u8| *rank = preference.min(*rank);
                    ordinals.iter().for_each(|&ordinal| better(&mut ranks[ordinal as usize]));
                }
                Ok(())
            })?,
            None => 0,
        };
        let unknown = match &self.list {
            Some(path) => names::look_up(
                database,
                path,
                |name| Ok((name.to_vec(), ())),
                |(), ordinals| {
                    ordinals.iter().for_each(|&ordinal| ranks[ordinal as usize] = 0);
                    Ok(())
                },
            )?,
            None => 0,
        };
        Ok(Ranks { ranks, unknown, unknown_taxa, _lease: lease })
    }
}

/// The preference of every record: the lower, the sooner it is a representative.
#[derive(Debug)]
pub(crate) struct Ranks {
    ranks: Vec<u8>,
    /// Names of the list that no record bears.
    pub(crate) unknown: u64,
    /// Names of the file of taxa that no record bears.
    pub(crate) unknown_taxa: u64,
    _lease: Lease,
}

impl Ranks {
    /// Tells preferences apart.
    pub(crate) fn hash(&self) -> u64 {
        xxh3_64(&self.ranks)
    }

    /// That of a record.
    pub(crate) fn of(&self, ordinal: u64) -> u8 {
        usize::try_from(ordinal).ok().and_then(|ordinal| self.ranks.get(ordinal)).copied().unwrap_or(LAST)
    }
}

/// What finding preferences takes; they stay.
pub(crate) fn estimate_ranks(account: &mut Account, preference: &Preference, records: u64, nominal: u32) -> Vec<Held> {
    if preference.is_empty() {
        return Vec::new();
    }
    account.begin("preferring", None, records, "records");
    let ranks = account.hold(records);
    let finding = account.hold(blocks_memory(nominal, account.threads).max(names::MEMORY));
    account.release([finding]);
    vec![ranks]
}
