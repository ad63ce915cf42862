//! `talaria-db stage edges`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use talaria_db::reduce::stage::Partition;

use super::{output, partition, summarize, work};
use crate::exit::Exit;
use crate::failure::Result;
use crate::sizes;
use crate::work::WorkFlags;

/// Write the pairs of records that share words, of a part of all words
#[derive(Debug, Args)]
pub(super) struct EdgesFlags {
    /// The words of all shards
    #[arg(value_name = "KMERS", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// The file to write
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Which part of the words, of how many
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = partition)]
    partition: Partition,
    #[command(flatten)]
    work: WorkFlags,
}

impl EdgesFlags {
    pub(super) fn run(&self) -> Result<Exit> {
        let path = output(&self.files, &self.output)?;
        let summary = work(&self.work, &self.files, |stage| stage.edges(&self.files, self.partition, &path))?;
        let cut = match summary.cut_groups {
            0 => String::new(),
            count => format!(
                ", {} with too many records to be compared at once: cut into parts",
                sizes::counted(count, "word")
            ),
        };
        let counts = [sizes::counted(summary.words, "word"), sizes::counted(summary.pairs, "pair")].join(" and ");
        summarize(&self.work, &self.output, &summary, &format!("part {}, {counts} compared{cut}", self.partition));
        Ok(Exit::Done)
    }
}
