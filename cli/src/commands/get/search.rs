//! From names to what is to be printed.

use std::ops::Range;

use talaria_db::read::fetch::Size;
use talaria_db::read::find_many::Matches;

use super::FEW;
use super::region::{Place, Region};
use super::source::Source;
use crate::failure::{Failure, Result};

/// A record, or a part of it, that is to be printed.
#[derive(Debug, Clone)]
pub(in crate::commands) struct Wanted<'q> {
    /// What was asked for; none if it was a number.
    pub(in crate::commands) query: Option<&'q [u8]>,
    /// Its number.
    pub(in crate::commands) ordinal: u64,
    /// Residues of the whole record.
    pub(in crate::commands) length: u64,
    /// Bytes of its header line.
    pub(in crate::commands) header_length: u32,
    /// The part, from 0, half open; none for the whole record.
    pub(in crate::commands) part: Option<Range<u64>>,
}

impl Wanted<'_> {
    /// The whole records with these numbers.
    pub(in crate::commands) fn numbers(source: &Source, ordinals: &[u64]) -> talaria_db::Result<Vec<Self>> {
        let sizes = source.sizes(ordinals)?;
        Ok(ordinals.iter().zip(sizes).map(|(&ordinal, size)| Self::of(None, ordinal, size)).collect())
    }
}

impl<'q> Wanted<'q> {
    fn of(query: Option<&'q [u8]>, ordinal: u64, size: Size) -> Self {
        Self { query, ordinal, length: size.residues, header_length: size.header, part: None }
    }

    /// Residues from 0, half open.
    pub(in crate::commands) fn range(&self) -> Range<u64> {
        self.part.clone().unwrap_or(0..self.length)
    }
}

/// A name that led to nothing.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands) enum Missing<'q> {
    /// No record bears it.
    Name(&'q [u8]),
    /// The region starts past the end of the sequence, which has this length.
    Region(&'q [u8], u64),
}

/// What was found, and what was not, each in the order asked for.
#[derive(Debug, Default)]
pub(in crate::commands) struct Found<'q> {
    /// What is to be printed.
    pub(in crate::commands) wanted: Vec<Wanted<'q>>,
    /// What is not there.
    pub(in crate::commands) missing: Vec<Missing<'q>>,
}

/// Looks all of `names` up: each as it stands, and as a region only if no record bears it.
pub(in crate::commands) fn search<'q>(source: &Source, names: &[&'q [u8]], first: bool) -> Result<Found<'q>> {
    let whole = &find(source, names)?;
    let absent = names.iter().enumerate().filter(|&(index, _)| whole.get(index).is_empty()).map(|(_, name)| name);
    let regions: Vec<Option<Region<'q>>> = absent.map(|name| Region::parse(name)).collect();
    let bases: Vec<&[u8]> = regions.iter().flatten().map(|region| region.name).collect();
    let of_regions = &find(source, &bases)?;
    // Each name with its records, and the region of them that is meant: gone through twice, as keeping it would take
    // more memory than the names do.
    let each = || {
        let (mut regions, mut next_region) = (regions.iter(), 0..);
        names.iter().enumerate().map(move |(index, &query)| {
            let ordinals = whole.get(index);
            if !ordinals.is_empty() {
                return (query, chosen(ordinals, first), None);
            }
            let region = regions.next().copied().flatten();
            let ordinals = region.and_then(|_| next_region.next()).map_or(&[][..], |index| of_regions.get(index));
            (query, chosen(ordinals, first), region)
        })
    };
    let ordinals: Vec<u64> = each().flat_map(|(_, ordinals, _)| ordinals.iter().copied()).collect();
    let mut sizes = source.sizes(&ordinals)?.into_iter();

    let mut found = Found::default();
    found.wanted.reserve(ordinals.len());
    for (query, ordinals, region) in each() {
        if ordinals.is_empty() {
            found.missing.push(Missing::Name(query));
        }
        for (&ordinal, size) in ordinals.iter().zip(&mut sizes) {
            let record = Wanted::of(Some(query), ordinal, size);
            match region.map_or(Place::Whole, |region| region.place(record.length)) {
                Place::Whole => found.wanted.push(record),
                Place::Part(part) => found.wanted.push(Wanted { part: Some(part), ..record }),
                Place::Outside => found.missing.push(Missing::Region(query, record.length)),
                Place::Senseless => {
                    let text = String::from_utf8_lossy(query);
                    return Err(Failure::Usage(format!("{text}: a region counts from 1 and ends after its start")));
                }
            }
        }
    }
    Ok(found)
}

fn chosen(ordinals: &[u64], first: bool) -> &[u64] {
    ordinals.get(..1).filter(|_| first).unwrap_or(ordinals)
}

fn find(source: &Source, names: &[&[u8]]) -> talaria_db::Result<Matches> {
    if names.len() <= FEW { names.iter().map(|name| source.find(name)).collect() } else { source.find_many(names) }
}
