//! Everything that needs unsafe code or talks to the operating system directly.
#![expect(unsafe_code, reason = "the one place for it; every block carries its proof")]

pub mod allocator;
pub mod anonymous;
pub(crate) mod dictionary;
pub mod file;
mod guard;
pub mod heap;
pub mod lease;
pub(crate) mod letters;
pub mod map;
pub(crate) mod matrices;
pub mod numa;
pub mod prefetch;
pub mod scratch;
pub mod signals;
