//! Lookups by name: of records, or of regions where records are so long that nobody wants them whole.

use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use talaria_db::{Database, OpenOptions};
use talaria_db_benches::Random;

use crate::{Outcome, ROUNDS, time};

/// Names of a round that are looked up one by one.
const FEW: usize = 2_000;
/// Names that are looked up together.
const MANY: usize = 1_000_000;
/// Where records have more residues than this in the mean, regions are looked up.
const LONG: u64 = 10_000;
/// Residues of a region.
const REGION: u64 = 1_000;

/// What is looked up, and where in its record, if not all of it.
struct Wanted {
    name: Vec<u8>,
    ordinal: u64,
    start: Option<u64>,
}

impl Wanted {
    /// `count` of a container, at random and always the same.
    fn draw(database: &Database, count: usize, seed: u64) -> Outcome<Vec<Self>> {
        let mut random = Random(seed);
        let ordinals: Vec<u64> = (0..count).map(|_| random.below(database.len())).collect();
        let mut wanted = Vec::with_capacity(count);
        for (header, &ordinal) in database.headers(&ordinals)?.iter().zip(&ordinals) {
            let name = header.split(u8::is_ascii_whitespace).next().unwrap_or_default().to_vec();
            let last = database.sequence_length(ordinal)?.saturating_sub(REGION);
            let start = (are_long(database) && last > 0).then(|| random.below(last));
            wanted.push(Self { name, ordinal, start });
        }
        Ok(wanted)
    }

    fn by_name(&self, database: &Database) -> Outcome<()> {
        let Some(start) = self.start else {
            black_box(database.get(&self.name)?);
            return Ok(());
        };
        for ordinal in database.find(&self.name)? {
            black_box(database.region(ordinal, start..start + REGION)?);
        }
        Ok(())
    }

    fn by_number(&self, database: &Database) -> Outcome<()> {
        match self.start {
            None => drop(black_box(database.record(self.ordinal)?)),
            Some(start) => drop(black_box(database.region(self.ordinal, start..start + REGION)?)),
        }
        Ok(())
    }
}

fn are_long(database: &Database) -> bool {
    database.residue_count() / database.len().max(1) > LONG
}

/// One by one with all blocks in the cache, with none kept, and many at once.
pub(crate) fn lookups(path: &Path, uncached: &Database, out: &mut impl Write) -> Outcome<()> {
    let wanted = Wanted::draw(uncached, FEW, 7)?;
    let cached = OpenOptions::new().cache(8 * std::fs::metadata(path)?.len().max(64 << 20)).open(path)?;
    let mut print = |name: &str, count: usize, seconds: f64| {
        let what = if are_long(uncached) { " (regions of 1,000)" } else { "" };
        writeln!(out, "{name}{what}\t{:.3}\tus", seconds * 1e6 / count as f64)
    };
    print("lookup, block cached", FEW, time(|| wanted.iter().try_for_each(|one| one.by_name(&cached)))?)?;
    print("lookup by number, block cached", FEW, time(|| wanted.iter().try_for_each(|one| one.by_number(&cached)))?)?;
    print("lookup, no cache", FEW, time(|| wanted.iter().try_for_each(|one| one.by_name(uncached)))?)?;
    drop(cached);
    if are_long(uncached) {
        return Ok(());
    }
    let names: Vec<Vec<u8>> = Wanted::draw(uncached, MANY, 11)?.into_iter().map(|one| one.name).collect();
    let many = time(|| {
        let matches = uncached.find_many(&names)?;
        let mut residues = 0;
        uncached.for_each_record(matches.ordinals(), |record| {
            residues += record.residues.len();
            Ok::<(), talaria_db::Error>(())
        })?;
        black_box(residues);
        Ok(())
    })?;
    Ok(print("lookup of a million at once", MANY, many)?)
}

/// One lookup after opening, the file not in memory. Nothing else may have it mapped, or its pages stay.
pub(crate) fn cold(path: &Path, out: &mut impl Write) -> Outcome<()> {
    let wanted = Wanted::draw(&Database::open(path)?, 3 * ROUNDS, 5)?;
    let mut taken = Vec::new();
    for one in &wanted {
        if !dropped(path) {
            return Ok(());
        }
        let started = Instant::now();
        one.by_name(&Database::open(path)?)?;
        taken.push(started.elapsed().as_secs_f64());
    }
    taken.sort_unstable_by(f64::total_cmp);
    Ok(writeln!(out, "open and one lookup, cold\t{:.1}\tus", taken[taken.len() / 2] * 1e6)?)
}

/// Drops a file from the page cache; whether that can be done.
fn dropped(path: &Path) -> bool {
    let mut argument = std::ffi::OsString::from("if=");
    argument.push(path);
    let mut command = Command::new("dd");
    command.arg(argument).args(["iflag=nocache", "count=0"]).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
