//! Codes of the same width for the letters of a packing, one after the other from the lowest bits of the first byte on.

use alloc::vec::Vec;
use core::ops::Range;

use super::{broken, widen};
use crate::block::Packing;
use crate::error::SpecError;

/// The letters of the codes of packing 1.
pub const DNA: [u8; 4] = *b"ACGT";
/// The letters of the codes of packing 2.
pub const RNA: [u8; 4] = *b"ACGU";
/// The letters of the codes of packing 3: the nibbles of BAM, with `-` for 0.
pub const AMBIGUOUS_DNA: [u8; 16] = *b"-ACMGRSVTWYHKDBN";
/// The letters of the codes of packing 6.
pub const AMBIGUOUS_RNA: [u8; 16] = *b"-ACMGRSVUWYHKDBN";
/// The letters of the codes of packing 4; 0 stands for no letter.
pub const AMINO: [u8; 32] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZ*\0\0\0\0\0";

/// Codes are below this, and zero under exceptions.
const CODE: u8 = 0x1F;
const EXCEPTION: u8 = 0x40;

/// Residues that are packed by tables before something faster is tried again.
const GROUP: usize = 64;

/// Code of each byte in either case, or [`EXCEPTION`] for what is not among the letters.
const fn codes<const N: usize>(letters: [u8; N]) -> [u8; 256] {
    let mut table = [EXCEPTION; 256];
    let mut code = 0_u8;
    #[expect(clippy::as_conversions, reason = "u8 to usize loses nothing; `From` is not const")]
    while (code as usize) < N {
        let letter = letters[code as usize];
        if letter != 0 {
            table[letter as usize] = code;
            if letter.is_ascii_uppercase() {
                table[letter.to_ascii_lowercase() as usize] = code;
            }
        }
        code += 1;
    }
    table
}

static CODES: [[u8; 256]; 5] = [codes(DNA), codes(RNA), codes(AMBIGUOUS_DNA), codes(AMBIGUOUS_RNA), codes(AMINO)];

/// The letters of each byte of two-bit codes.
const fn quads(letters: [u8; 4]) -> [[u8; 4]; 256] {
    let mut table = [[0; 4]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [letters[byte & 3], letters[byte >> 2 & 3], letters[byte >> 4 & 3], letters[byte >> 6 & 3]];
        byte += 1;
    }
    table
}

/// The letters of each byte of four-bit codes.
const fn pairs(letters: [u8; 16]) -> [[u8; 2]; 256] {
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [letters[byte & 15], letters[byte >> 4]];
        byte += 1;
    }
    table
}

static DNA_QUADS: [[u8; 4]; 256] = quads(DNA);
static RNA_QUADS: [[u8; 4]; 256] = quads(RNA);
static DNA_PAIRS: [[u8; 2]; 256] = pairs(AMBIGUOUS_DNA);
static RNA_PAIRS: [[u8; 2]; 256] = pairs(AMBIGUOUS_RNA);

fn table(packing: Packing) -> Option<&'static [u8; 256]> {
    let [dna, rna, ambiguous_dna, ambiguous_rna, amino] = &CODES;
    match packing {
        Packing::Bytes | Packing::DeltaStreams => None,
        Packing::TwoBitDna => Some(dna),
        Packing::TwoBitRna => Some(rna),
        Packing::FourBitDna => Some(ambiguous_dna),
        Packing::FourBitRna => Some(ambiguous_rna),
        Packing::FiveBit => Some(amino),
    }
}

/// Whether a residue, in either case, is none of the packing's.
pub(super) fn is_exception(residue: u8, packing: Packing) -> bool {
    table(packing).and_then(|codes| codes.get(usize::from(residue))).is_none_or(|code| code & EXCEPTION != 0)
}

/// Bytes that the codes of so many residues take; `None` for a packing without codes.
pub(super) fn packed_length(residues: usize, packing: Packing) -> Option<usize> {
    let bits = packing.bits()?;
    Some(residues / 8 * bits + (residues % 8 * bits).div_ceil(8))
}

