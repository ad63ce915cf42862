//! `talaria-db config`: what is in force and from where, what is wrong with a file, and an example of one.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use serde_json::{Value as Json, json};

use crate::config::keys::Setting;
use crate::config::resolve::{Configuration, Limit};
use crate::config::show::{self, Row};
use crate::config::value::short_size;
use crate::config::{self, Choice, example};
use crate::exit::Exit;
use crate::failure::Result;
use crate::memory::{self, Found, SHARE};
use crate::message::say;
use crate::output::Output;
use crate::resources::{MemoryFlags, SpillFlags};
use crate::sizes;
use crate::threads::ThreadFlags;

/// Show, check or explain the configuration
#[derive(Debug, Args)]
#[command(after_help = "\
A value comes from the first of these that has it: a flag, a variable TALARIA_... (one for every
key, with _ for .), the configuration file, a default. A profile lies beneath the other values of
the place that names it.

Examples:
  talaria-db config show
  talaria-db config show --low-memory --max-memory 2G --json
  talaria-db config check job.toml
  talaria-db config example > ~/.config/talaria-db/config.toml")]
pub(crate) struct ConfigFlags {
    #[command(subcommand)]
    action: Action,
}

/// What to do with it.
#[derive(Debug, Subcommand)]
enum Action {
    /// Print every key with the value in force, and where that comes from
    Show(ShowFlags),
    /// Print all that is wrong with a configuration file, and with how it goes with the environment
    Check(CheckFlags),
    /// Print a configuration file with every key and its default, commented out
    Example,
}

#[derive(Debug, Args)]
struct ShowFlags {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    memory: MemoryFlags,
    #[command(flatten)]
    threads: ThreadFlags,
    #[command(flatten)]
    spill: SpillFlags,
}

#[derive(Debug, Args)]
struct CheckFlags {
    /// The file; the one that commands would read unless given
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
}

impl ConfigFlags {
    /// Does it.
    pub(crate) fn run(&self) -> Result<Exit> {
        match &self.action {
            Action::Show(flags) => flags.run(),
            Action::Check(flags) => flags.run(),
            Action::Example => {
                let mut output = Output::stdout()?;
                output.bytes(example::text().as_bytes())?;
                output.finish()?;
                Ok(Exit::Done)
            }
        }
    }
}

impl CheckFlags {
    fn run(&self) -> Result<Exit> {
        let choice = self.file.as_deref().map_or(Choice::Usual, Choice::Named);
        let problems = config::check(choice)?;
        for problem in &problems {
            say(format_args!("{problem}"));
        }
        Ok(if problems.is_empty() { Exit::Done } else { Exit::Usage })
    }
}

impl ShowFlags {
    fn run(&self) -> Result<Exit> {
        let configuration = self.memory.configuration(Some(&self.spill), self.threads.given())?;
        let variable = std::env::var("TALARIA_MAX_MEMORY").ok();
        let found = memory::find(&configuration.resolved().limit, variable.as_deref(), memory::available)?;
        let rows = show::rows(&configuration);
        let mut output = Output::stdout()?;
        if self.json {
            let keys: Vec<Json> = rows.iter().map(Row::json).collect();
            let limit = json!({ "bytes": found.bytes, "source": source(&configuration), "of": of(&found) });
            writeln!(output, "{:#}", json!({ "limit": limit, "keys": keys }))?;
        } else {
            let asked = described(&configuration, &found);
            writeln!(output, "limit: {} ({}), {asked}", sizes::bytes(found.bytes), short_size(found.bytes))?;
            table(&mut output, &rows)?;
        }
        output.finish()?;
        Ok(Exit::Done)
    }
}

/// Who asked for the limit.
fn source(configuration: &Configuration) -> String {
    configuration.get(Setting::Limit).map_or_else(|| "default".to_owned(), |in_force| in_force.origin.to_string())
}

fn of(found: &Found) -> Json {
    found.of.as_ref().map_or(Json::Null, |of| json!({ "bytes": of.bytes, "source": of.source }))
}

fn described(configuration: &Configuration, found: &Found) -> String {
    let source = source(configuration);
    let Some(of) = &found.of else { return source };
    let of = format!("{} ({})", sizes::bytes(of.bytes), of.source);
    match configuration.resolved().limit {
        Limit::Percentage(text) => format!("{source}: {text} of {of}"),
        Limit::AtMost(most) => format!("{source}: a quarter of {of}, at most {}", short_size(most)),
        _ => format!("{source}: one part in {SHARE} of {of}"),
    }
}

fn table(output: &mut Output, rows: &[Row]) -> Result<()> {
    let cells: Vec<[String; 4]> = rows
        .iter()
        .map(|row| {
            [row.key.path.to_owned(), row.written(), row.origin.to_string(), row.note.clone().unwrap_or_default()]
        })
        .collect();
    let width = |column: usize| cells.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for [key, value, source, note] in &cells {
        let [first, second, third] = widths;
        let line = format!("{key:first$}  {value:second$}  {source:third$}  {note}");
        writeln!(output, "{}", line.trim_end())?;
    }
    Ok(())
}
