//! Records by length, GC content and complexity.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::common::{Answer, Folder, run};

const FASTA: &str = ">a short\nACGT\n>b all strong\nGGCCGGCC\n>c weak\nATATATATATAT\n>empty\n>d one letter\nGGGGGG\n\
                     >e half\nACGTACGTACGTACGT\n>b shared\nGGCCGGCC\n";

fn built(columns: &[&str]) -> (Folder, PathBuf) {
    let folder = Folder::new();
    let (input, output) = (folder.write("in.fasta", FASTA), folder.path("out.talaria"));
    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"build", &input, &"-o", &output, &"--quiet"];
    arguments.extend(columns.iter().map(|argument| argument as &dyn AsRef<OsStr>));
    let answer = run(&arguments);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    (folder, output)
}

fn with(command: &str, file: &Path, arguments: &str) -> Answer {
    let words: Vec<&str> = arguments.split(' ').collect();
    let mut all: Vec<&dyn AsRef<OsStr>> = vec![&command, &file];
    all.extend(words.iter().map(|word| word as &dyn AsRef<OsStr>));
    run(&all)
}

/// The first letters of the headers.
fn ids(answer: &Answer) -> String {
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    answer.text().lines().filter_map(|line| line.strip_prefix('>')).map(|header| &header[..1]).collect()
}

#[test]
fn what_matches_is_printed() {
    let (_folder, db) = built(&["--columns", "gc,complexity"]);
    for (arguments, expected) in [
        ("--min-length 6 --max-length 12", "bcdb"),
        ("-m 1 -M 4", "a"),
        ("-M 0", "e"),
        ("--min-gc 0.9", "bdb"),
        ("--max-gc 0", "ce"),
        ("--min-gc 0.5 --max-gc 0.5", "ae"),
        ("--min-complexity 0.5 --min-gc 0.4", "abeb"),
        ("--max-complexity 0.1 -m 1", "d"),
        ("--min-length 17", ""),
    ] {
        for more in ["", " --no-mmap", " --threads 1 --max-memory 6M"] {
            let arguments = format!("{arguments}{more}");
            assert_eq!(ids(&with("get", &db, &arguments)), expected, "get {arguments}");
            assert_eq!(ids(&with("export", &db, &arguments)), expected, "export {arguments}");
        }
    }
    assert_eq!(with("get", &db, "-m 16 --format json").json()["query"], "5");
    assert_eq!(with("export", &db, "-m 12 --max-gc 0.2").text(), ">c weak\nATATATATATAT\n");
}

#[test]
fn of_what_is_asked_for() {
    let (_folder, db) = built(&["--columns", "gc"]);
    assert_eq!(ids(&with("get", &db, "c b a --min-gc 0.5")), "bba");
    assert_eq!(ids(&with("get", &db, "-n 0-3,6 -m 8")), "bcb");
    assert_eq!(with("get", &db, "e:2-3 -m 10").text(), ">e:2-3\nCG\n");
    let missing = with("get", &db, "nobody c --min-gc 0.5");
    assert_eq!((missing.code, missing.text()), (5, ""));
    assert_eq!(with("get", &db, "-n 99 -m 1").code, 5);
}

#[test]
fn columns_that_are_not_there() {
    let (folder, db) = built(&["--columns", "complexity"]);
    for command in ["get", "export"] {
        let refused = with(command, &db, "--min-gc 0.5");
        assert_eq!((refused.code, refused.text()), (2, ""));
        assert!(refused.stderr.ends_with("it has no column of gc; build it with --columns gc\n"), "{}", refused.stderr);
        for wrong in
            ["--min-gc 41", "--min-gc x", "--min-gc nan", "-m 5 -M 4", "--min-complexity 0.5 --max-complexity 0.4"]
        {
            assert_eq!(with(command, &db, wrong).code, 2, "{wrong}");
        }
    }
    let fasta = folder.path("in.fasta");
    assert_eq!(ids(&with("get", &fasta, "-m 6 -M 12")), "bcdb");
    assert_eq!(ids(&with("get", &fasta, "a b -m 6")), "bb");
    let refused = with("get", &fasta, "--max-gc 0.5 --min-complexity 0.1");
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--columns gc,complexity"), "{}", refused.stderr);
    assert_eq!(run(&[&"build", &fasta, &"-o", &folder.path("x"), &"--columns", &"taxa"]).code, 2);
}

#[test]
fn they_are_shown_and_survive_a_reduction() {
    let (folder, db) = built(&["--columns", "complexity,gc", "--verify"]);
    let reduced = folder.path("reduced.talaria");
    assert_eq!(run(&[&"reduce", &db, &"-o", &reduced, &"--quiet"]).code, 0);
    for db in [&db, &reduced] {
        assert_eq!(with("verify", db, "--threads 1").code, 0);
        let stats = with("stats", db, "--json").json();
        assert_eq!(stats["columns"], serde_json::json!(["gc", "complexity"]));
        assert_eq!(stats["sections"]["GC content"], 28);
        assert!(with("stats", db, "--threads 1").text().contains("\ncolumns              gc,complexity\n"));
        let record = with("inspect", db, "--record 6 --json").json();
        assert_eq!((&record["gc_content"], &record["complexity"]), (&1.0.into(), &0.5.into()));
        assert_eq!(ids(&with("get", db, "--min-gc 0.9")), "bdb");
    }
    assert_eq!(ids(&with("export", &reduced, "--references --min-gc 0.9")), "bd");
    let (_folder, plain) = built(&[]);
    let record = with("inspect", &plain, "--record 6 --json").json();
    assert!(record["gc_content"].is_null() && record["complexity"].is_null());
}

/// Records of a layout of their own, of which some are left out between others.
#[test]
fn irregular_records_are_left_out() {
    let folder = Folder::new();
    let fasta = ">a\nAC\n\nGT\n>b\nACGTT\nA\n>a2\nAC\n\nGT\n>c\nGG\n\nCC\nA\n>d\nGGGG\nCC";
    let (input, db) = (folder.write("in.fasta", fasta), folder.path("out.talaria"));
    assert_eq!(run(&[&"build", &input, &"-o", &db, &"--quiet"]).code, 0);
    assert_eq!(with("export", &db, "-m 5").text(), ">b\nACGTT\nA\n>c\nGG\n\nCC\nA\n>d\nGGGG\nCC\n");
    assert_eq!(with("export", &db, "-M 5").text(), ">a\nAC\n\nGT\n>a2\nAC\n\nGT\n>c\nGG\n\nCC\nA\n");
    let reduced = folder.path("reduced.talaria");
    assert_eq!(run(&[&"reduce", &db, &"-o", &reduced, &"--quiet"]).code, 0);
    let references = with("export", &reduced, "--references");
    assert_eq!(references.text(), ">a\nAC\n\nGT\n>b\nACGTT\nA\n>c\nGG\n\nCC\nA\n>d\nGGGG\nCC\n");
}
