//! Anchors of an alignment: k-mers that both sequences have once, in the longest chain that ascends in both.

use super::word;

/// Most k-mers of each sequence that are looked at.
pub(super) const ANCHORS: usize = 1 << 16;

/// What one look for anchors leaves to the next: its memory.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    own: Vec<(u64, u32)>,
    parents: Vec<(u64, u32)>,
}

impl Anchors {
    /// Places in both sequences that are the same for some residues, ascending in both, without overlaps.
    pub(super) fn find(&mut self, parent: &[u8], sequence: &[u8], k: usize) -> Vec<(usize, usize, usize)> {
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
