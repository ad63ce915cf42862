//! A container of the references alone: records of their own, with texts and names of their own.

use std::ops::Range;

use super::load::{GATHERED_SHARE, WINDOW, columns, cut_window, load, residues, residues_to_load};
use super::{Marks, provenance};
use crate::database::Database;
use crate::error::Result;
use crate::read::columns::{ColumnRun, TextItem};
use crate::read::scan::LastBlock;
use crate::read::shared::SharedSequence;
use crate::read::window::{Window, Windows};
use crate::reduce::Reduction;
use crate::reduce::groups::sort_memory;
use crate::reduce::reference_text::ReferenceText;
use crate::write::assemble::{Assembler, Residues, Shape};
use crate::write::measure::Measures;
use crate::write::publish::Unpublished;
use crate::write::seal::Particulars;
use crate::write::spill::Spill;

/// A reference, loaded.
struct Loaded {
    header: SharedSequence,
    id_length: u16,
    /// Nothing for records that are longer than a window.
    residues: Option<SharedSequence>,
    measures: Measures,
}

/// Writes it. `left_out` says how many members there are, and how many records that none stands for.
pub(super) fn write(
    reduction: &Reduction<'_>,
    database: &Database,
    members: &Marks,
    left_out: (u64, u64),
    (output, shape): (Unpublished, Shape),
    spill: &Spill,
) -> Result<Unpublished> {
    let kept = database.columns_kept();
    let sort_memory = sort_memory(spill, 4, Assembler::least_memory_beside_names(kept));
    let mut assembler = Assembler::new(output, shape, kept, spill, sort_memory)?;
    let mut text = ReferenceText::default();
    let mut next = 0;
    let wants = |ordinals: Range<u64>| Ok(ordinals.map(|ordinal| !members.is_set(ordinal)).collect());
    let mut windows = Windows::new(database, database.len(), GATHERED_SHARE, &wants);
    while next < database.len() {
        let within = next..windows.reach(next)?;
        let columns = columns(database, within.clone())?;
        let window = cut_window(within, |ordinal| {
            let header = u64::from(columns.header_entry(ordinal)?.text_length.get());
            Ok(header + residues_to_load(&columns, ordinal, members)?.unwrap_or(0))
        })?;
        let gathered = windows.window();
        let load_one = |last: &mut (LastBlock, LastBlock), ordinal| {
            load_one((database, &columns), last, ordinal, members, gathered)
        };
        let (encoded, loaded) = rayon::join(|| assembler.encode(), || load(window.clone(), load_one));
        encoded?;
        for (ordinal, record) in window.clone().zip(loaded?) {
            let Some(record) = record else { continue };
            text.begin(&record.header);
            match &record.residues {
                Some(residues) => {
                    text.residues(residues);
                    let residues = Residues::New(residues);
                    assembler.record(&record.header, record.id_length, residues, None, record.measures)?;
                }
                None => copy_long(database, &mut assembler, ordinal, &record, &mut text)?,
            }
            text.end();
        }
        next = window.end;
        (reduction.progress)("writing", next, database.len());
    }
    let particulars = Particulars {
        sources: vec![text.source()],
        provenance: provenance::lines(reduction, database, Some(left_out))?,
        alphabet: Some(database.alphabet()),
        features: 0,
    };
    assembler.seal(&particulars)
}

/// Nothing for members.
fn load_one(
    (database, columns): (&Database, &ColumnRun<'_>),
    (texts, sequences): &mut (LastBlock, LastBlock),
    ordinal: u64,
    members: &Marks,
    gathered: Option<&Window>,
) -> Result<Option<Loaded>> {
    if members.is_set(ordinal) {
        return Ok(None);
    }
    let entry = columns.header_entry(ordinal)?;
    Ok(Some(Loaded {
        header: texts.item(database, database.texts(), entry.text_item(), false)?,
        id_length: entry.id_length.get(),
        residues: match residues_to_load(columns, ordinal, members)? {
            Some(_) => Some(residues(database, columns, sequences, ordinal, gathered)?),
            None => None,
        },
        measures: Measures::read(database, ordinal)?,
    }))
}

/// Copies a record that is longer than a window, and encodes as it goes.
fn copy_long(
    database: &Database,
    assembler: &mut Assembler,
    ordinal: u64,
    record: &Loaded,
    text: &mut ReferenceText,
) -> Result<()> {
    assembler.begin_long(&record.header, record.id_length)?;
    let mut waiting = 0;
    database.for_each_residues(ordinal, 0..database.sequence_length(ordinal)?, |part| {
        assembler.push_long(part);
        text.residues(part);
        waiting += part.len() as u64;
        if waiting >= WINDOW {
            waiting = 0;
            assembler.encode()?;
        }
        Ok(())
    })?;
    assembler.end_long(None, record.measures)
}
