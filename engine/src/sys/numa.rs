//! Nodes of memory: where threads run and where their pages come from, by the system's own calls.
//!
//! There is no library of the system to link: the calls are made by number. All of them can be refused (a container
//! without the right, a kernel without nodes), which is reported and never fatal: placement changes speed only. Which
//! nodes there are is the business of [`crate::memory::topology`], what to do with them that of
//! [`crate::memory::placement`].
//!
//! On systems other than Linux every call fails with `Unsupported`.

use std::io;

#[cfg(target_os = "linux")]
pub use linux::{allowed_cpus, bind, current, migrate, run_on, set_policy};
#[cfg(not(target_os = "linux"))]
pub use other::{allowed_cpus, bind, current, migrate, run_on, set_policy};

/// Where new pages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// From the node of the thread that touches them first.
    Local,
    /// From the given nodes in turn.
    Interleave,
    /// From the given nodes only.
    Bind,
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{Policy, io};

    /// Bits of a set of nodes that is handed to the system: more than any kernel is built for.
    const MASK_WORDS: usize = 1024 / usize::BITS as usize;

    /// The numbers in `<linux/mempolicy.h>`.
    const MPOL_BIND: libc::c_ulong = 2;
    const MPOL_INTERLEAVE: libc::c_ulong = 3;
    const MPOL_LOCAL: libc::c_ulong = 4;
    const MPOL_MF_MOVE: libc::c_ulong = 2;

    /// Nodes as bits.
    type Mask = [usize; MASK_WORDS];

    /// Bits of a [`Mask`], and one more: the system takes one off.
    const MASK_BITS: libc::c_ulong = (MASK_WORDS * usize::BITS as usize + 1) as libc::c_ulong;

    fn mask(nodes: &[u32]) -> io::Result<Mask> {
        let mut mask = [0; MASK_WORDS];
        for &node in nodes {
            let word = mask.get_mut((node / usize::BITS) as usize).ok_or(io::ErrorKind::InvalidInput)?;
            *word |= 1 << (node % usize::BITS);
        }
        Ok(mask)
    }

    /// The mode, and its nodes; the local policy takes none.
    fn mode(policy: Policy, nodes: &[u32]) -> io::Result<(libc::c_ulong, Mask)> {
        Ok(match policy {
            Policy::Local => (MPOL_LOCAL, [0; MASK_WORDS]),
            Policy::Interleave => (MPOL_INTERLEAVE, mask(nodes)?),
            Policy::Bind => (MPOL_BIND, mask(nodes)?),
        })
    }

    fn check(result: libc::c_long) -> io::Result<u64> {
        u64::try_from(result).map_err(|_| io::Error::last_os_error())
    }

    /// Where pages come from that this thread, and threads that it starts from now on, are the first to touch.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_policy(policy: Policy, nodes: &[u32]) -> io::Result<()> {
        let (mode, mask) = mode(policy, nodes)?;
        // SAFETY: the system reads `MASK_BITS - 1` bits from `mask`, which has as many and outlives the call; it
        // changes nothing but where later pages of this thread are taken from.
        let result = unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, mask.as_ptr(), MASK_BITS) };
        check(result).map(drop)
    }

    /// Where the pages of `memory` come from, whoever touches them first; with `migrate`, those that lie elsewhere
    /// already are moved. `memory` starts at a page.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(memory: &[u8], policy: Policy, nodes: &[u32], migrate: bool) -> io::Result<()> {
        let (mode, mask) = mode(policy, nodes)?;
        let flags = if migrate { MPOL_MF_MOVE } else { 0 };
        let length = memory.len() as libc::c_ulong;
        // SAFETY: the system reads `MASK_BITS - 1` bits from `mask`, which has as many and outlives the call. It
        // neither reads nor writes the contents of `memory`; moving a page leaves its address and its bytes as they
        // are.
        let result =
            unsafe { libc::syscall(libc::SYS_mbind, memory.as_ptr(), length, mode, mask.as_ptr(), MASK_BITS, flags) };
        check(result).map(drop)
    }

    /// Moves the pages of this process that lie on nodes of `from` to those of `to`; how many could not be moved.
    ///
    /// # Errors
    /// What the system says.
    pub fn migrate(from: &[u32], to: &[u32]) -> io::Result<u64> {
        let (from, to) = (mask(from)?, mask(to)?);
        let this_process: libc::c_long = 0;
        // SAFETY: the system reads `MASK_BITS - 1` bits from each mask, which have as many and outlive the call; moving
        // a page leaves its address and its bytes as they are.
        let result =
            unsafe { libc::syscall(libc::SYS_migrate_pages, this_process, MASK_BITS, from.as_ptr(), to.as_ptr()) };
        check(result)
    }

    /// The processor that this thread runs on, and the node of that.
    ///
    /// # Errors
    /// What the system says.
    pub fn current() -> io::Result<(u32, u32)> {
        let (mut cpu, mut node): (libc::c_uint, libc::c_uint) = (0, 0);
        let unused = std::ptr::null::<libc::c_void>();
        // SAFETY: the system writes one `unsigned int` to each of the two pointers, which are to live variables of that
        // type; the third argument has been unused since Linux 2.6.24 and may be null.
        let result = unsafe { libc::syscall(libc::SYS_getcpu, &raw mut cpu, &raw mut node, unused) };
        check(result).map(|_| (cpu, node))
    }

    /// Lets this thread, and threads that it starts from now on, run on `cpus` only.
    ///
    /// # Errors
    /// What the system says; that none of them is there or allowed.
    pub fn run_on(cpus: &[u32]) -> io::Result<()> {
        let set = mask(cpus)?;
        let this_thread: libc::c_long = 0;
        let length = size_of::<Mask>() as libc::c_ulong;
        // SAFETY: the system reads `length` bytes from `set`, which has as many and outlives the call.
        let result = unsafe { libc::syscall(libc::SYS_sched_setaffinity, this_thread, length, set.as_ptr()) };
        check(result).map(drop)
    }

    /// The processors that this thread may run on, in rising order.
    ///
    /// # Errors
    /// What the system says.
    pub fn allowed_cpus() -> io::Result<Vec<u32>> {
        let mut set: Mask = [0; MASK_WORDS];
        let this_thread: libc::c_long = 0;
        let length = size_of::<Mask>() as libc::c_ulong;
        // SAFETY: the system writes at most `length` bytes to `set`, which has as many; any bits are a valid `Mask`.
        let result = unsafe { libc::syscall(libc::SYS_sched_getaffinity, this_thread, length, set.as_mut_ptr()) };
        check(result)?;
        let is_set = |&cpu: &u32| set[(cpu / usize::BITS) as usize] >> (cpu % usize::BITS) & 1 == 1;
        Ok((0..MASK_WORDS as u32 * usize::BITS).filter(is_set).collect())
    }
}

