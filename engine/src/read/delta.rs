//! Deltas: records that are told as what differs from a parent (FORMAT.md, section 13), given as if they were stored.
//!
//! A delta's items are followed up to a record that is stored, at most eight of them, and applied on the way back; each
//! is compared with its checksum. That costs the blocks of the items, which usually are one or two as a cluster lies
//! together, the block of the stored record, and two copies of the residues in memory, which are leased.
//! [`Database::resolve_many`] takes many records in the order in which their items lie, so that each block is decoded
//! once and what several records have as their parent is made once.

use std::collections::HashMap;

use rayon::prelude::*;
use talaria_db_spec::delta::{self, Item};

use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::read::scan::LastBlock;
use crate::read::shared::SharedSequence;
use crate::read::stream::Stream;

/// Bytes of records that are remembered because others may have them as their parent.
const REMEMBERED: u64 = 1 << 20;
/// Bytes of memory that a remembered record takes beside its own.
const OVERHEAD: u64 = 128;

/// Fewest records that one thread resolves together.
const GROUP: usize = 16;

/// A delta on the way to its stored ancestor.
struct Step {
    ordinal: u64,
    /// Its item, and what follows it in the block.
    bytes: SharedSequence,
    /// Residues of the record.
    length: u64,
}

/// Resolves deltas one after the other. What it used last stays at hand.
pub(crate) struct Resolver {
    items: LastBlock,
    stored: LastBlock,
    /// Depth and residues of deltas.
    remembered: HashMap<u64, (u8, SharedSequence)>,
    bytes: u64,
    /// For what is remembered; nothing is without.
    lease: Option<Lease>,
}

impl Resolver {
    /// Takes a lease for what it remembers, if there is room for that.
    pub(crate) fn new(database: &Database) -> Self {
        let lease = database.budget().try_lease("parents of deltas", REMEMBERED);
        let (items, stored) = (LastBlock::default(), LastBlock::default());
        Self { items, stored, remembered: HashMap::new(), bytes: 0, lease }
    }

    /// The residues of record `ordinal`, a delta.
    ///
    /// # Errors
    /// One of, other damage in what was touched, or [`Error::Memory`].
    pub(crate) fn resolve(&mut self, database: &Database, ordinal: u64) -> Result<SharedSequence> {
        let mut steps: Vec<Step> = Vec::new();
        let (mut at, mut expected) = (ordinal, None);
        let broken = |at, got: u8, expected: u8| {
            Err(database.broken("delta item", "depth of the parent", "X-1", at, got.into(), expected.into()))
        };
        let mut residues = loop {
            if let Some((depth, known)) = self.remembered.get(&at) {
                if let Some(expected) = expected.filter(|expected| expected != depth) {
                    return broken(at, *depth, expected);
                }
                break known.clone();
            }
            if !database.header_entry(at)?.is_delta() {
                if let Some(expected @ 1..) = expected {
                    return broken(at, 0, expected);
                }
                let item = database.sequence_item(at)?;
                break self.stored.item(database, database.sequences(), item, true)?;
            }
            let step = self.step(database, at)?;
            let (parent, depth) = Item::link(&step.bytes).map_err(Error::format(database.path()))?;
            // Depths descend from at most eight, so there are not more steps.
            if let Some(expected) = expected.filter(|&expected| expected != depth) {
                return broken(at, depth, expected);
            }
            if parent >= database.len() {
                return Err(database.broken("delta item", "parent", "X-1", at, parent, database.len()));
            }
            (at, expected) = (parent, Some(depth - 1));
            steps.push(step);
        };
        while let Some(step) = steps.pop() {
            let item = step.item(database)?;
            residues = apply(database, &item, step.length, &residues)?;
            self.remember(step.ordinal, item.depth, &residues);
        }
        Ok(residues)
    }

    fn step(&mut self, database: &Database, ordinal: u64) -> Result<Step> {
        let (address, length) = (database.sequence_address(ordinal)?, database.sequence_length(ordinal)?);
        let bytes = self.items.from(database, database.delta_stream()?, address, true)?;
        Ok(Step { ordinal, bytes, length })
    }

    fn remember(&mut self, ordinal: u64, depth: u8, residues: &SharedSequence) {
        let bytes = residues.len() as u64 + OVERHEAD;
        if self.lease.is_none() || bytes > REMEMBERED / 4 {
            return;
        }
        if self.bytes + bytes > REMEMBERED {
            self.remembered.clear();
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.remembered.insert(ordinal, (depth, residues.clone()));
    }
}

impl Step {
    fn item(&self, database: &Database) -> Result<Item<'_>> {
        Item::parse(&self.bytes).map(|(item, _)| item).map_err(Error::format(database.path()))
    }
}

