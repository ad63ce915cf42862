//! Builds the script of one irregular record, as short as merging neighbours makes it.
//!
//! Equal lines in a row become one operation, and so do layout bytes in a row, up to 64 KiB. Which bytes merge does not
//! depend on how they come in. The script is not the shortest one that there is: a line that ends unlike the source's
//! lines costs five bytes or so, each time.
//!
//! A script can have as many operations as the record has bytes, so its memory is leased from the budget once it is
//! more than a few KiB, and given back with the record.

use talaria_db_spec::layout::{Operation, ScriptWriter};
use talaria_db_spec::source::LineEnd;
use talaria_db_spec::varint;

use crate::error::Result;
use crate::memory::budget::{Budget, Lease};

/// Most bytes that one operation holds.
const BYTES_LIMIT: usize = 64 << 10;
/// A script of at most so many bytes goes without a lease.
const FREE: usize = 4 << 10;
/// Leases grow in steps of so many bytes.
const STEP: u64 = 1 << 20;

/// A script that is being written.
#[derive(Debug)]
pub(super) struct Builder {
    writer: ScriptWriter,
    line_end: LineEnd,
    /// Lines and their width, not written yet. If there are any, there are no `bytes`.
    lines: (u64, u64),
    /// Layout bytes, not written yet.
    bytes: Vec<u8>,
    /// Whether the current line has layout bytes.
    odd_line: bool,
    budget: Budget,
    lease: Option<Lease>,
}

impl Builder {
    /// A script of a record with `header_end` between its header text and its body.
    pub(super) fn new(header_end: &[u8], line_end: LineEnd, budget: &Budget) -> Result<Self> {
        let mut builder = Self {
            writer: ScriptWriter::default(),
            line_end,
            lines: (0, 0),
            bytes: Vec::new(),
            odd_line: false,
            budget: budget.clone(),
            lease: None,
        };
        builder.make_room(header_end.len())?;
        builder.writer.header_end(header_end);
        Ok(builder)
    }

