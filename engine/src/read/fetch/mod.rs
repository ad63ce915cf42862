//! Many records for one look at each: all of their bytes side by side in one memory, in the order asked for.
//!
//! What is asked for is sorted by where it lies, so that each block is decoded once, and each item is copied once, to
//! where it is wanted. So nothing is allocated for a record, and the order costs nothing afterwards. Work on each
//! record that makes bytes of it can be done by all threads: [`Database::write_records`].
//!
//! Costs, beside the bytes, up to 96 bytes a record, which [`OVERHEAD`] covers.

mod batch;
mod write;

use talaria_db_spec::columns::{LONG_ID, first_word_length};

use self::batch::Batch;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::batch::{OVERHEAD, most_bytes};
use crate::read::columns::TextItem;
use crate::read::scan::RecordView;
use crate::read::stream::Item;

/// How long a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Bytes of its header line, without `>` and line end.
    pub header: u32,
    /// Its residues.
    pub residues: u64,
}

/// What the columns say of a record.
#[derive(Debug, Clone, Copy)]
struct Located {
    text: Item,
    residues: Item,
    shared: bool,
    delta: bool,
}

impl Located {
    fn bytes(&self) -> u64 {
        self.residues.length.saturating_add(self.text.length)
    }
}

impl Database {
    /// Calls `visit` with the records with these numbers, in the order given, a bounded number of them in memory at a
    /// time.
    ///
    /// # Errors
    /// As [`Database::batch`], [`Error::Memory`], or what `visit` returns.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">one\nACGT\n>two\nGG\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// let database = talaria_db::Database::open(&path)?;
    /// let mut seen = Vec::new();
    /// database.for_each_record(&[1, 0, 1], |record| {
    ///     seen.push((record.header.to_vec(), record.residues.len()));
    ///     Ok::<(), talaria_db::Error>(())
    /// })?;
    /// assert_eq!(seen, [(b"two".to_vec(), 2), (b"one".to_vec(), 4), (b"two".to_vec(), 2)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_each_record<E: From<Error>>(
        &self,
        ordinals: &[u64],
        mut visit: impl FnMut(RecordView<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let visit = |batch: &Batch<'_>, _| batch.views(0..batch.len(), 0).try_for_each(&mut visit);
        self.for_each_batch(ordinals, Self::locate, visit)
    }

    /// Calls `visit` with the ids of the records with these numbers, in the order given: the first words of their
    /// headers, of which nothing else is copied.
    ///
    /// # Errors
    /// As [`Database::for_each_record`].
    pub(crate) fn for_each_id(&self, ordinals: &[u64], mut visit: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        // Of one that is longer than its field can say all of the header came.
        let mut of = |text: &[u8]| visit(text.get(..first_word_length(text)).unwrap_or_default());
        self.for_each_batch(ordinals, Self::locate_ids, |batch, _| {
            batch.views(0..batch.len(), 0).try_for_each(|record| of(record.header))
        })
    }

    /// How long the records with these numbers are, in the order given. The result is the caller's.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or damage in what was touched.
    pub fn sizes(&self, ordinals: &[u64]) -> Result<Vec<Size>> {
        let sections = self.sections();
        self.look_up(ordinals, &[&sections.header_table, &sections.lengths], |columns, ordinal| {
            let header = columns.header_entry(ordinal)?.text_length.get();
            Ok(Size { header, residues: columns.sequence_length(ordinal)? })
        })
    }

