//! Which record stands for which, in the compact form: rules M-7 to M-12.
//!
//! Passes over each section, and one along all cycles of the permutation of the members, for which a bit a member is
//! leased. What one rule says is compared only where those hold that it builds on.

use talaria_db_spec::SpecError;
use talaria_db_spec::forever::PAGE;
use talaria_db_spec::membership::{check_coverage, check_identity};
use talaria_db_spec::shortcut;
use talaria_db_spec::standing::{Ranks, Standing, StandingItem};
use talaria_db_spec::validate::Section;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::memory::budget::Lease;
use crate::read::clusters::compact::{Compact, Walk};
use crate::read::verify::Findings;

/// Items that are read together.
const RUN: u64 = PAGE;

impl Database {
    pub(super) fn verify_compact(&self, compact: &Compact, findings: &Findings) -> Result<()> {
        findings.note(self.verify_shares(&compact.identities, check_identity));
        findings.note(self.verify_shares(&compact.coverages, check_coverage));
        let checks = [self.verify_standing(compact), self.verify_unrepresented(compact), self.verify_groups(compact)];
        let sound = checks.map(|check| findings.note(check).is_some());
        if sound.contains(&false) {
            return Ok(());
        }
        let mut places = Bits::new(compact.members.item_count, self)?;
        if findings.note(self.verify_list(compact, &mut places)).is_some() {
            findings.note(self.verify_shortcuts(compact, places));
        }
        Ok(())
    }

    /// M-7: counts go on from item to item, and come to the numbers of items of the other sections.
    fn verify_standing(&self, compact: &Compact) -> Result<()> {
        let (mut before, mut index) = (Ranks::default(), 0);
        self.for_each_item(&compact.standing, |bytes: &[u8; 64]| {
            let item: StandingItem = zerocopy::transmute!(*bytes);
            before = item.check(index, before, self.len()).map_err(Error::format(self.path()))?;
            index += 1;
            Ok(())
        })?;
        let counts = [
            ("members", compact.members.item_count, before.members),
            ("coverages", compact.coverages.item_count, before.partial),
            ("groups", compact.groups.item_count, before.leaders + 1),
        ];
        match counts.into_iter().find(|&(_, got, expected)| got != expected) {
            Some((section, got, expected)) => Err(self.broken(section, "item_count", "M-7", 0, got, expected)),
            None => Ok(()),
        }
    }

    /// M-8: only records that stand for nobody and have nobody are without a representative.
    fn verify_unrepresented(&self, compact: &Compact) -> Result<()> {
        let Some(section) = &compact.unrepresented else { return Ok(()) };
        let mut first = 0;
        self.for_each_item(section, |bytes: &[u8; 8]| {
            let mut word = u64::from_le_bytes(*bytes);
            while word != 0 {
                let ordinal = first + u64::from(word.trailing_zeros());
                if ordinal >= self.len() {
                    return Err(self.broken("unrepresented", "ordinal", "M-8", first / 64, ordinal, self.len()));
                }
                if compact.stand(self, ordinal)?.standing != Standing::Alone {
                    return Err(self.broken("unrepresented", "standing", "M-8", first / 64, ordinal, 0));
                }
                word &= word - 1;
            }
            first += 64;
            Ok(())
        })
    }

    /// M-9: the groups start at 0, each has a member, and the last one ends where the list of members does.
    fn verify_groups(&self, compact: &Compact) -> Result<()> {
        let (mut before, mut index) = (None, 0);
        let mut next = |start: u64| {
            let expected = before.map_or(0, |before: u64| before + 1);
            if start < expected || before.is_none() && start != 0 {
                return Err(self.broken("groups", "start", "M-9", index, start, expected));
            }
            (before, index) = (Some(start), index + 1);
            Ok(())
        };
        match compact.groups.item_size {
            8 => self.for_each_item(&compact.groups, |bytes: &[u8; 8]| next(u64::from_le_bytes(*bytes))),
            _ => self.for_each_item(&compact.groups, |bytes: &[u8; 4]| next(u32::from_le_bytes(*bytes).into())),
        }?;
        let (count, end) = (compact.members.item_count, before.unwrap_or(0));
        if end == count { Ok(()) } else { Err(self.broken("groups", "start", "M-9", index - 1, end, count)) }
    }

