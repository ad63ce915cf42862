//! A second reader, `second_reader.py`, which was written from `FORMAT.md` alone: does it answer as the first one does,
//! and refuse the same files?
//!
//! It needs Python 3.9 or later, and Zstandard in it (3.14) or the program `zstd`. Without them these tests say so and
//! pass.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "in the helpers of tests a fault is a failed test, and what is skipped is said"
)]

mod changed;
mod packed;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use sha2::{Digest, Sha256};
use talaria_db::Database;
use talaria_db::read::export::ExportOptions;
use talaria_db::read::storage::Access;
use talaria_db_format_tests::draft::Draft;
use talaria_db_format_tests::{fixtures, ladder, manifest, outcome};
use talaria_db_spec::keys;
use talaria_db_spec::section::SectionKind;

/// Files of the reject corpus that it refuses for another rule than the manifest names, and why. There is no rule that
/// it does not check.
const ANOTHER_RULE: [(&str, &str, &str); 1] = [("b-4-snappy", "B-5", "it reads Snappy, and this is none")];

fn script() -> PathBuf {
    fixtures::workspace().join("format-tests/second_reader.py")
}

/// Whether it can run here. If not, says why.
fn is_there() -> bool {
    let runs = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    let missing = if !runs("python3", &["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]) {
        "no python3 of 3.9 or later"
    } else if !runs("python3", &["-c", "import compression.zstd"]) && !runs("zstd", &["--version"]) {
        "neither Zstandard in python3 nor the program zstd"
    } else {
        return true;
    };
    eprintln!("skipped: the second reader cannot run here: {missing}");
    false
}

/// What it says of files, in one process: for each the first broken rule, or the lines that follow.
fn ask(command: &str, files: &[PathBuf]) -> Vec<Result<Vec<String>, String>> {
    let output = Command::new("python3").arg(script()).arg(command).args(files).output().expect("python3");
    let said = String::from_utf8(output.stdout).unwrap();
    let mut files = files.iter().map(|file| format!("{}: ", file.display())).peekable();
    let mut answers = Vec::new();
    for line in said.lines() {
        match files.peek().and_then(|file| line.strip_prefix(file.as_str())) {
            Some("sound") => answers.push(Ok(Vec::new())),
            Some(broken) => answers.push(Err(broken.split(':').next().unwrap().to_owned())),
            None => {
                answers.last_mut().unwrap().as_mut().unwrap().push(line.to_owned());
                continue;
            }
        }
        files.next();
    }
    assert_eq!(files.next(), None, "it ended early: {}", String::from_utf8_lossy(&output.stderr));
    answers
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// What the first reader says, in the second one's words.
fn answers(database: &Database) -> Vec<String> {
    let mut text = Vec::new();
    database.export(&mut text, &ExportOptions::default()).unwrap();
    let mut lines = vec![format!("export\t{}", digest(&text))];
    let mut names = BTreeSet::new();
    for ordinal in 0..database.len() {
        let header = database.header(ordinal).unwrap().to_vec();
        keys::for_each_name(&header, |name, _| {
            names.insert(name.to_vec());
        });
        let record = [&header[..], b"\n", database.record(ordinal).unwrap().sequence()].concat();
        lines.push(format!("record\t{ordinal}\t{}", digest(&record)));
    }
    for name in names {
        let found: Vec<String> = database.find(&name).unwrap().iter().map(u64::to_string).collect();
        let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push(format!("name\t{hex}\t{}", found.join(",")));
    }
    if let Some(clusters) = database.is_reduced().then(|| database.clusters().unwrap()) {
        for ordinal in 0..database.len() {
            let line = clusters.membership(ordinal).unwrap().map_or("-\t0\t0".to_owned(), |found| {
                let alike = found.similarity;
                format!("{}\t{}\t{}", found.representative, alike.identity(), alike.coverage())
            });
            lines.push(format!("member\t{ordinal}\t{line}"));
        }
    }
    lines
}

/// Without what the first reader does not say: who stands for whom in a file that is no reduction.
fn asked_of_both(database: &Database, mut second: Vec<String>) -> Vec<String> {
    if !database.is_reduced() {
        second.retain(|line| !line.starts_with("member"));
    }
    second
}

/// Compares the answers to all that can be asked of sound files.
fn compare(files: &[PathBuf]) {
    for (file, second) in files.iter().zip(ask("answers", files)) {
        let second = second.unwrap_or_else(|rule| panic!("{} is refused for {rule}", file.display()));
        let database = outcome::small_options().access(Access::Read).open(file).unwrap();
        assert_eq!(asked_of_both(&database, second), answers(&database), "{}", file.display());
    }
}

fn stored(kind: &[&str]) -> Vec<(PathBuf, manifest::Entry)> {
    let entries = manifest::read().into_iter().filter(|entry| kind.contains(&entry.kind()));
    entries.map(|entry| (fixtures::corpus().join(&entry.path), entry)).collect()
}

#[test]
fn sound_files_answer_alike() {
    if !is_there() {
        return;
    }
    let mut files: Vec<PathBuf> = stored(&["accept", "compat"]).into_iter().map(|(path, _)| path).collect();
    files.extend(ladder::RUNGS.iter().map(|rung| rung.folder().join(ladder::Rung::CONTAINER)));
    compare(&files);
}

#[test]
fn broken_files_are_refused_for_their_rules() {
    if !is_there() {
        return;
    }
    let (files, entries): (Vec<PathBuf>, Vec<manifest::Entry>) = stored(&["reject"]).into_iter().unzip();
    let mut wrong = Vec::new();
    for (entry, second) in entries.iter().zip(ask("check", &files)) {
        let name = entry.path.trim_start_matches("reject/").trim_end_matches(".talaria");
        let another = ANOTHER_RULE.iter().find(|(file, ..)| *file == name).map(|(_, rule, _)| (*rule).to_owned());
        let expected = another.map_or_else(|| entry.rules.clone(), |rule| vec![rule]);
        match second {
            Err(rule) if expected.contains(&rule) => {}
            other => wrong.push(format!("{name}: {other:?} for {expected:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Items of 12 bytes on both sides of a page's end, and across it.
#[test]
fn wide_membership_goes_over_pages() {
    if !is_there() {
        return;
    }
    let records = 400_u64;
    let folder = tempfile::tempdir().unwrap();
    let (source, output) = (folder.path().join("many.fa"), folder.path().join("many.talaria"));
    fixtures::write(&source, (0..records).map(|record| format!(">r{record}\nMKV\n")).collect::<String>());
    talaria_db::Builder::new(&output).packed_columns(false).add_fasta(source).finish().unwrap();
    let mut draft = Draft::parse(&fixtures::read(&output));
    // Record 7 stands for all.
    let item = |_| [&7_u64.to_le_bytes()[..], &10_000_u16.to_le_bytes().repeat(2)].concat();
    draft.add(SectionKind::Membership, 12, &(0..records).flat_map(item).collect::<Vec<u8>>());
    let members = (0..records).filter(|record| *record != 7).flat_map(u64::to_le_bytes);
    draft.add(SectionKind::Members, 8, &members.collect::<Vec<u8>>());
    let bytes = draft.assemble().into_bytes();
    assert_eq!(outcome::problems(&outcome::open(&bytes)), Vec::<String>::new());
    fixtures::write(&output, bytes);
    compare(&[output]);
}

/// Names of every length up to one that the hash takes in more than one block.
#[test]
fn names_of_all_lengths_are_found() {
    if !is_there() {
        return;
    }
    let lengths = (1..=260).chain([511, 512, 513]).chain(1015..=1100).chain([2047, 2048, 2049, 5000]);
    let name = |length: usize| -> String {
        (0..length).map(|at| char::from(b'a' + u8::try_from((at * at + length) % 23).unwrap())).collect()
    };
    let fasta: String = lengths.map(|length| format!(">{} text\nMKV\n", name(length))).collect();
    let folder = tempfile::tempdir().unwrap();
    let (source, output) = (folder.path().join("names.fa"), folder.path().join("names.talaria"));
    fixtures::write(&source, fasta);
    talaria_db::Builder::new(&output).add_fasta(source).finish().unwrap();
    compare(&[output]);
}
