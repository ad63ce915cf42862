//! Matrices of the aligner that may go from thread to thread.

use std::ops::{Deref, DerefMut};

use block_aligner::scan_block::Block;

/// A block of the aligner's matrix, with its trace; ends by X-drop, and with `LOCAL` begins anywhere.
pub(crate) struct BlockMatrix<const LOCAL: bool>(Block<true, true, LOCAL>);

// SAFETY: a block owns its memory: vectors, and arrays that it allocates in `Block::new`, reaches through pointers of
// its own only, and frees when it is dropped (block-aligner 0.5.1, `scan_block::Aligned`). It shares nothing with other
// blocks, has no thread-local state, and all its methods that write take `&mut self`; so it may be used and dropped by
// another thread than the one that made it. It is not `Sync`.
unsafe impl<const LOCAL: bool> Send for BlockMatrix<LOCAL> {}

impl<const LOCAL: bool> BlockMatrix<LOCAL> {
    /// For sequences of so many residues together, and blocks up to `width` wide.
    pub(crate) fn new(residues: usize, width: usize) -> Self {
        // Of the two lengths only the sum counts.
        Self(Block::new(residues, 0, width))
    }
}

impl<const LOCAL: bool> Deref for BlockMatrix<LOCAL> {
    type Target = Block<true, true, LOCAL>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<const LOCAL: bool> DerefMut for BlockMatrix<LOCAL> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
