//! The sections that say which record stands for which: both forms, and that a file has one of them at most.

use super::Container;
use crate::error::SpecError;
use crate::section::SectionKind;
use crate::standing;

/// The sections of the compact form that must be there, beside that of the members.
const COMPACT: [SectionKind; 5] = [
    SectionKind::Standing,
    SectionKind::Groups,
    SectionKind::Identities,
    SectionKind::Coverages,
    SectionKind::Shortcuts,
];

impl Container {
    /// M-1 of the one form, and M-6, with what M-7 and M-8 say of numbers of items, of the other.
    pub(super) fn check_membership(&self) -> Result<(), SpecError> {
        if self.has_compact_membership() {
            return self.check_compact();
        }
        let foreign = COMPACT.into_iter().chain([SectionKind::Unrepresented]);
        if let Some(section) = foreign.into_iter().find_map(|kind| self.section(kind)) {
            return Err(presence(section.kind, 1, 0));
        }
        if !self.has_membership() {
            return Ok(());
        }
        let size = self.section(SectionKind::Membership).map_or(0, |section| section.item_size);
        if size != 8 && size != 12 {
            return Err(SpecError::violation("membership", "item_size", "M-1", 0, size.into(), 8));
        }
        Ok(())
    }

    /// Which sections there are, and as much of the numbers of their items as can be told without a look at them.
    fn check_compact(&self) -> Result<(), SpecError> {
        if self.section(SectionKind::Membership).is_some() {
            return Err(presence(SectionKind::Membership, 1, 0));
        }
        let missing = COMPACT.into_iter().chain([SectionKind::Members]).find(|&kind| self.section(kind).is_none());
        if let Some(kind) = missing {
            return Err(presence(kind, 0, 1));
        }
        let items = |kind| self.section(kind).map_or(0, |section| section.item_count);
        let broken = |kind: SectionKind, rule, got, expected| {
            Err(SpecError::violation(kind.rules().name, "item_count", rule, 0, got, expected))
        };
        let (records, members) = (self.header.record_count.get(), items(SectionKind::Members));
        let (got, expected) = (items(SectionKind::Standing), records.div_ceil(standing::RECORDS));
        if got != expected {
            return broken(SectionKind::Standing, "M-7", got, expected);
        }
        // Each leader has a member, so that none of these is more than there are records.
        let groups = items(SectionKind::Groups);
        if groups == 0 || groups - 1 > members {
            return broken(SectionKind::Groups, "M-7", groups, members.saturating_add(1));
        }
        let bounds = [(SectionKind::Members, records), (SectionKind::Coverages, members)];
        for (kind, most) in bounds {
            if items(kind) > most {
                return broken(kind, "M-7", items(kind), most);
            }
        }
        if items(SectionKind::Identities) != members {
            return broken(SectionKind::Identities, "M-7", items(SectionKind::Identities), members);
        }
        if let Some(section) = self.section(SectionKind::Unrepresented)
            && section.item_count != records.div_ceil(64)
        {
            return broken(SectionKind::Unrepresented, "M-8", section.item_count, records.div_ceil(64));
        }
        Ok(())
    }
}

fn presence(kind: SectionKind, got: u64, expected: u64) -> SpecError {
    SpecError::violation("section table", kind.rules().name, "M-6", kind.number().into(), got, expected)
}
