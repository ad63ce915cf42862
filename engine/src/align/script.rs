//! The cheapest script that makes a sequence of another one, by what its bytes cost once they are compressed.
//!
//! A part of the other sequence is found as such. Else ends that are the same are taken off; k-mers that both sequences
//! have once are anchors, of which the longest chain in order is kept; what is between two anchors is aligned by
//! dynamic programming with affine gaps, if it is not too large, and put down as it is otherwise. So memory is bounded
//! ([`MEMORY`]), and time grows with the unlike parts. All costs are whole numbers, and ties are broken in one way: a
//! script does not depend on the machine.

use std::ops::Range;
use std::sync::LazyLock;

use talaria_db_spec::delta::{ScriptWriter, encode_substitution};

/// Most cells of a part that is aligned.
const CELLS: usize = 1 << 20;
/// Bytes of memory of an aligner.
pub(crate) const MEMORY: u64 = (CELLS + (64 << 10)) as u64 + ANCHORS as u64 * 80;
/// Most k-mers of each sequence that are looked at.
const ANCHORS: usize = 1 << 16;

// Quarters of bits, as the streams of scripts came to on proteins.
const MATCH: u32 = 2;
const CASE: u32 = 12;
const SUBSTITUTION: u32 = 15;
const INSERTED: u32 = 17;
const SKIPPED: u32 = 1;
const GAP: u32 = 30;
/// A run of operations.
const RUN: u32 = 11;
/// More than any alignment costs.
const NEVER: u32 = u32::MAX / 4;

/// States of an alignment, and the bits of a cell's traces.
const BOTH: u8 = 0;
const INSERT: u8 = 1;
const SKIP: u8 = 2;

/// Columns of an alignment that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    /// As many residues of one and the other side by side, equal or not.
    Both(usize),
    /// As many of the sequence alone.
    Insert(usize),
    /// As many of the parent alone.
    Skip(usize),
}

/// Aligns sequences. Its buffers are used again.
#[derive(Debug, Default)]
pub(crate) struct Aligner {
    traces: Vec<u8>,
    /// Costs of the row before, by state.
    row: Vec<[u32; 3]>,
    own: Vec<(u64, u32)>,
    parents: Vec<(u64, u32)>,
}

/// A script, and about what it costs.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The columns.
    pub(crate) runs: Vec<Run>,
    /// In quarters of bits, without what every item has.
    pub(crate) cost: u32,
}

impl Aligner {
    /// How `sequence` is told by `parent`. Anchors are of `k` residues, at most 12.
    pub(crate) fn align(&mut self, parent: &[u8], sequence: &[u8], k: usize) -> Told {
        let mut runs = Vec::new();
        if let Some(start) = memchr::memmem::find(parent, sequence).filter(|_| !sequence.is_empty()) {
            push(&mut runs, Run::Skip(start));
            push(&mut runs, Run::Both(sequence.len()));
            return Told { runs, cost: RUN };
        }
        let front = common(parent.iter().zip(sequence));
        let (rest_p, rest_s) = (&parent[front..], &sequence[front..]);
        let back = common(rest_p.iter().rev().zip(rest_s.iter().rev()));
        let (middle_p, middle_s) = (&rest_p[..rest_p.len() - back], &rest_s[..rest_s.len() - back]);
        push(&mut runs, Run::Both(front));
        let (mut done_p, mut done_s) = (0, 0);
        for (at_p, at_s, length) in self.anchors(middle_p, middle_s, k) {
            self.part(middle_p, done_p..at_p, middle_s, done_s..at_s, &mut runs);
            push(&mut runs, Run::Both(length));
            (done_p, done_s) = (at_p + length, at_s + length);
        }
        self.part(middle_p, done_p..middle_p.len(), middle_s, done_s..middle_s.len(), &mut runs);
        push(&mut runs, Run::Both(back));
        let cost = cost(&runs, parent, sequence);
        Told { runs, cost }
    }

