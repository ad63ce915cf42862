//! A file of names, one a line, read in chunks of bounded size.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use talaria_db::memory::budget::{Budget, Lease};

use crate::failure::{Failure, Result};

/// Most memory of a chunk and of what is looked up for it: 524,288 names. The more names are looked up together, the
/// more of them are in each block that is decoded.
const MOST_MEMORY: u64 = 128 << 20;
/// Least memory of a chunk; with a budget that has not even this there is no lookup.
const LEAST_MEMORY: u64 = 64 << 10;
/// Memory for a name, beside its bytes, with what is looked up for it.
const NAME_MEMORY: u64 = 256;
/// Longest line, in bytes: no name is longer, and a file without lines is not a list of names.
const LONGEST: usize = 1 << 20;

/// The file.
pub(in crate::commands) struct IdFile {
    reader: Box<dyn BufRead>,
    path: PathBuf,
    line: u64,
    lease: Lease,
}

/// Names that were read together.
#[derive(Default)]
pub(in crate::commands) struct Chunk {
    bytes: Vec<u8>,
    names: Vec<Range<usize>>,
}

impl Chunk {
    /// The names, in the order of the file.
    pub(in crate::commands) fn names(&self) -> Vec<&[u8]> {
        self.names.iter().filter_map(|range| self.bytes.get(range.clone())).collect()
    }
}

impl IdFile {
    /// Opens a file; `-` is standard input.
    pub(in crate::commands) fn open(path: &Path, budget: &Budget) -> Result<Self> {
        let memory = (budget.free() / 8).clamp(LEAST_MEMORY, MOST_MEMORY);
        let lease = budget.lease("a chunk of names", memory)?;
        let reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            Box::new(BufReader::new(File::open(path).map_err(Failure::io(path, "open"))?))
        };
        Ok(Self { reader, path: path.to_path_buf(), line: 0, lease })
    }

    /// The next names; `None` at the end. Blanks around a name, as the CR of a CRLF, and blank lines are passed over.
    pub(in crate::commands) fn next_chunk(&mut self) -> Result<Option<Chunk>> {
        let mut chunk = Chunk::default();
        let mut used = 0;
        while used < self.lease.bytes() {
            let start = chunk.bytes.len();
            let mut line = (&mut self.reader).take(LONGEST as u64 + 1);
            let length = line.read_until(b'\n', &mut chunk.bytes).map_err(Failure::io(self.path.as_path(), "read"))?;
            self.line += 1;
            if length == 0 {
                break;
            }
            if length > LONGEST {
                let path = self.path.display();
                return Err(Failure::Usage(format!("{path}: line {}: longer than {LONGEST} bytes", self.line)));
            }
            let line = chunk.bytes.get(start..).unwrap_or_default();
            let blanks = line.len() - line.trim_ascii_start().len();
            let name = line.trim_ascii().len();
            if name == 0 {
                // Takes no room, so that a chunk without names is the end.
                chunk.bytes.truncate(start);
                continue;
            }
            chunk.names.push(start + blanks..start + blanks + name);
            used += NAME_MEMORY + length as u64;
        }
        Ok(if chunk.names.is_empty() { None } else { Some(chunk) })
    }
}
