//! What the library takes of containers, without processes: opening, lookups, scans, and decoding beside the codec
//! alone and a copy of memory.
//!
//!     cargo bench -p talaria-db-benches --bench library -- [CONTAINER ...]
//!
//! Prints lines of what was measured, a figure and its unit, separated by tabs; medians of rounds. Without a container:
//! three of made-up records. "Cold" has the file dropped from the page cache by `dd`, where there is one; all else
//! reads from the page cache, into which the file was read from front to back.

mod decoding;
mod lookups;
mod scans;

use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use talaria_db::read::stream::StreamKind;
use talaria_db::{Compression, Database, OpenOptions};
use talaria_db_benches::{AMINO_ACIDS, BASES, Made};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Rounds of each figure, beside a first one that is not counted.
pub(crate) const ROUNDS: usize = 7;

fn main() -> Outcome<()> {
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut out = std::io::stdout().lock();
    for path in &given {
        measure(Path::new(path), &mut out)?;
    }
    if given.is_empty() {
        for (letters, compression) in
            [(AMINO_ACIDS, Compression::Zstd(1)), (AMINO_ACIDS, Compression::Packed), (BASES, Compression::Packed)]
        {
            let made = Made::new(100_000, 150, letters, compression)?;
            writeln!(out, "{} letters, {compression}", letters.len())?;
            measure(&made.path, &mut out)?;
        }
    }
    Ok(())
}

/// The median of what `work` takes, in seconds. The first round, which fills caches, is not counted.
pub(crate) fn time(mut work: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let mut taken = Vec::new();
    for _ in 0..=ROUNDS {
        let started = Instant::now();
        work()?;
        taken.push(started.elapsed().as_secs_f64());
    }
    taken.remove(0);
    taken.sort_unstable_by(f64::total_cmp);
    Ok(taken[ROUNDS / 2])
}

fn measure(path: &Path, out: &mut impl Write) -> Outcome<()> {
    lookups::cold(path, out)?;
    // Front to back, as the system then keeps it in large pieces, and single lookups from the disk leave single pages.
    std::io::copy(&mut std::fs::File::open(path)?, &mut std::io::sink())?;
    let open = || {
        black_box(Database::open(path)?);
        Ok(())
    };
    writeln!(out, "open\t{:.2}\tus", time(open)? * 1e6)?;
    let uncached = OpenOptions::new().cache(0).open(path)?;
    lookups::lookups(path, &uncached, out)?;
    let residues = decoding::decoding(path, &uncached, StreamKind::Sequence, out)?;
    let texts = decoding::decoding(path, &uncached, StreamKind::Text, out)?;
    scans::scans(path, residues, texts, out)
}