    /// Places in both sequences that are the same for some residues, ascending in both, without overlaps.
    fn anchors(&mut self, parent: &[u8], sequence: &[u8], k: usize) -> Vec<(usize, usize, usize)> {
        unique_words(parent, k, &mut self.parents);
        unique_words(sequence, k, &mut self.own);
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        let (mut left, mut right) = (self.parents.iter().peekable(), self.own.iter().peekable());
        while let (Some(&&(a, at_a)), Some(&&(b, at_b))) = (left.peek(), right.peek()) {
            match a.cmp(&b) {
                std::cmp::Ordering::Less => drop(left.next()),
                std::cmp::Ordering::Greater => drop(right.next()),
                std::cmp::Ordering::Equal => {
                    pairs.push((at_b, at_a));
                    left.next();
                    right.next();
                }
            }
        }
        pairs.sort_unstable();
        let mut anchors: Vec<(usize, usize, usize)> = Vec::new();
        for index in longest_chain(&pairs) {
            let (at_s, at_p) = (pairs[index].0 as usize, pairs[index].1 as usize);
            match anchors.last_mut() {
                // On the diagonal of the one before, which it touches or overlaps.
                Some((p, s, length)) if *p + at_s == *s + at_p && at_s <= *s + *length => *length = at_s + k - *s,
                Some((p, s, length)) if at_s < *s + *length || at_p < *p + *length => {}
                _ => anchors.push((at_p, at_s, k)),
            }
        }
        anchors
    }

    /// Aligns a part of each.
    fn part(
        &mut self,
        parent: &[u8],
        of_parent: Range<usize>,
        sequence: &[u8],
        of_sequence: Range<usize>,
        runs: &mut Vec<Run>,
    ) {
        let (parent, sequence) = (&parent[of_parent], &sequence[of_sequence]);
        if parent.is_empty() || sequence.is_empty() {
            push(runs, Run::Insert(sequence.len()));
            push(runs, Run::Skip(parent.len()));
        } else if parent.len().saturating_add(1).saturating_mul(sequence.len() + 1) > CELLS {
            let both = parent.len().min(sequence.len());
            push(runs, Run::Both(both));
            push(runs, Run::Insert(sequence.len() - both));
            push(runs, Run::Skip(parent.len() - both));
        } else {
            self.dynamic(parent, sequence, runs);
        }
    }

    /// Three states a cell: residues side by side, one inserted, one skipped. A trace keeps for each which state was
    /// before.
    fn dynamic(&mut self, parent: &[u8], sequence: &[u8], runs: &mut Vec<Run>) {
        let width = parent.len() + 1;
        self.traces.clear();
        self.traces.resize(width * (sequence.len() + 1), 0);
        self.row.clear();
        self.row.push([0, NEVER, NEVER]);
        for column in 1..width {
            let cost = GAP + SKIPPED * u32::try_from(column).unwrap_or(NEVER);
            self.row.push([NEVER, NEVER, cost]);
            self.traces[column] = if column == 1 { BOTH << 4 } else { SKIP << 4 };
        }
        let costs = &**SUBSTITUTIONS;
        for (index, &residue) in sequence.iter().enumerate() {
            let costs = &costs[usize::from(residue & 127)];
            let traces = &mut self.traces[(index + 1) * width..(index + 2) * width];
            let mut diagonal = self.row[0];
            let (inserted, from) = least([diagonal[0] + GAP, diagonal[1], diagonal[2] + GAP]);
            self.row[0] = [NEVER, inserted + INSERTED, NEVER];
            traces[0] = from << 2;
            let mut before = self.row[0];
            for ((cell, trace), &other) in self.row[1..].iter_mut().zip(&mut traces[1..]).zip(parent) {
                let (both, from_both) = least(diagonal);
                let (insert, from_insert) = least([cell[0] + GAP, cell[1], cell[2] + GAP]);
                let (skip, from_skip) = least([before[0] + GAP, before[1] + GAP, before[2]]);
                diagonal = *cell;
                *cell = [both + u32::from(costs[usize::from(other & 127)]), insert + INSERTED, skip + SKIPPED];
                *trace = from_both | from_insert << 2 | from_skip << 4;
                before = *cell;
            }
        }
        let (mut at_s, mut at_p) = (sequence.len(), parent.len());
        let (_, mut state) = least(self.row[parent.len()]);
        let mut backwards = Vec::new();
        while at_s > 0 || at_p > 0 {
            let trace = self.traces[at_s * width + at_p];
            let run = match state {
                BOTH => {
                    (at_s, at_p) = (at_s - 1, at_p - 1);
                    state = trace & 3;
                    Run::Both(1)
                }
                INSERT => {
                    at_s -= 1;
                    state = trace >> 2 & 3;
                    Run::Insert(1)
                }
                _ => {
                    at_p -= 1;
                    state = trace >> 4 & 3;
                    Run::Skip(1)
                }
            };
            push(&mut backwards, run);
        }
        backwards.into_iter().rev().for_each(|run| push(runs, run));
    }
}

