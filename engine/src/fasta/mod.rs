//! FASTA: the text that comes in and goes out.

pub mod alphabet;
pub mod batch;
pub mod cursor;
pub mod input;
pub mod mapped;
pub mod parse;
