//! Placing records, one after the other: which earlier copy they share, or where theirs goes.

use talaria_db_spec::address::PackedAddress;

use super::Looked;
use crate::column::Columns;
use crate::error::Result;
use crate::fasta::batch::{Batch, Parsed};
use crate::memory::budget::Budget;
use crate::write::assemble::{Assembler, Residues};
use crate::write::measure::Measurer;
use crate::write::share::{Place, ShareTable};
use crate::write::unconfirmed::Unconfirmed;

/// Records between one whose place in the table is asked for and the one that is looked up.
const PREFETCH: usize = 8;

/// What finds copies.
#[derive(Debug)]
struct Share {
    table: ShareTable,
    unconfirmed: Unconfirmed,
}

/// Places the records of one batch after the other.
#[derive(Debug)]
pub(super) struct Placer {
    addresses: Vec<PackedAddress>,
    share: Option<Share>,
    measurer: Measurer,
    shared: u64,
}

impl Placer {
    /// What finding copies takes at least.
    pub(super) const SHARE_MEMORY: u64 = ShareTable::MEMORY + Unconfirmed::MEMORY;

    pub(super) fn new(share: bool, columns: Columns, budget: &Budget) -> Result<Self> {
        let make = || Ok(Share { table: ShareTable::new(budget)?, unconfirmed: Unconfirmed::new(budget)? });
        let share = share.then(make).transpose()?;
        Ok(Self { addresses: Vec::new(), share, measurer: Measurer::new(columns), shared: 0 })
    }

    /// Records that share the copy of an earlier one.
    pub(super) fn shared(&self) -> u64 {
        self.shared
    }

    /// Whether a batch can be placed while the blocks before are encoded: none of its records has to be compared with
    /// its copy in one of them right away.
    pub(super) fn can_defer(&mut self, looked: &Looked, assembler: &Assembler) -> bool {
        let Some(Share { unconfirmed, .. }) = &mut self.share else { return true };
        let Batch { records, residues, .. } = &looked.batch;
        records.is_empty() || !unconfirmed.is_urgent(assembler) && unconfirmed.has_room(residues.len(), records.len())
    }

    /// Compares records with their copies if the blocks of some are about to be forgotten. All blocks that are full
    /// must have been encoded.
    pub(super) fn confirm_if_urgent(&mut self, assembler: &Assembler) -> Result<()> {
        match &mut self.share {
            Some(Share { unconfirmed, .. }) if unconfirmed.is_urgent(assembler) => unconfirmed.confirm(assembler),
            _ => Ok(()),
        }
    }

    /// Compares all records with their copies for which that has not been done. All blocks that are full must have been
    /// encoded.
    pub(super) fn confirm(&mut self, assembler: &Assembler) -> Result<()> {
        self.share.as_mut().map_or(Ok(()), |share| share.unconfirmed.confirm(assembler))
    }

    /// Places the records of a batch. The blocks of the batches before must have been encoded, unless
    /// [`Self::can_defer`] says otherwise.
    pub(super) fn place(&mut self, looked: &Looked, assembler: &mut Assembler) -> Result<()> {
        let batch = &looked.batch;
        self.measurer.measure(batch);
        let targets = self.find_shared(looked, assembler)?;
        self.addresses.clear();
        for (index, record) in batch.records.iter().enumerate() {
            let text = &batch.text[record.text.clone()];
            let residues = &batch.residues[record.residues.clone()];
            let script = record.script.clone().map(|range| &batch.scripts[range]);
            let measures = self.measurer.next(index, record);
            let mut address = PackedAddress::default();
            match (record.starts, record.ends) {
                (true, true) => {
                    let copy = match targets.get(index).copied().flatten() {
                        Some(Place::Stored(address)) => Some(address),
                        Some(Place::InBatch(earlier)) => self.addresses.get(earlier).copied(),
                        None => None,
                    };
                    self.shared += u64::from(copy.is_some());
                    let residues = match copy {
                        Some(address) => Residues::Shared(address, residues.len() as u64),
                        None => Residues::New(residues),
                    };
                    address = assembler.record(text, record.id_length, residues, script, measures)?;
                }
                (starts, ends) => {
                    if starts {
                        assembler.begin_long(text, record.id_length)?;
                    }
                    assembler.push_long(residues);
                    if ends {
                        assembler.end_long(script, measures)?;
                    }
                }
            }
            self.addresses.push(address);
        }
        if let Some(Share { table, .. }) = &mut self.share {
            table.end_batch(|index| self.addresses[index]);
        }
        Ok(())
    }

    /// For each record of the batch, the earlier one whose copy it shares.
    fn find_shared(&mut self, looked: &Looked, assembler: &Assembler) -> Result<Vec<Option<Place>>> {
        let Some(Share { table, unconfirmed }) = &mut self.share else { return Ok(Vec::new()) };
        let Looked { batch: Batch { records, residues, .. }, hashes } = looked;
        let residues_of = |record: &Parsed| &residues[record.residues.clone()];
        let most = assembler.shape().sequence_block as usize;
        let oldest = assembler.open_block().saturating_sub(Assembler::COPIES_WITHIN);
        let mut targets = vec![None; records.len()];
        let mut ordinal = assembler.record_count();
        for (index, (record, hash)) in records.iter().zip(hashes).enumerate() {
            if let Some(hash) = hashes.get(index + PREFETCH).copied().flatten() {
                table.prefetch(hash);
            }
            let this = ordinal;
            ordinal += u64::from(record.ends);
            // A copy longer than a block would have to be compared block by block; `reduce` does that.
            let Some(hash) = hash.filter(|_| record.residues.len() <= most) else { continue };
            targets[index] = match table.find_or_add(hash, index) {
                Some(Place::InBatch(earlier)) if residues_of(&records[earlier]) == residues_of(record) => {
                    Some(Place::InBatch(earlier))
                }
                Some(Place::Stored(address)) if address.block() >= oldest => {
                    unconfirmed.add(this, residues_of(record), address, assembler)?;
                    Some(Place::Stored(address))
                }
                _ => None,
            };
        }
        Ok(targets)
    }
}
