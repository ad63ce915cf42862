//! The FASTA of the references, as it is never written: its length and its digest, for a container that holds nothing
//! else.

use sha2::{Digest as _, Sha256};
use talaria_db_spec::source::LineEnd;

use crate::database::Source;

/// Residues a line.
const WIDTH: usize = 60;
/// The name of the source.
const NAME: &str = "references.fasta";

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct ReferenceText {
    hasher: Sha256,
    byte_length: u64,
    record_count: u64,
    /// Residues in the line that is not full yet.
    column: usize,
}

impl ReferenceText {
    /// Starts a record.
    pub(super) fn begin(&mut self, header: &[u8]) {
        self.add(b">");
        self.add(header);
        self.add(b"\n");
        self.record_count += 1;
    }

    /// The next residues of the record.
    pub(super) fn residues(&mut self, mut residues: &[u8]) {
        while !residues.is_empty() {
            let (line, rest) = residues.split_at(residues.len().min(WIDTH - self.column));
            self.add(line);
            self.column += line.len();
            if self.column == WIDTH {
                self.end();
            }
            residues = rest;
        }
    }

    /// Ends the record.
    pub(super) fn end(&mut self) {
        if self.column > 0 {
            self.add(b"\n");
            self.column = 0;
        }
    }

    /// What a container says of it.
    pub(super) fn source(self) -> Source {
        Source {
            name: NAME.to_owned(),
            preamble: Vec::new(),
            byte_length: self.byte_length,
            first_record: 0,
            record_count: self.record_count,
            line_width: WIDTH as u64,
            line_end: LineEnd::Lf,
            compression: 0,
            sha256: self.hasher.finalize().into(),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.byte_length += bytes.len() as u64;
    }
}
