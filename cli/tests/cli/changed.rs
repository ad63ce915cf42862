//! Files that change while a command reads them: it says so in the end, by a line and its exit code, and not by a
//! signal.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Folder, Numbers, answer, command, record, run};

/// More text than pipes and buffers hold.
fn text(seed: u64) -> Vec<u8> {
    let mut numbers = Numbers::new(seed);
    let residues: Vec<Vec<u8>> = (0..50).map(|_| numbers.residues(b"ACDEFGHIKLMNPQRSTVWY", 2000)).collect();
    (0..8000).flat_map(|number| record(&format!("r{number}"), &residues[number * 7 % 50], 60)).collect()
}

/// Runs a command whose output nobody reads until `change` is done; its exit code, or signal, and its messages.
fn meanwhile(mut command: Command, change: impl FnOnce(u32)) -> (Option<i32>, Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut output, mut first) = (child.stdout.take().unwrap(), [0; 1]);
    output.read_exact(&mut first).unwrap();
    change(child.id());
    // After a signal there may be no more.
    let _ = output.read_to_end(&mut Vec::new());
    let mut messages = String::new();
    child.stderr.take().unwrap().read_to_string(&mut messages).unwrap();
    let status = child.wait().unwrap();
    (status.code(), status.signal(), messages)
}

fn get_all(path: &Path, ids: &Path) -> Command {
    let mut get = command(&[&"get", &path, &"--file", &ids]);
    get.stdin(Stdio::null());
    get
}

#[test]
fn a_file_that_is_written_over_is_told() {
    let folder = Folder::new();
    let [fasta, container] = ["x.fasta", "x.talaria"].map(|name| folder.path(name));
    let ids = folder.write("ids", (0..8000).map(|number| format!("r{number}\n")).collect::<String>());
    std::fs::write(&fasta, text(1)).unwrap();
    assert_eq!(run(&[&"build", &fasta, &"-o", &container, &"-q"]).code, 0);
    for path in [&fasta, &container] {
        let before = std::fs::read(path).unwrap();
        let (code, _, messages) = meanwhile(get_all(path, &ids), |_| {
            let mut after = before.clone();
            after.iter_mut().rev().take(before.len() / 2).step_by(61).for_each(|byte| *byte ^= 4);
            std::fs::write(path, after).unwrap();
        });
        // Checksums, or an index that leads nowhere, may tell before the end does.
        assert!(matches!(code, Some(1 | 3 | 4)), "{messages}");
        assert!(!messages.is_empty() && messages.lines().count() == 1, "{messages}");
        std::fs::write(path, before).unwrap();
        let untouched = answer(&mut get_all(path, &ids));
        assert_eq!((untouched.code, untouched.stderr.as_str()), (0, ""));
    }
}

#[test]
fn a_container_that_is_cut_short_is_an_error_and_no_signal() {
    let folder = Folder::new();
    let (fasta, container) = (folder.write("x.fasta", text(2)), folder.path("x.talaria"));
    assert_eq!(run(&[&"build", &fasta, &"-o", &container, &"-q", &"--no-share"]).code, 0);
    let export = || command(&[&"export", &container, &"--threads=1"]);
    let (code, signal, messages) = meanwhile(export(), |_| {
        OpenOptions::new().write(true).open(&container).unwrap().set_len(4096).unwrap();
    });
    assert!(matches!(code, Some(1 | 4)), "{signal:?} {messages}");
    assert!(messages.contains("x.talaria") && messages.lines().count() == 1, "{messages}");
}

/// What is for broken mappings does not keep the program from being ended.
#[test]
fn a_bus_error_that_is_sent_ends_the_program() {
    let folder = Folder::new();
    let (fasta, container) = (folder.write("x.fasta", text(3)), folder.path("x.talaria"));
    assert_eq!(run(&[&"build", &fasta, &"-o", &container, &"-q"]).code, 0);
    let (code, signal, _) = meanwhile(command(&[&"export", &container]), |process| {
        assert!(Command::new("kill").args(["-BUS", &process.to_string()]).status().unwrap().success());
    });
    assert_eq!((code, signal), (None, Some(7)));
}