#[cfg(not(target_os = "linux"))]
#[expect(missing_docs, reason = "documented where they do something")]
mod other {
    use super::{Policy, io};

    pub fn set_policy(_: Policy, _: &[u32]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn bind(_: &[u8], _: Policy, _: &[u32], _: bool) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn migrate(_: &[u32], _: &[u32]) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn current() -> io::Result<(u32, u32)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn run_on(_: &[u32]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn allowed_cpus() -> io::Result<Vec<u32>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn threads_go_where_they_are_told() {
        let cpus = allowed_cpus().unwrap();
        for &cpu in &cpus {
            std::thread::spawn(move || {
                run_on(&[cpu]).unwrap();
                assert_eq!(current().unwrap().0, cpu);
                assert_eq!(allowed_cpus().unwrap(), [cpu]);
            })
            .join()
            .unwrap();
        }
        assert_eq!(allowed_cpus().unwrap(), cpus);
        assert!(run_on(&[]).is_err() && run_on(&[100_000]).is_err());
    }

    /// The calls with one node, which every machine has; a system may still refuse them all.
    #[test]
    fn policies_are_taken_or_refused_and_change_no_byte() {
        let (_, node) = current().unwrap();
        let mut memory =
            crate::sys::anonymous::AnonymousMemory::new(16 << 10, crate::sys::anonymous::PageSize::Base).unwrap();
        memory.as_mut_slice().fill(9);
        std::thread::spawn(move || {
            for policy in [Policy::Interleave, Policy::Bind, Policy::Local] {
                let known = |result: io::Result<()>| match result {
                    Ok(()) => true,
                    Err(error) => {
                        let raw = error.raw_os_error();
                        assert!(raw == Some(libc::ENOSYS) || raw == Some(libc::EPERM), "{policy:?}: {error}");
                        false
                    }
                };
                if known(set_policy(policy, &[node])) {
                    assert!(known(bind(memory.as_slice(), policy, &[node], true)));
                }
            }
            assert!(memory.as_slice().iter().all(|&byte| byte == 9));
            // A node that no machine has.
            assert!(set_policy(Policy::Bind, &[1000]).is_err());
            assert!(set_policy(Policy::Bind, &[5000]).is_err());
        })
        .join()
        .unwrap();
    }
}
