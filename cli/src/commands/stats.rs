//! `talaria-db stats`: lengths, composition, sizes.

use clap::Args;
use serde_json::{Map, Value, json};
use talaria_db::read::stats::{QUANTILES, Statistics};
use talaria_db::{Column, Database};

use crate::exit::Exit;
use crate::failure::Result;
use crate::open::DatabaseFlags;
use crate::output::Output;
use crate::sizes;

/// Lengths, composition and sizes of a container
#[derive(Debug, Args)]
#[command(after_help = "\
N50: the largest length such that the records of at least that length hold half
of all residues. A quantile of 5 % is the smallest length that at least 5 % of
the records do not exceed. Shared copies count as often as they occur.

Examples:
  talaria-db stats uniref50.talaria
  talaria-db stats genome.talaria --json | jq .length.n50")]
pub(crate) struct StatsFlags {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseFlags,
}

impl StatsFlags {
    /// Counts and prints.
    pub(crate) fn run(&self) -> Result<Exit> {
        let database = self.database.open()?;
        self.database.start_threads()?;
        let monitor = self.database.start_monitor(None)?;
        let statistics = database.statistics()?;
        let sources = database.sources()?.iter().fold(0_u64, |sum, source| sum.saturating_add(source.byte_length));
        let report = Report { database: &database, statistics: &statistics, sources };
        let mut output = Output::stdout()?;
        if self.json {
            writeln!(output, "{:#}", report.json())?;
        } else {
            report.text(&mut output)?;
        }
        output.finish()?;
        monitor.finish_reading(&database)?;
        Ok(Exit::Done)
    }
}

struct Report<'r> {
    database: &'r Database,
    statistics: &'r Statistics,
    /// Bytes of all sources.
    sources: u64,
}

impl Report<'_> {
    fn json(&self) -> Value {
        let statistics = self.statistics;
        let quantiles: Map<String, Value> =
            QUANTILES.iter().zip(statistics.quantiles).map(|(at, length)| (at.to_string(), length.into())).collect();
        let composition: Map<String, Value> =
            self.letters().into_iter().map(|(letter, count)| (letter.to_string(), count.into())).collect();
        let sections: Map<String, Value> = self
            .database
            .container()
            .sections()
            .iter()
            .map(|section| (section.kind.rules().name.to_owned(), section.length.into()))
            .collect();
        let file = self.file();
        json!({
            "path": self.database.path().to_string_lossy(),
            "alphabet": self.database.alphabet().name(),
            "records": statistics.records,
            "residues": statistics.residues,
            "stored_residues": statistics.stored_residues,
            "shared_records": statistics.shared_records,
            "delta_records": statistics.delta_records,
            "references": statistics.references,
            "unrepresented": statistics.unrepresented,
            "irregular_records": statistics.irregular_records,
            "length": {
                "min": statistics.shortest,
                "mean": statistics.mean,
                "max": statistics.longest,
                "n50": statistics.n50,
                "quantiles": quantiles,
            },
            "composition": composition,
            "lower_case": statistics.lower_case(),
            "gc": self.gc(),
            "source_bytes": self.sources,
            "file_bytes": file,
            "ratio": if self.sources == 0 { Value::Null } else { (file as f64 / self.sources as f64).into() },
            "columns": self.database.columns_kept().iter().map(Column::name).collect::<Vec<_>>(),
            "sections": sections,
        })
    }

    fn text(&self, out: &mut Output) -> talaria_db::Result<()> {
        let statistics = self.statistics;
        let number = sizes::number;
        let mut line = |name: &str, value: String| writeln!(out, "{}", format!("{name:<20} {value}").trim_end());
        line("file", self.database.path().display().to_string())?;
        line("alphabet", self.database.alphabet().name().to_owned())?;
        line("records", number(statistics.records))?;
        line("  shared", number(statistics.shared_records))?;
        if statistics.delta_records > 0 {
            line("  deltas", number(statistics.delta_records))?;
        }
        if let Some(references) = statistics.references {
            line("  references", number(references))?;
        }
        if statistics.unrepresented > 0 {
            line("  unrepresented", number(statistics.unrepresented))?;
        }
        line("  irregular", number(statistics.irregular_records))?;
        line("residues", number(statistics.residues))?;
        let stored = sizes::percent(statistics.stored_residues, statistics.residues);
        line("  stored", format!("{} ({stored})", number(statistics.stored_residues)))?;
        let lower = statistics.lower_case();
        line("  lower case", format!("{} ({})", number(lower), sizes::percent(lower, statistics.residues)))?;
        if let Some(gc) = self.gc() {
            line("  GC", format!("{:.2} %", 100.0 * gc))?;
        }
        line("length", String::new())?;
        line("  minimum", number(statistics.shortest))?;
        let tenths = (10.0 * statistics.mean).round() as u64;
        line("  mean", format!("{}.{}", number(tenths / 10), tenths % 10))?;
        line("  maximum", number(statistics.longest))?;
        line("  N50", number(statistics.n50))?;
        for (at, length) in QUANTILES.into_iter().zip(statistics.quantiles) {
            line(&format!("  quantile {at} %"), number(length))?;
        }
        line("composition", String::new())?;
        for (letter, count) in self.letters() {
            let share = sizes::percent(count, statistics.composition.total());
            line(&format!("  {letter}"), format!("{} ({share})", number(count)))?;
        }
        let columns = self.database.columns_kept();
        if !columns.is_empty() {
            line("columns", columns.to_string())?;
        }
        let file = self.file();
        line("bytes", number(file))?;
        for section in self.database.container().sections() {
            let share = sizes::percent(section.length, file);
            line(&format!("  {}", section.kind.rules().name), format!("{} ({share})", number(section.length)))?;
        }
        line("bytes of sources", number(self.sources))?;
        line("ratio", sizes::percent(file, self.sources))
    }

    fn file(&self) -> u64 {
        self.database.container().header().file_length.get()
    }

    fn gc(&self) -> Option<f64> {
        self.database.alphabet().is_nucleotide().then(|| self.statistics.composition.gc())
    }

    /// What occurs and how often, the cases of a letter together; letters first.
    fn letters(&self) -> Vec<(char, u64)> {
        let composition = &self.statistics.composition;
        let letters = (b'A'..=b'Z').map(|letter| (letter, composition.letter(letter)));
        let others = (b'!'..=b'~').filter(|byte| !byte.is_ascii_alphabetic());
        let others = others.map(|other| (other, composition.count(other)));
        letters.chain(others).filter(|&(_, count)| count > 0).map(|(byte, count)| (char::from(byte), count)).collect()
    }
}
