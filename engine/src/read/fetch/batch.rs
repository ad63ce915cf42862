//! The bytes of some records in one memory: of each its header line, then its residues.
//!
//! The memory is made anew for each batch, in large pages if it is large and the system has some: getting its pages is
//! a good part of what a batch costs. It is leased, with what else a record takes.

use std::ops::Range;

use rayon::prelude::*;

use super::Located;
use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Lease;
use crate::read::batch::OVERHEAD;
use crate::read::gather::Wanted;
use crate::read::scan::RecordView;
use crate::read::stream::{Item, Stream};
use crate::sys::anonymous::{AnonymousMemory, PageSize};

/// Memory of fewer bytes comes from the allocator.
const LARGE: usize = 4 << 20;

/// Records whose bytes are in memory.
pub(super) struct Batch<'r> {
    ordinals: &'r [u64],
    located: &'r [Located],
    memory: Memory,
    _lease: Lease,
}

impl<'r> Batch<'r> {
    /// The records with these numbers, which lie where `located` says.
    pub(super) fn fetch(database: &Database, ordinals: &'r [u64], located: &'r [Located]) -> Result<Self> {
        let bytes = located.iter().map(Located::bytes).fold(0, u64::saturating_add);
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        let beside = located.len() as u64 * OVERHEAD;
        let lease = database.budget().lease("a batch of records", Memory::takes(bytes).saturating_add(beside))?;
        let memory = Memory::new(length).ok_or_else(|| database.no_memory("a batch of records", bytes))?;
        let mut batch = Self { ordinals, located, memory, _lease: lease };
        batch.fill(database)?;
        Ok(batch)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ordinals.len()
    }

    /// Bytes of the record with this index.
    pub(super) fn bytes(&self, index: usize) -> u64 {
        self.located.get(index).map_or(0, Located::bytes)
    }

    /// The records with these indexes; the bytes of the first one start at `start`.
    pub(super) fn views(&self, records: Range<usize>, start: usize) -> impl Iterator<Item = RecordView<'_>> {
        let mut rest = self.memory.as_slice().get(start..).unwrap_or_default();
        let records = self.ordinals.iter().zip(self.located).take(records.end).skip(records.start);
        records.map_while(move |(&ordinal, located)| {
            let (header, after) = rest.split_at_checked(index(located.text.length))?;
            let (residues, after) = after.split_at_checked(index(located.residues.length))?;
            rest = after;
            Some(RecordView { ordinal, header, residues, shared: located.shared })
        })
    }

    fn fill(&mut self, database: &Database) -> Result<()> {
        let (texts, sequences) = (database.texts(), database.sequences());
        let mut plan = Plan { texts: Vec::new(), residues: Vec::new(), long: Vec::new(), deltas: Default::default() };
        plan.texts.reserve_exact(self.len());
        plan.residues.reserve_exact(self.len());
        let mut rest = self.memory.as_mut_slice();
        for (&ordinal, located) in self.ordinals.iter().zip(self.located) {
            let (text, after) = std::mem::take(&mut rest).split_at_mut(index(located.text.length));
            let (residues, after) = after.split_at_mut(index(located.residues.length));
            rest = after;
            if is_long(texts, &located.text) {
                plan.long.push((texts, located.text, text));
            } else if !text.is_empty() {
                plan.texts.push((located.text.address, text));
            }
            if located.delta {
                plan.deltas.0.push(ordinal);
                plan.deltas.1.push(residues);
            } else if is_long(sequences, &located.residues) {
                plan.long.push((sequences, located.residues, residues));
            } else if !residues.is_empty() {
                plan.residues.push((located.residues.address, residues));
            }
        }
        database.gather_items(texts, &mut plan.texts)?;
        database.gather_items(sequences, &mut plan.residues)?;
        plan.long.into_par_iter().try_for_each(|(stream, item, out)| {
            database.for_each_part(stream, item, 0..item.length, |position, block, part| {
                let from = block.get(part).unwrap_or_default();
                out[index(position)..][..from.len()].copy_from_slice(from);
                Ok(())
            })
        })?;
        let (members, places) = plan.deltas;
        for ((made, out), at) in database.resolve_many(&members)?.iter().zip(places).zip(&members) {
            if made.len() != out.len() {
                let (got, expected) = (made.len() as u64, out.len() as u64);
                return Err(database.broken("delta item", "residues of the record", "X-2", *at, got, expected));
            }
            out.copy_from_slice(made);
        }
        Ok(())
    }
}

/// Where the items of a batch are wanted.
struct Plan<'d, 'b> {
    texts: Vec<Wanted<'b>>,
    residues: Vec<Wanted<'b>>,
    /// Those that have blocks of their own.
    long: Vec<(&'d Stream, Item, &'b mut [u8])>,
    /// Records that are deltas.
    deltas: (Vec<u64>, Vec<&'b mut [u8]>),
}

/// Bytes, zeroed.
enum Memory {
    Small(Vec<u8>),
    Large(AnonymousMemory),
}

impl Memory {
    /// None if the system has not so much.
    fn new(length: usize) -> Option<Self> {
        if length >= LARGE {
            return AnonymousMemory::new(length, PageSize::Transparent).ok().map(Self::Large);
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).ok()?;
        bytes.resize(length, 0);
        Some(Self::Small(bytes))
    }

    /// Bytes that [`Memory::new`] takes at most.
    fn takes(bytes: u64) -> u64 {
        if bytes < LARGE as u64 { bytes } else { bytes.checked_next_multiple_of(2 << 20).unwrap_or(u64::MAX) }
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large(memory) => memory.as_slice(),
        }
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large(memory) => memory.as_mut_slice(),
        }
    }
}

/// Whether an item is longer than a block.
fn is_long(stream: &Stream, item: &Item) -> bool {
    item.length > u64::from(stream.nominal)
}

/// A length that memory was made for.
fn index(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
