//! However the program ends, nothing temporary is left behind.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::common::{Folder, answer, command, run};

/// The least that all of this is done with.
const LIMIT: &str = "64M";
const SIGNALS: [(&str, i32); 2] = [("-KILL", 9), ("-TERM", 15)];

/// Many names, which a build sorts on disk under a small limit.
fn names(count: u64) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!(">r{number}\nMKV{}\n", ["A", "C", "D"][number as usize % 3]))
}

fn fifo(folder: &Folder) -> PathBuf {
    let path = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// Temporary files that a process has open in a folder: they have no names there.
fn open_in(process: &Child, folder: &Path) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap();
    let links = descriptors.filter_map(|descriptor| std::fs::read_link(descriptor.unwrap().path()).ok());
    links.filter(|link| link.starts_with(folder)).count()
}

fn kill(mut process: Child, signal: &str) -> ExitStatus {
    assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
    process.wait().unwrap()
}

fn listed(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder with an output that is there already, and one for temporary files.
fn folders() -> (Folder, PathBuf, PathBuf, PathBuf) {
    let folder = Folder::new();
    let (temporary, results) = (folder.path("temporary"), folder.path("results"));
    std::fs::create_dir(&temporary).unwrap();
    std::fs::create_dir(&results).unwrap();
    let output = results.join("out.talaria");
    std::fs::write(&output, "what was there").unwrap();
    (folder, temporary, results, output)
}

/// The target is as it was and the temporary files are gone. What is left is the file that was to be the output, under
/// its hidden name: the next run takes it over.
fn check_left(temporary: &Path, results: &Path) {
    assert_eq!(listed(temporary), [""; 0]);
    let left: Vec<String> = listed(results).into_iter().filter(|name| !name.ends_with(".unfinished")).collect();
    assert_eq!(left, ["out.talaria"]);
    assert_eq!(std::fs::read(results.join("out.talaria")).unwrap(), b"what was there");
}

/// Killed while it reads and has temporary files: the input stops coming in the middle, so the moment is certain.
#[test]
fn killed_while_it_reads() {
    for command_name in ["build", "reduce"] {
        for (signal, number) in SIGNALS {
            let (folder, temporary, results, output) = folders();
            let input = fifo(&folder);
            let arguments: [&dyn AsRef<OsStr>; 9] =
                [&command_name, &input, &"-o", &output, &"--quiet", &"--max-memory", &LIMIT, &"--tmp-dir", &temporary];
            let process = command(&arguments).spawn().unwrap();
            let mut pipe = std::fs::File::options().write(true).open(&input).unwrap();
            let mut text = String::new();
            // A write waits until the program has read what came before. Which amount makes it spill is its own affair.
            let spilled = names(20_000_000).any(|record| {
                text.push_str(&record);
                if text.len() < 1 << 16 {
                    return false;
                }
                pipe.write_all(text.as_bytes()).unwrap();
                text.clear();
                open_in(&process, &temporary) > 0
            });
            assert!(spilled, "{command_name} did without temporary files");
            assert_eq!(listed(&temporary), [""; 0], "temporary files have no names");
            let status = kill(process, signal);
            assert_eq!(status.signal(), Some(number), "{command_name} {signal}");
            check_left(&temporary, &results);
            drop(pipe);
            // The next one is not in its way.
            let small = folder.write("small.fasta", ">a\nMKV\n");
            let next = run(&[&command_name, &small, &"-o", &output, &"--quiet", &"--tmp-dir", &temporary]);
            assert_eq!((next.code, next.stderr.as_str()), (0, ""));
            let clusters = (command_name == "reduce").then_some("out.talaria.clusters.tsv");
            assert_eq!(listed(&results), ["out.talaria"].into_iter().chain(clusters).collect::<Vec<_>>());
            assert_eq!(listed(&temporary), [""; 0]);
        }
    }
}

/// Killed while it writes: at the first word of that, with nearly all of it to come.
#[test]
fn killed_while_it_writes() {
    let source = Folder::new();
    let db = source.path("db.talaria");
    let fasta = source.write("in.fasta", names(400_000).collect::<String>());
    assert_eq!(run(&[&"build", &fasta, &"-o", &db, &"--quiet", &"--no-share"]).code, 0);
    for (signal, number) in SIGNALS {
        let (_folder, temporary, results, output) = folders();
        let arguments: [&dyn AsRef<OsStr>; 10] = [
            &"reduce",
            &db,
            &"-o",
            &output,
            &"--progress-every",
            &"0",
            &"--max-memory",
            &LIMIT,
            &"--tmp-dir",
            &temporary,
        ];
        let mut process = command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().starts_with("talaria-db: writing: ")));
        let status = kill(process, signal);
        assert_eq!(status.signal(), Some(number), "{signal}");
        check_left(&temporary, &results);
    }
}

#[test]
fn more_temporary_files_than_allowed() {
    let (folder, temporary, results, output) = folders();
    let input = folder.write("in.fasta", names(400_000).collect::<String>());
    for command_name in ["build", "reduce"] {
        for limit in ["1", "300K"] {
            let refused = run(&[
                &command_name,
                &input,
                &"-o",
                &output,
                &"--quiet",
                &"--max-memory",
                &LIMIT,
                &"--tmp-dir",
                &temporary,
                &"--max-spill",
                &limit,
            ]);
            assert_eq!(refused.code, 6, "{command_name}: {}", refused.stderr);
            assert!(refused.stderr.contains(temporary.to_str().unwrap()), "{}", refused.stderr);
            assert_eq!((listed(&temporary), listed(&results)), (vec![], vec!["out.talaria".to_owned()]));
            assert_eq!(std::fs::read(&output).unwrap(), b"what was there");
        }
    }
}

/// A file system of a few hundred KiB, while it lives. Only root can have one.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path) -> Option<Self> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "none"]).arg(at).output();
        mount.is_ok_and(|output| output.status.success()).then(|| Self(at.to_path_buf()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_disk_without_room() {
    let (folder, temporary, results, output) = folders();
    let input = folder.write("in.fasta", names(400_000).collect::<String>());
    let Some(_small) = Small::mount(&temporary) else {
        eprintln!("skipped: no small file system can be mounted here");
        return;
    };
    for command_name in ["build", "reduce"] {
        let arguments: [&dyn AsRef<OsStr>; 5] = [&command_name, &input, &"-o", &output, &"--quiet"];
        let mut limited = command(&arguments);
        let refused = answer(limited.args(["--max-memory", LIMIT, "--tmp-dir"]).arg(&temporary));
        assert_eq!(refused.code, 6, "{command_name}: {}", refused.stderr);
        assert!(refused.stderr.contains(temporary.to_str().unwrap()), "{}", refused.stderr);
        assert_eq!((listed(&temporary), listed(&results)), (vec![], vec!["out.talaria".to_owned()]));
    }
}
