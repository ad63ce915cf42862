//! A folder to work in, and the program.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder that is removed at the end.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The names of the files in it, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// A folder with `in.fasta`, and the container built from it.
pub(crate) fn built(fasta: impl AsRef<[u8]>) -> (Folder, PathBuf) {
    let folder = Folder::new();
    let (input, output) = (folder.write("in.fasta", fasta), folder.path("out.talaria"));
    let answer = run(&[&"build", &input, &"-o", &output, &"--quiet"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    (folder, output)
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Answer {
    /// Standard output as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }
}

/// The program with arguments, and nothing of the surroundings that could change what it does.
pub(crate) fn command(arguments: &[&dyn AsRef<OsStr>]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_talaria-db")));
    command.args(arguments.iter().map(|argument| argument.as_ref()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("TALARIA_") || text.starts_with("SLURM_") {
            command.env_remove(&name);
        }
    }
    command.env("XDG_CONFIG_HOME", "/nowhere").stdin(Stdio::null());
    command
}

pub(crate) fn run(arguments: &[&dyn AsRef<OsStr>]) -> Answer {
    answer(&mut command(arguments))
}

pub(crate) fn answer(command: &mut Command) -> Answer {
    let output = command.output().unwrap();
    Answer {
        code: output.status.code().unwrap(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// [`run`] with something on standard input.
pub(crate) fn run_with_input(arguments: &[&dyn AsRef<OsStr>], input: impl AsRef<[u8]>) -> Answer {
    let mut command = command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Who refuses before reading closes the pipe.
    let written = child.stdin.take().unwrap().write_all(input.as_ref());
    assert!(written.err().is_none_or(|error| error.kind() == std::io::ErrorKind::BrokenPipe));
    let output = child.wait_with_output().unwrap();
    Answer {
        code: output.status.code().unwrap(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A plain generator of numbers below a bound, the same at every run.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The constants of Knuth's MMIX; the high bits are good enough here.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    pub(crate) fn residues(&mut self, letters: &[u8], length: usize) -> Vec<u8> {
        (0..length).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }
}

/// A FASTA file of `count` proteins named `p0`, `p1`, ..., in lines of 60.
pub(crate) fn proteins(count: u64) -> Vec<u8> {
    let (mut numbers, mut fasta) = (Numbers::new(1), Vec::new());
    for number in 0..count {
        let length = 50 + numbers.below(400) as usize;
        let residues = numbers.residues(b"ACDEFGHIKLMNPQRSTVWY", length);
        fasta.extend_from_slice(&record(&format!("p{number} protein {number}"), &residues, 60));
    }
    fasta
}

/// A record of FASTA.
pub(crate) fn record(header: &str, residues: &[u8], width: usize) -> Vec<u8> {
    let mut text = format!(">{header}\n").into_bytes();
    for line in residues.chunks(width) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text
}
