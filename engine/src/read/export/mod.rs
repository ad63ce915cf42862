//! The way back: the very bytes of the sources, or FASTA in another line width.
//!
//! Records are cut into units of about 256 KiB in the order of the input, which end where blocks do, so that no block
//! is decoded twice; a record longer than that is cut into pieces. Of larger blocks a unit is one.
//! Units are made in parallel while earlier ones are written, through
//! [`crate::memory::settings::StreamingSettings::buffers`] buffers a thread. So memory is bounded by those, and not by
//! the longest record. In a container with deltas units are larger, as far as memory allows: the deltas of a unit are
//! made in the order of their own stream, so that each block of it is decoded once a unit. Where residues lie in
//! another order than the records, as many of them as memory holds are gathered beforehand (`read::window`).

mod cut;
mod make;
mod stash;

use std::io::Write;
use std::ops::Range;

use talaria_db_spec::columns::HeaderEntry;

use crate::database::{Database, Source};
use crate::error::{Error, Result};
use crate::read::export::cut::Cutter;
use crate::read::export::make::Maker;
use crate::read::export::stash::Stash;
use crate::read::filter::Filter;
use crate::read::pipeline;
use crate::read::window::Windows;

/// Of what is free, this part is for residues that lie in another order than the records.
pub(crate) const WINDOW_SHARE: u64 = 2;
/// Bytes of text between two looks at whether memory is to be given back.
const STEP: u64 = 32 << 20;

/// How lines are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lines {
    /// As in the source: byte for byte.
    #[default]
    Original,
    /// This many residues a line, LF; 0 for one line.
    Width(u64),
}

/// Which records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Selection {
    /// All of them.
    #[default]
    All,
    /// The references of a reduction: no record that another one stands for, and none that has no representative.
    References,
}

/// What [`Database::export`] writes.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// Lines.
    pub lines: Lines,
    /// Records.
    pub selection: Selection,
    /// Of these records, those that match.
    pub filter: Filter,
    /// The source with this number only, from 0.
    pub source: Option<usize>,
}

/// What is to be written: what the options say, and of that what the engine chose, if it did.
#[derive(Clone, Copy)]
struct Request<'e> {
    options: &'e ExportOptions,
    chosen: Option<&'e (dyn Fn(u64) -> bool + Sync)>,
}

impl<'e> Request<'e> {
    fn of(options: &'e ExportOptions) -> Self {
        Self { options, chosen: None }
    }

    /// Whether records may be left out, whatever the filter says.
    fn chooses(&self) -> bool {
        self.options.selection != Selection::All || self.chosen.is_some()
    }

    /// Whether records may be left out.
    fn is_partial(&self) -> bool {
        self.chooses() || !self.options.filter.is_open()
    }

    /// Whether a record is left out, whatever the filter says.
    fn leaves_out(&self, database: &Database, ordinal: u64, entry: &HeaderEntry) -> Result<bool> {
        let references = self.options.selection == Selection::References;
        Ok(self.chosen.is_some_and(|chosen| !chosen(ordinal))
            || references && !database.is_reference(ordinal, entry)?)
    }
}

