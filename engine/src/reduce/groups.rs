//! What a method found: which record joins which, and which ones nobody stands for, sorted on disk where it is too much
//! for memory.

use talaria_db_spec::membership::NO_REPRESENTATIVE;

use crate::error::Result;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::similarity::{Pair, Similarity, WHOLE};
use crate::write::spill::{Sorted, Sorter, Spill};

/// Members and their representatives, and records that have none.
#[derive(Debug)]
pub(crate) struct Groups {
    /// (record, representative), the latter [`NO_REPRESENTATIVE`] for records that have none; so below.
    by_member: Sorter<(u64, u64)>,
    /// With how alike they are.
    by_representative: Sorter<Pair>,
    records: u64,
    clusters: u64,
    /// Records of an earlier result, which come first; and new ones that joined others, and those of old.
    old: u64,
    new_members: u64,
    joined_old: u64,
    /// Records without a representative, and their residues.
    unrepresented: (u64, u64),
    /// Members of each identity, in ten-thousandths.
    identities: Vec<u64>,
    /// Groups of the same records under whoever has their residues, if that is another than the representative.
    copies: Option<Box<Self>>,
    /// Clusters of at least two records, by the binary logarithm of their size, rounded up.
    sizes: [u64; 64],
}

impl Groups {
    /// No groups yet among `records` records. They are kept until all is written, which takes `reserve` bytes beside
    /// them.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub(crate) fn new(records: u64, spill: &Spill, reserve: u64) -> Result<Self> {
        // At most as much as all records take.
        let memory = |bytes| memory_within(spill.budget().available(), records, bytes, reserve);
        Ok(Self {
            by_member: Sorter::new(spill, "members and their representatives", memory(16))?,
            by_representative: Sorter::new(spill, "representatives and their members", memory(size_of::<Pair>()))?,
            records,
            clusters: 0,
            old: 0,
            new_members: 0,
            joined_old: 0,
            unrepresented: (0, 0),
            identities: vec![0; usize::from(WHOLE) + 1],
            copies: None,
            sizes: [0; 64],
        })
    }

    /// The first `old` records are those of an earlier result.
    pub(crate) fn after(self, old: u64) -> Self {
        Self { old, ..self }
    }

    /// New records that join others, and how many of these are of the earlier result.
    pub(crate) fn new_members(&self) -> (u64, u64) {
        (self.new_members, self.joined_old)
    }

    /// What groups of so many records take.
    pub(crate) fn estimate(account: &mut Account, records: u64, reserve: u64) -> Vec<Held> {
        let memory = memory_within(account.available(), records, 16, reserve);
        let by_member = account.sort::<(u64, u64)>("members and their representatives", memory, records);
        let memory = memory_within(account.available(), records, size_of::<Pair>(), reserve);
        vec![by_member, account.sort::<Pair>("representatives and their members", memory, records)]
    }

    /// `member` joins `representative`, to which it is this similar. A record joins at most once, and one that stands
    /// for itself.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Space`].
    pub(crate) fn join(&mut self, representative: u64, member: u64, similarity: Similarity) -> Result<()> {
        self.identities[usize::from(similarity.identity())] += 1;
        if member >= self.old {
            self.new_members += 1;
            self.joined_old += u64::from(representative < self.old);
        }
        self.by_member.push((member, representative))?;
        self.by_representative.push(Pair { representative, member, similarity })
    }

    /// Nobody stands for `record`, which has so many residues, nor does it itself. Only of methods that tell their
    /// members: what is told otherwise is that each record without a copy has a representative. No such record joins
    /// another one, and none joins it.
    ///
    /// Its residues are stored like those of a reference, unless [`Groups::set_copies`] says who has them.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Space`].
    pub(crate) fn leave(&mut self, record: u64, residues: u64) -> Result<()> {
        self.unrepresented.0 += 1;
        self.unrepresented.1 += residues;
        let pair = Pair::unrepresented(record);
        self.by_member.push((record, NO_REPRESENTATIVE))?;
        self.by_representative.push(pair)
    }

    /// Groups without members yet, whose clusters have the sizes of these.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub(crate) fn emptied(&self, spill: &Spill, reserve: u64) -> Result<Self> {
        let empty = Self::new(self.records, spill, reserve)?;
        Ok(Self { clusters: self.clusters, sizes: self.sizes, ..empty })
    }

    /// Says who has the residues, by groups of which none leaves a record: the same clusters, each under its first
    /// record, or clusters that records without a representative are in, too.
    pub(crate) fn set_copies(&mut self, copies: Self) {
        self.copies = Some(Box::new(copies));
    }

    /// Who has the residues, if that is another than the representative.
    pub(crate) fn take_copies(&mut self) -> Option<Self> {
        self.copies.take().map(|copies| *copies)
    }

    /// Counts a cluster of `size` records, once all its members have joined.
    pub(crate) fn count(&mut self, size: u64) {
        if size > 1 {
            self.clusters += 1;
            self.sizes[size.next_power_of_two().trailing_zeros() as usize] += 1;
        }
    }

    /// Records that join another one.
    pub(crate) fn members(&self) -> u64 {
        self.by_member.len() - self.unrepresented.0
    }

    /// Records that have no representative, and their residues.
    pub(crate) const fn unrepresented(&self) -> (u64, u64) {
        self.unrepresented
    }

    /// For each of these percentages the identity that so many of the members do not exceed, at the nearest rank;
    /// nothing without members.
    pub(crate) fn identity_quantiles(&self, percentages: &[u8]) -> Vec<(u8, u16)> {
        let members = self.members();
        let quantile = |&percentage: &u8| {
            let rank = (u128::from(members) * u128::from(percentage)).div_ceil(100).max(1);
            let mut seen = 0;
            let at = self.identities.iter().position(|&count| {
                seen += u128::from(count);
                seen >= rank
            })?;
            Some((percentage, u16::try_from(at).unwrap_or(WHOLE)))
        };
        percentages.iter().filter_map(quantile).collect()
    }

    /// Largest size of a class, and how many clusters are in it. Records without a representative are in none.
    pub(crate) fn sizes(&self) -> Vec<(u64, u64)> {
        let alone = self.records - self.by_member.len() - self.clusters;
        let larger = (1_u32..64).map(|class| (1_u64 << class, self.sizes[class as usize]));
        std::iter::once((1, alone)).chain(larger).filter(|&(_, count)| count > 0).collect()
    }

    /// (record, representative) by record, and all pairs by representative, records without one last.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub(crate) fn finish(self) -> Result<(Sorted<(u64, u64)>, Pairs)> {
        Ok((self.by_member.finish()?, self.by_representative.finish()?))
    }
}

