//! A least-recently-used list in two segments, weighed in bytes.
//!
//! New entries go on probation. One that is asked for again is protected, and goes back on probation when others have
//! pushed it out of the protected segment, which has at most four fifths of the capacity. The coldest entry is the
//! oldest on probation, so entries that are used once (a pass over a file) push out each other and not those that are
//! used again and again.
//!
//! A protected entry that is among the most recent quarter anyway is not moved, so that a hit on what is hot writes
//! nothing. Entries lie in a slab, linked by index, and the hash table holds nothing but such indexes: a lookup touches
//! one line of each.

use hashbrown::HashTable;

use super::key::CacheKey;

/// Bytes of memory that an entry takes beside its content: slab, index, reference count and allocation.
pub(super) const OVERHEAD: usize = 160;
/// Link of "no entry".
const NONE: u32 = u32::MAX;

/// What has a length in bytes.
pub(super) trait Weigh {
    /// Bytes of memory of the content.
    fn content(&self) -> usize;

    /// Bytes of memory in all.
    fn weight(&self) -> usize {
        self.content().saturating_add(OVERHEAD)
    }
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    Probation,
    Protected,
}

#[derive(Debug)]
struct Entry<V> {
    key: CacheKey,
    /// `None`: the slot is free.
    value: Option<V>,
    segment: Segment,
    newer: u32,
    older: u32,
    /// Of the move that made it the most recent protected entry.
    moved: u32,
}

/// Ends of a list, the head the most recent.
#[derive(Debug)]
struct List {
    head: u32,
    tail: u32,
    weight: usize,
    count: u32,
}

impl List {
    const EMPTY: Self = Self { head: NONE, tail: NONE, weight: 0, count: 0 };
}

/// The list. It has no capacity of its own: its owner makes room with [`SegmentedLru::pop_coldest`].
#[derive(Debug)]
pub(super) struct SegmentedLru<V> {
    index: HashTable<u32>,
    entries: Vec<Entry<V>>,
    free: Vec<u32>,
    lists: [List; 2],
    /// Moves to the head of the protected list, modulo 2^32.
    moves: u32,
}

impl<V: Weigh> SegmentedLru<V> {
    pub(super) fn new() -> Self {
        let lists = [List::EMPTY, List::EMPTY];
        Self { index: HashTable::new(), entries: Vec::new(), free: Vec::new(), lists, moves: 0 }
    }

    /// Bytes of all entries.
    pub(super) fn weight(&self) -> usize {
        self.lists.iter().map(|list| list.weight).sum()
    }

    /// Entries.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// An entry, which becomes the most recent protected one; those that go over `protected` bytes fall back on
    /// probation.
    #[inline]
    pub(super) fn get(&mut self, key: CacheKey, protected: usize) -> Option<&V> {
        let at = self.find(key)?;
        let entry = &self.entries[at as usize];
        let since = self.moves.wrapping_sub(entry.moved);
        if entry.segment == Segment::Probation || since > self.lists[Segment::Protected as usize].count / 4 {
            self.protect(at, protected);
        }
        self.entries[at as usize].value.as_ref()
    }

    #[inline(never)]
    fn protect(&mut self, at: u32, protected: usize) {
        self.unlink(at);
        self.link_newest(at, Segment::Protected);
        self.moves = self.moves.wrapping_add(1);
        self.entries[at as usize].moved = self.moves;
        while self.lists[Segment::Protected as usize].weight > protected {
            // The tail may be the entry itself, if it alone is too large to be protected.
            let oldest = self.lists[Segment::Protected as usize].tail;
            self.unlink(oldest);
            self.link_newest(oldest, Segment::Probation);
        }
    }

    /// An entry, which stays where it is.
    pub(super) fn peek(&self, key: CacheKey) -> Option<&V> {
        let at = self.find(key)?;
        self.entries[at as usize].value.as_ref()
    }

    /// Adds an entry on probation; `false` if there is one of that name, which stays, or the table cannot grow.
    pub(super) fn insert(&mut self, key: CacheKey, value: V) -> bool {
        let Self { index, entries, .. } = self;
        if index.find(key.hash(), |&at| entries[at as usize].key == key).is_some()
            || index.try_reserve(1, |&at| entries[at as usize].key.hash()).is_err()
            || (self.free.is_empty() && (self.entries.try_reserve(1).is_err() || self.entries.len() >= NONE as usize))
        {
            return false;
        }
        let entry = Entry { key, value: Some(value), segment: Segment::Probation, newer: NONE, older: NONE, moved: 0 };
        let at = if let Some(at) = self.free.pop() {
            self.entries[at as usize] = entry;
            at
        } else {
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        };
        let Self { index, entries, .. } = self;
        index.insert_unique(key.hash(), at, |&at| entries[at as usize].key.hash());
        self.link_newest(at, Segment::Probation);
        true
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, key: CacheKey) -> Option<V> {
        let at = self.find(key)?;
        self.take(at)
    }

    /// Takes out the coldest entry: the oldest on probation, else the oldest protected one.
    pub(super) fn pop_coldest(&mut self) -> Option<(CacheKey, V)> {
        self.pop(Segment::Probation).or_else(|| self.pop(Segment::Protected))
    }

    /// Takes out the oldest entry of a segment.
    pub(super) fn pop(&mut self, segment: Segment) -> Option<(CacheKey, V)> {
        let at = self.lists[segment as usize].tail;
        let key = self.entries.get(at as usize)?.key;
        self.take(at).map(|value| (key, value))
    }

    /// Gives back memory of tables that are much larger than what they hold.
    pub(super) fn shrink(&mut self) {
        if self.index.is_empty() {
            *self = Self::new();
        }
    }

    #[inline]
    fn find(&self, key: CacheKey) -> Option<u32> {
        self.index.find(key.hash(), |&at| self.entries[at as usize].key == key).copied()
    }

    fn take(&mut self, at: u32) -> Option<V> {
        self.unlink(at);
        let entry = &mut self.entries[at as usize];
        let value = entry.value.take();
        if let Ok(found) = self.index.find_entry(entry.key.hash(), |&other| other == at) {
            found.remove();
        }
        self.free.push(at);
        value
    }

    fn weight_of(&self, at: u32) -> usize {
        self.entries[at as usize].value.as_ref().map_or(0, Weigh::weight)
    }

    fn unlink(&mut self, at: u32) {
        let weight = self.weight_of(at);
        let Entry { newer, older, segment, .. } = self.entries[at as usize];
        let list = &mut self.lists[segment as usize];
        list.weight -= weight;
        list.count -= 1;
        if newer == NONE {
            list.head = older;
        } else {
            self.entries[newer as usize].older = older;
        }
        if older == NONE {
            self.lists[segment as usize].tail = newer;
        } else {
            self.entries[older as usize].newer = newer;
        }
    }

    fn link_newest(&mut self, at: u32, segment: Segment) {
        let weight = self.weight_of(at);
        let list = &mut self.lists[segment as usize];
        list.weight += weight;
        list.count += 1;
        let second = std::mem::replace(&mut list.head, at);
        if second == NONE {
            list.tail = at;
        }
        let entry = &mut self.entries[at as usize];
        entry.newer = NONE;
        entry.older = second;
        entry.segment = segment;
        if second != NONE {
            self.entries[second as usize].newer = at;
        }
    }
}
