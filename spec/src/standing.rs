//! How records stand in the compact form of membership: two bits a record, and counts of what comes before them.
//!
//! An item is one line of a processor's cache and has 160 records. What a record's place is in the lists of members, of
//! coverages and of leaders is the count of its item and the bits before it: one look at memory.

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::SpecError;

/// Records of an item; the last one may have fewer.
pub const RECORDS: u64 = 160;

/// Records in eight bytes.
const WORD: u64 = 32;
/// The low bits of the records in eight bytes.
const LOW: u64 = 0x5555_5555_5555_5555;

/// FORMAT.md, section 13: an item of the section standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct StandingItem {
    /// Members of smaller ordinals than those of the item.
    pub members: U64,
    /// Members with a coverage of their own among them.
    pub partial: U64,
    /// Leaders of smaller ordinals than those of the item.
    pub leaders: U64,
    /// Two bits a record, the first record in the lowest ones.
    pub standings: [u8; 40],
}

/// How a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Standing {
    /// For itself alone; or it has no representative, which another section tells.
    Alone = 0,
    /// For itself and others.
    Leader = 1,
    /// Another one stands for it, which covers all of it: the coverage is 10000.
    Covered = 2,
    /// Another one stands for it, with a coverage of its own.
    Partial = 3,
}

impl Standing {
    /// Whether another record stands for it.
    #[must_use]
    pub const fn is_member(self) -> bool {
        matches!(self, Self::Covered | Self::Partial)
    }

    const fn of_bits(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Alone,
            1 => Self::Leader,
            2 => Self::Covered,
            _ => Self::Partial,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Alone => 0,
            Self::Leader => 1,
            Self::Covered => 2,
            Self::Partial => 3,
        }
    }
}

/// How many records there are of each kind before some record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ranks {
    /// Members.
    pub members: u64,
    /// Members with a coverage of their own.
    pub partial: u64,
    /// Leaders.
    pub leaders: u64,
}

impl StandingItem {
    /// The item of records that stand alone, after those that `before` counts.
    #[must_use]
    pub const fn new(before: Ranks) -> Self {
        let Ranks { members, partial, leaders } = before;
        let [members, partial, leaders] = [U64::new(members), U64::new(partial), U64::new(leaders)];
        Self { members, partial, leaders, standings: [0; 40] }
    }

    /// Says how the record `place` of the item stands, of which nothing has been said.
    pub fn set(&mut self, place: u64, standing: Standing) {
        let byte = usize::try_from(place / 4).ok().and_then(|byte| self.standings.get_mut(byte));
        if let Some(byte) = byte {
            *byte |= standing.bits() << (2 * (place % 4));
        }
    }

    /// How the record `place` of the item stands; beyond the item they all stand alone.
    #[must_use]
    pub fn standing(&self, place: u64) -> Standing {
        let byte = usize::try_from(place / 4).ok().and_then(|byte| self.standings.get(byte));
        Standing::of_bits(u64::from(byte.copied().unwrap_or(0)) >> (2 * (place % 4)))
    }

    /// What comes before the record `place` of the item; with [`RECORDS`] for it, what comes before the next item.
    #[must_use]
    pub fn before(&self, place: u64) -> Ranks {
        let (mut members, mut partial, mut leaders) = (0_u64, 0_u64, 0_u64);
        for (first, word) in (0..).step_by(32).zip(self.words()) {
            // As many records of the word as come before the place.
            let count = place.saturating_sub(first).min(WORD);
            let kept = if count < WORD { word & ((1 << (2 * count)) - 1) } else { word };
            let (high, low) = (kept >> 1 & LOW, kept & LOW);
            members += u64::from(high.count_ones());
            partial += u64::from((high & low).count_ones());
            leaders += u64::from((low & !high).count_ones());
        }
        Ranks {
            members: self.members.get().saturating_add(members),
            partial: self.partial.get().saturating_add(partial),
            leaders: self.leaders.get().saturating_add(leaders),
        }
    }

    /// The place of the leader in the item before which there are `rank` leaders of all; none if it is in another item.
    #[must_use]
    pub fn leader(&self, rank: u64) -> Option<u64> {
        let mut left = rank.checked_sub(self.leaders.get())?;
        for (first, word) in (0_u64..).step_by(32).zip(self.words()) {
            let mut leaders = word & LOW & !(word >> 1);
            let count = u64::from(leaders.count_ones());
            if left >= count {
                left -= count;
                continue;
            }
            for _ in 0..left {
                leaders &= leaders.wrapping_sub(1);
            }
            return Some(first + u64::from(leaders.trailing_zeros()) / 2);
        }
        None
    }

