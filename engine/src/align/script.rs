//! The cheapest script that makes a sequence of another one, by what its bytes cost once they are compressed.
//!
//! A part of the other sequence is found as such. Else ends that are the same are taken off; k-mers that both sequences
//! have once are anchors, of which the longest chain in order is kept; what is between two anchors is aligned by
//! dynamic programming with affine gaps, if it is not too large, and put down as it is otherwise. So memory is bounded
//! ([`MEMORY`]), and time grows with the unlike parts. All costs are whole numbers, and ties are broken in one way: a
//! script does not depend on the machine.

mod anchors;
mod costs;
mod dynamic;

use std::ops::Range;

use talaria_db_spec::delta::ScriptWriter;

use self::anchors::{ANCHORS, Anchors};
use self::costs::{RUN, cost};
use self::dynamic::{CELLS, Table, fits};

/// Bytes of memory of an aligner.
pub(crate) const MEMORY: u64 = (CELLS + (64 << 10)) as u64 + ANCHORS as u64 * 80;
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
    table: Table,
    anchors: Anchors,
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
        for (at_p, at_s, length) in self.anchors.find(middle_p, middle_s, k) {
            self.part(middle_p, done_p..at_p, middle_s, done_s..at_s, &mut runs);
            push(&mut runs, Run::Both(length));
            (done_p, done_s) = (at_p + length, at_s + length);
        }
        self.part(middle_p, done_p..middle_p.len(), middle_s, done_s..middle_s.len(), &mut runs);
        push(&mut runs, Run::Both(back));
        let cost = cost(&runs, parent, sequence);
        Told { runs, cost }
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
        } else if !fits(parent.len(), sequence.len()) {
            let both = parent.len().min(sequence.len());
            push(runs, Run::Both(both));
            push(runs, Run::Insert(sequence.len() - both));
            push(runs, Run::Skip(parent.len() - both));
        } else {
            self.table.align(parent, sequence, runs);
        }
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

/// Five bits a residue of up to 12, which tells letters apart, case or not.
pub(crate) fn word(residues: &[u8]) -> u64 {
    residues.iter().fold(0, |word, &residue| word << 5 | u64::from(residue & 31))
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
