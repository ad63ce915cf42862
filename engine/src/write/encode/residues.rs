//! Residues: how many bits each, and whether a codec pays.
//!
//! A codec finds repeats of bytes. Of bases that are packed to two bits only one repeat in four is at a place where it
//! shows, of those packed to four bits every other one; but what does not repeat is shorter, and packed bases are coded
//! and decoded faster. So the choice is between three forms of a block of bases, each tried only where the one before
//! repeats. Of other letters Zstandard takes about half by how frequent they are, five bits take five eighths.

use talaria_db_spec::block::{Codec, Packing};
use talaria_db_spec::packing;

use super::{Compression, EncodedBlock, compress, encode_bytes, finish};
use crate::error::Result;
use crate::fasta::alphabet::Composition;
use crate::sys::letters::pack;

/// The level from which on blocks are tried as bytes where they repeat at all, and not with four bits: what is found in
/// bytes is far more then.
const THOROUGH_LEVEL: i32 = 10;

/// What most of a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    Dna,
    Rna,
    Other,
}

impl Letters {
    /// Nine in ten are bases, or it is something else.
    fn of(composition: &Composition) -> Self {
        let count = |letters: &[u8]| letters.iter().map(|&letter| composition.letter(letter)).sum::<u64>();
        let (thymine, uracil) = (count(b"T"), count(b"U"));
        match (count(b"ACGN") + thymine + uracil) * 10 < composition.total() * 9 {
            true => Self::Other,
            false if uracil > thymine => Self::Rna,
            false => Self::Dna,
        }
    }

    const fn two_bits(self) -> Packing {
        match self {
            Self::Dna => Packing::TwoBitDna,
            Self::Rna => Packing::TwoBitRna,
            Self::Other => Packing::Bytes,
        }
    }

    const fn four_bits(self) -> Packing {
        match self {
            Self::Dna => Packing::FourBitDna,
            Self::Rna => Packing::FourBitRna,
            Self::Other => Packing::Bytes,
        }
    }
}

/// Encodes residues, of which `composition` is the count.
///
/// * Bases are packed to two bits; a codec is used if it takes off a 32nd at least.
/// * Bases with so many exceptions that they take more than half are packed to four bits, if that is shorter.
/// * If a codec takes off an eighth of what two bits leave, and is Zstandard below level 10, four bits are tried. They
///   are taken if they are shorter by an eighth.
/// * If it takes off three eighths (an eighth from level 10 on), bytes are tried, in the same way.
/// * Other letters are bytes; with [`Compression::Packed`] and [`Compression::Auto`] five bits each, as those say.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) if the codec fails, which it does for want of memory only.
pub fn encode_residues(residues: &[u8], composition: &Composition, compression: Compression) -> Result<EncodedBlock> {
    let letters = Letters::of(composition);
    match compression {
        Compression::Packed => packed(residues, letters),
        Compression::Auto => {
            let (packed, compressed) = (packed(residues, letters)?, compressed(residues, letters, compression)?);
            Ok(if is_shorter(&compressed, &packed) { compressed } else { packed })
        }
        Compression::None | Compression::Lz4 | Compression::Zstd(_) => compressed(residues, letters, compression),
    }
}

/// By an eighth at least.
fn is_shorter(block: &EncodedBlock, than: &EncodedBlock) -> bool {
    block.stored.len() < than.stored.len() - than.stored.len() / 8
}

/// The first of two, four, five and eight bits that does, which is the shortest.
fn packed(residues: &[u8], letters: Letters) -> Result<EncodedBlock> {
    let packings = match letters {
        Letters::Other => &[Packing::FiveBit][..],
        bases => &[bases.two_bits(), bases.four_bits(), Packing::FiveBit],
    };
    for &packing in packings {
        if let Some(payload) = payload(residues, packing) {
            return Ok(finish(payload, residues.len(), Codec::None, packing, 0));
        }
    }
    encode_bytes(residues, Compression::None, None)
}

/// What compresses best of what is worth a try.
fn compressed(residues: &[u8], letters: Letters, compression: Compression) -> Result<EncodedBlock> {
    let thorough = compression.level().is_some_and(|level| level >= THOROUGH_LEVEL);
    let tries_four_bits = compression.level().is_some() && !thorough;
    let Some(two_bits) = payload(residues, letters.two_bits()) else {
        let bytes = encode_bytes(residues, compression, None)?;
        return match payload(residues, letters.four_bits()).filter(|_| tries_four_bits) {
            None => Ok(bytes),
            Some(payload) => {
                let packed = encode_payload(payload, residues.len(), letters.four_bits(), compression)?;
                Ok(if packed.stored.len() < bytes.stored.len() { packed } else { bytes })
            }
        };
    };
    let packed = two_bits.len();
    let mut best = encode_payload(two_bits, residues.len(), letters.two_bits(), compression)?;
    let saved = packed.saturating_sub(best.stored.len());
    if tries_four_bits
        && saved > packed / 8
        && let Some(payload) = payload(residues, letters.four_bits())
    {
        let four_bits = encode_payload(payload, residues.len(), letters.four_bits(), compression)?;
        if is_shorter(&four_bits, &best) {
            best = four_bits;
        }
    }
    if best.codec != Codec::None && saved > packed / 8 * if thorough { 1 } else { 3 } {
        let bytes = encode_bytes(residues, compression, None)?;
        if is_shorter(&bytes, &best) {
            best = bytes;
        }
    }
    Ok(best)
}

/// `None` where the packing does not suit, or is none.
fn payload(residues: &[u8], packing: Packing) -> Option<Vec<u8>> {
    let bits = packing.bits()?;
    let mut payload = Vec::with_capacity(residues.len() / 8 * bits + 64);
    packing::pack_with(residues, packing, &mut payload, pack)?;
    Some(payload)
}

