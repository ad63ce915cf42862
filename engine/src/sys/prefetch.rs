//! Fetching bytes into the processor's caches before they are used.
//!
//! A hint: it has no effect but on time, and none at all on processors other than x86-64. Worth it where several
//! accesses that miss the caches are known ahead, as in lookups of many records; a loss where the bytes are cached
//! anyway.

/// Starts to fetch the cache line in which item `index` begins; does nothing if there is no such item.
#[inline]
pub fn prefetch_read<T>(items: &[T], index: usize) {
    let Some(item) = items.get(index) else { return };
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and never faults, whatever the address; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = item;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_index_is_fine() {
        let bytes = [1, 2, 3];
        for index in [0, 2, 3, usize::MAX] {
            prefetch_read(&bytes, index);
        }
        prefetch_read::<u64>(&[], 0);
        assert_eq!(bytes, [1, 2, 3]);
    }
}
