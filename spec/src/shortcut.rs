//! From a member to its place in the list of members, which is another permutation than the one that is stored, by
//! shortcuts in the cycles of the latter.
//!
//! With the list of members the number `x` leads to `P(x)`, the rank of the member at place `x`. To find the place of a
//! rank one goes along its cycle until it comes back; where that is long, a shortcut leads 16 steps back, beyond where
//! one began, and what is left to go is less than that. (Munro, Raman, Raman and Rao 2003, succinct representations of
//! permutations.)
//!
//! Both directions are here, since together they define the section.

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::SpecError;

/// Every so many elements of a cycle that is longer than that have a shortcut, and it leads so many back.
pub const STRIDE: u64 = 16;

/// The same as the length of an array.
const RECENT: usize = 16;

/// FORMAT.md, section 13: an item of the section shortcuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ShortcutEntry {
    /// The element that has it.
    pub from: U64,
    /// The element [`STRIDE`] steps before it.
    pub to: U64,
}

/// The number that leads to `rank`: at most [`STRIDE`] steps, and one shortcut.
///
/// `next` says what a number leads to, and `shortcut` where the shortcut of a number leads, if it has one. They refuse
/// numbers that are out of range.
///
/// # Errors
/// Those of `next` and `shortcut`; M-12, if no number is found with as many steps as suffice in a sound file.
pub fn find<E: From<SpecError>>(
    rank: u64,
    mut next: impl FnMut(u64) -> Result<u64, E>,
    mut shortcut: impl FnMut(u64) -> Result<Option<u64>, E>,
) -> Result<u64, E> {
    let (mut at, mut taken) = (rank, false);
    for _ in 0..STRIDE {
        if !taken && let Some(to) = shortcut(at)? {
            (at, taken) = (to, true);
        }
        let after = next(at)?;
        if after == rank {
            return Ok(at);
        }
        at = after;
    }
    Err(SpecError::violation("shortcuts", "steps", "M-12", rank, STRIDE + 1, STRIDE).into())
}

