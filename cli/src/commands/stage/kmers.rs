//! `talaria-db stage kmers`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{output, summarize, work};
use crate::commands::reduce::similarity::SimilarityFlags;
use crate::exit::Exit;
use crate::failure::Result;
use crate::sizes;
use crate::work::WorkFlags;

/// Write the words of one shard, and what ranks its records among those of others
#[derive(Debug, Args)]
pub(super) struct KmersFlags {
    /// The shard, a container
    #[arg(value_name = "SHARD", value_hint = ValueHint::FilePath)]
    shard: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    #[command(flatten, next_help_heading = "Similarity (the same for all shards)")]
    similarity: SimilarityFlags,
    #[command(flatten)]
    work: WorkFlags,
}

impl KmersFlags {
    pub(super) fn run(&self) -> Result<Exit> {
        let files = std::slice::from_ref(&self.shard);
        let path = output(files, &self.output)?;
        let clustering = self.similarity.clustering();
        let summary = work(&self.work, files, |stage| stage.kmers(&self.shard, clustering, &path))?;
        summarize(&self.work, &self.output, &summary, &sizes::counted(summary.words, "word"));
        Ok(Exit::Done)
    }
}