/// Memory for sorting the pairs of `records` records.
fn memory_within(available: u64, records: u64, bytes: usize, reserve: u64) -> usize {
    sort_memory_within(available, 8, reserve).min(sort_memory_of(records, bytes))
}

/// Pairs by representative, then by member; records without a representative last.
pub(crate) type Pairs = Sorted<Pair>;

/// Least memory of a sorter.
pub(crate) const LEAST_SORT_MEMORY: u64 = 1 << 20;

/// What sorting so many records of so many bytes takes at most.
pub(crate) fn sort_memory_of(records: u64, bytes: usize) -> usize {
    usize::try_from(records).unwrap_or(usize::MAX).saturating_mul(bytes).saturating_add(LEAST_SORT_MEMORY as usize)
}

/// A share of what is available of the budget beside `reserve`, within reason. What caches hold counts as available, so
/// that what they happen to hold does not decide how many runs there are.
pub(crate) fn sort_memory(spill: &Spill, share: u64, reserve: u64) -> usize {
    sort_memory_within(spill.budget().available(), share, reserve)
}

/// The same where `available` bytes are.
pub(crate) fn sort_memory_within(available: u64, share: u64, reserve: u64) -> usize {
    let free = available.saturating_sub(reserve);
    usize::try_from((free / share).clamp(LEAST_SORT_MEMORY, 64 << 20)).unwrap_or(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::budget::Budget;

    #[test]
    fn quantiles_of_identity() {
        let spill = Spill::new(Budget::new(64 << 20), std::env::temp_dir(), None);
        let mut groups = Groups::new(300, &spill, 0).unwrap();
        assert_eq!(groups.identity_quantiles(&[0, 50, 95]), []);
        for member in 1..=100 {
            groups.join(0, member, Similarity::new(9_000 + member as u16, 1)).unwrap();
        }
        let expected = [(0, 9_001), (5, 9_005), (25, 9_025), (50, 9_050), (100, 9_100)];
        assert_eq!(groups.identity_quantiles(&[0, 5, 25, 50, 100]), expected);
    }
}
