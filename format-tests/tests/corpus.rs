//! The corpora: sound files that must be read, files of earlier releases that must be read for ever, files that must
//! be refused.
//!
//! `TALARIA_WRITE_CORPUS=1` writes the accept and reject corpora and the manifest from the cases in `src/corpus`.
//! Files of the compat corpus are only ever added, by hand.
#![expect(clippy::expect_used, reason = "in the helpers of tests a fault is a failed test")]

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use talaria_db::read::export::ExportOptions;
use talaria_db::read::storage::Access;
use talaria_db_format_tests::corpus::{self, Case};
use talaria_db_format_tests::expected::Expected;
use talaria_db_format_tests::manifest::{self, Entry};
use talaria_db_format_tests::{document, fixtures, ladder, outcome};

/// Rules that no file of the reject corpus breaks, and why not.
const WITHOUT_FILE: [(&str, &str); 0] = [];

/// Files that lie under sound checksums, which only a look at the whole file can tell, and their first answer that is
/// not that of the file that they were made from: a name that is not found, a record that is passed over, other layout.
const ONLY_VERIFY_TELLS: [(&str, &str); 5] = [
    ("c-4-no-flag", "export"),
    ("k-1-first", "find gb|AAA12345.1|LOCUS"),
    ("k-3-other-name", "find gb|AAA12345.1|LOCUS"),
    ("k-3-other-record", "find gb|AAA12345.1|LOCUS"),
    ("p-4-line-width", "export"),
];

/// The digests of the compat corpus, as `sha256sum` writes and checks them.
const SUMS: &str = "SHA256SUMS";

#[test]
fn cases_and_files_agree() {
    let cases = corpus::cases();
    if fixtures::is_writing(fixtures::WRITE_CORPUS) {
        write(&cases);
    }
    let made: Vec<&Entry> = cases.iter().map(|case| &case.entry).collect();
    let listed = manifest::read();
    let listed: Vec<&Entry> = listed.iter().filter(|entry| entry.kind() != "compat").collect();
    assert_eq!(listed, made, "the manifest lists other files than src/corpus makes");
    for case in &cases {
        assert!(case.entry.container() == case.bytes, "{} is not what src/corpus makes", case.entry.path);
    }
}

#[test]
fn manifest_and_folders_agree() {
    let entries = manifest::read();
    let mut listed: BTreeSet<String> = BTreeSet::from([manifest::NAME.to_owned()]);
    for entry in &entries {
        assert!(listed.insert(entry.path.clone()), "{} is listed twice", entry.path);
        assert!(!entry.shows.is_empty(), "{} does not say what it shows", entry.path);
        assert_eq!(entry.kind() == "reject", !entry.rules.is_empty(), "{}: rules are for refused files", entry.path);
        if entry.kind() != "reject" {
            listed.insert(entry.fasta_path());
        }
    }
    listed.insert(format!("compat/{SUMS}"));
    let mut present = BTreeSet::new();
    for name in fixtures::names(&fixtures::corpus()) {
        if name == manifest::NAME {
            present.insert(name);
            continue;
        }
        let files = fixtures::names(&fixtures::corpus().join(&name));
        present.extend(files.into_iter().map(|file| format!("{name}/{file}")));
    }
    let missing: Vec<_> = listed.difference(&present).collect();
    let unlisted: Vec<_> = present.difference(&listed).collect();
    assert!(
        missing.is_empty() && unlisted.is_empty(),
        "listed and not there: {missing:?}; there and not listed: {unlisted:?}"
    );
    assert_eq!(manifest::parse(&manifest::text(&entries)), entries);
}

#[test]
fn what_was_released_is_not_edited() {
    let folder = fixtures::corpus().join("compat");
    let names = fixtures::names(&folder).into_iter().filter(|name| name != SUMS);
    let sum = |name: String| {
        let digest: String =
            Sha256::digest(fixtures::read(&folder.join(&name))).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{digest}  {name}\n")
    };
    assert_eq!(names.map(sum).collect::<String>(), fixtures::read_text(&folder.join(SUMS)));
}

