//! One item of the delta stream.

use alloc::vec::Vec;

use super::{Script, ScriptWriter, broken, widen};
use crate::alphabet::{Alphabet, complement};
use crate::checksum::crc32;
use crate::error::SpecError;
use crate::varint;

/// The deepest that a delta may be: how many parents its residues take.
pub const MAXIMUM_DEPTH: u8 = 8;

/// How a delta is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// By a script, else as a substring.
    pub script: bool,
    /// Of the parent's reverse complement.
    pub reverse: bool,
}

impl Form {
    fn from_bits(bits: u8) -> Self {
        Self { script: bits & 1 != 0, reverse: bits & 2 != 0 }
    }

    fn bits(self) -> u8 {
        u8::from(self.script) | u8::from(self.reverse) << 1
    }
}

/// What makes the record of the parent.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// The residues from here on.
    Substring(u64),
    /// Operations.
    Script(Script<'a>),
}

/// An item that has been checked as far as it can be without the parent.
///
/// ```
/// use talaria_db_spec::delta::{Item, ScriptWriter};
///
/// let mut script = ScriptWriter::default();
/// script.copy(2);
/// script.substitute(b"V", b"I");
/// let mut bytes = Vec::new();
/// Item::write_script(&mut bytes, 7, 1, false, script, b"MKI");
///
/// let (item, rest) = Item::parse(&bytes)?;
/// assert_eq!((item.parent, item.depth, rest.len()), (7, 1, 0));
/// let mut residues = [0; 3];
/// item.apply(b"MKVLA", &mut residues)?;
/// assert_eq!(&residues, b"MKI");
/// # Ok::<(), talaria_db_spec::SpecError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// Ordinal of the parent.
    pub parent: u64,
    /// Parents that are passed until one is stored.
    pub depth: u8,
    /// CRC-32 of the record's residues.
    pub checksum: u32,
    /// Whether the parent is to be taken as its reverse complement.
    pub reverse: bool,
    /// What makes the record of the parent.
    pub body: Body<'a>,
    /// Bytes of the item.
    pub length: u64,
}

impl<'a> Item<'a> {
    /// The item at the front of `bytes`, and what follows it.
    ///
    /// # Errors
    /// X-1, X-4 or V-1.
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), SpecError> {
        let mut rest = bytes;
        let length = varint::read(&mut rest)?;
        let split = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
        let Some((mut inside, after)) = split else {
            return Err(broken("length", "X-4", length, widen(rest.len())));
        };
        let parent = varint::read(&mut inside)?;
        let Some((&[head, a, b, c, d], mut inside)) = inside.split_first_chunk::<5>() else {
            return Err(broken("length", "X-4", length, 7));
        };
        let (depth, form) = (check_depth(head >> 2)?, Form::from_bits(head));
        let body = if form.script {
            Body::Script(Script::take(&mut inside)?)
        } else {
            Body::Substring(varint::read(&mut inside)?)
        };
        if !inside.is_empty() {
            return Err(broken("bytes left over", "X-4", widen(inside.len()), 0));
        }
        let checksum = u32::from_le_bytes([a, b, c, d]);
        let length = widen(bytes.len() - after.len());
        Ok((Self { parent, depth, checksum, reverse: form.reverse, body, length }, after))
    }

    /// Parent and depth of the item at the front of `bytes`, of which nothing else is looked at.
    ///
    /// # Errors
    /// X-1, X-4 or V-1.
    pub fn link(bytes: &[u8]) -> Result<(u64, u8), SpecError> {
        let mut rest = bytes;
        let length = varint::read(&mut rest)?;
        let parent = varint::read(&mut rest)?;
        let Some(&head) = rest.first() else {
            return Err(broken("length", "X-4", length, 7));
        };
        check_depth(head >> 2).map(|depth| (parent, depth))
    }

    /// Appends an item that is a substring of its parent.
    pub fn write_substring(out: &mut Vec<u8>, parent: u64, depth: u8, reverse: bool, start: u64, residues: &[u8]) {
        write(out, parent, depth, Form { script: false, reverse }, residues, |body| varint::write(body, start));
    }

    /// Appends an item that is a script.
    pub fn write_script(
        out: &mut Vec<u8>,
        parent: u64,
        depth: u8,
        reverse: bool,
        script: ScriptWriter,
        residues: &[u8],
    ) {
        write(out, parent, depth, Form { script: true, reverse }, residues, |body| script.finish(body));
    }

    /// The form.
    #[must_use]
    pub fn form(&self) -> Form {
        Form { script: matches!(self.body, Body::Script(_)), reverse: self.reverse }
    }

    /// The byte of depth and form.
    pub(super) fn head(&self) -> u8 {
        self.depth << 2 | self.form().bits()
    }

    /// The most residues that it can yield of a parent of `parent` residues: nothing longer needs to be made room for.
    #[must_use]
    pub const fn most(&self, parent: u64) -> u64 {
        parent.saturating_add(self.length)
    }

    /// Fills `out`, as long as the record, from the parent's residues, of which the reverse complement has been taken
    /// if [`Item::reverse`] says so, and compares the checksum.
    ///
    /// # Errors
    /// X-2 or X-3.
    pub fn apply(&self, parent: &[u8], out: &mut [u8]) -> Result<(), SpecError> {
        match &self.body {
            Body::Substring(start) => {
                let from = usize::try_from(*start).ok().and_then(|start| parent.get(start..));
                let Some(part) = from.and_then(|from| from.get(..out.len())) else {
                    let end = start.saturating_add(widen(out.len()));
                    return Err(broken("end of the substring", "X-2", end, widen(parent.len())));
                };
                out.copy_from_slice(part);
            }
            Body::Script(script) => script.apply(parent, out)?,
        }
        let got = crc32(out);
        if got == self.checksum {
            return Ok(());
        }
        Err(broken("checksum", "X-3", got.into(), self.checksum.into()))
    }
}

