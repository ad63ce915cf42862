//! Alignments: how one sequence becomes another one.

pub(crate) mod script;
