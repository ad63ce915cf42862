//! Passes over the slots that blocks own (FORMAT.md, section 7), one block decoded at a time.

use std::ops::Range;

use rayon::prelude::*;
use talaria_db_spec::columns::HeaderEntry;

use super::last_block::LastBlock;
use super::sharers::Sharers;
use crate::database::Database;
use crate::error::Result;
use crate::read::columns::ColumnCursor;
use crate::read::delta::Resolver;
use crate::read::stream::Item;

/// The residues of a record in a pass over blocks.
pub(crate) enum Sequence<'a> {
    /// They lie in one block, or were made of a delta.
    Whole(&'a [u8]),
    /// They are longer than a block.
    Long(Item),
}

/// Blocks whose records are visited together in a container with deltas.
const RUN: u64 = 64;
/// Most deltas that are put in the order of their stream together.
const DELTAS: usize = 1 << 13;

impl Database {
    /// For each block, or a run of them, the slots that it owns; before them those before the first block. Together
    /// they are all slots, once.
    pub(crate) fn owned_slots(&self) -> impl IndexedParallelIterator<Item = Result<Range<u64>>> + '_ {
        // The more deltas there are to take in the order of their stream, the fewer of its blocks are decoded more than
        // once.
        let run = if self.has_deltas() { RUN } else { 1 };
        let runs = usize::try_from(self.sequences().directory.item_count.div_ceil(run)).unwrap_or(usize::MAX);
        (0..runs.saturating_add(1)).into_par_iter().map(move |number| {
            let number = number as u64 * run;
            let start = if number == 0 { 0 } else { self.first_slot(number - run)? };
            let end = self.first_slot(number)?;
            if start > end {
                return Err(self.broken("sequence", "first_slot", "B-6", number, end, start));
            }
            Ok(start..end)
        })
    }

    /// Calls `visit` with the ordinal, the header table's item and the residues of the records in `slots`, one block
    /// decoded at a time.
    pub(crate) fn visit_sequences(
        &self,
        slots: Range<u64>,
        visit: impl FnMut(u64, &HeaderEntry, Sequence<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut columns = self.column_cursor(slots.clone());
        self.visit_some(slots, &mut columns, &mut LastBlock::default(), None, true, visit)
    }

    /// The same for the records that have a copy of their own, or no residues.
    pub(crate) fn visit_copies(
        &self,
        slots: Range<u64>,
        visit: impl FnMut(u64, &HeaderEntry, Sequence<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut columns = self.column_cursor(slots.clone());
        self.visit_some(slots, &mut columns, &mut LastBlock::default(), Some(&mut |_, _| Ok(())), false, visit)
    }

    /// The same without residues for records that share a copy or an item that is not empty: these are `told` where
    /// theirs are.
    pub(crate) fn visit_owners(
        &self,
        slots: Range<u64>,
        told: &mut dyn FnMut(u64, Item) -> Result<()>,
        visit: impl FnMut(u64, &HeaderEntry, Sequence<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut columns = self.column_cursor(slots.clone());
        self.visit_some(slots, &mut columns, &mut LastBlock::default(), Some(told), true, visit)
    }

    /// As [`Database::for_each_sequence`], with the records that share copies in their own place unless `sharers` are
    /// given.
    pub(super) fn visit_all<S>(
        &self,
        sharers: Option<&Sharers>,
        state: impl Fn() -> S + Send + Sync,
        visit: impl Fn(&mut S, u64, Option<&HeaderEntry>, Sequence<'_>) -> Result<()> + Sync,
    ) -> Result<()> {
        // Columns are looked at in longer runs than blocks have records.
        let state = || (state(), self.column_cursor(0..self.len()));
        self.owned_slots().enumerate().try_for_each_init(state, |(state, columns), (number, slots)| {
            let (slots, mut home) = (slots?, LastBlock::default());
            let Some(sharers) = sharers else {
                return self.visit_some(slots, columns, &mut home, None, true, |ordinal, entry, sequence| {
                    visit(state, ordinal, Some(entry), sequence)
                });
            };
            self.visit_some(slots, columns, &mut home, Some(&mut |_, _| Ok(())), true, |ordinal, entry, sequence| {
                visit(state, ordinal, Some(entry), sequence)
            })?;
            let Some(block) = number.checked_sub(1) else { return Ok(()) };
            for (ordinal, item) in sharers.in_block(block as u64) {
                let sequence = if item.length > self.sequences().nominal.into() {
                    Sequence::Long(item)
                } else {
                    Sequence::Whole(home.bytes(self, self.sequences(), item, false)?)
                };
                visit(state, ordinal, None, sequence)?;
            }
            Ok(())
        })
    }

    /// `home` is the block that the slots own, or none yet.
    fn visit_some(
        &self,
        slots: Range<u64>,
        columns: &mut ColumnCursor<'_>,
        home: &mut LastBlock,
        mut told: Option<&mut dyn FnMut(u64, Item) -> Result<()>>,
        with_deltas: bool,
        mut visit: impl FnMut(u64, &HeaderEntry, Sequence<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut guest = LastBlock::default();
        let mut deltas = Vec::new();
        // Blocks that others come back to.
        let keep = told.is_none() && self.has_shared() && !self.is_placed();
        for slot in slots {
            let (ordinal, entry, item) = self.slot(slot, columns)?;
            if let Some(told) = told.as_mut().filter(|_| entry.is_shared() && item.length > 0) {
                told(ordinal, item)?;
                continue;
            }
            if entry.is_delta() {
                if !with_deltas {
                    continue;
                }
                deltas.push((item.address.bits(), ordinal));
                if deltas.len() == DELTAS {
                    self.visit_deltas(&mut deltas, &mut visit)?;
                }
                continue;
            }
            if item.length > self.sequences().nominal.into() {
                visit(ordinal, &entry, Sequence::Long(item))?;
                continue;
            }
            // In an order of their own, records that share a copy are neighbours.
            let away = entry.is_shared() && !self.is_placed();
            let from = if away { &mut guest } else { &mut *home };
            let residues = from.bytes(self, self.sequences(), item, keep)?;
            visit(ordinal, &entry, Sequence::Whole(residues))?;
        }
        self.visit_deltas(&mut deltas, &mut visit)
    }

    /// The record in a slot, and where its residues are. Where slots are ordinals, its columns come out of `columns`.
    fn slot(&self, slot: u64, columns: &mut ColumnCursor<'_>) -> Result<(u64, HeaderEntry, Item)> {
        let (ordinal, run) = match self.is_placed() {
            true => (self.ordinal_in_slot(slot)?, None),
            false => (slot, Some(columns.at(slot)?)),
        };
        let columns = self.column_view(run);
        Ok((ordinal, columns.header_entry(ordinal)?, columns.sequence_item(ordinal)?))
    }

    /// Calls `visit` with deltas, given as address and ordinal, one after the other in the order of their stream.
    fn visit_deltas(
        &self,
        deltas: &mut Vec<(u64, u64)>,
        visit: &mut impl FnMut(u64, &HeaderEntry, Sequence<'_>) -> Result<()>,
    ) -> Result<()> {
        if deltas.is_empty() {
            return Ok(());
        }
        deltas.sort_unstable();
        let mut resolver = Resolver::new(self);
        for (_, ordinal) in deltas.drain(..) {
            let residues = resolver.resolve(self, ordinal)?;
            visit(ordinal, &self.header_entry(ordinal)?, Sequence::Whole(&residues))?;
        }
        Ok(())
    }

    /// The slot of the first record that belongs to a block; the number of records after the last block.
    pub(crate) fn first_slot(&self, block: u64) -> Result<u64> {
        if block >= self.sequences().directory.item_count {
            return Ok(self.len());
        }
        let slot = self.block_entry(self.sequences(), block)?.first_slot.get();
        if slot > self.len() {
            return Err(self.broken("sequence", "first_slot", "B-6", block, slot, self.len()));
        }
        Ok(slot)
    }

    /// The record in a slot.
    pub(crate) fn ordinal_in_slot(&self, slot: u64) -> Result<u64> {
        let Some(section) = &self.sections().physical_order else { return Ok(slot) };
        let ordinal = self.number_item(section, slot)?;
        if ordinal >= self.len() {
            return Err(self.broken("physical order", "item", "C-6", slot, ordinal, self.len()));
        }
        Ok(ordinal)
    }

    /// Whether records share stored copies, so that blocks are worth keeping in a pass over all of them.
    pub(crate) fn has_shared(&self) -> bool {
        let header = self.container().header();
        header.stored_residue_count.get() < header.residue_count.get()
    }
}
