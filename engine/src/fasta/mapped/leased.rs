//! A list that grows under the budget.

use crate::error::{Error, Result};
use crate::memory::budget::{Budget, Lease};

/// What refused leases say the memory is for.
const WHAT: &str = "the index of a FASTA file (a container, which `talaria-db build` makes, needs none)";
/// Bytes that the first items take.
const FIRST: usize = 4 << 10;

/// A list whose capacity is leased.
#[derive(Debug)]
pub(super) struct LeasedList<T> {
    items: Vec<T>,
    lease: Lease,
}

impl<T: Copy> LeasedList<T> {
    /// An empty list.
    pub(super) fn new(budget: &Budget) -> Result<Self> {
        Ok(Self { items: Vec::new(), lease: budget.lease(WHAT, 0)? })
    }

    /// The items.
    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    /// The items, to be changed, moved, or made fewer.
    pub(super) fn items_mut(&mut self) -> &mut Vec<T> {
        &mut self.items
    }

    /// Gives the memory of a list back whose items have been taken.
    pub(super) fn give_back(&mut self) {
        self.items = Vec::new();
        // Smaller leases are never refused.
        let _ = self.lease.resize(0);
    }

    /// Appends an item.
    pub(super) fn push(&mut self, item: T) -> Result<()> {
        self.append(&[item])
    }

    /// Appends items.
    pub(super) fn append(&mut self, items: &[T]) -> Result<()> {
        let need = self.items.len().saturating_add(items.len());
        if need > self.items.capacity() {
            self.reserve(need.max(self.items.capacity().saturating_mul(2)).max(FIRST / size_of::<T>().max(1)))?;
        }
        self.items.extend_from_slice(items);
        Ok(())
    }

    /// Whether there is room for `count` items in all.
    pub(super) fn has_room(&self, count: usize) -> bool {
        count <= self.items.capacity()
    }

    /// Makes room for `capacity` items in all. The old room and the new one are there together for a moment.
    pub(super) fn reserve(&mut self, capacity: usize) -> Result<()> {
        let old = self.items.capacity();
        if capacity <= old {
            return Ok(());
        }
        let bytes = |items: usize| (items as u64).saturating_mul(size_of::<T>() as u64);
        self.lease.resize(bytes(capacity).saturating_add(bytes(old)))?;
        self.items.try_reserve_exact(capacity - self.items.len()).map_err(|_| Error::Memory {
            what: WHAT,
            need: bytes(capacity),
            free: 0,
            limit: bytes(capacity),
        })?;
        self.lease.resize(bytes(self.items.capacity()))
    }
}
