//! A table, plain or compressed, in batches of whole lines.

use std::path::Path;

use talaria_db::Error;
use talaria_db::fasta::input::{CHUNK, Input, InputPath};
use talaria_db::memory::budget::{Budget, Lease};
use talaria_db::memory::settings::MemorySettings;

use crate::failure::Result;

/// Longest line, in bytes.
const LONGEST: usize = 1 << 20;

/// The table.
pub(super) struct Lines {
    input: Input,
    /// Begun and not ended in what was read.
    rest: Vec<u8>,
    /// Line number of the first line of the next batch, from 1.
    next: u64,
    ended: bool,
    _lease: Lease,
}

impl Lines {
    /// Opens it; `-` is standard input.
    pub(super) fn open(path: &Path, settings: &MemorySettings, budget: &Budget) -> Result<Self> {
        let lease = budget.lease("lines of hits", 2 * (CHUNK + LONGEST) as u64)?;
        let input = Input::open(InputPath::from(path), settings, budget)?;
        Ok(Self { input, rest: Vec::new(), next: 1, ended: false, _lease: lease })
    }

    /// The number of the next batch's first line, and the batch: lines with their ends, of which the last of all may
    /// lack one. `None` at the end.
    pub(super) fn next_batch(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        let mut batch = std::mem::take(&mut self.rest);
        while !self.ended {
            let Some(chunk) = self.input.next_chunk()? else {
                self.ended = true;
                break;
            };
            match chunk.iter().rposition(|&byte| byte == b'\n') {
                Some(last) => {
                    let (whole, rest) = chunk.split_at(last + 1);
                    batch.extend_from_slice(whole);
                    self.rest = rest.to_vec();
                    break;
                }
                None => batch.extend_from_slice(&chunk),
            }
            if batch.len() > LONGEST {
                return Err(self
                    .fault(self.next, format!("a line of more than {LONGEST} bytes: no table of hits"))
                    .into());
            }
        }
        if batch.is_empty() {
            return Ok(None);
        }
        let first = self.next;
        self.next += batch.iter().filter(|&&byte| byte == b'\n').count() as u64;
        Ok(Some((first, batch)))
    }

    /// What is wrong with a line.
    pub(super) fn fault(&self, line: u64, reason: String) -> Error {
        Error::Input { path: self.input.path().to_path_buf(), line, column: None, reason }
    }
}
