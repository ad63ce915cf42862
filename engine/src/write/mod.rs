//! How a container is written: parsed text becomes blocks, columns and names, spilled where they are many, and one file
//! that appears whole or not at all.

pub mod assemble;
pub(crate) mod beside;
pub mod builder;
pub(crate) mod carried;
pub(crate) mod check;
mod container_input;
#[cfg(test)]
pub(crate) mod crash;
pub mod cut;
pub(crate) mod deltas;
mod described;
pub mod encode;
#[cfg(test)]
mod fault_tests;
pub mod ingest;
pub mod measure;
pub(crate) mod membership;
mod needs;
pub mod place;
pub mod preset;
pub mod publish;
mod run;
pub mod seal;
pub mod sections;
mod sequences;
pub mod share;
pub mod spill;
mod unconfirmed;
