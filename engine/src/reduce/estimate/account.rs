//! The account of a plan: what is held when, as the budget and the temporary folder will see it at most.
//!
//! Steps are taken in the order in which the run takes them, with the same functions for the memory of each sort; only
//! that nothing is done. Everything is taken to be as large as it can be, so that the run never has less available,
//! never more runs, and never more on disk.

use super::{SortEstimate, StageEstimate};
use crate::reduce::groups::sort_memory_within;
use crate::write::spill::{Arranger, SortCost, SortPlan, SortRecord, SpillTable, is_kept};

/// The account.
#[derive(Debug)]
pub(crate) struct Account {
    limit: u64,
    /// Threads of the pool.
    pub(crate) threads: usize,
    spills: bool,
    held: Held,
    /// Most bytes of caches: given back when they are wanted, and so never in the way.
    pub(crate) optional: u64,
    pub(crate) stages: Vec<StageEstimate>,
}

/// Memory and bytes on disk that something holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Held {
    memory: u64,
    disk: u64,
}

impl Account {
    /// With `in_use` bytes of `limit` taken; `spills` says whether anything may go to disk.
    pub(super) fn new(limit: u64, in_use: u64, threads: usize, spills: bool) -> Self {
        let held = Held { memory: in_use, disk: 0 };
        Self { limit, threads, spills, held, optional: 0, stages: Vec::new() }
    }

    /// From now on it is about this stage, which sees so many items.
    pub(crate) fn begin(&mut self, stage: &'static str, round: Option<u32>, items: u64, unit: &'static str) {
        self.stages.push(StageEstimate { stage, round, items, unit, memory: 0, temporary: 0, sorts: Vec::new() });
        self.note();
    }

    /// The limit of the budget.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// What a lease can get.
    pub(crate) fn available(&self) -> u64 {
        self.limit.saturating_sub(self.held.memory)
    }

    /// The memory of a sorter that asks now for a share of what is available beside `reserve`.
    pub(crate) fn sort_memory(&self, share: u64, reserve: u64) -> usize {
        sort_memory_within(self.available(), share, reserve)
    }

    /// Takes memory.
    pub(crate) fn hold(&mut self, memory: u64) -> Held {
        self.take(Held { memory, disk: 0 })
    }

    /// Takes `size` bytes a record where they would be kept: in memory, or on disk if `keep` bytes and as many again
    /// would not be left.
    pub(crate) fn column(&mut self, records: u64, size: u64, keep: u64) -> Held {
        let bytes = records.saturating_mul(size);
        match self.spills && !is_kept(bytes, self.available(), keep) {
            true => self.take(Held { memory: 0, disk: bytes }),
            false => self.hold(bytes),
        }
    }

    /// Takes memory for the places of data, and disk for the data; without a disk, memory for both.
    pub(crate) fn store(&mut self, memory: u64, data: u64) -> Held {
        match self.spills {
            true => self.take(Held { memory, disk: data }),
            false => self.hold(memory.saturating_add(data)),
        }
    }

    /// Takes what a table of so many bytes takes, `keep` bytes of memory being needed for other things.
    pub(crate) fn table(&mut self, bytes: u64, keep: u64) -> Held {
        self.store(if self.spills { SpillTable::estimate(self.available(), keep, bytes) } else { 0 }, bytes)
    }

    /// Takes what writing such a table in any order takes.
    pub(crate) fn arranging(&mut self, bytes: u64) -> Held {
        self.hold(if self.spills { Arranger::estimate(self.available(), bytes) } else { 0 })
    }

    /// Takes what sorting `records` with `memory` bytes takes until they have been read.
    pub(crate) fn sort<R: SortRecord>(&mut self, what: &'static str, memory: usize, records: u64) -> Held {
        let plan = SortPlan::new::<R>(memory);
        let mut sort = SortEstimate { what, records, memory: plan.memory, runs: 0, merges: 0, passes: 0, temporary: 0 };
        if self.spills {
            let SortCost { runs, merges, passes, disk } = plan.cost(records);
            (sort.runs, sort.merges, sort.passes, sort.temporary) = (runs, merges, passes, disk);
        } else {
            // It doubles what it has.
            sort.memory = plan.memory.max(records.saturating_mul(2 * size_of::<R>() as u64));
        }
        if let Some(stage) = self.stages.last_mut() {
            stage.sorts.push(sort);
        }
        self.take(Held { memory: sort.memory, disk: sort.temporary })
    }

    /// Gives back.
    pub(crate) fn release(&mut self, held: impl IntoIterator<Item = Held>) {
        for Held { memory, disk } in held {
            self.held.memory -= memory;
            self.held.disk -= disk;
        }
    }

    fn take(&mut self, held: Held) -> Held {
        // What would be refused is not counted, and not given back.
        let held = Held {
            memory: held.memory.min(u64::MAX - self.held.memory),
            disk: held.disk.min(u64::MAX - self.held.disk),
        };
        self.held.memory += held.memory;
        self.held.disk += held.disk;
        self.note();
        held
    }

    fn note(&mut self) {
        let memory = self.held.memory.saturating_add(self.optional).min(self.limit);
        if let Some(stage) = self.stages.last_mut() {
            stage.memory = stage.memory.max(memory);
            stage.temporary = stage.temporary.max(self.held.disk);
        }
    }
}
