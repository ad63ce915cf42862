//! What happens when a mapped page cannot be had: the file was cut short, or the disk cannot read it.
//!
//! The system says so with SIGBUS at the access, which ends the process unless somebody handles it. The handler here
//! puts a page of zeros where the access was, if that is inside a guarded mapping, and notes it; the access then goes
//! on. Whoever reads a guarded mapping looks at the note after each access, before anything comes of the bytes, and
//! reads the file itself from then on, which says what is wrong as an error. A fault anywhere else is left to the
//! handler that was there before, or ends the process as it would have.
//!
//! A process has one handler for a signal, so a library does not take it unasked: see
//! [`MappingSettings::guard`](crate::memory::settings::MappingSettings::guard). It does not help against bytes that are
//! overwritten in place; checksums, and a look at when the file was changed, are for that.
//!
//! Costs nothing until a page cannot be had, but for a few hundred bytes, and an atomic load for each look.

use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

/// Mappings that can be guarded at once; what comes after them is not.
const SLOTS: usize = 128;

/// Addresses of a guarded mapping. Free if `end` is 0; taken, and not yet guarded, if it is 1. `turn` counts how often
/// it was taken.
struct Slot {
    turn: AtomicUsize,
    start: AtomicUsize,
    end: AtomicUsize,
    hit: AtomicBool,
}

static SLOTS_OF_PROCESS: [Slot; SLOTS] = [const {
    Slot {
        turn: AtomicUsize::new(0),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        hit: AtomicBool::new(false),
    }
}; SLOTS];

/// What SIGBUS led to before; nothing if the system did not let it be changed.
static BEFORE: OnceLock<Option<libc::sigaction>> = OnceLock::new();

/// The guard of a mapping, which must not outlive it.
#[derive(Debug)]
pub(super) struct Guard {
    slot: usize,
}

impl Guard {
    /// Guards the mapping that has these addresses. None if there are too many, or the system does not let it.
    pub(super) fn new(addresses: Range<usize>) -> Option<Self> {
        install()?;
        let take = |slot: &Slot| slot.end.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        let number = SLOTS_OF_PROCESS.iter().position(take)?;
        let slot = SLOTS_OF_PROCESS.get(number)?;
        slot.turn.fetch_add(1, Ordering::AcqRel);
        slot.hit.store(false, Ordering::Relaxed);
        slot.start.store(addresses.start, Ordering::Release);
        slot.end.store(addresses.end, Ordering::Release);
        Some(Self { slot: number })
    }

    /// Whether a page of the mapping could not be had, ever: so that of all that was read of it before, if this is
    /// false, nothing is of another page.
    pub(super) fn was_hit(&self) -> bool {
        // The note is made before the zeros are there, so whoever has read them sees it, if the reads come first.
        fence(Ordering::Acquire);
        SLOTS_OF_PROCESS.get(self.slot).is_some_and(|slot| slot.hit.load(Ordering::Acquire))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(slot) = SLOTS_OF_PROCESS.get(self.slot) {
            slot.end.store(0, Ordering::Release);
        }
    }
}

/// Handles SIGBUS from now on, once for the process.
fn install() -> Option<()> {
    let before = BEFORE.get_or_init(|| {
        // SAFETY: a `sigaction` of zeros is a valid one: no handler, an empty mask, no flags.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_bus_error as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: as above.
        let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: both pointers are to structures of this frame; the handler has the signature that SA_SIGINFO asks
        // for, and does only what may be done in a signal handler: atomic loads and stores, `mmap`, `sigaction`.
        let result = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, &raw mut before) };
        (result == 0).then_some(before)
    });
    before.as_ref().map(|_| ())
}

extern "C" fn on_bus_error(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the system passes a pointer to what it knows of the signal.
    let known = unsafe { info.as_ref() };
    let Some(known) = known.filter(|known| known.si_code > 0) else {
        // Somebody sent it: no access, and nothing to go on with.
        return end(signal);
    };
    // SAFETY: the system made the signal, of an access, whose address it gives.
    let address = unsafe { known.si_addr() }.addr();
    if !replace_page(address) {
        pass_on(signal, info, context);
    }
}

/// Ends the process by a signal, as it would without a handler, once the handler returns.
fn end(signal: libc::c_int) {
    // SAFETY: as in `install`.
    let action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: the structure is one of this frame, and asks for what the system does by itself.
    unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    // SAFETY: may be called in a handler; the signal waits until that returns.
    unsafe { libc::raise(signal) };
}

/// Puts zeros where `address` is, if that is guarded.
fn replace_page(address: usize) -> bool {
    let is_inside = |slot: &&Slot| {
        let turn = slot.turn.load(Ordering::Acquire);
        let (end, start) = (slot.end.load(Ordering::Acquire), slot.start.load(Ordering::Acquire));
        // One that is taken anew meanwhile is of another mapping than that of the access, which is there as long as it
        // is read.
        start <= address && address < end && slot.turn.load(Ordering::Acquire) == turn
    };
    let Some(slot) = SLOTS_OF_PROCESS.iter().find(is_inside) else { return false };
    // SAFETY: it takes no memory and fails for unknown names only.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let Ok(page @ 1..) = usize::try_from(page) else { return false };
    // Before the page is there, so that nobody reads its zeros without the note.
    slot.hit.store(true, Ordering::Release);
    let start = ptr::without_provenance_mut(address / page * page);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: the page is part of a read-only mapping whose owner keeps it until after the guard is gone, so that
    // nothing else has come to lie there; it is unmapped with the rest. Its bytes cannot be had any more, and what a
    // file's bytes may become is for those to check who read them (`Mapping::new`).
    let placed = unsafe { libc::mmap(start, page, libc::PROT_READ, flags, -1, 0) };
    placed != libc::MAP_FAILED
}

/// Does what would have been done without this handler.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(Some(before)) = BEFORE.get() else { return };
    let takes_all = before.sa_flags & libc::SA_SIGINFO != 0;
    match before.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // The access is made again when this returns, and ends the process then.
            // SAFETY: the structure is what the system gave out for this signal.
            unsafe { libc::sigaction(signal, ptr::from_ref(before), ptr::null_mut()) };
        }
        handler if takes_all => {
            // SAFETY: with SA_SIGINFO the address is that of a function of this signature.
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: without SA_SIGINFO it is that of a function of one argument.
            let handler: extern "C" fn(libc::c_int) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
    }
}