impl Database {
    /// Whether records may be deltas.
    #[must_use]
    pub fn has_deltas(&self) -> bool {
        self.container().has_deltas()
    }

    /// How a record is told as a delta: the ordinal of its parent, and how many parents there are up to one that is
    /// stored. `None` for a record that is no delta.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or damage in what was touched.
    pub fn delta_of(&self, ordinal: u64) -> Result<Option<(u64, u8)>> {
        if !self.is_delta(ordinal)? {
            return Ok(None);
        }
        let step = Resolver::new(self).step(self, ordinal)?;
        step.item(self).map(|item| Some((item.parent, item.depth)))
    }

    /// Whether a record is a delta. Costs nothing in a container without.
    pub(crate) fn is_delta(&self, ordinal: u64) -> Result<bool> {
        Ok(self.has_deltas() && self.header_entry(ordinal)?.is_delta())
    }

    /// The delta stream.
    pub(crate) fn delta_stream(&self) -> Result<&Stream> {
        self.deltas().ok_or_else(|| self.broken("section table", "delta directory", "S-7", 14, 0, 1))
    }

    /// The residues of a record that is a delta; `None` if it is none.
    pub(crate) fn delta_residues(&self, ordinal: u64) -> Result<Option<SharedSequence>> {
        if !self.is_delta(ordinal)? {
            return Ok(None);
        }
        Resolver::new(self).resolve(self, ordinal).map(Some)
    }

    /// The residues of records that are deltas, in the order given, from several threads. The result is the caller's.
    pub(crate) fn resolve_many(&self, ordinals: &[u64]) -> Result<Vec<SharedSequence>> {
        let order = self.by_item(ordinals)?;
        let group = order.len().div_ceil(rayon::current_num_threads()).max(GROUP);
        let groups = order.par_chunks(group).map(|group| self.resolve_group(group));
        Ok(in_order(groups.collect::<Result<Vec<_>>>()?))
    }

    /// The same from this thread alone, for those who must not wait for others.
    pub(crate) fn resolve_here(&self, ordinals: &[u64]) -> Result<Vec<SharedSequence>> {
        let order = self.by_item(ordinals)?;
        Ok(in_order(vec![self.resolve_group(&order)?]))
    }

    /// Records and their indexes in the order in which their items lie.
    fn by_item(&self, ordinals: &[u64]) -> Result<Vec<(u64, usize)>> {
        let at = |(index, &ordinal): (usize, &u64)| Ok((self.sequence_address(ordinal)?.bits(), ordinal, index));
        let mut order = ordinals.iter().enumerate().map(at).collect::<Result<Vec<_>>>()?;
        order.sort_unstable();
        Ok(order.into_iter().map(|(_, ordinal, index)| (ordinal, index)).collect())
    }

    fn resolve_group(&self, group: &[(u64, usize)]) -> Result<Vec<(usize, SharedSequence)>> {
        let mut resolver = Resolver::new(self);
        group.iter().map(|&(ordinal, index)| Ok((index, resolver.resolve(self, ordinal)?))).collect()
    }
}

/// All groups together, by index.
fn in_order(groups: Vec<Vec<(usize, SharedSequence)>>) -> Vec<SharedSequence> {
    let mut all: Vec<(usize, SharedSequence)> = groups.into_iter().flatten().collect();
    all.sort_unstable_by_key(|&(index, _)| index);
    all.into_iter().map(|(_, residues)| residues).collect()
}

/// What an item makes of its parent: `length` residues.
fn apply(database: &Database, item: &Item<'_>, length: u64, parent: &SharedSequence) -> Result<SharedSequence> {
    let most = item.most(parent.len() as u64);
    if length > most {
        return Err(database.broken("delta item", "residues of the record", "X-2", 0, length, most));
    }
    // The copies are the caller's, or a parent's and gone soon: the lease covers their making.
    let bytes = length + if item.reverse { parent.len() as u64 } else { 0 };
    let _lease = database.budget().lease("the residues of a delta", bytes)?;
    let no_memory = |_| database.no_memory("the residues of a delta", bytes);
    let mut residues = Vec::new();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    residues.try_reserve_exact(length).map_err(no_memory)?;
    residues.resize(length, 0);
    if item.reverse {
        let mut turned = Vec::new();
        turned.try_reserve_exact(parent.len()).map_err(no_memory)?;
        turned.extend_from_slice(parent);
        delta::reverse_complement(&mut turned, database.alphabet());
        item.apply(&turned, &mut residues)
    } else {
        item.apply(parent, &mut residues)
    }
    .map_err(Error::format(database.path()))?;
    Ok(SharedSequence::from(residues))
}
