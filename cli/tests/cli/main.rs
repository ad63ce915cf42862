//! The program as its users see it: what goes in, what comes out, and how it ends.
#![allow(clippy::unwrap_used, reason = "these are tests; their helpers are too")]

mod build;
mod changed;
mod common;
mod compare;
mod config;
mod contain;
mod deaths;
mod estimate;
mod export;
mod fasta;
mod filters;
mod formats;
mod get;
mod help;
mod inspect;
mod keys;
mod limits;
mod members;
mod monitor;
mod order;
mod original_faults;
mod readme;
mod reduce;
mod regions;
mod resume;
mod select;
mod similar;
mod stages;
mod stats;
mod streaming;
mod streams;
mod system_limits;
mod update;
mod verify;
