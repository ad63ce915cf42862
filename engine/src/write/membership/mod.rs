//! The sections that say which record stands for which, in the compact form (FORMAT.md, section 13).
//!
//! Pairs come by representative, which is the order of the members' section; an external sort brings them into that of
//! the records. The shortcuts from a member to its place are found in the cycles of a permutation that is in memory
//! while there is room, else in a mapped temporary file.

mod successors;
#[cfg(test)]
mod tests;

use std::io::Read;

use talaria_db_spec::membership::WHOLE;
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::shortcut::{self, STRIDE};
use talaria_db_spec::standing::{RECORDS, Ranks, Standing, StandingItem};
use zerocopy::IntoBytes;

use self::successors::Successors;
use crate::error::{Error, Result};
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::sort_memory_of;
use crate::reduce::similarity::Pair;
use crate::write::sections::SectionWriter;
use crate::write::spill::{Sorted, Sorter, Spill, SpillBuffer, SpillReader};

/// Bits of a share, below a number of at most 40 bits.
const SHARE: u32 = 14;
/// Bytes of all lists that a record takes on disk at most.
const LISTED: u64 = 16;
/// In place of a place and a coverage: a leader.
const LEADER: u64 = u64::MAX;

/// The sections on their way.
#[derive(Debug)]
pub(crate) struct MembershipSections {
    /// Member and identity, its place in the list of members and coverage: each number above its share. A leader has
    /// [`LEADER`] in place of the latter. The others stand for themselves alone, or have no representative.
    joined: Sorter<(u64, u64)>,
    members: SpillBuffer,
    /// Where the members of each leader start and the last ones end, and then the ordinals of records without a
    /// representative.
    groups: SpillBuffer,
    identities: SpillBuffer,
    /// Of members that are not covered wholly.
    coverages: SpillBuffer,
    /// The last leader.
    leader: Option<u64>,
    /// Members so far.
    count: u64,
    /// Leaders so far, and records without a representative.
    leaders: u64,
    unrepresented: u64,
    /// Whether ordinals take eight bytes.
    wide: bool,
    /// For sorting.
    memory: usize,
}

impl MembershipSections {
    /// Memory beside that for sorting.
    pub(crate) const MEMORY: u64 = 4 * SpillBuffer::most_memory(0);

    /// What the sections of `records` records take.
    pub(crate) fn estimate(account: &mut Account, records: u64, memory: usize) -> [Held; 4] {
        let joined = account.sort::<(u64, u64)>("the membership of records", memory, records);
        let lists = account.store(Self::MEMORY, records.saturating_mul(LISTED));
        let shortcuts = sort_memory_of(records / STRIDE, 16).min(memory);
        let size = if u32::try_from(records).is_err() { 8 } else { 4 };
        let successors = account.column(records, size, shortcuts as u64);
        let shortcuts = account.sort::<(u64, u64)>("shortcuts to members", shortcuts, records / STRIDE);
        [joined, lists, successors, shortcuts]
    }

