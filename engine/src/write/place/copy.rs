//! Copying a container with its residues in another order.
//!
//! Residues are gathered for as many positions as memory holds, and cut into blocks as those of a build are. Records
//! that share a copy go where it goes. Names, header texts, layouts, sources and columns are [carried
//! over](crate::write::carried) as they are.

use rayon::prelude::*;
use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::header::ORDER_SIMILARITY;
use talaria_db_spec::section::SectionKind;
use zerocopy::IntoBytes;

use super::Placing;
use super::nearest::{NONE, PerRecord};
use crate::database::Database;
use crate::error::Result;
use crate::fasta::alphabet::Composition;
use crate::memory::budget::Lease;
use crate::read::blocks::blocks_memory;
use crate::read::gather::{self, WANTED, Wanted};
use crate::read::stream::Item;
use crate::reduce::groups::{LEAST_SORT_MEMORY, sort_memory};
use crate::write::assemble::Shape;
use crate::write::carried::carry;
use crate::write::cut::Cutter;
use crate::write::encode::{EncodedBlock, encode_residues};
use crate::write::publish::Unpublished;
use crate::write::seal::provenance_bytes;
use crate::write::sections::{OpenSection, SectionWriter};
use crate::write::sequences::block_entry;
use crate::write::spill::{Sorted, Sorter, Spill, SpillBuffer};

/// Bytes of residues after which blocks are encoded.
const TOGETHER: usize = 2 << 20;
/// Least residues that are gathered at once, unless there are fewer.
const LEAST_WINDOW: u64 = 4 << 20;
/// Bytes of memory that a slot of a window takes beside its residues, as vectors double.
const SLOT: u64 = WANTED + 2 * size_of::<Slot>() as u64;

/// Position and ordinal of every record but deltas, ascending: what the physical order says of them. Empty records are
/// where the first one is.
pub(super) type Slots = Sorted<(u64, u64)>;

/// Every record's position: its own, or that of the record whose copy it shares.
pub(super) fn slots(placing: &Placing<'_>, positions: PerRecord) -> Result<Slots> {
    let Placing { database, spill, .. } = *placing;
    let mut slots = Sorter::new(spill, "positions of records", sort_memory(spill, 4, 0))?;
    if !database.has_shared() && !database.has_deltas() {
        for (ordinal, &position) in (0_u64..).zip(&positions.values) {
            slots.push((if position == NONE { 0 } else { position.into() }, ordinal))?;
        }
        return slots.finish();
    }
    let mut copies = Sorter::new(spill, "records by copy", sort_memory(spill, 4, 0))?;
    for ordinal in 0..database.len() {
        let item = database.sequence_item(ordinal)?;
        if database.is_delta(ordinal)? {
            continue;
        }
        if item.length == 0 {
            slots.push((0, ordinal))?;
        } else {
            copies.push((item.address.bits(), ordinal))?;
        }
    }
    let (mut last, mut position) = (None, 0);
    for copy in copies.finish()? {
        let (address, ordinal) = copy?;
        if last != Some(address) {
            // The first of those with one copy has it.
            (last, position) = (Some(address), positions.values[ordinal as usize].into());
        }
        slots.push((position, ordinal))?;
    }
    slots.finish()
}

/// Address and ordinal of every delta, ascending. Their items stay where they are.
fn deltas(placing: &Placing<'_>) -> Result<Slots> {
    let Placing { database, spill, .. } = *placing;
    let mut deltas = Sorter::new(spill, "addresses of deltas", sort_memory(spill, 8, LEAST_WINDOW))?;
    for ordinal in (0..database.len()).filter(|_| database.has_deltas()) {
        if database.is_delta(ordinal)? {
            deltas.push((database.sequence_address(ordinal)?.bits(), ordinal))?;
        }
    }
    deltas.finish()
}

/// What copying takes whatever the window.
fn fixed_memory(shape: &Shape, threads: usize) -> u64 {
    let block = u64::from(shape.sequence_block);
    let encoding = shape.compression.memory(shape.sequence_block, threads);
    4 * TOGETHER as u64 + 8 * block * threads as u64 + encoding + blocks_memory(shape.sequence_block, threads)
}

