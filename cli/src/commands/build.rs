//! `talaria-db build`: FASTA in, a container out.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};
use talaria_db::spec::alphabet::Alphabet;
use talaria_db::spec::forever::MAXIMUM_BLOCK;
use talaria_db::{BuildReport, Builder, Column, Compression, Order, Preset};

use crate::ending;
use crate::exit::Exit;
use crate::failure::Result;
use crate::message::say;
use crate::progress::Reporter;
use crate::resources::Resources;
use crate::sizes;
use crate::target;
use crate::work::WorkFlags;

/// Smallest block that the command makes; the format goes lower, to no one's advantage.
const SMALLEST_BLOCK: u32 = 4 << 10;

/// Build a container from FASTA, or of other containers
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  talaria-db build uniref50.fasta.gz -o uniref50.talaria
  talaria-db build chr*.fa -o genome.talaria --verify
  talaria-db build january.talaria february.fasta -o both.talaria
  talaria-db build contigs.fa -o contigs.talaria --columns gc,complexity
  talaria-db build nr.gz -o small.talaria --preset small
  zcat nr.gz | talaria-db build - -o nr.talaria --max-memory 8G --tmp-dir /scratch")]
pub(crate) struct BuildFlags {
    /// FASTA files, plain or compressed with gzip, Zstandard, xz or bzip2, or containers, whose sources are taken; - is
    /// standard input
    #[arg(value_name = "IN", required = true, value_hint = ValueHint::FilePath)]
    inputs: Vec<PathBuf>,
    /// The container; what has this name is replaced once the new file is complete
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Codec, block sizes, order and columns at once: fast (residues packed, columns not), balanced, or small (zstd:19,
    /// blocks of 256K, of nucleotides 4M, order by similarity). What is given beside it counts instead
    #[arg(long, value_name = "PRESET", default_value = "balanced", value_parser = preset())]
    preset: Preset,
    /// How residues are compressed: none, packed (two, four or five bits each), lz4, zstd, zstd:LEVEL (1 to 22), or
    /// auto (packed where zstd:1 takes off less than an eighth); zstd:1 unless given
    #[arg(long, value_name = "CODEC", value_parser = target::codec)]
    codec: Option<Compression>,
    /// Residues a block, a power of two from 4K to 8M; 16K for proteins and 128K for nucleotides unless given
    #[arg(long, value_name = "SIZE", value_parser = block_size)]
    block_size: Option<u32>,
    /// Bytes of header texts a block, a power of two from 4K to 8M; 4K unless given
    #[arg(long, value_name = "SIZE", value_parser = block_size)]
    text_block_size: Option<u32>,
    /// The order in which residues lie: that of the input (unless given), or similar ones next to each other, which
    /// takes a third to a half off their size and longer to build. Records keep their order and numbers
    #[arg(long, value_name = "ORDER", value_parser = target::order())]
    order: Option<Order>,
    /// Pack what is known of each record, and the index of names, into about a third of the bytes; so it is unless the
    /// preset is fast
    #[arg(long, value_name = "YES", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    packed_columns: Option<bool>,
    /// What the residues are
    #[arg(long, default_value = "auto", value_parser = alphabet())]
    alphabet: AlphabetChoice,
    /// Columns to keep of each record for the filters of `get` and `export`, 4 bytes each: the share of G and C, and
    /// how complex it is
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = column())]
    columns: Vec<Column>,
    /// Store identical sequences as often as they occur
    #[arg(long)]
    no_share: bool,
    /// Before the container gets its name, read all of it back and compare with the digests of the inputs
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    work: WorkFlags,
}

/// `auto` is none.
type AlphabetChoice = Option<Alphabet>;

impl BuildFlags {
    /// Builds.
    pub(crate) fn run(&self) -> Result<Exit> {
        ending::tidy();
        let output = target::check(&self.inputs, &self.output)?;
        let resources = self.work.resources()?;
        resources.check("build", self.builder(&output, &resources).least_memory())?;
        let interval = self.work.interval();
        let files = [&self.inputs[..], std::slice::from_ref(&output)].concat();
        let monitor = self.work.monitor.start(&resources, &files, self.work.voice())?;
        let reporter = if self.work.quiet { Reporter::Silent } else { Reporter::new(interval, monitor.words()) };
        let started = Instant::now();
        let report = self.builder(&output, &resources).progress(|progress| reporter.show(progress)).finish()?;
        // A bar is cleared before anything else is said.
        drop(reporter);
        monitor.finish()?;
        if !self.work.quiet {
            self.summarize(&report, started.elapsed());
        }
        Ok(Exit::Done)
    }

