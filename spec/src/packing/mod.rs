//! Two, four or five bits a residue, and lists of runs for everything else: packings 1 to 4 and 6 of FORMAT.md, section
//! 7.
//!
//! Both directions are here, since together they define the bytes. Packing a block that is made of other letters works,
//! but pays with long lists; [`pack`] says so by returning `None` where they take too much.
//!
//! Cost: packing and unpacking go through tables, of the code of a letter, and of the letters of a byte or of eight
//! bytes' codes one by one. Whoever has something faster for letters, which is a matter of the processor and not of the
//! format, passes it to [`pack_with`] and [`unpack_with`].

mod letters;
mod runs;

use alloc::vec::Vec;

pub use self::letters::{AMBIGUOUS_DNA, AMBIGUOUS_RNA, AMINO, DNA, RNA};
use crate::alphabet::is_residue;
use crate::block::{Packing, maximum_payload};
use crate::error::SpecError;

/// Appends the payload of `residues`; `None`, and `out` as it was, if the lists would take more than a quarter of a
/// byte a residue, and 16.
///
/// ```
/// use talaria_db_spec::block::Packing;
/// use talaria_db_spec::packing::{pack, unpack};
///
/// let mut payload = Vec::new();
/// pack(b"MKVLAAGX", Packing::FiveBit, &mut payload).expect("letters");
/// assert_eq!(payload.len(), 5 + 2);
/// let mut residues = [0; 8];
/// unpack(&payload, Packing::FiveBit, &mut residues)?;
/// assert_eq!(&residues, b"MKVLAAGX");
/// # Ok::<(), talaria_db_spec::SpecError>(())
/// ```
///
/// # Panics
/// Never; a packing that is not one of residues gives `None`.
#[must_use]
pub fn pack(residues: &[u8], packing: Packing, out: &mut Vec<u8>) -> Option<()> {
    pack_with(residues, packing, out, |_, _, _| 0)
}

/// As [`pack`], with `fast` for the codes of as many residues as it likes. It gets the residues that are left, the
/// packing, and room for their codes; it fills that from the front, for a multiple of 8 residues, and returns their
/// number. It must stop before what is not a letter of the packing in either case.
///
/// # Panics
/// Never.
#[must_use]
pub fn pack_with(
    residues: &[u8],
    packing: Packing,
    out: &mut Vec<u8>,
    fast: impl FnMut(&[u8], Packing, &mut [u8]) -> usize,
) -> Option<()> {
    let start = out.len();
    // Where there is neither an exception nor a lower-case letter, which is the common case, nothing is looked at
    // letter by letter.
    let exceptions = letters::pack(residues, packing, out, fast)?;
    let limit = out.len() + residues.len() / 4 + 16;
    let exception = |residue: u8| letters::is_exception(residue, packing).then(|| residue.to_ascii_uppercase());
    let within = runs::write(residues, exceptions, out, limit, exception, true)
        && runs::write(residues, runs::lower_case(residues), out, limit, lower_case, false);
    if !within {
        out.truncate(start);
        return None;
    }
    Some(())
}

fn lower_case(residue: u8) -> Option<u8> {
    residue.is_ascii_lowercase().then_some(0)
}

/// Fills `residues` from a payload, which must be used up exactly.
///
/// # Errors
/// B-10, B-11, V-1, or B-4 for a packing that is not one of residues.
pub fn unpack(payload: &[u8], packing: Packing, residues: &mut [u8]) -> Result<(), SpecError> {
    unpack_with(payload, packing, residues, |_, _, _| 0)
}

