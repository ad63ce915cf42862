//! `talaria-db expand`: hits on references become hits on the records that they stand for.

mod hits;
pub(super) mod ids;
mod lines;

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::exit::Exit;
use crate::failure::Result;
use crate::message::say;
use crate::open::{DatabaseFlags, Named};
use crate::output::Output;
use crate::sizes;
use hits::Expander;
use lines::Lines;

/// Turn hits on references into hits on the members of their clusters
#[derive(Debug, Args)]
#[command(after_help = "\
HITS is a table of BLAST (-outfmt 6 or 7), DIAMOND or MMseqs2: columns with tabs
between them, the subject's id in the second. Each hit on a reference becomes a
hit on each record of its cluster, the reference first; all other columns are as
they were, so scores and positions are those of the reference. A hit on a record
that another one stands for, or none, stays as it is; if none does, appended
columns are empty. Comments (#) and blank lines pass
through. DB is the result of `talaria-db reduce`; subjects are found as by
`talaria-db get`.

Examples:
  talaria-db expand hits.tsv -d uniref50.talaria > all.tsv
  diamond blastp -d references -q queries.fa | talaria-db expand - -d uniref50.talaria
  talaria-db expand hits.tsv.gz -d uniref50.talaria --columns representative,identity")]
pub(crate) struct ExpandFlags {
    /// The hits, plain or compressed; - is standard input
    #[arg(value_name = "HITS", value_hint = ValueHint::FilePath)]
    hits: PathBuf,
    /// Columns to append
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    columns: Vec<Column>,
    /// What becomes of a hit on a subject that is not in DB
    #[arg(long, value_enum, default_value_t)]
    unknown: Unknown,
    #[command(flatten)]
    database: DatabaseFlags<Named>,
}

/// A column that is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Column {
    /// The id of the reference that was hit
    Representative,
    /// Of member and reference
    Identity,
    /// Of member and reference
    Coverage,
}

/// What becomes of a hit on an unknown subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Unknown {
    /// Give up there
    #[default]
    Fail,
    /// Leave it as it is; appended columns are empty
    Keep,
    /// Leave it out
    Drop,
}

impl ExpandFlags {
    /// Expands.
    pub(crate) fn run(&self) -> Result<Exit> {
        let database = self.database.open()?;
        self.database.start_threads()?;
        let monitor = self.database.start_monitor(Some(&self.hits))?;
        let clusters = database.clusters()?;
        let mut lines = Lines::open(&self.hits, database.memory(), database.budget())?;
        let mut expander = Expander::new(&database, clusters, Output::stdout()?, &self.columns, self.unknown);
        while let Some((first, batch)) = lines.next_batch()? {
            expander.expand(first, &batch, &lines)?;
        }
        let unknown = expander.finish()?;
        if unknown > 0 {
            let what = if self.unknown == Unknown::Keep { "left as they are" } else { "left out" };
            say(format_args!("{} on subjects that are not in the container: {what}", sizes::counted(unknown, "hit")));
        }
        monitor.finish_reading(&database)?;
        Ok(Exit::Done)
    }
}
