//! `talaria-db reduce`: fewer sequences that stand for all of them.

mod estimate;
pub(super) mod files;
mod recorded;
pub(super) mod report;
mod selection;
pub(super) mod similarity;
mod summary;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use talaria_db::reduce::{Containment, Method, Preference, Reduction};
use talaria_db::write::publish::Unpublished;
use talaria_db::{Compression, Order};

use crate::ending;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::progress::Reporter;
use crate::target;
use crate::work::WorkFlags;

use self::recorded::{Given, Recorded};
use self::selection::SelectionFlags;
use self::similarity::SimilarityFlags;

/// Reduce a container or FASTA to fewer sequences that stand for all of them
#[derive(Debug, Args)]
#[command(after_help = "\
The result is a container that gives every original record back, or FASTA of the references alone if
OUT ends in .fasta, .fa, .faa, .fna or .ffn, with .gz or .zst after it if it is to be compressed.
Beside it goes a table of clusters, a line a record: representative, member, identity, coverage.
Records that no reference stands for come last, with - as their representative.

Methods:
  exact    records with the same residues (case counts) join the first of them
  cluster  records join a longer one that a verified alignment finds similar: --min-identity of the
           alignment's columns, gaps counted, over --coverage of their residues (BLOSUM62, or 2 and
           -3 for nucleotides; case does not count)
  select   references are chosen greedily by the residues that they newly cover, their own and those
           of records that are similar as for cluster, until nothing more can be covered, or until
           they have --ratio of all residues: the other records then belong to no reference, and the
           container alone has them
  contain  records whose residues occur wholly inside another one's, letter by letter, join the
           longest such one (case does not count, nor U for T); with preferences only one that is
           preferred as much or more

With --update, OUT has the records of OLD under their numbers and those of IN after them, and
`export` gives both back. Method and criteria are those that OLD was made with. Its references stay
references, and its members stay with them, as alike as OLD says. All is written again.

Examples:
  talaria-db reduce uniref100.talaria -o distinct.talaria
  talaria-db reduce -i proteins.fasta.gz -o distinct.fasta --low-memory
  talaria-db reduce uniref100.talaria -o uniref50.talaria --method cluster --min-identity 0.5
  talaria-db reduce --update uniref50.talaria this-month.fasta.gz -o uniref50.talaria
  talaria-db reduce contigs.fasta -o distinct.talaria --method contain --both-strands
  talaria-db reduce swissprot.fasta -o selected.talaria --method select -r 0.3 --taxon-map taxa.tsv
  talaria-db reduce uniref100.talaria -o uniref50.talaria --method cluster --max-memory 64M --estimate
  talaria-db export distinct.talaria --references > references.fasta")]
pub(crate) struct ReduceFlags {
    #[command(flatten)]
    input: InputFlags,
    /// The container or FASTA to write; what has this name is replaced once the new file is complete
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Goes on from an earlier result: records of IN join its references or become new ones, and all that was in it
    /// stays as it is. OUT may be OLD
    #[arg(long, value_name = "OLD", value_hint = ValueHint::FilePath)]
    update: Option<PathBuf>,
    /// How records are brought together [default: exact; with --update as OLD was made]
    #[arg(long, value_parser = ["exact", "cluster", "contain", "select"])]
    method: Option<String>,
    /// Let nucleotides join a record that their reverse complement is inside of (for --method contain)
    #[arg(long)]
    both_strands: bool,
    #[command(flatten, next_help_heading = "Similarity (for --method cluster and select)")]
    similarity: SimilarityFlags,
    #[command(flatten)]
    selection: SelectionFlags,
    /// Prefer records whose header holds this text as references; may be given several times, earlier ones are stronger
    #[arg(long, value_name = "TEXT")]
    prefer: Vec<OsString>,
    /// Prefer the records with these ids or other names, one a line, to all others
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    prefer_list: Option<PathBuf>,
    /// Prefer records of these taxa, by --taxon-map, to those that --prefer names; earlier ones are stronger
    #[arg(long, value_name = "TAXON", value_delimiter = ',', requires = "taxon_map")]
    prefer_taxon: Vec<String>,
    /// The table of clusters; OUT.clusters.tsv unless given
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    clusters: Option<PathBuf>,
    /// Writes the clusters in the form of CD-HIT too, without strands, and without records that no reference stands for
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    clstr: Option<PathBuf>,
    /// References only: the container does not hold the other records and cannot give them back
    #[arg(long)]
    no_deltas: bool,
    /// Says what memory, temporary files and sorted runs each stage would take at most, and reduces nothing
    #[arg(long)]
    estimate: bool,
    /// Keep the state of a clustering in this folder after each round, and go on from what an interrupted run of the
    /// same input and options left there
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    resume: Option<PathBuf>,
    /// Writes the report as JSON; with --estimate, the estimate
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    report: Option<PathBuf>,
    /// How residues are compressed: none, packed, lz4, zstd, zstd:LEVEL (1 to 22) or auto; as in the container, and
    /// zstd:1 from FASTA, unless given
    #[arg(long, value_name = "CODEC", value_parser = target::codec)]
    codec: Option<Compression>,
    /// The order in which residues lie, as for `build`; as in the container, and that of the input from FASTA, unless
    /// given
    #[arg(long, value_name = "ORDER", value_parser = target::order())]
    order: Option<Order>,
    /// Residues a line of FASTA, 0 for one line
    #[arg(long, value_name = "N", default_value_t = 60)]
    line_width: u64,
    #[command(flatten)]
    work: WorkFlags,
}