    /// M-10: each list ascends, and has members, each of them once. Sets the bits of their ranks.
    fn verify_list(&self, compact: &Compact, ranks: &mut Bits) -> Result<()> {
        for leader in 0..compact.groups.item_count - 1 {
            let mut before = None;
            for place in compact.group(self, leader)? {
                let (member, stand) = compact.member_at(self, place)?;
                if before.is_some_and(|before| before >= member) {
                    return Err(self.broken("members", "order", "M-10", place, member, before.unwrap_or(0)));
                }
                before = Some(member);
                if !ranks.set(stand.before.members) {
                    return Err(self.broken("members", "ordinal", "M-10", place, member, member));
                }
            }
        }
        Ok(())
    }

    /// M-11.
    fn verify_shares(
        &self,
        section: &Section,
        check: fn(u64, u16) -> std::result::Result<(), SpecError>,
    ) -> Result<()> {
        let mut index = 0;
        self.for_each_item(section, |bytes: &[u8; 2]| {
            check(index, u16::from_le_bytes(*bytes)).map_err(Error::format(self.path()))?;
            index += 1;
            Ok(())
        })
    }

    /// M-12: the shortcuts ascend, and are those of the permutation. All `ranks` are set.
    fn verify_shortcuts(&self, compact: &Compact, mut ranks: Bits) -> Result<()> {
        let (mut before, mut index) = (None, 0);
        self.for_each_item(&compact.shortcuts, |bytes: &[u8; 16]| {
            let (halves, _) = bytes.as_chunks::<8>();
            let from = halves.first().copied().map_or(0, u64::from_le_bytes);
            if before.is_some_and(|before| before >= from) {
                return Err(self.broken("shortcuts", "from", "M-12", index, from, before.unwrap_or(0)));
            }
            (before, index) = (Some(from), index + 1);
            Ok(())
        })?;
        let mut found = 0;
        let walk = shortcut::for_each(
            compact.members.item_count,
            |at| match ranks.take(at) {
                true => Ok(Some(compact.member_at(self, at)?.1.before.members)),
                false => Ok(None),
            },
            |from, to| {
                found += 1;
                match compact.shortcut(self, from)? {
                    Some(got) if got == to => Ok(()),
                    got => Err(self.broken("shortcuts", "to", "M-12", from, got.unwrap_or(u64::MAX), to).into()),
                }
            },
        );
        match walk {
            Ok(()) if found == index => Ok(()),
            Ok(()) => Err(self.broken("shortcuts", "item_count", "M-12", 0, index, found)),
            Err(Walk::Read(error)) => Err(error),
            Err(Walk::Endless(violation)) => Err(Error::format(self.path())(violation)),
        }
    }

    /// All items of a section, which have `N` bytes.
    fn for_each_item<const N: usize>(
        &self,
        section: &Section,
        mut item: impl FnMut(&[u8; N]) -> Result<()>,
    ) -> Result<()> {
        for first in (0..section.item_count).step_by(RUN as usize) {
            let run = self.items(section, first..section.item_count.min(first + RUN))?;
            run.as_chunks::<N>().0.iter().try_for_each(&mut item)?;
        }
        Ok(())
    }
}

/// A bit a member.
struct Bits {
    words: Vec<u64>,
    _lease: Lease,
}

impl Bits {
    fn new(count: u64, database: &Database) -> Result<Self> {
        let words = count.div_ceil(64);
        let lease = database.budget().lease("a bit a member", words * 8)?;
        Ok(Self { words: vec![0; usize::try_from(words).unwrap_or(0)], _lease: lease })
    }

    /// Sets one; whether it was not set.
    fn set(&mut self, at: u64) -> bool {
        let Some(word) = self.words.get_mut((at / 64) as usize) else { return false };
        let before = std::mem::replace(word, *word | 1 << (at % 64));
        before >> (at % 64) & 1 == 0
    }

    /// Takes one back; whether it was set.
    fn take(&mut self, at: u64) -> bool {
        let Some(word) = self.words.get_mut((at / 64) as usize) else { return false };
        let before = std::mem::replace(word, *word & !(1 << (at % 64)));
        before >> (at % 64) & 1 == 1
    }
}
