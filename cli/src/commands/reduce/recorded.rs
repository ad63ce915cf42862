//! How the result of a reduction was made, by the last command in its provenance, so that an update goes on in the same
//! way.

use std::path::Path;

use clap::Parser;
use talaria_db::reduce::Method;
use talaria_db::{Database, OpenOptions};

use crate::failure::{Failure, Result};
use crate::message::say;
use crate::open;
use crate::resources::Resources;

use super::similarity::SimilarityFlags;

/// A reduction's command as provenance has it.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Command {
    #[arg(long)]
    update: bool,
    #[arg(long)]
    method: String,
    #[command(flatten)]
    similarity: SimilarityFlags,
    #[arg(long)]
    prefer: Vec<String>,
    /// The name of the list is not kept.
    #[arg(long)]
    prefer_list: bool,
    #[arg(long)]
    no_deltas: bool,
    #[arg(long)]
    codec: Option<String>,
}

/// What an update takes over.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) method: Method,
    /// Whether it holds references only.
    pub(super) no_deltas: bool,
}

/// What the command line says of the same.
pub(super) struct Given<'g> {
    pub(super) method: Option<&'g str>,
    pub(super) similarity: &'g SimilarityFlags,
    pub(super) prefers: bool,
}

impl Recorded {
    /// Reads it, and says what is taken over. None if the container is not what a reduction made.
    ///
    /// # Errors
    /// [`Failure::Usage`] if the command line contradicts it, or an update cannot go on from it; what is wrong with the
    /// container.
    pub(super) fn read(path: &Path, given: &Given<'_>, resources: &Resources, quiet: bool) -> Result<Option<Self>> {
        let options = OpenOptions::new().memory(resources.settings_with_cache(0)).budget(resources.budget.clone());
        let database = options.open(path).map_err(|error| open::explained(path, error))?;
        let Some(text) = last_reduction(&database)? else { return Ok(None) };
        let refused = |reason: String| Failure::Usage(format!("{}: {reason}", path.display()));
        let words = words(&text);
        let command = Command::try_parse_from(&words)
            .map_err(|_| refused(format!("it was made in a way that an update does not know: reduce {text}")))?;
        if let Some(other) = given.method.filter(|method| *method != command.method && command.method != "given") {
            return Err(refused(format!("it was made by --method {}, not {other}", command.method)));
        }
        let method = match command.method.as_str() {
            "exact" => Method::Exact,
            "cluster" => Method::Cluster(command.similarity.clustering()),
            // Nobody knows how those clusters were found.
            "given" if given.method.is_some() => return Ok(None),
            "given" => {
                let reason = "its clusters were given by another program: say by --method how new records join them";
                return Err(refused(reason.to_owned()));
            }
            other => return Err(refused(format!("it was made by --method {other}, which has no updates"))),
        };
        if let Some(flag) = given.similarity.contradiction(&command.similarity) {
            let made = words.iter().take_while(|word| *word != "--codec").map(String::as_str).collect::<Vec<_>>();
            return Err(refused(format!("{flag} contradicts how it was made: {}", made.join(" "))));
        }
        if !quiet {
            let of_method: Vec<&str> = words.iter().map(String::as_str).collect();
            say(format_args!("{}: goes on with {}", path.display(), taken_over(&of_method)));
            if (command.prefer_list || !command.prefer.is_empty()) && !given.prefers {
                let hint = "what it preferred is not taken over; give --prefer again for new records";
                say(format_args!("{}: {hint}", path.display()));
            }
        }
        Ok(Some(Self { method, no_deltas: command.no_deltas }))
    }
}

/// The words of a command that an update takes over.
fn taken_over(words: &[&str]) -> String {
    let (mut kept, mut words) = (Vec::new(), words.iter());
    while let Some(&word) = words.next() {
        match word {
            "--update" | "--prefer-list" => {}
            "--prefer" | "--codec" => drop(words.next()),
            _ => kept.push(word),
        }
    }
    kept.join(" ")
}

/// The flags of the last command, if that is a reduction.
fn last_reduction(database: &Database) -> Result<Option<String>> {
    let provenance = database.provenance()?;
    let last = provenance.into_iter().filter(|(key, _)| key == "command").map(|(_, command)| command).next_back();
    Ok(last.and_then(|command| command.strip_prefix("reduce ").map(str::to_owned)))
}

/// The words of a command, some of which are in quotes, in which a backslash goes before the letter that it escapes.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => quoted = !quoted,
            '\\' if quoted => word.extend(letters.next()),
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_as_provenance_has_them() {
        let text = r#"--update --method cluster --min-identity 0.5 --coverage 1 --cov-mode both --prefer-list --prefer "a \"b\" -" --no-deltas --codec zstd:1"#;
        let command = Command::try_parse_from(words(text)).unwrap();
        assert_eq!((command.prefer, command.no_deltas), (vec![r#"a "b" -"#.to_owned()], true));
        let clustering = command.similarity.clustering();
        assert_eq!((clustering.criterion.identity, clustering.criterion.coverage), (5_000, 10_000));
        let all = words(text);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let kept = "--method cluster --min-identity 0.5 --coverage 1 --cov-mode both --no-deltas";
        assert_eq!(taken_over(&all), kept);
        assert!(Command::try_parse_from(words("--method exact --later 7")).is_err());
    }
}
