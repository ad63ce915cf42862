//! The items of a block as streams of like values: packing 5 of FORMAT.md, section 7.
//!
//! Run lengths, kinds of edits, codes and ordinals have little in common; each compresses better with its like.
//! [`split`] and [`join`] are inverse for every block that is made of sound items. The payload is a list of the
//! streams' lengths and then the streams ([`write_payload`], [`read_payload`]), each compressed or as it is;
//! compressing is the caller's.

use alloc::vec::Vec;

use super::{Body, Item, Operation, for_each_item, widen};
use crate::error::SpecError;
use crate::varint;

/// Streams of a payload.
pub const STREAMS: usize = 10;

/// Parents, as signed differences from the one before.
const PARENTS: usize = 0;
/// The byte of depth and form.
const HEADS: usize = 1;
/// Four bytes each.
const CHECKSUMS: usize = 2;
/// Starts of substrings.
const STARTS: usize = 3;
/// Edits of each script.
const COUNTS: usize = 4;
/// Residues copied before each edit and after the last one.
const COPIES: usize = 5;
/// Kind and count of each edit.
const EDITS: usize = 6;
/// Counts that an edit's byte has no room for.
const LONG_EDITS: usize = 7;
/// Codes of substituted residues.
const CODES: usize = 8;
/// Inserted residues.
const INSERTED: usize = 9;

/// The count of an edit from which on it is in the stream of long ones.
const LONG: u64 = 85;

/// A stream of a payload, as it is stored.
#[derive(Debug, Clone, Copy, Default)]
pub struct Part<'a> {
    /// Bytes of the stream.
    pub length: u64,
    /// As stored.
    pub stored: &'a [u8],
    /// Whether they are compressed.
    pub compressed: bool,
}

/// Takes the items of a block apart; `None` if the block is not made of sound items in their shortest form.
#[must_use]
pub fn split(block: &[u8]) -> Option<[Vec<u8>; STREAMS]> {
    let mut streams: [Vec<u8>; STREAMS] = Default::default();
    let mut before = 0_u64;
    for_each_item::<SpecError>(block, |_, item| {
        split_item(&item, before, &mut streams);
        before = item.parent;
        Ok(())
    })
    .ok()?;
    Some(streams)
}

fn split_item(item: &Item<'_>, before: u64, streams: &mut [Vec<u8>; STREAMS]) {
    let [parents, heads, checksums, starts, counts, copies, edits, long_edits, codes, inserted] = streams;
    let difference = item.parent.wrapping_sub(before);
    // Zigzag: small differences are small numbers, whatever their sign.
    let sign = if difference >> 63 == 1 { u64::MAX } else { 0 };
    varint::write(parents, difference << 1 ^ sign);
    heads.push(item.head());
    checksums.extend_from_slice(&item.checksum.to_le_bytes());
    let script = match item.body {
        Body::Substring(start) => return varint::write(starts, start),
        Body::Script(script) => script,
    };
    let is_copy = |operation: &Operation| matches!(operation, Operation::Copy(_));
    varint::write(counts, widen(script.operations().filter(|operation| !is_copy(operation)).count()));
    let (mut copied, mut residues) = (0, script.residues());
    for operation in script.operations() {
        let (kind, count) = match operation {
            Operation::Copy(count) => {
                copied = count;
                continue;
            }
            Operation::Substitute(count) => (0, count),
            Operation::Insert(count) => (1, count),
            Operation::Skip(count) => (2, count),
        };
        varint::write(copies, core::mem::take(&mut copied));
        let short = count.min(LONG);
        edits.push(u8::try_from(kind + 3 * (short - 1)).unwrap_or(u8::MAX));
        if short == LONG {
            varint::write(long_edits, count - LONG);
        }
        if kind < 2 {
            let at = usize::try_from(count).unwrap_or(usize::MAX).min(residues.len());
            let (now, later) = residues.split_at(at);
            if kind == 0 { &mut *codes } else { &mut *inserted }.extend_from_slice(now);
            residues = later;
        }
    }
    varint::write(copies, copied);
}

