//! What a method found: which record joins which, sorted on disk where it is too much for memory.

use crate::error::Result;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::similarity::{Pair, Similarity, WHOLE};
use crate::write::spill::{Sorted, Sorter, Spill};

/// Members and their representatives.
#[derive(Debug)]
pub(crate) struct Groups {
    /// (member, representative).
    by_member: Sorter<(u64, u64)>,
    /// With how alike they are.
    by_representative: Sorter<Pair>,
    records: u64,
    clusters: u64,
    /// Members of each identity, in ten-thousandths.
    identities: Vec<u64>,
    /// Groups of the same records under whoever has their residues, if that is another than the representative.
    copies: Option<Box<Self>>,
    /// Clusters of at least two records, by the binary logarithm of their size, rounded up.
    sizes: [u64; 64],
}

impl Groups {
    /// No groups yet among `records` records. They are kept until all is written, which takes `reserve` bytes beside them.
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
            identities: vec![0; usize::from(WHOLE) + 1],
            copies: None,
            sizes: [0; 64],
        })
    }

    /// What groups of so many records take.
    pub(crate) fn estimate(account: &mut Account, records: u64, reserve: u64) -> Vec<Held> {
        let memory = memory_within(account.available(), records, 16, reserve);
        let by_member = account.sort::<(u64, u64)>("members and their representatives", memory, records);
        let memory = memory_within(account.available(), records, size_of::<Pair>(), reserve);
        vec![by_member, account.sort::<Pair>("representatives and their members", memory, records)]
    }

    /// `member` joins `representative`, to which it is this similar. A record joins at most once, and one that stands for itself.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Space`].
    pub(crate) fn join(&mut self, representative: u64, member: u64, similarity: Similarity) -> Result<()> {
        self.identities[usize::from(similarity.identity())] += 1;
        self.by_member.push((member, representative))?;
        self.by_representative.push(Pair { representative, member, similarity })
    }

    /// Groups without members yet, whose clusters have the sizes of these.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub(crate) fn emptied(&self, spill: &Spill, reserve: u64) -> Result<Self> {
        let empty = Self::new(self.records, spill, reserve)?;
        Ok(Self { clusters: self.clusters, sizes: self.sizes, ..empty })
    }

    /// Says who has the residues: the same clusters, each under its first record.
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
        self.by_member.len()
    }

    /// For each of these percentages the identity that so many of the members do not exceed, at the nearest rank; nothing without members.
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

    /// Largest size of a class, and how many clusters are in it.
    pub(crate) fn sizes(&self) -> Vec<(u64, u64)> {
        let alone = self.records - self.members() - self.clusters;
        let larger = (1_u32..64).map(|class| (1_u64 << class, self.sizes[class as usize]));
        std::iter::once((1, alone)).chain(larger).filter(|&(_, count)| count > 0).collect()
    }

    /// (member, representative) by member, and all pairs by representative.
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

/// Pairs by representative, then by member.
pub(crate) type Pairs = Sorted<Pair>;

/// Least memory of a sorter.
pub(crate) const LEAST_SORT_MEMORY: u64 = 1 << 20;

/// What sorting so many records of so many bytes takes at most.
pub(crate) fn sort_memory_of(records: u64, bytes: usize) -> usize {
    usize::try_from(records).unwrap_or(usize::MAX).saturating_mul(bytes).saturating_add(LEAST_SORT_MEMORY as usize)
}

/// A share of what is available of the budget beside `reserve`, within reason. What caches hold counts as available, so that what they happen to
/// hold does not decide how many runs there are.
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
