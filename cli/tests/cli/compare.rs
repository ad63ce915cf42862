//! The comparison with other tools (`benches/compare`): it runs, it says when an answer is wrong, and the README has
//! the figures of the result that is kept.
//!
//! It needs Python 3.9 or later. Without it these tests say so and pass.
#![expect(clippy::print_stderr, reason = "what is skipped is said")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::Folder;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// `python3` with these arguments in the folder of the workspace, or nothing, said, where there is none.
fn python(arguments: &[&str]) -> Option<Output> {
    let version = Command::new("python3").args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]).output();
    if !version.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: the comparison cannot run here: no python3 of 3.9 or later");
        return None;
    }
    let output = Command::new("python3").arg("-B").args(arguments).current_dir(root()).output().unwrap();
    Some(output)
}

fn passes(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn its_own_tests() {
    if let Some(output) = python(&["-m", "unittest", "discover", "-s", "benches/compare", "-p", "test_*.py"]) {
        passes(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Ran ") && !said.contains("Ran 0 tests"), "{said}");
    }
}

#[test]
fn the_readme_has_the_figures_that_are_kept() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let kept = readme.split_once("<!-- figures of ").unwrap().1.split_once(" -->").unwrap().0;
    assert!(root().join(kept).is_file(), "{kept} is not kept");
    if let Some(output) = python(&["benches/compare", "render", kept, "README.md", "--check"]) {
        passes(&output);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_of_talaria_db_beside_cat() {
    let folder = Folder::new();
    let name = folder.path("result");
    let name = name.to_str().unwrap();
    for (command, fixture) in [("run", "fixtures/example.fasta"), ("reduce", "fixtures/example.fasta")] {
        let program = env!("CARGO_BIN_EXE_talaria-db");
        let arguments = [
            "-n",
            "1",
            "--only",
            "cat (",
            "--talaria-db",
            program,
            "--work",
            folder.path("").to_str().unwrap(),
            "-o",
            name,
        ]
        .map(str::to_owned);
        let mut all = vec!["benches/compare", command, fixture];
        all.extend(arguments.iter().map(String::as_str));
        let Some(output) = python(&all) else { return };
        passes(&output);
        let text = std::fs::read_to_string(folder.path("result.json")).unwrap();
        assert!(!text.contains(folder.path("").to_str().unwrap()), "places of this machine are in the result");
        let result: serde_json::Value = serde_json::from_str(&text).unwrap();
        let set = &result["sets"][0];
        let mut checked = 0;
        let rows =
            set["rows"].as_array().into_iter().flatten().flat_map(|row| row["jobs"].as_object().unwrap().values());
        let tasks = set["tasks"].as_array().into_iter().flatten().flat_map(|task| task["rows"].as_array().unwrap());
        for job in rows.chain(tasks) {
            let run = job["runs"].as_array().unwrap().last().unwrap();
            assert_eq!(run["exit"], 0, "{job}");
            assert!(run["wall"].as_f64().unwrap() > 0.0 && run["peak"].as_u64().unwrap() > 0, "{job}");
            assert!(
                job["commands"].as_array().unwrap().iter().all(|line| !line.as_str().unwrap().starts_with('/')),
                "{job}"
            );
            if job.get("right").is_some() {
                assert_eq!(job["right"], true, "{job}");
                checked += 1;
            }
        }
        // Export, lookups of many and of one by three presets and `cat`, and lookups of both kinds in FASTA; three
        // tasks of reduction of two rows, two of them of three.
        assert_eq!(checked, if command == "run" { 14 } else { 8 });
    }
}
