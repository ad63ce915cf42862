//! Deltas: records that are told as what differs from another record, the parent. FORMAT.md, section 13.
//!
//! An [`Item`] of the delta stream names the parent and says how its residues become those of the record: as a
//! substring, or by a [`Script`] of copies, substitutions, insertions and skips. [`streams`] takes the items of a block
//! apart into streams of like values and puts them together again (packing 5), which is what makes them compress.
//!
//! Both directions are here, since together they define the bytes. Nothing here looks for a parent, and nothing
//! compresses.

mod item;
mod script;
pub mod streams;
mod substitution;

pub use item::{Body, Form, Item, MAXIMUM_DEPTH, for_each_item, item_length, reverse_complement};
pub use script::{Operation, Script, ScriptWriter};
pub use substitution::{SUBSTITUTIONS, decode_substitution, encode_substitution};

use crate::error::SpecError;

fn broken(field: &'static str, rule: &'static str, got: u64, expected: u64) -> SpecError {
    SpecError::violation("delta item", field, rule, 0, got, expected)
}

fn widen(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
