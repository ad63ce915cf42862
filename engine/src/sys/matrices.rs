//! Matrices of the aligner that may go from thread to thread.

use std::ops::{Deref, DerefMut};

use block_aligner::scan_block::Block;

/// A block of the aligner's matrix; ends by X-drop, with `TRACE` knows the path and not only its score, and with
/// `LOCAL` begins anywhere.
pub(crate) struct BlockMatrix<const TRACE: bool, const LOCAL: bool>(Block<TRACE, true, LOCAL>);

// SAFETY: a block owns its memory: vectors, and arrays that it allocates in `Block::new`, reaches through pointers of
// its own only, and frees when it is dropped (block-aligner 0.5.1, `scan_block::Aligned`). It shares nothing with other
// blocks, has no thread-local state, and all its methods that write take `&mut self`; so it may be used and dropped by
// another thread than the one that made it. It is not `Sync`.
unsafe impl<const TRACE: bool, const LOCAL: bool> Send for BlockMatrix<TRACE, LOCAL> {}

impl<const TRACE: bool, const LOCAL: bool> BlockMatrix<TRACE, LOCAL> {
    /// For sequences of so many residues together, and blocks up to `width` wide.
    pub(crate) fn new(residues: usize, width: usize) -> Self {
        // Of the two lengths only the sum counts.
        Self(Block::new(residues, 0, width))
    }
}

impl<const TRACE: bool, const LOCAL: bool> Deref for BlockMatrix<TRACE, LOCAL> {
    type Target = Block<TRACE, true, LOCAL>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<const TRACE: bool, const LOCAL: bool> DerefMut for BlockMatrix<TRACE, LOCAL> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
