//! Made-up sequences for the benchmarks: the same ones every time.

use std::path::PathBuf;

use talaria_db::{Builder, Compression, Result};

/// Records with ids `r0`, `r1`, ... and residues drawn evenly from `letters`, with lengths from `shortest` to three
/// times that.
pub fn records(count: u64, shortest: u64, letters: &'static [u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + Send {
    let mut random = Random(count ^ shortest);
    (0..count).map(move |index| {
        let length = shortest + random.below(2 * shortest + 1);
        let residues = (0..length).map(|_| letters[random.below(letters.len() as u64) as usize]).collect();
        (format!("r{index} made up").into_bytes(), residues)
    })
}

/// The twenty amino acids.
pub const AMINO_ACIDS: &[u8] = b"ACDEFGHIKLMNPQRSTVWY";
/// The four bases.
pub const BASES: &[u8] = b"ACGT";

/// A container of made-up records, in a folder that is removed when it is dropped.
#[derive(Debug)]
pub struct Made {
    /// The container.
    pub path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Made {
    /// Builds it.
    ///
    /// # Errors
    /// As [`Builder::finish`].
    pub fn new(count: u64, shortest: u64, letters: &'static [u8], compression: Compression) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|source| talaria_db::Error::Io {
            path: std::env::temp_dir(),
            action: "make a folder in",
            source,
        })?;
        let path = folder.path().join("made.talaria");
        let records = records(count, shortest, letters);
        Builder::new(&path).add_records("made", records).compression(compression).finish()?;
        Ok(Self { path, _folder: folder })
    }
}

/// SplitMix64.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % bound
    }
}
