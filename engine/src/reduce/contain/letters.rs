//! Residues as they are compared: letters without case.

use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::delta::reverse_complement;

/// How residues are compared.
#[derive(Debug, Clone)]
pub(super) struct Letters {
    upper: [u8; 256],
}

impl Letters {
    /// In upper case; of nucleotides, `U` as `T`. Everything else is itself: an ambiguous letter equals only itself, as
    /// an odd one does.
    pub(super) fn new(alphabet: Alphabet) -> Self {
        let mut upper = [0; 256];
        for (letter, folded) in (0..=u8::MAX).zip(&mut upper) {
            *folded = match letter.to_ascii_uppercase() {
                b'U' if alphabet.is_nucleotide() => b'T',
                other => other,
            };
        }
        Self { upper }
    }

    /// Appends `residues` to `out` as they are compared.
    pub(super) fn fold(&self, residues: &[u8], out: &mut Vec<u8>) {
        out.extend(residues.iter().map(|&residue| self.upper[usize::from(residue)]));
    }
}

/// Turns folded nucleotides into their reverse complement.
pub(super) fn turn(folded: &mut [u8]) {
    reverse_complement(folded, Alphabet::Dna);
}

/// The complement of each folded nucleotide.
pub(super) fn complements() -> [u8; 256] {
    let mut table = [0; 256];
    for (letter, complement) in (0..=u8::MAX).zip(&mut table) {
        let mut one = [letter];
        turn(&mut one);
        [*complement] = one;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay_what_they_are_but_for_case() {
        let fold = |alphabet, residues: &[u8]| {
            let mut out = Vec::new();
            Letters::new(alphabet).fold(residues, &mut out);
            out
        };
        assert_eq!(fold(Alphabet::Protein, b"MkuJo*-x"), b"MKUJO*-X");
        assert_eq!(fold(Alphabet::Rna, b"acguURyn-"), b"ACGTTRYN-");
    }

    #[test]
    fn turning_twice_is_nothing() {
        for letter in Letters::new(Alphabet::Dna).upper {
            let mut one = [letter];
            turn(&mut one);
            turn(&mut one);
            assert_eq!(one, [letter]);
        }
        let mut residues = *b"ACGTRN-";
        turn(&mut residues);
        assert_eq!(&residues, b"-NYACGT");
        assert_eq!(complements()[usize::from(b'A')], b'T');
    }
}
