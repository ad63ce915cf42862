//! Contexts of the Zstandard library, and how it says that it got no memory.
//!
//! The library takes its memory from C and not from Rust's allocator. That it got none is no damage of what it reads,
//! and no property of what it writes.

use std::path::Path;

use zstd::zstd_safe::{CCtx, DCtx};

use crate::error::Error;

/// The library's code for it.
pub(crate) const NO_MEMORY: usize = 64_usize.wrapping_neg();

/// A context to compress with, made at the first call.
///
/// # Errors
/// [`NO_MEMORY`].
pub(crate) fn compressor<'s>(slot: &'s mut Option<CCtx<'static>>) -> Result<&'s mut CCtx<'static>, usize> {
    made(slot, CCtx::try_create)
}

/// A context to decompress with, made at the first call.
///
/// # Errors
/// [`NO_MEMORY`].
pub(crate) fn decompressor<'s>(slot: &'s mut Option<DCtx<'static>>) -> Result<&'s mut DCtx<'static>, usize> {
    made(slot, DCtx::try_create)
}

fn made<T>(slot: &mut Option<T>, make: impl Fn() -> Option<T>) -> Result<&mut T, usize> {
    if slot.is_none() {
        *slot = make();
    }
    slot.as_mut().ok_or(NO_MEMORY)
}

/// The error of a library that got no memory.
pub(crate) fn no_memory(path: &Path, action: &'static str) -> Error {
    Error::Io { path: path.to_path_buf(), action, source: std::io::ErrorKind::OutOfMemory.into() }
}

#[cfg(test)]
mod tests {
    use zstd::zstd_safe;

    use super::*;

    #[test]
    fn the_code_is_that_of_the_library() {
        assert!(zstd_safe::get_error_name(NO_MEMORY).contains("not enough memory"));
        let mut slot = None;
        assert_eq!(made(&mut slot, || None::<u8>).unwrap_err(), NO_MEMORY);
        assert_eq!(made(&mut slot, || Some(1)).unwrap(), &1);
        assert_eq!(made(&mut slot, || Some(2)).unwrap(), &1);
    }
}
