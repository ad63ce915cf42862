//! FASTA of the references, plain or compressed by the name of the file.
//!
//! They are written as an export of what was reduced writes them, all others left out: nothing is coded in between, and
//! each block is compared with its checksum as it is read.
//!
//! Costs a pass over the container; takes a bit of memory a record, the text that is made ahead, and an encoder.

use std::io::Write;
use std::path::Path;

use flate2::write::GzEncoder;

use super::Reduction;
use super::clusters::Listing;
use super::rewrite::Marks;
use super::run::Written;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::blocks::blocks_memory;
use crate::read::export::{ExportOptions, Lines};
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::Groups;
use crate::write::publish::Unpublished;

/// Memory of an encoder at the level that is used: its window, tables and buffers.
const GZIP_MEMORY: u64 = 512 << 10;
const ZSTD_MEMORY: u64 = 8 << 20;
/// Levels, both of them the libraries' usual ones.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;

/// What [`write()`] takes beside `groups`.
pub(super) fn estimate(account: &mut Account, known: &Known) -> [Held; 3] {
    account.begin("writing", None, known.records, "records");
    let marks = account.hold(Marks::memory(known.records));
    let blocks = account.hold(blocks_memory(known.nominal, account.threads));
    // Lines of the table and their ids, then text that is made ahead.
    let ahead = (account.available() / 2).min(known.records.saturating_mul(512).max(64 << 20));
    [marks, blocks, account.hold(ahead)]
}

/// Writes the references to `path`, in `width` residues a line, as gzip if the name ends in `.gz` and as Zstandard if
/// it ends in `.zst`, and publishes the file.
pub(super) fn write(
    reduction: &Reduction<'_>,
    database: &Database,
    groups: Groups,
    clusters: Option<&Listing>,
    (path, width): (&Path, u64),
) -> Result<Written> {
    let output = Unpublished::create(path)?;
    let records = database.len();
    (reduction.progress)("writing", 0, records);
    let left_out = Marks::new(records, database)?;
    let (by_member, by_representative) = groups.finish()?;
    for pair in by_member {
        left_out.set(pair?.0);
    }
    match clusters {
        Some(clusters) => clusters.write(database, by_representative, |ordinal| Ok(left_out.is_set(ordinal)))?,
        None => drop(by_representative),
    }
    export(database, &output, path, width, &|ordinal| !left_out.is_set(ordinal))?;
    (reduction.progress)("writing", records, records);
    let (mut reference_residues, mut columns) = (0, database.column_cursor(0..records));
    for ordinal in (0..records).filter(|&ordinal| !left_out.is_set(ordinal)) {
        reference_residues += columns.at(ordinal)?.sequence_length(ordinal)?;
    }
    // Nothing is read of it from here on.
    database.check_unchanged()?;
    database.release_pages();
    let bytes = output.len();
    output.publish()?;
    Ok(Written { bytes, reference_residues, sequence_bytes: 0, delta_bytes: 0 })
}

/// Writes the records that are `chosen`.
fn export(
    database: &Database,
    output: &Unpublished,
    path: &Path,
    width: u64,
    chosen: &(dyn Fn(u64) -> bool + Sync),
) -> Result<()> {
    let options = ExportOptions { lines: Lines::Width(width), ..ExportOptions::default() };
    let failed = |error| Error::io(output.temporary(), "write")(error);
    let lease = |memory| database.budget().lease("compressing the references", memory);
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let mut file = output;
    match extension.to_str() {
        Some("gz") => {
            let _lease = lease(GZIP_MEMORY)?;
            let mut encoder = GzEncoder::new(file, flate2::Compression::new(GZIP_LEVEL));
            database.export_chosen(&mut encoder, &options, chosen)?;
            encoder.finish().map_err(failed)?;
        }
        Some("zst") => {
            let _lease = lease(ZSTD_MEMORY)?;
            let mut encoder = zstd::stream::write::Encoder::new(file, ZSTD_LEVEL).map_err(failed)?;
            encoder.include_checksum(true).map_err(failed)?;
            database.export_chosen(&mut encoder, &options, chosen)?;
            encoder.finish().map_err(failed)?;
        }
        _ => {
            database.export_chosen(&mut file, &options, chosen)?;
            file.flush().map_err(failed)?;
        }
    }
    Ok(())
}
