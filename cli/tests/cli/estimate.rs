//! `reduce --estimate`: what is told is never exceeded by what happens.

use std::ffi::OsStr;

use serde_json::Value;

use crate::common::{Folder, Numbers, built, record, run};

/// Families of similar proteins, so that there is something to cluster and deltas are made.
pub(crate) fn families(count: usize) -> Vec<u8> {
    let (mut numbers, mut fasta) = (Numbers::new(7), Vec::new());
    for family in 0..count {
        let length = 60 + numbers.below(300) as usize;
        let first = numbers.residues(b"ACDEFGHIKLMNPQRSTVWY", length);
        for member in 0..4 {
            let mut residues = first.clone();
            for _ in 0..member * length / 60 {
                let at = numbers.below(length as u64) as usize;
                residues[at] = numbers.residues(b"ACDEFGHIKLMNPQRSTVWY", 1)[0];
            }
            fasta.extend(record(&format!("f{family}m{member} of family {family}"), &residues, 60));
        }
    }
    fasta
}

fn json(folder: &Folder, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path(name)).unwrap()).unwrap()
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap()
}

/// Estimates and then reduces; both as JSON.
fn both(folder: &Folder, input: &dyn AsRef<OsStr>, flags: &[&str]) -> (Value, Value) {
    let (output, estimate, report) = (folder.path("r.talaria"), folder.path("e.json"), folder.path("r.json"));
    let mut all: Vec<&dyn AsRef<OsStr>> = vec![&"reduce", input, &"-o", &output, &"-q", &"--threads", &"2"];
    all.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
    let before = folder.names();
    let told = run(&[&all[..], &[&"--estimate", &"--report", &estimate]].concat());
    assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{flags:?}");
    assert!(told.text().contains("writing: up to "), "{}", told.text());
    let new: Vec<String> = folder.names().into_iter().filter(|name| !before.contains(name)).collect();
    assert!(new.is_empty() || new == ["e.json"], "nothing runs: {new:?}");
    let done = run(&[&all[..], &[&"--report", &report]].concat());
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{flags:?}");
    (json(folder, "e.json"), json(folder, "r.json"))
}

/// Reduces `fasta` in every one of these ways under every one of these limits, and checks all against what was told;
/// how many runs there were.
fn check_bounds(fasta: &[u8], methods: &[&[&str]], limits: &[&str]) -> u64 {
    let (folder, db) = built(fasta);
    let mut runs = 0;
    for (method, limit) in methods.iter().flat_map(|method| limits.iter().map(move |limit| (method, limit))) {
        let flags = [method, &["--max-memory", limit][..]].concat();
        let (told, done) = both(&folder, &db, &flags);
        assert_eq!((&told["records"], &told["guessed"]), (&done["records"], &Value::Bool(false)));
        for (most, was) in [
            ("memory_at_most", "peak_memory"),
            ("temporary_at_most", "peak_spill"),
            ("sorted_runs_at_most", "sorted_runs"),
        ] {
            assert!(number(&told, most) >= number(&done, was), "{flags:?}: {was} {} {told:#}", done[was]);
        }
        assert!(number(&done, "peak_spill") >= number(&told, "temporary_at_least"), "{flags:?}");
        runs += number(&done, "sorted_runs");
        for (round, done) in (1..).zip(done["rounds"].as_array().unwrap()) {
            let mut stages = told["stages"].as_array().unwrap().iter();
            let told = stages.find(|stage| stage["round"] == round).unwrap();
            assert!(number(told, "items_at_most") >= number(done, "words"));
            let mut sorts = told["sorts"].as_array().unwrap().iter();
            let pairs = sorts.find(|sort| sort["what"] == "pairs of records that share words").unwrap();
            assert!(number(pairs, "records_at_most") >= number(done, "pairs"));
        }
    }
    runs
}

#[test]
fn what_is_told_bounds_what_happens() {
    let methods = [
        &["--method", "cluster"][..],
        &["--method", "cluster", "--min-identity", "0.5"],
        &["--method", "cluster", "--sensitive"],
        &["--method", "select", "-r", "0.3"],
        &["--method", "contain"],
        &["--prefer", "m2"],
        &[],
    ];
    check_bounds(&families(400), &methods, &["55M", "4G"]);
}

#[test]
fn what_is_told_bounds_runs_on_disk() {
    let (mut numbers, mut many) = (Numbers::new(9), Vec::new());
    for number in 0..40_000 {
        let residues = numbers.residues(b"ACDEFGHIKLMNPQRSTVWY", 60);
        many.extend(record(&format!("r{number}"), &residues, 60));
    }
    assert!(check_bounds(&many, &[&["--method", "cluster", "--sensitive"]], &["58M"]) > 0);
}

#[test]
fn fasta_is_guessed_and_said_to_be() {
    let folder = Folder::new();
    let fasta = families(500);
    let input = folder.write("in.fasta", &fasta);
    let (told, done) = both(&folder, &input, &["--method", "cluster"]);
    assert_eq!((&told["guessed"], &told["records"]), (&Value::Bool(true), &done["records"]));
    assert!(number(&told, "temporary_containers_at_most") > 0);
    let piped = run(&[&"reduce", &"-", &"-o", &folder.path("x.talaria"), &"--estimate"]);
    assert_eq!(piped.code, 2, "{}", piped.stderr);
}

/// The code is the one that the reduction would end with.
#[test]
fn limits_that_would_not_do() {
    let (folder, db) = built(families(500));
    let output = folder.path("r.talaria");
    for (flag, limit, code) in [("--max-memory", "12M", 140), ("--max-spill", "1K", 6)] {
        let flags: [&dyn AsRef<OsStr>; 8] = [&"reduce", &db, &"-o", &output, &"--method", &"cluster", &flag, &limit];
        let told = run(&[&flags[..], &[&"--estimate"]].concat());
        let done = run(&flags);
        assert_eq!((told.code, done.code), (code, code), "{} {}", told.stderr, done.stderr);
        assert!(told.text().contains("too little"), "{}", told.text());
        if code == 140 {
            assert_eq!(told.stderr, done.stderr, "with the same least limit");
        }
    }
}
