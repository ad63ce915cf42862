//! What the optional columns say of a record: the share of `G` and `C`, and how complex its residues are (FORMAT.md,
//! section 12).
//!
//! Both are functions of how often each residue occurs. Logarithms are taken in integers, as FORMAT.md lays down step
//! by step, since those of the platforms' libraries differ in their last bits: every reader and writer gets the same
//! bytes on every machine.
//!
//! A record costs some hundred nanoseconds once its residues are counted: logarithms of counts below 1024 come from a
//! table.

use crate::alphabet::Alphabet;
use crate::error::SpecError;

/// How often each byte occurs among the residues of a record.
pub type Counts = [u64; 256];

/// Bits of a logarithm behind the point.
const FRACTION: u32 = 32;
/// Logarithms that are kept.
const KEPT: usize = 1 << 10;

static LOGARITHMS: [u64; KEPT] = logarithms();

#[expect(clippy::as_conversions, reason = "the index is below 1024; `From` is not const")]
const fn logarithms() -> [u64; KEPT] {
    let mut table = [0; KEPT];
    let mut count = 1;
    while count < KEPT {
        table[count] = compute_logarithm(count as u64);
        count += 1;
    }
    table
}

/// Bit by bit: squaring a number between 1 and 2 doubles its logarithm, and the next bit is whether that is 1 or more.
#[expect(clippy::as_conversions, reason = "the value is below 2^64 in each case; `From` is not const")]
const fn compute_logarithm(count: u64) -> u64 {
    let (mut bits, mut number) = (63 - count.leading_zeros() as u64, count << count.leading_zeros());
    let mut left = FRACTION;
    while left > 0 {
        let square = (number as u128 * number as u128) >> 63;
        let bit = square >> 64;
        bits = bits << 1 | bit as u64;
        number = (square >> bit) as u64;
        left -= 1;
    }
    bits
}

/// The binary logarithm of a count of at least 1, in units of 2^-32, as section 12 computes it; 0 for 0.
///
/// ```
/// use talaria_db_spec::measures::logarithm;
///
/// assert_eq!(logarithm(8), 3 << 32);
/// assert_eq!(logarithm(10), 14_267_572_527); // 3.3219280948...
/// assert_eq!(logarithm(10 << 30), logarithm(10) + (30 << 32));
/// ```
#[must_use]
pub fn logarithm(count: u64) -> u64 {
    let kept = usize::try_from(count).ok().and_then(|count| LOGARITHMS.get(count));
    kept.copied().unwrap_or_else(|| compute_logarithm(count))
}

/// The share of `G`, `C` and `S` among `A C G T U S W`, either case; 0 without any of them.
///
/// ```
/// use talaria_db_spec::measures::gc_content;
///
/// let mut counts = [0; 256];
/// for &residue in b"ACGTccNN" {
///     counts[usize::from(residue)] += 1;
/// }
/// assert_eq!(gc_content(&counts), 4.0 / 6.0);
/// ```
#[must_use]
pub fn gc_content(counts: &Counts) -> f32 {
    let sum = |letters: &[u8]| letters.iter().map(|&letter| folded(counts, letter)).sum::<u64>();
    let (strong, all) = (sum(b"GCS"), sum(b"ACGTUSW"));
    if all == 0 { 0.0 } else { share(strong.into(), all.into()) }
}

/// What the residues of a record come to, before it is known how complex they could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entropy {
    /// Sum of `count * (logarithm(total) - logarithm(count))`.
    sum: u128,
    total: u64,
}

impl Entropy {
    /// Of residues that occur so often, the cases of a letter together.
    #[must_use]
    pub fn of(counts: &Counts) -> Self {
        let residues = || (b'!'..=b'~').filter(|residue| !residue.is_ascii_lowercase());
        let total = residues().map(|residue| folded(counts, residue)).sum();
        let whole = logarithm(total);
        let term = |residue| {
            let count = folded(counts, residue);
            u128::from(count) * u128::from(whole.saturating_sub(logarithm(count)))
        };
        Self { sum: residues().map(term).sum(), total }
    }

    /// The complexity in a file of this alphabet, from 0 to 1.
    ///
    /// ```
    /// use talaria_db_spec::alphabet::Alphabet;
    /// use talaria_db_spec::measures::Entropy;
    ///
    /// let mut counts = [0; 256];
    /// for &residue in b"AAccGGtt" {
    ///     counts[usize::from(residue)] += 1;
    /// }
    /// assert_eq!(Entropy::of(&counts).complexity(Alphabet::Dna), 1.0);
    /// assert!(Entropy::of(&counts).complexity(Alphabet::Protein) < 0.5);
    /// ```
    #[must_use]
    pub fn complexity(&self, alphabet: Alphabet) -> f32 {
        let most = if alphabet.is_nucleotide() { logarithm(4) } else { logarithm(20) };
        let most = u128::from(self.total) * u128::from(most);
        if most == 0 { 0.0 } else { share(self.sum.min(most), most) }
    }
}

