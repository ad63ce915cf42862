//! What the tests of the format share. The tests themselves are in `tests/`; `TESTING.md` says what is where.
//!
//! - [`recipe`] builds a container in memory; [`ladder`] holds the recipes of the golden containers.
//! - [`dump`] writes a container out as text, from the structures of the specification, as a second reader would.
//! - [`draft`] takes a container apart and puts it together again, with every checksum anew; [`image`] changes bytes
//!   of a complete
//!   file and seals only what lies above them. Between the two a file can break exactly one rule.
//! - [`compact`] and [`packed`] are second ways to what takes few bytes.
//! - [`corpus`] holds the files of the accept and reject corpora as changes to golden containers, [`manifest`] their
//!   list.
//! - [`seal`] seals what it finds in bytes that may be no container; [`exercise`] asks a container everything.
//! - [`text`] lays records out as FASTA, regular or not. [`fuzz`] holds the bodies of the fuzz targets.
//! - [`outcome`] says which rules a file breaks, and [`expected`] what is in a sound one, read from its FASTA alone.
//! - [`document`] reads `FORMAT.md`; [`tree`] reads the source code of the workspace.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a fault of these helpers or of their fixtures is a failed test"
)]

pub mod compact;
pub mod corpus;
pub mod document;
pub mod draft;
pub mod dump;
pub mod exercise;
pub mod expected;
pub mod fixtures;
pub mod fuzz;
pub mod image;
pub mod ladder;
pub mod manifest;
pub mod outcome;
pub mod packed;
pub mod recipe;
pub mod seal;
pub mod text;
pub mod tree;
