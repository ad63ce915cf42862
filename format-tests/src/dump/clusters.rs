//! Who stands for whom in a dump: the compact form, in numbers of four bytes, as every rung has it.

use std::fmt::Write as _;

use talaria_db_spec::section::SectionKind;
use talaria_db_spec::shortcut::ShortcutEntry;
use talaria_db_spec::standing::StandingItem;
use zerocopy::little_endian::{U16, U64};

use crate::draft::Draft;

/// The sections, unpacked.
pub(super) struct Clusters {
    /// Two bits a record.
    standings: Vec<u8>,
    unrepresented: Vec<u64>,
    groups: Vec<u64>,
    members: Vec<u64>,
    identities: Vec<U16>,
    coverages: Vec<U16>,
}

impl Clusters {
    /// Those of a container that has them.
    pub(super) fn of(draft: &Draft) -> Option<Self> {
        let has = |kind: SectionKind| draft.parts.iter().any(|part| part.entry.kind.get() == kind.number());
        if !has(SectionKind::Standing) {
            return None;
        }
        let items = draft.items::<StandingItem>(SectionKind::Standing);
        let bytes = items.iter().flat_map(|item| item.standings);
        let unrepresented = has(SectionKind::Unrepresented);
        Some(Self {
            standings: bytes.flat_map(|byte| [byte & 3, byte >> 2 & 3, byte >> 4 & 3, byte >> 6]).collect(),
            unrepresented: if unrepresented { draft.integers(SectionKind::Unrepresented) } else { Vec::new() },
            groups: draft.integers(SectionKind::Groups),
            members: draft.integers(SectionKind::Members),
            identities: draft.items(SectionKind::Identities),
            coverages: draft.items(SectionKind::Coverages),
        })
    }

    /// What a record is.
    pub(super) fn line(&self, ordinal: usize) -> String {
        let before = |is: fn(u8) -> bool| self.standings[..ordinal].iter().filter(|&&standing| is(standing)).count();
        let standing = self.standings[ordinal];
        if standing < 2 {
            let word = self.unrepresented.get(ordinal / 64).copied().unwrap_or(0);
            let alone = if word >> (ordinal % 64) & 1 == 1 { "no representative" } else { "stands for itself" };
            return if standing == 1 { "stands for itself and others" } else { alone }.to_owned();
        }
        let place = self.members.iter().position(|&member| member == ordinal as u64).expect("a member");
        let leader = self.groups.iter().rposition(|&start| start <= place as u64).expect("a leader");
        let mut leaders = (0..self.standings.len()).filter(|&other| self.standings[other] == 1);
        let above = leaders.nth(leader).expect("a leader");
        let identity = self.identities[before(|standing| standing >= 2)];
        let coverage = match standing {
            2 => "all".to_owned(),
            _ => self.coverages[before(|standing| standing == 3)].to_string(),
        };
        format!("member of record {above}, identity {identity}, coverage {coverage}")
    }
}

/// What the lines of the records do not say.
pub(super) fn dump(out: &mut String, draft: &Draft) {
    let Some(clusters) = Clusters::of(draft) else { return };
    let list = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    writeln!(out, "\nclusters").unwrap();
    for (index, item) in draft.items::<StandingItem>(SectionKind::Standing).iter().enumerate() {
        let StandingItem { members, partial, leaders, .. } = item;
        writeln!(out, "  standing {index}: after {members} members, {partial} not covered wholly, {leaders} leaders")
            .unwrap();
    }
    writeln!(out, "  groups: {}", list(&clusters.groups)).unwrap();
    writeln!(out, "  members: {}", list(&clusters.members)).unwrap();
    for ShortcutEntry { from, to } in draft.items::<ShortcutEntry>(SectionKind::Shortcuts) {
        let [from, to] = [from, to].map(U64::get);
        writeln!(out, "  shortcut from {from} to {to}").unwrap();
    }
}
