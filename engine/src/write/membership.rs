//! The sections that say which record stands for which: membership and members (FORMAT.md, section 13).
//!
//! Pairs come by representative, which is the order of the members' section; an external sort brings them into that of
//! the records.

use talaria_db_spec::membership::{MembershipEntry, NO_REPRESENTATIVE, WHOLE, WideMembershipEntry};
use talaria_db_spec::section::SectionKind;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use crate::error::Result;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::similarity::{Pair, Similarity};
use crate::write::sections::SectionWriter;
use crate::write::spill::{Sorter, Spill, SpillBuffer};

/// In memory before the members spill.
const MEMBERS_MEMORY: usize = 256 << 10;
/// Bits of a share, below an ordinal of at most 40 bits.
const SHARE: u32 = 14;

/// Both sections on their way.
#[derive(Debug)]
pub(crate) struct MembershipSections {
    /// Member and identity, representative and coverage: each ordinal above its share. All ones in place of the latter
    /// for a record without a representative.
    by_member: Sorter<(u64, u64)>,
    members: SpillBuffer,
    /// Whether ordinals take eight bytes.
    wide: bool,
}

impl MembershipSections {
    /// Memory beside that for sorting.
    pub(crate) const MEMORY: u64 = SpillBuffer::most_memory(MEMBERS_MEMORY);

    /// What the sections of `records` records take.
    pub(crate) fn estimate(account: &mut Account, records: u64, memory: usize) -> [Held; 2] {
        let by_member = account.sort::<(u64, u64)>("the membership of records", memory, records);
        [by_member, account.store(Self::MEMORY, records.saturating_mul(9))]
    }

    /// For a file of `records` records. `memory` bytes are for sorting.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub(crate) fn new(records: u64, spill: &Spill, memory: usize) -> Result<Self> {
        Ok(Self {
            by_member: Sorter::new(spill, "the membership of records", memory)?,
            members: SpillBuffer::new(spill, "members of representatives", MEMBERS_MEMORY)?,
            wide: u32::try_from(records).is_err(),
        })
    }

    /// The next pair, by representative and then by member, records without a representative last.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Space`].
    pub(crate) fn push(&mut self, pair: Pair) -> Result<()> {
        let Pair { representative, member, similarity } = pair;
        let identity = u64::from(similarity.identity());
        if pair.is_unrepresented() {
            return self.by_member.push((member << SHARE, NO_REPRESENTATIVE));
        }
        self.by_member
            .push((member << SHARE | identity, representative << SHARE | u64::from(similarity.coverage())))?;
        match u32::try_from(member) {
            Ok(member) if !self.wide => self.members.write(&member.to_le_bytes()),
            _ => self.members.write(&member.to_le_bytes()),
        }
    }

    /// Writes both sections of a file of `records` records.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Space`].
    pub(crate) fn write(self, writer: &mut SectionWriter, records: u64, spill: &Spill) -> Result<()> {
        let size = if self.wide { size_of::<WideMembershipEntry>() } else { size_of::<MembershipEntry>() } as u64;
        let mut section = writer.begin(SectionKind::Membership, size as u32, records * size)?;
        let mut joined = self.by_member.finish()?.peekable();
        for ordinal in 0..records {
            let own = |item: &Result<(u64, u64)>| item.as_ref().map_or(true, |&(member, _)| member >> SHARE == ordinal);
            let (representative, similarity) = match joined.next_if(own).transpose()? {
                Some((_, NO_REPRESENTATIVE)) => (NO_REPRESENTATIVE, Similarity::NONE),
                Some((member, representative)) => {
                    let share = |word: u64| (word & ((1 << SHARE) - 1)) as u16;
                    (representative >> SHARE, Similarity::new(share(member), share(representative)))
                }
                None => (ordinal, Similarity::new(WHOLE, WHOLE)),
            };
            let (identity, coverage) = (U16::new(similarity.identity()), U16::new(similarity.coverage()));
            if self.wide {
                let entry = WideMembershipEntry { representative: U64::new(representative), identity, coverage };
                writer.append(&mut section, entry.as_bytes())?;
            } else {
                // An ordinal of such a file is less than all ones, which stay what they are.
                let representative = U32::new(u32::try_from(representative).unwrap_or(u32::MAX));
                let entry = MembershipEntry { representative, identity, coverage };
                writer.append(&mut section, entry.as_bytes())?;
            }
        }
        writer.end(section)?;
        writer.section_from(SectionKind::Members, if self.wide { 8 } else { 4 }, self.members, spill)
    }
}
