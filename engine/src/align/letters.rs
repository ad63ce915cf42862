//! Residues as an aligner sees them: letters without case.

use super::Scoring;

/// Residues as an aligner sees them, into `out`: upper-case letters. Of proteins, the rare `U`, `O` and `J` are what
/// they are nearest to, `C`, `K` and `L`; of RNA, `U` is `T`. Whatever is no letter, or no nucleotide, is the unknown
/// residue, `X` or `N`, which equals nothing.
pub fn fold(residues: &[u8], scoring: Scoring, out: &mut Vec<u8>) {
    let table = match scoring {
        Scoring::Protein => &PROTEIN,
        Scoring::Nucleotide => &NUCLEOTIDE,
    };
    out.extend(residues.iter().map(|&residue| table[usize::from(residue)]));
}

/// The reverse complement of folded nucleotides, into `out`.
pub fn reverse_complement(folded: &[u8], out: &mut Vec<u8>) {
    out.extend(folded.iter().rev().map(|&base| match base {
        b'A' => b'T',
        b'C' => b'G',
        b'G' => b'C',
        b'T' => b'A',
        other => other,
    }));
}

const PROTEIN: [u8; 256] = {
    let mut table = [b'X'; 256];
    let mut letter = b'A';
    while letter <= b'Z' {
        table[letter as usize] = letter;
        table[letter.to_ascii_lowercase() as usize] = letter;
        letter += 1;
    }
    let (from, to) = (*b"UOJuoj", *b"CKLCKL");
    let mut at = 0;
    while at < from.len() {
        table[from[at] as usize] = to[at];
        at += 1;
    }
    table
};

const NUCLEOTIDE: [u8; 256] = {
    let mut table = [b'N'; 256];
    let (from, to) = (*b"ACGTUacgtu", *b"ACGTTACGTT");
    let mut at = 0;
    while at < from.len() {
        table[from[at] as usize] = to[at];
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_goes_and_odd_letters_are_unknown() {
        let mut out = Vec::new();
        fold(b"MkvX*-zUo", Scoring::Protein, &mut out);
        assert_eq!(out, b"MKVXXXZCK");
        out.clear();
        fold(b"acgURYn-", Scoring::Nucleotide, &mut out);
        assert_eq!(out, b"ACGTNNNN");
        let mut reverse = Vec::new();
        reverse_complement(&out, &mut reverse);
        assert_eq!(reverse, b"NNNNACGT");
    }
}