/// As [`unpack`], with `fast` for the letters of the first residues. It gets the packed bytes and the packing, fills as
/// many residues from the front as it likes, a multiple of 8, and returns their number. Codes without a letter are
/// found by what comes after it, so it must stop before them.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_with(
    payload: &[u8],
    packing: Packing,
    residues: &mut [u8],
    fast: impl FnOnce(&[u8], Packing, &mut [u8]) -> usize,
) -> Result<(), SpecError> {
    let most = maximum_payload(u32::try_from(residues.len()).unwrap_or(u32::MAX));
    if widen(payload.len()) > most {
        return Err(SpecError::violation("block", "payload length", "B-10", 0, widen(payload.len()), most));
    }
    let Some(packed_length) = letters::packed_length(residues.len(), packing) else {
        return Err(SpecError::violation("block", "packing", "B-4", 0, packing.byte().into(), 1));
    };
    let Some((packed, mut lists)) = payload.split_at_checked(packed_length) else {
        return Err(broken("length", widen(payload.len()), widen(packed_length)));
    };
    let filled = fast(packed, packing, residues);
    letters::unpack(packed, packing, residues, filled)?;
    runs::read(&mut lists, residues, |run, lists| {
        let Some((&byte, after)) = lists.split_first() else {
            return Err(broken("exception", 0, 1));
        };
        if !is_residue(byte) || byte.is_ascii_lowercase() {
            return Err(broken("exception", byte.into(), 0x7E));
        }
        *lists = after;
        run.fill(byte);
        Ok(())
    })?;
    runs::read(&mut lists, residues, |run, _| {
        run.make_ascii_lowercase();
        Ok(())
    })?;
    if lists.is_empty() { Ok(()) } else { Err(broken("bytes left over", widen(lists.len()), 0)) }
}