impl Database {
    /// Writes FASTA to `out` and returns the number of bytes.
    ///
    /// With [`ExportOptions::default`] these are the very bytes that the container was built from, all sources one
    /// after the other.
    ///
    /// # Errors
    /// Damage in what was touched, [`Error::NoColumn`], [`Error::Memory`], or [`Error::Io`] if `out` fails; then part
    /// of the bytes have been written.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("a.fa"), ">one\r\nAC\r\nGT\r\n\r\n>two\n")?;
    /// # let path = folder.path().join("a.talaria");
    /// # talaria_db::Builder::new(&path).add_fasta(folder.path().join("a.fa")).finish()?;
    /// use talaria_db::read::export::{ExportOptions, Lines};
    ///
    /// let database = talaria_db::Database::open(&path)?;
    /// let mut bytes = Vec::new();
    /// database.export(&mut bytes, &ExportOptions::default())?;
    /// assert_eq!(bytes, b">one\r\nAC\r\nGT\r\n\r\n>two\n");
    ///
    /// bytes.clear();
    /// database.export(&mut bytes, &ExportOptions { lines: Lines::Width(0), ..Default::default() })?;
    /// assert_eq!(bytes, b">one\nACGT\n>two\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn export(&self, out: &mut (dyn Write + Send), options: &ExportOptions) -> Result<u64> {
        self.export_requested(out, Request::of(options))
    }

    /// Writes the records that are `chosen`, as [`Database::export`] does.
    pub(crate) fn export_chosen(
        &self,
        out: &mut (dyn Write + Send),
        options: &ExportOptions,
        chosen: &(dyn Fn(u64) -> bool + Sync),
    ) -> Result<u64> {
        self.export_requested(out, Request { options, chosen: Some(chosen) })
    }

    fn export_requested(&self, out: &mut (dyn Write + Send), request: Request<'_>) -> Result<u64> {
        let options = request.options;
        self.check_filter(&options.filter)?;
        let sources = self.sources()?;
        let chosen = match options.source {
            None => &sources[..],
            Some(index) => match sources.get(index) {
                Some(source) => std::slice::from_ref(source),
                None => {
                    let (got, count) = (index as u64, sources.len() as u64);
                    return Err(Error::OutOfRange { what: "source", got, count });
                }
            },
        };
        let wants = |ordinals| self.exported(request, ordinals);
        let end = chosen.last().map_or(0, |source| source.first_record + source.record_count);
        let mut windows = Windows::new(self, end, WINDOW_SHARE, &wants);
        let mut written = 0;
        for source in chosen {
            written += self.export_part(out, source, request, &mut windows)?;
        }
        Ok(written)
    }

    /// Writes a source, with windows that go on from the one before.
    pub(crate) fn export_source(
        &self,
        out: &mut (dyn Write + Send),
        source: &Source,
        options: &ExportOptions,
        windows: &mut Windows<'_>,
    ) -> Result<u64> {
        self.export_part(out, source, Request::of(options), windows)
    }

    fn export_part(
        &self,
        out: &mut (dyn Write + Send),
        source: &Source,
        request: Request<'_>,
        windows: &mut Windows<'_>,
    ) -> Result<u64> {
        let mut written = 0;
        if request.options.lines == Lines::Original && !request.is_partial() {
            write(out, &source.preamble)?;
            written += source.preamble.len() as u64;
        }
        let (mut next, end) = (source.first_record, source.first_record + source.record_count);
        let _lease = self.lease_blocks()?;
        let whole = !request.is_partial() && !self.is_placed();
        let stash = if whole { Stash::new(self, next..end)? } else { None };
        while next < end {
            let stop = windows.reach(next)?.min(end);
            let maker = Maker { database: self, request, stash: stash.as_ref(), window: windows.window() };
            written += self.export_records(out, Cutter::new(self, source, next..stop, request), &maker)?;
            next = stop;
        }
        Ok(written)
    }

    fn export_records(&self, out: &mut (dyn Write + Send), mut cutter: Cutter<'_>, maker: &Maker<'_>) -> Result<u64> {
        let manager = self.manager();
        let mut written = 0;
        let threads = rayon::current_num_threads();
        // With deltas units are large.
        let each = if self.has_deltas() { 1 } else { self.memory().streaming.buffers };
        let buffers = each.saturating_mul(threads).saturating_add(usize::from(self.has_deltas()));
        let take = |text: &Vec<u8>| {
            let before = written;
            written += text.len() as u64;
            if before / STEP != written / STEP {
                manager.step();
            }
            write(out, text)
        };
        pipeline::in_order(maker, buffers, self.budget(), || cutter.next_unit(), take)?;
        Ok(written)
    }
}

impl Database {
    /// Which of a run of records are written.
    fn exported(&self, request: Request<'_>, ordinals: Range<u64>) -> Result<Vec<bool>> {
        let mut wanted = self.matching(&request.options.filter, ordinals.clone())?;
        if request.chooses() {
            let mut columns = self.column_cursor(ordinals.clone());
            for (ordinal, wanted) in ordinals.zip(&mut wanted) {
                let entry = columns.at(ordinal)?.header_entry(ordinal)?;
                *wanted = *wanted && !request.leaves_out(self, ordinal, &entry)?;
            }
        }
        Ok(wanted)
    }
}

fn write(out: &mut (dyn Write + Send), bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).map_err(Error::io(std::path::Path::new("output"), "write"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, Database};

    #[test]
    fn a_source_that_is_not_there_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.talaria");
        let records = |name: &[u8]| std::iter::once((name.to_vec(), b"MKV".to_vec()));
        let builder = Builder::new(&path).add_records("first", records(b"a"));
        builder.add_records("second", records(b"b")).finish().unwrap();
        let database = Database::open(&path).unwrap();
        let export = |source| {
            let mut text = Vec::new();
            database.export(&mut text, &ExportOptions { source: Some(source), ..ExportOptions::default() })?;
            Ok::<_, Error>(text)
        };
        assert_eq!((export(0).unwrap(), export(1).unwrap()), (b">a\nMKV\n".to_vec(), b">b\nMKV\n".to_vec()));
        assert!(matches!(export(2), Err(Error::OutOfRange { what: "source", got: 2, count: 2 })));
    }

    #[test]
    fn blocks_of_a_record_in_pieces_are_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.talaria");
        let residues = b"ACGTTGCAAC".repeat(100_000);
        let record = std::iter::once((b"chromosome".to_vec(), residues.clone()));
        Builder::new(&path).add_records("one", record).block_size(1 << 14).finish().unwrap();
        let database = Database::open(&path).unwrap();
        let mut text = Vec::new();
        let options = ExportOptions { lines: Lines::Width(0), ..ExportOptions::default() };
        database.export(&mut text, &options).unwrap();
        assert!(text == [&b">chromosome\n"[..], &residues, b"\n"].concat());
        // That of the header text.
        assert_eq!(database.cache_statistics().entries, 1);
    }
}
