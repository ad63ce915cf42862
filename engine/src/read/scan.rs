//! Every record, in parallel, block by block.
//!
//! A block is decoded by one thread, which visits the records that it owns (FORMAT.md, section 7). Records longer than
//! a block are copied together for the visitor, and leased from the budget meanwhile; records that share a stored copy
//! are fetched through the cache. Deltas are resolved after the stored records of a run of blocks, in the order of
//! their own stream.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::columns::HeaderEntry;

use crate::database::Database;
use crate::error::Result;
use crate::read::cache::Block;
use crate::read::columns::{ColumnRun, TextItem};
use crate::read::delta::Resolver;
use crate::read::export::WINDOW_SHARE;
use crate::read::shared::SharedSequence;
use crate::read::stream::{Item, Stream};
use crate::read::window::Windows;

/// Blocks whose records are visited together in a container with deltas.
const RUN: u64 = 64;
/// Records that one thread visits together where residues lie in another order.
const GROUP: u64 = 1 << 10;
/// Records whose columns are looked at together.
const COLUMNS: u64 = 1 << 10;
/// Most deltas that are put in the order of their stream together.
const DELTAS: usize = 1 << 13;

/// A record in a scan. The bytes are borrowed from decoded blocks.
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    /// Its number in the order of the input, from 0.
    pub ordinal: u64,
    /// The header line, without `>` and line end.
    pub header: &'a [u8],
    /// The residues.
    pub residues: &'a [u8],
    /// Whether an earlier record has the same residues at the same address.
    pub shared: bool,
}

/// The residues of a record in a pass over blocks.
pub(crate) enum Sequence<'a> {
    /// They lie in one block, or were made of a delta.
    Whole(&'a [u8]),
    /// They are longer than a block.
    Long(Item),
}

/// The block that was used last: neighbouring records are usually in the same one.
#[derive(Default)]
pub(crate) struct LastBlock {
    number: u64,
    block: Option<Block>,
    /// The last item that was longer than a block.
    long: Option<SharedSequence>,
}

impl LastBlock {
    /// The bytes of a block from an address on.
    pub(crate) fn from(
        &mut self,
        database: &Database,
        stream: &Stream,
        address: PackedAddress,
        keep: bool,
    ) -> Result<SharedSequence> {
        let block = self.block(database, stream, address.block(), keep)?;
        let (start, end) = (address.byte() as usize, block.len());
        if start > end {
            let (got, expected) = (start as u64, end as u64);
            return Err(database.broken(stream.kind.name(), "address", "B-9", address.block(), got, expected));
        }
        Ok(SharedSequence::new(block, start..end))
    }

    fn block(&mut self, database: &Database, stream: &Stream, number: u64, keep: bool) -> Result<Block> {
        self.load(database, stream, number, keep).map(Arc::clone)
    }

    fn load(&mut self, database: &Database, stream: &Stream, number: u64, keep: bool) -> Result<&Block> {
        if self.number != number {
            self.block = None;
        }
        match &mut self.block {
            Some(block) => Ok(block),
            none => {
                let block =
                    if keep { database.block(stream, number)? } else { database.passing_block(stream, number)? };
                self.number = number;
                Ok(none.insert(block))
            }
        }
    }

    /// As [`LastBlock::item`], without a share in the block.
    pub(crate) fn bytes(&mut self, database: &Database, stream: &Stream, item: Item, keep: bool) -> Result<&[u8]> {
        if item.length == 0 {
            return Ok(&[]);
        }
        if item.length > u64::from(stream.nominal) {
            return Ok(self.long.insert(database.slice(stream, item, 0..item.length)?));
        }
        let (number, start) = (item.address.block(), item.address.byte() as usize);
        let end = start + item.length as usize;
        let block = self.load(database, stream, number, keep)?;
        block.get(start..end).ok_or_else(|| {
            let (got, expected) = (end as u64, block.len() as u64);
            database.broken(stream.kind.name(), "address", "B-8", number, got, expected)
        })
    }

    /// An item's bytes; its block is decoded only if it is another one than last time. With `keep` it goes into the
    /// cache too.
    pub(crate) fn item(
        &mut self,
        database: &Database,
        stream: &Stream,
        item: Item,
        keep: bool,
    ) -> Result<SharedSequence> {
        if item.length == 0 {
            return Ok(SharedSequence::from(Vec::new()));
        }
        if item.length > u64::from(stream.nominal) {
            return database.slice(stream, item, 0..item.length);
        }
        let number = item.address.block();
        let block = self.block(database, stream, number, keep)?;
        let start = item.address.byte() as usize;
        let end = start + item.length as usize;
        if end > block.len() {
            let (got, expected) = (end as u64, block.len() as u64);
            return Err(database.broken(stream.kind.name(), "address", "B-8", number, got, expected));
        }
        Ok(SharedSequence::new(block, start..end))
    }
}

