//! Measuring records for the optional columns while they are placed: no pass of its own over the residues' file.
//!
//! Records are measured in parallel, in the time in which the blocks of the batch before are encoded. Of a record that
//! comes in pieces the counts of all pieces are added up. What the most is that residues could come to depends on the
//! alphabet of the whole file, which is known at its end; so both numbers are kept until then.

use rayon::prelude::*;
use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::measures::{Entropy, gc_content};

use crate::column::{Column, Columns};
use crate::database::Database;
use crate::error::Result;
use crate::fasta::alphabet::Composition;
use crate::fasta::batch::{Batch, Parsed};
use crate::write::ingest::TOGETHER;

/// Residues that one thread counts.
const PIECE: usize = 64 << 10;
/// Bytes of memory that a measurer takes at most: a batch's records, and the counts of the pieces of one that is cut.
pub(crate) const MEASURES_MEMORY: u64 = (2 * (TOGETHER + 1) * size_of::<Measured>() + (128 << 10)) as u64;

/// What the optional columns say of a record. Numbers of columns that a file does not have are 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measures {
    /// The share of `G`, `C` and `S`.
    pub gc_content: f32,
    /// The complexity, in a file of nucleotides, and in one of something else.
    pub complexity: [f32; 2],
}

impl Measures {
    /// From how often each residue occurs.
    #[must_use]
    pub fn of(composition: &Composition, columns: Columns) -> Self {
        let mut measures = Self::default();
        if columns.contains(Column::GcContent) {
            measures.gc_content = gc_content(composition.counts());
        }
        if columns.contains(Column::Complexity) {
            let entropy = Entropy::of(composition.counts());
            measures.complexity = [Alphabet::Dna, Alphabet::Protein].map(|alphabet| entropy.complexity(alphabet));
        }
        measures
    }

    /// What a container says of its record, to be said again of a record with the same residues in a file of the same
    /// alphabet.
    ///
    /// # Errors
    /// Damage in the columns.
    pub fn read(database: &Database, ordinal: u64) -> Result<Self> {
        let complexity = database.complexity(ordinal)?.unwrap_or_default();
        let gc_content = database.gc_content(ordinal)?.unwrap_or_default();
        Ok(Self { gc_content, complexity: [complexity; 2] })
    }
}

/// A record of a batch, or a piece of one.
#[derive(Debug)]
enum Measured {
    Whole(Measures),
    Piece(Box<Composition>),
}

/// Measures the records of one batch after the other.
#[derive(Debug)]
pub struct Measurer {
    columns: Columns,
    batch: Vec<Measured>,
    /// Of the pieces of a long record that have been placed.
    open: Composition,
}

impl Measurer {
    /// For these columns; without any it does nothing.
    #[must_use]
    pub fn new(columns: Columns) -> Self {
        Self { columns, batch: Vec::new(), open: Composition::default() }
    }

    /// Measures a batch, in parallel.
    pub fn measure(&mut self, batch: &Batch) {
        self.batch.clear();
        if self.columns.is_empty() {
            return;
        }
        let columns = self.columns;
        self.batch.par_extend(batch.records.par_iter().with_min_len(64).map(|record| {
            let composition = count(batch.residues.get(record.residues.clone()).unwrap_or_default());
            if record.starts && record.ends {
                Measured::Whole(Measures::of(&composition, columns))
            } else {
                Measured::Piece(Box::new(composition))
            }
        }));
    }

    /// What there is to say of record `index` of the batch, if it ends there. To be asked of each, in order.
    pub fn next(&mut self, index: usize, record: &Parsed) -> Measures {
        match self.batch.get(index) {
            None => Measures::default(),
            Some(Measured::Whole(measures)) => *measures,
            Some(Measured::Piece(composition)) => {
                if record.starts {
                    self.open = Composition::default();
                }
                self.open.add(composition);
                if record.ends { Measures::of(&self.open, self.columns) } else { Measures::default() }
            }
        }
    }
}

fn count(residues: &[u8]) -> Composition {
    if residues.len() <= PIECE {
        return Composition::of(residues);
    }
    residues.par_chunks(PIECE).map(Composition::of).reduce(Composition::default, |mut left, right| {
        left.add(&right);
        left
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(residues: std::ops::Range<usize>, starts: bool, ends: bool) -> Parsed {
        let total_residues = residues.end as u64;
        Parsed { text: 0..0, id_length: 0, residues, starts, ends, total_residues, script: None }
    }

    // EVIDENCE: O-2, O-3
    #[test]
    fn pieces_are_measured_together() {
        let columns: Columns = Column::ALL.into_iter().collect();
        let long: Vec<u8> = (0..200_000_u32).map(|number| b"ACGTTTNacg"[(number / 7 % 10) as usize]).collect();
        let whole = Measures::of(&Composition::of(&long), columns);
        let mut measurer = Measurer::new(columns);
        // A record before the cut one, so that nothing of another record is left over.
        let residues = [b"GGG", &long[..150_000]].concat();
        let records = vec![parsed(0..3, true, true), parsed(3..residues.len(), true, false)];
        let first = Batch { residues, records, ..Batch::default() };
        measurer.measure(&first);
        assert_eq!(measurer.next(0, &first.records[0]).gc_content, 1.0);
        assert_eq!(measurer.next(1, &first.records[1]), Measures::default());
        let second =
            Batch { residues: long[150_000..].to_vec(), records: vec![parsed(0..50_000, false, true)], ..first };
        measurer.measure(&second);
        assert_eq!(measurer.next(0, &second.records[0]), whole);
        let only = Measures::of(&Composition::of(&long), [Column::Complexity].into_iter().collect());
        assert_eq!((only.gc_content, only.complexity), (0.0, whole.complexity));
        assert!(whole.complexity[0] > whole.complexity[1]);
    }
}
