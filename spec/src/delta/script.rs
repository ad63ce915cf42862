//! Edit scripts: how a parent's residues become another record's.

use alloc::vec::Vec;

use super::{broken, decode_substitution, encode_substitution, widen};
use crate::alphabet::is_residue;
use crate::error::SpecError;
use crate::varint;

/// One operation of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// As many residues of the parent.
    Copy(u64),
    /// As many residues in place of as many of the parent.
    Substitute(u64),
    /// As many residues that the parent has not.
    Insert(u64),
    /// As many residues of the parent are passed over.
    Skip(u64),
}

impl Operation {
    /// From the low bits of a tag.
    fn from_tag(tag: u64) -> Self {
        let count = tag >> 2;
        match tag & 3 {
            0 => Self::Copy(count),
            1 => Self::Substitute(count),
            2 => Self::Insert(count),
            _ => Self::Skip(count),
        }
    }

    /// As it is written.
    pub(super) const fn tag(self) -> u64 {
        match self {
            Self::Copy(count) => count << 2,
            Self::Substitute(count) => count << 2 | 1,
            Self::Insert(count) => count << 2 | 2,
            Self::Skip(count) => count << 2 | 3,
        }
    }
}

/// Writes a script against a parent.
///
/// ```
/// use talaria_db_spec::delta::{Operation, ScriptWriter};
///
/// let mut writer = ScriptWriter::default();
/// writer.copy(3);
/// writer.substitute(b"K", b"R");
/// writer.insert(b"GG");
/// assert_eq!(writer.operations(), 3);
/// ```
#[derive(Debug, Default, Clone)]
pub struct ScriptWriter {
    operations: Vec<u8>,
    residues: Vec<u8>,
    count: u64,
    last: Option<Operation>,
}

impl ScriptWriter {
    /// Copies `count` residues of the parent.
    pub fn copy(&mut self, count: usize) {
        self.push(Operation::Copy(widen(count)));
    }

    /// Puts `residues` in the place of as many `parents`.
    pub fn substitute(&mut self, parents: &[u8], residues: &[u8]) {
        self.residues
            .extend(parents.iter().zip(residues).map(|(&parent, &residue)| encode_substitution(parent, residue)));
        self.push(Operation::Substitute(widen(residues.len().min(parents.len()))));
    }

    /// Puts `residues` between those of the parent.
    pub fn insert(&mut self, residues: &[u8]) {
        self.residues.extend_from_slice(residues);
        self.push(Operation::Insert(widen(residues.len())));
    }

    /// Passes over `count` residues of the parent.
    pub fn skip(&mut self, count: usize) {
        self.push(Operation::Skip(widen(count)));
    }

    /// Operations so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.count + u64::from(self.last.is_some())
    }

    /// Appends the script, without what the parent has left at the end: nobody needs to skip that.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        if matches!(self.last, Some(Operation::Skip(_))) {
            self.last = None;
        }
        self.flush();
        varint::write(out, self.count);
        out.extend_from_slice(&self.operations);
        out.extend_from_slice(&self.residues);
    }

    fn push(&mut self, operation: Operation) {
        use Operation::{Copy, Insert, Skip, Substitute};
        let (Copy(added) | Substitute(added) | Insert(added) | Skip(added)) = operation;
        if added == 0 {
            return;
        }
        let joined = match (self.last, operation) {
            (Some(Copy(count)), Copy(more)) => Some(Copy(count + more)),
            (Some(Substitute(count)), Substitute(more)) => Some(Substitute(count + more)),
            (Some(Insert(count)), Insert(more)) => Some(Insert(count + more)),
            (Some(Skip(count)), Skip(more)) => Some(Skip(count + more)),
            _ => None,
        };
        if joined.is_none() {
            self.flush();
        }
        self.last = joined.or(Some(operation));
    }

    fn flush(&mut self) {
        if let Some(operation) = self.last.take() {
            varint::write(&mut self.operations, operation.tag());
            self.count += 1;
        }
    }
}

/// A script that has been checked as far as it can be without the parent (rules X-2 and X-4).
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    count: u64,
    operations: &'a [u8],
    residues: &'a [u8],
    /// Residues that it yields.
    yields: u64,
    /// Residues of the parent that it passes by.
    spans: u64,
}

