//! Coding the members of one window.

use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::delta::{Item, MAXIMUM_DEPTH, reverse_complement};
use xxhash_rust::xxh3::xxh3_64;

use super::words::Words;
use crate::align::script::{self, Aligner};
use crate::read::shared::SharedSequence;
use crate::write::deltas::DELTA_BLOCK;

/// Sequences that are tried as the parent of one.
const TRIED: usize = 3;
/// Quarters of bits that an item takes beside its script: its checksum, its parent, its head.
const ITEM: u64 = 4 * 56;
/// Quarters of bits that a stored residue takes: of a protein, of a nucleotide.
const STORED: [u64; 2] = [17, 8];
/// Residues of the words that candidates are found and anchors set by: of proteins, of nucleotides.
const WORD: [usize; 2] = [5, 11];

/// A record.
pub(super) struct Sequence {
    pub(super) ordinal: u64,
    pub(super) residues: SharedSequence,
}

/// What becomes of a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It is stored.
    Stored,
    /// It has the residues of this record, which stands before it in the container.
    Same(u64),
    /// It is told by this item.
    Delta(Vec<u8>),
}

/// A sequence that others may be told by.
struct Coded {
    ordinal: u64,
    residues: SharedSequence,
    depth: u8,
}

/// Codes windows; its buffers are used again.
pub(super) struct Coder {
    alphabet: Alphabet,
    aligner: Aligner,
    words: Words,
}

/// A script that may be taken.
struct Choice {
    cost: u64,
    parent: usize,
    reverse: bool,
    told: script::Told,
}

impl Coder {
    pub(super) fn new(alphabet: Alphabet) -> Self {
        Self { alphabet, aligner: Aligner::default(), words: Words::default() }
    }

    /// What becomes of each member, in the order in which they are coded: the longest first, then by content, then by
    /// ordinal.
    pub(super) fn code(&mut self, representative: &Sequence, members: Vec<Sequence>) -> Vec<(u64, Told)> {
        let mut order: Vec<(std::cmp::Reverse<usize>, u64, Sequence)> = members
            .into_iter()
            .map(|member| (std::cmp::Reverse(member.residues.len()), xxh3_64(&member.residues), member))
            .collect();
        order.sort_unstable_by_key(|(length, hash, member)| (*length, *hash, member.ordinal));
        let nucleotides = usize::from(self.alphabet.is_nucleotide());
        self.words.clear();
        let mut coded: Vec<Coded> = Vec::new();
        let mut results = Vec::with_capacity(order.len());
        self.remember(&mut coded, representative, 0, WORD[nucleotides]);
        let mut before: Option<&Sequence> = None;
        for (_, _, member) in &order {
            // Those that are the same stand together, the first of them in the container first.
            if let Some(owner) = before.filter(|owner| owner.residues == member.residues) {
                let is_copy = representative.ordinal < member.ordinal && representative.residues == member.residues;
                let owner = if is_copy { representative.ordinal } else { owner.ordinal };
                results.push((member.ordinal, Told::Same(owner)));
                continue;
            }
            before = Some(member);
            if representative.residues == member.residues {
                let told = if representative.ordinal < member.ordinal {
                    Told::Same(representative.ordinal)
                } else {
                    let mut item = Vec::new();
                    Item::write_substring(&mut item, representative.ordinal, 1, false, 0, &member.residues);
                    Told::Delta(item)
                };
                results.push((member.ordinal, told));
                continue;
            }
            let (told, depth) = self.tell(&coded, &member.residues, nucleotides);
            results.push((member.ordinal, told));
            self.remember(&mut coded, member, depth, WORD[nucleotides]);
        }
        results
    }

    fn remember(&mut self, coded: &mut Vec<Coded>, sequence: &Sequence, depth: u8, k: usize) {
        if depth < MAXIMUM_DEPTH {
            self.words.add(&sequence.residues, k);
            coded.push(Coded { ordinal: sequence.ordinal, residues: sequence.residues.clone(), depth });
        }
    }

    /// How a sequence is told, and how deep.
    fn tell(&mut self, coded: &[Coded], residues: &[u8], nucleotides: usize) -> (Told, u8) {
        let k = WORD[nucleotides];
        let mut tried: Vec<(u32, usize, bool)> = Vec::new();
        let near = |words: &mut Words, residues: &[u8], reverse: bool| {
            let found = words.nearest(residues, k, TRIED);
            found.into_iter().map(move |(number, votes)| (votes, number as usize, reverse)).collect::<Vec<_>>()
        };
        tried.extend(near(&mut self.words, residues, false));
        if nucleotides == 1 {
            let mut turned = residues.to_vec();
            reverse_complement(&mut turned, self.alphabet);
            tried.extend(near(&mut self.words, &turned, true));
        }
        tried.sort_by_key(|&(votes, number, reverse)| (std::cmp::Reverse(votes), reverse, number));
        tried.truncate(TRIED);
        if tried.is_empty() {
            tried.push((0, 0, false));
        }
        let mut best: Option<Choice> = None;
        for (_, number, reverse) in tried {
            let Some(parent) = coded.get(number) else { continue };
            let turned = reverse.then(|| self.turned(&parent.residues));
            let told = self.aligner.align(turned.as_deref().unwrap_or(&parent.residues), residues, k);
            let cost = u64::from(told.cost);
            if best.as_ref().is_none_or(|best| cost < best.cost) {
                best = Some(Choice { cost, parent: number, reverse, told });
            }
        }
        let chosen = best.and_then(|choice| Some((coded.get(choice.parent)?, choice)));
        let Some((parent, choice)) = chosen else { return (Told::Stored, 0) };
        if choice.cost + ITEM >= residues.len() as u64 * STORED[nucleotides] {
            return (Told::Stored, 0);
        }
        let turned = choice.reverse.then(|| self.turned(&parent.residues));
        let of_parent = turned.as_deref().unwrap_or(&parent.residues);
        let (runs, depth, mut item) = (&choice.told.runs, parent.depth + 1, Vec::new());
        match script::substring(runs, of_parent, residues) {
            Some(start) => {
                Item::write_substring(&mut item, parent.ordinal, depth, choice.reverse, start as u64, residues);
            }
            None => {
                let script = script::script(runs, of_parent, residues);
                Item::write_script(&mut item, parent.ordinal, depth, choice.reverse, script, residues);
            }
        }
        if item.len() > DELTA_BLOCK as usize { (Told::Stored, 0) } else { (Told::Delta(item), depth) }
    }

    fn turned(&self, residues: &[u8]) -> Vec<u8> {
        let mut turned = residues.to_vec();
        reverse_complement(&mut turned, self.alphabet);
        turned
    }
}