/// The script of an alignment.
pub(crate) fn script(runs: &[Run], parent: &[u8], sequence: &[u8]) -> ScriptWriter {
    let mut writer = ScriptWriter::default();
    for_each_run(runs, parent, sequence, |run, parents, residues| match run {
        Run::Both(count) if parents == residues => writer.copy(count),
        Run::Both(_) => writer.substitute(parents, residues),
        Run::Insert(_) => writer.insert(residues),
        Run::Skip(count) => writer.skip(count),
    });
    writer
}

/// Where the sequence starts in the parent, if it is a part of it.
pub(crate) fn substring(runs: &[Run], parent: &[u8], sequence: &[u8]) -> Option<usize> {
    let start = match *runs {
        [Run::Both(_)] | [Run::Both(_), Run::Skip(_)] => 0,
        [Run::Skip(start), Run::Both(_)] | [Run::Skip(start), Run::Both(_), Run::Skip(_)] => start,
        _ => return None,
    };
    (parent.get(start..)?.get(..sequence.len())? == sequence).then_some(start)
}

fn cost(runs: &[Run], parent: &[u8], sequence: &[u8]) -> u32 {
    let mut cost = 0_u32;
    for_each_run(runs, parent, sequence, |run, parents, residues| {
        let more = match run {
            Run::Both(_) if parents == residues => RUN,
            Run::Both(_) => {
                RUN + parents.iter().zip(residues).map(|(&parent, &residue)| substitution(parent, residue)).sum::<u32>()
            }
            Run::Insert(count) => RUN + INSERTED.saturating_mul(u32::try_from(count).unwrap_or(NEVER)),
            Run::Skip(_) => 2 * RUN,
        };
        cost = cost.saturating_add(more);
    });
    cost
}

/// Calls `found` with runs of which each that is of both is either all equal or all different.
fn for_each_run(runs: &[Run], parent: &[u8], sequence: &[u8], mut found: impl FnMut(Run, &[u8], &[u8])) {
    let (mut parent, mut sequence) = (parent, sequence);
    for &run in runs {
        let (from_parent, from_sequence) = match run {
            Run::Both(count) => (count, count),
            Run::Insert(count) => (0, count),
            Run::Skip(count) => (count, 0),
        };
        let (parents, rest_p) = parent.split_at(from_parent);
        let (residues, rest_s) = sequence.split_at(from_sequence);
        (parent, sequence) = (rest_p, rest_s);
        if !matches!(run, Run::Both(_)) {
            found(run, parents, residues);
            continue;
        }
        let mut at = 0;
        while at < residues.len() {
            let equal = parents[at] == residues[at];
            let pairs = parents[at..].iter().zip(&residues[at..]);
            let count = pairs.take_while(|(parent, residue)| (parent == residue) == equal).count();
            found(Run::Both(count), &parents[at..at + count], &residues[at..at + count]);
            at += count;
        }
    }
}

/// The smallest, the first of equal ones, and its index.
fn least(costs: [u32; 3]) -> (u32, u8) {
    let (mut best, mut state) = (costs[0], BOTH);
    if costs[1] < best {
        (best, state) = (costs[1], INSERT);
    }
    if costs[2] < best {
        (best, state) = (costs[2], SKIP);
    }
    (best, state)
}

/// Costs of a residue (row) in place of another one (column).
static SUBSTITUTIONS: LazyLock<Box<[[u8; 128]; 128]>> = LazyLock::new(|| {
    let mut costs = Box::new([[0; 128]; 128]);
    for (residue, row) in (0..).zip(costs.iter_mut()) {
        for (parent, cost) in (0..).zip(row.iter_mut()) {
            *cost = u8::try_from(cost_of(parent, residue)).unwrap_or(u8::MAX);
        }
    }
    costs
});

fn substitution(parent: u8, residue: u8) -> u32 {
    SUBSTITUTIONS[usize::from(residue & 127)][usize::from(parent & 127)].into()
}

fn cost_of(parent: u8, residue: u8) -> u32 {
    if parent == residue {
        return MATCH;
    }
    match encode_substitution(parent, residue) {
        32 => CASE,
        code @ 0..=63 => SUBSTITUTION + u32::from(code & 31).min(16),
        _ => SUBSTITUTION + 20,
    }
}

fn common<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> usize {
    pairs.take_while(|(left, right)| left == right).count()
}

/// Appends a run, joined with the one before if that is of the same kind.
fn push(runs: &mut Vec<Run>, run: Run) {
    let (Run::Both(count) | Run::Insert(count) | Run::Skip(count)) = run;
    if count == 0 {
        return;
    }
    match (runs.last_mut(), run) {
        (Some(Run::Both(last)), Run::Both(more))
        | (Some(Run::Insert(last)), Run::Insert(more))
        | (Some(Run::Skip(last)), Run::Skip(more)) => *last += more,
        _ => runs.push(run),
    }
}

