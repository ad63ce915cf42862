//! A container like another one, of the same records, but for where their residues are: what a reduction writes.
//!
//! Header texts and names, lengths, layout and optional columns say the same of the same records, so their sections are
//! carried over as they stand, page by page and block by block, each compared with its checksum. Nothing of them is
//! decoded, and nothing waits on disk. Of the residues, runs of blocks can be carried over in the same way; the others
//! are coded anew.

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::columns::{FLAG_DELTA, FLAG_SHARED, HeaderEntry};
use talaria_db_spec::section::{CHECKSUM_WHOLE, SectionKind};

use crate::database::Database;
use crate::error::Result;
use crate::read::columns::ColumnCursor;
use crate::read::stream::{Stream, StreamKind};
use crate::write::assemble::{Residues, Shape};
use crate::write::deltas::DeltaStream;
use crate::write::membership::MembershipSections;
use crate::write::publish::Unpublished;
use crate::write::seal::{Particulars, Step, Steps, seal};
use crate::write::sections::{OpenSection, SectionWriter};
use crate::write::sequences::{EncodedResidues, Sequences};
use crate::write::spill::{Sorted, Spill};

/// Streams beside those of residues, and the index of one.
const TEXTS_AND_LAYOUTS: [SectionKind; 5] = [
    SectionKind::TextBlocks,
    SectionKind::TextDirectory,
    SectionKind::LayoutBlocks,
    SectionKind::LayoutDirectory,
    SectionKind::LayoutIndex,
];
/// Columns that only some files have, and indexes of them.
const OPTIONAL_COLUMNS: [SectionKind; 6] = [
    SectionKind::GcContent,
    SectionKind::Complexity,
    SectionKind::Digests,
    SectionKind::SoftMaskIndex,
    SectionKind::SoftMaskRuns,
    SectionKind::Taxa,
];

/// Items of a packed column that are carried over together.
const RUN: usize = 1 << 12;

/// A container that takes over from `database` what it does not say itself.
pub(crate) struct Carrier<'d> {
    database: &'d Database,
    columns: ColumnCursor<'d>,
    sequences: Sequences,
}

impl<'d> Carrier<'d> {
    /// Bytes that its buffers keep in memory.
    pub(crate) const MEMORY: u64 = Sequences::MEMORY + SectionWriter::MEMORY;

    /// Starts a file.
    ///
    /// # Errors
    /// [`crate::Error::Memory`], [`crate::Error::Io`].
    pub(crate) fn new(database: &'d Database, output: Unpublished, shape: Shape, spill: &Spill) -> Result<Self> {
        let columns = database.column_cursor(0..database.len());
        Ok(Self { database, columns, sequences: Sequences::new(output, shape, spill)? })
    }

    /// Takes the delta stream, whose blocks are all encoded.
    pub(crate) fn set_deltas(&mut self, deltas: DeltaStream) {
        self.sequences.deltas = Some(deltas);
    }

    /// Takes who stands for whom.
    pub(crate) fn set_membership(&mut self, membership: Option<MembershipSections>) {
        self.sequences.membership = membership;
    }

    /// Places the residues of the next record, and returns their address.
    ///
    /// # Errors
    /// Damage in the header table; [`crate::Error::Io`], [`crate::Error::Space`], [`crate::Error::OutOfRange`].
    pub(crate) fn record(&mut self, residues: Residues<'_>) -> Result<PackedAddress> {
        let (flags, address, length) = self.sequences.place(residues)?;
        self.add(flags, address, length)?;
        Ok(address)
    }

    /// Places the residues of the next record, which come in pieces and are more than a block, and returns their
    /// address.
    ///
    /// # Errors
    /// As [`Carrier::record`], and those of `pieces`, which gets what takes them.
    pub(crate) fn long_record(
        &mut self,
        length: u64,
        pieces: impl FnOnce(&mut dyn FnMut(&[u8], bool) -> Result<()>) -> Result<()>,
    ) -> Result<PackedAddress> {
        let address = self.sequences.begin_long()?;
        pieces(&mut |residues, encodes| {
            self.sequences.push_long(residues);
            if encodes { self.encode() } else { Ok(()) }
        })?;
        self.sequences.end_long();
        self.add(0, address, length)?;
        Ok(address)
    }

    fn add(&mut self, flags: u8, address: PackedAddress, length: u64) -> Result<()> {
        let ordinal = self.sequences.record_count;
        let entry = self.columns.at(ordinal)?.header_entry(ordinal)?;
        let kept = entry.flags & !(FLAG_SHARED | FLAG_DELTA);
        self.sequences.add(HeaderEntry { flags: kept | flags, ..entry }, address, length)
    }

