//! Limits of the system, as a shell sets them: a line and an exit code, and what was there stays.

use std::process::Command;

use crate::common::{Answer, Folder, answer, proteins};

/// Builds over a file that is there, under what `ulimit` sets; and what the file is afterwards.
fn build_under(limit: &str) -> (Answer, Vec<u8>, Vec<String>) {
    let folder = Folder::new();
    let (input, output) = (folder.write("in.fasta", proteins(20_000)), folder.write("out.talaria", "what was there"));
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("ulimit {limit}; exec \"$@\""), "limited", env!("CARGO_BIN_EXE_talaria-db"), "build"]);
    shell.args([&input, &"-o".into(), &output]).args([
        "--quiet",
        "--no-config",
        "--threads",
        "2",
        "--max-memory",
        "64M",
    ]);
    let answer = answer(&mut shell);
    (answer, std::fs::read(output).unwrap(), folder.names())
}

#[test]
fn a_file_that_may_not_grow_is_an_error() {
    let (whole, built, _) = build_under("-f unlimited");
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    for kibibytes in [0, 1, 64, 512] {
        let (answer, found, names) = build_under(&format!("-f {kibibytes}"));
        assert_eq!((answer.code, answer.stderr.lines().count()), (1, 1), "{}", answer.stderr);
        assert!(answer.stderr.contains("out.talaria: cannot write: File too large"), "{}", answer.stderr);
        assert_eq!((found, names.len()), (b"what was there".to_vec(), 2));
    }
    assert!(built.len() > 512 << 10);
}

/// Where exactly memory ends is the system's affair, so all limits are tried; none of them leads to an abort, or to
/// another file. The least is what the program itself, which is not optimized here, is loaded in.
#[test]
fn address_space_that_ends_is_an_error() {
    let (_, built, _) = build_under("-v unlimited");
    let (mut refused, mut done) = (0, 0);
    for mebibytes in (32..400).step_by(16) {
        let (answer, found, _) = build_under(&format!("-v {}", mebibytes << 10));
        // The loader of the system, and its C library, have their own ends.
        if answer.code == 127 || answer.stderr.starts_with("Fatal glibc error") {
            continue;
        }
        if answer.code == 0 {
            assert!(found == built, "another file under {mebibytes} MiB");
            done += 1;
        } else {
            assert_eq!((answer.code, answer.stderr.lines().count()), (140, 1), "{mebibytes} MiB: {}", answer.stderr);
            assert_eq!(found, b"what was there");
            refused += 1;
        }
    }
    assert!(refused > 0 && done > 0, "{refused} refused, {done} done");
}
