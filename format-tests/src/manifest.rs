//! `fixtures/corpus/MANIFEST`: which files the corpora hold, and what each of them shows.
//!
//! One file a line: its path, the rules that it breaks (separated by commas) or `-`, and what it shows. The folder is
//! the kind.

use std::fmt::Write as _;

use crate::fixtures;

/// The file's name in the folder of the corpora.
pub const NAME: &str = "MANIFEST";

const HEAD: &str = "\
# The corpora: path, rules that the file breaks, what it shows. See format-tests/TESTING.md.
#
# accept/  sound, though no writer of version 1 makes it; the FASTA beside it is what it gives back
# compat/  written by a release, never edited, read for ever; the FASTA beside it is what it gives back
# reject/  refused when it is opened or by a full check, for exactly these rules
";

/// A line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// From the folder of the corpora, with `/`.
    pub path: String,
    /// The rules that are broken, sorted; none for sound files.
    pub rules: Vec<String>,
    /// What the file shows.
    pub shows: String,
}

impl Entry {
    /// The folder: `accept`, `compat` or `reject`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.path.split_once('/').map_or("", |(kind, _)| kind)
    }

    /// The container.
    #[must_use]
    pub fn container(&self) -> Vec<u8> {
        fixtures::read(&fixtures::corpus().join(&self.path))
    }

    /// The FASTA beside a sound container.
    #[must_use]
    pub fn fasta_path(&self) -> String {
        format!("{}.fa", self.path.strip_suffix(".talaria").expect("the name of a container"))
    }
}

/// The manifest as it is stored.
#[must_use]
pub fn read() -> Vec<Entry> {
    parse(&fixtures::read_text(&fixtures::corpus().join(NAME)))
}

/// The entries of a manifest.
#[must_use]
pub fn parse(text: &str) -> Vec<Entry> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(entry).collect()
}

fn entry(line: &str) -> Entry {
    let mut words = line.splitn(2, char::is_whitespace);
    let path = words.next().unwrap_or_default().to_owned();
    let (rules, shows) =
        words.next().map_or("", str::trim_start).split_once(char::is_whitespace).expect("three columns");
    let mut rules: Vec<String> = rules.split(',').filter(|rule| *rule != "-").map(str::to_owned).collect();
    rules.sort();
    Entry { path, rules, shows: shows.trim().to_owned() }
}

/// The text of a manifest.
#[must_use]
pub fn text(entries: &[Entry]) -> String {
    let width = entries.iter().map(|entry| entry.path.len()).max().unwrap_or(0);
    let mut text = HEAD.to_owned();
    let mut kind = "";
    for entry in entries {
        if entry.kind() != kind {
            kind = entry.kind();
            text.push('\n');
        }
        let rules = if entry.rules.is_empty() { "-".to_owned() } else { entry.rules.join(",") };
        writeln!(text, "{:width$}  {rules:7}  {}", entry.path, entry.shows).expect("text grows");
    }
    text
}
