//! Read leases: who would write to a file or cut it short has to wait while it is read.

use std::fs::File;

/// Asks the system for a read lease on a file that is open for reading (`fcntl(2)`, `F_SETLEASE`); whether it was
/// given. It ends when `file` is closed.
///
/// Until then another process, or this one, that opens the file for writing or truncates it waits, for as long as
/// `/proc/sys/fs/lease-break-time` says (45 s); with `O_NONBLOCK` it gets `EWOULDBLOCK`. Replacing the file by rename
/// is not held up. Not given where the file is another user's, is open for writing, or where the file system has no
/// leases.
///
/// ```
/// let path = std::env::temp_dir().join(format!("lease-{}", std::process::id()));
/// std::fs::write(&path, "ACGT")?;
/// let file = std::fs::File::open(&path)?;
/// if talaria_db::sys::lease::take(&file) {
///     println!("until the file is closed nobody writes to it");
/// }
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn take(file: &File) -> bool {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        use std::os::fd::AsRawFd;
        /// Of Linux's `asm-generic/fcntl.h`; the crate has no name for it.
        const F_SETSIG: libc::c_int = 10;
        let file = file.as_raw_fd();
        // The system says by a signal that somebody waits: SIGURG, which does nothing unless a program asks for it, in
        // place of SIGIO, which ends the process.
        // SAFETY: the descriptor is open as long as the file is borrowed, and the call takes nothing but numbers.
        let quiet = unsafe { libc::fcntl(file, F_SETSIG, libc::SIGURG) } == 0;
        // SAFETY: as above.
        quiet && unsafe { libc::fcntl(file, libc::F_SETLEASE, libc::F_RDLCK) } == 0
    }
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        let _ = file;
        false
    }
}
