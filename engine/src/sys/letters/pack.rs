//! Letters to packed bytes, with AVX2. Each function stops before the first group with something that is no letter of
//! its packing; lower case is taken for upper case.

use std::arch::x86_64::*;

use talaria_db_spec::block::Packing;
use talaria_db_spec::packing::{AMBIGUOUS_DNA, AMBIGUOUS_RNA, DNA, RNA};
use zerocopy::transmute;

#[target_feature(enable = "avx2")]
pub(super) fn pack(residues: &[u8], packing: Packing, packed: &mut [u8]) -> usize {
    match packing {
        Packing::TwoBitDna => two_bits(residues, Letters::new(&DNA), packed),
        Packing::TwoBitRna => two_bits(residues, Letters::new(&RNA), packed),
        Packing::FourBitDna => four_bits(residues, Letters::new(&AMBIGUOUS_DNA), packed),
        Packing::FourBitRna => four_bits(residues, Letters::new(&AMBIGUOUS_RNA), packed),
        Packing::FiveBit => five_bits(residues, packed),
        Packing::Bytes | Packing::DeltaStreams => 0,
    }
}

/// Letters and their codes, by the low four bits of a letter: for those from `A` to `O`, and for those from `P` to `Z`.
struct Letters {
    early: Half,
    late: Half,
    /// Whether `-` has code 0.
    gap: bool,
}

#[derive(Clone, Copy)]
struct Half {
    letters: [u8; 16],
    codes: [u8; 16],
}

impl Letters {
    const fn new(letters: &[u8]) -> Self {
        // What no letter in upper case is.
        let empty = Half { letters: [0xFF; 16], codes: [0; 16] };
        let (mut early, mut late, mut gap) = (empty, empty, false);
        let mut code = 0;
        while code < letters.len() {
            let letter = letters[code];
            if letter == b'-' {
                gap = true;
            } else {
                let half = if letter < b'P' { &mut early } else { &mut late };
                half.letters[letter as usize & 15] = letter;
                half.codes[letter as usize & 15] = code as u8;
            }
            code += 1;
        }
        Self { early, late, gap }
    }
}

/// The tables of [`Letters`] in both halves of vectors.
struct Tables {
    early: [__m256i; 2],
    late: [__m256i; 2],
    /// All bits where `-` has a code.
    gap: __m256i,
}

impl Tables {
    #[target_feature(enable = "avx2")]
    fn new(letters: &Letters) -> Self {
        let both = |table: [u8; 16]| _mm256_broadcastsi128_si256(transmute!(table));
        Self {
            early: [both(letters.early.letters), both(letters.early.codes)],
            late: [both(letters.late.letters), both(letters.late.codes)],
            gap: _mm256_set1_epi8(if letters.gap { -1 } else { 0 }),
        }
    }

    /// The codes of 32 residues, and all bits where these are letters.
    #[target_feature(enable = "avx2")]
    fn codes(&self, residues: [u8; 32]) -> (__m256i, __m256i) {
        let residues: __m256i = transmute!(residues);
        let upper = _mm256_and_si256(residues, _mm256_set1_epi8(!0x20));
        let low = _mm256_and_si256(residues, _mm256_set1_epi8(15));
        // The letters from P on have this bit, which goes to the top of the byte.
        let late = _mm256_slli_epi16::<3>(residues);
        let look =
            |[letters, codes]: [__m256i; 2]| (_mm256_shuffle_epi8(letters, low), _mm256_shuffle_epi8(codes, low));
        let ((letters, codes), (late_letters, late_codes)) = (look(self.early), look(self.late));
        let letters = _mm256_blendv_epi8(letters, late_letters, late);
        let codes = _mm256_blendv_epi8(codes, late_codes, late);
        let gap = _mm256_and_si256(_mm256_cmpeq_epi8(residues, _mm256_set1_epi8(b'-' as i8)), self.gap);
        (_mm256_andnot_si256(gap, codes), _mm256_or_si256(_mm256_cmpeq_epi8(upper, letters), gap))
    }
}

