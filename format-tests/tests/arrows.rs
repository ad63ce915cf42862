//! The architecture: arrows point from `cli` to `engine` to `spec`, unsafe code has one home, and who may print or
//! look around.

use std::collections::BTreeSet;

use talaria_db_format_tests::{fixtures, tree};

/// Members of the workspace, and which of them each depends on, tests included.
const ARROWS: [(&str, &[&str]); 4] = [
    ("spec", &[]),
    ("engine", &["talaria-db-spec"]),
    ("cli", &["talaria-db"]),
    ("format-tests", &["talaria-db", "talaria-db-spec"]),
];

/// The members that the manifest of a member depends on, in any section.
fn members_used(member: &str) -> BTreeSet<String> {
    let manifest = fixtures::read_text(&fixtures::workspace().join(member).join("Cargo.toml"));
    let mut in_dependencies = false;
    let mut used = BTreeSet::new();
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            in_dependencies = section.contains("dependencies");
            assert!(!section.contains("dependencies.talaria"), "{member}: write members in one line");
        } else if in_dependencies && line.starts_with("talaria-db") {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            used.insert(name.to_owned());
        }
    }
    used
}

/// Lines of code (no comments, no tests) of `member` that hold one of `words`, but for those that `is_allowed`.
fn lines_with(member: &str, words: &[&str], is_allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in tree::rust_files(member).iter().filter(|source| !is_allowed(&source.path)) {
        for (number, line) in source.code() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    found
}

const NOTHING: Vec<String> = Vec::new();

#[test]
fn dependencies_point_inward() {
    for (member, allowed) in ARROWS {
        let allowed: BTreeSet<String> = allowed.iter().map(|&name| name.to_owned()).collect();
        let used = members_used(member);
        assert!(used.is_subset(&allowed), "{member} depends on {used:?}");
        assert_eq!(used.is_empty(), allowed.is_empty(), "{member} has lost its arrow");
    }
}

#[test]
fn the_specification_does_no_input_or_output() {
    let library = fixtures::read_text(&fixtures::workspace().join("spec/src/lib.rs"));
    for line in ["#![no_std]", "#![forbid(unsafe_code)]"] {
        assert!(library.lines().any(|found| found == line), "spec/src/lib.rs has no {line}");
    }
    assert_eq!(lines_with("spec", &["std::"], |_| false), NOTHING);
    // For tests only: the line before it says so.
    let uses = library.lines().zip(library.lines().skip(1)).find(|(_, line)| line.contains("extern crate std"));
    assert_eq!(uses, Some(("#[cfg(test)]", "extern crate std;")));
}

#[test]
fn unsafe_code_has_one_home() {
    // Put together, so that this file has none of them.
    let words =
        ["unsafe @{", "unsafe @fn", "unsafe @impl", "unsafe @extern", "allow(@unsafe_code", "expect(@unsafe_code"]
            .map(|word| word.replace('@', ""));
    for member in ["spec", "engine", "cli", "format-tests", "benches"] {
        let is_home = |path: &str| path.starts_with("engine/src/sys/");
        let found: Vec<String> = tree::rust_files(member)
            .iter()
            .filter(|source| !is_home(&source.path))
            .flat_map(|source| {
                let hit = |(_, line): &(usize, &str)| {
                    !line.trim_start().starts_with("//") && words.iter().any(|word| line.contains(word.as_str()))
                };
                let shown = |(number, line): (usize, &str)| format!("{}:{number}: {}", source.path, line.trim());
                source.lines().filter(hit).map(shown).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(found, NOTHING);
    }
}

#[test]
fn the_engine_neither_prints_nor_reads_the_environment() {
    // Examples are programs of their own; the model of crashes and what plants faults are tests.
    let rooms =
        ["engine/examples/", "engine/src/write/crash/", "engine/src/write/fault_tests", "engine/src/read/fault_tests"];
    let is_example = |path: &str| rooms.iter().any(|room| path.starts_with(room));
    let printing = ["print!", "println!", "eprint!", "eprintln!", "dbg!", "io::stdout", "io::stderr"];
    assert_eq!(lines_with("engine", &printing, is_example), NOTHING);
    let environment =
        ["env::var", "env::vars", "env::args", "env::home_dir", "env::temp_dir", "env::current_dir", "env::set_"];
    assert_eq!(lines_with("engine", &environment, is_example), NOTHING);
    assert_eq!(lines_with("spec", &[&printing[..], &environment].concat(), |_| false), NOTHING);
}

/// What `engine/MEMORY.md` names is there: tests, results, scripts.
#[test]
fn the_page_on_memory_names_files_that_exist() {
    let root = fixtures::workspace();
    let page = fixtures::read_text(&root.join("engine/MEMORY.md"));
    let names = page.split('`').skip(1).step_by(2);
    let files: Vec<&str> =
        names.filter(|name| name.contains('/') && !name.contains(' ') && name.contains('.')).collect();
    assert!(files.len() > 30, "{}", files.len());
    for file in files {
        assert!(root.join(file).is_file(), "{file}");
    }
}
