//! The known name that an unknown one was probably meant to be.

use strsim::osa_distance;

/// The nearest of `known`, by the edits of the whole path; a right name in a wrong table counts as one edit.
pub(crate) fn nearest<'k>(unknown: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    known.min_by_key(|known| {
        let moved = if last(known) == last(unknown) { 1 } else { usize::MAX };
        moved.min(osa_distance(&unknown.to_ascii_lowercase(), &known.to_ascii_lowercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::KEYS;

    #[test]
    fn by_edits_and_by_name() {
        let nearest = |path| nearest(path, KEYS.iter().map(|key| key.path)).unwrap();
        assert_eq!(nearest("memory.max_memroy_gb"), "memory.max_memory_gb");
        assert_eq!(nearest("memory.algorithm"), "memory.compression.algorithm");
        assert_eq!(nearest("chunk_size"), "memory.streaming.chunk_size");
        assert_eq!(nearest("memroy.mapping.huge-pages"), "memory.mapping.huge_pages");
        assert_eq!(nearest("Memory.GC_Threshold"), "memory.gc_threshold");
    }
}
