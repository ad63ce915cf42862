//! One line after the other: which byte of it is a residue, which is layout, which is refused.
//!
//! A line is looked at in windows, so that the search for its end, the check of its bytes and their copy find the same
//! bytes in the cache, and so that a line as long as a chromosome is nothing special.

use memchr::memchr;
use talaria_db_spec::alphabet::{are_residues, is_residue};
use talaria_db_spec::source::LineEnd;

use crate::error::{Error, Result};
use crate::fasta::batch::Batch;

use super::place::{BARE_RETURN, LINE_FEED, shown};
use super::{HEADER_LIMIT, PREAMBLE_LIMIT, Parser, detect};

/// Most bytes of a line that are looked at in one go: they fit the first-level cache together with their copy.
const WINDOW: usize = 16 << 10;
/// UTF-8's byte order mark.
const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The first bytes of the source; the preamble is as much of a byte order mark as there was.
    Start,
    /// The first byte of a line.
    LineStart,
    /// A header line, after its `>`.
    Header,
    /// A comment, in a record or before the first one.
    Comment,
    /// A line of residues.
    Body,
    /// A line before the first record that may only be blank.
    Blank,
}

impl Parser {
    /// Parses `piece`, which follows the last one.
    pub(super) fn lines(&mut self, piece: &[u8], batch: &mut Batch) -> Result<()> {
        let last_byte = detect::last_byte(self.line_end.unwrap_or_default());
        let mut rest = piece;
        while let Some(&first) = rest.first() {
            if matches!(self.state, State::Start | State::LineStart) && self.line_start(first, batch)? {
                self.place.pass(1);
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let window = rest.get(..WINDOW).unwrap_or(rest);
            let end = memchr(last_byte, window);
            let (line, _) = window.split_at(end.unwrap_or(window.len()));
            match self.state {
                State::Body => self.body(line, end.is_some(), batch)?,
                State::Header => self.header(line, batch)?,
                State::Comment => self.comment(line)?,
                State::Blank | State::Start | State::LineStart => self.blank(line)?,
            }
            if end.is_some() {
                self.end_line(last_byte, batch)?;
                rest = rest.get(line.len() + 1..).unwrap_or_default();
            } else {
                self.place.pass(line.len());
                rest = rest.get(line.len()..).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// What the input lacks at its end is noted, and the last record given out.
    pub(super) fn end_of_input(&mut self, batch: &mut Batch) -> Result<()> {
        let returns = std::mem::take(&mut self.returns);
        match self.state {
            State::Header => {
                self.end_header(batch);
                self.layout.begin(returns, false)?;
            }
            State::Start if matches!(self.preamble.len(), 1 | 2) => {
                return Err(self.unexpected(0, self.preamble.len(), BYTE_ORDER_MARK[0]));
            }
            _ if self.open.is_some() => self.layout.returns(returns)?,
            _ => (),
        }
        self.end_record(batch)?;
        if self.record_count == 0 && self.has_comment {
            return Err(self.place.refuse_line("no record, only comments"));
        }
        Ok(())
    }

    /// Decides by its first byte what a line is. Returns whether the byte is thereby done with.
    fn line_start(&mut self, first: u8, batch: &mut Batch) -> Result<bool> {
        if self.state == State::Start {
            let marked = self.preamble.len();
            if BYTE_ORDER_MARK.get(marked) == Some(&first) {
                self.preamble.push(first);
                return Ok(true);
            }
            if marked != 0 && marked != BYTE_ORDER_MARK.len() {
                return Err(self.unexpected(0, marked, BYTE_ORDER_MARK[0]));
            }
        }
        self.state = match first {
            b'>' => {
                self.end_record(batch)?;
                self.begin_record(batch);
                State::Header
            }
            b';' | b'#' => {
                self.has_comment |= self.open.is_none();
                State::Comment
            }
            _ if self.open.is_some() => State::Body,
            b'@' if self.place.line() == 1 => return Err(self.place.refuse(0, 0, "this looks like FASTQ, not FASTA")),
            _ => State::Blank,
        };
        Ok(first == b'>')
    }

    fn header(&mut self, line: &[u8], batch: &mut Batch) -> Result<()> {
        let text = self.without_returns(line)?;
        batch.text.extend_from_slice(text);
        let start = self.open.as_ref().map_or(0, |open| open.text);
        if batch.text.len() - start + self.returns > HEADER_LIMIT {
            return Err(self.place.refuse_line("header line of more than 64 MiB"));
        }
        Ok(())
    }

    fn comment(&mut self, line: &[u8]) -> Result<()> {
        let text = self.without_returns(line)?;
        if self.open.is_some() { self.layout.bytes(text) } else { self.keep(line) }
    }

    fn blank(&mut self, line: &[u8]) -> Result<()> {
        match line.iter().enumerate().find(|&(_, &byte)| !is_blank(byte)) {
            Some((at, &byte)) if self.returns == 0 && !matches!(byte, b'\r' | b'\n') => Err(match byte {
                b'>' => self.place.refuse(at, 0, "expected '>' at the start of a record, found blanks before it"),
                _ => self.unexpected(at, 0, byte),
            }),
            _ => {
                self.without_returns(line)?;
                self.keep(line)
            }
        }
    }

    /// A line of residues, or a part of one; `ended` if its end is known.
    fn body(&mut self, line: &[u8], ended: bool, batch: &mut Batch) -> Result<()> {
        let bare = if ended { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        if self.returns > 0 || !are_residues(bare) {
            return self.mixed(line, batch);
        }
        batch.residues.extend_from_slice(bare);
        self.layout.residues(bare.len());
        self.returns = line.len() - bare.len();
        Ok(())
    }

    /// As `body`, for lines that have more than residues.
    #[cold]
    fn mixed(&mut self, line: &[u8], batch: &mut Batch) -> Result<()> {
        let mut at = 0;
        while let Some((&byte, rest)) = line.get(at..).and_then(<[u8]>::split_first) {
            if byte == b'\r' {
                // Not in old Mac files: there it would have ended the line.
                self.returns += 1;
                at += 1;
                continue;
            }
            if self.returns > 0 {
                return Err(self.place.refuse(at, self.returns, BARE_RETURN));
            }
            let run = |like: fn(u8) -> bool| 1 + rest.iter().position(|&byte| !like(byte)).unwrap_or(rest.len());
            let end = at + if is_residue(byte) { run(is_residue) } else { run(is_blank) };
            let same = line.get(at..end).unwrap_or_default();
            match byte {
                b'\n' => return Err(self.place.refuse(at, 0, LINE_FEED)),
                _ if is_residue(byte) => {
                    batch.residues.extend_from_slice(same);
                    self.layout.residues(same.len());
                }
                _ if is_blank(byte) => self.layout.bytes(same)?,
                _ => return Err(self.place.refuse(at, 0, format!("{} is not a residue", shown(byte)))),
            }
            at = end;
        }
        Ok(())
    }

    fn end_line(&mut self, last_byte: u8, batch: &Batch) -> Result<()> {
        let returns = std::mem::take(&mut self.returns);
        match self.state {
            State::Header => {
                self.end_header(batch);
                self.layout.begin(returns, true)?;
            }
            _ if self.open.is_some() => self.layout.end_line(returns)?,
            _ => self.keep(&[last_byte])?,
        }
        self.state = State::LineStart;
        self.place.next_line();
        Ok(())
    }

    /// A line, or a part of one, that may hold any byte: without the carriage returns at its end, which are counted.
    fn without_returns<'a>(&mut self, line: &'a [u8]) -> Result<&'a [u8]> {
        if self.line_end == Some(LineEnd::Cr) {
            return match memchr(b'\n', line) {
                Some(at) => Err(self.place.refuse(at, 0, LINE_FEED)),
                None => Ok(line),
            };
        }
        let (text, returns) = line.split_at(memchr(b'\r', line).unwrap_or(line.len()));
        if self.returns > 0 && !text.is_empty() {
            return Err(self.place.refuse(0, self.returns, BARE_RETURN));
        }
        if returns.iter().any(|&byte| byte != b'\r') {
            return Err(self.place.refuse(text.len(), self.returns, BARE_RETURN));
        }
        self.returns += returns.len();
        Ok(text)
    }

    /// Adds to the preamble.
    fn keep(&mut self, bytes: &[u8]) -> Result<()> {
        if self.preamble.len() + bytes.len() > PREAMBLE_LIMIT {
            return Err(self.place.refuse_line("more than 1 MiB before the first record"));
        }
        self.preamble.extend_from_slice(bytes);
        Ok(())
    }

    /// No record starts with this byte.
    fn unexpected(&self, ahead: usize, back: usize, found: u8) -> Error {
        self.place.refuse(ahead, back, format!("expected '>' at the start of a record, found {}", shown(found)))
    }
}

/// Blanks that may stand between residues. Carriage returns have rules of their own.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0B | 0x0C)
}