fn check_depth(depth: u8) -> Result<u8, SpecError> {
    if depth == 0 || depth > MAXIMUM_DEPTH {
        return Err(broken("depth", "X-1", depth.into(), MAXIMUM_DEPTH.into()));
    }
    Ok(depth)
}

/// Calls `found` with the items of a decoded block and where each starts, which together are all of it.
///
/// # Errors
/// Those of [`Item::parse`], or what `found` returns.
pub fn for_each_item<'a, E: From<SpecError>>(
    block: &'a [u8],
    mut found: impl FnMut(usize, Item<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = block;
    while !rest.is_empty() {
        let (item, after) = Item::parse(rest)?;
        found(block.len() - rest.len(), item)?;
        rest = after;
    }
    Ok(())
}

/// The length of an item whose first bytes these are.
///
/// # Errors
/// V-1.
pub fn item_length(bytes: &[u8]) -> Result<u64, SpecError> {
    let mut rest = bytes;
    let length = varint::read(&mut rest)?;
    Ok(length.saturating_add(widen(bytes.len() - rest.len())))
}

/// The reverse complement: letters complemented as [`complement`] does, in reverse order. RNA is complemented as such,
/// everything else as DNA.
pub fn reverse_complement(residues: &mut [u8], alphabet: Alphabet) {
    let alphabet = if alphabet == Alphabet::Rna { Alphabet::Rna } else { Alphabet::Dna };
    residues.reverse();
    for residue in residues {
        *residue = complement(*residue, alphabet);
    }
}

