//! A record and the candidates that it is aligned to.

use std::iter::Peekable;

use super::Fit;
use super::candidates::{Edge, parts};
use super::order::Order;
use super::plan::Round;
use crate::error::Result;

/// A record and its candidates, best first.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) rank: u32,
    pub(super) candidates: Vec<(u32, Fit)>,
}

impl Asking {
    /// All records that have candidates, by rank.
    pub(super) fn all<'a, E: Iterator<Item = Result<Edge>>>(
        order: &'a Order,
        edges: E,
        round: &'a Round,
    ) -> All<'a, E> {
        All { order, round, edges: edges.peekable(), own: Vec::new() }
    }
}

/// Records that have candidates.
pub(super) struct All<'a, E: Iterator<Item = Result<Edge>>> {
    order: &'a Order,
    round: &'a Round,
    edges: Peekable<E>,
    /// Of the record at hand.
    own: Vec<(u32, Fit)>,
}

impl<E: Iterator<Item = Result<Edge>>> Iterator for All<'_, E> {
    type Item = Result<Asking>;

    fn next(&mut self) -> Option<Self::Item> {
        self.own.clear();
        let mut rank = None;
        let of_one = |rank: Option<u32>, edge: &Edge| rank.is_none_or(|rank| parts(*edge).0 == rank);
        while let Some(edge) = self.edges.next_if(|edge| edge.as_ref().map_or(true, |edge| of_one(rank, edge))) {
            let (record, candidate, fit) = match edge {
                Ok(edge) => parts(edge),
                Err(error) => return Some(Err(error)),
            };
            rank = Some(record);
            self.own.push((candidate, fit));
        }
        let rank = rank?;
        Some(Ok(Asking { rank, candidates: best_candidates(&self.own, self.order.length(rank), self.round) }))
    }
}

/// The candidates that share most words, each with the diagonal that most of them are on; of as many, the ones of lower
/// rank. `edges` are sorted.
fn best_candidates(edges: &[(u32, Fit)], length: u64, round: &Round) -> Vec<(u32, Fit)> {
    let mut candidates = Vec::new();
    for edges in edges.chunk_by(|left, right| left.0 == right.0).filter(|edges| edges.len() >= round.shared) {
        let by_fit = edges.chunk_by(|left, right| left.1 == right.1);
        // Of diagonals with as many words the first one.
        let best = by_fit.rev().max_by_key(|fits| fits.len()).and_then(<[_]>::first);
        if let Some(&(candidate, fit)) = best {
            candidates.push((edges.len(), candidate, fit.complete(length)));
        }
    }
    candidates.sort_by_key(|&(count, candidate, _)| (std::cmp::Reverse(count), candidate));
    candidates.into_iter().take(round.candidates).map(|(_, candidate, fit)| (candidate, fit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_by_words_then_by_rank() {
        let fit = |diagonal| Fit { diagonal, reverse: false };
        let edges =
            [(1, fit(3)), (1, fit(5)), (1, fit(5)), (2, fit(0)), (4, fit(1)), (4, fit(2)), (4, fit(7)), (5, fit(9))];
        let round = Round { pattern: "1", words: 1, candidates: 3, tries: 1, shared: 1 };
        assert_eq!(best_candidates(&edges, 10, &round), [(1, fit(5)), (4, fit(1)), (2, fit(0))]);
        assert_eq!(best_candidates(&edges, 10, &Round { shared: 3, ..round }), [(1, fit(5)), (4, fit(1))]);
    }
}
