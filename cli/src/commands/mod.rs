//! The commands. Each has its flags, with a `run` that does it and returns the exit code.

pub(crate) mod build;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod expand;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod inspect;
pub(crate) mod man;
pub(crate) mod members;
pub(crate) mod reduce;
pub(crate) mod representative;
pub(crate) mod stage;
pub(crate) mod stats;
pub(crate) mod verify;