    /// Calls `with` with as many records as memory holds, of each what `locate` finds, and the index of the first of them,
    /// until they are through.
    fn for_each_batch<E: From<Error>>(
        &self,
        ordinals: &[u64],
        locate: impl Fn(&Self, &[u64]) -> Result<Vec<Located>>,
        mut with: impl FnMut(&Batch<'_>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let manager = self.manager();
        let mut first = 0;
        while first < ordinals.len() {
            // No more fit, however short they are.
            let most = usize::try_from(most_bytes(self.budget()) / OVERHEAD).unwrap_or(usize::MAX).max(1);
            let piece = &ordinals[first..ordinals.len().min(first.saturating_add(most))];
            let places = (piece.len() * size_of::<Located>()) as u64;
            let _lease = self.budget().lease("where records lie", places)?;
            let located = locate(self, piece)?;
            let mut at = 0;
            while at < piece.len() {
                manager.step();
                let count = self.fitting(&located[at..]);
                let batch = Batch::fetch(self, &piece[at..at + count], &located[at..at + count])?;
                with(&batch, first + at)?;
                at += count;
            }
            first += piece.len();
        }
        Ok(())
    }

    /// How many of the next records are taken together, at least one.
    fn fitting(&self, located: &[Located]) -> usize {
        let mut left = most_bytes(self.budget());
        let fits = |located: &&Located| {
            let more = located.bytes().saturating_add(OVERHEAD);
            let fits = more <= left;
            left = left.saturating_sub(more);
            fits
        };
        located.iter().take_while(fits).count().max(1)
    }

    fn locate(&self, ordinals: &[u64]) -> Result<Vec<Located>> {
        let sections = self.sections();
        let columns = [&sections.header_table, &sections.lengths, &sections.offsets];
        self.look_up(ordinals, &columns, |columns, ordinal| {
            let entry = columns.header_entry(ordinal)?;
            let (text, residues) = (entry.text_item(), columns.sequence_item(ordinal)?);
            // Before its length is believed.
            self.check_blocks(self.texts(), text)?;
            if !entry.is_delta() {
                self.check_blocks(self.sequences(), residues)?;
            }
            Ok(Located { text, residues, shared: entry.is_shared(), delta: entry.is_delta() })
        })
    }

    /// Where the ids of records lie, and nothing else of them.
    fn locate_ids(&self, ordinals: &[u64]) -> Result<Vec<Located>> {
        self.look_up(ordinals, &[&self.sections().header_table], |columns, ordinal| {
            let entry = columns.header_entry(ordinal)?;
            let (header, id) = (entry.text_item(), entry.id_length.get());
            self.check_blocks(self.texts(), header)?;
            let length = if id == LONG_ID { header.length } else { header.length.min(id.into()) };
            let residues = Item { length: 0, ..header };
            Ok(Located { text: Item { length, ..header }, residues, shared: entry.is_shared(), delta: false })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::budget::Budget;
    use crate::{Builder, OpenOptions};

    /// A header text and residues.
    type Made = (Vec<u8>, Vec<u8>);

    /// Records from none to many blocks long, in a container whose blocks are small.
    fn database(budget: &Budget) -> (tempfile::TempDir, Database, Vec<Made>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.talaria");
        let residues = |index: usize| if index == 700 { 300_000 } else { index * 37 % 5000 };
        let text = |index: usize| format!("r{index} {}", "about it ".repeat(index % 40)).trim_end().to_owned();
        let records: Vec<Made> = (0..2000)
            .map(|index| {
                (text(index).into_bytes(), b"MKVLAAGIW".iter().copied().cycle().take(residues(index)).collect())
            })
            .collect();
        Builder::new(&path).add_records("made", records.clone().into_iter()).finish().unwrap();
        let database = OpenOptions::new().budget(budget.clone()).open(&path).unwrap();
        (folder, database, records)
    }

    fn asked() -> Vec<u64> {
        (0..5000_u64).map(|step| step * 7919 % 2000).chain([700, 700, 0, 0]).collect()
    }

    #[test]
    fn records_come_in_the_order_asked_for_whatever_the_memory() {
        for limit in [5 << 20, 24 << 20, u64::MAX] {
            let budget = Budget::new(limit);
            let (_folder, database, records) = database(&budget);
            let asked = asked();
            let mut next = asked.iter();
            let visit = |record: RecordView<'_>| {
                let ordinal = *next.next().unwrap();
                let (header, residues) = &records[ordinal as usize];
                assert_eq!((record.ordinal, record.header, record.residues), (ordinal, &header[..], &residues[..]));
                Ok::<(), Error>(())
            };
            database.for_each_record(&asked, visit).unwrap();
            assert!(next.next().is_none());
            drop(database);
            assert_eq!(budget.in_use(), 0);
        }
    }

    #[test]
    fn what_all_threads_write_comes_in_order() {
        let (_folder, database, records) = database(&Budget::new(64 << 20));
        let (asked, mut got) = (asked(), Vec::new());
        let write = |index: usize, record: RecordView<'_>, out: &mut Vec<u8>| {
            out.extend_from_slice(format!("{index} ").as_bytes());
            out.extend_from_slice(record.header);
            out.extend_from_slice(record.residues);
            Ok(())
        };
        let take = |bytes: &[u8]| {
            got.extend_from_slice(bytes);
            Ok(())
        };
        database.write_records(&asked, write, take).unwrap();
        let expected: Vec<u8> = asked
            .iter()
            .enumerate()
            .flat_map(|(index, &ordinal)| {
                let (header, residues) = &records[ordinal as usize];
                [format!("{index} ").as_bytes(), header, residues].concat()
            })
            .collect();
        assert!(got == expected);
    }

    #[test]
    fn errors_of_those_who_write_and_take_are_passed_on() {
        let (_folder, database, _) = database(&Budget::new(64 << 20));
        let error = || Error::OutOfRange { what: "test", got: 1, count: 0 };
        let mut taken = 0;
        let take = |bytes: &[u8]| {
            taken += bytes.len();
            Ok(())
        };
        let write = |index: usize, _: RecordView<'_>, out: &mut Vec<u8>| {
            out.push(b'x');
            if index == 900 { Err(error()) } else { Ok(()) }
        };
        assert!(matches!(database.write_records(&asked(), write, take), Err(Error::OutOfRange { what: "test", .. })));
        assert!(taken <= 900, "{taken}");
        let refused = database.write_records(&asked(), |_, _, _| Ok(()), |_| Err(error()));
        assert!(matches!(refused, Err(Error::OutOfRange { what: "test", .. })));
        let absent = database.for_each_record(&[3, 2000], |_| Ok::<(), Error>(()));
        assert!(matches!(absent, Err(Error::OutOfRange { what: "record", got: 2000, count: 2000 })), "{absent:?}");
    }

    #[test]
    fn sizes_are_those_of_the_records() {
        let (_folder, database, records) = database(&Budget::new(64 << 20));
        let asked = asked();
        for (ordinal, size) in asked.iter().zip(database.sizes(&asked).unwrap()) {
            let (header, residues) = &records[*ordinal as usize];
            assert_eq!(size, Size { header: header.len() as u32, residues: residues.len() as u64 });
        }
    }

    #[test]
    fn ids_are_first_words_however_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.talaria");
        let long = "x".repeat(70_000);
        let headers =
            [String::new(), " no id".to_owned(), "a".to_owned(), format!("{long} and more"), "b\tc d".to_owned()];
        let records: Vec<Made> = headers.iter().map(|header| (header.clone().into_bytes(), b"MK".to_vec())).collect();
        Builder::new(&path).add_records("made", records.into_iter()).finish().unwrap();
        let database = Database::open(&path).unwrap();
        let (asked, mut found) = ([4, 3, 0, 1, 2, 3], Vec::new());
        database
            .for_each_id(&asked, |id| {
                found.push(String::from_utf8(id.to_vec()).unwrap());
                Ok(())
            })
            .unwrap();
        assert!(found == ["b", &long, "", "", "a", &long]);
    }
}