    /// Compares item `index`, before which there is what `before` says, with what rule M-7 asks of it in a file of so
    /// many records, and returns what comes before the next one.
    ///
    /// # Errors
    /// M-7.
    pub fn check(&self, index: u64, before: Ranks, records: u64) -> Result<Ranks, SpecError> {
        let broken = |field, got, expected| Err(SpecError::violation("standing", field, "M-7", index, got, expected));
        let counts = [
            ("members", self.members.get(), before.members),
            ("partial", self.partial.get(), before.partial),
            ("leaders", self.leaders.get(), before.leaders),
        ];
        for (field, got, expected) in counts {
            if got != expected {
                return broken(field, got, expected);
            }
        }
        let count = records.saturating_sub(index.saturating_mul(RECORDS)).min(RECORDS);
        let after = (count..RECORDS).find(|&place| self.standing(place) != Standing::Alone);
        if let Some(place) = after {
            return broken("standing after the last record", self.standing(place).bits().into(), 0);
        }
        Ok(self.before(RECORDS))
    }

    fn words(&self) -> impl Iterator<Item = u64> + '_ {
        self.standings.chunks_exact(8).map(|chunk| chunk.first_chunk().copied().map_or(0, u64::from_le_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// An item of 160 records that stand in turn in each way, with more of some.
    fn item() -> (StandingItem, Vec<Standing>) {
        let mut item = StandingItem::new(Ranks { members: 1000, partial: 100, leaders: 10 });
        let all = [Standing::Alone, Standing::Leader, Standing::Covered, Standing::Partial];
        let standings: Vec<Standing> = (0..160_usize).map(|place| all[place * place % 7 % 4]).collect();
        for (place, &standing) in (0..).zip(&standings) {
            item.set(place, standing);
        }
        (item, standings)
    }

    #[test]
    fn ranks_are_counts() {
        let (item, standings) = item();
        for place in 0..=160_usize {
            let count = |is: fn(&Standing) -> bool| standings[..place].iter().filter(|standing| is(standing)).count();
            let expected = Ranks {
                members: 1000 + count(|standing| standing.is_member()) as u64,
                partial: 100 + count(|&standing| standing == Standing::Partial) as u64,
                leaders: 10 + count(|&standing| standing == Standing::Leader) as u64,
            };
            assert_eq!(item.before(place as u64), expected, "{place}");
            let standing = standings.get(place).copied().unwrap_or(Standing::Alone);
            assert_eq!(item.standing(place as u64), standing, "{place}");
        }
    }

    #[test]
    fn leaders_are_found_by_rank() {
        let (item, standings) = item();
        let leaders: Vec<usize> = (0..160).filter(|&place| standings[place] == Standing::Leader).collect();
        for (rank, &place) in leaders.iter().enumerate() {
            assert_eq!(item.leader(10 + rank as u64), Some(place as u64));
        }
        assert_eq!((item.leader(9), item.leader(10 + leaders.len() as u64)), (None, None));
    }

    // EVIDENCE: M-7
    #[test]
    fn counts_and_what_follows_the_last_record_are_compared() {
        let (item, _) = item();
        let before = Ranks { members: 1000, partial: 100, leaders: 10 };
        let rule = |item: &StandingItem, records| item.check(2, before, records).map_err(|error| error.rule());
        assert_eq!(rule(&item, 480), Ok(item.before(160)));
        assert_eq!(rule(&item, 10_000), Ok(item.before(160)));
        assert_eq!(rule(&item, 479), if item.standing(159) == Standing::Alone { rule(&item, 480) } else { Err("M-7") });
        assert_eq!(rule(&item, 321), Err("M-7"));
        let changes: [fn(&mut StandingItem); 3] =
            [|item| item.members.set(999), |item| item.partial.set(0), |item| item.leaders.set(u64::MAX)];
        for change in changes {
            let mut changed = item;
            change(&mut changed);
            assert_eq!(rule(&changed, 480), Err("M-7"));
        }
    }

    #[test]
    fn counts_of_a_hostile_file_end_at_the_largest_number() {
        let most = Ranks { members: u64::MAX, partial: u64::MAX, leaders: u64::MAX };
        let item = StandingItem { standings: [0xFF; 40], ..StandingItem::new(most) };
        assert_eq!(item.before(160), most);
        assert_eq!(item.leader(0), None);
    }
}
