//! The allocator's heap.

/// Asks the allocator to give freed memory back to the system, so that what a finished stage used is there for the next
/// one under the same limit. Costs a walk over the heap: for the ends of stages, not for loops. Does nothing with
/// allocators other than glibc's.
pub fn release_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: `malloc_trim` takes the allocator's own locks, touches free memory only and may be called at any time
        // from any thread.
        unsafe { libc::malloc_trim(0) };
    }
}
