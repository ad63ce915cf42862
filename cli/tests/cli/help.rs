use crate::common::{Folder, run};

#[test]
fn help_and_version() {
    let help = run(&[&"--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    for part in ["build", "get", "export", "verify", "stats", "inspect", "man", "completions", "140  the memory limit"]
    {
        assert!(help.text().contains(part), "{part}");
    }
    let version = format!("talaria-db {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&[&"--version"]).text(), version);
    for command in [
        "build",
        "get",
        "export",
        "members",
        "representative",
        "expand",
        "stage",
        "verify",
        "stats",
        "inspect",
        "man",
        "completions",
    ] {
        let help = run(&[&command, &"--help"]);
        assert!(help.code == 0 && help.text().contains("Examples:"), "{command}");
    }
}

#[test]
fn what_a_command_does_stands_before_what_it_may_use() {
    for (command, option) in [
        ("build", "--quiet"),
        ("get", "--first"),
        ("export", "--source"),
        ("verify", "--quick"),
        ("reduce", "--clusters"),
        ("members", "--table"),
        ("expand", "--unknown"),
    ] {
        let help = run(&[&command, &"-h"]);
        let at = |text: &str| help.text().find(text).unwrap();
        assert!(at("Options:") < at(option) && at(option) < at("Resources:"), "{command}");
        assert!(at("Resources:") < at("--max-memory"), "{command}");
    }
}

#[test]
fn wrong_usage() {
    for arguments in [&[][..], &["frobnicate"], &["get"], &["completions", "cmd"]] {
        let arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = arguments.iter().map(|argument| argument as _).collect();
        let answer = run(&arguments);
        assert_eq!((answer.code, answer.text()), (2, ""));
        assert!(!answer.stderr.is_empty());
    }
}

#[test]
fn manual_pages_and_completions() {
    let man = run(&[&"man"]);
    assert_eq!(man.code, 0);
    assert_eq!(man.text().lines().filter(|line| line.starts_with(".TH")).count(), 15);
    let folder = Folder::new();
    assert_eq!(run(&[&"man", &folder.path("man1")]).code, 0);
    for page in ["talaria-db.1", "talaria-db-get.1", "talaria-db-completions.1"] {
        assert!(folder.path("man1").join(page).is_file(), "{page}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&[&"completions", &shell]);
        assert!(script.code == 0 && script.text().contains("reverse-complement"), "{shell}");
    }
}
