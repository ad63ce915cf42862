//! What a shell, another user or a full device does to the program: it ends as documented, and never by a panic.

use std::ffi::OsStr;
use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Answer, Folder, answer, built, command, proteins, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_talaria-db");
/// What fails a test that waits; nothing is measured by it.
const BOUND: Duration = Duration::from_secs(120);

/// A reduced container of a few clusters, and a table of hits that names them.
fn reduced() -> (Folder, PathBuf, PathBuf) {
    let (folder, db) = built(">a\nMKV\n>b\nGGA\n>c\nMKV\n");
    let reduced = folder.path("r.talaria");
    assert_eq!(run(&[&"reduce", &db, &"-o", &reduced, &"-q"]).code, 0);
    let hits = folder.write("hits", "q\ta\t1\n");
    (folder, reduced, hits)
}

/// Every command that writes records, lines or a report to standard output.
fn writing(db: &Path, hits: &Path) -> Vec<Vec<String>> {
    let output = db.with_file_name("estimated.talaria");
    let (db, hits, output) = (db.to_str().unwrap(), hits.to_str().unwrap(), output.to_str().unwrap());
    [
        &["export", db][..],
        &["get", db, "a"],
        &["members", db, "a"],
        &["members", db, "a", "--table"],
        &["members", db, "a", "--fasta"],
        &["representative", db, "c"],
        &["expand", hits, "--db", db],
        &["verify", db],
        &["stats", db],
        &["stats", db, "--json"],
        &["inspect", db],
        &["reduce", db, "-o", output, "--estimate"],
        &["config", "show"],
        &["config", "example"],
    ]
    .iter()
    .map(|arguments| arguments.iter().map(|argument| (*argument).to_owned()).collect())
    .collect()
}

fn program(arguments: &[String]) -> Command {
    let mut command = command(&[]);
    command.args(arguments);
    command
}

/// Runs the program as a shell does that redirects, limits, or both.
fn shell(script: &str, arguments: &[String]) -> Answer {
    let mut shell = Command::new("bash");
    shell.args(["-c", script, "shell", PROGRAM]).args(arguments).stdin(Stdio::null());
    answer(shell.env("XDG_CONFIG_HOME", "/nowhere"))
}

/// The reader is gone before the first byte, so even a report of one line meets the closed pipe.
#[test]
fn a_reader_that_is_gone_is_no_error() {
    let (_folder, db, hits) = reduced();
    for arguments in writing(&db, &hits) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let answer = answer(program(&arguments).stdout(writer));
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn a_full_device_is_one_for_all_commands() {
    let (_folder, db, hits) = reduced();
    for arguments in writing(&db, &hits) {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let answer = answer(program(&arguments).stdout(full));
        assert_eq!((answer.code, answer.stderr.lines().count()), (6, 1), "{arguments:?}: {}", answer.stderr);
        assert!(answer.stderr.starts_with("talaria-db: standard output: cannot write: "), "{}", answer.stderr);
    }
}

/// The runtime opens `/dev/null` for reading and writing in the place of a closed standard output, as other programs
/// do for those that they start without one; so it counts as discarded, and no file of the work takes its place.
#[test]
fn closed_output_is_discarded() {
    let (_folder, db, hits) = reduced();
    for arguments in writing(&db, &hits) {
        let closed = shell("exec \"$@\" >&-", &arguments);
        assert_eq!((closed.code, closed.stderr.as_str()), (0, ""), "{arguments:?}");
    }
    let output = db.with_file_name("closed.talaria");
    let fasta = db.with_file_name("in.fasta");
    let build = ["build", fasta.to_str().unwrap(), "-o", output.to_str().unwrap()].map(str::to_owned);
    assert_eq!(shell("exec \"$@\" <&- >&- 2>&-", &build).code, 0);
    assert_eq!(run(&[&"export", &output]).stdout, std::fs::read(&fasta).unwrap());
}

#[test]
fn closed_messages_change_nothing() {
    let (_folder, db, hits) = reduced();
    for arguments in writing(&db, &hits) {
        let open = shell("exec \"$@\"", &arguments);
        let closed = shell("exec \"$@\" 2>&-", &arguments);
        assert_eq!((closed.code, closed.text(), closed.stderr.as_str()), (open.code, open.text(), ""), "{arguments:?}");
        assert_eq!(closed.code, 0, "{arguments:?}");
    }
    let missing = ["get", db.to_str().unwrap(), "nope", "a"].map(str::to_owned);
    let closed = shell("exec \"$@\" 2>&-", &missing);
    assert_eq!((closed.code, closed.text()), (5, ">a\nMKV\n"));
    let absent = ["export", "/nowhere/none.talaria"].map(str::to_owned);
    assert_eq!(shell("exec \"$@\" 2>&-", &absent).code, 1);
}

/// The program with signals as a terminal gives them: what starts the tests may ignore `SIGINT`, which is inherited.
fn with_signals(arguments: &[&dyn AsRef<OsStr>]) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,TERM", PROGRAM]);
    command.args(arguments.iter().map(|argument| argument.as_ref())).env("XDG_CONFIG_HOME", "/nowhere");
    command
}

