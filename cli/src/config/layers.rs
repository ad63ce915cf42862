//! Where values come from, and the layers that they come in: a file, the environment, the command line, each above the
//! one before.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::keys::{Key, Setting};
use crate::config::value::Value;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody said anything.
    Default,
    /// A profile, and where that was named.
    Profile(String, Box<Self>),
    /// A line of a file, from 1.
    File(Arc<PathBuf>, usize),
    /// A variable.
    Environment(String),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::Profile(profile, origin) => write!(out, "profile {profile} ({origin})"),
            Self::File(path, line) => write!(out, "{}:{line}", path.display()),
            Self::Environment(name) => write!(out, "environment {name}"),
            Self::Flag(name) => write!(out, "flag {name}"),
        }
    }
}

/// What is wrong with a configuration, and where. Displays as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    at: String,
    reason: String,
}

impl Problem {
    /// `reason` at `at`. Control characters of either, which names of keys and variables may have, are escaped.
    pub(crate) fn new(at: impl fmt::Display, reason: impl Into<String>) -> Self {
        Self { at: on_one_line(at.to_string()), reason: on_one_line(reason.into()) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.at, self.reason)
    }
}

fn on_one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

/// A value that somebody gave a key.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: &'static Key,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// What one of the places says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer {
    pub(crate) entries: Vec<Entry>,
}

impl Layer {
    /// Adds a value.
    pub(crate) fn add(&mut self, path: &str, value: Value, origin: Origin) {
        // Callers name keys of the table; a unit test sets every flag.
        if let Some(key) = Key::find(path) {
            self.entries.push(Entry { key, value, origin });
        }
    }

    /// Whether it puts the keys of low-memory mode in force, or out of it.
    pub(crate) fn low_memory(&self) -> Option<bool> {
        let entry = self.entries.iter().find(|entry| entry.key.path == "memory.low_memory.enabled")?;
        Some(entry.value == Value::Switch(true))
    }

    /// What it asks for: settings with their values. `low_memory` says whether the keys of that mode count.
    pub(crate) fn asked(&self, low_memory: bool) -> impl Iterator<Item = (Setting, Value, &Entry)> {
        self.entries
            .iter()
            .filter(move |entry| low_memory || !entry.key.path.starts_with("memory.low_memory."))
            .filter_map(|entry| Some((entry.key.setting()?, entry.key.meaning(&entry.value)?, entry)))
    }

    /// Keys of one setting with different values.
    pub(crate) fn conflicts(&self, low_memory: bool) -> Vec<Problem> {
        let asked: Vec<_> = self.asked(low_memory).collect();
        let mut problems = Vec::new();
        for (at, (setting, value, entry)) in asked.iter().enumerate() {
            let Some((_, _, first)) = asked[..at].iter().find(|(other, theirs, _)| other == setting && theirs != value)
            else {
                continue;
            };
            let written = |entry: &Entry| format!("{} = {}", entry.key.path, entry.value.written(entry.key.kind));
            let reason =
                format!("{}, but {} ({}) means the same setting", written(entry), written(first), first.origin);
            problems.push(Problem::new(&entry.origin, reason));
        }
        problems
    }
}
