//! A container of all records, in which members are addresses of their representative's copy, or deltas.
//!
//! Addresses of members are joined to their records by sorting, once the references have theirs, so that memory does
//! not grow with the number of members.

use std::iter::Peekable;
use std::ops::Range;

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::version::OPTIONAL_REDUCED;

use super::load::{GATHERED_SHARE, WINDOW, columns, cut_window, load, residues, residues_to_load};
use super::whole_blocks::{Run, WholeBlocks};
use super::{Marks, provenance};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::columns::ColumnRun;
use crate::read::scan::LastBlock;
use crate::read::window::Windows;
use crate::reduce::Reduction;
use crate::reduce::delta::{Members, Plan};
use crate::reduce::similarity::Pair;
use crate::write::assemble::{Residues, Shape};
use crate::write::carried::Carrier;
use crate::write::encode::Compression;
use crate::write::publish::Unpublished;
use crate::write::seal::Particulars;
use crate::write::spill::{Sorter, Spill};

/// What is written of a record that has no copy of its own; none of one that has.
type WithoutCopy<'a> = dyn Fn(&ColumnRun<'_>, u64) -> Result<Option<Residues<'static>>> + 'a;

/// A container whose residues are being placed.
pub(super) struct Complete<'a> {
    reduction: &'a Reduction<'a>,
    database: &'a Database,
    pub(super) carrier: Carrier<'a>,
    compression: Compression,
    /// Records that stand for nobody.
    members: &'a Marks,
    /// What became of those that are told.
    told: Option<Members>,
    /// By representative, of those that share its copy.
    pairs: Peekable<Box<dyn Iterator<Item = Result<Pair>>>>,
    /// Of records without a copy of their own, as they become known.
    addresses: Sorter<(u64, u64)>,
}

impl<'a> Complete<'a> {
    /// Starts one.
    pub(super) fn new(
        reduction: &'a Reduction<'a>,
        database: &'a Database,
        members: &'a Marks,
        plan: Plan,
        (output, shape): (Unpublished, Shape),
        spill: &Spill,
    ) -> Result<Self> {
        let carrier = Carrier::new(database, output, shape, spill)?;
        let Plan { told, pairs, addresses } = plan;
        let compression = shape.compression;
        Ok(Self { reduction, database, carrier, compression, members, told, pairs: pairs.peekable(), addresses })
    }

    /// Places the residues of all records. `note` gets the pairs that have not been noted.
    pub(super) fn place_all(&mut self, note: &mut dyn FnMut(Pair) -> Result<()>) -> Result<()> {
        let (database, members) = (self.database, self.members);
        // Where members are told, it has been found out which records have no copy of their own.
        let told = self.told.take();
        let later = told.as_ref().map_or(members, |told| &told.later);
        let without_copy = |columns: &ColumnRun<'_>, ordinal| -> Result<Option<Residues<'static>>> {
            if !later.is_set(ordinal) {
                return Ok(None);
            }
            let length = columns.sequence_length(ordinal)?;
            Ok(Some(match &told {
                Some(told) if told.deltas.is_set(ordinal) => {
                    Residues::Delta { length, shared: told.shared.is_set(ordinal) }
                }
                _ => Residues::Later(length),
            }))
        };
        // Members that are told have been noted already.
        let mut note = |pair| if told.is_none() { note(pair) } else { Ok(()) };
        let mut whole = WholeBlocks::new(database, later, self.compression)?;
        let mut next = 0;
        while next < database.len() {
            let run = whole.next()?;
            let end = run.as_ref().map_or(database.len(), |run| run.slots.start);
            self.place_each(next..end, later, &without_copy, &mut note)?;
            if let Some(run) = &run {
                self.copy(run, &without_copy, &mut note)?;
            }
            next = run.map_or(end, |run| run.slots.end);
            (self.reduction.progress)("writing", next, database.len());
        }
        // Records without a representative.
        self.pairs.by_ref().try_for_each(|pair| note(pair?))?;
        if let Some(stream) = told.and_then(|told| told.stream) {
            self.carrier.set_deltas(stream);
        }
        Ok(())
    }