/// The input, in one of two ways.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct InputFlags {
    /// A container, or FASTA, plain or compressed; - is standard input
    #[arg(value_name = "IN", value_hint = ValueHint::FilePath)]
    positional: Option<PathBuf>,
    /// The same, for command lines that name it so
    #[arg(short, long, value_name = "IN", value_hint = ValueHint::FilePath)]
    input: Option<PathBuf>,
}

impl InputFlags {
    /// Whichever was given: clap sees to it that one is.
    fn path(&self) -> &Path {
        self.positional.as_deref().or(self.input.as_deref()).unwrap_or(Path::new("-"))
    }
}

impl ReduceFlags {
    fn method(&self) -> Result<Method> {
        let method = self.method.as_deref().unwrap_or("exact");
        if let Some(flag) = self.selection.given(!self.prefer_taxon.is_empty()).filter(|_| method != "select") {
            return Err(Failure::Usage(format!("{flag} goes with --method select")));
        }
        match (method, self.similarity.given()) {
            ("exact" | "cluster" | "select", _) if self.both_strands => {
                Err(Failure::Usage("--both-strands goes with --method contain".to_owned()))
            }
            ("contain", None) => Ok(Method::Contain(Containment { both_strands: self.both_strands })),
            ("cluster", _) => Ok(Method::Cluster(self.similarity.clustering())),
            ("select", _) => Ok(Method::Select(self.selection.selection(self.similarity.clustering()))),
            (_, None) => Ok(Method::Exact),
            (_, Some(flag)) => Err(Failure::Usage(format!("{flag} goes with --method cluster or select"))),
        }
    }

    fn preference(&self) -> Preference {
        let listed = self.prefer_list.iter().fold(Preference::default(), Preference::list);
        let listed = match &self.selection.taxon_map {
            Some(map) if !self.prefer_taxon.is_empty() => listed.taxa(map, &self.prefer_taxon),
            _ => listed,
        };
        self.prefer.iter().map(|text| text.as_bytes()).fold(listed, Preference::text)
    }

    /// Reduces.
    pub(crate) fn run(&self) -> Result<Exit> {
        ending::tidy();
        let files = self.files()?;
        let resources = self.work.resources()?;
        let recorded = match &self.update {
            Some(old) => {
                let prefers = !self.preference().is_empty();
                let given = Given { method: self.method.as_deref(), similarity: &self.similarity, prefers };
                Recorded::read(old, &given, &resources, self.work.quiet)?
            }
            None => None,
        };
        let no_deltas = self.no_deltas || recorded.as_ref().is_some_and(|recorded| recorded.no_deltas);
        let method = recorded.map_or_else(|| self.method(), |recorded| Ok(recorded.method))?;
        let interval = self.work.interval();
        let monitor = self.work.monitor.start(&resources, &files.all, self.work.voice())?;
        let reporter = if self.work.quiet { Reporter::Silent } else { Reporter::of_records(interval, monitor.words()) };
        let mut reduction = Reduction::new(self.input.path(), files.output.clone())
            .method(method)
            .clusters(&files.clusters)
            .references_only(no_deltas)
            .prefer(self.preference())
            .threads(resources.threads.map_or(0, usize::from))
            .memory(resources.settings.clone())
            .budget(resources.budget.clone())
            .progress(|stage, seen, total| reporter.show_records(stage, seen, total));
        if let Some(codec) = self.codec {
            reduction = reduction.compression(codec);
        }
        if let Some(order) = self.order {
            reduction = reduction.order(order);
        }
        if let Some(old) = &self.update {
            reduction = reduction.update(old);
        }
        if let Some(path) = &files.clstr {
            reduction = reduction.clstr(path);
        }
        if let Some(path) = self.selection.taxon_map.as_ref().filter(|_| matches!(method, Method::Select(_))) {
            reduction = reduction.taxa(path);
        }
        if let Some(folder) = &resources.tmp_dir {
            reduction = reduction.temporary_folder(folder);
        }
        if let Some(folder) = &self.resume {
            if self.update.is_some() || !matches!(method, Method::Cluster(_)) {
                return Err(Failure::Usage("--resume goes with --method cluster, without --update".to_owned()));
            }
            reduction = reduction.resume(folder);
        }
        if let Some(limit) = resources.max_spill {
            reduction = reduction.spill_limit(limit);
        }
        if self.estimate {
            let estimate = reduction.estimate()?;
            if let Some(path) = &files.report {
                write_json(path, &estimate::as_json(&estimate))?;
            }
            estimate::print(&estimate)?;
            resources.check("reduce", reduction.least_memory()?)?;
            estimate.check_space()?;
            return Ok(Exit::Done);
        }
        resources.check("reduce", reduction.least_memory()?)?;
        let report = reduction.run()?;
        drop(reduction);
        // A bar is cleared before anything else is said.
        drop(reporter);
        monitor.finish()?;
        if let Some(path) = &files.report {
            write_json(path, &report::as_json(&report))?;
        }
        if !self.work.quiet {
            self.summarize(&report, files.is_fasta());
            if report.method != Method::Exact {
                report::say_clusters(&report);
            }
        }
        Ok(Exit::Done)
    }
}

fn write_json(path: &Path, value: &serde_json::Value) -> Result<()> {
    let file = Unpublished::create(path)?;
    file.write_at(format!("{value:#}\n").as_bytes(), 0)?;
    file.publish()?;
    Ok(())
}
