//! The sections that say which record stands for which, in the compact form (FORMAT.md, section 13).
//!
//! Pairs come by representative, which is the order of the members' section; an external sort brings them into that of
//! the records. The shortcuts from a member to its place are found in the cycles of a permutation that is in memory
//! while there is room, else in a mapped temporary file.

mod successors;
#[cfg(test)]
mod tests;

use std::io::Read;

use talaria_db_spec::membership::{NO_REPRESENTATIVE, WHOLE};
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

/// In memory before the members spill.
const MEMBERS_MEMORY: usize = 256 << 10;
/// Bits of a share, below a number of at most 40 bits.
const SHARE: u32 = 14;
/// Bytes of all lists that a record takes on disk at most.
const LISTED: u64 = 16;

/// The sections on their way.
#[derive(Debug)]
pub(crate) struct MembershipSections {
    /// Member and identity, its place in the list of members and coverage: each number above its share. All ones in
    /// place of the latter for a record without a representative.
    by_member: Sorter<(u64, u64)>,
    members: SpillBuffer,
    /// Where the members of each leader start.
    groups: SpillBuffer,
    /// Ordinals of the leaders.
    leaders: SpillBuffer,
    identities: SpillBuffer,
    /// Of members that are not covered wholly.
    coverages: SpillBuffer,
    /// A bit a record, if there are some.
    unrepresented: SpillBuffer,
    /// The last leader.
    leader: Option<u64>,
    /// Members so far.
    count: u64,
    has_unrepresented: bool,
    /// Whether ordinals take eight bytes.
    wide: bool,
    /// For sorting.
    memory: usize,
}

impl MembershipSections {
    /// Memory beside that for sorting.
    pub(crate) const MEMORY: u64 = SpillBuffer::most_memory(MEMBERS_MEMORY) + 5 * SpillBuffer::most_memory(0);

    /// What the sections of `records` records take.
    pub(crate) fn estimate(account: &mut Account, records: u64, memory: usize) -> [Held; 4] {
        let by_member = account.sort::<(u64, u64)>("the membership of records", memory, records);
        let lists = account.store(Self::MEMORY, records.saturating_mul(LISTED));
        let shortcuts = sort_memory_of(records / STRIDE, 16).min(memory);
        let size = if u32::try_from(records).is_err() { 8 } else { 4 };
        let successors = account.column(records, size, shortcuts as u64);
        let shortcuts = account.sort::<(u64, u64)>("shortcuts to members", shortcuts, records / STRIDE);
        [by_member, lists, successors, shortcuts]
    }

