//! An embedded storage engine for biological sequence databases.
//!
//! FASTA goes in once, through a [`Builder`]; what comes out is one sealed, checksummed file, which a [`Database`] maps
//! into memory and reads in place: records by name or number, regions, batches, parallel scans, and the very bytes that
//! went in.
//!
//! ```
//! use talaria_db::{Builder, Database};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (fasta, path) = (folder.path().join("proteins.fasta"), folder.path().join("proteins.talaria"));
//! std::fs::write(&fasta, ">sp|P69905|HBA_HUMAN Hemoglobin\nMVLSPADKTNVKAAW\n>sp|P68871|HBB_HUMAN\nMVHLTPEEK\n")?;
//! Builder::new(&path).add_fasta(&fasta).finish()?;
//!
//! let database = Database::open(&path)?;
//! let records = database.get("HBA_HUMAN")?;
//! assert_eq!(records[0].sequence().as_bytes(), b"MVLSPADKTNVKAAW");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - Everything that is read is compared with a checksum first; a name is compared with the record's own header. A
//!   damaged or hostile file gives an [`Error`], not a wrong residue.
//! - All memory whose size depends on data is leased from a [`memory::budget::Budget`]; what does not fit is spilled to
//!   temporary files.
//! - The engine never prints, and never reads the environment or a configuration file.
//!
//! How to see where memory goes is in `PROFILING.md` of this crate.
//!
//! The format is specified in `FORMAT.md` of the crate [`spec`].

pub mod align;
pub mod column;
pub mod database;
pub mod error;
pub mod fasta;
pub mod memory;
pub mod options;
#[cfg(test)]
mod planted;
pub mod read;
pub mod reduce;
pub mod sys;
pub mod threads;
pub mod write;

pub use column::{Column, Columns};
pub use database::Database;
pub use error::{Error, Result};
pub use options::OpenOptions;
pub use read::record::Record;
pub use read::shared::SharedSequence;
pub use talaria_db_spec as spec;
pub use write::builder::{BuildReport, Builder, Progress};
pub use write::encode::Compression;
pub use write::place::Order;
pub use write::preset::Preset;