/// The least memory for copying, beside the slots.
pub(super) fn least_memory(shape: &Shape, threads: usize) -> u64 {
    let columns = 2 * SpillBuffer::column_memory() + SpillBuffer::most_memory(0) + SectionWriter::MEMORY;
    fixed_memory(shape, threads) + columns + 4 * LEAST_SORT_MEMORY + LEAST_WINDOW + u64::from(shape.sequence_block)
}

/// A record in the order of the residues.
#[derive(Debug, Clone, Copy)]
struct Slot {
    ordinal: u64,
    item: Item,
    /// Whether its residues are to be written: it is not empty, and the first at its position.
    first: bool,
}

/// Sequence blocks on their way.
struct Residues<'a> {
    placing: &'a Placing<'a>,
    cutter: Cutter,
    directory: SpillBuffer,
    section: OpenSection,
    stored: u64,
    waiting: usize,
}

impl Residues<'_> {
    /// Encodes the blocks that are full, and writes them.
    fn encode(&mut self, writer: &mut SectionWriter) -> Result<()> {
        self.waiting = 0;
        let (compression, blocks) = (self.placing.shape.compression, self.cutter.take_done());
        let encoded: Vec<(u64, EncodedBlock)> = blocks
            .into_par_iter()
            .map(|block| {
                let composition = Composition::of(&block.bytes);
                Ok((block.first_slot, encode_residues(&block.bytes, &composition, compression)?))
            })
            .collect::<Result<_>>()?;
        for (first_slot, block) in encoded {
            let entry = block_entry(&block, self.stored, first_slot);
            self.directory.write(entry.as_bytes())?;
            self.stored += block.stored.len() as u64;
            writer.append(&mut self.section, &block.stored)?;
        }
        Ok(())
    }

    /// Counts what was added to the blocks.
    fn added(&mut self, bytes: usize, writer: &mut SectionWriter) -> Result<()> {
        self.waiting += bytes;
        // At least a block for each thread.
        let enough = TOGETHER.max(self.placing.shape.sequence_block as usize * rayon::current_num_threads());
        if self.waiting >= enough { self.encode(writer) } else { Ok(()) }
    }

    /// Adds the residues of a record; where they are.
    fn push(
        &mut self,
        slot: &Slot,
        at: u64,
        bytes: Option<&[u8]>,
        writer: &mut SectionWriter,
    ) -> Result<PackedAddress> {
        if let Some(bytes) = bytes {
            let address = self.cutter.push(bytes, at)?;
            self.added(bytes.len(), writer)?;
            return Ok(address);
        }
        let address = self.cutter.begin_long(at)?;
        self.placing.database.for_each_residues(slot.ordinal, 0..slot.item.length, |part| {
            self.cutter.push_long(part);
            self.added(part.len(), writer)
        })?;
        self.cutter.end_long();
        Ok(address)
    }
}

/// The next slots, as many as fit into `window` bytes, and at least one.
fn take(database: &Database, slots: &mut Slots, window: u64, last: &mut Option<u64>) -> Result<Vec<Slot>> {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    while bytes < window {
        let Some(slot) = slots.next() else { break };
        let (position, ordinal) = slot?;
        let item = database.sequence_item(ordinal)?;
        let first = item.length > 0 && *last != Some(position);
        if first {
            *last = Some(position);
        }
        bytes += SLOT;
        if first && item.length <= database.sequences().nominal.into() {
            bytes += item.length;
        }
        taken.push(Slot { ordinal, item, first });
    }
    Ok(taken)
}

/// The residues of those slots that are in one block each, one after the other.
fn load(database: &Database, slots: &[Slot]) -> Result<Vec<u8>> {
    let nominal = u64::from(database.sequences().nominal);
    let items = || {
        let short = slots.iter().filter(|slot| slot.first && slot.item.length <= nominal);
        short.map(|slot| (slot.item.address, usize::try_from(slot.item.length).unwrap_or(usize::MAX)))
    };
    let mut bytes = vec![0; items().map(|(_, length)| length).sum()];
    let mut wanted: Vec<Wanted<'_>> = Vec::with_capacity(items().count());
    wanted.extend(gather::cut(&mut bytes, items()));
    database.gather_residues(&mut wanted)?;
    drop(wanted);
    Ok(bytes)
}