    /// Appends `count` residues without anything after them.
    pub(super) fn residues(&mut self, count: u64) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        self.flush()?;
        self.write(Operation::Residues(count))
    }

    /// Appends layout bytes that do not end a line.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.odd_line = true;
        if self.lines.0 > 0 {
            self.flush()?;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.bytes.len() == BYTES_LIMIT {
                self.flush()?;
            }
            let (fitting, after) = rest.split_at(rest.len().min(BYTES_LIMIT - self.bytes.len()));
            self.bytes.extend_from_slice(fitting);
            rest = after;
        }
        Ok(())
    }

    /// Appends `residues` residues and a line end of the source.
    pub(super) fn line(&mut self, residues: u64) -> Result<()> {
        if residues > 0 || !self.odd_line {
            self.odd_line = false;
            return self.lines(1, residues);
        }
        self.bytes(self.line_end.bytes())?;
        self.odd_line = false;
        Ok(())
    }

    /// Appends `count` lines of `width` residues, at the start of a line.
    pub(super) fn lines(&mut self, count: u64, width: u64) -> Result<()> {
        if self.lines.0 == 0 || self.lines.1 != width {
            self.flush()?;
            self.lines = (0, width);
        }
        self.lines.0 += count;
        Ok(())
    }

    /// The bytes so far end a line.
    pub(super) fn end_odd_line(&mut self) {
        self.odd_line = false;
    }

    /// The script, its length in front.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        self.flush()?;
        Ok(self.writer.finish())
    }

    /// Writes what is pending.
    fn flush(&mut self) -> Result<()> {
        let (count, width) = std::mem::take(&mut self.lines);
        if count > 0 {
            self.write(Operation::Lines { count, width })?;
        }
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            self.write(Operation::Bytes(&bytes))?;
            self.bytes = bytes;
            self.bytes.clear();
        }
        Ok(())
    }

    fn write(&mut self, operation: Operation<'_>) -> Result<()> {
        self.make_room(if let Operation::Bytes(bytes) = operation { bytes.len() } else { 0 })?;
        self.writer.push(operation);
        Ok(())
    }

    /// Leases room for an operation with so many bytes: three times the script, as its buffer may be twice as large as
    /// needed and is copied at the end.
    fn make_room(&mut self, bytes: usize) -> Result<()> {
        let length = self.writer.len() + bytes + 2 * varint::MAXIMUM_LENGTH;
        if length <= FREE {
            return Ok(());
        }
        let need = u64::try_from(length).unwrap_or(u64::MAX).saturating_mul(3);
        match &mut self.lease {
            Some(lease) if lease.bytes() >= need => Ok(()),
            Some(lease) => lease.resize(need.next_multiple_of(STEP)),
            None => {
                self.lease = Some(self.budget.lease("the layout of a record", need.next_multiple_of(STEP))?);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use talaria_db_spec::layout::Script;

    fn operations(builder: Builder, residues: u64) -> Vec<String> {
        let item = builder.finish().unwrap();
        let mut rest = &item[..];
        varint::read(&mut rest).unwrap();
        let script = Script::parse(rest, residues).unwrap();
        script
            .operations()
            .map(|operation| match operation {
                Operation::Lines { count, width } => format!("{count}x{width}"),
                Operation::Residues(count) => format!("r{count}"),
                Operation::Bytes(bytes) if bytes.len() < 10 => format!("{:?}", bytes.escape_ascii().to_string()),
                Operation::Bytes(bytes) => format!("b{}", bytes.len()),
            })
            .collect()
    }

    fn builder() -> Builder {
        Builder::new(b"\n", LineEnd::Lf, &Budget::new(1 << 30)).unwrap()
    }

    #[test]
    fn blanks_split_lines_and_blank_lines_merge() {
        let mut script = builder();
        script.residues(3).unwrap();
        script.bytes(b" ").unwrap();
        script.line(2).unwrap();
        script.line(2).unwrap();
        script.residues(2).unwrap();
        script.bytes(b" ").unwrap();
        script.line(0).unwrap();
        script.bytes(b";").unwrap();
        script.line(0).unwrap();
        script.line(0).unwrap();
        script.line(0).unwrap();
        script.residues(1).unwrap();
        script.bytes(b"\r\n").unwrap();
        script.end_odd_line();
        script.line(0).unwrap();
        let expected = ["r3", r#"" ""#, "2x2", "r2", r#"" \\n;\\n""#, "2x0", "r1", r#""\\r\\n""#, "1x0"];
        assert_eq!(operations(script, 10), expected);
    }

    #[test]
    fn long_bytes_are_split_at_the_same_places() {
        for piece in [1_usize, 1000, 70_000, 200_000] {
            let mut script = builder();
            for start in (0..200_000).step_by(piece) {
                script.bytes(&vec![b' '; piece.min(200_000 - start)]).unwrap();
            }
            assert_eq!(operations(script, 0), ["b65536", "b65536", "b65536", "b3392"], "pieces of {piece}");
        }
    }

    #[test]
    fn scripts_are_leased() {
        let budget = Budget::new(4 << 20);
        let mut script = Builder::new(b"", LineEnd::Lf, &budget).unwrap();
        for _ in 0..100 {
            script.residues(1).unwrap();
            script.bytes(b" ").unwrap();
        }
        assert_eq!(budget.in_use(), 0, "short ones are not");
        let refused = (0..4_000_000).find_map(|_| script.residues(1).and_then(|()| script.bytes(b" ")).err());
        assert!(matches!(refused, Some(Error::Memory { what: "the layout of a record", .. })), "{refused:?}");
        assert!(script.writer.len() > 1 << 20);
        assert!(budget.in_use() > 3 << 20);
        drop(script);
        assert_eq!(budget.in_use(), 0);
    }
}
