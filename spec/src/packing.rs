//! Two bits a base, and lists of runs for everything else: packings 1 and 2 of FORMAT.md, section 7.
//!
//! Both directions are here, since together they define the bytes. Packing a block that is not made of nucleotides works, but pays
//! with long lists; [`pack`] says so by returning `None` when the payload would be longer than half of them.
//!
//! Cost: unpacking reads a byte for four residues through a table of 256 words.

use alloc::vec::Vec;

use crate::alphabet::is_residue;
use crate::block::{Packing, maximum_payload};
use crate::error::SpecError;
use crate::varint;

const DNA: [u8; 4] = *b"ACGT";
const RNA: [u8; 4] = *b"ACGU";

/// Code of each byte for the letters `A C G` and `T` or `U`; [`EXCEPTION`] for the rest.
const fn codes(letters: [u8; 4]) -> [u8; 256] {
    let mut table = [EXCEPTION; 256];
    let mut code = 0_u8;
    #[expect(clippy::as_conversions, reason = "u8 to usize loses nothing; `From` is not const")]
    while code < 4 {
        let letter = letters[code as usize];
        table[letter as usize] = code;
        table[letter.to_ascii_lowercase() as usize] = code;
        code += 1;
    }
    table
}

const EXCEPTION: u8 = 4;
static DNA_CODES: [u8; 256] = codes(DNA);
static RNA_CODES: [u8; 256] = codes(RNA);

/// The four letters of each byte.
const fn quads(letters: [u8; 4]) -> [[u8; 4]; 256] {
    let mut table = [[0; 4]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [letters[byte & 3], letters[byte >> 2 & 3], letters[byte >> 4 & 3], letters[byte >> 6 & 3]];
        byte += 1;
    }
    table
}

static DNA_QUADS: [[u8; 4]; 256] = quads(DNA);
static RNA_QUADS: [[u8; 4]; 256] = quads(RNA);

/// Appends the payload of `residues`; `None`, and `out` as it was, if it would be longer than half of them and 16.
///
/// # Panics
/// Never; a packing that is not one of two bits gives `None`.
#[must_use]
pub fn pack(residues: &[u8], packing: Packing, out: &mut Vec<u8>) -> Option<()> {
    let codes = match packing {
        Packing::Bytes | Packing::DeltaStreams => return None,
        Packing::TwoBitDna => &DNA_CODES,
        Packing::TwoBitRna => &RNA_CODES,
    };
    let start = out.len();
    let code = |residue: u8| codes.get(usize::from(residue)).copied().unwrap_or(EXCEPTION);
    let mut odd = 0_u8;
    for quad in residues.chunks(4) {
        let mut byte = 0_u8;
        for (index, &residue) in quad.iter().enumerate() {
            let code = code(residue);
            odd |= code | residue & 0x20;
            byte |= (code & 3) << (2 * index);
        }
        out.push(byte);
    }
    // Neither an exception (code 4) nor a lower-case letter (bit 0x20): the common case needs no second pass.
    if odd & (EXCEPTION | 0x20) == 0 {
        out.extend_from_slice(&[0, 0]);
        return Some(());
    }
    let limit = start + residues.len() / 2 + 16;
    let exception = |residue: u8| (code(residue) == EXCEPTION).then(|| residue.to_ascii_uppercase());
    let within = write_runs(residues, out, limit, exception, true)
        && write_runs(residues, out, limit, |residue| residue.is_ascii_lowercase().then_some(0), false);
    if !within {
        out.truncate(start);
        return None;
    }
    Some(())
}

/// Writes the maximal runs for which `class` is the same `Some`. Gives up, returning `false`, once `out` is longer than `limit`.
fn write_runs(
    residues: &[u8],
    out: &mut Vec<u8>,
    limit: usize,
    class: impl Fn(u8) -> Option<u8>,
    with_byte: bool,
) -> bool {
    let mut list = Vec::new();
    let mut runs = 0_u64;
    let mut end_before = 0;
    let mut position = 0;
    for group in residues.chunk_by(|&left, &right| class(left) == class(right)) {
        let start = position;
        position += group.len();
        let Some(byte) = group.first().and_then(|&residue| class(residue)) else { continue };
        varint::write(&mut list, widen(start - end_before));
        varint::write(&mut list, widen(group.len()));
        if with_byte {
            list.push(byte);
        }
        runs += 1;
        end_before = position;
        if out.len() + list.len() > limit {
            return false;
        }
    }
    varint::write(out, runs);
    out.extend_from_slice(&list);
    true
}

/// Fills `residues` from a payload, which must be used up exactly.
///
/// # Errors
/// B-10, B-11, V-1, or B-4 for a packing that is not one of two bits.
pub fn unpack(payload: &[u8], packing: Packing, residues: &mut [u8]) -> Result<(), SpecError> {
    let quads = match packing {
        Packing::Bytes | Packing::DeltaStreams => {
            return Err(SpecError::violation("block", "packing", "B-4", 0, 0, 1));
        }
        Packing::TwoBitDna => &DNA_QUADS,
        Packing::TwoBitRna => &RNA_QUADS,
    };
    let most = maximum_payload(u32::try_from(residues.len()).unwrap_or(u32::MAX));
    if widen(payload.len()) > most {
        return Err(SpecError::violation("block", "payload length", "B-10", 0, widen(payload.len()), most));
    }
    let packed_length = residues.len().div_ceil(4);
    let Some((packed, mut lists)) = payload.split_at_checked(packed_length) else {
        return Err(broken("length", widen(payload.len()), widen(packed_length)));
    };
    let (whole, rest) = residues.as_chunks_mut::<4>();
    for (four, &byte) in whole.iter_mut().zip(packed) {
        *four = quads[usize::from(byte)];
    }
    if let Some(&last) = packed.last().filter(|_| !rest.is_empty()) {
        if u32::from(last) >> (2 * rest.len()) != 0 {
            return Err(broken("unused bits", last.into(), 0));
        }
        for (residue, &letter) in rest.iter_mut().zip(&quads[usize::from(last)]) {
            *residue = letter;
        }
    }
    read_runs(&mut lists, residues, |run, lists| {
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
    read_runs(&mut lists, residues, |run, _| {
        run.make_ascii_lowercase();
        Ok(())
    })?;
    if lists.is_empty() { Ok(()) } else { Err(broken("bytes left over", widen(lists.len()), 0)) }
}

fn read_runs(
    lists: &mut &[u8],
    residues: &mut [u8],
    mut apply: impl FnMut(&mut [u8], &mut &[u8]) -> Result<(), SpecError>,
) -> Result<(), SpecError> {
    let runs = varint::read(lists)?;
    let mut rest = residues;
    for _ in 0..runs {
        let gap = varint::read(lists)?;
        let length = varint::read(lists)?;
        let left = widen(rest.len());
        let cut = |count: u64| usize::try_from(count).map_err(|_| broken("run", count, left));
        let after_gap = rest.split_at_mut_checked(cut(gap)?).ok_or_else(|| broken("gap", gap, left))?.1;
        if length == 0 {
            return Err(broken("run", 0, 1));
        }
        let (run, after) = after_gap.split_at_mut_checked(cut(length)?).ok_or_else(|| broken("run", length, left))?;
        apply(run, lists)?;
        rest = after;
    }
    Ok(())
}

fn widen(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn broken(field: &'static str, got: u64, expected: u64) -> SpecError {
    SpecError::violation("two-bit payload", field, "B-11", 0, got, expected)
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
