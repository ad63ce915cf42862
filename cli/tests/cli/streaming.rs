//! `--stream`: nothing is held but the buffers, and what comes out is the same.

use std::path::Path;

use serde_json::Value;

use crate::common::{built, proteins, run, run_with_input};

/// The most that a command had of a kind of memory, by the series that it kept.
fn peak(series: &Path, kind: &str) -> u64 {
    let series: Value = serde_json::from_slice(&std::fs::read(series).unwrap()).unwrap();
    series["peak"][kind].as_u64().unwrap()
}

#[test]
fn a_pass_holds_its_buffers_only() {
    let fasta = proteins(60_000);
    let (folder, db) = built(&fasta);
    let size = std::fs::metadata(&db).unwrap().len();
    let series = folder.path("series.json");
    let monitor = format!("--monitor-memory={}", series.display());
    let mapped = run(&[&"export", &db, &monitor]);
    assert!(mapped.stdout == fasta);
    let (with_mapping, with_cache) = (peak(&series, "mapped"), peak(&series, "anonymous"));
    let streamed = run(&[&"export", &db, &monitor, &"--stream"]);
    assert!(streamed.stdout == fasta);
    // The file is not among the process's pages, and what takes its place is bounded by the number of buffers.
    assert!(peak(&series, "mapped") + size / 2 < with_mapping, "{with_mapping}, {}", peak(&series, "mapped"));
    assert!(peak(&series, "anonymous") < with_cache + (8 << 20));
    // Buffers between two uses, and no blocks.
    assert!(peak(&series, "cache") < 1 << 20);
    let little = run(&[&"export", &db, &"--stream", &"--max-memory", &"10M"]);
    assert!(little.stdout == fasta, "{}", little.stderr);
}

#[test]
fn from_a_pipe() {
    let fasta = proteins(2000);
    let (folder, db) = built(&fasta);
    let streamed = folder.path("streamed.talaria");
    let answer = run_with_input(&[&"build", &"-", &"-o", &streamed, &"--stream", &"-q"], &fasta);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    assert!(run(&[&"export", &streamed, &"--stream"]).stdout == fasta);
    let (from_pipe, from_file) = (folder.path("pipe.fasta"), folder.path("file.fasta"));
    let answer = run_with_input(&[&"reduce", &"-i", &"-", &"-o", &from_pipe, &"--stream", &"-q"], fasta.repeat(2));
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    assert_eq!(run(&[&"reduce", &db, &"-o", &from_file, &"--stream", &"-q"]).code, 0);
    assert!(std::fs::read(from_pipe).unwrap() == std::fs::read(from_file).unwrap());
    assert!(run(&[&"verify", &db, &"--stream"]).code == 0);
    let ids = folder.write("ids", "p7\np1999\np7\n".repeat(20));
    assert!(run(&[&"get", &db, &"-f", &ids, &"--stream"]).stdout == run(&[&"get", &db, &"-f", &ids]).stdout);
}