/// Writes the container with its residues in the order of the slots.
pub(super) fn copy(placing: &Placing<'_>, mut slots: Slots, output: Unpublished) -> Result<Unpublished> {
    let Placing { database, spill, shape, .. } = *placing;
    let nominal = u64::from(database.sequences().nominal);
    let mut deltas = deltas(placing)?.peekable();
    let mut offsets = Sorter::new(spill, "addresses of records", sort_memory(spill, 8, LEAST_WINDOW))?;
    let mut order = SpillBuffer::column(spill, "the physical order")?;
    let _fixed = spill.budget().lease("copying and encoding", fixed_memory(&shape, rayon::current_num_threads()))?;
    let mut writer = SectionWriter::new(output, spill, database.container().has_packed_columns())?;
    let section = writer.begin(SectionKind::SequenceBlocks, 1, u64::MAX)?;
    let directory = SpillBuffer::column(spill, "the sequence directory")?;
    let cutter = Cutter::new(shape.sequence_block);
    let mut residues = Residues { placing, cutter, directory, section, stored: 0, waiting: 0 };
    let (window, lease) = lease_window(database, spill)?;
    let (mut at, mut last, mut address) = (0, None, PackedAddress::default());
    let mut put = |(address, ordinal): (u64, u64)| -> Result<()> {
        offsets.push((ordinal, address))?;
        order.write(&(ordinal as u32).to_le_bytes())
    };
    loop {
        let taken = take(database, &mut slots, window, &mut last)?;
        if taken.is_empty() {
            break;
        }
        let bytes = load(database, &taken)?;
        let mut rest = &bytes[..];
        for slot in &taken {
            let next = if slot.first { residues.cutter.next_address(slot.item.length)? } else { address };
            let place = if slot.item.length == 0 { PackedAddress::default() } else { next };
            // Addresses of deltas are among the others.
            while let Some(delta) = deltas.next_if(is_before((place.bits(), slot.ordinal))) {
                put(delta?)?;
                at += 1;
            }
            if slot.first {
                let length = if slot.item.length <= nominal { slot.item.length as usize } else { 0 };
                let (now, later) = rest.split_at(length);
                rest = later;
                address = residues.push(slot, at, (length > 0).then_some(now), &mut writer)?;
            }
            put((place.bits(), slot.ordinal))?;
            at += 1;
        }
    }
    deltas.try_for_each(|delta| put(delta?))?;
    drop(lease);
    residues.cutter.close();
    residues.encode(&mut writer)?;
    let Residues { directory, section, .. } = residues;
    writer.end(section)?;
    writer.section_from(SectionKind::SequenceDirectory, 32, directory, spill)?;
    let mut column = writer.begin(SectionKind::Offsets, 8, offsets.len() * 8)?;
    for item in offsets.finish()? {
        writer.append(&mut column, &item?.1.to_le_bytes())?;
    }
    writer.end(column)?;
    for section in database.container().sections() {
        match section.kind {
            SectionKind::SequenceBlocks
            | SectionKind::SequenceDirectory
            | SectionKind::Offsets
            | SectionKind::PageChecksums => {}
            SectionKind::Provenance => {
                writer.section(SectionKind::Provenance, 1, &provenance_bytes(placing.provenance))?;
            }
            _ => carry(database, section.kind, &mut writer)?,
        }
    }
    writer.section_from(SectionKind::PhysicalOrder, 4, order, spill)?;
    let mut header = *database.container().header();
    header.order = ORDER_SIMILARITY;
    writer.finish(header, spill)
}

/// Whether a delta, or what was wrong with the next one, comes before a record, by address and ordinal.
fn is_before(record: (u64, u64)) -> impl Fn(&Result<(u64, u64)>) -> bool {
    move |delta| delta.as_ref().map_or(true, |delta| *delta < record)
}

/// As many bytes as there is room for at once: half of what is free, if so much is needed.
fn lease_window(database: &Database, spill: &Spill) -> Result<(u64, Lease)> {
    let stored = database.container().header().stored_residue_count.get();
    let most = stored.saturating_add(database.len().saturating_mul(SLOT));
    let window = (spill.budget().available() / 2).max(LEAST_WINDOW).min(most.max(1));
    // The last item that is taken passes the end.
    let lease = spill.budget().lease("residues that are gathered", window + u64::from(database.sequences().nominal))?;
    Ok((window, lease))
}
