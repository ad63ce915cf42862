//! Telling proteins from nucleotides, by counting residues.

use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::measures::Counts;

/// Fewer residues than this are counted in less time than it takes to add up four tables.
const FEW: usize = 1 << 10;

/// How often each byte occurs among residues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composition {
    counts: Counts,
}

impl Default for Composition {
    fn default() -> Self {
        Self { counts: [0; 256] }
    }
}

impl Composition {
    /// Counts `residues`.
    #[must_use]
    pub fn of(residues: &[u8]) -> Self {
        let mut composition = Self::default();
        if residues.len() < FEW {
            for &residue in residues {
                composition.counts[usize::from(residue)] += 1;
            }
            return composition;
        }
        // Four tables, so that equal neighbours do not wait for each other's count.
        let mut tables = [[0_u32; 256]; 4];
        for part in residues.chunks(1 << 30) {
            let (quads, rest) = part.as_chunks::<4>();
            for quad in quads {
                for (table, &residue) in tables.iter_mut().zip(quad) {
                    table[usize::from(residue)] += 1;
                }
            }
            for &residue in rest {
                tables[0][usize::from(residue)] += 1;
            }
            for table in &mut tables {
                for (total, count) in composition.counts.iter_mut().zip(table.iter_mut()) {
                    *total += u64::from(std::mem::take(count));
                }
            }
        }
        composition
    }

    /// Adds another count.
    pub fn add(&mut self, other: &Self) {
        for (total, count) in self.counts.iter_mut().zip(&other.counts) {
            *total += count;
        }
    }

    /// How often each byte occurs.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How often `residue` occurs, in exactly this case.
    #[must_use]
    pub fn count(&self, residue: u8) -> u64 {
        self.counts[usize::from(residue)]
    }

    /// How often a letter occurs in either case.
    #[must_use]
    pub fn letter(&self, letter: u8) -> u64 {
        self.count(letter.to_ascii_uppercase()) + self.count(letter.to_ascii_lowercase())
    }

    /// Residues in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What the residues are.
    ///
    /// Nucleotides, if all letters are IUPAC nucleotide codes and nine of ten are `A C G T U N`; RNA, if there is more
    /// `U` than `T`. Gaps and other signs do not count. [`Alphabet::Unknown`] without letters.
    ///
    /// ```
    /// use talaria_db::fasta::alphabet::Composition;
    /// use talaria_db::spec::alphabet::Alphabet;
    ///
    /// assert_eq!(Composition::of(b"ACGTNNRY-ACGTACGTACGTACGT").alphabet(), Alphabet::Dna);
    /// assert_eq!(Composition::of(b"acguu").alphabet(), Alphabet::Rna);
    /// assert_eq!(Composition::of(b"MKVLAAGI*").alphabet(), Alphabet::Protein);
    /// assert_eq!(Composition::of(b"--").alphabet(), Alphabet::Unknown);
    /// ```
    #[must_use]
    pub fn alphabet(&self) -> Alphabet {
        let sum = |letters: &[u8]| letters.iter().map(|&letter| self.letter(letter)).sum::<u64>();
        let letters = (b'A'..=b'Z').map(|letter| self.letter(letter)).sum::<u64>();
        let (common, ambiguous) = (sum(b"ACGTUN"), sum(b"RYSWKMBDHV"));
        if letters == 0 {
            Alphabet::Unknown
        } else if common + ambiguous < letters || common < letters - letters / 10 {
            Alphabet::Protein
        } else if self.letter(b'U') > self.letter(b'T') {
            Alphabet::Rna
        } else {
            Alphabet::Dna
        }
    }

    /// The share of `G`, `C` and `S` among `A C G T U S W`; 0 without any.
    #[must_use]
    pub fn gc(&self) -> f64 {
        let sum = |letters: &[u8]| letters.iter().map(|&letter| self.letter(letter)).sum::<u64>() as f64;
        let (strong, all) = (sum(b"GCS"), sum(b"ACGTUSW"));
        if all == 0.0 { 0.0 } else { strong / all }
    }
}
