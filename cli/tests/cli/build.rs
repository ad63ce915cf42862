use std::os::unix::fs::symlink;

use crate::common::{Folder, answer, built, command, proteins, run, run_with_input};

#[test]
fn a_summary_and_nothing_on_standard_output() {
    let folder = Folder::new();
    let (input, output) = (folder.write("in.fasta", ">a\nMK\n>b\nMK\n"), folder.path("out.talaria"));
    let answer = run(&[&"build", &input, &"-o", &output]);
    assert_eq!((answer.code, answer.text()), (0, ""));
    assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
    assert!(answer.stderr.contains("2 records (1 shared), 4 residues, 12 B of FASTA in "), "{}", answer.stderr);
}

#[test]
fn from_standard_input_with_every_flag() {
    let folder = Folder::new();
    let output = folder.path("out.talaria");
    let fasta = proteins(200);
    let (tmp, size) = (folder.path(""), "4K");
    for codec in ["none", "lz4", "zstd", "zstd:19"] {
        let answer = run_with_input(
            &[
                &"build",
                &"-",
                &"-o",
                &output,
                &"--codec",
                &codec,
                &"--block-size",
                &size,
                &"--alphabet",
                &"protein",
                &"--no-share",
                &"--verify",
                &"--threads",
                &"2",
                &"--max-memory",
                &"50%",
                &"--tmp-dir",
                &tmp,
                &"--max-spill",
                &"1G",
                &"-q",
            ],
            &fasta,
        );
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{codec}");
        assert_eq!(run(&[&"export", &output]).stdout, fasta, "{codec}");
    }
    assert_eq!(folder.names(), ["out.talaria"]);
}

#[test]
fn progress_in_lines_and_none_if_quiet() {
    let folder = Folder::new();
    let (input, output) = (folder.write("in.fasta", proteins(100)), folder.path("out.talaria"));
    let answer = run(&[&"build", &input, &"-o", &output, &"--progress-every", &"0"]);
    assert_eq!(answer.code, 0);
    let line = answer.stderr.lines().find(|line| line.starts_with("talaria-db: reading: ")).unwrap();
    for part in [" KiB of ", " records, ", " residues", " elapsed", "memory ", " of "] {
        assert!(line.contains(part), "{part:?} in {line}");
    }
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 7] =
        [&"build", &input, &"-o", &output, &"--progress-every", &"0", &"--quiet"];
    let answer = run(&arguments);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
}

#[test]
fn an_input_without_records_is_worth_a_warning() {
    let folder = Folder::new();
    let (empty, full) = (folder.write("empty.fasta", ""), folder.write("full.fasta", ">a\nMK\n"));
    let output = folder.path("out.talaria");
    let answer = run(&[&"build", &empty, &full, &"-o", &output]);
    assert_eq!(answer.code, 0);
    let warning = format!("talaria-db: warning: {}: no records\n", empty.display());
    assert!(answer.stderr.starts_with(&warning), "{}", answer.stderr);
    assert_eq!(run(&[&"export", &output]).text(), ">a\nMK\n");
}

#[test]
fn an_input_is_not_overwritten() {
    let folder = Folder::new();
    let input = folder.write("in.fasta", ">a\nMK\n");
    symlink(&input, folder.path("link")).unwrap();
    std::fs::hard_link(&input, folder.path("hard")).unwrap();
    for output in ["in.fasta", "link", "hard"] {
        let answer = run(&[&"build", &input, &"-o", &folder.path(output)]);
        assert_eq!(answer.code, 2, "{output}");
        assert!(answer.stderr.contains("written over"), "{}", answer.stderr);
    }
    assert_eq!(std::fs::read(&input).unwrap(), b">a\nMK\n");
    let answer = run(&[&"build", &input, &"-o", &"/dev/null"]);
    assert_eq!((answer.code, answer.stderr.contains("not a regular file")), (2, true));
}

#[test]
fn what_was_there_stays_until_the_new_one_is_complete() {
    let (folder, output) = built(">a\nMK\n");
    let old = std::fs::read(&output).unwrap();
    for (name, bytes) in [("text", &b"this is no FASTA\n"[..]), ("cut.gz", b"\x1f\x8b\x08\x00\x00")] {
        let answer = run(&[&"build", &folder.write(name, bytes), &"-o", &output]);
        assert_eq!(answer.code, 3, "{}", answer.stderr);
        assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
        assert!(answer.stderr.starts_with("talaria-db: ") && answer.stderr.contains(name), "{}", answer.stderr);
        assert_eq!(std::fs::read(&output).unwrap(), old);
    }
    let answer = run(&[&"build", &folder.write("new.fasta", ">b\nMV\n"), &"-o", &output, &"-q"]);
    assert_eq!((answer.code, run(&[&"export", &output]).text()), (0, ">b\nMV\n"));
    assert_eq!(folder.names(), ["cut.gz", "in.fasta", "new.fasta", "out.talaria", "text"]);
}

#[test]
fn a_link_to_the_output_stays_one() {
    let (folder, output) = built(">a\nMK\n");
    let link = folder.path("link.talaria");
    symlink(&output, &link).unwrap();
    assert_eq!(run(&[&"build", &folder.write("b.fasta", ">b\nMV\n"), &"-o", &link, &"-q"]).code, 0);
    assert!(link.is_symlink());
    assert_eq!(run(&[&"export", &output]).text(), ">b\nMV\n");
}

