//! The optional columns against the residues: rules O-1 to O-3.

use rayon::prelude::*;
use talaria_db_spec::measures::{Entropy, check_share, gc_content};

use super::Findings;
use crate::column::Column;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::fasta::alphabet::Composition;
use crate::read::scan::Sequence;

impl Database {
    /// Costs a pass over the sequence blocks if the container has one of the columns, and nothing if it has none. To be
    /// called only if all records can be read.
    pub(super) fn verify_measures(&self, findings: &Findings) {
        if self.columns_kept().is_empty() {
            return;
        }
        self.owned_slots().for_each(|slots| {
            let visited = slots.and_then(|slots| {
                self.visit_sequences(slots, |ordinal, _, sequence| {
                    let composition = match sequence {
                        Sequence::Whole(residues) => Composition::of(residues),
                        Sequence::Long(item) => self.count_long(item)?,
                    };
                    for column in Column::ALL {
                        findings.note(self.verify_measure(column, ordinal, &composition));
                    }
                    Ok(())
                })
            });
            findings.note(visited);
        });
    }

    fn verify_measure(&self, column: Column, ordinal: u64, composition: &Composition) -> Result<()> {
        let Ok(section) = self.required_column(column) else { return Ok(()) };
        let name = column.section().rules().name;
        let got = f32::from_le_bytes(self.item(section, ordinal)?);
        check_share(name, ordinal, got).map_err(Error::format(self.path()))?;
        let (rule, expected) = match column {
            Column::GcContent => ("O-2", gc_content(composition.counts())),
            Column::Complexity => ("O-3", Entropy::of(composition.counts()).complexity(self.alphabet())),
        };
        if got.to_bits() == expected.to_bits() {
            return Ok(());
        }
        Err(self.broken(name, "value", rule, ordinal, got.to_bits().into(), expected.to_bits().into()))
    }
}
