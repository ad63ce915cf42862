//! Many records at once: each block is decoded once, whatever the order in which the records are asked for.

use rayon::prelude::*;

use crate::database::Database;
use crate::error::Result;
use crate::memory::arena::SequenceArena;
use crate::memory::budget::Budget;
use crate::read::record::Record;
use crate::read::scan::LastBlock;
use crate::read::shared::SharedSequence;
use crate::read::stream::{Item, Stream};

/// Most bytes that [`Database::for_each_record`] holds at a time, unless one record is longer.
const MOST_BYTES: u64 = 256 << 20;
/// Most bytes of records of a batch that are copied into one chunk, unless those of one block are more: what one record
/// that is kept keeps of the others.
const CHUNK: u64 = 64 << 10;
/// Parts of a batch for each thread, at least, if it touches as many blocks.
const PARTS: usize = 8;
/// Bytes of memory beside its own that a record of a batch takes.
pub const OVERHEAD: u64 = 256;

/// Most bytes of records that [`Database::for_each_record`] holds at a time, unless one record is longer: the more
/// records are fetched together, the more of them are in each block that is decoded.
#[must_use]
pub fn most_bytes(budget: &Budget) -> u64 {
    budget.advisable((budget.available() / 4).min(MOST_BYTES))
}

impl Database {
    /// The records with these numbers, in the order given. Repeated numbers are allowed.
    ///
    /// The bytes are copied out of the blocks into chunks of up to 64 KiB, which hold nothing but records of the batch.
    /// The whole result is in memory and the caller's; [`Database::for_each_record`] has a bound.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`], or damage in what was touched.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">one\nACGT\n>two\nGGCC\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// let database = talaria_db::Database::open(&path)?;
    /// let ids: Vec<_> = database.batch(&[1, 0, 1])?.iter().map(|record| record.id().to_vec()).collect();
    /// assert_eq!(ids, [b"two", b"one", b"two"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn batch(&self, ordinals: &[u64]) -> Result<Vec<Record>> {
        let headers = self.headers(ordinals)?;
        let sequences = self.residues_of(ordinals)?;
        let records = ordinals.iter().zip(headers.into_iter().zip(sequences));
        Ok(records.map(|(&ordinal, (header, sequence))| Record::new(ordinal, header, sequence)).collect())
    }

    /// The residues of these records, in the order given; each block is decoded once.
    ///
    /// # Errors
    /// As [`Database::batch`].
    pub(crate) fn residues_of(&self, ordinals: &[u64]) -> Result<Vec<SharedSequence>> {
        let sections = self.sections();
        let deltas = self.deltas_among(ordinals)?;
        let stored: Vec<u64> = match &deltas[..] {
            [] => Vec::new(),
            _ => ordinals
                .iter()
                .enumerate()
                .filter(|(index, _)| deltas.binary_search(index).is_err())
                .map(|(_, &ordinal)| ordinal)
                .collect(),
        };
        let stored = if deltas.is_empty() { ordinals } else { &stored };
        let items =
            self.look_up(stored, &[&sections.lengths, &sections.offsets], |columns, at| columns.sequence_item(at))?;
        let mut sequences = self.gather(self.sequences(), &items)?;
        if !deltas.is_empty() {
            let members: Vec<u64> = deltas.iter().map(|&index| ordinals[index]).collect();
            let (mut made, mut whole) = (self.resolve_many(&members)?.into_iter(), sequences.into_iter());
            let pick = |index| if deltas.binary_search(&index).is_ok() { made.next() } else { whole.next() };
            sequences = (0..ordinals.len()).filter_map(pick).collect();
        }
        Ok(sequences)
    }

    /// The header texts of these records, in the order given; each text block is decoded once.
    ///
    /// # Errors
    /// As [`Database::batch`].
    pub fn headers(&self, ordinals: &[u64]) -> Result<Vec<SharedSequence>> {
        let texts = self.look_up(ordinals, &[&self.sections().header_table], |columns, at| columns.text_item(at))?;
        self.gather(self.texts(), &texts)
    }

    /// Indexes of those of the records that are deltas, ascending.
    fn deltas_among(&self, ordinals: &[u64]) -> Result<Vec<usize>> {
        if !self.has_deltas() {
            return Ok(Vec::new());
        }
        let mut deltas = Vec::new();
        for (index, &ordinal) in ordinals.iter().enumerate() {
            if self.is_delta(ordinal)? {
                deltas.push(index);
            }
        }
        Ok(deltas)
    }

    /// The bytes of items, in the order given; each block is decoded once.
    fn gather(&self, stream: &Stream, items: &[Item]) -> Result<Vec<SharedSequence>> {
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.par_sort_unstable_by_key(|&index| (items[index].address, items[index].length, index));
        let groups: Vec<&[usize]> =
            order.chunk_by(|&left, &right| items[left].address.block() == items[right].address.block()).collect();
        // A batch that touches more blocks than the cache holds would only push everything else out of it.
        let keep = groups.len() as u64 * u64::from(stream.nominal) <= self.cache().capacity() / 2;
        let pieces: Vec<Vec<(usize, SharedSequence)>> = parts(stream, items, &groups)
            .into_par_iter()
            .map(|part| self.gather_part(stream, items, part, keep))
            .collect::<Result<_>>()?;
        let mut gathered: Vec<Option<SharedSequence>> = vec![None; items.len()];
        for (index, piece) in pieces.into_iter().flatten() {
            gathered[index] = Some(piece);
        }
        Ok(gathered.into_iter().map(|piece| piece.unwrap_or_else(|| SharedSequence::from(Vec::new()))).collect())
    }

    /// The items of some groups, copied into one chunk of exactly their size.
    fn gather_part(
        &self,
        stream: &Stream,
        items: &[Item],
        groups: &[&[usize]],
        keep: bool,
    ) -> Result<Vec<(usize, SharedSequence)>> {
        // All that the part needs is on its way from the disk while its first block is decoded.
        for item in groups.iter().filter_map(|group| items.get(*group.first()?)) {
            self.expect_block(stream, item.address.block());
        }
        let short = groups.iter().map(|group| short_bytes(stream, items, group)).sum::<u64>();
        let mut arena = SequenceArena::new(usize::try_from(short).unwrap_or(usize::MAX));
        let count = groups.iter().map(|group| group.len()).sum();
        let (mut copied, mut pieces) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut block = LastBlock::default();
        for index in groups.iter().flat_map(|group| group.iter().copied()) {
            let item = block.item(self, stream, items[index], keep)?;
            if is_long(stream, &items[index]) {
                pieces.push((index, item));
            } else {
                copied.push((index, arena.alloc_sequence(&item)?));
            }
        }
        pieces.extend(copied.into_iter().map(|(index, place)| (index, arena.share(&place))));
        Ok(pieces)
    }
}

/// Groups of items, each group in one block, that one thread copies into one chunk: as many as fit it, and so few that
/// all threads have some.
fn parts<'g>(stream: &Stream, items: &[Item], groups: &'g [&'g [usize]]) -> Vec<&'g [&'g [usize]]> {
    let most = groups.len().div_ceil(rayon::current_num_threads() * PARTS);
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, group) in groups.iter().enumerate() {
        let more = short_bytes(stream, items, group);
        if index > start && (index - start >= most || bytes + more > CHUNK) {
            parts.push(&groups[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += more;
    }
    parts.push(&groups[start..]);
    parts
}

/// Bytes of the items of a group that are copied.
fn short_bytes(stream: &Stream, items: &[Item], group: &[usize]) -> u64 {
    group.iter().map(|&index| &items[index]).filter(|item| !is_long(stream, item)).map(|item| item.length).sum()
}

/// Whether an item is longer than a block, so that it has memory of its own anyway.
fn is_long(stream: &Stream, item: &Item) -> bool {
    item.length > u64::from(stream.nominal)
}