    /// For a file of `records` records. `memory` bytes are for sorting.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn new(records: u64, spill: &Spill, memory: usize) -> Result<Self> {
        Self::with_width(u32::try_from(records).is_err(), spill, memory)
    }

    fn with_width(wide: bool, spill: &Spill, memory: usize) -> Result<Self> {
        let buffer = |what, memory| SpillBuffer::new(spill, what, memory);
        Ok(Self {
            by_member: Sorter::new(spill, "the membership of records", memory)?,
            members: buffer("members of representatives", MEMBERS_MEMORY)?,
            groups: buffer("where members start", 0)?,
            leaders: buffer("representatives with members", 0)?,
            identities: buffer("identities of members", 0)?,
            coverages: buffer("coverages of members", 0)?,
            unrepresented: buffer("records without a representative", 0)?,
            leader: None,
            count: 0,
            has_unrepresented: false,
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
            self.has_unrepresented = true;
            return self.by_member.push((member << SHARE, NO_REPRESENTATIVE));
        }
        if self.leader.replace(representative) != Some(representative) {
            self.leaders.write(&representative.to_le_bytes())?;
            write_number(&mut self.groups, self.count, self.wide)?;
        }
        let [identity, coverage] = [similarity.identity(), similarity.coverage()].map(u64::from);
        self.by_member.push((member << SHARE | identity, self.count << SHARE | coverage))?;
        self.count += 1;
        write_number(&mut self.members, member, self.wide)
    }

    /// Writes the sections of a file of `records` records.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Space`]; [`Error::SpillDisabled`] if the permutation of the members fits neither the
    /// memory nor the disk.
    pub(crate) fn write(mut self, writer: &mut SectionWriter, records: u64, spill: &Spill) -> Result<()> {
        write_number(&mut self.groups, self.count, self.wide)?;
        let (size, count) = (if self.wide { 8 } else { 4 }, self.count);
        let memory = sort_memory_of(count / STRIDE, 16).min(self.memory);
        let mut standings = Standings {
            joined: self.by_member.finish()?.peekable(),
            leaders: Leaders::new(self.leaders, spill)?,
            successors: Successors::new(self.wide, count, memory as u64, spill)?,
            identities: self.identities,
            coverages: self.coverages,
            rank: 0,
            unrepresented: (self.unrepresented, 0),
        };
        let mut section = writer.begin(SectionKind::Standing, 64, records.div_ceil(RECORDS) * 64)?;
        let mut ranks = Ranks::default();
        for first in (0..records).step_by(RECORDS as usize) {
            let mut item = StandingItem::new(ranks);
            for ordinal in first..records.min(first + RECORDS) {
                item.set(ordinal - first, standings.next(ordinal, records, self.has_unrepresented)?);
            }
            ranks = item.before(RECORDS);
            writer.append(&mut section, item.as_bytes())?;
        }
        writer.end(section)?;
        let Standings { joined, mut successors, identities, coverages, unrepresented: (unrepresented, _), .. } =
            standings;
        drop(joined);
        writer.section_from(SectionKind::Members, size, self.members, spill)?;
        if self.has_unrepresented {
            writer.section_from(SectionKind::Unrepresented, 8, unrepresented, spill)?;
        }
        writer.section_from(SectionKind::Groups, size, self.groups, spill)?;
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
    leaders: Leaders,
    successors: Successors,
    identities: SpillBuffer,
    coverages: SpillBuffer,
    /// Members so far.
    rank: u64,
    /// The bits, and those of the last 64 records.
    unrepresented: (SpillBuffer, u64),
}

impl Standings {
    /// How the record `ordinal` of `records` stands, which is the one after that of the last call.
    fn next(&mut self, ordinal: u64, records: u64, has_unrepresented: bool) -> Result<Standing> {
        let own = |item: &Result<(u64, u64)>| item.as_ref().map_or(true, |&(member, _)| member >> SHARE == ordinal);
        let mut standing = Standing::Alone;
        match self.joined.next_if(own).transpose()? {
            Some((_, NO_REPRESENTATIVE)) => self.unrepresented.1 |= 1 << (ordinal % 64),
            Some((member, place)) => {
                let share = |word: u64| (word & ((1 << SHARE) - 1)) as u16;
                let (identity, coverage) = (share(member), share(place));
                self.successors.set(place >> SHARE, self.rank);
                self.rank += 1;
                self.identities.write(&identity.to_le_bytes())?;
                standing = Standing::Covered;
                if coverage < WHOLE {
                    self.coverages.write(&coverage.to_le_bytes())?;
                    standing = Standing::Partial;
                }
            }
            None if self.leaders.next_if(ordinal)? => standing = Standing::Leader,
            None => {}
        }
        if has_unrepresented && (ordinal % 64 == 63 || ordinal + 1 == records) {
            let word = std::mem::take(&mut self.unrepresented.1);
            self.unrepresented.0.write(&word.to_le_bytes())?;
        }
        Ok(standing)
    }
}

/// Ordinals of leaders as they are read back.
struct Leaders {
    reader: SpillReader,
    left: u64,
    next: Option<u64>,
    spill: Spill,
}

impl Leaders {
    fn new(buffer: SpillBuffer, spill: &Spill) -> Result<Self> {
        let left = buffer.len() / 8;
        let mut leaders = Self { reader: buffer.into_reader()?, left, next: None, spill: spill.clone() };
        leaders.advance()?;
        Ok(leaders)
    }

    fn advance(&mut self) -> Result<()> {
        self.next = None;
        if self.left > 0 {
            let mut bytes = [0; 8];
            self.reader.read_exact(&mut bytes).map_err(Error::io(self.spill.folder(), "read temporary data"))?;
            (self.left, self.next) = (self.left - 1, Some(u64::from_le_bytes(bytes)));
        }
        Ok(())
    }

    /// Whether the next one is this record, which is passed then.
    fn next_if(&mut self, ordinal: u64) -> Result<bool> {
        let is_next = self.next == Some(ordinal);
        if is_next {
            self.advance()?;
        }
        Ok(is_next)
    }
}

fn write_number(buffer: &mut SpillBuffer, number: u64, wide: bool) -> Result<()> {
    match u32::try_from(number) {
        Ok(number) if !wide => buffer.write(&number.to_le_bytes()),
        _ => buffer.write(&number.to_le_bytes()),
    }
}
