//! `talaria-db`: build, look up, export, verify and describe sequence containers.
//!
//! The command line owns what the engine must not know: flags, the environment, progress, messages and exit codes. One command is
//! one file of [`commands`]; flags as they are typed and what they come to are two types where they differ.

mod arguments;
mod commands;
mod config;
mod exit;
mod failure;
mod filter;
mod memory;
mod message;
mod monitor;
mod open;
mod output;
mod progress;
mod resources;
mod sizes;
mod target;
mod threads;
mod work;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::failure::Failure;

fn main() -> ExitCode {
    talaria_db::sys::signals::ignore_file_size_signal();
    let done = Arguments::try_parse().map_or_else(|answer| print(&answer), |arguments| arguments.command.run());
    let exit = match done {
        Ok(exit) => exit,
        Err(failure) if failure.is_closed_pipe() => Exit::Done,
        Err(failure) => {
            message::say(format_args!("{failure}"));
            failure.exit()
        }
    };
    exit.into()
}

/// Prints what clap has to say: help and versions on standard output, usage errors on standard error.
fn print(answer: &clap::Error) -> Result<Exit, Failure> {
    let printed = answer.print().and_then(|()| io::stdout().flush());
    if answer.use_stderr() {
        return Ok(Exit::Usage);
    }
    printed.map_err(Failure::io("standard output", "write"))?;
    Ok(Exit::Done)
}
