//! Closed pipes and full disks.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::common::{answer, built, command, proteins, record};

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (_folder, db) = built([proteins(3000), record("long", &vec![b'A'; 2_000_000], 60)].concat());
    for arguments in [
        &["export"][..],
        &["export", "--line-width", "0"],
        &["get", "-n", "0-2999"],
        &["get", "long"],
        &["get", "long", "--format", "json", "--number", "0-2999"],
    ] {
        let mut command = command(&[&arguments[0], &db]);
        let mut child = command.args(&arguments[1..]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = Vec::new();
        let mut reader = BufReader::with_capacity(64, child.stdout.take().unwrap());
        reader.read_until(b'\n', &mut line).unwrap();
        drop(reader);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}");
        assert!(!line.is_empty());
    }
}

#[test]
fn a_full_disk_is() {
    let (_folder, db) = built(proteins(20));
    for arguments in [
        &["export"][..],
        &["get", "p0"],
        &["verify"],
        &["stats"],
        &["stats", "--json"],
        &["inspect"],
        &["export", "-o", "/dev/full"],
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let answer = answer(command(&[&arguments[0], &db]).args(&arguments[1..]).stdout(full));
        assert_eq!(answer.code, 6, "{arguments:?}: {}", answer.stderr);
        assert!(answer.stderr.contains(": cannot write: "), "{}", answer.stderr);
        let name = if arguments.contains(&"/dev/full") { "/dev/full" } else { "standard output" };
        assert!(answer.stderr.contains(name), "{}", answer.stderr);
    }
    for arguments in [&["--help"][..], &["--version"], &["man"], &["completions", "bash"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(answer(command(&[]).args(arguments).stdout(full)).code, 6, "{arguments:?}");
    }
}

#[test]
fn nobody_listens_to_messages() {
    let (_folder, db) = built(">a\nMK\n");
    let mut command = command(&[&"get", &db, &"nope", &"a"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(5), &b">a\nMK\n"[..]));
}
