//! From residues back to the lines of the source: the inverse of what the parser takes apart.
//!
//! A cursor writes the body of one record. Residues come in pieces of any size, as blocks are decoded, and the cursor
//! puts line ends, blanks and comments between them. Layout is written late: a piece ends with its last residue, and
//! what stands behind that comes with the next residue or with [`LayoutCursor::finish`]. So the bytes are the same
//! however the residues are cut, and a clone that skipped to the middle of a record writes the very bytes that belong
//! there, which lets several threads write one chromosome.
//!
//! The header line is not written here, as it needs nothing but the header text and its end. Residues are not looked
//! at. Neither is there a bound on what layout adds: a few bytes of a script can stand for any number of blank lines,
//! so who exports a container of unknown origin watches the length of its source.
//!
//! Writing costs one copy a line; skipping one step an operation of the script, and a regular record has none. Clones
//! share the script.

use std::sync::Arc;

use talaria_db_spec::layout::Script;
use talaria_db_spec::source::LineEnd;
use talaria_db_spec::{SpecError, varint};

/// A place in the body of a record.
#[derive(Debug, Clone)]
pub struct LayoutCursor {
    line_end: LineEnd,
    /// The operations that are still to come; none in a regular record, which is one operation without an end.
    script: Option<Operations>,
    current: Current,
}

/// The operation that the cursor is in.
#[derive(Debug, Clone, Copy)]
enum Current {
    /// `left` lines of `width` residues have not ended; `filled` residues of the first of them have been passed.
    /// A line of which all residues have been passed ends with the next residue.
    Lines { left: u64, width: u64, filled: u64 },
    /// So many residues with nothing after them.
    Residues(u64),
}

/// A script that has been checked, and how far it has been read.
///
/// It stays encoded: decoded operations take up to ten times the room, and a record can have as many as it has bytes.
#[derive(Debug, Clone)]
struct Operations {
    script: Arc<[u8]>,
    next: usize,
}

impl LayoutCursor {
    /// The body of a regular record: lines of `width` residues, the last one may be shorter; one line if `width` is 0.
    #[must_use]
    pub const fn regular(width: u64, line_end: LineEnd) -> Self {
        let width = if width == 0 { u64::MAX } else { width };
        Self { line_end, script: None, current: Current::Lines { left: u64::MAX, width, filled: 0 } }
    }

    /// The body of an irregular record with `residues` residues, from the bytes of its script without the length in
    /// front; and what stands between header text and body.
    ///
    /// # Errors
    /// L-2 or V-1, if the script is damaged or for another number of residues.
    pub fn script(item: &[u8], residues: u64, line_end: LineEnd) -> Result<(Vec<u8>, Self), SpecError> {
        let header_end = Script::parse(item, residues)?.header_end();
        let mut rest = item;
        varint::read(&mut rest)?;
        let next = item.len() - rest.len() + header_end.len();
        let operations = Operations { script: Arc::from(item), next };
        Ok((header_end.to_vec(), Self { line_end, script: Some(operations), current: Current::Residues(0) }))
    }

    /// Appends the next residues to `out`, and the layout before each of them.
    ///
    /// Residues beyond those that the script has are appended as they are.
    pub fn write(&mut self, residues: &[u8], out: &mut Vec<u8>) {
        out.reserve(residues.len());
        let mut rest = residues;
        while !rest.is_empty() {
            let taken = match &mut self.current {
                Current::Lines { left, width, filled } => write_lines(rest, self.line_end, (left, *width, filled), out),
                Current::Residues(left) => {
                    let taken = at_most(*left, rest.len());
                    out.extend_from_slice(rest.get(..taken).unwrap_or_default());
                    *left -= length(taken);
                    taken
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
            if !rest.is_empty() && !self.next(|bytes| out.extend_from_slice(bytes)) {
                out.extend_from_slice(rest);
                return;
            }
        }
    }

    /// Passes over `residues` residues: what follows is as if they had been written.
    pub fn skip(&mut self, residues: u64) {
        let mut count = residues;
        while count > 0 {
            count -= match &mut self.current {
                Current::Lines { left, width, filled } => skip_lines(count, (left, *width, filled)),
                Current::Residues(left) => {
                    let taken = count.min(*left);
                    *left -= taken;
                    taken
                }
            };
            if count > 0 && !self.next(|_| ()) {
                return;
            }
        }
    }

    /// Appends what follows the last residue. To be called once, when all residues have been written or passed over;
    /// any that have not are left out.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.script.is_none() {
            if matches!(self.current, Current::Lines { filled: 1.., .. }) {
                out.extend_from_slice(self.line_end.bytes());
            }
            self.current = Current::Residues(0);
            return;
        }
        loop {
            if let Current::Lines { left, .. } = self.current {
                for _ in 0..left {
                    out.extend_from_slice(self.line_end.bytes());
                }
            }
            if !self.next(|bytes| out.extend_from_slice(bytes)) {
                self.current = Current::Residues(0);
                return;
            }
        }
    }

