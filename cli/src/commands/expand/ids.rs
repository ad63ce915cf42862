//! The ids of many records.

use talaria_db::Database;
use talaria_db::memory::budget::Lease;
use talaria_db::spec::columns::first_word_length;

/// Records whose ids are fetched together, at most; a caller with more takes them in windows.
pub(in crate::commands) const WINDOW: usize = 1 << 13;
/// Bytes of memory that a header text takes beside its own.
const OVERHEAD: u64 = 128;

/// First words of headers, in memory that is leased.
#[derive(Debug)]
pub(in crate::commands) struct Ids {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    _lease: Lease,
}

impl Ids {
    /// The ids of these records, in the order given.
    pub(in crate::commands) fn of(database: &Database, ordinals: &[u64]) -> talaria_db::Result<Self> {
        let mut lease = database.budget().lease("ids of records", 0)?;
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(ordinals.len()));
        for window in ordinals.chunks(WINDOW) {
            let texts = window.iter().map(|&ordinal| Ok(u64::from(database.header_entry(ordinal)?.text_length.get())));
            let texts: u64 = texts.sum::<talaria_db::Result<u64>>()?;
            let count = ordinals.len() as u64;
            // Header texts and what is kept of them, which is no longer; the vector may double.
            lease.resize(count * 8 + 2 * bytes.len() as u64 + 3 * texts + window.len() as u64 * OVERHEAD)?;
            for header in database.headers(window)? {
                bytes.extend_from_slice(header.get(..first_word_length(&header)).unwrap_or_default());
                ends.push(bytes.len());
            }
            lease.resize(count * 8 + bytes.capacity() as u64)?;
        }
        Ok(Self { bytes, ends, _lease: lease })
    }

    /// The id of the record with this index in the list.
    pub(in crate::commands) fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(index).copied());
        range.and_then(|(start, end)| self.bytes.get(start..end)).unwrap_or_default()
    }
}
