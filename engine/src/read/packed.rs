//! Items of packed columns (FORMAT.md, section 14), unpacked as they are asked for: what comes out are the items as
//! they would stand in a column of full width, so that nobody else needs to know.
//!
//! An item costs a look at the index of frames and one at its frame, two to four pages in all. Runs of items unpack
//! each frame once. Nothing is kept: a frame is as fast to unpack as to find.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use talaria_db_spec::SpecError;
use talaria_db_spec::packed_columns::{self, FRAME, Frame, INDEX_ITEM, frame_range, frames, longest_frame};
use talaria_db_spec::validate::Section;

use crate::error::{Error, Result};
use crate::read::cache::{BlockCache, CacheKey};
use crate::read::pages::{Pages, page_of};
use crate::read::storage::Storage;

/// A packed column, and what its pages are read through.
#[derive(Clone, Copy)]
pub(crate) struct PackedColumn<'a> {
    pub(crate) pages: &'a Pages,
    pub(crate) storage: &'a Storage,
    pub(crate) path: &'a Path,
    pub(crate) section: &'a Section,
    pub(crate) lanes: &'static [u32],
}

impl<'a> PackedColumn<'a> {
    /// Fills `items` with those from `first` on, which there are: a few neighbours. Pages come from `cache` where the
    /// storage has to read them.
    pub(super) fn few<const N: usize>(&self, cache: &BlockCache, first: u64, items: &mut [[u8; N]]) -> Result<()> {
        let (mut next, mut rest) = (first, items);
        while !rest.is_empty() {
            let (number, at) = (next / FRAME, (next % FRAME) as usize);
            let (now, later) = rest.split_at_mut(rest.len().min(FRAME as usize - at));
            next += now.len() as u64;
            self.with_frame(cache, number, |bytes| {
                let few = packed_columns::few(self.section.kind, self.lanes, number, bytes, at, now);
                few.map_err(Error::format(self.path))
            })?;
            rest = later;
        }
        Ok(())
    }

    /// Calls `found` with those of `items`, which there are, that have `value` in lane `lane`, and with their indexes.
    pub(crate) fn with_value<const N: usize>(
        &self,
        cache: &BlockCache,
        items: Range<u64>,
        (lane, value): (usize, u64),
        mut found: impl FnMut(u64, [u8; N]) -> Result<()>,
    ) -> Result<()> {
        let mut next = items.start;
        while next < items.end {
            let (number, at) = (next / FRAME, (next % FRAME) as usize);
            let start = next - at as u64;
            let end = (items.end - start).min(FRAME) as usize;
            self.with_frame(cache, number, |bytes| {
                let frame = self.frame(number, bytes)?;
                let mut from = at;
                while let Some(at) = frame.find(lane, value, from..end) {
                    found(start + at as u64, frame.item(at))?;
                    from = at + 1;
                }
                Ok(())
            })?;
            next = start + end as u64;
        }
        Ok(())
    }

    /// Calls `with` with the bytes of a frame.
    #[inline]
    fn with_frame(&self, cache: &BlockCache, number: u64, with: impl FnOnce(&[u8]) -> Result<()>) -> Result<()> {
        let index = self.index_of(number..number + 1);
        if let Some(whole) = self.pages.whole(self.storage, self.section) {
            let read = |range| self.pages.compared(self.storage, self.path, self.section, whole, range);
            let range = self.range(number, read(index)?)?;
            with(read(range)?)
        } else {
            let range = self.range(number, &self.cached(cache, index)?)?;
            with(&self.cached(cache, range)?)
        }
    }