#[test]
fn too_little_memory() {
    let folder = Folder::new();
    let (input, output) = (folder.write("in.fasta", ">a\nMK\n"), folder.path("out.talaria"));
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 4] = [&"build", &input, &"-o", &output];
    let by_flag = run(&[&"build", &input, &"-o", &output, &"--max-memory", &"1M"]);
    let by_environment = answer(command(&arguments).env("TALARIA_MAX_MEMORY", "1M"));
    let by_batch_system = answer(command(&arguments).env("SLURM_MEM_PER_NODE", "4"));
    for answer in [by_flag, by_environment, by_batch_system] {
        assert_eq!(answer.code, 140, "{}", answer.stderr);
        assert!(answer.stderr.contains("is too little: "), "{}", answer.stderr);
    }
    let with_both = answer(command(&arguments).args(["--max-memory", "1G"]).env("TALARIA_MAX_MEMORY", "1M"));
    assert_eq!(with_both.code, 0, "{}", with_both.stderr);
    assert_eq!(run(&[&"get", &output, &"a", &"--max-memory", &"1"]).code, 140);
}

#[test]
fn usage_and_failure() {
    let folder = Folder::new();
    let (input, output) = (folder.write("in.fasta", ">a\nMK\n"), folder.path("out.talaria"));
    let with = |flag: &'static str, value: &'static str| run(&[&"build", &input, &"-o", &output, &flag, &value]);
    for (flag, value) in [
        ("--codec", "zstd:99"),
        ("--codec", "brotli"),
        ("--block-size", "5000"),
        ("--block-size", "1K"),
        ("--block-size", "50%"),
        ("--alphabet", "klingon"),
        ("--threads", "0"),
        ("--max-memory", "lots"),
        ("--max-spill", "-1"),
        ("--no-such-flag", "1"),
    ] {
        assert_eq!(with(flag, value).code, 2, "{flag} {value}");
    }
    assert_eq!(run(&[&"build", &input]).code, 2);
    assert_eq!(run(&[&"build", &"-o", &output]).code, 2);
    assert_eq!(run(&[&"build", &"-", &"-", &"-o", &output]).code, 2);
    assert_eq!(run(&[&"build", &folder.path("gone"), &"-o", &output]).code, 1);
    assert_eq!(run(&[&"build", &input, &"-o", &folder.path("no/folder")]).code, 1);
    assert_eq!(folder.names(), ["in.fasta"]);
}

#[test]
fn the_first_residues_decide_on_the_block_size_however_few() {
    let folder = Folder::new();
    let (empty, short) = (folder.write("empty.fa", "\n"), folder.write("short.fa", ">phage\nACGTACGT\n"));
    let protein = folder.write("protein.fa", ">p\nMKVLAAGITGGHHHH\n");
    let size = |inputs: [&std::path::PathBuf; 2]| {
        let db = folder.path("db.talaria");
        assert_eq!(run(&[&"build", inputs[0], inputs[1], &"-o", &db, &"-q"]).code, 0);
        run(&[&"inspect", &db, &"--json"]).json()["header"]["sequence_block_size"].as_u64().unwrap()
    };
    assert_eq!(size([&empty, &short]), 131072);
    assert_eq!(size([&short, &protein]), 131072);
    assert_eq!(size([&protein, &short]), 16384);
}

#[test]
fn a_refused_lease_is_no_damage() {
    let folder = Folder::new();
    let (input, db) = (folder.write("in.fa", format!(">a\nAC\n{}", "\n".repeat(40 << 20))), folder.path("db.talaria"));
    assert_eq!(run(&[&"build", &input, &"-o", &db, &"-q", &"--max-memory", &"64M"]).code, 0);
    assert!(std::fs::metadata(&db).unwrap().len() < 10_000);
    let answer = run(&[&"verify", &db, &"--max-memory", &"16M"]);
    assert_eq!(answer.code, 140, "{}", answer.stderr);
    assert_eq!(run(&[&"verify", &db]).code, 0);
}

#[test]
fn containers_among_the_inputs() {
    let folder = Folder::new();
    let odd = ">a one\r\nMKV\r\nLL\r\n\r\n>a two\nmkv\n>e\n>last\nGGA";
    let (first, second) = (folder.write("a.fasta", proteins(2_000)), folder.write("b.fasta", odd));
    let [packed, other, all, plain] =
        ["ab.talaria", "b.talaria", "all.talaria", "plain.talaria"].map(|name| folder.path(name));
    let build = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
        let answer = run(&[&[&"build" as &dyn AsRef<_>], arguments, &[&"-q"]].concat());
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    };
    build(&[&first, &second, &"-o", &packed]);
    build(&[&second, &"-o", &other, &"--codec", &"lz4"]);
    build(&[&packed, &first, &other, &"-o", &all, &"--verify", &"--columns", &"complexity", &"--max-memory", &"64M"]);
    build(&[&first, &second, &first, &second, &"-o", &plain, &"--columns", &"complexity"]);
    let text = [std::fs::read(&first).unwrap(), odd.into()].concat().repeat(2);
    assert!(run(&[&"export", &all]).stdout == text);
    let sources = |path: &std::path::PathBuf| run(&[&"inspect", path, &"--json"]).json()["sources"].clone();
    assert_eq!(sources(&all), sources(&plain));
    // As of FASTA, but for how it came to be.
    let sections = |path: &std::path::PathBuf| {
        let mut sections = run(&[&"stats", path, &"--json"]).json()["sections"].clone();
        assert!(sections.as_object_mut().unwrap().remove("provenance").is_some());
        sections
    };
    assert_eq!(sections(&all), sections(&plain));

    let mut bytes = std::fs::read(&packed).unwrap();
    bytes[4096] ^= 1;
    let damaged = folder.write("damaged.talaria", bytes);
    let out = folder.path("out.talaria");
    assert_eq!(run(&[&"build", &damaged, &first, &"-o", &out]).code, 4);
    assert_eq!(run(&[&"build", &packed, &first, &"-o", &packed]).code, 2);
    assert!(!out.exists());
}
