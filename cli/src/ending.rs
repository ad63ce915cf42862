//! What is done before a signal ends the program.

use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use talaria_db::sys::signals::is_ignored;
use talaria_db::write::publish::remove_unfinished;

/// Bytes of stack of the thread that waits.
const STACK: usize = 64 << 10;

/// Has `SIGINT`, `SIGTERM` and `SIGHUP` remove the hidden files of unfinished outputs and then end the process as they
/// do anyway. Signals that were ignored when it started still are. Where there is no descriptor or memory left for it,
/// signals end the process at once, and the next writer takes over what is left.
pub(crate) fn tidy() {
    let signals = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal)).collect::<Vec<_>>();
    let wait = move || {
        // The thread comes first: a signal that is caught by nobody would be lost.
        let Ok(mut caught) = Signals::new(signals) else { return };
        for signal in caught.forever() {
            remove_unfinished();
            // It does not come back from these signals.
            let _ = emulate_default_handler(signal);
        }
    };
    let _ = thread::Builder::new().name("signals".to_owned()).stack_size(STACK).spawn(wait);
}
