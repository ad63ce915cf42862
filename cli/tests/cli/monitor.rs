//! `--monitor-memory`: what is said, and the series that is kept.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::common::{Answer, Folder, answer, built, command, proteins, run};

const PARTS: [&str; 5] = ["anonymous", "mapped", "cache", "spill", "budget"];

/// Each command that has the flag, on `in.fasta` and `out.talaria` of a folder.
fn commands(folder: &Folder) -> Vec<Vec<String>> {
    let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
    let (fasta, db) = (path("in.fasta"), path("out.talaria"));
    [
        &["build", &fasta, "-o", &path("again.talaria"), "--progress-every", "0"][..],
        &["reduce", &db, "-o", &path("reduced.talaria"), "--progress-every", "0"],
        &["reduce", "-i", &fasta, "-o", &path("reduced.fasta"), "--progress-every", "0"],
        &["get", &db, "p1", "p99"],
        &["export", &db],
    ]
    .iter()
    .map(|arguments| arguments.iter().map(ToString::to_string).collect())
    .collect()
}

fn with(arguments: &[String], more: &[&dyn AsRef<OsStr>]) -> Answer {
    let mut command = command(&[]);
    command.args(arguments).args(more.iter().map(|argument| argument.as_ref()));
    answer(&mut command)
}

/// Whether a line names every part, once for now and once for the peak.
fn names_all_parts(line: &str, times: usize) -> bool {
    PARTS.iter().all(|part| line.matches(&format!("{part} ")).count() == times)
}

fn number(of: &Value, part: &str) -> u64 {
    of[part].as_u64().unwrap_or_else(|| unreachable!("{part} of {of}"))
}

fn checked_series(path: &Path, limit: u64) -> Value {
    let series: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(series["limit"].as_u64(), Some(limit));
    let samples = series["samples"].as_array().unwrap();
    assert!(!samples.is_empty());
    let mut before = 0.0;
    for sample in samples {
        for part in PARTS {
            assert!(number(sample, part) <= number(&series["peak"], part), "{part} of {sample}");
        }
        assert!(["ok", "warning", "critical"].contains(&sample["status"].as_str().unwrap()), "{sample}");
        let seconds = sample["seconds"].as_f64().unwrap();
        assert!(seconds >= before, "{sample}");
        before = seconds;
    }
    // No program runs in less than this, and nothing here comes near the limit.
    assert!((100 << 10..limit).contains(&number(&series["peak"], "anonymous")), "{series}");
    series
}

#[test]
fn lines_say_what_is_in_use_and_the_most_that_was() {
    let (folder, _) = built(proteins(3000));
    for arguments in commands(&folder) {
        let plain = with(&arguments, &[]);
        assert!(!plain.stderr.contains("most memory: "), "{}", plain.stderr);
        let answer = with(&arguments, &[&"--monitor-memory", &"--max-memory", &"256M"]);
        assert_eq!((answer.code, answer.stdout == plain.stdout), (0, true), "{}", answer.stderr);
        let last = answer.stderr.lines().find(|line| line.starts_with("talaria-db: most memory: ")).unwrap();
        assert!(names_all_parts(last, 1) && last.contains(" of 256.0 MiB; budget's peak "), "{last}");
        let reads = ["get", "export"].contains(&arguments[0].as_str());
        assert_eq!(answer.stderr.contains("talaria-db: cache: "), reads, "{}", answer.stderr);
        if !reads {
            // Progress at every step, so that a line comes however short the work is.
            let line = answer.stderr.lines().find(|line| line.contains(" (peak: ")).unwrap();
            let (now, peak) = line.split_once("(peak: ").unwrap();
            assert!(
                names_all_parts(now.split_once(": anonymous ").map(|_| now).unwrap(), 1) && names_all_parts(peak, 1),
                "{line}"
            );
        }
    }
}

#[test]
fn the_series_is_json_with_peaks_that_are_no_less_than_any_look() {
    let (folder, _) = built(proteins(3000));
    for arguments in commands(&folder) {
        let series = folder.write("series.json", "what was there before");
        let flag = format!("--monitor-memory={}", series.display());
        let answer = with(&arguments, &[&flag, &"--max-memory", &"192M"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        checked_series(&series, 192 << 20);
    }
    // Standard output is still only the data.
    let export = commands(&folder).pop().unwrap();
    let flag = format!("--monitor-memory={}", folder.path("series.json").display());
    assert_eq!(with(&export, &[&flag]).stdout, proteins(3000));
}

#[test]
fn what_a_budget_holds_and_what_was_spilled_is_in_it() {
    let fasta: Vec<u8> = (0..400_000).flat_map(|number| format!(">r{number}\nMKV\n").into_bytes()).collect();
    let folder = Folder::new();
    let (input, output, series) =
        (folder.write("in.fasta", fasta), folder.path("out.talaria"), folder.path("series.json"));
    let flag = format!("--monitor-memory={}", series.display());
    let answer = run(&[&"build", &input, &"-o", &output, &"--max-memory", &"64M", &flag, &"--quiet"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let series = checked_series(&series, 64 << 20);
    assert!(number(&series["peak"], "spill") > 0, "{}", series["peak"]);
    let budget = number(&series["peak"], "budget");
    assert!((16 << 20..=64 << 20).contains(&budget), "{budget}");
}

#[test]
fn nothing_that_is_read_is_written_over() {
    let (folder, db) = built(proteins(20));
    let fasta = folder.path("in.fasta");
    symlink(&db, folder.path("link")).unwrap();
    let (before_db, before_fasta) = (std::fs::read(&db).unwrap(), std::fs::read(&fasta).unwrap());
    let output = folder.path("new.talaria");
    for name in ["out.talaria", "link"] {
        let flag = format!("--monitor-memory={}", folder.path(name).display());
        let runs: [&[&dyn AsRef<OsStr>]; 3] =
            [&[&"get", &db, &"p1", &flag], &[&"export", &db, &flag], &[&"reduce", &db, &"-o", &output, &flag]];
        for arguments in runs {
            let refused = run(arguments);
            assert_eq!(refused.code, 2, "{}", refused.stderr);
            assert!(refused.stderr.contains("written over"), "{}", refused.stderr);
        }
    }
    let refused = run(&[&"build", &fasta, &"-o", &output, &format!("--monitor-memory={}", fasta.display())]);
    assert_eq!((refused.code, refused.stderr.contains("written over")), (2, true), "{}", refused.stderr);
    // Nor is what else is written: the series would be lost, or the output.
    for name in ["new.talaria", "new.talaria.clusters.tsv"] {
        let flag = format!("--monitor-memory={}", folder.path(name).display());
        let refused = run(&[&"reduce", &db, &"-o", &output, &flag]);
        assert_eq!((refused.code, refused.stderr.contains("written over")), (2, true), "{name}: {}", refused.stderr);
    }
    assert_eq!((std::fs::read(&db).unwrap(), std::fs::read(&fasta).unwrap()), (before_db, before_fasta));
    let gone = run(&[&"export", &db, &format!("--monitor-memory={}", folder.path("no/folder.json").display())]);
    assert_eq!((gone.code, gone.stderr.contains("no/folder.json")), (1, true), "{}", gone.stderr);
    assert_eq!(folder.names(), ["in.fasta", "link", "out.talaria"]);
}