    /// Encodes the blocks that are full, in parallel, and writes them in order.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Space`].
    pub(crate) fn encode(&mut self) -> Result<()> {
        let compression = self.sequences.compression;
        let encoded: Vec<EncodedResidues> = self
            .sequences
            .take_done()
            .into_par_iter()
            .map(|cut| EncodedResidues::new(&cut, compression))
            .collect::<Result<_>>()?;
        encoded.iter().try_for_each(|block| self.sequences.write_block(block))?;
        self.sequences.writer.flush()
    }

    /// Carries over a block of residues as it stands, after those so far, and returns its number. The records in it are
    /// added by [`Carrier::copied_record`].
    ///
    /// # Errors
    /// Damage in the block; [`crate::Error::Io`], [`crate::Error::Space`].
    pub(crate) fn copy_block(&mut self, number: u64) -> Result<u64> {
        self.sequences.close();
        self.encode()?;
        let stream = self.database.sequences();
        let entry = self.database.block_entry(stream, number)?;
        let stored = self.database.stored_block(stream, number, &entry)?;
        self.sequences.copy_block(entry, &stored)
    }

    /// Adds the next record, whose residues are in a block that was copied.
    ///
    /// # Errors
    /// As [`Carrier::record`].
    pub(crate) fn copied_record(&mut self, address: PackedAddress, length: u64) -> Result<()> {
        self.add(0, address, length)
    }

    /// Writes the rest of the file. It is complete then, and not yet published. `later` has the addresses of the
    /// records that were added without, by ordinal.
    ///
    /// # Errors
    /// Damage in what is carried over; [`crate::Error::Io`], [`crate::Error::Space`], [`crate::Error::Memory`].
    pub(crate) fn seal(mut self, particulars: &Particulars, later: Sorted<(u64, u64)>) -> Result<Unpublished> {
        self.sequences.close();
        self.encode()?;
        seal(self.sequences, steps(self.database), particulars, Some(later))
    }
}

fn steps(database: &Database) -> Steps<'_> {
    let sections = |kinds: &'static [SectionKind]| -> Step<'_> {
        Box::new(move |writer, _, _| kinds.iter().try_for_each(|&kind| carry(database, kind, writer)))
    };
    Steps {
        texts_and_layouts: sections(&TEXTS_AND_LAYOUTS),
        lengths: sections(&[SectionKind::Lengths]),
        optional_columns: sections(&OPTIONAL_COLUMNS),
        names: sections(&[SectionKind::KeyEntries, SectionKind::KeyBuckets]),
        dictionaries: sections(&[SectionKind::DictionaryDirectory, SectionKind::DictionaryBytes]),
    }
}

/// Carries over a section, if it is there.
///
/// # Errors
/// Damage in it; [`crate::Error::Io`], [`crate::Error::Space`].
pub(super) fn carry(database: &Database, kind: SectionKind, writer: &mut SectionWriter) -> Result<()> {
    let Some(section) = database.container().section(kind) else { return Ok(()) };
    let mut open = writer.begin(kind, section.item_size, section.length)?;
    let stream = StreamKind::ALL.into_iter().find(|stream| stream.sections().1 == kind);
    match stream.and_then(|stream| Stream::find(database.container(), stream)) {
        Some(stream) => carry_blocks(database, &stream, &mut open, writer)?,
        None if kind.rules().checksum_kind == CHECKSUM_WHOLE => {
            writer.append(&mut open, &database.whole_section(kind)?)?;
        }
        None if section.lanes.is_some() || writer.packs() => {
            for first in (0..section.item_count).step_by(RUN) {
                let run = first..(first + RUN as u64).min(section.item_count);
                writer.append(&mut open, &database.items(section, run)?)?;
            }
        }
        None => (0..section.pages()).try_for_each(|page| writer.append(&mut open, &database.page(section, page)?))?,
    }
    writer.end(open)
}

fn carry_blocks(
    database: &Database,
    stream: &Stream,
    open: &mut OpenSection,
    writer: &mut SectionWriter,
) -> Result<()> {
    let mut offset = 0;
    for number in 0..stream.directory.item_count {
        let entry = database.block_entry(stream, number)?;
        if entry.offset.get() != offset {
            return Err(database.broken(stream.kind.name(), "offset", "B-1", number, entry.offset.get(), offset));
        }
        let stored = database.stored_block(stream, number, &entry)?;
        writer.append(open, &stored)?;
        offset += stored.len() as u64;
    }
    Ok(())
}
