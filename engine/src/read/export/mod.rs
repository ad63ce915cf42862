//! The way back: the very bytes of the sources, or FASTA in another line width.
//!
//! Records are cut into units of about 256 KiB in the order of the input; a record longer than that is cut into pieces. Units are made in
//! parallel while earlier ones are written, through [`crate::memory::settings::StreamingSettings::buffers`] buffers a thread. So memory is
//! bounded by those, and not by the longest record. In a container with deltas units are larger, as far as memory allows: the deltas of a unit are made in the
//! order of their own stream, so that each block of it is decoded once a unit.

mod cut;
mod make;
mod stash;

use std::io::Write;

use crate::database::{Database, Source};
use crate::error::{Error, Result};
use crate::read::export::cut::Cutter;
use crate::read::export::make::Maker;
use crate::read::export::stash::Stash;
use crate::read::filter::Filter;
use crate::read::pipeline;

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

impl ExportOptions {
    /// Whether records may be left out.
    fn is_partial(&self) -> bool {
        self.selection != Selection::All || !self.filter.is_open()
    }
}

impl Database {
    /// Writes FASTA to `out` and returns the number of bytes.
    ///
    /// With [`ExportOptions::default`] these are the very bytes that the container was built from, all sources one after the other.
    ///
    /// # Errors
    /// Damage in what was touched, [`Error::NoColumn`], [`Error::Memory`], or [`Error::Io`] if `out` fails; then part of the bytes have been written.
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
        let mut written = 0;
        for source in chosen {
            if options.lines == Lines::Original && !options.is_partial() {
                write(out, &source.preamble)?;
                written += source.preamble.len() as u64;
            }
            written += self.export_source(out, source, options)?;
        }
        Ok(written)
    }

    fn export_source(&self, out: &mut (dyn Write + Send), source: &Source, options: &ExportOptions) -> Result<u64> {
        let _lease = self.lease_blocks()?;
        let stash = if options.is_partial() {
            None
        } else {
            Stash::new(self, source.first_record..source.first_record + source.record_count)?
        };
        let mut cutter = Cutter::new(self, source, options);
        let manager = self.manager();
        let maker = Maker { database: self, options, stash };
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
        pipeline::in_order(&maker, buffers, self.budget(), || cutter.next_unit(), take)?;
        Ok(written)
    }
}

fn write(out: &mut (dyn Write + Send), bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).map_err(Error::io(std::path::Path::new("output"), "write"))
}
