//! What the system is told about parts of files that are read and not mapped.

use std::fs::File;

/// Asks the system to read `length` bytes from `offset` into its cache, without waiting for them. A hint: that it fails
/// changes speed only.
pub fn will_need(file: &File, offset: u64, length: u64) {
    #[cfg(target_os = "linux")]
    if let (Ok(offset), Ok(length)) = (libc::off_t::try_from(offset), libc::off_t::try_from(length)) {
        use std::os::fd::AsRawFd;
        // SAFETY: the descriptor is open as long as `file` is borrowed, and the call takes nothing but numbers.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), offset, length, libc::POSIX_FADV_WILLNEED) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, offset, length);
}
