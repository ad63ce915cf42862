//! Which records are to be representatives rather than others.
//!
//! Rules give each record a small number, its preference; the lower wins. A list of names comes first, then texts in headers, in the order
//! given. What no rule names comes last.
//!
//! Costs a pass over the header texts if there are texts, the lookup of the names of a list, and a byte a record, which is leased.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::read::columns::TextItem;
use crate::read::scan::LastBlock;
use crate::read::stream::blocks_memory;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::{Groups, LEAST_SORT_MEMORY, sort_memory};
use crate::reduce::similarity::{Pair, Similarity};
use crate::write::spill::{Sorter, Spill};

/// Most texts: preferences are a byte, the lowest one is for the list and the highest one for what no rule names.
const MOST_TEXTS: usize = 253;
/// The preference of what no rule names.
const LAST: u8 = u8::MAX;
/// Records that one thread looks at together.
const GROUP: usize = 4096;
/// Names of a list that are looked up together.
const NAMES: usize = 1 << 13;
/// Longest line of a list, in bytes.
const LONGEST: u64 = 1 << 16;
/// Memory for names that are looked up together.
const NAMES_MEMORY: u64 = NAMES as u64 * 256 + LONGEST;

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
/// assert_eq!(clusters.membership(0)?.representative, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preference {
    list: Option<PathBuf>,
    texts: Vec<Vec<u8>>,
}

impl Preference {
    /// Records with these names come before all others: a file with one a line, names as [`Database::find`] takes them.
    #[must_use]
    pub fn list(mut self, path: impl AsRef<Path>) -> Self {
        self.list = Some(path.as_ref().to_path_buf());
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
        self.list.is_none() && self.texts.is_empty()
    }

    /// The options that say this, as provenance has them: without the name of the list.
    pub(crate) fn options(&self) -> String {
        let texts = self.texts.iter().map(|text| format!(" --prefer {:?}", String::from_utf8_lossy(text)));
        self.list.iter().map(|_| " --prefer-list".to_owned()).chain(texts).collect()
    }

    /// The memory that finding and applying preferences takes, beside what the reduction takes without.
    pub(crate) fn least_memory(&self, records: u64) -> u64 {
        if self.is_empty() { 0 } else { records + records.div_ceil(8) + 8 + NAMES_MEMORY + 6 * LEAST_SORT_MEMORY }
    }

    /// The preference of every record.
    ///
    /// # Errors
    /// [`Error::Option`] for a text that is empty, or too many; [`Error::Io`] or [`Error::Input`] for the list; [`Error::Memory`]; damage in the header texts.
    pub(crate) fn ranks(&self, database: &Database) -> Result<Ranks> {
        if self.texts.len() > MOST_TEXTS || self.texts.iter().any(Vec::is_empty) {
            let reason = format!("up to {MOST_TEXTS} texts, none of them empty");
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
                        *rank = u8::try_from(found + 1).unwrap_or(LAST);
                    }
                }
                Ok(())
            })?;
        }
        let unknown = match &self.list {
            Some(path) => apply_list(database, path, &mut ranks)?,
            None => 0,
        };
        Ok(Ranks { ranks, unknown, _lease: lease })
    }
}

/// Gives the records of a list the lowest preference; how many names no record bears.
fn apply_list(database: &Database, path: &Path, ranks: &mut [u8]) -> Result<u64> {
    let _lease = database.budget().lease("names of preferred records", NAMES_MEMORY)?;
    let mut reader = BufReader::new(File::open(path).map_err(Error::io(path, "open"))?);
    let (mut names, mut line, mut unknown): (Vec<Vec<u8>>, u64, u64) = (Vec::new(), 0, 0);
    loop {
        let mut name = Vec::new();
        let length = (&mut reader).take(LONGEST + 1).read_until(b'\n', &mut name).map_err(Error::io(path, "read"))?;
        line += 1;
        if length as u64 > LONGEST {
            let reason = format!("longer than {LONGEST} bytes: not a list of names");
            return Err(Error::Input { path: path.to_path_buf(), line, column: None, reason });
        }
        let trimmed = name.trim_ascii();
        if !trimmed.is_empty() {
            names.push(trimmed.to_vec());
        }
        // Long names are looked up in smaller numbers.
        let bytes: usize = if name.len() > 128 { names.iter().map(Vec::len).sum() } else { 0 };
        if length == 0 || names.len() == NAMES || bytes > NAMES * 128 {
            let found = database.find_many(&names)?;
            unknown += found.iter().filter(|ordinals| ordinals.is_empty()).count() as u64;
            for &ordinal in found.ordinals() {
                if let Some(rank) = usize::try_from(ordinal).ok().and_then(|ordinal| ranks.get_mut(ordinal)) {
                    *rank = 0;
                }
            }
            names.clear();
        }
        if length == 0 {
            return Ok(unknown);
        }
    }
}