/// Compares a value of a column with rule O-1.
///
/// # Errors
/// O-1, with the bits of the number in place of the number.
pub fn check_share(column: &'static str, ordinal: u64, value: f32) -> Result<f32, SpecError> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(SpecError::violation(column, "value", "O-1", ordinal, value.to_bits().into(), 1.0_f32.to_bits().into()))
}

/// How often a residue occurs, a letter in either case.
fn folded(counts: &Counts, residue: u8) -> u64 {
    let at = |residue: u8| counts.get(usize::from(residue)).copied().unwrap_or_default();
    let lower = residue.to_ascii_lowercase();
    at(residue) + if lower == residue { 0 } else { at(lower) }
}

#[expect(clippy::as_conversions, reason = "rounded to the nearest, as FORMAT.md says")]
fn share(part: u128, whole: u128) -> f32 {
    (part as f64 / whole as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn counts(residues: &[u8]) -> Counts {
        let mut counts = [0; 256];
        for &residue in residues {
            counts[usize::from(residue)] += 1;
        }
        counts
    }

    fn complexity(residues: &[u8], alphabet: Alphabet) -> f32 {
        Entropy::of(&counts(residues)).complexity(alphabet)
    }

    #[test]
    fn logarithms_are_those_of_the_library() {
        let numbers =
            (1..5000).chain((0..64).flat_map(|bit| [1_u64 << bit, (1 << bit) + (1 << bit) / 3, u64::MAX >> bit]));
        let mut before = (0, 0);
        for number in numbers {
            let found = logarithm(number);
            let expected = (number as f64).log2() * 2_f64.powi(32);
            assert!((found as f64 - expected).abs() <= 1e-5 * 2_f64.powi(32), "{number}: {found}");
            assert_eq!(found, compute_logarithm(number), "{number}");
            assert!(number < before.0 || found >= before.1, "{number}: less than the one before");
            before = (number, found);
        }
        assert_eq!(logarithm(0), 0);
    }

    // EVIDENCE: O-2, O-3
    #[test]
    fn measures_by_hand_and_by_the_library() {
        assert_eq!(gc_content(&counts(b"")), 0.0);
        assert_eq!(gc_content(&counts(b"NNRY-*")), 0.0);
        assert_eq!(gc_content(&counts(b"gCsS")), 1.0);
        assert_eq!(gc_content(&counts(b"GAW")), 1.0 / 3.0);
        assert_eq!(complexity(b"", Alphabet::Dna), 0.0);
        assert_eq!(complexity(b"AAAAaa", Alphabet::Protein), 0.0);
        assert_eq!(complexity(b"ACGTacgtacgt", Alphabet::Rna), 1.0);
        assert_eq!(complexity(b"ACDEFGHIKLMNPQRSTVWY", Alphabet::Protein), 1.0);
        assert_eq!(complexity(b"ACGTN-", Alphabet::Dna), 1.0, "more than 2 bits are 2 bits");
        assert_eq!(complexity(b"AC", Alphabet::Dna), 0.5);
        assert_eq!(complexity(b"AC", Alphabet::Unknown), complexity(b"AC", Alphabet::Protein));

        let text: Vec<u8> = (0..5000_u32).map(|number| b'!' + ((number * number / 7) % 94) as u8).collect();
        for end in [1, 2, 7, 100, 999, 5000] {
            let mut folded = [0_u64; 256];
            for residue in &text[..end] {
                folded[usize::from(residue.to_ascii_uppercase())] += 1;
            }
            let share = |count: &u64| *count as f64 / end as f64;
            let bits: f64 =
                folded.iter().filter(|&&count| count > 0).map(|count| -share(count) * share(count).log2()).sum();
            for (alphabet, most) in [(Alphabet::Dna, 2.0), (Alphabet::Protein, 20_f64.log2())] {
                let found = f64::from(complexity(&text[..end], alphabet));
                assert!((found - (bits / most).min(1.0)).abs() < 1e-6, "{end}: {found}");
            }
        }
    }

    // EVIDENCE: O-1
    #[test]
    fn shares_are_from_0_to_1() {
        for good in [0.0, 0.25, 1.0] {
            assert_eq!(check_share("GC content", 0, good), Ok(good));
        }
        for bad in [f32::NAN, f32::INFINITY, -0.1, 1.0 + f32::EPSILON] {
            assert_eq!(check_share("GC content", 7, bad).map_err(|error| error.rule()), Err("O-1"));
        }
    }
}
