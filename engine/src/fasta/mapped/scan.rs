//! One pass over a stretch of the file: where its records are, how their lines go, and the hashes of their names.
//!
//! The rules of what is FASTA are those of [`crate::fasta::parse`], which builds containers. This pass knows them well
//! enough to say yes; where it would have to say no, it stops, and the parser says what is wrong and where.
//!
//! Costs a search for line ends and a look at every residue with vector instructions; where a line of the record's
//! width is expected and found, not even the search.

use memchr::memchr;
use talaria_db_spec::alphabet::{are_residues, is_residue};
use talaria_db_spec::keys;

use crate::error::{Error, Result};
use crate::fasta::parse::HEADER_LIMIT;
use crate::memory::budget::Budget;

use super::entry::{Entry, MOST_RECORDS, name_item};
use super::leased::LeasedList;
use super::tracker::LineTracker;

/// Why a scan stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The bytes are no FASTA; [`crate::fasta::parse`] has the words for it.
    NotFasta,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    LineStart,
    Header,
    Comment,
    Body,
}

/// What a scan found.
#[derive(Debug)]
pub(super) struct Found {
    /// The records.
    pub(super) entries: LeasedList<Entry>,
    /// An item for each name; the numbers of records count from the first one here.
    pub(super) names: LeasedList<u64>,
    /// Residues of the records.
    pub(super) residues: u64,
}

/// A scan that starts at the `>` of a record.
#[derive(Debug)]
pub(super) struct Scanner {
    /// `\n`, or `\r` in old Mac files.
    last_byte: u8,
    /// Offset of the next byte.
    position: u64,
    /// Offset of the current record.
    start: u64,
    state: State,
    /// What has come of a header line that is not complete.
    header: LeasedList<u8>,
    header_line: u32,
    tracker: LineTracker,
    /// Of the current line: its residues, carriage returns that only the line end may follow, and whether there are
    /// blanks.
    line: (u64, u64, bool),
    found: Found,
}

impl Scanner {
    /// A scan from the record at `position`.
    pub(super) fn new(position: u64, last_byte: u8, budget: &Budget) -> Result<Self> {
        let entries = LeasedList::new(budget)?;
        let found = Found { entries, names: LeasedList::new(budget)?, residues: 0 };
        let header = LeasedList::new(budget)?;
        let tracker = LineTracker::default();
        let (state, line) = (State::LineStart, (0, 0, false));
        Ok(Self { last_byte, position, start: position, state, header, header_line: 0, tracker, line, found })
    }

