//! The source code of the workspace, as the tests of evidence and of arrows read it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fixtures;

/// A source file: its path from the root of the workspace, and its text.
#[derive(Debug)]
pub struct Source {
    /// With `/` between folders.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// All Rust files of a member, sorted by path.
#[must_use]
pub fn rust_files(member: &str) -> Vec<Source> {
    let root = fixtures::workspace();
    let mut paths = Vec::new();
    walk(&root.join(member), &mut paths);
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(&root).unwrap().to_str().expect("UTF-8").replace('\\', "/");
    paths.iter().map(|path| Source { path: relative(path), text: fixtures::read_text(path) }).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            // A build folder below a member is nobody's source.
            if path.file_name().is_some_and(|name| name != "target") {
                walk(&path, paths);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

impl Source {
    /// Lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The number of the first line of test code: 1 in a file of tests, else that of `#[cfg(test)]`, which modules
    /// have at their end.
    #[must_use]
    pub fn tests_from(&self) -> usize {
        let is_test = |part: &str| matches!(part, "tests" | "format-tests" | "benches") || part == "tests.rs";
        if self.path.split('/').any(is_test) {
            return 1;
        }
        // A declaration of a module in another file, `#[cfg(test)] mod tests;`, is no test code.
        let lines: Vec<&str> = self.text.lines().collect();
        let opens = |index: &usize| {
            lines[*index].trim() == "#[cfg(test)]"
                && lines.get(index + 1).is_some_and(|next| next.trim_end().ends_with('{'))
        };
        (0..lines.len()).find(opens).map_or(usize::MAX, |index| index + 1)
    }

    /// Lines that are neither comments nor test code, with their numbers.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.tests_from();
        self.lines().filter(move |&(number, line)| number < end && !line.trim_start().starts_with("//"))
    }
}
