//! Layout scripts: the bytes of an irregular record that are neither header text nor residues.
//!
//! A regular record needs none: its source's line width and line end say everything. A script lists the lines, the
//! stray blanks and the missing line ends of one record in order.

use alloc::vec::Vec;

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::SpecError;
use crate::varint;

/// FORMAT.md, section 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct LayoutEntry {
    /// Of the record.
    pub ordinal: U64,
    /// Packed address of its script.
    pub address: U64,
}

/// One operation of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation<'a> {
    /// `count` lines of `width` residues, each with the source's line end.
    Lines {
        /// Lines.
        count: u64,
        /// Residues a line.
        width: u64,
    },
    /// Residues with nothing after them.
    Residues(u64),
    /// Bytes that are copied.
    Bytes(&'a [u8]),
}

/// Writes the script of one record.
///
/// ```
/// use talaria_db_spec::layout::{Operation, Script, ScriptWriter};
///
/// let mut writer = ScriptWriter::default();
/// writer.header_end(b"\n");
/// writer.push(Operation::Lines { count: 2, width: 60 });
/// writer.push(Operation::Residues(7));
/// let bytes = writer.finish();
///
/// let mut rest = &bytes[..];
/// let length = talaria_db_spec::varint::read(&mut rest)?;
/// assert_eq!(length, rest.len() as u64);
/// let script = Script::parse(rest, 127)?;
/// assert_eq!(script.header_end(), b"\n");
/// assert_eq!(script.operations().count(), 2);
/// # Ok::<(), talaria_db_spec::SpecError>(())
/// ```
#[derive(Debug, Default, Clone)]
pub struct ScriptWriter {
    body: Vec<u8>,
}

impl ScriptWriter {
    /// What stands between header text and body. To be called once, first.
    pub fn header_end(&mut self, bytes: &[u8]) {
        varint::write(&mut self.body, length(bytes));
        self.body.extend_from_slice(bytes);
    }

    /// Appends an operation. Counts above 2^62 - 1 have no room; records are at most 2^63 - 1 residues long and memory
    /// is shorter.
    pub fn push(&mut self, operation: Operation<'_>) {
        match operation {
            Operation::Lines { count, width } => {
                varint::write(&mut self.body, count << 2);
                varint::write(&mut self.body, width);
            }
            Operation::Residues(count) => varint::write(&mut self.body, count << 2 | 1),
            Operation::Bytes(bytes) => {
                varint::write(&mut self.body, length(bytes) << 2 | 2);
                self.body.extend_from_slice(bytes);
            }
        }
    }

    /// Bytes so far, without the length in front.
    #[must_use]
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// The item as it goes into the layout stream: its length as a varint, then the script.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut item = Vec::with_capacity(self.body.len() + varint::MAXIMUM_LENGTH);
        varint::write(&mut item, length(&self.body));
        item.extend_from_slice(&self.body);
        item
    }
}

/// A script that has been checked (rule L-2).
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    header_end: &'a [u8],
    operations: &'a [u8],
    beside: u64,
}

impl<'a> Script<'a> {
    /// Checks the bytes of a script, its length in front taken off, of a record with `residues` residues.
    ///
    /// # Errors
    /// L-2 or V-1.
    pub fn parse(bytes: &'a [u8], residues: u64) -> Result<Self, SpecError> {
        let mut rest = bytes;
        let count = varint::read(&mut rest)?;
        let header_end = take(&mut rest, count)?;
        let (mut total, mut beside) = (0_u64, count);
        let mut cursor = rest;
        while !cursor.is_empty() {
            let (added, written) = match next_operation(&mut cursor)? {
                Operation::Lines { count, width } => (count.checked_mul(width), count.saturating_mul(2)),
                Operation::Residues(count) => (Some(count), 0),
                Operation::Bytes(bytes) => (Some(0), length(bytes)),
            };
            beside = beside.saturating_add(written);
            total = added
                .and_then(|added| total.checked_add(added))
                .ok_or_else(|| broken("residues", u64::MAX, residues))?;
        }
        if total != residues {
            return Err(broken("residues", total, residues));
        }
        Ok(Self { header_end, operations: rest, beside })
    }

    /// Bytes that the script writes beside residues, every line end counted as two.
    #[must_use]
    pub const fn beside(&self) -> u64 {
        self.beside
    }

    /// Compares them with the length of the source: a few bytes of a script can stand for any number of blank lines.
    ///
    /// # Errors
    /// L-3.
    pub const fn check_source(&self, byte_length: u64) -> Result<(), SpecError> {
        let most = byte_length.saturating_mul(2);
        if self.beside <= most {
            return Ok(());
        }
        Err(SpecError::violation("layout script", "bytes beside residues", "L-3", 0, self.beside, most))
    }

    /// What stands between header text and body.
    #[must_use]
    pub const fn header_end(&self) -> &'a [u8] {
        self.header_end
    }

    /// The operations, in order.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'a>> + use<'a> {
        let mut rest = self.operations;
        core::iter::from_fn(move || {
            // `parse` has been through them all, so an error means the end.
            if rest.is_empty() { None } else { next_operation(&mut rest).ok() }
        })
    }
}

fn next_operation<'a>(rest: &mut &'a [u8]) -> Result<Operation<'a>, SpecError> {
    let tag = varint::read(rest)?;
    let count = tag >> 2;
    match tag & 3 {
        0 => Ok(Operation::Lines { count, width: varint::read(rest)? }),
        1 => Ok(Operation::Residues(count)),
        2 => Ok(Operation::Bytes(take(rest, count)?)),
        kind => Err(broken("operation", kind, 2)),
    }
}

fn take<'a>(rest: &mut &'a [u8], count: u64) -> Result<&'a [u8], SpecError> {
    let split = usize::try_from(count).ok().and_then(|count| rest.split_at_checked(count));
    match split {
        Some((taken, left)) => {
            *rest = left;
            Ok(taken)
        }
        None => Err(broken("bytes", count, length(rest))),
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn broken(field: &'static str, got: u64, expected: u64) -> SpecError {
    SpecError::violation("layout script", field, "L-2", 0, got, expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    // EVIDENCE: L-2
    #[test]
    fn every_cut_and_wrong_sum_is_refused() {
        let mut writer = ScriptWriter::default();
        writer.header_end(b" \r\n");
        writer.push(Operation::Lines { count: 3, width: 10 });
        writer.push(Operation::Bytes(b"; note\n"));
        writer.push(Operation::Residues(4));
        let item = writer.finish();
        let body = &item[1..];
        let script = Script::parse(body, 34).unwrap();
        assert_eq!(
            script.operations().collect::<Vec<_>>(),
            vec![Operation::Lines { count: 3, width: 10 }, Operation::Bytes(b"; note\n"), Operation::Residues(4)]
        );
        assert!(Script::parse(body, 33).is_err());
        for cut in 0..body.len() {
            assert!(Script::parse(&body[..cut], 34).is_err(), "cut at {cut}");
        }
        // EVIDENCE: L-3
        assert_eq!(script.beside(), 3 + 6 + 7);
        assert_eq!(
            (script.check_source(8), script.check_source(7).map_err(|error| error.rule())),
            (Ok(()), Err("L-3"))
        );
        assert!(Script::parse(&[0, 3], 0).is_err(), "reserved operation");
        let mut huge = vec![0];
        varint::write(&mut huge, !3);
        varint::write(&mut huge, u64::MAX);
        assert!(Script::parse(&huge, 0).is_err(), "overflow");
    }
}
