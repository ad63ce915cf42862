#![no_main]
#![allow(dead_code, reason = "the command uses what this does not")]

// The command is no library, and has no other reason to be one.
#[path = "../../../cli/src/config/mod.rs"]
mod config;
#[path = "../../../cli/src/exit.rs"]
mod exit;
#[path = "../../../cli/src/failure.rs"]
mod failure;
#[path = "../../../cli/src/sizes.rs"]
mod sizes;

libfuzzer_sys::fuzz_target!(|input: &[u8]| config::any_text::run(input));
