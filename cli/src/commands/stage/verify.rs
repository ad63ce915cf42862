//! `talaria-db stage verify`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use talaria_db::reduce::stage::Partition;

use super::{output, partition, summarize, work};
use crate::exit::Exit;
use crate::failure::Result;
use crate::sizes;
use crate::work::WorkFlags;

/// Align the pairs of a part of all records, and write which are similar
#[derive(Debug, Args)]
pub(super) struct VerifyFlags {
    /// All shards, the words of each, and all parts of the pairs, in any order
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// The file to write
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Which part of the records, of how many; the parts have as many residues each
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = partition)]
    partition: Partition,
    #[command(flatten)]
    work: WorkFlags,
}

impl VerifyFlags {
    pub(super) fn run(&self) -> Result<Exit> {
        let path = output(&self.files, &self.output)?;
        let summary = work(&self.work, &self.files, |stage| stage.verify(&self.files, self.partition, &path))?;
        let links = sizes::counted(summary.pairs, "link");
        summarize(&self.work, &self.output, &summary, &format!("part {}, {links}", self.partition));
        Ok(Exit::Done)
    }
}