/// A packed block, compressed if that takes off a 32nd: it is decoded at the speed of memory as it is, and a codec that
/// takes off next to nothing is not worth its time.
fn encode_payload(
    payload: Vec<u8>,
    residues: usize,
    packing: Packing,
    compression: Compression,
) -> Result<EncodedBlock> {
    let mut stored = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    let codec = compress(&payload, compression, None, &mut stored)?;
    let pays = codec != Codec::None && stored.len() < payload.len() - payload.len() / 32;
    let (codec, stored) = if pays { (codec, stored) } else { (Codec::None, payload) };
    Ok(finish(stored, residues, codec, packing, 0))
}

#[cfg(test)]
mod tests {
    use zerocopy::little_endian::{U16, U32};
    use zerocopy::{FromZeros, IntoBytes};

    use super::*;
    use crate::read::block;

    fn bases(count: usize, seed: &mut u64) -> Vec<u8> {
        let mut base = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b"ACGT"[(*seed >> 62) as usize]
        };
        (0..count).map(|_| base()).collect()
    }

    /// How it is packed, once it has come back.
    fn packing(residues: &[u8], compression: Compression) -> (Packing, Codec) {
        let encoded = encode_residues(residues, &Composition::of(residues), compression).unwrap();
        let mut entry = talaria_db_spec::block::BlockEntry::new_zeroed();
        entry.stored_length = U32::new(encoded.stored.len() as u32);
        entry.decoded_length = U32::new(encoded.decoded_length);
        entry.checksum = U32::new(encoded.checksum);
        (entry.codec, entry.packing) = (encoded.codec.byte(), encoded.packing.byte());
        entry.dictionary = U16::new(encoded.dictionary);
        assert_eq!(entry.as_bytes().len(), 32);
        let place = block::Place { path: "".as_ref(), stream: "sequence", block: 0 };
        assert!(block::decode(&entry, &encoded.stored, None, place).unwrap() == residues);
        (encoded.packing, encoded.codec)
    }

    #[test]
    fn bases_that_repeat_are_packed_less() {
        let mut seed = 7;
        let alone = bases(64 << 10, &mut seed);
        let (gene, mut family) = (bases(1500, &mut seed), Vec::new());
        for copy in 0..40 {
            // Each is a base longer than the one before, so that repeats are at all places.
            family.extend_from_slice(&gene[..700]);
            family.extend(bases(copy, &mut seed));
            family.extend_from_slice(&gene[700..]);
        }
        for level in [1, 3, 19] {
            assert_eq!(packing(&alone, Compression::Zstd(level)), (Packing::TwoBitDna, Codec::None), "{level}");
        }
        for compression in [Compression::Zstd(1), Compression::Auto, Compression::Zstd(19)] {
            assert_eq!(packing(&family, compression), (Packing::Bytes, Codec::Zstd), "{compression}");
        }
        assert_eq!(packing(&family, Compression::Zstd(3)), (Packing::FourBitDna, Codec::Zstd));
        for compression in [Compression::None, Compression::Packed] {
            assert_eq!(packing(&family, compression), (Packing::TwoBitDna, Codec::None), "{compression}");
        }
        // The same places every time: packed ones repeat too.
        let repeated = gene[..1024].repeat(40);
        assert_eq!(packing(&repeated, Compression::Lz4), (Packing::TwoBitDna, Codec::Lz4));
        let rna = family.iter().map(|&base| if base == b'T' { b'U' } else { base }).collect::<Vec<_>>();
        assert_eq!(packing(&rna, Compression::Zstd(3)), (Packing::FourBitRna, Codec::Zstd));
    }

    #[test]
    fn many_exceptions_take_four_bits() {
        let mut seed = 8;
        let mut ambiguous = bases(16 << 10, &mut seed);
        ambiguous.iter_mut().step_by(11).for_each(|base| *base = b'R');
        assert_eq!(packing(&ambiguous, Compression::Packed), (Packing::FourBitDna, Codec::None));
        assert_eq!(packing(&ambiguous, Compression::None), (Packing::Bytes, Codec::None));
        // And what is nothing but lists takes a byte.
        let mixed: Vec<u8> = ambiguous.chunks(2).flat_map(|two| [two[0].to_ascii_lowercase(), two[1]]).collect();
        assert_eq!(packing(&mixed, Compression::Packed), (Packing::Bytes, Codec::None));
    }

    #[test]
    fn other_letters_take_five_bits_where_zstandard_takes_more() {
        let mut seed = 9;
        let letters = |count: usize, alphabet: &[u8], seed: &mut u64| -> Vec<u8> {
            bases(4 * count, seed)
                .chunks(4)
                .map(|four| {
                    let number = four.iter().fold(0_usize, |number, base| number * 4 + usize::from(base >> 1 & 3));
                    alphabet[number % alphabet.len()]
                })
                .collect()
        };
        let all = letters(16 << 10, b"ACDEFGHIKLMNPQRSTVWYBZXUO*J", &mut seed);
        let few = letters(16 << 10, b"MKVLQP", &mut seed);
        assert_eq!(packing(&all, Compression::Packed), (Packing::FiveBit, Codec::None));
        assert_eq!(packing(&all, Compression::Auto), (Packing::FiveBit, Codec::None));
        assert_eq!(packing(&few, Compression::Packed), (Packing::FiveBit, Codec::None));
        assert_eq!(packing(&few, Compression::Auto), (Packing::Bytes, Codec::Zstd));
        assert_eq!(packing(&all, Compression::None), (Packing::Bytes, Codec::None));
    }
}
