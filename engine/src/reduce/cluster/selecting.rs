//! What is chosen as a reference, and what not, where references are chosen for what they cover.
//!
//! Takes [`MEMORY`] bytes of memory a record, and eight in memory or on disk.

use super::Context;
use super::assignment::Assignment;
use super::order::Order;
use crate::error::Result;
use crate::memory::budget::Lease;
use crate::reduce::taxa::Taxa;
use crate::write::spill::SpillColumn;

/// Bytes of memory a record: an item that waits while each taxon gets a reference.
pub(super) const MEMORY: u64 = 16;

/// The state of a choice.
#[derive(Debug)]
pub(super) struct Selecting<'a> {
    /// Residues of each rank, and of the records that share its lot; until the choice takes them.
    pub(super) weights: Option<SpillColumn<u64>>,
    lengths: Lengths<'a>,
    /// Residues that references may still have.
    left: u64,
    taxa: Option<&'a Taxa>,
    /// References of each taxon.
    references: Vec<u32>,
    /// Taxa without one.
    waiting: usize,
    _lease: Lease,
}

/// Where lengths come from.
#[derive(Debug)]
struct Lengths<'a> {
    database: &'a crate::database::Database,
    ordinals: &'a [u32],
}

impl Lengths<'_> {
    fn of(&self, rank: u32) -> Result<u64> {
        self.database.sequence_length(self.ordinals[rank as usize].into())
    }
}

impl<'a> Selecting<'a> {
    /// Nothing is chosen yet. References may have `ratio` ten-thousandths of all residues.
    pub(super) fn new(
        database: &'a crate::database::Database,
        context: &Context<'_>,
        order: &'a Order,
        assignment: &Assignment,
        ratio: Option<u16>,
        taxa: Option<&'a Taxa>,
    ) -> Result<Self> {
        let records = order.ordinals.len();
        let lease = context.spill.budget().lease("what records cover", records as u64 * MEMORY)?;
        let lengths = Lengths { database, ordinals: &order.ordinals };
        let mut weights = SpillColumn::new(context.spill, "residues by rank", records, 0_u64, context.keep)?;
        for rank in 0..records as u32 {
            weights[assignment.first(rank) as usize] += lengths.of(rank)?;
        }
        let all = u128::from(database.residue_count());
        let part = |ratio: u16| u64::try_from(all * u128::from(ratio) / 10_000).unwrap_or(u64::MAX);
        let count = taxa.map_or(0, Taxa::count) as usize;
        let (left, references) = (ratio.map_or(u64::MAX, part), vec![0; count]);
        Ok(Self { weights: Some(weights), lengths, left, taxa, references, waiting: count, _lease: lease })
    }

    /// Taxa without a reference.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    fn taxon(&self, rank: u32) -> Option<usize> {
        self.taxa?.of(self.lengths.ordinals[rank as usize]).map(|taxon| taxon as usize - 1)
    }

    /// Whether a rank is of a taxon that has no reference.
    pub(super) fn is_awaited(&self, rank: u32) -> bool {
        self.taxon(rank).is_some_and(|taxon| self.references[taxon] == 0)
    }

    /// Whether a rank fits into the residues that references may have.
    pub(super) fn fits(&self, rank: u32) -> Result<bool> {
        Ok(self.lengths.of(rank)? <= self.left)
    }

    /// A rank is a reference now.
    pub(super) fn choose(&mut self, rank: u32) -> Result<()> {
        self.left = self.left.saturating_sub(self.lengths.of(rank)?);
        if let Some(taxon) = self.taxon(rank) {
            self.waiting -= usize::from(self.references[taxon] == 0);
            self.references[taxon] += 1;
        }
        Ok(())
    }

    /// Drops a reference, unless it is the only one of its taxon; whether it did.
    pub(super) fn drop_reference(&mut self, rank: u32) -> bool {
        match self.taxon(rank) {
            Some(taxon) if self.references[taxon] == 1 => false,
            Some(taxon) => {
                self.references[taxon] -= 1;
                true
            }
            None => true,
        }
    }
}
