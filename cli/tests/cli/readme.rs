//! The tour of the README is run, and must say what the README says.

use std::path::Path;
use std::process::Command;

use crate::common::Folder;

/// Times and memory differ from run to run.
fn without_measures(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        lines.push(line.rfind("), 0.").map_or(line, |at| &line[..at]));
    }
    lines.join("\n")
}

#[test]
fn the_tour() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let folder = Folder::new();
    folder.write("example.fasta", std::fs::read(root.join("fixtures/example.fasta")).unwrap());
    let programs = Path::new(env!("CARGO_BIN_EXE_talaria-db")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut commands = 0;
    for block in readme.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        for step in block.split("$ ").skip(1) {
            let (command, expected) = step.split_once('\n').unwrap();
            let output = Command::new("sh")
                .args(["-c", command])
                .current_dir(folder.path(""))
                .env("PATH", &path)
                .env_remove("TALARIA_MAX_MEMORY")
                .env("XDG_CONFIG_HOME", folder.path("config"))
                .output()
                .unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = without_measures(&String::from_utf8(said).unwrap());
            assert_eq!(said, without_measures(expected), "{command}");
            commands += 1;
        }
    }
    assert_eq!(commands, 33);
}

#[test]
fn the_exit_codes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let table: Vec<u8> = readme
        .split("| code | meaning |")
        .nth(1)
        .unwrap()
        .lines()
        .skip(2)
        .map_while(|line| line.split('|').nth(1)?.trim().parse().ok())
        .collect();
    let help = Command::new(env!("CARGO_BIN_EXE_talaria-db")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed: Vec<u8> = help
        .split("Exit codes:\n")
        .nth(1)
        .unwrap()
        .lines()
        .map_while(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    assert_eq!(table, listed);
}
