//! Hashes of all words of a sequence, each made of the one before it, and of any stretch.
//!
//! Words: the cyclic polynomial of Cohen (1997) in the form that ntHash gives it (Mohamadi and others, Bioinformatics
//! 2016), which turns with the sequence, so that a word and its reverse complement can share a hash. Stretches: a
//! polynomial modulo 2^64. What is a stretch or a word of equal letters has equal hashes; the reverse is for the
//! residues themselves to say.

use std::ops::Range;

use super::letters::complements;

/// The number that SplitMix64 gives for each letter: no order among them.
const VALUES: [u64; 256] = {
    let mut values = [0; 256];
    let mut letter = 0_usize;
    while letter < 256 {
        let word = (letter as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        values[letter] = word ^ (word >> 31);
        letter += 1;
    }
    values
};
/// Of the polynomial of stretches.
const BASE: u64 = 0xd134_2543_de82_ef95;
/// The base to the power of each power of two.
const POWERS: [u64; 32] = {
    let (mut powers, mut at, mut power) = ([0; 32], 0, BASE);
    while at < 32 {
        powers[at] = power;
        power = power.wrapping_mul(power);
        at += 1;
    }
    powers
};
/// Residues between two sums that are kept.
const STEP: usize = 16;
/// Stretches of up to so many residues are hashed without sums.
const SHORT: usize = 48;

/// Hashes words of one length.
#[derive(Debug)]
pub(super) struct Words {
    length: usize,
    /// What a letter adds to a word's hash as it comes and as it goes, and to that of its reverse complement.
    comes: [u64; 256],
    goes: [u64; 256],
    comes_turned: [u64; 256],
    goes_turned: [u64; 256],
}

impl Words {
    pub(super) fn new(length: usize) -> Self {
        let turns = length as u32;
        let complements = complements();
        let of_complement = |letter: usize| VALUES[usize::from(complements[letter])];
        Self {
            length,
            comes: VALUES,
            goes: std::array::from_fn(|letter| VALUES[letter].rotate_left(turns)),
            comes_turned: std::array::from_fn(|letter| of_complement(letter).rotate_left(turns - 1)),
            goes_turned: std::array::from_fn(|letter| of_complement(letter).rotate_right(1)),
        }
    }

    /// Residues of a word.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Calls `visit` with the place and the hash of each word.
    #[inline]
    pub(super) fn each(&self, residues: &[u8], mut visit: impl FnMut(usize, u64)) {
        self.each_while(residues, |at, hash| {
            visit(at, hash);
            true
        });
    }

    /// Calls `visit` with the place and the hash of each word until it says that this is enough.
    #[inline]
    pub(super) fn each_while(&self, residues: &[u8], mut visit: impl FnMut(usize, u64) -> bool) {
        let Some((first, rest)) = residues.split_at_checked(self.length) else { return };
        let mut hash = 0_u64;
        for &letter in first {
            hash = hash.rotate_left(1) ^ self.comes[usize::from(letter)];
        }
        let mut goes_on = visit(0, hash);
        for (at, (&comes, &goes)) in (1..).zip(rest.iter().zip(residues)) {
            if !goes_on {
                return;
            }
            hash = hash.rotate_left(1) ^ self.goes[usize::from(goes)] ^ self.comes[usize::from(comes)];
            goes_on = visit(at, hash);
        }
    }

    /// The same with the hash too that a word has in common with its reverse complement.
    #[inline]
    pub(super) fn each_of_both_strands(&self, residues: &[u8], mut visit: impl FnMut(usize, u64, u64) -> bool) {
        let mut turned = 0_u64;
        for (at, &letter) in residues.iter().take(self.length).enumerate() {
            turned ^= self.comes_turned[usize::from(letter)].rotate_right((self.length - 1 - at) as u32);
        }
        self.each_while(residues, |at, hash| {
            if let Some(before) = at.checked_sub(1) {
                let (goes, comes) = (residues[before], residues[before + self.length]);
                turned = turned.rotate_right(1)
                    ^ self.goes_turned[usize::from(goes)]
                    ^ self.comes_turned[usize::from(comes)];
            }
            visit(at, hash, hash.min(turned))
        });
    }
}

/// The hash of a stretch.
fn continued(hash: u64, residues: &[u8]) -> u64 {
    residues.iter().fold(hash, |hash, &letter| hash.wrapping_mul(BASE).wrapping_add(VALUES[usize::from(letter)]))
}

/// The hash of all of `residues`.
pub(super) fn whole(residues: &[u8]) -> u64 {
    continued(0, residues)
}

/// Sums from which the hash of any stretch of a sequence follows, made when they are first needed.
#[derive(Debug, Default)]
pub(super) struct Sums {
    sums: Vec<u64>,
}

impl Sums {
    /// Bytes of memory for a sequence of so many residues.
    pub(super) const fn memory(residues: u64) -> u64 {
        residues / STEP as u64 * 8 + 16
    }

    /// Another sequence is next.
    pub(super) fn clear(&mut self) {
        self.sums.clear();
    }

    /// The hash of a stretch of `residues`, which are the same until [`Sums::clear`].
    pub(super) fn of(&mut self, residues: &[u8], stretch: Range<usize>) -> u64 {
        if stretch.len() <= SHORT {
            return whole(&residues[stretch]);
        }
        if self.sums.is_empty() {
            self.sums.reserve_exact(residues.len() / STEP + 1);
            self.sums.push(0);
            let mut sum = 0;
            for part in residues.chunks_exact(STEP) {
                sum = continued(sum, part);
                self.sums.push(sum);
            }
        }
        let until = |end: usize| continued(self.sums[end / STEP], &residues[end / STEP * STEP..end]);
        until(stretch.end).wrapping_sub(until(stretch.start).wrapping_mul(power(stretch.len())))
    }
}

/// The base to the power of `exponent`.
fn power(exponent: usize) -> u64 {
    let set = POWERS.iter().enumerate().filter(|&(bit, _)| exponent >> bit & 1 == 1);
    set.fold(1, |product, (_, &power)| product.wrapping_mul(power))
}

#[cfg(test)]
mod tests {
    use super::super::letters::turn;
    use super::*;

    fn sequence() -> Vec<u8> {
        (0..900_usize).map(|at| b"ACGTNRY"[(VALUES[at % 256] >> (at % 60)) as usize % 7]).collect()
    }

    #[test]
    fn hashes_follow_from_each_other() {
        let sequence = sequence();
        for length in [1, 2, 16, 32, 63] {
            let words = Words::new(length);
            let mut seen = 0;
            words.each_of_both_strands(&sequence, |at, hash, common| {
                let mut word = sequence[at..at + length].to_vec();
                words.each(&word, |_, alone| assert_eq!(hash, alone));
                turn(&mut word);
                words.each(&word, |_, turned| assert_eq!(common, hash.min(turned), "{length} at {at}"));
                assert_eq!(at, seen);
                seen += 1;
                true
            });
            assert_eq!(seen, sequence.len() + 1 - length);
        }
        Words::new(901).each(&sequence, |_, _| panic!("no word is so long"));
        let mut seen = 0;
        Words::new(4).each_while(&sequence, |at, _| {
            seen += 1;
            at < 9
        });
        assert_eq!(seen, 10);
    }

    #[test]
    fn hashes_of_stretches() {
        let (sequence, mut sums) = (sequence(), Sums::default());
        for (start, end) in [(0, 0), (0, 900), (3, 60), (16, 64), (17, 64), (16, 65), (899, 900), (5, 888), (500, 549)]
        {
            assert_eq!(sums.of(&sequence, start..end), whole(&sequence[start..end]), "{start} {end}");
        }
        sums.clear();
        assert_eq!(sums.of(&sequence[..200], 1..199), whole(&sequence[1..199]));
    }
}
