//! Every record, in parallel, block by block.
//!
//! A block is decoded by one thread, which visits the records that it owns (FORMAT.md, section 7), and then those that
//! share a copy in it. Where there is no memory to know these beforehand, or their header texts would be decoded more
//! than once, they come in their own place instead, and blocks go through the cache. Records longer than a block are
//! copied together for the visitor, and leased from the budget meanwhile. Deltas are resolved after the stored records
//! of a run of blocks, in the order of their own stream.

mod last_block;
mod sharers;
mod slots;

use std::ops::Range;

use rayon::prelude::*;
use talaria_db_spec::columns::HeaderEntry;

pub(crate) use self::last_block::LastBlock;
use self::sharers::Sharers;
pub(crate) use self::slots::Sequence;
use crate::database::Database;
use crate::error::Result;
use crate::read::columns::TextItem;
use crate::read::export::WINDOW_SHARE;
use crate::read::window::Windows;

/// Records that one thread visits together where residues lie in another order.
const GROUP: u64 = 1 << 10;

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

/// The residues of a record in a scan without header texts. The bytes are borrowed from decoded blocks.
#[derive(Debug, Clone, Copy)]
pub struct ResiduesView<'a> {
    /// Number of the record in the order of the input, from 0.
    pub ordinal: u64,
    /// The residues.
    pub residues: &'a [u8],
    /// Whether an earlier record has the same residues at the same address.
    pub shared: bool,
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
        let sharers = if self.keeps_texts() { Sharers::of(self)? } else { None };
        // Neighbouring blocks of residues have header texts in the same block, which whoever goes from one to the next
        // has at hand. Those of deltas come in another order, and so do those of records that share a copy.
        let keep = self.has_deltas() || sharers.is_some();
        let texts = <(LastBlock, LastBlock)>::default;
        self.visit_all(sharers.as_ref(), texts, |(own, guest), ordinal, entry, sequence| {
            let (text, entry) = match entry {
                Some(entry) => (own, *entry),
                None => (guest, self.header_entry(ordinal)?),
            };
            let header = text.bytes(self, self.texts(), entry.text_item(), keep)?;
            let shared = entry.is_shared();
            self.with_whole(sequence, |residues| visit(RecordView { ordinal, header, residues, shared }))
        })
    }

    /// As [`Database::scan`], without header texts, which are then not decoded: for statistics, words, and whatever
    /// else looks at residues alone.
    ///
    /// # Errors
    /// The first damage that was met, or what `visit` returns.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">one\nACGT\n>two\nGGCC\n>three\nACGT\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// let (all, distinct) = (AtomicUsize::new(0), AtomicUsize::new(0));
    /// talaria_db::Database::open(&path)?.scan_residues(|record| {
    ///     all.fetch_add(record.residues.len(), Ordering::Relaxed);
    ///     distinct.fetch_add(if record.shared { 0 } else { record.residues.len() }, Ordering::Relaxed);
    ///     Ok(())
    /// })?;
    /// assert_eq!((all.into_inner(), distinct.into_inner()), (12, 8));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scan_residues(&self, visit: impl Fn(ResiduesView<'_>) -> Result<()> + Sync) -> Result<()> {
        let _lease = self.lease_blocks()?;
        let nothing = || ();
        self.for_each_sequence(nothing, |(), ordinal, entry, sequence| {
            let shared = entry.is_none_or(HeaderEntry::is_shared);
            self.with_whole(sequence, |residues| visit(ResiduesView { ordinal, residues, shared }))
        })
    }

    /// Calls `visit` with every record, from several threads, whatever `state` each of them has: its ordinal, its item
    /// of the header table if that was looked at, and its residues. Records that share a copy come with it, if there is
    /// memory to know them.
    pub(crate) fn for_each_sequence<S>(
        &self,
        state: impl Fn() -> S + Send + Sync,
        visit: impl Fn(&mut S, u64, Option<&HeaderEntry>, Sequence<'_>) -> Result<()> + Sync,
    ) -> Result<()> {
        self.visit_all(Sharers::of(self)?.as_ref(), state, visit)
    }

    /// Residues in one piece.
    fn with_whole(&self, sequence: Sequence<'_>, with: impl FnOnce(&[u8]) -> Result<()>) -> Result<()> {
        match sequence {
            Sequence::Whole(residues) => with(residues),
            Sequence::Long(item) => with(&self.slice(self.sequences(), item, 0..item.length)?),
        }
    }

    /// Whether the cache has room for all header texts.
    pub(crate) fn keeps_texts(&self) -> bool {
        let texts = self.texts();
        let bytes = texts.directory.item_count.saturating_mul(texts.nominal.into());
        // What is kept takes a little more than its bytes, and shards do not fill alike.
        bytes.saturating_add(bytes / 4) <= self.cache().capacity()
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
                let ordinals = first..(first + GROUP).min(end);
                let (mut text, mut home) = (LastBlock::default(), LastBlock::default());
                let columns = self.columns(ordinals.clone())?;
                for ordinal in ordinals {
                    let (entry, item) = (columns.header_entry(ordinal)?, columns.sequence_item(ordinal)?);
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
}