/// Fills `block` from its streams, all of which must be used up.
///
/// # Errors
/// X-5 or V-1.
pub fn join(streams: &[&[u8]; STREAMS], block: &mut [u8]) -> Result<(), SpecError> {
    let mut streams = *streams;
    let (mut before, mut rest) = (0_u64, block);
    let (mut item, mut operations) = (Vec::new(), Vec::new());
    while let Some((&head, heads)) = streams[HEADS].split_first() {
        streams[HEADS] = heads;
        let zigzag = varint::read(&mut streams[PARENTS])?;
        let sign = if zigzag & 1 == 1 { u64::MAX } else { 0 };
        before = before.wrapping_add(zigzag >> 1 ^ sign);
        item.clear();
        varint::write(&mut item, before);
        item.push(head);
        item.extend_from_slice(take(&mut streams[CHECKSUMS], 4)?);
        if head & 1 == 0 {
            varint::write(&mut item, varint::read(&mut streams[STARTS])?);
        } else {
            join_script(&mut streams, rest.len(), &mut operations, &mut item)?;
        }
        operations.clear();
        varint::write(&mut operations, widen(item.len()));
        rest = put(rest, &operations)?;
        rest = put(rest, &item)?;
    }
    let left = streams.iter().map(|stream| widen(stream.len())).sum();
    if left != 0 {
        return Err(broken("bytes left over", left, 0));
    }
    if rest.is_empty() { Ok(()) } else { Err(broken("length", 0, widen(rest.len()))) }
}

/// Appends a script of at most `most` bytes to `item`.
fn join_script(
    streams: &mut [&[u8]; STREAMS],
    most: usize,
    operations: &mut Vec<u8>,
    item: &mut Vec<u8>,
) -> Result<(), SpecError> {
    operations.clear();
    let edits = varint::read(&mut streams[COUNTS])?;
    let (mut count, start) = (0_u64, item.len());
    // Codes and inserted residues of a script are put together in the order of its operations, which are all written
    // before them.
    let (mut kinds, mut kinds_again, mut long_again) = (streams[EDITS], streams[EDITS], streams[LONG_EDITS]);
    for _ in 0..edits {
        count += copy(&mut streams[COPIES], operations)?;
        let (kind, length) = next_edit(&mut kinds, &mut streams[LONG_EDITS])?;
        let operation = match kind {
            0 => Operation::Substitute(length),
            1 => Operation::Insert(length),
            _ => Operation::Skip(length),
        };
        varint::write(operations, operation.tag());
        count += 1;
        if operations.len() > most {
            return Err(broken("length", widen(operations.len()), widen(most)));
        }
    }
    count += copy(&mut streams[COPIES], operations)?;
    varint::write(item, count);
    item.extend_from_slice(operations);
    for _ in 0..edits {
        let (kind, length) = next_edit(&mut kinds_again, &mut long_again)?;
        let from = match kind {
            0 => CODES,
            1 => INSERTED,
            _ => continue,
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let residues = take(&mut streams[from], length)?;
        if item.len().saturating_add(length) - start > most {
            return Err(broken("length", widen(item.len().saturating_add(length)), widen(most)));
        }
        item.extend_from_slice(residues);
    }
    streams[EDITS] = kinds;
    Ok(())
}

/// Writes the copy before an edit, unless it is empty; says how many operations that is.
fn copy(copies: &mut &[u8], operations: &mut Vec<u8>) -> Result<u64, SpecError> {
    let count = varint::read(copies)?;
    if count >= 1 << 62 {
        return Err(broken("count of a copy", count, 1 << 62));
    }
    if count == 0 {
        return Ok(0);
    }
    varint::write(operations, Operation::Copy(count).tag());
    Ok(1)
}

fn next_edit(edits: &mut &[u8], long_edits: &mut &[u8]) -> Result<(u8, u64), SpecError> {
    let byte = take(edits, 1)?.first().copied().unwrap_or_default();
    let count = u64::from(byte / 3) + 1;
    if count < LONG {
        return Ok((byte % 3, count));
    }
    if count > LONG {
        return Err(broken("edit", byte.into(), 254));
    }
    let more = varint::read(long_edits)?;
    match LONG.checked_add(more).filter(|count| *count < 1 << 62) {
        Some(count) => Ok((byte % 3, count)),
        None => Err(broken("count of an edit", more, 1 << 62)),
    }
}

/// Appends a payload. The streams come with their lengths, and are compressed if that is so.
pub fn write_payload(parts: &[Part<'_>; STREAMS], out: &mut Vec<u8>) {
    for part in parts {
        varint::write(out, part.length);
        varint::write(out, if part.compressed { widen(part.stored.len()) } else { 0 });
    }
    for part in parts {
        out.extend_from_slice(part.stored);
    }
}

/// The streams of a payload, whose lengths add up to at most `most`.
///
/// # Errors
/// X-5, B-10 or V-1.
pub fn read_payload(payload: &[u8], most: u64) -> Result<[Part<'_>; STREAMS], SpecError> {
    let mut rest = payload;
    let mut parts = [Part::default(); STREAMS];
    let mut stored = [0; STREAMS];
    let mut sum = 0_u64;
    for (part, stored) in parts.iter_mut().zip(&mut stored) {
        part.length = varint::read(&mut rest)?;
        let compressed = varint::read(&mut rest)?;
        part.compressed = compressed != 0;
        *stored = if part.compressed { compressed } else { part.length };
        sum = sum.saturating_add(part.length);
    }
    if sum > most {
        return Err(SpecError::violation("delta payload", "lengths of the streams", "B-10", 0, sum, most));
    }
    for (part, stored) in parts.iter_mut().zip(stored) {
        part.stored = take(&mut rest, usize::try_from(stored).unwrap_or(usize::MAX))?;
    }
    if rest.is_empty() { Ok(parts) } else { Err(broken("bytes left over", widen(rest.len()), 0)) }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], SpecError> {
    let left = widen(rest.len());
    let (taken, after) = rest.split_at_checked(count).ok_or_else(|| broken("stream", left, widen(count)))?;
    *rest = after;
    Ok(taken)
}

fn put<'a>(block: &'a mut [u8], bytes: &[u8]) -> Result<&'a mut [u8], SpecError> {
    let left = widen(block.len());
    let split = block.split_at_mut_checked(bytes.len());
    let (place, after) = split.ok_or_else(|| broken("length", widen(bytes.len()), left))?;
    place.copy_from_slice(bytes);
    Ok(after)
}