    /// Goes to the next operation that has residues or lines, handing the bytes on the way to `bytes`; false if there
    /// is none.
    fn next(&mut self, mut bytes: impl FnMut(&[u8])) -> bool {
        let Some(operations) = &mut self.script else { return false };
        let mut rest = operations.script.get(operations.next..).unwrap_or_default();
        // `script` has been through them all, so an error means the end.
        let mut read = || {
            while let Ok(tag) = varint::read(&mut rest) {
                let count = tag >> 2;
                match tag & 3 {
                    0 => {
                        let width = varint::read(&mut rest).ok()?;
                        return Some(Current::Lines { left: count, width, filled: 0 });
                    }
                    1 => return Some(Current::Residues(count)),
                    _ => {
                        let (copied, left) = rest.split_at_checked(usize::try_from(count).ok()?)?;
                        bytes(copied);
                        rest = left;
                    }
                }
            }
            None
        };
        let found = read();
        operations.next = operations.script.len() - rest.len();
        self.current = found.unwrap_or(Current::Residues(0));
        found.is_some()
    }
}

/// Writes residues into the lines `(left, width, filled)` until either is used up; says how many residues it took. If
/// any are left, all lines have ended.
fn write_lines(
    residues: &[u8],
    line_end: LineEnd,
    (left, width, filled): (&mut u64, u64, &mut u64),
    out: &mut Vec<u8>,
) -> usize {
    let mut rest = residues;
    if line_end == LineEnd::Lf {
        rest = write_whole_lines(rest, (left, width, filled), out);
    }
    while *left > 0 && !rest.is_empty() {
        if *filled == width {
            match line_end {
                LineEnd::Lf => out.push(b'\n'),
                LineEnd::CrLf => out.extend_from_slice(b"\r\n"),
                LineEnd::Cr => out.push(b'\r'),
            }
            *filled = 0;
            *left -= 1;
            continue;
        }
        let (line, after) = rest.split_at(at_most(width - *filled, rest.len()));
        out.extend_from_slice(line);
        *filled += length(line.len());
        rest = after;
    }
    residues.len() - rest.len()
}

/// Writes all whole lines of the usual widths with an LF after each but the last, in pieces whose size the compiler
/// knows; says what is left. The common case of [`write_lines`], at several times its speed.
fn write_whole_lines<'a>(
    residues: &'a [u8],
    (left, width, filled): (&mut u64, u64, &mut u64),
    out: &mut Vec<u8>,
) -> &'a [u8] {
    let lines = match width {
        60 => write_lines_of::<60>,
        70 => write_lines_of::<70>,
        80 => write_lines_of::<80>,
        _ => return residues,
    };
    // At the start of a line, with at least one more line after the whole ones: the last of them stays open, as its end
    // comes with the next residue.
    let whole = length(residues.len()) / width;
    if *filled != 0 || whole == 0 || whole > *left {
        return residues;
    }
    let rest = lines(residues, out);
    // The end of the last whole line is not written yet.
    out.pop();
    *left -= whole - 1;
    *filled = width;
    rest
}

/// Appends whole lines of `WIDTH` residues, each with an LF; returns what is left.
fn write_lines_of<'a, const WIDTH: usize>(residues: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let (lines, rest) = residues.as_chunks::<WIDTH>();
    out.reserve(lines.len() * (WIDTH + 1));
    for line in lines {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    rest
}

/// As [`write_lines`], for `count` residues that are not written.
fn skip_lines(count: u64, (left, width, filled): (&mut u64, u64, &mut u64)) -> u64 {
    let room = width - *filled;
    if *left > 0 && count <= room {
        *filled += count;
        return count;
    }
    if *left == 0 || width == 0 {
        *left = 0;
        return 0;
    }
    let beyond = count - room - 1;
    let ended = beyond / width + 1;
    if ended < *left {
        *left -= ended;
        *filled = beyond % width + 1;
        count
    } else {
        // No overflow: these are fewer than `count`.
        let all = room + (*left - 1) * width;
        *left = 0;
        all
    }
}

fn at_most(limit: u64, count: usize) -> usize {
    usize::try_from(limit).map_or(count, |limit| limit.min(count))
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
