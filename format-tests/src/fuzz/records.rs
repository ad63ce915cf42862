//! Records, layouts and options from the choices of a fuzzer.

use arbitrary::{Result, Unstructured};
use talaria_db::{Column, Compression, Order};

use super::{below, bytes, one_of};
use crate::recipe::Recipe;
use crate::text::{Oddity, Record, Style, Text};

/// Most residues of a record.
const MOST_RESIDUES: usize = 5000;

/// Letters that residues are of.
const LETTERS: [&[u8]; 6] = [
    b"ACGT",
    b"ACGU",
    b"ACDEFGHIKLMNPQRSTVWY",
    b"ACGTacgtNnRY",
    b"AC",
    b"!\"$%&'()*+,-./0123456789:<=?@AZ[\\]^_`az{|}~",
];

/// Up to `most` records: of new residues, or of those of an earlier one as they are, changed in places, cut, or turned.
pub fn records(input: &mut Unstructured<'_>, most: usize) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    while records.len() < most
        && !input.is_empty()
        && let Ok(residues) = residues(input, &records)
    {
        records.push((header(input, records.len()), residues));
    }
    records
}

fn residues(input: &mut Unstructured<'_>, earlier: &[Record]) -> Result<Vec<u8>> {
    let choice = input.arbitrary::<u8>()?;
    if earlier.is_empty() || choice % 8 < 3 {
        let letters = LETTERS[usize::from(choice >> 3) % LETTERS.len()];
        let pattern =
            bytes(input, 64).iter().map(|byte| letters[usize::from(*byte) % letters.len()]).collect::<Vec<_>>();
        let times = one_of(input, &[1, 1, 1, 2, 7, 100]);
        let mut residues = pattern.repeat(times);
        residues.truncate(MOST_RESIDUES);
        return Ok(residues);
    }
    let mut residues = earlier[below(input, earlier.len())].1.clone();
    match choice % 8 {
        3 => {}
        4 => {
            let (start, end) = (below(input, residues.len() + 1), below(input, residues.len() + 1));
            residues = residues[start.min(end)..start.max(end)].to_vec();
        }
        5 => {
            residues.reverse();
            residues.iter_mut().for_each(|residue| *residue = turned(*residue));
        }
        6 => {
            let other = &earlier[below(input, earlier.len())].1;
            residues.extend_from_slice(other);
            residues.truncate(MOST_RESIDUES);
        }
        _ => {
            for _ in 0..=below(input, 8) {
                change(input, &mut residues);
            }
        }
    }
    Ok(residues)
}

/// One residue more, less or other; or one in the other case.
fn change(input: &mut Unstructured<'_>, residues: &mut Vec<u8>) {
    let at = below(input, residues.len() + 1);
    let letter = one_of(input, b"ACGTNWKacgt*");
    match below(input, 4) {
        0 => residues.insert(at, letter),
        1 if at < residues.len() => drop(residues.remove(at)),
        2 if at < residues.len() => residues[at] ^= if residues[at].is_ascii_alphabetic() { 0x20 } else { 0 },
        _ if at < residues.len() => residues[at] = letter,
        _ => {}
    }
}

fn turned(base: u8) -> u8 {
    match base {
        b'A' => b'T',
        b'T' => b'A',
        b'C' => b'G',
        b'G' => b'C',
        other => other,
    }
}

fn header(input: &mut Unstructured<'_>, number: usize) -> Vec<u8> {
    match below(input, 8) {
        0..3 => format!("r{number}").into_bytes(),
        3 => b"twin".to_vec(),
        4 => format!("sp|P{number}.1|N{number}_X text").into_bytes(),
        5 => format!("ref|NP_{number}.2| one\x01gi|{number}|gb|P1.1| two").into_bytes(),
        6 => b"pdb|1ABC|A".to_vec(),
        _ => bytes(input, 40).iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect(),
    }
}

/// A source of some of these records.
pub fn text(input: &mut Unstructured<'_>, records: Vec<Record>) -> Text {
    let style = Style {
        preamble: one_of(input, &[&b""[..], b"\xef\xbb\xbf", b"\n \n", b"; a comment\n"]),
        width: one_of(input, &[60, 0, 1, 7, 80, 1000]),
        line_end: one_of(input, &[&b"\n"[..], b"\r\n"]),
        cut: input.arbitrary().unwrap_or(false),
    };
    let odd = |(header, residues)| {
        let oddity = one_of(input, &Oddity::ALL);
        (header, residues, oddity)
    };
    Text::new(&records.into_iter().map(odd).collect::<Vec<_>>(), &style)
}

/// Options of a build.
pub fn recipe(input: &mut Unstructured<'_>) -> Recipe {
    let codecs = [1, 9].map(Compression::Zstd);
    let codecs = [codecs[0], Compression::None, Compression::Lz4, codecs[1], Compression::Packed, Compression::Auto];
    Recipe {
        compression: one_of(input, &codecs),
        block_size: one_of(input, &[None, Some(1 << 10), Some(1 << 11), Some(1 << 14)]),
        share: input.arbitrary().unwrap_or(true),
        order: one_of(input, &Order::ALL),
        columns: one_of(input, &[&[][..], &Column::ALL, &[Column::Complexity]]),
        threads: one_of(input, &[1, 2]),
        memory: one_of(input, &[u64::MAX, 64 << 20, 16 << 20, 8 << 20, 4 << 20]),
        packed: input.arbitrary().unwrap_or(true),
        ..Recipe::PLAIN
    }
}
