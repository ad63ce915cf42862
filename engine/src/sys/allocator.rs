//! An allocator for programs that end with a line and an exit code where the system gives no memory.
//!
//! What Rust does by itself is to abort, with a signal and several lines. The engine counts what it needs and asks its
//! budget first, so this is met where a system gives less than the budget says: under `ulimit -v`, or without
//! overcommitment. Costs one comparison an allocation.
//!
//! Nothing is cleaned up: files on their way stay hidden, as after a kill, for the next writer to take over.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

/// The system's allocator, and the end of the process where that has no memory.
///
/// ```
/// use talaria_db::sys::allocator::Ending;
///
/// #[global_allocator]
/// static ALLOCATOR: Ending = Ending::new("the system gives no more memory\n", 140);
///
/// assert_eq!(vec![1, 2].len(), 2);
/// ```
#[derive(Debug)]
pub struct Ending {
    line: &'static str,
    code: i32,
    ended: AtomicBool,
}

impl Ending {
    /// One that writes `line` to standard error and ends the process with `code`.
    #[must_use]
    pub const fn new(line: &'static str, code: i32) -> Self {
        Self { line, code, ended: AtomicBool::new(false) }
    }

    /// Ends the process so, now.
    pub fn end(&self) -> ! {
        // Of several threads one writes; the others wait for the end.
        if self.ended.swap(true, Ordering::Relaxed) {
            loop {
                std::thread::park();
            }
        }
        // SAFETY: the line is valid for its length, and writing it takes no memory and no lock.
        unsafe { libc::write(libc::STDERR_FILENO, self.line.as_ptr().cast(), self.line.len()) };
        // SAFETY: ends the process without running anything of it.
        unsafe { libc::_exit(self.code) }
    }

    fn unless_null(&self, pointer: *mut u8) -> *mut u8 {
        if pointer.is_null() {
            self.end();
        }
        pointer
    }
}

// SAFETY: everything is answered by the system's allocator, whose promises these are.
unsafe impl GlobalAlloc for Ending {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: what the caller promises is what is promised.
        self.unless_null(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        self.unless_null(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        self.unless_null(unsafe { System.realloc(pointer, layout, size) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; every pointer that was given out is one of the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}
