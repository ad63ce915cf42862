//! `talaria-db stage write`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use talaria_db::Compression;
use talaria_db::reduce::Output;
use talaria_db::reduce::stage::Writing;

use super::{output, work};
use crate::commands::reduce::files::{is_fasta_name, with_suffix};
use crate::commands::reduce::report;
use crate::exit::Exit;
use crate::failure::Result;
use crate::target;
use crate::work::WorkFlags;

/// Write the reduced container of all shards, or FASTA of the references
#[derive(Debug, Args)]
pub(super) struct WriteFlags {
    /// The clusters, and all shards, in the order that their records are to have
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// The container or FASTA to write, as for `talaria-db reduce`
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// The table of clusters; OUT.clusters.tsv unless given
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    clusters: Option<PathBuf>,
    /// Writes the clusters in the form of CD-HIT too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    clstr: Option<PathBuf>,
    /// References only: the container does not hold the other records and cannot give them back
    #[arg(long)]
    no_deltas: bool,
    /// How residues are compressed: none, packed, lz4, zstd, zstd:LEVEL (1 to 22) or auto
    #[arg(long, value_name = "CODEC", default_value = "zstd:1", value_parser = target::codec)]
    codec: Compression,
    /// Residues a line of FASTA, 0 for one line
    #[arg(long, value_name = "N", default_value_t = 60)]
    line_width: u64,
    #[command(flatten)]
    work: WorkFlags,
}

impl WriteFlags {
    pub(super) fn run(&self) -> Result<Exit> {
        let path = output(&self.files, &self.output)?;
        let fasta = is_fasta_name(&path)?;
        let mut files = [&self.files[..], std::slice::from_ref(&path)].concat();
        let table = self.clusters.clone().unwrap_or_else(|| with_suffix(&self.output, ".clusters.tsv"));
        let mut checked = Vec::new();
        for other in std::iter::once(&table).chain(&self.clstr) {
            let other = target::check(&files, other)?;
            files.push(other.clone());
            checked.push(other);
        }
        let mut checked = checked.into_iter();
        let writing = Writing {
            clusters: checked.next(),
            clstr: checked.next(),
            references_only: self.no_deltas,
            compression: self.codec,
        };
        let target = if fasta { Output::Fasta(path, self.line_width) } else { Output::Container(path) };
        let report = work(&self.work, &self.files, |stage| stage.write(&self.files, target, &writing))?;
        if !self.work.quiet {
            report::say_references(&self.output, &report);
            report::say_clusters(&report);
        }
        Ok(Exit::Done)
    }
}
