//! Residues and alphabets.

use crate::error::SpecError;

/// What the residues of a record or file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Alphabet {
    /// Mixed or not known.
    #[default]
    Unknown = 0,
    /// Amino acids.
    Protein = 1,
    /// Nucleotides with `T`.
    Dna = 2,
    /// Nucleotides with `U`.
    Rna = 3,
}

impl Alphabet {
    /// From the byte on disk.
    ///
    /// # Errors
    /// H-13, if the byte is above 3.
    pub const fn from_byte(byte: u8) -> Result<Self, SpecError> {
        match byte {
            0 => Ok(Self::Unknown),
            1 => Ok(Self::Protein),
            2 => Ok(Self::Dna),
            3 => Ok(Self::Rna),
            #[expect(clippy::as_conversions, reason = "u8 to u64 loses nothing; `From` is not const")]
            _ => Err(SpecError::violation("header", "alphabet", "H-13", 92, byte as u64, 3)),
        }
    }

    /// The byte on disk.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Protein => 1,
            Self::Dna => 2,
            Self::Rna => 3,
        }
    }

    /// Whether a reverse complement has a meaning.
    #[must_use]
    pub const fn is_nucleotide(self) -> bool {
        matches!(self, Self::Dna | Self::Rna)
    }

    /// The name that commands print and take.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Protein => "protein",
            Self::Dna => "dna",
            Self::Rna => "rna",
        }
    }
}

/// Whether `byte` may be a residue: printable, no blank (`0x21` to `0x7E`).
#[must_use]
pub const fn is_residue(byte: u8) -> bool {
    matches!(byte, FIRST..=LAST)
}

/// Whether all of `bytes` may be residues; without branches, for vector instructions.
///
/// ```
/// use talaria_db_spec::alphabet::are_residues;
///
/// assert!(are_residues(b"MKV*-acgt"));
/// assert!(!are_residues(b"MK V"));
/// assert!(!are_residues(&[[b'A'; 70].as_slice(), b"\x7F", &[b'A'; 5]].concat()));
/// ```
#[must_use]
pub fn are_residues(bytes: &[u8]) -> bool {
    // How far each byte lies from the first residue; bytes before it wrap around to the far end.
    let mut farthest = [0_u8; LANES];
    let mut look_at = |lane: &[u8; LANES]| {
        for (farthest, byte) in farthest.iter_mut().zip(lane) {
            *farthest = (*farthest).max(byte.wrapping_sub(FIRST));
        }
    };
    let (lanes, rest) = bytes.as_chunks::<LANES>();
    lanes.iter().for_each(&mut look_at);
    // The last lane overlaps the one before it, which is cheaper than single bytes.
    let short = match bytes.last_chunk::<LANES>() {
        Some(lane) => {
            look_at(lane);
            true
        }
        None => rest.iter().all(|&byte| is_residue(byte)),
    };
    short && farthest.iter().all(|&farthest| farthest <= LAST - FIRST)
}

/// The first residue.
const FIRST: u8 = 0x21;
/// The last residue.
const LAST: u8 = 0x7E;
/// Bytes that are checked at once.
const LANES: usize = 32;

/// The IUPAC complement of a nucleotide; case is kept, other residues are returned as they are.
///
/// ```
/// use talaria_db_spec::alphabet::{Alphabet, complement};
///
/// assert_eq!(complement(b'A', Alphabet::Dna), b'T');
/// assert_eq!(complement(b'a', Alphabet::Rna), b'u');
/// assert_eq!(complement(b'R', Alphabet::Dna), b'Y');
/// assert_eq!(complement(b'-', Alphabet::Dna), b'-');
/// ```
#[must_use]
pub const fn complement(residue: u8, alphabet: Alphabet) -> u8 {
    let rna = matches!(alphabet, Alphabet::Rna);
    let upper = match residue.to_ascii_uppercase() {
        b'A' if rna => b'U',
        b'A' => b'T',
        b'T' | b'U' => b'A',
        b'C' => b'G',
        b'G' => b'C',
        b'R' => b'Y',
        b'Y' => b'R',
        b'K' => b'M',
        b'M' => b'K',
        b'B' => b'V',
        b'V' => b'B',
        b'D' => b'H',
        b'H' => b'D',
        other => other,
    };
    if residue.is_ascii_lowercase() { upper.to_ascii_lowercase() } else { upper }
}