    /// A run of items that there are.
    pub(super) fn run(&self, items: Range<u64>) -> Result<Vec<u8>> {
        let size = self.section.item_size as usize;
        let mut unpacked = vec![0; (items.end - items.start) as usize * size];
        if unpacked.is_empty() {
            return Ok(unpacked);
        }
        let numbers = items.start / FRAME..frames(items.end);
        let places = self.bytes(self.index_of(numbers.clone()))?;
        let ranges =
            || numbers.clone().zip(windows(&places)).map(|(number, places)| (number, self.range(number, places)));
        let (mut start, mut end) = (u64::MAX, 0);
        for (_, range) in ranges() {
            let range = range?;
            (start, end) = (start.min(range.start), end.max(range.end));
        }
        let bytes = self.bytes(start..end)?;
        let mut rest = &mut unpacked[..];
        let mut first = (items.start % FRAME) as usize;
        for (number, range) in ranges() {
            let range = range?;
            let frame = bytes.get((range.start - start) as usize..(range.end - start) as usize).unwrap_or_default();
            let count = (FRAME as usize - first).min(rest.len() / size);
            let (now, later) = rest.split_at_mut(count * size);
            self.frame(number, frame)?.unpack(first, now);
            (rest, first) = (later, 0);
        }
        Ok(unpacked)
    }

    /// Compares all frames with what the format asks of them.
    pub(crate) fn verify(&self, note: &(dyn Fn(Result<()>) + Sync)) {
        use rayon::prelude::*;
        let count = frames(self.section.item_count);
        (0..count).into_par_iter().for_each(|number| note(self.verify_frame(number)));
        let end = self.section.frames_end();
        if count == 0 && end != 0 {
            let broken = SpecError::violation(self.section.kind.rules().name, "frame", "W-2", 0, end, 0);
            note(Err(Error::format(self.path)(broken)));
        }
    }

    fn verify_frame(&self, number: u64) -> Result<()> {
        let places = self.bytes(self.index_of(number..number + 1))?;
        let range = self.range(number, &places)?;
        let count = (self.section.item_count - number * FRAME).min(FRAME);
        let bytes = self.bytes(range)?;
        self.frame(number, &bytes)?.check(count as usize).map_err(Error::format(self.path))
    }

    /// Where the entries of these frames are in the index, and that of the next one.
    fn index_of(&self, numbers: Range<u64>) -> Range<u64> {
        let place = |number: u64| (self.section.frames_end() + number * INDEX_ITEM).min(self.section.length);
        place(numbers.start)..place(numbers.end + 1)
    }

    /// Where a frame lies, from its entry of the index and the next one, if there is one.
    fn range(&self, number: u64, places: &[u8]) -> Result<Range<u64>> {
        let place = |at: usize| places.get(at..)?.first_chunk().copied().map(u64::from_le_bytes);
        let end = self.section.frames_end();
        let places = (place(0).unwrap_or(end), place(INDEX_ITEM as usize).unwrap_or(end));
        let longest = longest_frame(self.lanes.len(), self.section.item_size);
        frame_range(self.section.kind, longest, number, places, end).map_err(Error::format(self.path))
    }

    fn frame<'b>(&self, number: u64, bytes: &'b [u8]) -> Result<Frame<'b>> {
        Frame::new(self.section.kind, self.lanes, number, bytes).map_err(Error::format(self.path))
    }

    fn bytes(&self, range: Range<u64>) -> Result<Cow<'a, [u8]>> {
        self.pages.bytes(self.storage, self.path, self.section, range)
    }

    fn cached(&self, cache: &BlockCache, range: Range<u64>) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        let mut at = range.start;
        while at < range.end {
            let (page, start) = page_of(at);
            let read = || self.pages.page(self.storage, self.path, self.section, page).map(Cow::into_owned);
            let held = cache.get_or_decode(CacheKey::Page(self.section.first_page + page), read)?;
            let part = held.get(start..).unwrap_or_default();
            let part = &part[..part.len().min((range.end - at) as usize)];
            if part.is_empty() {
                break;
            }
            bytes.extend_from_slice(part);
            at += part.len() as u64;
        }
        Ok(bytes)
    }
}

/// From each entry of an index on.
fn windows(places: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..places.len()).step_by(INDEX_ITEM as usize).map(|at| &places[at..])
}
