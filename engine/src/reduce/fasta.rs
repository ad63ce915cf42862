//! FASTA of the references, plain or compressed by the name of the file.

use std::io::Write;
use std::path::Path;

use flate2::write::GzEncoder;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::read::export::{ExportOptions, Lines};
use crate::write::publish::Unpublished;

/// Memory of an encoder at the level that is used: its window, tables and buffers.
const GZIP_MEMORY: u64 = 512 << 10;
const ZSTD_MEMORY: u64 = 8 << 20;
/// Levels, both of them the libraries' usual ones.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;

/// Writes all records of `references` to `path`, in `width` residues a line, as gzip if the name ends in `.gz` and as
/// Zstandard if it ends in `.zst`, and publishes the file. Returns its length.
pub(super) fn export(references: &Database, path: &Path, width: u64) -> Result<u64> {
    let output = Unpublished::create(path)?;
    let options = ExportOptions { lines: Lines::Width(width), ..ExportOptions::default() };
    let failed = |error| Error::io(output.temporary(), "write")(error);
    let lease = |memory| references.budget().lease("compressing the references", memory);
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    match extension.to_str() {
        Some("gz") => {
            let _lease = lease(GZIP_MEMORY)?;
            let mut encoder = GzEncoder::new(&output, flate2::Compression::new(GZIP_LEVEL));
            references.export(&mut encoder, &options)?;
            encoder.finish().map_err(failed)?;
        }
        Some("zst") => {
            let _lease = lease(ZSTD_MEMORY)?;
            let mut encoder = zstd::stream::write::Encoder::new(&output, ZSTD_LEVEL).map_err(failed)?;
            encoder.include_checksum(true).map_err(failed)?;
            references.export(&mut encoder, &options)?;
            encoder.finish().map_err(failed)?;
        }
        _ => {
            let mut file = &output;
            references.export(&mut file, &options)?;
            file.flush().map_err(failed)?;
        }
    }
    let bytes = output.len();
    output.publish()?;
    Ok(bytes)
}