impl Database {
    /// Calls `visit` with every record, from several threads, in no particular order.
    ///
    /// # Errors
    /// The first damage that was met, or what `visit` returns.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">one\nACGT\n>two\nGGCC\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// let database = talaria_db::Database::open(&path)?;
    /// let guanines = AtomicUsize::new(0);
    /// database.scan(|record| {
    ///     let count = record.residues.iter().filter(|&&residue| residue == b'G').count();
    ///     guanines.fetch_add(count, Ordering::Relaxed);
    ///     Ok(())
    /// })?;
    /// assert_eq!(guanines.into_inner(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scan(&self, visit: impl Fn(RecordView<'_>) -> Result<()> + Sync) -> Result<()> {
        let _lease = self.lease_blocks()?;
        if self.is_placed() && !self.has_deltas() {
            return self.scan_windows(&visit);
        }
        // Neighbouring blocks of residues have header texts in the same block, which whoever goes from one to the next
        // has at hand. Those of deltas come in another order.
        let keep = self.has_deltas();
        self.owned_slots().try_for_each_init(LastBlock::default, |text, slots| {
            self.visit_sequences(slots?, |ordinal, entry, sequence| {
                let header = text.bytes(self, self.texts(), entry.text_item(), keep)?;
                let shared = entry.is_shared();
                match sequence {
                    Sequence::Whole(residues) => visit(RecordView { ordinal, header, residues, shared }),
                    Sequence::Long(item) => {
                        let residues = self.slice(self.sequences(), item, 0..item.length)?;
                        visit(RecordView { ordinal, header, residues: &residues, shared })
                    }
                }
            })
        })
    }

    /// A scan where residues lie in another order than header texts: the residues are gathered, and the texts come in
    /// their order.
    fn scan_windows(&self, visit: &(impl Fn(RecordView<'_>) -> Result<()> + Sync)) -> Result<()> {
        let wants = |ordinals: Range<u64>| Ok(vec![true; (ordinals.end - ordinals.start) as usize]);
        let mut windows = Windows::new(self, self.len(), WINDOW_SHARE, &wants);
        let mut next = 0;
        while next < self.len() {
            let end = windows.reach(next)?;
            let window = windows.window();
            (0..(end - next).div_ceil(GROUP)).into_par_iter().try_for_each(|group| {
                let first = next + group * GROUP;
                let (mut text, mut home) = (LastBlock::default(), LastBlock::default());
                for ordinal in first..(first + GROUP).min(end) {
                    let (entry, item) = (self.header_entry(ordinal)?, self.sequence_item(ordinal)?);
                    let header = text.bytes(self, self.texts(), entry.text_item(), true)?;
                    let shared = entry.is_shared();
                    if let Some(residues) = window.and_then(|window| window.get(ordinal, item.length)) {
                        visit(RecordView { ordinal, header, residues, shared })?;
                        continue;
                    }
                    let residues = home.bytes(self, self.sequences(), item, true)?;
                    visit(RecordView { ordinal, header, residues, shared })?;
                }
                Ok(())
            })?;
            next = end;
        }
        Ok(())
    }

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
        self.visit_some(slots, None, true, visit)
    }

    /// The same for the records that have a copy of their own, or no residues.
    pub(crate) fn visit_copies(
        &self,
        slots: Range<u64>,
        visit: impl FnMut(u64, &HeaderEntry, Sequence<'_>) -> Result<()>,
    ) -> Result<()> {
        self.visit_some(slots, Some(&mut |_, _| Ok(())), false, visit)
    }

    /// The same without residues for records that share a copy or an item that is not empty: these are `told` where
    /// theirs are.
    pub(crate) fn visit_owners(
        &self,
        slots: Range<u64>,
        told: &mut dyn FnMut(u64, Item) -> Result<()>,
        visit: impl FnMut(u64, &HeaderEntry, Sequence<'_>) -> Result<()>,
    ) -> Result<()> {
        self.visit_some(slots, Some(told), true, visit)
    }

    fn visit_some(
        &self,
        slots: Range<u64>,
        mut told: Option<&mut dyn FnMut(u64, Item) -> Result<()>>,
        with_deltas: bool,
        mut visit: impl FnMut(u64, &HeaderEntry, Sequence<'_>) -> Result<()>,
    ) -> Result<()> {
        let (mut home, mut guest) = (LastBlock::default(), LastBlock::default());
        let mut deltas = Vec::new();
        // Blocks that others come back to.
        let keep = told.is_none() && self.has_shared() && !self.is_placed();
        let mut columns = None;
        for slot in slots.clone() {
            let (ordinal, entry, item) = self.slot(slot, slots.end, &mut columns)?;
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
            let from = if away { &mut guest } else { &mut home };
            let residues = from.bytes(self, self.sequences(), item, keep)?;
            visit(ordinal, &entry, Sequence::Whole(residues))?;
        }
        self.visit_deltas(&mut deltas, &mut visit)
    }

    /// The record in a slot, and where its residues are. Where slots are ordinals, the columns of the ones that follow
    /// before `end` are looked at together, and kept in `columns`.
    fn slot<'d>(
        &'d self,
        slot: u64,
        end: u64,
        columns: &mut Option<ColumnRun<'d>>,
    ) -> Result<(u64, HeaderEntry, Item)> {
        if self.is_placed() {
            let ordinal = self.ordinal_in_slot(slot)?;
            return Ok((ordinal, self.header_entry(ordinal)?, self.sequence_item(ordinal)?));
        }
        let run = match columns.take().filter(|run| run.ordinals().contains(&slot)) {
            Some(run) => columns.insert(run),
            None => columns.insert(self.columns(slot..end.min(slot.saturating_add(COLUMNS)))?),
        };
        Ok((slot, run.header_entry(slot)?, run.sequence_item(slot)?))
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
        let ordinal = if section.item_size == 8 {
            u64::from_le_bytes(self.item(section, slot)?)
        } else {
            u32::from_le_bytes(self.item(section, slot)?).into()
        };
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