/// 32 bytes of 128 residues.
#[target_feature(enable = "avx2")]
fn two_bits(residues: &[u8], letters: Letters, packed: &mut [u8]) -> usize {
    let tables = Tables::new(&letters);
    // Each code four times the one before it, then each pair sixteen times the one before.
    let (pairs, quads) = (_mm256_set1_epi16(0x0401), _mm256_set1_epi32(0x0010_0001));
    let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    let mut done = 0;
    for (from, to) in residues.as_chunks::<128>().0.iter().zip(packed.as_chunks_mut::<32>().0) {
        let from: [[u8; 32]; 4] = transmute!(*from);
        let [first, second, third, fourth] = from.map(|part| tables.codes(part));
        let all = _mm256_and_si256(_mm256_and_si256(first.1, second.1), _mm256_and_si256(third.1, fourth.1));
        if _mm256_movemask_epi8(all) != -1 {
            break;
        }
        let bytes = |codes| _mm256_madd_epi16(_mm256_maddubs_epi16(codes, pairs), quads);
        let front = _mm256_packus_epi32(bytes(first.0), bytes(second.0));
        let back = _mm256_packus_epi32(bytes(third.0), bytes(fourth.0));
        // Packed within each half, so four bytes of each vector lie apart.
        *to = transmute!(_mm256_permutevar8x32_epi32(_mm256_packus_epi16(front, back), order));
        done += 128;
    }
    done
}

/// 32 bytes of 64 residues.
#[target_feature(enable = "avx2")]
fn four_bits(residues: &[u8], letters: Letters, packed: &mut [u8]) -> usize {
    let tables = Tables::new(&letters);
    let pairs = _mm256_set1_epi16(0x1001);
    let mut done = 0;
    for (from, to) in residues.as_chunks::<64>().0.iter().zip(packed.as_chunks_mut::<32>().0) {
        let from: [[u8; 32]; 2] = transmute!(*from);
        let [front, back] = from.map(|part| tables.codes(part));
        if _mm256_movemask_epi8(_mm256_and_si256(front.1, back.1)) != -1 {
            break;
        }
        let bytes = |codes| _mm256_maddubs_epi16(codes, pairs);
        let halves = _mm256_packus_epi16(bytes(front.0), bytes(back.0));
        *to = transmute!(_mm256_permute4x64_epi64::<0b11_01_10_00>(halves));
        done += 64;
    }
    done
}

/// 20 bytes of 32 residues, ten of each half. Six bytes more are written over, which the next residues fill.
#[target_feature(enable = "avx2")]
fn five_bits(residues: &[u8], packed: &mut [u8]) -> usize {
    let (pairs, quads) = (_mm256_set1_epi16(0x2001), _mm256_set1_epi32(0x0400_0001));
    let (low, star) = (_mm256_set1_epi64x(0xFFFF_FFFF), _mm256_set1_epi8(b'*' as i8));
    // The first five bytes of each eight.
    let five: [i8; 16] = [0, 1, 2, 3, 4, 8, 9, 10, 11, 12, -1, -1, -1, -1, -1, -1];
    let five = _mm256_broadcastsi128_si256(transmute!(five));
    let mut done = 0;
    for &from in residues.as_chunks::<32>().0 {
        let Some(to) = packed.get_mut(done / 8 * 5..).and_then(<[u8]>::first_chunk_mut::<26>) else { break };
        let from: __m256i = transmute!(from);
        let upper = _mm256_and_si256(from, _mm256_set1_epi8(!0x20));
        let code = _mm256_sub_epi8(upper, _mm256_set1_epi8(b'A' as i8));
        let letter = _mm256_cmpeq_epi8(_mm256_min_epu8(code, _mm256_set1_epi8(25)), code);
        let is_star = _mm256_cmpeq_epi8(from, star);
        if _mm256_movemask_epi8(_mm256_or_si256(letter, is_star)) != -1 {
            break;
        }
        let code = _mm256_blendv_epi8(code, _mm256_set1_epi8(26), is_star);
        let quads = _mm256_madd_epi16(_mm256_maddubs_epi16(code, pairs), quads);
        // 20 bits in each 32: the upper ones go next to the lower ones.
        let eights =
            _mm256_or_si256(_mm256_and_si256(quads, low), _mm256_srli_epi64::<12>(_mm256_andnot_si256(low, quads)));
        let halves: [[u8; 16]; 2] = transmute!(_mm256_shuffle_epi8(eights, five));
        to[..16].copy_from_slice(&halves[0]);
        to[10..].copy_from_slice(&halves[1]);
        done += 32;
    }
    done
}
