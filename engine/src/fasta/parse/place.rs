//! Where in the source the parser is, for messages.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// A carriage return that might have been a line end.
pub(super) const BARE_RETURN: &str =
    "bare carriage return, which some programs take for a line end; if the file has old Mac line ends, convert it";
/// A `\n` in a file of `\r`.
pub(super) const LINE_FEED: &str = "line feed in a file whose lines end in carriage returns";

/// A line, and a byte in it. Costs two additions a line.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// From 1.
    line: u64,
    /// Bytes of the line that have been passed.
    passed: u64,
}

impl Place {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), line: 1, passed: 0 }
    }

    /// The current line, from 1.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// Passes over `bytes` bytes of the current line.
    pub(super) fn pass(&mut self, bytes: usize) {
        self.passed += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// Goes to the next line.
    pub(super) fn next_line(&mut self) {
        self.line += 1;
        self.passed = 0;
    }

    /// What is wrong with the byte that is `ahead` of the place and then `back`.
    pub(super) fn refuse(&self, ahead: usize, back: usize, reason: impl Into<String>) -> Error {
        let ahead = u64::try_from(ahead).unwrap_or(u64::MAX);
        let back = u64::try_from(back).unwrap_or(u64::MAX);
        let column = (self.passed + ahead).saturating_sub(back) + 1;
        Error::Input { path: self.path.clone(), line: self.line, column: Some(column), reason: reason.into() }
    }

    /// What is wrong with the current line, or with the whole of the source up to it.
    pub(super) fn refuse_line(&self, reason: &str) -> Error {
        Error::Input { path: self.path.clone(), line: self.line, column: None, reason: reason.to_owned() }
    }
}

/// A byte as messages show it.
pub(super) fn shown(byte: u8) -> String {
    if byte.is_ascii_graphic() { format!("'{}'", char::from(byte)) } else { format!("byte 0x{byte:02X}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_from_one_over_pieces_of_a_line() {
        let mut place = Place::new(Path::new("a.fa"));
        place.pass(4);
        place.next_line();
        place.pass(10);
        place.pass(5);
        assert_eq!(place.refuse(2, 3, "x").to_string(), "a.fa: line 2, column 15: x");
        assert_eq!(place.refuse_line("y").to_string(), "a.fa: line 2: y");
        assert_eq!((shown(b'@'), shown(0), shown(b' ')), ("'@'".into(), "byte 0x00".into(), "byte 0x20".into()));
    }
}
