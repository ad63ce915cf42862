//! The compact form of membership, as section 13 of `FORMAT.md` has it: a second way to the same bytes, by looking at
//! all records for each of them.

use talaria_db_spec::section::SectionKind;
use talaria_db_spec::shortcut::ShortcutEntry;
use talaria_db_spec::standing::StandingItem;
use talaria_db_spec::version::{OPTIONAL_MEMBERSHIP, OPTIONAL_REDUCED, REQUIRED_COMPACT_MEMBERSHIP};
use zerocopy::IntoBytes;
use zerocopy::little_endian::U64;

use crate::draft::Draft;

/// Of a record its representative, identity and coverage; none if it has no representative.
pub type Of = Option<(u64, u16, u16)>;

/// Says in a draft which record stands for which, in numbers of four or eight bytes.
pub fn add(draft: &mut Draft, records: &[Of], wide: bool) {
    let is_member = |ordinal: usize| records[ordinal].is_some_and(|(above, ..)| above != ordinal as u64);
    let leads = |ordinal: usize| {
        let mut all = 0..records.len();
        all.any(|member| is_member(member) && records[member].unwrap().0 == ordinal as u64)
    };
    let standing = |ordinal: usize| match records[ordinal] {
        Some((_, _, 10_000)) if is_member(ordinal) => 2,
        Some(_) if is_member(ordinal) => 3,
        _ => u8::from(leads(ordinal)),
    };
    let standings: Vec<u8> = (0..records.len()).map(standing).collect();
    let mut listed: Vec<(u64, u64)> = (0..records.len())
        .filter(|&ordinal| is_member(ordinal))
        .map(|member| (records[member].unwrap().0, member as u64))
        .collect();
    listed.sort_unstable();
    let mut leaders: Vec<u64> = listed.iter().map(|&(leader, _)| leader).collect();
    leaders.dedup();
    let starts = leaders.iter().map(|leader| listed.iter().position(|(above, _)| above == leader).unwrap() as u64);
    let groups: Vec<u64> = starts.chain([listed.len() as u64]).collect();
    let members: Vec<u64> = listed.iter().map(|&(_, member)| member).collect();
    let shares = |least: u8, share: fn((u64, u16, u16)) -> u16| -> Vec<u8> {
        let with = (0..records.len()).filter(|&ordinal| standings[ordinal] >= least);
        with.flat_map(|ordinal| share(records[ordinal].unwrap()).to_le_bytes()).collect()
    };

    draft.header.required_features |= REQUIRED_COMPACT_MEMBERSHIP;
    draft.header.optional_features |= OPTIONAL_REDUCED | OPTIONAL_MEMBERSHIP;
    draft.add_items(SectionKind::Standing, 64, items(&standings).as_bytes());
    draft.add_items(SectionKind::Members, if wide { 8 } else { 4 }, &numbers(&members, wide));
    if records.contains(&None) {
        let bit = |ordinal: usize| u64::from(records[ordinal].is_none()) << (ordinal % 64);
        let ordinals: Vec<usize> = (0..records.len()).collect();
        let words = ordinals.chunks(64).map(|chunk| U64::new(chunk.iter().map(|&ordinal| bit(ordinal)).sum()));
        draft.add_items(SectionKind::Unrepresented, 8, words.collect::<Vec<U64>>().as_bytes());
    }
    draft.add_items(SectionKind::Groups, if wide { 8 } else { 4 }, &numbers(&groups, wide));
    draft.add_items(SectionKind::Identities, 2, &shares(2, |(_, identity, _)| identity));
    draft.add_items(SectionKind::Coverages, 2, &shares(3, |(.., coverage)| coverage));
    draft.add_items(SectionKind::Shortcuts, 16, shortcuts(&members).as_bytes());
}

fn items(standings: &[u8]) -> Vec<StandingItem> {
    let count = |before: usize, is: fn(u8) -> bool| {
        U64::new(standings[..before].iter().filter(|&&standing| is(standing)).count() as u64)
    };
    let item = |(index, chunk): (usize, &[u8])| {
        let before = 160 * index;
        let mut bits = [0; 40];
        for (place, standing) in chunk.iter().enumerate() {
            bits[place / 4] |= standing << (2 * (place % 4));
        }
        StandingItem {
            members: count(before, |standing| standing >= 2),
            partial: count(before, |standing| standing == 3),
            leaders: count(before, |standing| standing == 1),
            standings: bits,
        }
    };
    standings.chunks(160).enumerate().map(item).collect()
}

fn numbers(numbers: &[u64], wide: bool) -> Vec<u8> {
    let bytes = |number: &u64| number.to_le_bytes()[..if wide { 8 } else { 4 }].to_vec();
    numbers.iter().flat_map(bytes).collect()
}

/// The shortcuts that a list of members has, by the cycles of the permutation of their ranks.
#[must_use]
pub fn shortcuts(members: &[u64]) -> Vec<ShortcutEntry> {
    let mut ascending = members.to_vec();
    ascending.sort_unstable();
    let next = |place: usize| ascending.binary_search(&members[place]).unwrap();
    let (mut seen, mut all) = (vec![false; members.len()], Vec::new());
    for least in 0..members.len() {
        let mut cycle = Vec::new();
        let mut at = least;
        while !seen[at] {
            seen[at] = true;
            cycle.push(at as u64);
            at = next(at);
        }
        for place in (0..cycle.len()).step_by(16).filter(|_| cycle.len() > 16) {
            all.push((cycle[place], cycle[(place + cycle.len() - 16) % cycle.len()]));
        }
    }
    all.sort_unstable();
    all.into_iter().map(|(from, to)| ShortcutEntry { from: U64::new(from), to: U64::new(to) }).collect()
}
