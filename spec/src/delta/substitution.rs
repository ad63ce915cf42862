//! Codes of substituted residues, which depend on the residue that is replaced: what often takes its place has a small
//! code.
//!
//! The rows are in the order of how likely a letter replaces another one between related proteins: by the score of
//! BLOSUM62 and how frequent the letter is. They are part of the format whatever they were derived from, and serve
//! nucleotides as well as any other order.

use crate::alphabet::is_residue;

/// For each letter, from `A`, the letters by their rank. Each row is a permutation of the alphabet and starts with its
/// own letter.
pub const SUBSTITUTIONS: [[u8; 26]; 26] = [
    *b"ASGVLTEIKRPQDNFMYCHWXZBJOU",
    *b"BDNESKGAQRTVLPHIFYMCWXZJOU",
    *b"CALVSITGKRDFMEPYNQHWXBZJOU",
    *b"DESNGAKQTPRVLIHFYMCWBXZJOU",
    *b"EDKQSARNTGVLPHIYFMWCZBXJOU",
    *b"FLYIVASTGMEKRDHWNQPCXBZJOU",
    *b"GASNDEKRTVLPQIFHYMWCXBZJOU",
    *b"HEYNRSAKQDGLFTVPIMWCXBZJOU",
    *b"IVLAFTMSEYKRDGPNQCHWXBZJOU",
    *b"JLAGVESIKRDTPNQFYMHCWXBZOU",
    *b"KRESAQLNDTGVPIMHYFCWXZBJOU",
    *b"LIVAMFTSKREYQGPNDCHWXZBJOU",
    *b"MLVIASKQRFTEGPYNDHCWXZBJOU",
    *b"NSDGEKRTAQLHVPIYFMCWBXZJOU",
    *b"OLAGVESIKRDTPNQFYMHCWXBZJU",
    *b"PAESKDTGVLQRINMHYFCWXZBJOU",
    *b"QEKRSADLNTGVPMHIYFWCZXBJOU",
    *b"RKEAQLSNTGDVPHIMYFCWXZBJOU",
    *b"SATGEKNDLQRVPIFMHYCWXBZJOU",
    *b"TSAVLEIKNRDGPQFMYHCWXBZJOU",
    *b"ULAGVESIKRDTPNQFYMHCWXBZJO",
    *b"VILATMESKFGPYQRDNCHWXZBJOU",
    *b"WYFLGATVESIKQRMDPHNCXZBJOU",
    *b"XALSTGVEIKRDNQFPYMHCWBZJOU",
    *b"YFLVHIAESKQRTGWNDMPCXZBJOU",
    *b"ZEQKDSARNTGVLPHIMYFCWBXJOU",
];

/// Added to the rank if the case is another one than the parent's.
const OTHER_CASE: u8 = 32;
/// Set in a code that is the residue itself.
const LITERAL: u8 = 0x80;

/// The rank of each letter in each row.
static RANKS: [[u8; 26]; 26] = ranks();

const fn ranks() -> [[u8; 26]; 26] {
    let mut ranks = [[0; 26]; 26];
    let mut row = 0;
    while row < 26 {
        let mut rank = 0_u8;
        #[expect(clippy::as_conversions, reason = "u8 to usize loses nothing; `From` is not const")]
        while rank < 26 {
            ranks[row][(SUBSTITUTIONS[row][rank as usize] - b'A') as usize] = rank;
            rank += 1;
        }
        row += 1;
    }
    ranks
}

/// The code of `residue` in place of `parent`.
///
/// ```
/// use talaria_db_spec::delta::{decode_substitution, encode_substitution};
///
/// assert_eq!(encode_substitution(b'I', b'V'), 1);
/// assert_eq!(encode_substitution(b'I', b'v'), 33);
/// assert_eq!(encode_substitution(b'I', b'-'), 0x80 | b'-');
/// assert_eq!(decode_substitution(b'I', 1), Some(b'V'));
/// assert_eq!(decode_substitution(b'-', 1), None);
/// ```
#[must_use]
pub fn encode_substitution(parent: u8, residue: u8) -> u8 {
    match (letter(parent), letter(residue)) {
        (Some(row), Some(column)) => {
            let rank = RANKS.get(row).and_then(|row| row.get(column)).copied().unwrap_or_default();
            if parent.is_ascii_lowercase() == residue.is_ascii_lowercase() { rank } else { rank | OTHER_CASE }
        }
        _ => residue | LITERAL,
    }
}

/// The residue that takes the place of `parent`; `None` for a code without meaning there.
#[must_use]
pub fn decode_substitution(parent: u8, code: u8) -> Option<u8> {
    if code & LITERAL != 0 {
        return Some(code & !LITERAL).filter(|&residue| is_residue(residue));
    }
    let row = SUBSTITUTIONS.get(letter(parent)?)?;
    let upper = *row.get(usize::from(code & !OTHER_CASE))?;
    let is_lower = parent.is_ascii_lowercase() != (code & OTHER_CASE != 0);
    Some(if is_lower { upper.to_ascii_lowercase() } else { upper })
}

/// A letter's place in the alphabet.
fn letter(residue: u8) -> Option<usize> {
    residue.is_ascii_alphabetic().then(|| usize::from(residue.to_ascii_uppercase() - b'A'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_permutations() {
        for (row, letters) in SUBSTITUTIONS.iter().enumerate() {
            assert_eq!(usize::from(letters[0] - b'A'), row);
            let mut sorted = *letters;
            sorted.sort_unstable();
            assert_eq!(&sorted, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        }
    }

    #[test]
    fn every_pair_of_residues_comes_back() {
        for parent in 0x21..=0x7E {
            for residue in 0x21..=0x7E {
                assert_eq!(decode_substitution(parent, encode_substitution(parent, residue)), Some(residue));
            }
            for code in 0..=255 {
                assert!(decode_substitution(parent, code).is_none_or(is_residue));
            }
        }
        assert_eq!((decode_substitution(b'A', 26), decode_substitution(b'A', 0x80)), (None, None));
        assert_eq!((decode_substitution(b'A', 64), decode_substitution(b'*', 0)), (None, None));
    }
}
