//! Where the records of shards stand among all of them.
//!
//! Each shard's file has what its records are ordered by, in order ([`crate::reduce::order`]): merged, these are all
//! ranks. Of records that are the same in all, header and residues, the one of the shard with the lower fingerprint
//! comes first, so that it does not matter how shards are given.

use super::merge::Merge;
use super::reader::StageFile;
use crate::error::{Error, Result};
use crate::reduce::order::{self, Key};

/// The section of a file of words that has what records are ordered by.
pub(super) const KEYS: usize = 0;
/// The section that has the words.
pub(super) const WORDS: usize = 1;

/// A record among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) rank: u32,
    pub(super) length: u64,
    pub(super) shard: usize,
    /// In its shard.
    pub(super) ordinal: u32,
    /// Whether the record before it has the same preference, length and hash of residues.
    pub(super) alike: bool,
    /// And the same hash of the header.
    pub(super) same_header: bool,
}

/// How many records there are.
///
/// # Errors
/// [`Error::Option`] for more than can be clustered.
pub(super) fn count(kmers: &[StageFile]) -> Result<u32> {
    let count = kmers.iter().fold(0_u64, |sum, file| sum.saturating_add(file.len(KEYS)));
    // All ones are no rank.
    u32::try_from(count).ok().filter(|&count| count < u32::MAX).ok_or_else(|| {
        let reason = format!("{count} records are too many at once: reduce parts of them first");
        Error::Option { option: "FILE", reason }
    })
}

/// The first number of each shard's records, if those of one come after those of the shard before it.
pub(super) fn bases(kmers: &[StageFile]) -> Vec<u32> {
    let mut base = 0;
    let next = |file: &StageFile| {
        let start = base;
        base += file.len(KEYS) as u32;
        start
    };
    kmers.iter().map(next).collect()
}

/// All records, by rank. They have been [counted](count).
pub(super) fn records(kmers: &[StageFile]) -> Result<impl Iterator<Item = Result<Record>>> {
    let source = |(number, file)| keys_of(number, file);
    let merged = Merge::new((0..).zip(kmers).map(source).collect::<Result<Vec<_>>>()?)?;
    let (mut last, mut rank) = (None, 0);
    Ok(merged.map(move |item| {
        let (key, hash, header, place) = item?;
        let before = last.replace((key, hash, header));
        let alike = before.is_some_and(|(of_key, of_hash, _)| (of_key, of_hash) == (key, hash));
        let record = Record {
            rank,
            length: order::length_of(key),
            shard: (place >> 32) as usize,
            ordinal: place as u32,
            alike,
            same_header: alike && before.is_some_and(|(_, _, of_header)| of_header == header),
        };
        rank += 1;
        Ok(record)
    }))
}

/// What the records of a shard are ordered by, its number above the ordinal.
fn keys_of(number: u64, file: &StageFile) -> Result<impl Iterator<Item = Result<Key>>> {
    let records = file.len(KEYS);
    Ok(file.items::<Key>(KEYS)?.map(move |item| {
        let (key, hash, header, ordinal) = item?;
        if ordinal >= records {
            return Err(file.damaged("it knows a record that its shard does not have"));
        }
        Ok((key, hash, header, number << 32 | ordinal))
    }))
}
