//! The bodies of the fuzz targets: each takes any bytes, and panics if it finds a fault.
//!
//! `format-tests/fuzz` calls them from libFuzzer, `tests/fuzz_corpus.rs` with the inputs that are stored in `fixtures/fuzz`. An input is a list of
//! choices, read by [`arbitrary`]; where it runs out, all choices are the first.

use arbitrary::Unstructured;

pub mod delta;
pub mod fasta;
pub mod open;
pub mod records;
pub mod reduce;
pub mod round_trip;

/// A target's name, which is that of its folder in `fixtures/fuzz` and of its program, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 5] = [("delta", delta::run), ("fasta", fasta::run), ("open", open::run), ("reduce", reduce::run), ("round_trip", round_trip::run)];

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
