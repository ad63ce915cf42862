//! `talaria-db stage`: the stages of a clustering, each over one shard or one partition, with files in and out.

mod cover;
mod edges;
mod kmers;
mod verify;
mod write;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use talaria_db::reduce::stage::{Partition, Stage, StageSummary};

use crate::ending;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::message::say;
use crate::progress::Reporter;
use crate::resources::Resources;
use crate::sizes;
use crate::target;
use crate::work::WorkFlags;

/// Run one stage of a clustering over one shard or partition, with files in and out
#[derive(Debug, Args)]
#[command(after_help = "\
For clusters of machines: each stage can run as soon as the files that it reads are there, and reads
them in any order. The result is that of `talaria-db reduce --method cluster` over all shards, to
the byte. Shards are containers. Files of other stages are told apart by what they hold; those that
do not go together, are damaged or are missing are refused by name.

  kmers   SHARD                    the words of a shard          one run for each shard
  edges   KMERS...                 pairs that share words        one run for each part of all words
  verify  SHARD... KMERS... EDGES...  pairs that are similar     one run for each part of all records
  cover   KMERS... LINKS...        who joins whom                one run
  write   SHARD... CLUSTERS        the reduced container         one run

Identities are from 0.65 for proteins and 0.85 for nucleotides on; below, clusterings take several
rounds, and `reduce` alone does them.

Examples:
  for i in 1 2 3 4; do talaria-db stage kmers $i.talaria -o $i.kmers --min-identity 0.9; done
  for i in 1 2; do talaria-db stage edges *.kmers -o $i.edges --partition $i/2; done
  for i in 1 2 3; do talaria-db stage verify ?.talaria *.kmers *.edges -o $i.links --partition $i/3; done
  talaria-db stage cover *.kmers *.links -o all.clusters
  talaria-db stage write ?.talaria all.clusters -o reduced.talaria")]
pub(crate) struct StageFlags {
    #[command(subcommand)]
    action: Action,
}

/// Which one.
#[derive(Debug, Subcommand)]
enum Action {
    Kmers(kmers::KmersFlags),
    Edges(edges::EdgesFlags),
    Verify(verify::VerifyFlags),
    Cover(cover::CoverFlags),
    Write(write::WriteFlags),
}

impl StageFlags {
    /// Runs it.
    pub(crate) fn run(&self) -> Result<Exit> {
        ending::tidy();
        match &self.action {
            Action::Kmers(flags) => flags.run(),
            Action::Edges(flags) => flags.run(),
            Action::Verify(flags) => flags.run(),
            Action::Cover(flags) => flags.run(),
            Action::Write(flags) => flags.run(),
        }
    }
}

/// A part, as `--partition` has it.
fn partition(text: &str) -> Result<Partition, String> {
    Partition::parse(text).map_err(|error| error.to_string())
}

/// The output of a stage, which is none of its inputs.
fn output(inputs: &[PathBuf], output: &Path) -> Result<PathBuf> {
    if inputs.iter().any(|input| input.as_os_str() == "-") {
        return Err(Failure::Usage("stages read files, not standard input".to_owned()));
    }
    target::check(inputs, output)
}

/// Runs a stage with what the flags say, and reports.
fn work<T>(flags: &WorkFlags, files: &[PathBuf], stage: impl FnOnce(&Stage<'_>) -> talaria_db::Result<T>) -> Result<T> {
    let resources = flags.resources()?;
    let monitor = flags.monitor.start(&resources, files, flags.voice())?;
    let reporter = if flags.quiet { Reporter::Silent } else { Reporter::of_records(flags.interval(), monitor.words()) };
    let with = configured(&resources).progress(|stage, seen, total| reporter.show_records(stage, seen, total));
    let done = stage(&with)?;
    drop(with);
    // A bar is cleared before anything else is said.
    drop(reporter);
    monitor.finish()?;
    Ok(done)
}

fn configured<'p>(resources: &Resources) -> Stage<'p> {
    let mut stage = Stage::new()
        .threads(resources.threads.map_or(0, usize::from))
        .memory(resources.settings.clone())
        .budget(resources.budget.clone());
    if let Some(folder) = &resources.tmp_dir {
        stage = stage.temporary_folder(folder);
    }
    if let Some(limit) = resources.max_spill {
        stage = stage.spill_limit(limit);
    }
    stage
}

/// What a stage that makes a file for others came to.
fn summarize(flags: &WorkFlags, output: &Path, summary: &StageSummary, what: &str) {
    if !flags.quiet {
        say(format_args!(
            "{}: {}, {what}, memory {}",
            output.display(),
            sizes::counted(summary.records, "record"),
            sizes::bytes(summary.peak_memory)
        ));
    }
}
