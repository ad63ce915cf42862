//! Going through records in their order where residues lie in another one.
//!
//! The residues of as many records as memory holds are gathered at once ([`crate::read::gather`]): a **window**. Each
//! block is then decoded once for each window that has a record of it, and not for each record. With room for
//! everything there is one window. Records that are longer than a block have blocks of their own, and deltas a stream
//! of their own: neither is gathered.

use std::ops::Range;

use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Lease;
use crate::read::gather::{self, WANTED, Wanted};

/// Records whose columns are looked at together.
const RUN: u64 = 1 << 12;
/// Bytes of memory that a record takes beside its residues: where they are, where they are wanted, and vectors that
/// double.
const BESIDE: u64 = WANTED + 48;
/// Least bytes of a window; where even these are refused there is none.
const LEAST: u64 = 1 << 20;
/// Most bytes where the budget has no limit.
const UNLIMITED: u64 = 1 << 30;
/// Most bytes where nothing is to be held but buffers.
const BUFFERS_ONLY: u64 = 8 << 20;

/// The residues of a run of records.
pub(crate) struct Window {
    ordinals: Range<u64>,
    bytes: Vec<u8>,
    /// Where the residues of each record start, and where the last ones end.
    starts: Vec<usize>,
    _lease: Lease,
}

impl Window {
    /// The residues of a record of this length, if they were gathered.
    pub(crate) fn get(&self, ordinal: u64, length: u64) -> Option<&[u8]> {
        let at = usize::try_from(ordinal.checked_sub(self.ordinals.start)?).ok()?;
        let residues = self.bytes.get(*self.starts.get(at)?..*self.starts.get(at + 1)?)?;
        Some(residues).filter(|residues| residues.len() as u64 == length)
    }
}

/// Which records of a run are wanted.
pub(crate) type Wants<'w> = &'w (dyn Fn(Range<u64>) -> Result<Vec<bool>> + Sync);

/// The windows of a pass over records.
pub(crate) struct Windows<'w> {
    database: &'w Database,
    end: u64,
    wants: Wants<'w>,
    /// Of what is free, one in so many bytes is for a window.
    share: u64,
    window: Option<Window>,
}

impl<'w> Windows<'w> {
    /// For records up to `end`.
    pub(crate) fn new(database: &'w Database, end: u64, share: u64, wants: Wants<'w>) -> Self {
        Self { database, end, wants, share, window: None }
    }

    /// Gathers from record `next` on, unless it is at hand; the end of the records that are to be taken before the next
    /// call.
    ///
    /// # Errors
    /// Damage in what was touched.
    pub(crate) fn reach(&mut self, next: u64) -> Result<u64> {
        if !self.database.is_placed() || next >= self.end {
            return Ok(self.end);
        }
        if let Some(window) = self.window.as_ref().filter(|window| window.ordinals.contains(&next)) {
            return Ok(window.ordinals.end);
        }
        self.window = None;
        let Some(lease) = self.lease(next) else { return Ok(self.end) };
        let window = self.window.insert(self.gather(next, lease)?);
        Ok(window.ordinals.end)
    }

    /// What is at hand.
    pub(crate) fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    fn lease(&self, next: u64) -> Option<Lease> {
        let budget = self.database.budget();
        let most = match budget.limit() {
            u64::MAX => UNLIMITED,
            _ => budget.available() / self.share,
        };
        let most = if self.database.memory().streaming.only { most.min(BUFFERS_ONLY) } else { most };
        let needed = self.database.residue_count().saturating_add((self.end - next).saturating_mul(BESIDE));
        let what = "residues of records in another order";
        let bytes = most.max(LEAST).min(needed).saturating_add(self.database.sequences().nominal.into());
        budget.lease(what, bytes).or_else(|_| budget.lease(what, LEAST)).ok()
    }

    fn gather(&self, first: u64, mut lease: Lease) -> Result<Window> {
        let database = self.database;
        let nominal = u64::from(database.sequences().nominal);
        // The last record may pass what is left.
        let most = lease.bytes().saturating_sub(nominal).max(1);
        let (mut starts, mut items, mut end) = (vec![0], Vec::new(), 0);
        let (mut next, mut taken) = (first, 0);
        'all: while next < self.end {
            let run = next..(next + RUN).min(self.end);
            let (columns, wanted) = (database.columns(run.clone())?, (self.wants)(run.clone())?);
            for (ordinal, wanted) in run.zip(wanted) {
                if taken >= most {
                    break 'all;
                }
                let item = columns.sequence_item(ordinal)?;
                let whole = item.length > 0 && item.length <= nominal;
                if wanted && whole && !columns.header_entry(ordinal)?.is_delta() {
                    let length = usize::try_from(item.length).unwrap_or(usize::MAX);
                    items.push((item.address, length));
                    end += length;
                }
                starts.push(end);
                taken = end as u64 + starts.len() as u64 * BESIDE;
                next += 1;
            }
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(end).map_err(|_| database.no_memory("residues of records", end as u64))?;
        bytes.resize(end, 0);
        let mut wanted: Vec<Wanted<'_>> = Vec::with_capacity(items.len());
        wanted.extend(gather::cut(&mut bytes, items.iter().copied()));
        database.gather_residues(&mut wanted)?;
        drop((wanted, items));
        let held = bytes.len() as u64 + starts.capacity() as u64 * 8;
        lease.resize(held.min(lease.bytes()))?;
        Ok(Window { ordinals: first..next, bytes, starts, _lease: lease })
    }
}

impl Database {
    /// Whether residues lie in an order of their own.
    pub(crate) fn is_placed(&self) -> bool {
        self.sections().physical_order.is_some()
    }
}