fn broken(field: &'static str, got: u64, expected: u64) -> SpecError {
    SpecError::violation("delta payload", field, "X-5", 0, got, expected)
}

#[cfg(test)]
mod tests {
    use super::super::ScriptWriter;
    use super::*;
    use alloc::vec;

    fn block() -> Vec<u8> {
        let mut block = Vec::new();
        for index in 0..40_u64 {
            let mut script = ScriptWriter::default();
            let count = usize::try_from(index).unwrap();
            script.copy(count % 3 * 100);
            script.substitute(&b"MKVL".repeat(count), &b"IkV-".repeat(count));
            script.insert(&b"GGA"[..count % 4]);
            script.copy(count % 2);
            script.skip(count * 7 % 11);
            script.insert(&b"W".repeat(count * 5));
            script.copy(count % 5);
            Item::write_script(&mut block, (index * 7919) % 101, 1 + (index % 8) as u8, index % 3 == 0, script, b"M");
            Item::write_substring(&mut block, u64::MAX - index, 2, index % 2 == 0, index << 20, b"K");
        }
        block
    }

    fn joined(streams: &[Vec<u8>; STREAMS], length: usize) -> Result<Vec<u8>, &'static str> {
        let mut block = vec![0; length];
        join(&streams.each_ref().map(Vec::as_slice), &mut block).map_err(|error| error.rule())?;
        Ok(block)
    }

    // EVIDENCE: X-5
    #[test]
    fn blocks_come_back_and_nothing_else_is_read() {
        let block = block();
        let streams = split(&block).unwrap();
        assert!(streams.iter().all(|stream| !stream.is_empty()));
        assert_eq!(joined(&streams, block.len()).as_ref(), Ok(&block));
        assert_eq!(joined(&streams, block.len() - 1), Err("X-5"));
        assert_eq!(joined(&streams, block.len() + 1), Err("X-5"));
        for index in 0..STREAMS {
            let (mut longer, mut shorter) = (streams.clone(), streams.clone());
            longer[index].push(0);
            shorter[index].pop();
            assert!(joined(&longer, block.len()).is_err(), "a byte more in stream {index}");
            assert!(joined(&shorter, block.len()).is_err(), "a byte less in stream {index}");
        }
        let mut alias = streams.clone();
        *alias[EDITS].iter_mut().find(|edit| **edit == 252).unwrap() = 255;
        assert_eq!(joined(&alias, block.len()), Err("X-5"), "an edit that nothing writes");
        assert!(split(&block[1..]).is_none());
        assert_eq!(joined(&split(&[]).unwrap(), 0), Ok(Vec::new()));
    }

    // EVIDENCE: X-5, B-10
    #[test]
    fn payloads_come_back_and_nothing_else_is_read() {
        let streams = split(&block()).unwrap();
        let parts = core::array::from_fn(|index| Part {
            length: widen(streams[index].len()),
            stored: &streams[index],
            compressed: index % 2 == 0,
        });
        let (mut payload, all) = (Vec::new(), parts.iter().map(|part| part.length).sum());
        write_payload(&parts, &mut payload);
        for (part, read) in parts.iter().zip(read_payload(&payload, all).unwrap()) {
            assert_eq!((part.length, part.stored, part.compressed), (read.length, read.stored, read.compressed));
        }
        let rule = |payload: &[u8], most| read_payload(payload, most).map(|_| ()).map_err(|error| error.rule());
        assert_eq!(rule(&payload, all - 1), Err("B-10"));
        assert_eq!(rule(&payload[..payload.len() - 1], all), Err("X-5"));
        payload.push(0);
        assert_eq!(rule(&payload, all), Err("X-5"));
        assert_eq!(rule(&[], all), Err("V-1"));
    }
}