#[test]
fn sound_files_give_their_fasta_back() {
    for entry in manifest::read().iter().filter(|entry| entry.kind() != "reject") {
        let expected = fixtures::read(&fixtures::corpus().join(entry.fasta_path()));
        let path = fixtures::corpus().join(&entry.path);
        for access in [Access::Map, Access::Read] {
            let opened = outcome::small_options().access(access).open(&path);
            let database = opened.unwrap_or_else(|error| panic!("{} is refused: {error}", entry.path));
            assert_eq!(outcome::problems(&database), Vec::<String>::new(), "{}", entry.path);
            let mut exported = Vec::new();
            database.export(&mut exported, &ExportOptions::default()).unwrap();
            assert!(exported == expected, "{} does not give its FASTA back", entry.path);
            if entry.kind() == "accept" {
                assert_eq!(Expected::of_fasta(&expected).compare(&database, true), Ok(()), "{}", entry.path);
            }
        }
    }
}

#[test]
fn broken_files_break_exactly_their_rules() {
    let mut wrong = Vec::new();
    for entry in manifest::read().iter().filter(|entry| entry.kind() == "reject") {
        let (expected, path) = (entry.rules.iter().cloned().collect(), fixtures::corpus().join(&entry.path));
        let found = [
            outcome::broken_rules(&fixtures::read(&path)),
            outcome::broken_rules_of_file(&path, Access::Map),
            outcome::broken_rules_of_file(&path, Access::Read),
        ];
        if found.iter().any(|rules| *rules != expected) {
            wrong.push(format!("{}: expected {expected:?}, found {found:?}", entry.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn broken_files_that_open_give_no_wrong_answer() {
    let mut wrong = Vec::new();
    for case in corpus::cases() {
        let Ok(database) = outcome::small_options().from_bytes(case.bytes) else { continue };
        let expected = Expected::of_fasta(&ladder::find(case.seed).fasta());
        if let Err(reason) = expected.compare(&database, false) {
            wrong.push((case.entry.path, reason));
        }
    }
    let told: Vec<(String, String)> = ONLY_VERIFY_TELLS
        .iter()
        .map(|(name, what)| (format!("reject/{name}.talaria"), format!("{what}: a wrong answer")))
        .collect();
    assert_eq!(wrong, told);
}

#[test]
fn every_rule_is_broken_by_a_file() {
    let broken: BTreeSet<String> = manifest::read().into_iter().flat_map(|entry| entry.rules).collect();
    let without: BTreeSet<String> = WITHOUT_FILE.iter().map(|(rule, _)| (*rule).to_owned()).collect();
    let rules = document::rules(&fixtures::read_text(&document::path()));
    assert_eq!(broken.intersection(&without).next(), None, "there is a file for it now");
    let covered: BTreeSet<String> = broken.union(&without).cloned().collect();
    assert_eq!(rules.difference(&covered).collect::<Vec<_>>(), Vec::<&String>::new(), "no file breaks these rules");
    assert_eq!(covered.difference(&rules).collect::<Vec<_>>(), Vec::<&String>::new(), "FORMAT.md has no such rules");
}

/// Writes accept, reject and the manifest; files that no case makes any more are removed, compat is left as it is.
fn write(cases: &[Case]) {
    let folder = fixtures::corpus();
    for kind in ["accept", "reject"] {
        for name in fixtures::names(&folder.join(kind)) {
            std::fs::remove_file(folder.join(kind).join(name)).expect("a file of the corpus");
        }
    }
    let mut entries: Vec<Entry> = cases.iter().map(|case| case.entry.clone()).collect();
    for case in cases {
        fixtures::write(&folder.join(&case.entry.path), &case.bytes);
        if case.entry.kind() == "accept" {
            fixtures::write(&folder.join(case.entry.fasta_path()), ladder::find(case.seed).fasta());
        }
    }
    entries.extend(manifest::read().into_iter().filter(|entry| entry.kind() == "compat"));
    entries.sort();
    fixtures::write(&folder.join(manifest::NAME), manifest::text(&entries));
}
