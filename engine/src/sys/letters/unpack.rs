//! Packed bytes to letters, with AVX2, and those of proteins with AVX-512.

use std::arch::x86_64::*;

use talaria_db_spec::block::Packing;
use talaria_db_spec::packing::{AMBIGUOUS_DNA, AMBIGUOUS_RNA, AMINO, DNA, RNA};
use zerocopy::transmute;

#[target_feature(enable = "avx2")]
pub(super) fn unpack(packed: &[u8], packing: Packing, residues: &mut [u8]) -> usize {
    match packing {
        Packing::TwoBitDna => two_bits(packed, DNA, residues),
        Packing::TwoBitRna => two_bits(packed, RNA, residues),
        Packing::FourBitDna => four_bits(packed, AMBIGUOUS_DNA, residues),
        Packing::FourBitRna => four_bits(packed, AMBIGUOUS_RNA, residues),
        Packing::FiveBit => five_bits(packed, residues),
        Packing::Bytes | Packing::DeltaStreams => 0,
    }
}

/// A table of sixteen letters in both halves of a vector.
#[target_feature(enable = "avx2")]
fn table(letters: [u8; 16]) -> __m256i {
    _mm256_broadcastsi128_si256(transmute!(letters))
}

/// The low and the high four bits of each byte.
#[target_feature(enable = "avx2")]
fn nibbles(bytes: __m256i) -> (__m256i, __m256i) {
    let mask = _mm256_set1_epi8(15);
    (_mm256_and_si256(bytes, mask), _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), mask))
}

/// 128 residues of 32 bytes.
#[target_feature(enable = "avx2")]
fn two_bits(packed: &[u8], letters: [u8; 4], residues: &mut [u8]) -> usize {
    // Of four bits the letters of the lower and of the higher two.
    let lower = table(std::array::from_fn(|nibble| letters[nibble & 3]));
    let higher = table(std::array::from_fn(|nibble| letters[nibble >> 2]));
    let (to, from) = (residues.as_chunks_mut::<128>().0, packed.as_chunks::<32>().0);
    for (to, &from) in to.iter_mut().zip(from) {
        let (low, high) = nibbles(transmute!(from));
        let (first, second) = (_mm256_shuffle_epi8(lower, low), _mm256_shuffle_epi8(higher, low));
        let (third, fourth) = (_mm256_shuffle_epi8(lower, high), _mm256_shuffle_epi8(higher, high));
        // Interleaved they are in order within each half.
        let (front, back) = (_mm256_unpacklo_epi8(first, second), _mm256_unpackhi_epi8(first, second));
        let (front_after, back_after) = (_mm256_unpacklo_epi8(third, fourth), _mm256_unpackhi_epi8(third, fourth));
        let quarters = [
            _mm256_unpacklo_epi16(front, front_after),
            _mm256_unpackhi_epi16(front, front_after),
            _mm256_unpacklo_epi16(back, back_after),
            _mm256_unpackhi_epi16(back, back_after),
        ];
        *to = transmute!([
            _mm256_permute2x128_si256::<0x20>(quarters[0], quarters[1]),
            _mm256_permute2x128_si256::<0x20>(quarters[2], quarters[3]),
            _mm256_permute2x128_si256::<0x31>(quarters[0], quarters[1]),
            _mm256_permute2x128_si256::<0x31>(quarters[2], quarters[3]),
        ]);
    }
    128 * to.len().min(from.len())
}

/// 64 residues of 32 bytes.
#[target_feature(enable = "avx2")]
fn four_bits(packed: &[u8], letters: [u8; 16], residues: &mut [u8]) -> usize {
    let letters = table(letters);
    let (to, from) = (residues.as_chunks_mut::<64>().0, packed.as_chunks::<32>().0);
    for (to, &from) in to.iter_mut().zip(from) {
        let (low, high) = nibbles(transmute!(from));
        let (first, second) = (_mm256_shuffle_epi8(letters, low), _mm256_shuffle_epi8(letters, high));
        let (front, back) = (_mm256_unpacklo_epi8(first, second), _mm256_unpackhi_epi8(first, second));
        *to = transmute!([
            _mm256_permute2x128_si256::<0x20>(front, back),
            _mm256_permute2x128_si256::<0x31>(front, back),
        ]);
    }
    64 * to.len().min(from.len())
}

/// Codes of eight residues in each half: each from the two bytes that it lies in, turned so that it ends up at the
/// top.
#[target_feature(enable = "avx2")]
fn eight(from: __m256i, bytes: __m256i, shift: __m256i) -> __m256i {
    _mm256_srli_epi16::<11>(_mm256_mullo_epi16(_mm256_shuffle_epi8(from, bytes), shift))
}

/// 32 residues of 20 bytes, ten in each half. Six bytes more are looked at.
#[target_feature(enable = "avx2")]
fn five_bits(packed: &[u8], residues: &mut [u8]) -> usize {
    // Eight residues are in five bytes; each is in the sixteen bits from byte 5 i / 8 on.
    let bytes = |first: usize| table(std::array::from_fn(|index| (first + index / 2 * 5 / 8 + index % 2) as u8));
    let shift: __m128i = transmute!(std::array::from_fn::<u16, 8, _>(|index| 1 << (11 - index * 5 % 8)));
    let (front, back, shift) = (bytes(0), bytes(5), _mm256_broadcastsi128_si256(shift));
    let (last, star) = (_mm256_set1_epi8(26), _mm256_set1_epi8(b'*' as i8));
    let mut done = 0;
    for to in residues.as_chunks_mut::<32>().0 {
        let Some(from) = packed.get(done / 8 * 5..).and_then(<[u8]>::first_chunk::<26>) else { break };
        let (Some(&low), Some(&high)) = (from.first_chunk::<16>(), from.last_chunk::<16>()) else { break };
        let from = _mm256_set_m128i(transmute!(high), transmute!(low));
        let codes = _mm256_packus_epi16(eight(from, front, shift), eight(from, back, shift));
        if _mm256_movemask_epi8(_mm256_cmpgt_epi8(codes, last)) != 0 {
            break;
        }
        let letters = _mm256_add_epi8(codes, _mm256_set1_epi8(b'A' as i8));
        *to = transmute!(_mm256_blendv_epi8(letters, star, _mm256_cmpeq_epi8(codes, last)));
        done += 32;
    }
    done
}

/// 64 residues of 40 bytes. 24 bytes more are looked at.
#[target_feature(enable = "avx512bw,avx512vbmi")]
pub(super) fn five_bits_wide(packed: &[u8], residues: &mut [u8]) -> usize {
    // Eight residues are in five bytes, which go to eight of their own; from there each takes the byte that starts with
    // its bits. Of that byte the sixth bit is another's and the rest is not looked at, so the table is there twice.
    let five: __m512i = transmute!(std::array::from_fn::<u8, 64, _>(|index| (index / 8 * 5 + index % 8 % 5) as u8));
    let bits: __m512i = transmute!(std::array::from_fn::<u8, 64, _>(|index| (index % 8 * 5) as u8));
    let letters: __m512i = transmute!([AMINO, AMINO]);
    let mut done = 0;
    for to in residues.as_chunks_mut::<64>().0 {
        let Some(&from) = packed.get(done / 8 * 5..).and_then(<[u8]>::first_chunk::<64>) else { break };
        let codes = _mm512_multishift_epi64_epi8(bits, _mm512_permutexvar_epi8(five, transmute!(from)));
        let found = _mm512_permutexvar_epi8(codes, letters);
        if _mm512_testn_epi8_mask(found, found) != 0 {
            break;
        }
        *to = transmute!(found);
        done += 64;
    }
    done
}