fn write(
    out: &mut Vec<u8>,
    parent: u64,
    depth: u8,
    form: Form,
    residues: &[u8],
    write_body: impl FnOnce(&mut Vec<u8>),
) {
    let mut item = Vec::new();
    varint::write(&mut item, parent);
    item.push(depth << 2 | form.bits());
    item.extend_from_slice(&crc32(residues).to_le_bytes());
    write_body(&mut item);
    varint::write(out, widen(item.len()));
    out.extend_from_slice(&item);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn script() -> Vec<u8> {
        let mut script = ScriptWriter::default();
        script.copy(2);
        script.copy(1);
        script.substitute(b"V", b"l");
        script.insert(b"G*-");
        script.skip(2);
        script.copy(1);
        script.skip(9);
        let mut bytes = Vec::new();
        Item::write_script(&mut bytes, 300, 8, false, script, b"MKAlG*-W");
        bytes
    }

    // EVIDENCE: X-2, X-3, X-4
    #[test]
    fn scripts_give_what_they_were_made_of_and_nothing_else() {
        let bytes = script();
        let (item, rest) = Item::parse(&bytes).unwrap();
        assert_eq!((item.parent, item.depth, rest.len(), item.length), (300, 8, 0, bytes.len() as u64));
        assert_eq!(Item::link(&bytes), Ok((300, 8)));
        assert_eq!(item.form(), Form { script: true, reverse: false });
        let mut residues = [0; 8];
        item.apply(b"MKAVCCW", &mut residues).unwrap();
        assert_eq!(&residues, b"MKAlG*-W");
        let rule =
            |parent: &[u8], length: usize| item.apply(parent, &mut vec![0; length]).map_err(|error| error.rule());
        assert_eq!(rule(b"MKAVCC", 8), Err("X-2"), "past the parent");
        assert_eq!(rule(b"MKAVCCW", 7), Err("X-2"), "longer than the record");
        assert_eq!(rule(b"MKAVCCWW", 8), Ok(()));
        assert_eq!(rule(b"MKAVCCY", 8), Err("X-3"), "another parent");
        assert_eq!(rule(b"MKA*CCW", 8), Err("X-2"), "a rank after what is no letter");
        for cut in 0..bytes.len() {
            assert!(Item::parse(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    // EVIDENCE: X-1, X-4
    #[test]
    fn broken_items_are_refused() {
        let rule = |bytes: &[u8]| Item::parse(bytes).map(|_| ()).map_err(|error| error.rule());
        let made = |head: u8, body: &[u8]| [&[6 + body.len() as u8, 0, head, 0, 0, 0, 0][..], body].concat();
        assert_eq!(rule(&made(4, &[3])), Ok(()), "a substring");
        assert_eq!(rule(&made(32, &[3])), Ok(()), "depth 8");
        assert_eq!(rule(&made(0, &[3])), Err("X-1"), "depth 0");
        assert_eq!(rule(&made(36, &[3])), Err("X-1"), "depth 9");
        assert_eq!(rule(&made(4, &[3, 0])), Err("X-4"), "a byte left over");
        assert_eq!(rule(&made(5, &[1, 4])), Ok(()), "one copy");
        assert_eq!(rule(&made(5, &[1, 0])), Err("X-4"), "of nothing");
        assert_eq!(rule(&made(5, &[2, 4, 4])), Err("X-4"), "two copies in a row");
        assert_eq!(rule(&made(5, &[1, 10, b'A'])), Err("X-4"), "a residue is missing");
        assert_eq!(rule(&made(5, &[1, 4, b'A'])), Err("X-4"), "a residue too many");
        assert_eq!(rule(&[3, 0, 4, 0, 0, 0, 0, 0]), Err("X-4"), "shorter than its head");
        assert_eq!(rule(&made(4, &[0x80, 0])), Err("V-1"));
    }

    #[test]
    fn reverse_complements() {
        let mut residues = *b"ACGTNacgtu-R";
        reverse_complement(&mut residues, Alphabet::Unknown);
        assert_eq!(&residues, b"Y-aacgtNACGT");
        let mut residues = *b"ACGU";
        reverse_complement(&mut residues, Alphabet::Rna);
        assert_eq!(&residues, b"ACGU");
    }

    #[test]
    fn items_of_a_block_follow_each_other() {
        let mut block = script();
        let second = block.len();
        Item::write_substring(&mut block, 1, 1, true, 5, b"ACGT");
        let mut starts = Vec::new();
        for_each_item::<SpecError>(&block, |start, item| {
            starts.push((start, item.reverse));
            Ok(())
        })
        .unwrap();
        assert_eq!(starts, [(0, false), (second, true)]);
        assert_eq!(item_length(&block), Ok(second as u64));
    }
}
