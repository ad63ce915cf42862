//! Hostile containers. Bytes that begin as a container does are one, taken as they are and once more with all checksums
//! made to fit. Other bytes are a golden container and changes to it, which is put together again and sealed: changes
//! of length move what follows, as no change of bytes in place could.

use std::sync::OnceLock;

use arbitrary::{Result, Unstructured};
use talaria_db::read::stream::StreamKind;
use talaria_db_spec::forever::HEADER_MAGIC;
use talaria_db_spec::header::Header;
use zerocopy::IntoBytes;
use zerocopy::little_endian::U32;

use super::{below, bytes, one_of, put, value};
use crate::draft::Draft;
use crate::exercise::everything;
use crate::ladder::RUNGS;
use crate::seal::seal;

/// Most bytes of text that are asked for.
const MOST_TEXT: usize = 1 << 20;

/// Most changes to one container.
const MOST_CHANGES: usize = 24;

/// See the module.
pub fn run(input: &[u8]) {
    if input.first() == HEADER_MAGIC.first() {
        everything(input.to_vec(), None, MOST_TEXT);
        let mut sealed = input.to_vec();
        seal(&mut sealed);
        if sealed != input {
            everything(sealed, None, MOST_TEXT);
        }
        return;
    }
    let mut input = Unstructured::new(input);
    everything(changed(&mut input), None, MOST_TEXT);
}

/// One change to a container.
enum Change<'a> {
    /// Bytes of the header.
    Header(usize, Vec<u8>),
    /// Bytes of the section table.
    Table(usize, Vec<u8>),
    /// Bytes of a section.
    Section(usize, usize, Vec<u8>),
    /// A section cut or made longer by zeros.
    Length(usize, usize),
    /// Two items of a section change places.
    Swap(usize, usize, usize),
    /// A section less.
    Remove(usize),
    /// Bytes of a stored block.
    Stored(StreamKind, usize, usize, Vec<u8>),
    /// A stored block altogether: codec, packing, decoded length, bytes.
    Block(StreamKind, usize, u8, u8, u32, &'a [u8]),
}

fn change<'a>(input: &mut Unstructured<'a>) -> Result<Change<'a>> {
    Ok(match input.arbitrary::<u8>()? % 8 {
        0 => Change::Header(below(input, size_of::<Header>()), value(input)?),
        1 => Change::Table(place(input)?, value(input)?),
        2 => Change::Section(below(input, 32), place(input)?, value(input)?),
        3 => Change::Length(below(input, 32), place(input)?),
        4 => Change::Swap(below(input, 32), place(input)?, place(input)?),
        5 => Change::Remove(below(input, 32)),
        6 => Change::Stored(one_of(input, &StreamKind::ALL), below(input, 8), place(input)?, value(input)?),
        _ => {
            let (stream, number) = (one_of(input, &StreamKind::ALL), below(input, 8));
            let (codec, packing, length) = (input.arbitrary()?, input.arbitrary()?, input.arbitrary::<u16>()?.into());
            Change::Block(stream, number, codec, packing, length, bytes(input, 96))
        }
    })
}

/// Where in something of a few KiB.
fn place(input: &mut Unstructured<'_>) -> Result<usize> {
    input.arbitrary::<u16>().map(usize::from)
}

/// The golden containers, taken apart.
fn golden() -> &'static [Draft] {
    static GOLDEN: OnceLock<Vec<Draft>> = OnceLock::new();
    GOLDEN.get_or_init(|| RUNGS.iter().map(|rung| Draft::parse(&rung.container())).collect())
}

fn changed(input: &mut Unstructured<'_>) -> Vec<u8> {
    let mut draft = golden()[below(input, golden().len())].clone();
    let mut changes = Vec::new();
    while changes.len() < MOST_CHANGES
        && !input.is_empty()
        && let Ok(change) = change(input)
    {
        changes.push(change);
    }
    // Blocks first, since they are found by their directories; then sections, and what names them last.
    for change in &changes {
        change_block(&mut draft, change);
    }
    for change in &changes {
        change_section(&mut draft, change);
    }
    let mut image = draft.assemble();
    for change in &changes {
        if let Change::Table(at, value) = change {
            image.change_table(|entries| put(entries.as_mut_bytes(), *at, value));
        }
    }
    for change in &changes {
        if let Change::Header(at, value) = change {
            image.change_header(|header| put(header.as_mut_bytes(), *at, value));
        }
    }
    image.into_bytes()
}

fn change_block(draft: &mut Draft, change: &Change<'_>) {
    let (Change::Stored(stream, ..) | Change::Block(stream, ..)) = change else { return };
    let (directory, _) = stream.sections();
    if !draft.parts.iter().any(|part| part.entry.kind.get() == directory.number()) {
        return;
    }
    draft.edit_blocks(*stream, |blocks| {
        if blocks.is_empty() {
            return;
        }
        let count = blocks.len();
        match change {
            Change::Stored(_, number, at, value) => put(&mut blocks[number % count].stored, *at, value),
            Change::Block(_, number, codec, packing, length, stored) => {
                let block = &mut blocks[number % count];
                (block.entry.codec, block.entry.packing) = (codec % 4, packing % 6);
                block.entry.decoded_length = U32::new(*length);
                block.stored = stored.to_vec();
            }
            _ => {}
        }
    });
}

fn change_section(draft: &mut Draft, change: &Change<'_>) {
    let (Change::Section(index, ..) | Change::Length(index, _) | Change::Swap(index, ..) | Change::Remove(index)) =
        change
    else {
        return;
    };
    if draft.parts.is_empty() {
        return;
    }
    let index = index % draft.parts.len();
    let part = &mut draft.parts[index];
    let size = usize::try_from(part.entry.item_size.get()).unwrap().max(1);
    match change {
        Change::Section(_, at, value) => put(&mut part.bytes, *at, value),
        Change::Length(_, length) => part.bytes.resize(*length, 0),
        Change::Swap(_, one, other) => {
            let count = part.bytes.len() / size;
            if count > 0 {
                let (one, other) = (one % count * size, other % count * size);
                (0..size).for_each(|at| part.bytes.swap(one + at, other + at));
            }
        }
        _ => {
            draft.parts.remove(index);
        }
    }
}