fn widen(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn broken(field: &'static str, got: u64, expected: u64) -> SpecError {
    SpecError::violation("packed residues", field, "B-11", 0, got, expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn round_trip(residues: &[u8], packing: Packing) -> Vec<u8> {
        let mut payload = vec![0xEE];
        pack(residues, packing, &mut payload).unwrap();
        let mut back = vec![0; residues.len()];
        unpack(&payload[1..], packing, &mut back).unwrap();
        assert_eq!(back, residues);
        payload.split_off(1)
    }

    #[test]
    fn residues_come_back() {
        assert_eq!(round_trip(b"ACGTA", Packing::TwoBitDna), [0b1110_0100, 0, 0, 0]);
        assert_eq!(round_trip(b"ACGU", Packing::TwoBitRna), [0b1110_0100, 0, 0]);
        assert_eq!(round_trip(b"ACGTACGTacgtNNNN-*RY", Packing::TwoBitDna).len(), 5 + 1 + 5 * 3 + 1 + 2);
        let long: Vec<u8> = (0..1000).map(|index| b"ACGTNacgtn"[index / 100]).collect();
        round_trip(&long, Packing::TwoBitDna);
        assert!(pack(&b"MKVLSAGITEGHQRH".repeat(9), Packing::TwoBitDna, &mut Vec::new()).is_none());
        assert!(pack(b"ACGT", Packing::Bytes, &mut Vec::new()).is_none());
    }

    #[test]
    fn wide_codes_stand_as_the_document_says() {
        assert_eq!(round_trip(b"-ACMGRSVTWYHKDBN", Packing::FourBitDna)[..8], *b"\x10\x32\x54\x76\x98\xba\xdc\xfe");
        assert_eq!(round_trip(b"-ACMGRSVUWYHKDBN", Packing::FourBitRna)[..8], *b"\x10\x32\x54\x76\x98\xba\xdc\xfe");
        assert_eq!(round_trip(b"ACU", Packing::FourBitDna), [0x21, 0, 1, 2, 1, b'U', 0]);
        assert_eq!(round_trip(b"acn", Packing::FourBitDna), [0x21, 0x0F, 0, 1, 0, 3]);
        // A is 0, B 1, Z 25 and * 26.
        assert_eq!(round_trip(b"BABAZ*", Packing::FiveBit), [0b0000_0001, 0b0000_0100, 0b1001_0000, 0b11_0101, 0, 0]);
        let all: Vec<u8> = (0x21..0x7F).collect();
        let every =
            [Packing::TwoBitDna, Packing::TwoBitRna, Packing::FourBitDna, Packing::FourBitRna, Packing::FiveBit];
        for packing in every {
            // Among so many letters that the lists may be as long.
            let among = [&b"G".repeat(4000)[..], &all, &b"C".repeat(17)].concat();
            for length in 3990..among.len() {
                round_trip(&among[..length], packing);
            }
            assert_eq!(round_trip(b"", packing), [0, 0]);
        }
        let proteins = b"MKVLSAGITEGHQRHXBZUO*".repeat(20);
        assert_eq!(round_trip(&proteins, Packing::FiveBit).len(), (proteins.len() * 5).div_ceil(8) + 2);
    }

    #[test]
    fn what_is_filled_faster_is_kept() {
        let mut payload = Vec::new();
        pack(&b"ACGTN".repeat(10), Packing::FourBitDna, &mut payload).unwrap();
        let mut residues = [0; 50];
        let fast = |_: &[u8], _, residues: &mut [u8]| {
            residues[..16].fill(b'M');
            16
        };
        unpack_with(&payload, Packing::FourBitDna, &mut residues, fast).unwrap();
        assert_eq!((&residues[..16], &residues[16..20]), (&b"M".repeat(16)[..], &b"CGTN"[..]));
        // More than there is room for is no reason to fail in an odd way.
        unpack_with(&payload, Packing::FourBitDna, &mut residues, |_, _, _| 4096).unwrap();
    }

    // EVIDENCE: B-11
    #[test]
    fn broken_payloads_are_refused() {
        let mut residues = [0; 5];
        let mut check = |payload: &[u8]| unpack(payload, Packing::TwoBitDna, &mut residues).map_err(|e| e.rule());
        assert_eq!(check(&[0, 0, 0, 0]), Ok(()));
        assert_eq!(check(&[0]), Err("B-11"), "too short");
        assert_eq!(check(&[0, 4, 0, 0]), Err("B-11"), "unused bits");
        assert_eq!(check(&[0, 0, 0, 0, 0]), Err("B-11"), "left over");
        assert_eq!(check(&[0, 0, 1, 0, 0, b'N', 0]), Err("B-11"), "empty run");
        assert_eq!(check(&[0, 0, 1, 0, 6, b'N', 0]), Err("B-11"), "run past the end");
        assert_eq!(check(&[0, 0, 1, 6, 1, b'N', 0]), Err("B-11"), "gap past the end");
        assert_eq!(check(&[0, 0, 1, 0, 1, b'n', 0]), Err("B-11"), "lower-case exception");
        assert_eq!(check(&[0, 0, 1, 0, 1, b' ', 0]), Err("B-11"), "no residue");
        assert_eq!(check(&[0, 0, 1, 0, 1]), Err("B-11"), "no byte");
        assert_eq!(check(&[0, 0, 0, 1, 5, 1]), Err("B-11"), "lower case past the end");
        assert_eq!(check(&[0, 0, 0x80]), Err("V-1"), "varint");
        let five = |payload: &[u8]| unpack(payload, Packing::FiveBit, &mut [0; 3]).map_err(|e| e.rule());
        assert_eq!(five(&[0b0100_0000, 0b110_1011, 0, 0]), Ok(()), "A, C and *");
        assert_eq!(five(&[0b0100_0000, 0b110_1111, 0, 0]), Err("B-11"), "no letter");
        assert_eq!(five(&[0b0100_0000, 0b1110_1011, 0, 0]), Err("B-11"), "unused bits");
        let four = |payload: &[u8]| unpack(payload, Packing::FourBitDna, &mut [0; 3]).map_err(|e| e.rule());
        assert_eq!(four(&[0x21, 0x08, 0, 0]), Ok(()));
        assert_eq!(four(&[0x21, 0x18, 0, 0]), Err("B-11"), "unused bits");
    }

    // EVIDENCE: B-10
    #[test]
    fn runs_do_not_make_a_payload_longer_than_it_may_be() {
        // A run a residue: 20 exceptions, then lower case for some. A payload of 20 residues has at most 89 bytes.
        let payload = |lower: usize| {
            let exceptions = [0, 1, b'N'].repeat(20);
            [&[0; 5][..], &[20], &exceptions, &[u8::try_from(lower).unwrap()], &[0, 1].repeat(lower)].concat()
        };
        let rule = |payload: &[u8]| unpack(payload, Packing::TwoBitDna, &mut [0; 20]).map_err(|error| error.rule());
        assert_eq!((payload(11).len(), rule(&payload(11))), (89, Ok(())));
        assert_eq!((payload(12).len(), rule(&payload(12))), (91, Err("B-10")));
    }
}