/// The words of `k` residues that occur once, sorted, with their places.
fn unique_words(residues: &[u8], k: usize, words: &mut Vec<(u64, u32)>) {
    words.clear();
    let windows = residues.windows(k).take(ANCHORS).zip(0_u32..);
    words.extend(windows.map(|(window, at)| (word(window), at)));
    words.sort_unstable();
    let (mut kept, mut index) = (0, 0);
    while index < words.len() {
        let same = words[index..].iter().take_while(|(word, _)| *word == words[index].0).count();
        if same == 1 {
            words[kept] = words[index];
            kept += 1;
        }
        index += same;
    }
    words.truncate(kept);
}

/// Five bits a residue of up to 12, which tells letters apart, case or not.
pub(crate) fn word(residues: &[u8]) -> u64 {
    residues.iter().fold(0, |word, &residue| word << 5 | u64::from(residue & 31))
}

/// Indexes of the longest chain of pairs that ascend in both places, given in the order of the first.
fn longest_chain(pairs: &[(u32, u32)]) -> Vec<usize> {
    // The last pair of the best chain of each length, by its second place.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<usize> = Vec::with_capacity(pairs.len());
    for (index, &(_, place)) in pairs.iter().enumerate() {
        let length = tails.partition_point(|&tail| pairs[tail].1 < place);
        before.push(length.checked_sub(1).map_or(usize::MAX, |shorter| tails[shorter]));
        match tails.get_mut(length) {
            Some(tail) => *tail = index,
            None => tails.push(index),
        }
    }
    let mut chain = Vec::with_capacity(tails.len());
    let mut next = tails.last().copied().unwrap_or(usize::MAX);
    while let Some(&earlier) = before.get(next) {
        chain.push(next);
        next = earlier;
    }
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use talaria_db_spec::delta::Item;

    use super::*;

    fn told(parent: &[u8], sequence: &[u8], k: usize) -> Told {
        let told = Aligner::default().align(parent, sequence, k);
        let mut item = Vec::new();
        Item::write_script(&mut item, 0, 1, false, script(&told.runs, parent, sequence), sequence);
        let mut back = vec![0; sequence.len()];
        Item::parse(&item).unwrap().0.apply(parent, &mut back).unwrap();
        assert_eq!(back, sequence);
        told
    }

    #[test]
    fn small_changes_are_found() {
        let parent = b"MKVLAAGITEGHQRHWWPLKMNDE".repeat(3);
        assert_eq!(told(&parent, &parent, 5).runs, [Run::Both(72)]);
        let mut deleted = parent.clone();
        deleted.drain(20..23);
        assert_eq!(told(&parent, &deleted, 5).runs, [Run::Both(20), Run::Skip(3), Run::Both(49)]);
        let mut inserted = parent.clone();
        inserted.splice(40..40, *b"CCYC");
        assert_eq!(told(&parent, &inserted, 5).runs, [Run::Both(40), Run::Insert(4), Run::Both(32)]);
        let part = &parent[7..60];
        assert_eq!(substring(&told(&parent, part, 5).runs, &parent, part).map(|start| start % 24), Some(7));
        assert!(told(&parent, &deleted, 5).cost < told(&parent, &b"PPPP".repeat(15), 5).cost);
    }

    #[test]
    fn what_has_nothing_in_common_is_told_too() {
        for (parent, sequence) in [(&b""[..], &b"MK"[..]), (b"MK", b""), (b"", b""), (b"AAAA", b"CCCCCCC")] {
            told(parent, sequence, 5);
        }
        // More cells than are aligned.
        told(&b"ACD".repeat(1000), &b"EFGH".repeat(500), 5);
    }

    proptest! {
        #[test]
        fn every_pair_comes_back(
            parent in "[ACDEacde*-]{0,200}",
            edits in prop::collection::vec((any::<prop::sample::Index>(), "[ACDEacde*-]{0,9}", 0_usize..9), 0..6),
            k in 3_usize..12,
        ) {
            let mut sequence = parent.clone().into_bytes();
            for (at, inserted, removed) in edits {
                let start = at.index(sequence.len() + 1);
                let end = (start + removed).min(sequence.len());
                sequence.splice(start..end, inserted.into_bytes());
            }
            told(parent.as_bytes(), &sequence, k);
        }
    }
}