impl<'a> Script<'a> {
    /// Takes a script off the front of `rest`.
    ///
    /// # Errors
    /// X-4 or V-1.
    pub(super) fn take(rest: &mut &'a [u8]) -> Result<Self, SpecError> {
        let count = varint::read(rest)?;
        let from = *rest;
        let (mut yields, mut spans, mut coded, mut kind) = (0_u64, 0_u64, 0_u64, None);
        for _ in 0..count {
            let tag = varint::read(rest)?;
            if kind == Some(tag & 3) || tag >> 2 == 0 {
                return Err(broken("operation", "X-4", tag, tag | 4));
            }
            kind = Some(tag & 3);
            let (yielded, spanned, written) = match Operation::from_tag(tag) {
                Operation::Copy(count) => (count, count, 0),
                Operation::Substitute(count) => (count, count, count),
                Operation::Insert(count) => (count, 0, count),
                Operation::Skip(count) => (0, count, 0),
            };
            yields = yields.saturating_add(yielded);
            spans = spans.saturating_add(spanned);
            coded = coded.saturating_add(written);
        }
        let operations = from.get(..from.len() - rest.len()).unwrap_or_default();
        let split = usize::try_from(coded).ok().and_then(|coded| rest.split_at_checked(coded));
        let Some((residues, left)) = split else {
            return Err(broken("residues", "X-4", widen(rest.len()), coded));
        };
        *rest = left;
        Ok(Self { count, operations, residues, yields, spans })
    }

    /// How many operations there are.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Residues that it yields.
    #[must_use]
    pub const fn yields(&self) -> u64 {
        self.yields
    }

    /// The operations, in order.
    pub fn operations(&self) -> impl Iterator<Item = Operation> + use<'a> {
        let mut rest = self.operations;
        core::iter::from_fn(move || {
            // `take` has been through them all, so an error means the end.
            if rest.is_empty() { None } else { varint::read(&mut rest).ok().map(Operation::from_tag) }
        })
    }

    /// Codes of substituted residues and inserted residues, in order.
    #[must_use]
    pub const fn residues(&self) -> &'a [u8] {
        self.residues
    }

    /// Fills `out` from the parent's residues.
    ///
    /// # Errors
    /// X-2.
    pub(super) fn apply(&self, parent: &[u8], out: &mut [u8]) -> Result<(), SpecError> {
        if self.yields != widen(out.len()) {
            return Err(broken("residues of the record", "X-2", self.yields, widen(out.len())));
        }
        if self.spans > widen(parent.len()) {
            return Err(broken("residues of the parent", "X-2", self.spans, widen(parent.len())));
        }
        let (mut parent, mut out, mut coded) = (parent, out, self.residues);
        for operation in self.operations() {
            match operation {
                Operation::Copy(count) => {
                    take_mut(&mut out, count)?.copy_from_slice(take(&mut parent, count)?);
                }
                Operation::Substitute(count) => {
                    let codes = take(&mut coded, count)?.iter().zip(take(&mut parent, count)?);
                    for (residue, (&code, &before)) in take_mut(&mut out, count)?.iter_mut().zip(codes) {
                        let decoded = decode_substitution(before, code);
                        *residue = decoded.ok_or_else(|| broken("code", "X-2", code.into(), before.into()))?;
                    }
                }
                Operation::Insert(count) => {
                    let inserted = take(&mut coded, count)?;
                    if let Some(&byte) = inserted.iter().find(|&&byte| !is_residue(byte)) {
                        return Err(broken("inserted residue", "X-2", byte.into(), 0x7E));
                    }
                    take_mut(&mut out, count)?.copy_from_slice(inserted);
                }
                Operation::Skip(count) => drop(take(&mut parent, count)?),
            }
        }
        Ok(())
    }
}

fn take<'a>(rest: &mut &'a [u8], count: u64) -> Result<&'a [u8], SpecError> {
    let left = widen(rest.len());
    let split = usize::try_from(count).ok().and_then(|count| rest.split_at_checked(count));
    let (taken, after) = split.ok_or_else(|| broken("residues", "X-2", count, left))?;
    *rest = after;
    Ok(taken)
}

fn take_mut<'a>(rest: &mut &'a mut [u8], count: u64) -> Result<&'a mut [u8], SpecError> {
    let left = widen(rest.len());
    let split = usize::try_from(count).ok().and_then(|count| core::mem::take(rest).split_at_mut_checked(count));
    let (taken, after) = split.ok_or_else(|| broken("residues", "X-2", count, left))?;
    *rest = after;
    Ok(taken)
}
