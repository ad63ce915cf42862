//! Deltas: items and streams of any bytes against a plain reading of FORMAT.md, section 13, and what a writer makes
//! there and back.

use arbitrary::{Result, Unstructured};
use talaria_db_spec::alphabet::is_residue;
use talaria_db_spec::block::BlockEntry;
use talaria_db_spec::delta::streams::{STREAMS, join, read_payload, split, write_payload};
use talaria_db_spec::delta::{Body, Item, Operation, ScriptWriter, decode_substitution, for_each_item, item_length};
use talaria_db_spec::{SpecError, varint};
use zerocopy::FromZeros;
use zerocopy::little_endian::U32;

use super::{below, bytes, rest};

/// Most bytes of a parent, a record or a block.
const MOST: usize = 4096;

/// See the module.
pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    // An input that is too short for its choices asks nothing.
    let _ = match below(&mut input, 6) {
        0 => item(&mut input),
        1 => block(&mut input),
        2 => streams(&mut input),
        3 => payload(&mut input),
        4 => stored(&mut input),
        _ => there_and_back(&mut input),
    };
}

/// Any bytes are an item or not; one that is one gives what its operations say.
fn item(input: &mut Unstructured<'_>) -> Result<()> {
    let parent: Vec<u8> = bytes(input, 64).iter().map(|byte| 0x21 + byte % 0x5E).collect();
    let parent = parent.repeat(1 + below(input, 3));
    let length = below(input, 300);
    let rest = rest(input);
    let link = Item::link(rest);
    let Ok((item, after)) = Item::parse(rest) else { return Ok(()) };
    assert_eq!(link, Ok((item.parent, item.depth)));
    assert_eq!(item_length(rest), Ok(item.length));
    assert_eq!(rest.len() - after.len(), usize::try_from(item.length).unwrap());
    let length = match item.body {
        // Mostly what the script yields: other lengths are refused at once.
        Body::Script(script) if !length.is_multiple_of(8) => usize::try_from(script.yields()).unwrap_or(MOST).min(MOST),
        _ => length,
    };
    let mut residues = vec![0; length];
    let applied = item.apply(&parent, &mut residues).map_err(|error| error.rule());
    match plain(&item, &parent, length) {
        None => assert_eq!(applied, Err("X-2")),
        Some(expected) => {
            assert_eq!(residues, expected);
            assert_ne!(applied, Err("X-2"));
            assert!(length as u64 <= item.most(parent.len() as u64), "more than there is room for");
        }
    }
    Ok(())
}

/// What an item makes of its parent, in the plainest way.
fn plain(item: &Item<'_>, parent: &[u8], length: usize) -> Option<Vec<u8>> {
    let script = match item.body {
        Body::Substring(start) => {
            let start = usize::try_from(start).ok()?;
            return parent.get(start..start.checked_add(length)?).map(<[u8]>::to_vec);
        }
        Body::Script(script) => script,
    };
    let (mut at, mut coded, mut residues) = (0_usize, script.residues().iter(), Vec::new());
    let count = |count: u64| usize::try_from(count).ok();
    for operation in script.operations() {
        match operation {
            Operation::Copy(copied) => {
                let end = at.checked_add(count(copied)?)?;
                residues.extend_from_slice(parent.get(at..end)?);
                at = end;
            }
            Operation::Substitute(changed) => {
                for _ in 0..changed {
                    residues.push(decode_substitution(*parent.get(at)?, *coded.next()?)?);
                    at += 1;
                }
            }
            Operation::Insert(added) => {
                for _ in 0..added {
                    residues.push(*coded.next().filter(|residue| is_residue(**residue))?);
                }
            }
            Operation::Skip(passed) => at = at.checked_add(count(passed)?)?,
        }
    }
    (residues.len() == length && at <= parent.len()).then_some(residues)
}

/// A block that can be taken apart is what its parts make.
fn block(input: &mut Unstructured<'_>) -> Result<()> {
    let block = rest(input);
    let Some(streams) = split(block) else { return Ok(()) };
    let mut again = vec![0; block.len()];
    join(&streams.each_ref().map(Vec::as_slice), &mut again).expect("the streams of a block");
    assert_eq!(again, block);
    let mut length = 0;
    let counted = for_each_item::<SpecError>(block, |start, item| {
        assert_eq!(start as u64, length);
        length += item.length;
        Ok(())
    });
    assert_eq!((counted, length), (Ok(()), block.len() as u64));
    Ok(())
}