    /// Places residues one by one.
    fn place_each(
        &mut self,
        ordinals: Range<u64>,
        later: &Marks,
        without_copy: &WithoutCopy<'_>,
        note: &mut dyn FnMut(Pair) -> Result<()>,
    ) -> Result<()> {
        let database = self.database;
        let mut next = ordinals.start;
        let wants = |ordinals: Range<u64>| Ok(ordinals.map(|ordinal| !later.is_set(ordinal)).collect());
        let mut windows = Windows::new(database, ordinals.end, GATHERED_SHARE, &wants);
        while next < ordinals.end {
            let within = next..windows.reach(next)?;
            let columns = columns(database, within.clone())?;
            let bytes_of = |ordinal| Ok(residues_to_load(&columns, ordinal, later)?.unwrap_or(0));
            let window = cut_window(within, bytes_of)?;
            let gathered = windows.window();
            let load_one = |last: &mut LastBlock, ordinal| match residues_to_load(&columns, ordinal, later)? {
                Some(_) => residues(database, &columns, last, ordinal, gathered).map(Some),
                None => Ok(None),
            };
            let (encoded, loaded) = rayon::join(|| self.carrier.encode(), || load(window.clone(), load_one));
            encoded?;
            for (ordinal, residues) in window.clone().zip(loaded?) {
                if let Some(told) = without_copy(&columns, ordinal)? {
                    self.carrier.record(told)?;
                    continue;
                }
                let address = match &residues {
                    Some(residues) => self.carrier.record(Residues::New(residues))?,
                    None => self.place_long(ordinal)?,
                };
                self.placed(ordinal, address, note)?;
            }
            next = window.end;
            (self.reduction.progress)("writing", next, database.len());
        }
        Ok(())
    }

    /// Copies a record that is longer than a window, and encodes as it goes.
    fn place_long(&mut self, ordinal: u64) -> Result<PackedAddress> {
        let (database, mut waiting) = (self.database, 0);
        let length = database.sequence_length(ordinal)?;
        self.carrier.long_record(length, |take| {
            database.for_each_residues(ordinal, 0..length, |part| {
                waiting += part.len() as u64;
                let encodes = waiting >= WINDOW;
                waiting = if encodes { 0 } else { waiting };
                take(part, encodes)
            })
        })
    }

    /// Carries blocks over.
    fn copy(
        &mut self,
        run: &Run,
        without_copy: &WithoutCopy<'_>,
        note: &mut dyn FnMut(Pair) -> Result<()>,
    ) -> Result<()> {
        let (database, mut cursor) = (self.database, self.database.column_cursor(0..self.database.len()));
        for block in run.blocks.clone() {
            let number = self.carrier.copy_block(block)?;
            for ordinal in database.first_slot(block)?..database.first_slot(block + 1)? {
                let columns = cursor.at(ordinal)?;
                if let Some(told) = without_copy(columns, ordinal)? {
                    self.carrier.record(told)?;
                    continue;
                }
                let item = columns.sequence_item(ordinal)?;
                // One of no residues may be said to lie anywhere.
                let byte = if item.length == 0 { 0 } else { item.address.byte() };
                let out_of_range = Error::OutOfRange { what: "block", got: number, count: 1 << 40 };
                let address = PackedAddress::new(number, byte).ok_or(out_of_range)?;
                self.carrier.copied_record(address, item.length)?;
                self.placed(ordinal, address, note)?;
            }
        }
        Ok(())
    }

    /// Gives a record's address to those that share its copy.
    fn placed(&mut self, ordinal: u64, address: PackedAddress, note: &mut dyn FnMut(Pair) -> Result<()>) -> Result<()> {
        let is_its = |pair: &Result<Pair>| pair.as_ref().map_or(true, |pair| pair.representative == ordinal);
        while let Some(pair) = self.pairs.next_if(is_its) {
            let pair = pair?;
            self.addresses.push((pair.member, address.bits()))?;
            note(pair)?;
        }
        Ok(())
    }

    /// Writes the rest of it.
    pub(super) fn seal(self) -> Result<Unpublished> {
        let particulars = Particulars {
            sources: self.database.sources()?,
            provenance: provenance::lines(self.reduction, self.database, None)?,
            alphabet: Some(self.database.alphabet()),
            features: OPTIONAL_REDUCED,
        };
        self.carrier.seal(&particulars, self.addresses.finish()?)
    }
}