    fn builder<'p>(&self, output: &Path, resources: &Resources) -> Builder<'p> {
        let mut builder = Builder::new(output)
            .preset(self.preset)
            .share(!self.no_share)
            .columns(self.columns.iter().copied())
            .verify(self.verify)
            .threads(resources.threads.map_or(0, usize::from))
            .memory(resources.settings.clone())
            .budget(resources.budget.clone());
        for input in &self.inputs {
            builder = builder.add_file(input);
        }
        if let Some(codec) = self.codec {
            builder = builder.compression(codec);
        }
        if let Some(size) = self.block_size {
            builder = builder.block_size(size);
        }
        if let Some(size) = self.text_block_size {
            builder = builder.text_block_size(size);
        }
        if let Some(order) = self.order {
            builder = builder.order(order);
        }
        if let Some(packed) = self.packed_columns {
            builder = builder.packed_columns(packed);
        }
        if let Some(alphabet) = self.alphabet {
            builder = builder.alphabet(alphabet);
        }
        if let Some(folder) = &resources.tmp_dir {
            builder = builder.temporary_folder(folder);
        }
        if let Some(limit) = resources.max_spill {
            builder = builder.spill_limit(limit);
        }
        builder
    }

    fn summarize(&self, report: &BuildReport, time: Duration) {
        // Containers among the inputs have any number of sources.
        let named = self.inputs.len() == report.sources.len();
        for (number, source) in report.sources.iter().enumerate().filter(|(_, source)| source.record_count == 0) {
            match self.inputs.get(number).filter(|_| named) {
                Some(input) => say(format_args!("warning: {}: no records", input.display())),
                None => say(format_args!("warning: {}: no records", source.name)),
            }
        }
        let before: u64 = report.sources.iter().map(|source| source.byte_length).sum();
        let shared = match report.shared {
            0 => String::new(),
            count => format!(" ({} shared)", sizes::number(count)),
        };
        say(format_args!(
            "{}: {}{shared}, {}, {} of FASTA in {} ({}), {:.1} s, memory {}",
            self.output.display(),
            sizes::counted(report.records, "record"),
            sizes::counted(report.residues, "residue"),
            sizes::bytes(before),
            sizes::bytes(report.file_length),
            sizes::percent(report.file_length, before),
            time.as_secs_f64(),
            sizes::bytes(report.peak_memory),
        ));
        if report.placement.aware {
            say(format_args!("{}", report.placement));
        }
    }
}

fn block_size(text: &str) -> Result<u32, String> {
    let size = sizes::parse(text)?;
    match u32::try_from(size) {
        Ok(size) if size.is_power_of_two() && (SMALLEST_BLOCK..=MAXIMUM_BLOCK).contains(&size) => Ok(size),
        _ => Err("not a power of two from 4K to 8M".to_owned()),
    }
}

fn preset() -> impl TypedValueParser<Value = Preset> {
    let named = |name: String| Preset::ALL.into_iter().find(|preset| preset.name() == name);
    PossibleValuesParser::new(Preset::ALL.map(Preset::name)).try_map(move |name| named(name).ok_or("no such preset"))
}

fn column() -> impl TypedValueParser<Value = Column> {
    let named = |name: String| Column::ALL.into_iter().find(|column| column.name() == name);
    PossibleValuesParser::new(Column::ALL.map(Column::name)).try_map(move |name| named(name).ok_or("no such column"))
}

fn alphabet() -> impl TypedValueParser<Value = AlphabetChoice> {
    const CHOICES: [Alphabet; 3] = [Alphabet::Protein, Alphabet::Dna, Alphabet::Rna];
    let names = std::iter::once("auto").chain(CHOICES.map(Alphabet::name));
    PossibleValuesParser::new(names).map(|name| CHOICES.into_iter().find(|alphabet| alphabet.name() == name))
}
