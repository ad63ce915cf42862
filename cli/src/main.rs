//! `talaria-db`: build, look up, export, verify and describe sequence containers.
//!
//! The command line owns what the engine must not know: flags, the environment, progress, messages and exit codes. One
//! command is one file of [`commands`]; flags as they are typed and what they come to are two types where they differ.

mod arguments;
mod commands;
mod config;
mod ending;
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
use std::panic;
use std::process::ExitCode;

use clap::Parser;
use talaria_db::sys::allocator::Ending;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::failure::Failure;

/// Where the system gives no memory, that is a limit too small, and no abort.
#[global_allocator]
static ALLOCATOR: Ending = Ending::new(
    "talaria-db: the system gives no more memory, although --max-memory allows it: see `ulimit -v`, overcommitment and vm.max_map_count\n",
    Exit::Memory.code() as i32,
);

fn main() -> ExitCode {
    talaria_db::sys::signals::ignore_file_size_signal();
    end_where_threads_get_no_memory();
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

/// The standard library panics, and then aborts, where a new thread gets no memory for its own administration: the same
/// end, instead.
fn end_where_threads_get_no_memory() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let refused = ["failed to allocate", "failed to set up alternative stack"];
        if panic.payload_as_str().is_some_and(|text| refused.iter().any(|refused| text.starts_with(refused))) {
            ALLOCATOR.end();
        }
        usual(panic);
    }));
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