/// Calls `found` with all shortcuts of a permutation of the numbers below `count`, cycle by cycle.
///
/// `visit` is asked for each number once or twice: the first time it says what the number leads to, and after that
/// nothing. Takes `count` steps.
///
/// # Errors
/// Those of `visit` and `found`.
pub fn for_each<E>(
    count: u64,
    mut visit: impl FnMut(u64) -> Result<Option<u64>, E>,
    mut found: impl FnMut(u64, u64) -> Result<(), E>,
) -> Result<(), E> {
    for least in 0..count {
        let Some(mut at) = visit(least)? else { continue };
        // The last elements, and the last one that has a shortcut.
        let (mut recent, mut before, mut length) = ([least; RECENT], least, 1);
        while at != least {
            if length % RECENT == 0 {
                found(at, before)?;
                before = at;
            }
            if let Some(place) = recent.get_mut(length % RECENT) {
                *place = at;
            }
            let Some(after) = visit(at)? else { break };
            at = after;
            length += 1;
        }
        if length > RECENT {
            // The place of the element that would come next is that of the one 16 steps before.
            found(least, recent.get(length % RECENT).copied().unwrap_or(least))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::vec;
    use alloc::vec::Vec;

    /// The shortcuts as FORMAT.md defines them, by looking at each cycle as a whole.
    fn by_definition(permutation: &[usize]) -> BTreeMap<u64, u64> {
        let (mut seen, mut all) = (vec![false; permutation.len()], BTreeMap::new());
        for least in 0..permutation.len() {
            let mut cycle = Vec::new();
            let mut at = least;
            while !seen[at] {
                seen[at] = true;
                cycle.push(at as u64);
                at = permutation[at];
            }
            if cycle.len() > 16 {
                for place in (0..cycle.len()).step_by(16) {
                    all.insert(cycle[place], cycle[(place + cycle.len() - 16) % cycle.len()]);
                }
            }
        }
        all
    }

    fn shortcuts(permutation: &[usize]) -> BTreeMap<u64, u64> {
        let (mut seen, mut all) = (vec![false; permutation.len()], BTreeMap::new());
        let visit = |at: u64| {
            let at = usize::try_from(at).unwrap();
            Ok(Some(permutation[at] as u64).filter(|_| !core::mem::replace(&mut seen[at], true)))
        };
        let mut found = |from, to| {
            assert_eq!(all.insert(from, to), None);
            Ok::<(), SpecError>(())
        };
        for_each(permutation.len() as u64, visit, &mut found).unwrap();
        all
    }

    /// Cycles of these lengths, one after the other, or with their elements spread over all numbers.
    fn cycles(lengths: &[usize], spread: bool) -> Vec<usize> {
        let total: usize = lengths.iter().sum();
        // 7919 is a prime that none of the totals here has.
        let name = |at: usize| if spread { at * 7919 % total } else { at };
        let (mut permutation, mut first) = (vec![0; total], 0);
        for &length in lengths {
            for at in 0..length {
                permutation[name(first + at)] = name(first + (at + 1) % length);
            }
            first += length;
        }
        permutation
    }

    // EVIDENCE: M-12
    #[test]
    fn every_place_is_found_within_the_bound() {
        let all: Vec<usize> = (1..70).collect();
        for lengths in [&[][..], &[1], &[16], &[17], &[32], &[33], &[1000], &all] {
            for spread in [false, true] {
                let permutation = cycles(lengths, spread);
                let shortcuts = shortcuts(&permutation);
                assert_eq!(shortcuts, by_definition(&permutation), "{lengths:?}");
                for (place, &rank) in permutation.iter().enumerate() {
                    let next = |at: u64| Ok::<_, SpecError>(permutation[usize::try_from(at).unwrap()] as u64);
                    let found = find(rank as u64, next, |at| Ok(shortcuts.get(&at).copied()));
                    assert_eq!(found, Ok(place as u64), "{lengths:?}");
                }
            }
        }
    }

    // EVIDENCE: M-12
    #[test]
    fn damaged_shortcuts_end_or_find_the_place() {
        let permutation = cycles(&[40, 17, 3, 100], true);
        let sound = shortcuts(&permutation);
        let count = permutation.len() as u64;
        let next = |at: u64| Ok::<_, SpecError>(permutation[usize::try_from(at).unwrap()] as u64);
        let mut refused = 0;
        for &from in sound.keys() {
            for to in (0..count).map(Some).chain([None]) {
                let mut changed = sound.clone();
                match to {
                    Some(to) => changed.insert(from, to),
                    None => changed.remove(&from),
                };
                for rank in 0..count {
                    match find(rank, next, |at| Ok(changed.get(&at).copied())) {
                        Ok(place) => assert_eq!(next(place), Ok(rank)),
                        Err(error) => {
                            assert_eq!(error.rule(), "M-12");
                            refused += 1;
                        }
                    }
                }
            }
        }
        assert!(refused > 0);
    }

    #[test]
    fn what_is_no_permutation_ends() {
        // Two numbers lead to one, and one to itself from within a longer path.
        for numbers in [vec![1, 2, 1], vec![0; 40], (1..40).chain([20]).collect::<Vec<usize>>()] {
            let _ = shortcuts_of_any(&numbers);
        }
    }

    fn shortcuts_of_any(numbers: &[usize]) -> Vec<(u64, u64)> {
        let (mut seen, mut all) = (vec![false; numbers.len()], Vec::new());
        let visit = |at: u64| {
            let at = usize::try_from(at).unwrap();
            Ok(Some(numbers[at] as u64).filter(|_| !core::mem::replace(&mut seen[at], true)))
        };
        for_each::<SpecError>(numbers.len() as u64, visit, |from, to| {
            all.push((from, to));
            Ok(())
        })
        .unwrap();
        all
    }
}