/// Streams that make a block of sound items are those of that block: there is one way to say it.
fn streams(input: &mut Unstructured<'_>) -> Result<()> {
    let mut streams: [Vec<u8>; STREAMS] = Default::default();
    let length = below(input, MOST);
    for stream in &mut streams {
        *stream = bytes(input, 64).to_vec();
    }
    let borrowed = streams.each_ref().map(Vec::as_slice);
    // Lengths are tried near the one of the block, which the input need not know.
    for length in [length, (length + sum(&streams)) % MOST] {
        let mut block = vec![0; length];
        if join(&borrowed, &mut block).is_ok()
            && let Some(again) = split(&block)
        {
            assert_eq!(again, streams);
        }
    }
    Ok(())
}

fn sum(streams: &[Vec<u8>; STREAMS]) -> usize {
    streams.iter().map(Vec::len).sum()
}

/// A payload that is taken apart is what its parts make.
fn payload(input: &mut Unstructured<'_>) -> Result<()> {
    let most = input.arbitrary::<u16>()?.into();
    let payload = rest(input);
    let Ok(parts) = read_payload(payload, most) else { return Ok(()) };
    assert!(parts.iter().map(|part| part.length).sum::<u64>() <= most);
    let mut again = Vec::new();
    write_payload(&parts, &mut again);
    assert_eq!(again, payload);
    Ok(())
}

/// Any bytes as a stored block, in any codec and packing.
fn stored(input: &mut Unstructured<'_>) -> Result<()> {
    let mut entry = BlockEntry::new_zeroed();
    (entry.codec, entry.packing) = (input.arbitrary::<u8>()? % 4, input.arbitrary::<u8>()? % 6);
    let length = input.arbitrary::<u16>()?;
    entry.decoded_length = U32::new(length.into());
    let stored = rest(input);
    entry.stored_length = U32::new(u32::try_from(stored.len()).expect("an input of a few KiB"));
    let place = talaria_db::read::block::Place { path: std::path::Path::new("(memory)"), stream: "delta", block: 0 };
    if let Ok(decoded) = talaria_db::read::block::decode(&entry, stored, None, place) {
        assert_eq!(decoded.len(), usize::from(length));
    }
    Ok(())
}

/// Records told by a writer come back from the item, and from the block that it is in.
fn there_and_back(input: &mut Unstructured<'_>) -> Result<()> {
    let letters = |bytes: &[u8]| bytes.iter().map(|byte| 0x21 + byte % 0x5E).collect::<Vec<u8>>();
    let parent = letters(bytes(input, 200));
    let (mut block, mut records) = (Vec::new(), Vec::new());
    for number in 0..=below(input, 4) {
        let (mut script, mut residues, mut at) = (ScriptWriter::default(), Vec::new(), 0);
        for _ in 0..below(input, 20) {
            let left = parent.len() - at;
            let count = below(input, left + 1);
            let here = &parent[at..at + count];
            match below(input, 4) {
                0 => {
                    script.copy(count);
                    residues.extend_from_slice(here);
                    at += count;
                }
                1 => {
                    let mut other = letters(bytes(input, count));
                    other.resize(count, b'*');
                    script.substitute(here, &other);
                    residues.extend_from_slice(&other);
                    at += count;
                }
                2 => {
                    let inserted = letters(bytes(input, 100));
                    script.insert(&inserted);
                    residues.extend_from_slice(&inserted);
                }
                _ => {
                    script.skip(count);
                    at += count;
                }
            }
        }
        let named = input.arbitrary()?;
        Item::write_script(&mut block, named, 1 + number as u8, number % 2 == 1, script, &residues);
        records.push((named, residues));
        let (start, end) = (below(input, parent.len() + 1), below(input, parent.len() + 1));
        let part = &parent[start.min(end)..start.max(end)];
        Item::write_substring(&mut block, number as u64, 8, false, start.min(end) as u64, part);
        records.push((number as u64, part.to_vec()));
    }
    let streams = split(&block).expect("a block that was written");
    let mut again = vec![0; block.len()];
    join(&streams.each_ref().map(Vec::as_slice), &mut again).expect("streams that were split");
    assert_eq!(again, block);
    let mut told = records.iter();
    let read = for_each_item::<SpecError>(&block, |_, item| {
        let (named, residues) = told.next().expect("an item a record");
        let mut made = vec![0; residues.len()];
        item.apply(&parent, &mut made)?;
        assert_eq!((item.parent, &made), (*named, residues));
        Ok(())
    });
    assert_eq!((read, told.next()), (Ok(()), None));
    let mut number = Vec::new();
    let value = input.arbitrary()?;
    varint::write(&mut number, value);
    assert_eq!(varint::read(&mut &number[..]), Ok(value));
    Ok(())
}