    /// For a file of `records` records. `memory` bytes are for sorting.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn new(records: u64, spill: &Spill, memory: usize) -> Result<Self> {
        Self::with_width(u32::try_from(records).is_err(), spill, memory)
    }

    fn with_width(wide: bool, spill: &Spill, memory: usize) -> Result<Self> {
        let buffer = |what| SpillBuffer::new(spill, what, 0);
        Ok(Self {
            joined: Sorter::new(spill, "the membership of records", memory)?,
            members: buffer("members of representatives")?,
            groups: buffer("where members start")?,
            identities: buffer("identities of members")?,
            coverages: buffer("coverages of members")?,
            leader: None,
            count: 0,
            leaders: 0,
            unrepresented: 0,
            wide,
            memory,
        })
    }

    /// The next pair, by representative and then by member, records without a representative last.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Space`].
    pub(crate) fn push(&mut self, pair: Pair) -> Result<()> {
        let Pair { representative, member, similarity } = pair;
        if pair.is_unrepresented() {
            if self.unrepresented == 0 {
                // There are no members any more.
                write_number(&mut self.groups, self.count, self.wide)?;
            }
            self.unrepresented += 1;
            return write_number(&mut self.groups, member, self.wide);
        }
        if self.leader.replace(representative) != Some(representative) {
            self.leaders += 1;
            self.joined.push((representative << SHARE, LEADER))?;
            write_number(&mut self.groups, self.count, self.wide)?;
        }
        let [identity, coverage] = [similarity.identity(), similarity.coverage()].map(u64::from);
        self.joined.push((member << SHARE | identity, self.count << SHARE | coverage))?;
        self.count += 1;
        write_number(&mut self.members, member, self.wide)
    }

    /// Writes the sections of a file of `records` records.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Space`]; [`Error::SpillDisabled`] if the permutation of the members fits neither the
    /// memory nor the disk.
    pub(crate) fn write(mut self, writer: &mut SectionWriter, records: u64, spill: &Spill) -> Result<()> {
        if self.unrepresented == 0 {
            write_number(&mut self.groups, self.count, self.wide)?;
        }
        let (size, count) = (if self.wide { 8 } else { 4 }, self.count);
        let memory = sort_memory_of(count / STRIDE, 16).min(self.memory);
        let mut standings = Standings {
            joined: self.joined.finish()?.peekable(),
            successors: Successors::new(self.wide, count, memory as u64, spill)?,
            identities: self.identities,
            coverages: self.coverages,
            rank: 0,
        };
        let mut section = writer.begin(SectionKind::Standing, 64, records.div_ceil(RECORDS) * 64)?;
        let mut ranks = Ranks::default();
        for first in (0..records).step_by(RECORDS as usize) {
            let mut item = StandingItem::new(ranks);
            for ordinal in first..records.min(first + RECORDS) {
                item.set(ordinal - first, standings.next(ordinal)?);
            }
            ranks = item.before(RECORDS);
            writer.append(&mut section, item.as_bytes())?;
        }
        writer.end(section)?;
        let Standings { joined, mut successors, identities, coverages, .. } = standings;
        drop(joined);
        writer.section_from(SectionKind::Members, size, self.members, spill)?;
        let mut numbers = Numbers { reader: self.groups.into_reader()?, wide: self.wide, spill };
        let mut section = writer.begin(SectionKind::Groups, size, (self.leaders + 1) * u64::from(size))?;
        for _ in 0..=self.leaders {
            writer.append(&mut section, &numbers.next()?.to_le_bytes()[..size as usize])?;
        }
        writer.end(section)?;
        if self.unrepresented > 0 {
            let mut section = writer.begin(SectionKind::Unrepresented, 8, records.div_ceil(64) * 8)?;
            let (mut left, mut next) = (self.unrepresented - 1, numbers.next()?);
            for first in (0..records).step_by(64) {
                let mut word = 0_u64;
                while next < first + 64 {
                    word |= 1 << (next % 64);
                    next = if left > 0 { numbers.next()? } else { u64::MAX };
                    left = left.saturating_sub(1);
                }
                writer.append(&mut section, &word.to_le_bytes())?;
            }
            writer.end(section)?;
        }
        drop(numbers);
        writer.section_from(SectionKind::Identities, 2, identities, spill)?;
        writer.section_from(SectionKind::Coverages, 2, coverages, spill)?;
        let mut shortcuts = Sorter::new(spill, "shortcuts to members", memory)?;
        shortcut::for_each(count, |at| Ok(successors.take(at)), |from, to| shortcuts.push((from, to)))?;
        drop(successors);
        let mut section = writer.begin(SectionKind::Shortcuts, 16, shortcuts.len() * 16)?;
        for shortcut in shortcuts.finish()? {
            let (from, to) = shortcut?;
            writer.append(&mut section, [from.to_le_bytes(), to.to_le_bytes()].as_flattened())?;
        }
        writer.end(section)
    }
}

/// How records stand, one after the other, and what is written down of each meanwhile.
struct Standings {
    joined: std::iter::Peekable<Sorted<(u64, u64)>>,
    successors: Successors,
    identities: SpillBuffer,
    coverages: SpillBuffer,
    /// Members so far.
    rank: u64,
}

impl Standings {
    /// How the record `ordinal` stands, which is the one after that of the last call.
    fn next(&mut self, ordinal: u64) -> Result<Standing> {
        let own = |item: &Result<(u64, u64)>| item.as_ref().map_or(true, |&(joined, _)| joined >> SHARE == ordinal);
        let (member, place) = match self.joined.next_if(own).transpose()? {
            None => return Ok(Standing::Alone),
            Some((_, LEADER)) => return Ok(Standing::Leader),
            Some(member) => member,
        };
        let share = |word: u64| (word & ((1 << SHARE) - 1)) as u16;
        let (identity, coverage) = (share(member), share(place));
        self.successors.set(place >> SHARE, self.rank);
        self.rank += 1;
        self.identities.write(&identity.to_le_bytes())?;
        if coverage == WHOLE {
            return Ok(Standing::Covered);
        }
        self.coverages.write(&coverage.to_le_bytes())?;
        Ok(Standing::Partial)
    }
}

/// Numbers of a list as they are read back.
struct Numbers<'s> {
    reader: SpillReader,
    wide: bool,
    spill: &'s Spill,
}

impl Numbers<'_> {
    fn next(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        let number = &mut bytes[..if self.wide { 8 } else { 4 }];
        self.reader.read_exact(number).map_err(Error::io(self.spill.folder(), "read temporary data"))?;
        Ok(u64::from_le_bytes(bytes))
    }
}

fn write_number(buffer: &mut SpillBuffer, number: u64, wide: bool) -> Result<()> {
    match u32::try_from(number) {
        Ok(number) if !wide => buffer.write(&number.to_le_bytes()),
        _ => buffer.write(&number.to_le_bytes()),
    }
}