/// Appends the codes of `residues`, and returns the stretches that have all exceptions among them; `None` for a packing
/// without codes. `fast` is that of [`super::pack_with`].
pub(super) fn pack(
    residues: &[u8],
    packing: Packing,
    out: &mut Vec<u8>,
    mut fast: impl FnMut(&[u8], Packing, &mut [u8]) -> usize,
) -> Option<Vec<Range<usize>>> {
    let (codes, bits) = (table(packing)?, packing.bits()?);
    let start = out.len();
    out.resize(start + packed_length(residues.len(), packing)?, 0);
    let (mut rest, mut packed) = (residues, out.get_mut(start..).unwrap_or_default());
    let (mut places, mut at): (Vec<Range<usize>>, usize) = (Vec::new(), 0);
    while !rest.is_empty() {
        let done = fast(rest, packing, packed).min(rest.len()) / 8 * 8;
        rest = rest.get(done..).unwrap_or_default();
        packed = packed.get_mut(done / 8 * bits..).unwrap_or_default();
        at += done;
        let (group, after) = rest.split_at_checked(GROUP).unwrap_or((rest, &[]));
        let seen = match bits {
            2 => groups::<2, 2>(group, codes, packed),
            4 => groups::<4, 4>(group, codes, packed),
            _ => groups::<5, 5>(group, codes, packed),
        };
        if seen & EXCEPTION != 0 {
            match places.last_mut().filter(|last| last.end == at) {
                Some(last) => last.end += group.len(),
                None => places.push(at..at + group.len()),
            }
        }
        rest = after;
        packed = packed.get_mut(group.len() / 8 * bits..).unwrap_or_default();
        at += group.len();
    }
    Some(places)
}

/// Eight residues at a time, which are `BYTES` bytes of `BITS` bits each. Returns all codes over each other.
fn groups<const BITS: u32, const BYTES: usize>(residues: &[u8], codes: &[u8; 256], packed: &mut [u8]) -> u8 {
    let mut seen = 0_u8;
    let mut word = |residues: &[u8]| {
        residues.iter().rev().fold(0_u64, |word, &residue| {
            let code = codes.get(usize::from(residue)).copied().unwrap_or(EXCEPTION);
            seen |= code;
            word << BITS | u64::from(code & CODE)
        })
    };
    let (whole, rest) = residues.as_chunks::<8>();
    for (eight, to) in whole.iter().zip(packed.as_chunks_mut::<BYTES>().0) {
        to.iter_mut().zip(word(eight).to_le_bytes()).for_each(|(to, byte)| *to = byte);
    }
    let last = packed.get_mut(whole.len() * BYTES..).unwrap_or_default();
    last.iter_mut()
        .zip(word(rest).to_le_bytes())
        .take((rest.len() * BYTES).div_ceil(8))
        .for_each(|(to, byte)| *to = byte);
    seen
}

/// Fills all residues but the first `filled`, which are there already.
pub(super) fn unpack(packed: &[u8], packing: Packing, residues: &mut [u8], filled: usize) -> Result<(), SpecError> {
    let Some(bits) = packing.bits() else { return Ok(()) };
    let used = residues.len() * bits % 8;
    if let Some(&last) = packed.last().filter(|_| used != 0)
        && last >> used != 0
    {
        return Err(broken("unused bits", last.into(), 0));
    }
    let filled = filled / 8;
    let packed = packed.get(filled * bits..).unwrap_or_default();
    let residues = residues.get_mut(filled * 8..).unwrap_or_default();
    match packing {
        Packing::TwoBitDna => through(&DNA_QUADS, packed, residues),
        Packing::TwoBitRna => through(&RNA_QUADS, packed, residues),
        Packing::FourBitDna => through(&DNA_PAIRS, packed, residues),
        Packing::FourBitRna => through(&RNA_PAIRS, packed, residues),
        Packing::FiveBit => return five_bits(packed, residues),
        Packing::Bytes | Packing::DeltaStreams => {}
    }
    Ok(())
}

/// The letters of each byte through a table of them.
fn through<const N: usize>(table: &[[u8; N]; 256], packed: &[u8], residues: &mut [u8]) {
    let (whole, rest) = residues.as_chunks_mut::<N>();
    let of = |byte: u8| table.get(usize::from(byte)).copied().unwrap_or([0; N]);
    for (letters, &byte) in whole.iter_mut().zip(packed) {
        *letters = of(byte);
    }
    if let Some(&last) = packed.get(whole.len()) {
        for (residue, letter) in rest.iter_mut().zip(of(last)) {
            *residue = letter;
        }
    }
}

/// Eight residues of five bytes at a time.
fn five_bits(packed: &[u8], residues: &mut [u8]) -> Result<(), SpecError> {
    for (letters, bytes) in residues.chunks_mut(8).zip(packed.chunks(5)) {
        let mut word = [0; 8];
        word.iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
        let mut word = u64::from_le_bytes(word);
        for letter in letters {
            let code = word & u64::from(CODE);
            *letter = usize::try_from(code).ok().and_then(|code| AMINO.get(code).copied()).unwrap_or(0);
            if *letter == 0 {
                return Err(broken("code", code, widen(AMINO.iter().filter(|letter| **letter != 0).count()) - 1));
            }
            word >>= 5;
        }
    }
    Ok(())
}
