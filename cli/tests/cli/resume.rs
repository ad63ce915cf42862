//! `reduce --resume`: a clustering that was killed goes on after its finished rounds, and comes to the same bytes.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use crate::common::{Answer, Folder, answer, command, run};
use crate::estimate::families;

const FLAGS: [&str; 6] = ["--method", "cluster", "--sensitive", "--threads", "2", "--quiet"];

/// Kills a process as soon as a file is there.
fn kill_at(mut process: Child, file: &Path, signal: &str) -> Option<i32> {
    while !file.exists() && process.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap();
    process.wait().unwrap().signal()
}

fn reduce(input: &Path, output: &Path, more: &[&dyn AsRef<OsStr>]) -> Command {
    let mut command = command(&[&"reduce", &input, &"-o", &output]);
    command.args(FLAGS).args(more.iter().map(|argument| argument.as_ref()));
    command
}

fn with(input: &Path, output: &Path, more: &[&dyn AsRef<OsStr>]) -> Answer {
    answer(&mut reduce(input, output, more))
}

#[test]
fn killed_and_gone_on() {
    let folder = Folder::new();
    let fasta = folder.write("in.fasta", families(500));
    let db = folder.path("in.talaria");
    assert_eq!(run(&[&"build", &fasta, &"-o", &db, &"-q"]).code, 0);
    let (whole, output, kept) = (folder.path("whole.talaria"), folder.path("out.talaria"), folder.path("kept"));
    let checkpoint = kept.join("clustering.checkpoint");
    assert_eq!(with(&db, &whole, &[]).code, 0);
    for (input, signal, number) in [(&db, "-KILL", 9), (&fasta, "-TERM", 15)] {
        assert_eq!(
            kill_at(reduce(input, &output, &[&"--resume", &kept]).spawn().unwrap(), &checkpoint, signal),
            Some(number)
        );
        assert!(checkpoint.exists() && !output.exists());

        // Of other options or another input it is of no use, and is left alone.
        let refused = with(input, &output, &[&"--resume", &kept, &"--min-identity", &"0.8"]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("--min-identity 0.8"), "{}", refused.stderr);
        let other = folder.write("other.fasta", families(20));
        let refused = with(&other, &output, &[&"--resume", &kept]);
        assert!(refused.code == 2 && refused.stderr.contains("input of 80 records"), "{}", refused.stderr);

        let report = folder.path("report.json");
        let done = with(input, &output, &[&"--resume", &kept, &"--report", &report]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""));
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
        assert!(report["rounds_resumed"].as_u64().unwrap() > 0);
        assert_eq!(report["rounds"].as_array().unwrap().len(), 3);
        let table = |path: &Path| std::fs::read(path.with_extension("talaria.clusters.tsv")).unwrap();
        assert!(std::fs::read(&output).unwrap() == std::fs::read(&whole).unwrap(), "{signal}");
        assert!(table(&output) == table(&whole));
        assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 0, "nothing is left");
        std::fs::remove_file(&output).unwrap();
    }
    // Damage is not trusted, and does not stand in the way.
    std::fs::write(&checkpoint, b"TDB-CKPT and more that is no state").unwrap();
    let done = with(&db, &output, &[&"--resume", &kept]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(std::fs::read(&output).unwrap() == std::fs::read(&whole).unwrap());
    assert_eq!(
        run(&[&"reduce", &db, &"-o", &output, &"--resume", &kept]).code,
        2,
        "of the exact method nothing is kept"
    );
}
