//! Signals that would end a process where an error is of more use.

/// Has a write past the limit on the size of files (`ulimit -f`) fail as any other, instead of ending the process by
/// `SIGXFSZ`.
///
/// For a whole process, and those that it starts; a library should leave the choice to its program.
///
/// ```
/// talaria_db::sys::signals::ignore_file_size_signal();
/// ```
pub fn ignore_file_size_signal() {
    #[cfg(unix)]
    // SAFETY: ignoring a signal installs no handler, so no code of this process can be run by it.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
