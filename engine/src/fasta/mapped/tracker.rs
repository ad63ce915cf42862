//! Whether the lines of a record follow a rule by which the place of a residue can be computed.

use super::entry::Lines;

/// The lines of the current record so far.
#[derive(Debug, Default)]
pub(super) struct LineTracker {
    /// Residues so far.
    pub(super) residues: u64,
    /// Residues of the first line; 0 before it.
    pub(super) width: u64,
    /// Bytes of the first line's end.
    pub(super) end: u64,
    /// No further residues may come.
    closed: bool,
    irregular: bool,
}

impl LineTracker {
    /// A line of `residues` residues, and blanks between them if `odd`, with a line end of `end` bytes.
    pub(super) fn line(&mut self, residues: u64, end: u64, odd: bool) {
        if residues == 0 {
            self.closed = true;
            return;
        }
        if self.width == 0 {
            (self.width, self.end) = (residues, end);
        }
        self.irregular |= self.closed || odd || residues > self.width;
        self.closed |= residues < self.width || end != self.end || end > 2;
        self.residues += residues;
    }

    /// A line that is a comment.
    pub(super) fn comment(&mut self) {
        self.closed = true;
    }

    /// `count` whole lines more of the first one's width, with its line end. Only if [`LineTracker::expects`] that.
    pub(super) fn whole_lines(&mut self, count: u64) {
        self.residues += count * self.width;
    }

    /// The width and the line end of the next line, if it may have them and stay regular.
    pub(super) fn expects(&self) -> Option<(u64, u64)> {
        (!self.closed && !self.irregular && self.width > 0).then_some((self.width, self.end))
    }

    /// What the lines were.
    pub(super) fn lines(&self) -> Lines {
        if self.irregular {
            Lines::Irregular
        } else {
            Lines::Regular { width: self.width.max(1), end: self.end.max(1) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[(u64, u64)]) -> Lines {
        let mut tracker = LineTracker::default();
        for &(residues, end) in lines {
            tracker.line(residues, end, false);
        }
        assert_eq!(tracker.residues, lines.iter().map(|line| line.0).sum::<u64>());
        tracker.lines()
    }

    #[test]
    fn residues_that_can_be_computed() {
        let regular = |width, end| Lines::Regular { width, end };
        assert_eq!(lines(&[(4, 1), (4, 1), (1, 1), (0, 1), (0, 2)]), regular(4, 1));
        assert_eq!(lines(&[(4, 2), (4, 2), (4, 1)]), regular(4, 2));
        assert_eq!(lines(&[(4, 3)]), regular(4, 3));
        assert_eq!(lines(&[]), regular(1, 1));
        for irregular in [
            &[(4, 1), (5, 1)][..],
            &[(4, 1), (3, 1), (1, 1)],
            &[(4, 1), (4, 2), (4, 1)],
            &[(4, 3), (4, 3)],
            &[(0, 1), (4, 1)],
            &[(4, 1), (0, 1), (4, 1)],
        ] {
            assert_eq!(lines(irregular), Lines::Irregular, "{irregular:?}");
        }
        let mut tracker = LineTracker::default();
        tracker.line(4, 1, false);
        tracker.comment();
        tracker.line(4, 1, false);
        assert_eq!(tracker.lines(), Lines::Irregular);
        let mut tracker = LineTracker::default();
        tracker.line(4, 1, true);
        assert_eq!(tracker.lines(), Lines::Irregular);
    }
}
