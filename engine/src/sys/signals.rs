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

/// Whether this process ignores a signal, as one does that a shell started in the background or by `nohup`: a program
/// that handles the signal should leave it at that.
///
/// ```
/// assert!(!talaria_db::sys::signals::is_ignored(15));
/// ```
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    #[cfg(unix)]
    {
        // SAFETY: numbers, a pointer that may be null, and a set of bits: all zeros are a value of each.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: nothing is changed, and what is written goes to `action`.
        let known = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) } == 0;
        known && action.sa_sigaction == libc::SIG_IGN
    }
    #[cfg(not(unix))]
    {
        let _ = signal;
        false
    }
}
