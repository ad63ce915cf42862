//! Shared copies: a record that says that an earlier one has its residues is right (C-3).
//!
//! Addresses and lengths of all records are sorted, so that an earlier record with the same ones stands just before.
//! Where memory is too small for all of them, they are taken in parts, by address, each with a pass over the columns.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::Findings;
use crate::database::Database;
use crate::error::{Error, Result};

/// Bytes of memory a record.
const ENTRY: u64 = 32;
/// Fewest bytes that are worth a pass.
const LEAST: u64 = 1 << 20;
/// Records that one thread looks at together.
const GROUP: u64 = 4096;

/// Stream (of deltas or not) and address, length, ordinal with the flag in its lowest bit.
type Place = ((bool, u64), u64, u64);

impl Database {
    pub(super) fn verify_shared(&self, findings: &Findings) -> Result<()> {
        // Not by the totals of the header, which a damaged file may have wrong.
        let shared = |ordinal| self.header_entry(ordinal).is_ok_and(|entry| entry.is_shared());
        if !(0..self.len()).into_par_iter().any(shared) {
            return Ok(());
        }
        let memory = (self.budget().free() / 4).max(LEAST).min((self.len() * ENTRY).max(LEAST));
        // Twice what the records of a part take on average, as the vector doubles and parts differ.
        let _lease = self.budget().lease("addresses of shared copies", 2 * memory)?;
        let parts = (self.len() * ENTRY).div_ceil(memory);
        for part in 0..parts {
            // Of one that is missing, a later record may be the copy.
            let Some(mut places) = findings.note_again(self.places(part, parts)) else { return Ok(()) };
            places.par_sort_unstable();
            let mut before = None;
            for &(address, length, marked) in &places {
                let ordinal = marked >> 1;
                if marked & 1 == 1 && before != Some((address, length)) {
                    findings.add(self.broken("header table", "flag shared", "C-3", ordinal, 1, 0));
                }
                before = Some((address, length));
            }
        }
        Ok(())
    }

    /// The records of a part.
    fn places(&self, part: u64, parts: u64) -> Result<Vec<Place>> {
        let places = Mutex::new(Vec::new());
        (0..self.len().div_ceil(GROUP)).into_par_iter().try_for_each(|group| {
            let ordinals = group * GROUP..((group + 1) * GROUP).min(self.len());
            // The pages were compared before, so that nothing else asks for those that come next.
            let sections = self.sections();
            for section in [&sections.offsets, &sections.header_table, &sections.lengths] {
                self.expect_items(section, ordinals.clone());
            }
            let columns = self.columns(ordinals.clone()).ok();
            let columns = self.column_view(columns.as_ref());
            let mut found = Vec::new();
            for ordinal in ordinals {
                let (entry, item) = (columns.header_entry(ordinal)?, columns.sequence_item(ordinal)?);
                let address = item.address.bits();
                // Multiplied by an odd constant, so that neighbours go to different parts.
                let hash = address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
                if hash % parts == part {
                    let marked = ordinal << 1 | u64::from(entry.is_shared());
                    found.push(((entry.is_delta(), address), item.length, marked));
                }
            }
            places.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
            Ok::<(), Error>(())
        })?;
        Ok(places.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