/// The preference of every record: the lower, the sooner it is a representative.
#[derive(Debug)]
pub(crate) struct Ranks {
    ranks: Vec<u8>,
    /// Names of the list that no record bears.
    pub(crate) unknown: u64,
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
    let finding = account.hold(blocks_memory(nominal, account.threads).max(NAMES_MEMORY));
    account.release([finding]);
    vec![ranks]
}

/// What [`choose`] takes of `groups`; those that it makes stay.
pub(crate) fn estimate_choice(account: &mut Account, groups: Vec<Held>, records: u64, reserve: u64) -> Vec<Held> {
    let mut chosen = Groups::estimate(account, records, reserve);
    let memory = account.sort_memory(8, reserve);
    let again = account.sort::<Pair>("pairs of the same residues", memory, records);
    let better = account.sort::<(u64, u64)>("preferred records", memory, records);
    chosen.extend(Groups::estimate(account, records, reserve));
    account.release(groups.into_iter().chain([again, better]));
    chosen
}

/// Groups of records with the same residues, each under the record with the lowest preference, of several the first one. What is stored once stays
/// with the first record of all, so that a shared copy is that of an earlier record; [`Groups::take_copies`] says who that is.
pub(crate) fn choose(groups: Groups, ranks: &Ranks, spill: &Spill, reserve: u64) -> Result<Groups> {
    let mut copies = groups.emptied(spill, reserve)?;
    let memory = sort_memory(spill, 8, reserve);
    let mut again = Sorter::new(spill, "pairs of the same residues", memory)?;
    let mut better = Sorter::new(spill, "preferred records", memory)?;
    let mut named = groups.emptied(spill, reserve)?;
    let (by_member, by_representative) = groups.finish()?;
    drop(by_member);
    // First record, preferred one, its preference.
    let mut cluster: Option<(u64, u64, u8)> = None;
    let mut end = |cluster: Option<(u64, u64, u8)>| match cluster {
        Some((first, best, _)) if first != best => better.push((first, best)),
        _ => Ok(()),
    };
    for pair in by_representative {
        let pair: Pair = pair?;
        copies.join(pair.representative, pair.member, pair.similarity)?;
        again.push(pair)?;
        if cluster.is_none_or(|(first, _, _)| first != pair.representative) {
            end(cluster.replace((pair.representative, pair.representative, ranks.of(pair.representative))))?;
        }
        if let Some((_, best, rank)) = &mut cluster
            && ranks.of(pair.member) < *rank
        {
            (*best, *rank) = (pair.member, ranks.of(pair.member));
        }
    }
    end(cluster)?;
    if better.is_empty() {
        return Ok(copies);
    }
    let mut better = better.finish()?.peekable();
    let mut current: Option<(u64, u64)> = None;
    for pair in again.finish()? {
        let Pair { representative: first, member, .. } = pair?;
        let best = match current {
            Some((of, best)) if of == first => best,
            _ => {
                let found = better.next_if(|item| item.as_ref().map_or(true, |&(of, _)| of == first)).transpose()?;
                let best = found.map_or(first, |(_, best)| best);
                if best != first {
                    named.join(best, first, Similarity::FULL)?;
                }
                best
            }
        };
        current = Some((first, best));
        if member != best {
            named.join(best, member, Similarity::FULL)?;
        }
    }
    named.set_copies(copies);
    Ok(named)
}
