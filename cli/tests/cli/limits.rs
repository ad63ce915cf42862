//! The least memory: what is said to do does, and a byte less is refused before anything is read.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::common::{Answer, Folder, Numbers, answer, command, proteins, record};

/// Runs a command with a limit.
fn with_limit(arguments: &[&dyn AsRef<OsStr>], limit: u64) -> Answer {
    answer(command(arguments).args(["--threads", "2", "--max-memory", &limit.to_string()]))
}

/// The least limit that a command asks for, in bytes.
fn least(arguments: &[&dyn AsRef<OsStr>]) -> u64 {
    needed(&with_limit(arguments, 5 << 20))
}

/// The least limit that a refusal of 5 MiB names, in bytes.
fn needed(refused: &Answer) -> u64 {
    assert_eq!(refused.code, 140, "{}", refused.stderr);
    assert!(refused.stderr.starts_with("talaria-db: --max-memory 5M is too little: "), "{}", refused.stderr);
    let text = refused.stderr.split(" needs at least ").nth(1).unwrap();
    text.split('K').next().unwrap().parse::<u64>().unwrap() << 10
}

/// Inputs that take memory in different ways.
fn awkward(folder: &Folder) -> Vec<PathBuf> {
    let mut numbers = Numbers::new(5);
    let tiny: String = ">\n".repeat(1_100_000);
    // Tiny records at one end of a chunk only, after a long one.
    let mut uneven = record("long", &numbers.residues(b"ACGT", 5 << 20), 70);
    uneven.extend_from_slice(">x\nA\n".repeat(100_000).as_bytes());
    let short: String = (0..120_000).map(|number| format!(">{number}\nMKV\n")).collect();
    let compressed = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &proteins(9_000)).unwrap();
        encoder.finish().unwrap()
    };
    let copies: Vec<u8> = {
        let residues: Vec<Vec<u8>> = (0..3).map(|_| numbers.residues(b"ACDEFGHIKLMNPQRSTVWY", 500_000)).collect();
        (0..20).flat_map(|number| record(&format!("c{number}"), &residues[number % 3], 60)).collect()
    };
    vec![
        folder.write("tiny.fa", tiny),
        folder.write("uneven.fa", uneven),
        folder.write("short.fa", short),
        folder.write("proteins.fa.gz", compressed),
        folder.write("copies.fa", copies),
        folder.write("one.fa", ">a\nMKV\n"),
    ]
}

#[test]
fn build_with_exactly_the_least() {
    let folder = Folder::new();
    let output = folder.path("out.talaria");
    for input in awkward(&folder) {
        let arguments: [&dyn AsRef<OsStr>; 6] = [&"build", &input, &"-o", &output, &"-q", &"--verify"];
        let least = least(&arguments);
        let built = with_limit(&arguments, least);
        assert_eq!((built.code, built.stderr.as_str()), (0, ""), "{} with {least}", input.display());
        std::fs::remove_file(&output).unwrap();
        let refused = with_limit(&arguments, least - 1024);
        assert_eq!(refused.code, 140, "{}", input.display());
        assert!(refused.stderr.contains(&format!("needs at least {}K", least >> 10)), "{}", refused.stderr);
        assert!(!output.exists());
    }
    // With chunks that wait compressed, of which there are many.
    let arguments: [&dyn AsRef<OsStr>; 6] = [&"build", &folder.path("proteins.fa.gz"), &"-", &"-o", &output, &"-q"];
    let compressing = |limit: u64| {
        let mut command = command(&arguments);
        command.args(["--threads", "2", "--max-memory", &limit.to_string()]);
        command.env("TALARIA_MEMORY_STREAMING_COMPRESS_CHUNKS", "true");
        answer(command.env("TALARIA_MEMORY_STREAMING_BUFFER_COUNT", "8"))
    };
    let refused = compressing(5 << 20);
    let built = compressing(needed(&refused));
    assert_eq!((built.code, built.stderr.as_str()), (0, ""));
    // The second of two needs more than the first, and finds it.
    let (first, second) = (folder.path("short.fa"), folder.path("proteins.fa.gz"));
    let arguments: [&dyn AsRef<OsStr>; 7] = [&"build", &first, &folder.path("one.fa"), &second, &"-o", &output, &"-q"];
    let built = with_limit(&arguments, least(&arguments));
    assert_eq!((built.code, built.stderr.as_str()), (0, ""));
}

#[test]
fn reduce_with_exactly_the_least() {
    let folder = Folder::new();
    let (db, output) = (folder.path("db.talaria"), folder.path("out.talaria"));
    // The first one is the slowest, and takes what the third does.
    for input in awkward(&folder).split_off(1) {
        let built = answer(&mut command(&[&"build", &input, &"-o", &db, &"-q", &"--no-share"]));
        assert_eq!(built.code, 0, "{}", built.stderr);
        for from in [&input, &db] {
            let arguments: [&dyn AsRef<OsStr>; 5] = [&"reduce", from, &"-o", &output, &"-q"];
            let least = least(&arguments);
            let reduced = with_limit(&arguments, least);
            assert_eq!((reduced.code, reduced.stderr.as_str()), (0, ""), "{} with {least}", from.display());
            std::fs::remove_file(&output).unwrap();
            let refused = with_limit(&arguments, least - 1024);
            assert_eq!(refused.code, 140, "{}", from.display());
            assert!(refused.stderr.contains("is too little: reduce needs at least"), "{}", refused.stderr);
        }
    }
}

#[test]
fn columns_with_exactly_the_least() {
    let folder = Folder::new();
    let (db, output) = (folder.path("db.talaria"), folder.path("out.talaria"));
    for input in awkward(&folder).split_off(1) {
        let plain = least(&[&"build", &input, &"-o", &db, &"-q"]);
        let build: [&dyn AsRef<OsStr>; 8] =
            [&"build", &input, &"-o", &db, &"-q", &"--verify", &"--columns", &"gc,complexity"];
        assert!(least(&build) > plain, "columns take memory");
        let reduce: [&dyn AsRef<OsStr>; 5] = [&"reduce", &db, &"-o", &output, &"-q"];
        for arguments in [&build[..], &reduce] {
            let done = with_limit(arguments, least(arguments));
            assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", input.display());
        }
    }
}

#[test]
fn nothing_is_read_before_the_limit_is_looked_at() {
    let folder = Folder::new();
    // No writer comes to this pipe: whoever opens it waits forever.
    let (pipe, output) = (folder.path("pipe"), folder.path("out.talaria"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = with_limit(&[&"build", &pipe, &"-o", &output], 32 << 20);
    assert_eq!(refused.code, 140);
    assert!(refused.stderr.starts_with("talaria-db: --max-memory 32M is too little: build needs at least "));
    let refused = with_limit(&[&"build", &pipe, &"-o", &output], 1 << 20);
    assert_eq!(refused.code, 140);
    assert!(refused.stderr.contains("the program itself needs at least 4096K"), "{}", refused.stderr);
}
