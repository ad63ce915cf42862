//! Keeps track of a record's lines: whether it is regular, and if not, by which script its bytes come back.
//!
//! Nearly all records are regular, so that is what is counted, with three integers and no allocation. The first thing
//! in a record that is not regular turns the counts into the start of a script.

use talaria_db_spec::source::LineEnd;

use crate::error::Result;
use crate::memory::budget::Budget;

use super::script::Builder;

/// Carriage returns, to be copied from.
const RETURNS: [u8; 64] = [b'\r'; 64];

/// The layout of the current record.
#[derive(Debug)]
pub(super) struct Tracker {
    budget: Budget,
    line_width: u64,
    line_end: LineEnd,
    /// Residues since the last line end or layout byte.
    run: u64,
    /// Lines of `line_width` residues so far.
    full: u64,
    /// Residues of the line after those, which must be the last one; 0 if there is none.
    last: u64,
    /// Only in a record that is not regular; the three counts above are then in it, but for `run`.
    script: Option<Builder>,
}

impl Tracker {
    /// Of a source without records.
    pub(super) fn new(budget: &Budget) -> Self {
        let budget = budget.clone();
        Self { budget, line_width: 0, line_end: LineEnd::Lf, run: 0, full: 0, last: 0, script: None }
    }

    /// Sets what regular records look like. To be called before the first record's header line ends.
    pub(super) fn source(&mut self, line_width: u64, line_end: LineEnd) {
        self.line_width = line_width;
        self.line_end = line_end;
    }

    /// Starts a record, after whose header text came `returns` carriage returns and then, if `ended`, the byte that
    /// ends lines.
    pub(super) fn begin(&mut self, returns: usize, ended: bool) -> Result<()> {
        (self.run, self.full, self.last, self.script) = (0, 0, 0, None);
        if !(ended && self.is_standard(returns)) {
            let mut header_end = vec![b'\r'; returns];
            header_end.extend(ended.then_some(b'\n'));
            self.script = Some(Builder::new(&header_end, self.line_end, &self.budget)?);
        }
        Ok(())
    }

    /// The next `count` bytes are residues.
    pub(super) fn residues(&mut self, count: usize) {
        self.run += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// The next bytes are layout, and not a line end.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let run = std::mem::take(&mut self.run);
        let script = self.irregular()?;
        script.residues(run)?;
        script.bytes(bytes)
    }

    /// The next `count` bytes are carriage returns that end no line.
    pub(super) fn returns(&mut self, count: usize) -> Result<()> {
        for start in (0..count).step_by(RETURNS.len()) {
            self.bytes(RETURNS.get(..count - start).unwrap_or(&RETURNS))?;
        }
        Ok(())
    }

    /// The next bytes are `returns` carriage returns and the byte that ends lines.
    pub(super) fn end_line(&mut self, returns: usize) -> Result<()> {
        if !self.is_standard(returns) {
            self.returns(returns)?;
            self.bytes(b"\n")?;
            self.irregular()?.end_odd_line();
            return Ok(());
        }
        let run = std::mem::take(&mut self.run);
        if self.script.is_none() && run > 0 && self.last == 0 {
            if run == self.line_width {
                self.full += 1;
                return Ok(());
            }
            if run < self.line_width || self.line_width == 0 {
                self.last = run;
                return Ok(());
            }
        }
        self.irregular()?.line(run)
    }

    /// Ends the record: its script as it goes into the layout stream, or none if it is regular.
    pub(super) fn end(&mut self) -> Result<Option<Vec<u8>>> {
        let run = std::mem::take(&mut self.run);
        if run > 0 {
            self.irregular()?.residues(run)?;
        }
        self.script.take().map(Builder::finish).transpose()
    }

    /// Bytes that are leased.
    #[cfg(test)]
    pub(super) fn budget_in_use(&self) -> u64 {
        self.budget.in_use()
    }

    /// Whether so many carriage returns and the byte that ends lines are the source's line end.
    fn is_standard(&self, returns: usize) -> bool {
        returns == usize::from(self.line_end == LineEnd::CrLf)
    }

    /// The record is not regular: its script, which starts with the lines so far.
    fn irregular(&mut self) -> Result<&mut Builder> {
        let script = match self.script.take() {
            Some(script) => script,
            None => {
                let mut script = Builder::new(self.line_end.bytes(), self.line_end, &self.budget)?;
                script.lines(self.full, self.line_width)?;
                script.lines(u64::from(self.last > 0), self.last)?;
                script
            }
        };
        Ok(self.script.insert(script))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use talaria_db_spec::layout::{Operation, Script};
    use talaria_db_spec::varint;

    /// Operations of a record with lines of so many residues and standard line ends.
    fn lines(width: u64, lines: &[usize]) -> Option<Vec<(u64, u64)>> {
        let mut tracker = Tracker::new(&Budget::new(0));
        tracker.source(width, LineEnd::CrLf);
        tracker.begin(1, true).unwrap();
        for &residues in lines {
            tracker.residues(residues);
            tracker.end_line(1).unwrap();
        }
        let item = tracker.end().unwrap()?;
        let mut rest = &item[..];
        varint::read(&mut rest).unwrap();
        let script = Script::parse(rest, lines.iter().map(|&count| u64::try_from(count).unwrap()).sum()).unwrap();
        assert_eq!(script.header_end(), b"\r\n");
        let operations = script.operations().map(|operation| match operation {
            Operation::Lines { count, width } => (count, width),
            other => panic!("{other:?}"),
        });
        Some(operations.collect())
    }

    #[test]
    fn regular_records_have_no_script() {
        for regular in [&[][..], &[1], &[4], &[4, 4], &[4, 4, 1]] {
            assert_eq!(lines(4, regular), None, "{regular:?}");
        }
        for regular in [&[][..], &[1], &[1000]] {
            assert_eq!(lines(0, regular), None, "{regular:?}");
        }
    }

    #[test]
    fn equal_lines_are_one_operation() {
        assert_eq!(lines(4, &[0]), Some(vec![(1, 0)]));
        assert_eq!(lines(4, &[5, 5]), Some(vec![(2, 5)]));
        assert_eq!(lines(4, &[4, 4, 0, 0]), Some(vec![(2, 4), (2, 0)]));
        assert_eq!(lines(4, &[4, 3, 4]), Some(vec![(1, 4), (1, 3), (1, 4)]));
        assert_eq!(lines(4, &[3, 3, 1]), Some(vec![(2, 3), (1, 1)]));
        assert_eq!(lines(0, &[7, 7]), Some(vec![(2, 7)]));
        assert_eq!(lines(0, &[0]), Some(vec![(1, 0)]));
    }
}