    /// Takes the next bytes. Returns whether the record at or behind `limit` has been met, where the scan ends.
    pub(super) fn feed(&mut self, chunk: &[u8], limit: u64) -> Result<bool, Stop> {
        let mut rest = chunk;
        while let Some(&first) = rest.first() {
            if self.state == State::LineStart {
                match first {
                    b'>' => {
                        self.end_record()?;
                        if self.position >= limit {
                            return Ok(true);
                        }
                        self.start = self.position;
                        self.state = State::Header;
                    }
                    b';' | b'#' => {
                        self.tracker.comment();
                        self.state = State::Comment;
                    }
                    _ => {
                        let whole = self.whole_lines(rest);
                        rest = self.pass(rest, whole);
                        if whole > 0 {
                            continue;
                        }
                        self.state = State::Body;
                    }
                }
            }
            let end = memchr(self.last_byte, rest);
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest);
            match self.state {
                State::Header => self.header(line, end.is_some())?,
                State::Comment => self.comment(line)?,
                State::LineStart | State::Body => self.body(line, end.is_some())?,
            }
            if end.is_some() {
                self.end_line();
            }
            rest = self.pass(rest, line.len() + usize::from(end.is_some()));
        }
        Ok(false)
    }

    /// The file has ended.
    pub(super) fn finish(mut self) -> Result<Found, Stop> {
        if self.state == State::Header {
            self.header(&[], true)?;
            // There was no line end to count.
            self.header_line -= 1;
        } else {
            self.end_line();
        }
        self.end_record()?;
        Ok(self.found)
    }

    /// What was found, once [`Scanner::feed`] has met the limit.
    pub(super) fn into_found(self) -> Found {
        self.found
    }

    fn pass<'a>(&mut self, rest: &'a [u8], count: usize) -> &'a [u8] {
        self.position += count as u64;
        rest.get(count..).unwrap_or_default()
    }

    /// Bytes of the lines at the start of `rest` that are as those before them.
    fn whole_lines(&mut self, rest: &[u8]) -> usize {
        let Some((width, end)) = self.tracker.expects() else { return 0 };
        let (Ok(width), Ok(end)) = (usize::try_from(width), usize::try_from(end)) else { return 0 };
        let mut lines = 0;
        for line in rest.chunks_exact(width.saturating_add(end)) {
            let (residues, line_end) = line.split_at(width);
            let ends = match line_end {
                [byte] => *byte == self.last_byte,
                [returns, byte] => *returns == b'\r' && *byte == self.last_byte,
                _ => false,
            };
            if !ends || matches!(line.first(), Some(b'>' | b';' | b'#')) || !are_residues(residues) {
                break;
            }
            lines += 1;
        }
        self.tracker.whole_lines(lines as u64);
        lines * (width + end)
    }

    fn end_line(&mut self) {
        let (residues, returns, odd) = std::mem::take(&mut self.line);
        if self.state == State::Body {
            self.tracker.line(residues, returns + 1, odd);
        }
        self.state = State::LineStart;
    }

    fn end_record(&mut self) -> Result<()> {
        let tracker = std::mem::take(&mut self.tracker);
        if self.header_line == 0 {
            return Ok(());
        }
        self.found.residues += tracker.residues;
        let entry = Entry::new(self.start, self.header_line, tracker.residues, tracker.lines());
        self.header_line = 0;
        self.found.entries.push(entry)
    }

    /// A header line with its `>`, or the next part of one.
    fn header(&mut self, part: &[u8], ended: bool) -> Result<(), Stop> {
        if self.header.items().len() + part.len() > HEADER_LIMIT + 1 {
            return Err(Stop::NotFasta);
        }
        if !ended || !self.header.items().is_empty() {
            self.header.append(part)?;
            if !ended {
                return Ok(());
            }
        }
        let held = std::mem::take(self.header.items_mut());
        let line = if held.is_empty() { part } else { &held[..] };
        let text = header_text(line, self.last_byte).ok_or(Stop::NotFasta)?;
        self.header_line = u32::try_from(line.len() + 1).map_err(|_| Stop::NotFasta)?;
        let ordinal = self.found.entries.items().len() as u64;
        if ordinal >= MOST_RECORDS {
            let reason = format!("more than {MOST_RECORDS} records; make a container with `talaria-db build`");
            return Err(Stop::Failed(Error::Option { option: "FASTA without a container", reason }));
        }
        let names = &mut self.found.names;
        let mut added = Ok(());
        keys::for_each_name(text, |name, _| {
            if added.is_ok() {
                added = names.push(name_item(keys::hash(name), ordinal));
            }
        });
        added?;
        if held.capacity() <= 1 << 16 {
            // The buffer is used again.
            *self.header.items_mut() = held;
            self.header.items_mut().clear();
        } else {
            drop(held);
            self.header.give_back();
        }
        Ok(())
    }

    /// A comment, or a part of one, which may hold any byte but line ends.
    fn comment(&mut self, part: &[u8]) -> Result<(), Stop> {
        let foreign = if self.last_byte == b'\r' { memchr(b'\n', part) } else { None };
        let text = part.iter().rposition(|&byte| byte != b'\r').map_or(0, |at| at + 1);
        let returns = self.line.1 > 0 && text > 0 || memchr(b'\r', part).is_some_and(|at| at < text);
        if foreign.is_some() || returns {
            return Err(Stop::NotFasta);
        }
        self.line.1 += (part.len() - text) as u64;
        Ok(())
    }

    /// A line of residues, or a part of one; `ended` if its end is known.
    fn body(&mut self, part: &[u8], ended: bool) -> Result<(), Stop> {
        let (residues, returns, odd) = &mut self.line;
        let bare = if ended { part.strip_suffix(b"\r").unwrap_or(part) } else { part };
        if *returns == 0 && are_residues(bare) {
            *residues += bare.len() as u64;
            *returns = (part.len() - bare.len()) as u64;
            return Ok(());
        }
        for &byte in part {
            match byte {
                b'\r' => *returns += 1,
                _ if *returns > 0 => return Err(Stop::NotFasta),
                _ if is_residue(byte) => *residues += 1,
                _ if is_blank(byte) => *odd = true,
                _ => return Err(Stop::NotFasta),
            }
        }
        Ok(())
    }
}

/// The text of a header line without its last byte; none if there is a line end inside.
pub(super) fn header_text(line: &[u8], last_byte: u8) -> Option<&[u8]> {
    let line = line.strip_prefix(b">")?;
    if last_byte == b'\r' {
        return memchr(b'\n', line).is_none().then_some(line);
    }
    let (text, returns) = line.split_at(memchr(b'\r', line).unwrap_or(line.len()));
    returns.iter().all(|&byte| byte == b'\r').then_some(text)
}

/// Blanks that may stand between residues.
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0B | 0x0C)
}
