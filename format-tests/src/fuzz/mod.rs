//! The bodies of the fuzz targets: each takes any bytes, and panics if it finds a fault.
//!
//! `format-tests/fuzz` calls them from libFuzzer, `tests/fuzz_corpus.rs` with the inputs that are stored in
//! `fixtures/fuzz`. An input is a list of choices, read by [`arbitrary`]; where it runs out, all choices are the first.

use arbitrary::Unstructured;

pub mod delta;
pub mod fasta;
pub mod open;
pub mod records;
pub mod reduce;
pub mod round_trip;
pub mod spill;
pub mod stage;

/// A target's name, which is that of its folder in `fixtures/fuzz` and of its program, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 7] = [
    ("delta", delta::run),
    ("fasta", fasta::run),
    ("open", open::run),
    ("reduce", reduce::run),
    ("round_trip", round_trip::run),
    ("spill", spill::run),
    ("stage", stage::run),
];

/// A number below `count`; 0 where the input has run out.
fn below(input: &mut Unstructured<'_>, count: usize) -> usize {
    input.int_in_range(0..=count.saturating_sub(1)).unwrap_or(0)
}

/// One of `items`; the first where the input has run out.
fn one_of<T: Copy>(input: &mut Unstructured<'_>, items: &[T]) -> T {
    items[below(input, items.len())]
}

/// Up to `most` of the bytes that follow.
fn bytes<'a>(input: &mut Unstructured<'a>, most: usize) -> &'a [u8] {
    let count = below(input, most + 1).min(input.len());
    input.bytes(count).unwrap_or_default()
}

/// All the bytes that follow.
fn rest<'a>(input: &mut Unstructured<'a>) -> &'a [u8] {
    input.bytes(input.len()).unwrap_or_default()
}

/// A number that is likely to hurt, as its bytes.
fn value(input: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let edges = [0, 1, u64::MAX, i64::MAX as u64, 1 << 63, 1 << 40, 1 << 32, u64::from(u32::MAX), 1 << 31, 1 << 24];
    let any: u8 = input.arbitrary()?;
    let number = match edges.get(usize::from(any >> 2)) {
        Some(edge) => *edge,
        None => input.arbitrary()?,
    };
    Ok(number.to_le_bytes()[..1 << (any & 3)].to_vec())
}

/// Puts a value somewhere, the place counted round.
fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(at) = at.checked_rem(bytes.len()) {
        let count = value.len().min(bytes.len() - at);
        bytes[at..at + count].copy_from_slice(&value[..count]);
    }
}
