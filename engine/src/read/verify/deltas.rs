//! The delta stream as a whole: its blocks are made of items and nothing else, and each item is that of one record
//!
//!
//! What the items make is checked with the records. Here the places of the items, block by block, are compared with
//! those of the records that are deltas and share no other's item, by their number and a sum of hashes with a key of
//! this check, as [names](super::names) are.

use std::hash::{BuildHasher, RandomState};

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::delta::for_each_item;

use super::Findings;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::stream::Stream;

/// How many places, and the sum of their hashes.
type Places = (u64, u64);

fn add((count, sum): Places, key: &RandomState, address: u64) -> Places {
    (count + 1, sum.wrapping_add(key.hash_one(address)))
}

/// Records that one thread looks at together.
const GROUP: u64 = 1 << 14;

impl Database {
    /// To be called when the records and the blocks have been checked.
    ///
    /// # Errors
    /// None; what is found is noted.
    pub(super) fn verify_delta_items(&self, findings: &Findings) -> Result<()> {
        let Some(stream) = self.deltas() else { return Ok(()) };
        if !findings.is_empty() {
            return Ok(());
        }
        let (blocks, key) = (stream.directory.item_count, RandomState::new());
        let places: Vec<Places> = (0..blocks)
            .into_par_iter()
            .map(|number| findings.note(self.places_of_items(stream, number, &key)).unwrap_or_default())
            .collect();
        let (mut items, mut sum) = (0, 0_u64);
        for (number, (count, part)) in (0..).zip(places) {
            if let Some(entry) = findings.note(self.block_entry(stream, number))
                && entry.first_slot.get() != items
            {
                findings.add(self.broken("delta", "first_slot", "B-6", number, entry.first_slot.get(), items));
            }
            items += count;
            sum = sum.wrapping_add(part);
        }
        let of_group = |group: u64| {
            let mut places = Places::default();
            for ordinal in group * GROUP..((group + 1) * GROUP).min(self.len()) {
                let Some(entry) = findings.note(self.header_entry(ordinal)) else { continue };
                if entry.is_delta()
                    && !entry.is_shared()
                    && let Some(address) = findings.note(self.sequence_address(ordinal))
                {
                    places = add(places, &key, address.bits());
                }
            }
            places
        };
        let groups = (0..self.len().div_ceil(GROUP)).into_par_iter();
        let (records, of_records) = groups
            .map(of_group)
            .reduce(Places::default, |left, right| (left.0 + right.0, left.1.wrapping_add(right.1)));
        // Sums of all of them, or they say nothing.
        if findings.is_empty() {
            findings.expect(self, ("delta", "items"), "X-4", items, records);
        }
        if findings.is_empty() {
            findings.expect(self, ("delta", "places of items"), "X-4", sum, of_records);
        }
        Ok(())
    }

    fn places_of_items(&self, stream: &Stream, number: u64, key: &RandomState) -> Result<Places> {
        let (block, mut places) = (self.decode_block(stream, number)?, Places::default());
        let found = for_each_item(&block, |start, _| {
            let address = u32::try_from(start).ok().and_then(|start| PackedAddress::new(number, start));
            places = add(places, key, address.unwrap_or_default().bits());
            Ok(())
        });
        found.map_err(Error::format(self.path())).map(|()| places)
    }
}
