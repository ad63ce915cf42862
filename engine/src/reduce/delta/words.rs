//! Which of the sequences that were coded share the most words with another one.

use std::collections::HashMap;

use crate::align::script::word;

/// Sequences that are looked at for a word: those that had it last.
const PLACES: usize = 16;
/// About the most words of a sequence that are looked at.
const MOST_WORDS: usize = 512;
/// The end of a list.
const NONE: u32 = u32::MAX;

/// Bytes of memory for the words of a window of so many residues, with those of the representative and of the last
/// member: an entry of the table, which doubles, and one of a list each.
pub(super) const fn memory(residues: u64) -> u64 {
    (residues + 4 * MOST_WORDS as u64) * 48
}

/// The words of the sequences of a window.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The last place of each word.
    last: HashMap<u64, u32>,
    /// The number of a sequence, and the place before of the same word.
    places: Vec<(u32, u32)>,
    votes: Vec<u32>,
    touched: Vec<u32>,
}

impl Words {
    pub(super) fn clear(&mut self) {
        self.last.clear();
        self.places.clear();
        self.votes.clear();
    }

    /// Remembers a sequence, the next number.
    pub(super) fn add(&mut self, residues: &[u8], k: usize) {
        let number = u32::try_from(self.votes.len()).unwrap_or(u32::MAX);
        self.votes.push(0);
        for window in sampled(residues, k) {
            let last = self.last.entry(word(window)).or_insert(NONE);
            if self.places.get(*last as usize).is_none_or(|&(known, _)| known != number) {
                self.places.push((number, *last));
                *last = u32::try_from(self.places.len() - 1).unwrap_or(NONE);
            }
        }
    }

    /// The numbers of the sequences that share the most words with this one, the most first, and how many.
    pub(super) fn nearest(&mut self, residues: &[u8], k: usize, most: usize) -> Vec<(u32, u32)> {
        for window in sampled(residues, k) {
            let mut at = self.last.get(&word(window)).copied().unwrap_or(NONE);
            for _ in 0..PLACES {
                let Some(&(number, before)) = self.places.get(at as usize) else { break };
                at = before;
                if let Some(votes) = self.votes.get_mut(number as usize) {
                    if *votes == 0 {
                        self.touched.push(number);
                    }
                    *votes += 1;
                }
            }
        }
        let mut found: Vec<(u32, u32)> = Vec::new();
        for number in self.touched.drain(..) {
            let votes = self.votes.get_mut(number as usize).map(std::mem::take).unwrap_or_default();
            found.push((votes, number));
        }
        found.sort_unstable_by_key(|&(votes, number)| (std::cmp::Reverse(votes), number));
        found.truncate(most);
        found.into_iter().map(|(votes, number)| (number, votes)).collect()
    }
}

/// The words of a sequence; of a long one those with some hashes, so that another one's are chosen alike.
fn sampled(residues: &[u8], k: usize) -> impl Iterator<Item = &[u8]> {
    let rate = (residues.len() / MOST_WORDS) as u64 + 1;
    let rate = rate.next_power_of_two();
    residues
        .windows(k)
        .filter(move |window| rate == 1 || word(window).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32 & (rate - 1) == 0)
}
