//! Alignment of two sequences: the proof that one may stand for the other.
//!
//! Two records are similar if a local alignment of them says so, never because they share a few words. [`Aligner`]
//! begins at a diagonal that shared words gave, counts along it without gaps, and aligns with gaps where that does not
//! decide; [`Alignment`] is what it found, from which identity and coverage follow by one of several [`Identity`]
//! definitions. Matrices come from the [`AlignmentPool`].
//!
//! The alignment with gaps is the crate `block-aligner`'s (Liu and Steinegger, Bioinformatics 2023: blocks of the
//! matrix that follow the best path and grow where it strays), from a seed of three equal residues in both directions,
//! ended where the score drops too far (Altschul et al., Nucleic Acids Research 1997). It needs AVX2 on x86-64 and NEON
//! on AArch64; [`supported`] says whether the processor has it.
//!
//! Costs memory linear in the sequences' lengths, and time linear in them unless gaps are large: about 15 microseconds
//! for two proteins.

mod aligner;
mod alignment;
mod letters;
mod matrices;
mod path;
mod pool;
mod scoring;
pub(crate) mod script;
mod shared_words;
mod ungapped;

pub use aligner::{Aligner, LONGEST, Verified, supported};
pub use alignment::{Alignment, CoverageMode, Criterion, Identity};
pub use letters::{fold, reverse_complement};
pub use pool::{AlignmentPool, PooledAligner};
pub use scoring::Scoring;
