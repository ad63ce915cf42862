//! Codes of packed residues to letters and back, as many at a time as a processor has room for.
//!
//! With AVX2, and AVX-512 where that is faster, which are asked for when they are needed; without them, for the few
//! residues at the end, and around what is not a letter of a packing, the tables of the specification do. What both
//! give is the same; codes without a letter are left to the tables, which say where they are.

#[cfg(target_arch = "x86_64")]
mod pack;
#[cfg(target_arch = "x86_64")]
mod unpack;

use talaria_db_spec::block::Packing;

/// Fills codes from the front; returns of how many residues. For [`talaria_db_spec::packing::pack_with`].
pub(crate) fn pack(residues: &[u8], packing: Packing, packed: &mut [u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, and the function asks for nothing else.
        return unsafe { pack::pack(residues, packing, packed) };
    }
    let _ = (residues, packing, packed);
    0
}

/// Fills residues from the front; returns how many. For [`talaria_db_spec::packing::unpack_with`].
pub(crate) fn unpack(packed: &[u8], packing: Packing, residues: &mut [u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        let done = if packing == Packing::FiveBit { unpack_wide(packed, residues) } else { 0 };
        let packed = packed.get(done / 8 * 5..).unwrap_or_default();
        let residues = residues.get_mut(done..).unwrap_or_default();
        // SAFETY: the processor has AVX2, and the function asks for nothing else.
        return done + unsafe { unpack::unpack(packed, packing, residues) };
    }
    let _ = (packed, packing, residues);
    0
}

/// Residues of five bits, with what not all processors have that have AVX2.
#[cfg(target_arch = "x86_64")]
fn unpack_wide(packed: &[u8], residues: &mut [u8]) -> usize {
    if std::arch::is_x86_feature_detected!("avx512bw") && std::arch::is_x86_feature_detected!("avx512vbmi") {
        // SAFETY: the processor has both, and the function asks for nothing else.
        return unsafe { unpack::five_bits_wide(packed, residues) };
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use talaria_db_spec::packing;

    use super::*;

    const ALL: [Packing; 5] =
        [Packing::TwoBitDna, Packing::TwoBitRna, Packing::FourBitDna, Packing::FourBitRna, Packing::FiveBit];

    /// What the tables give, and what comes with the first residues from here.
    fn both(payload: &[u8], packing: Packing, length: usize) -> [Option<Vec<u8>>; 2] {
        let [mut plain, mut fast] = [vec![0; length], vec![0; length]];
        let plain_result = packing::unpack(payload, packing, &mut plain);
        let fast_result = packing::unpack_with(payload, packing, &mut fast, unpack);
        assert_eq!(plain_result, fast_result);
        [(plain_result, plain), (fast_result, fast)].map(|(result, residues)| result.is_ok().then_some(residues))
    }

    proptest! {
        #[test]
        fn the_same_as_by_tables(bytes in prop::collection::vec(any::<u8>(), 0..700), length in 0_usize..1200) {
            for packing in ALL {
                let needed = (length * packing.bits().unwrap()).div_ceil(8);
                let mut payload: Vec<u8> = bytes.iter().copied().cycle().take(if bytes.is_empty() { 0 } else { needed }).collect();
                if packing == Packing::FiveBit {
                    // Mostly codes that have a letter.
                    payload.iter_mut().skip(40).for_each(|byte| *byte &= 0b0101_1010);
                }
                payload.extend([0, 0]);
                let [plain, fast] = both(&payload, packing, length);
                prop_assert_eq!(plain, fast);
            }
        }

        #[test]
        fn packed_as_by_tables(letters in prop::collection::vec(0_usize..4096, 0..2000), odd in 0_usize..4096) {
            for packing in ALL {
                // Few that are not letters of the packing, and some in lower case.
                let usual: &[u8] = match packing.bits().unwrap() {
                    2 => b"ACG",
                    4 => b"-ACMGRSVWYHKDBN",
                    _ => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ*",
                };
                let residues: Vec<u8> = letters
                    .iter()
                    .map(|&number| match number {
                        _ if number < odd / 64 => 0x21 + (number % 94) as u8,
                        _ if number < odd / 4 => usual[number % usual.len()].to_ascii_lowercase(),
                        _ => usual[number % usual.len()],
                    })
                    .collect();
                let [mut plain, mut fast] = [vec![7], vec![7]];
                let results = [
                    packing::pack(&residues, packing, &mut plain),
                    packing::pack_with(&residues, packing, &mut fast, pack),
                ];
                prop_assert_eq!(results[0], results[1]);
                prop_assert_eq!(plain, fast);
            }
        }

        #[test]
        fn residues_come_back(letters in prop::collection::vec(0_usize..27, 0..2000)) {
            for packing in ALL {
                let alphabet: &[u8] = match packing.bits().unwrap() {
                    2 => b"ACG",
                    4 => b"-ACMGRSVWYHKDBN",
                    _ => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ*",
                };
                let residues: Vec<u8> = letters.iter().map(|letter| alphabet[letter % alphabet.len()]).collect();
                let mut payload = Vec::new();
                packing::pack(&residues, packing, &mut payload).unwrap();
                prop_assert_eq!(both(&payload, packing, residues.len()), [Some(residues.clone()), Some(residues)]);
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn most_is_done_at_once() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            eprintln!("skipped: this processor has no AVX2");
            return;
        }
        for packing in ALL {
            let packed = vec![0; 1000 * packing.bits().unwrap() / 8];
            assert!(unpack(&packed, packing, &mut [0; 1000]) >= 896, "{packing:?}");
            let letters = if packing == Packing::FiveBit { b"mW*" } else { b"aCG" };
            let residues: Vec<u8> = letters.iter().copied().cycle().take(1000).collect();
            assert!(pack(&residues, packing, &mut vec![0; packed.len()]) >= 896, "{packing:?}");
        }
    }
}
