//! What a build takes from the budget, and the shape of what it makes.
//!
//! Both depend on what the residues are, which nobody knows before the first records have come. The memory that is
//! taken, and asked for, before that is that of usual blocks; the rest of large ones is leased when it turns out.

use talaria_db_spec::alphabet::Alphabet;

use crate::fasta::input::{CHUNK, Input};
use crate::write::assemble::{Assembler, REMEMBERED_MEMORY, Shape};
use crate::write::builder::{Origin, Settings};
use crate::write::container_input::ContainerInput;
use crate::write::ingest::{Ingest, RECORDS_MEMORY};
use crate::write::measure::MEASURES_MEMORY;
use crate::write::place::{self, Order};

/// Records up to this length are parsed in one piece, whatever the blocks.
const WHOLE_RECORD: usize = 64 << 10;

/// What a build takes from the budget from its start to its end, beside what its assembler does.
pub(super) struct Needs {
    /// A parsed chunk, its blocks before and after encoding, the open blocks, and what is remembered of blocks.
    pub(super) encoding: u64,
    pub(super) records: u64,
    /// Of the input that takes most.
    pub(super) inputs: u64,
    share: u64,
}

impl Needs {
    pub(super) fn new(settings: &Settings<'_>, threads: usize, origins: &[Origin]) -> Self {
        let shape = shape(settings, settings.alphabet);
        Self {
            encoding: encoding_memory(&shape, threads) + 2 * longest_whole(settings) as u64 + REMEMBERED_MEMORY,
            records: RECORDS_MEMORY + if settings.columns.is_empty() { 0 } else { MEASURES_MEMORY },
            inputs: origins.iter().map(|origin| input_memory(origin, settings)).max().unwrap_or(0),
            share: if settings.share { Ingest::SHARE_MEMORY } else { 0 },
        }
    }
}

/// What blocks of this shape take while they are filled and encoded.
pub(super) fn encoding_memory(shape: &Shape, threads: usize) -> u64 {
    let block = shape.sequence_block.max(shape.text_block);
    4 * CHUNK as u64 + 6 * u64::from(block) + shape.compression.memory(block, threads)
}

/// Records up to this length are parsed in one piece: those that lie in one block.
pub(super) fn longest_whole(settings: &Settings<'_>) -> usize {
    WHOLE_RECORD.max(settings.blocks.largest() as usize)
}

/// The shape of a container of such residues. As long as nobody knows what they are, its blocks are what memory is
/// reckoned with, not what will be written.
pub(super) fn shape(settings: &Settings<'_>, alphabet: Option<Alphabet>) -> Shape {
    Shape {
        compression: settings.compression,
        sequence_block: alphabet.map_or(settings.blocks.before_any(), |alphabet| settings.blocks.of(alphabet)),
        text_block: settings.text_block_size,
        packed: settings.packed,
        order: settings.order,
    }
}

fn input_memory(origin: &Origin, settings: &Settings<'_>) -> u64 {
    match origin {
        Origin::Fasta(path) => Input::least_memory(path, &settings.memory),
        Origin::Container(path) => ContainerInput::least_memory(path, &settings.memory),
        Origin::Records(..) => 0,
    }
}

/// The least budget that a build can do with.
pub(super) fn least_memory(settings: &Settings<'_>, threads: usize, origins: &[Origin]) -> u64 {
    let Needs { encoding, records, inputs, share } = Needs::new(settings, threads, origins);
    let waiting = if inputs > 0 { Input::waiting_memory(&settings.memory) } else { 0 };
    let building = encoding + records + inputs + waiting + share + Assembler::least_memory(settings.columns);
    match settings.order {
        Order::Input => building,
        Order::Similarity => building.max(place::least_memory(&shape(settings, settings.alphabet), threads)),
    }
}