fn signalled(mut process: Child, signal: &str) -> ExitStatus {
    assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
    let start = Instant::now();
    while start.elapsed() < BOUND {
        if let Some(status) = process.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    // Too late: what is returned is then the signal of this, which no test expects.
    process.kill().unwrap();
    process.wait().unwrap()
}

/// An input that does not end keeps the work going; what a pipe does not hold has been read.
#[test]
fn signals_end_work_on_standard_input() {
    let some = proteins(4000);
    assert!(some.len() > 512 << 10);
    for name in ["build", "reduce"] {
        for (signal, number) in [("-INT", 2), ("-TERM", 15)] {
            let folder = Folder::new();
            let output = folder.write("out.talaria", "what was there");
            let temporary = folder.path("temporary");
            std::fs::create_dir(&temporary).unwrap();
            let mut process = with_signals(&[&name, &"-", &"-o", &output, &"-q", &"--tmp-dir", &temporary]);
            let mut process = process.stdin(Stdio::piped()).spawn().unwrap();
            let mut input = process.stdin.take().unwrap();
            input.write_all(&some).unwrap();
            assert_eq!(signalled(process, signal).signal(), Some(number), "{name} {signal}");
            drop(input);
            assert_eq!(std::fs::read(&output).unwrap(), b"what was there");
            assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
            assert_eq!(folder.names(), ["out.talaria", "temporary"], "{name} {signal}");
        }
    }
}

/// A reader that does not read keeps an export going.
#[test]
fn signals_end_an_export() {
    let (folder, db) = built(proteins(4000));
    let (before, names) = (std::fs::read(&db).unwrap(), folder.names());
    for (signal, number) in [("-INT", 2), ("-TERM", 15)] {
        let mut process = with_signals(&[&"export", &db]).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = process.stdout.take().unwrap();
        std::io::Read::read_exact(&mut output, &mut [0]).unwrap();
        assert_eq!(signalled(process, signal).signal(), Some(number), "{signal}");
        assert_eq!((std::fs::read(&db).unwrap() == before, folder.names()), (true, names.clone()));
    }
}

/// How many descriptors are enough is the program's affair, so all limits are tried: from one on everything works, and
/// below there is a message. Whether a small input is closed before the output is opened is a matter of time, so a
/// limit next to that one may do once and not again.
#[test]
fn few_descriptors() {
    let (folder, db) = built(proteins(300));
    let [fasta, output] = ["in.fasta", "new.talaria"].map(|name| folder.path(name).to_str().unwrap().to_owned());
    let db = db.to_str().unwrap().to_owned();
    for arguments in [
        vec!["build".to_owned(), fasta.clone(), "-o".into(), output.clone(), "-q".into()],
        vec!["reduce".into(), db.clone(), "-o".into(), output.clone(), "-q".into()],
        vec!["export".into(), db.clone()],
        vec!["get".into(), db.clone(), "p7".into()],
        vec!["verify".into(), db],
    ] {
        let (mut least, mut enough, mut refused) = (None, 3, 0);
        for limit in 3..40 {
            let answer = shell(&format!("ulimit -n {limit}; exec \"$@\""), &arguments);
            // The loader of the system needs some too.
            if answer.code == 127 || answer.stderr.contains("error while loading shared libraries") {
                assert_eq!(least, None);
                continue;
            }
            if answer.code == 0 {
                least.get_or_insert(limit);
                let _ = std::fs::remove_file(&output);
                continue;
            }
            enough = limit + 1;
            assert_eq!((answer.code, answer.stderr.lines().count()), (1, 1), "{arguments:?}: {}", answer.stderr);
            assert!(answer.stderr.contains("Too many open files"), "{arguments:?}: {}", answer.stderr);
            assert!(!Path::new(&output).exists(), "{arguments:?}");
            refused += 1;
        }
        eprintln!("{}: {enough} descriptors are enough, {refused} limits refused", arguments[0]);
        assert!(least.is_some_and(|least| enough <= least + 2) && refused > 0, "{arguments:?}: {least:?}, {enough}");
    }
}

/// Someone who may not write here; for root that is another user, as permissions do not bind root.
fn unprivileged() -> Option<Vec<&'static str>> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        return Some(vec!["env"]);
    }
    let other = vec!["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let tried = Command::new(other[0]).args(&other[1..]).args([PROGRAM, "--version"]).output();
    tried.is_ok_and(|output| output.status.success()).then_some(other)
}

#[test]
fn reading_needs_no_permission_to_write() {
    let (folder, db, hits) = reduced();
    let Some(other) = unprivileged() else {
        eprintln!("skipped: permissions do not bind root, and the program cannot be run as another user");
        return;
    };
    let as_other = |arguments: &[String]| {
        let mut command = Command::new(other[0]);
        command.args(&other[1..]).args(arguments).env("XDG_CONFIG_HOME", "/nowhere").stdin(Stdio::null());
        command
    };
    let (place, names) = (folder.path("."), folder.names());
    for name in &names {
        std::fs::set_permissions(folder.path(name), Permissions::from_mode(0o444)).unwrap();
    }
    std::fs::set_permissions(&place, Permissions::from_mode(0o555)).unwrap();
    let touched = as_other(&["touch".into(), folder.path("new").to_str().unwrap().into()]).output().unwrap();
    assert!(!touched.status.success(), "the folder is not read-only");
    for arguments in writing(&db, &hits) {
        let expected = answer(&mut program(&arguments));
        let read = answer(&mut as_other(&[&[PROGRAM.to_owned()][..], &arguments].concat()));
        assert_eq!((read.code, read.stderr.as_str()), (0, ""), "{arguments:?}");
        // A configuration, and an estimate, say what the user may have.
        if !["config", "reduce"].contains(&arguments[0].as_str()) {
            assert_eq!(read.text(), expected.text(), "{arguments:?}");
        }
    }
    let found = folder.names();
    std::fs::set_permissions(&place, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(found, names);
}
