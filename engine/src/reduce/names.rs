//! Files that name records, one a line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::database::Database;
use crate::error::{Error, Result};

/// Names that are looked up together.
const NAMES: usize = 1 << 13;
/// Longest line, in bytes.
const LONGEST: u64 = 1 << 16;
/// Memory for names that are looked up together.
pub(super) const MEMORY: u64 = NAMES as u64 * 256 + LONGEST;

/// Looks the names of a file up, as [`Database::find`] takes them, and calls `visit` with what `parse` made of each
/// line and the records of its name; how many names no record bears. `parse` takes a line without the space around it,
/// and gives a name and anything else, or says what is wrong.
///
/// # Errors
/// [`Error::Io`]; [`Error::Input`] for a line that is too long or wrong; [`Error::Memory`]; damage in the index of
/// names.
pub(super) fn look_up<T>(
    database: &Database,
    path: &Path,
    mut parse: impl FnMut(&[u8]) -> std::result::Result<(Vec<u8>, T), String>,
    mut visit: impl FnMut(&T, &[u64]) -> Result<()>,
) -> Result<u64> {
    let _lease = database.budget().lease("names of records", MEMORY)?;
    let mut reader = BufReader::new(File::open(path).map_err(Error::io(path, "open"))?);
    let (mut names, mut others, mut line, mut unknown): (Vec<Vec<u8>>, Vec<T>, u64, u64) = Default::default();
    loop {
        let mut text = Vec::new();
        let length = (&mut reader).take(LONGEST + 1).read_until(b'\n', &mut text).map_err(Error::io(path, "read"))?;
        line += 1;
        let wrong = |reason| Error::Input { path: path.to_path_buf(), line, column: None, reason };
        if length as u64 > LONGEST {
            return Err(wrong(format!("longer than {LONGEST} bytes: not a list of names")));
        }
        let trimmed = text.trim_ascii();
        if !trimmed.is_empty() {
            let (name, other) = parse(trimmed).map_err(wrong)?;
            names.push(name);
            others.push(other);
        }
        // Long names are looked up in smaller numbers.
        let bytes: usize = if text.len() > 128 { names.iter().map(Vec::len).sum() } else { 0 };
        if length == 0 || names.len() == NAMES || bytes > NAMES * 128 {
            let found = database.find_many(&names)?;
            for (ordinals, other) in found.iter().zip(&others) {
                unknown += u64::from(ordinals.is_empty());
                visit(other, ordinals)?;
            }
            names.clear();
            others.clear();
        }
        if length == 0 {
            return Ok(unknown);
        }
    }
}
