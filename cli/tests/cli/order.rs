//! The order in which residues lie, in what is built and in what is reduced.

use std::path::Path;

use crate::common::{Folder, Numbers, record, run};

/// Three families of proteins, their members far from each other.
fn families() -> Vec<u8> {
    let mut numbers = Numbers::new(7);
    let letters = b"ACDEFGHIKLMNPQRSTVWY";
    let ancestors: Vec<Vec<u8>> = (0..40).map(|_| numbers.residues(letters, 300)).collect();
    let mut fasta = Vec::new();
    for member in 0..12 {
        for (family, ancestor) in ancestors.iter().enumerate() {
            let mut residues = ancestor.clone();
            for _ in 0..2 * member {
                residues[numbers.below(300) as usize] = letters[numbers.below(20) as usize];
            }
            fasta.extend(record(&format!("f{family}m{member}"), &residues, 60));
        }
    }
    fasta
}

#[test]
fn an_order_by_similarity_is_smaller_and_gives_the_same_answers() {
    let folder = Folder::new();
    let fasta = families();
    let input = folder.write("in.fasta", &fasta);
    let [plain, ordered, again] = ["plain.talaria", "ordered.talaria", "again.talaria"].map(|name| folder.path(name));
    assert_eq!(run(&[&"build", &input, &"-o", &plain, &"-q"]).code, 0);
    let similarity = "--order=similarity";
    let answer = run(&[&"build", &input, &"-o", &ordered, &"-q", &similarity, &"--verify", &"--threads", &"1"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let limits = "--max-memory=64M";
    assert_eq!(run(&[&"build", &input, &"-o", &again, &"-q", &similarity, &limits, &"--threads", &"2"]).code, 0);
    assert!(std::fs::read(&ordered).unwrap() == std::fs::read(&again).unwrap(), "threads or memory count");
    assert_eq!(folder.names(), ["again.talaria", "in.fasta", "ordered.talaria", "plain.talaria"]);

    let length = |path: &std::path::Path| std::fs::metadata(path).unwrap().len();
    assert!(length(&ordered) * 3 < length(&plain) * 2, "{} and {}", length(&ordered), length(&plain));
    let json = run(&[&"inspect", &ordered, &"--json"]).json();
    assert_eq!(json["header"]["order"], "similarity");
    assert!(json["provenance"].to_string().contains("--order similarity"));
    assert_eq!(run(&[&"inspect", &plain, &"--json"]).json()["header"]["order"], "input");

    assert_eq!(run(&[&"verify", &ordered]).code, 0);
    let commands: [&[&str]; 6] = [
        &["export"],
        &["export", "--max-memory=64M", "--threads=1"],
        &["export", "--stream"],
        &["get", "--number", "3,470-479,3"],
        &["get", "f7m3", "f39m11:20-60"],
        &["stats"],
    ];
    for command in commands {
        let answers = [&plain, &ordered].map(|path| {
            let mut all: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&command[0], path];
            all.extend(command[1..].iter().map(|argument| argument as &dyn AsRef<std::ffi::OsStr>));
            run(&all)
        });
        assert_eq!((answers[0].code, answers[1].code), (0, 0), "{command:?}: {}", answers[1].stderr);
        if command[0] != "stats" {
            assert!(answers[0].stdout == answers[1].stdout, "{command:?}");
        }
    }
    assert_eq!(run(&[&"export", &ordered]).stdout, fasta);
    let wrong = run(&[&"build", &input, &"-o", &plain, &"--order", &"random"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("similarity"), "{}", wrong.stderr);
}

#[test]
fn a_reduction_of_an_order_by_similarity_is_that_of_the_input() {
    let folder = Folder::new();
    let input = folder.write("in.fasta", families());
    let databases = ["input", "similarity"].map(|order| {
        let path = folder.path(&format!("{order}.talaria"));
        assert_eq!(run(&[&"build", &input, &"-o", &path, &"-q", &"--order", &order]).code, 0);
        path
    });
    for method in ["exact", "cluster", "contain", "select"] {
        let tables = databases.each_ref().map(|database| {
            let (output, table) = (folder.path("out.talaria"), folder.path("out.tsv"));
            let answer =
                run(&[&"reduce", database, &"-o", &output, &"-q", &"--method", &method, &"--clusters", &table]);
            assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{method}");
            assert!(run(&[&"export", &output]).stdout == std::fs::read(&input).unwrap(), "{method}");
            std::fs::read(table).unwrap()
        });
        assert!(tables[0] == tables[1], "{method}");
    }
}

/// Reduces with `arguments`, twice; both times it comes to the same file.
fn reduce_twice(input: &Path, output: &Path, arguments: &[&'static str]) -> Vec<u8> {
    let mut answers = [&["--threads=1"][..], &["--threads=2", "--max-memory=64M"]].map(|more| {
        let mut all: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"reduce", &input, &"-o", &output, &"-q"];
        all.extend(arguments.iter().chain(more).map(|argument| argument as &dyn AsRef<std::ffi::OsStr>));
        let answer = run(&all);
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{arguments:?}");
        std::fs::read(output).unwrap()
    });
    assert!(answers[0] == answers[1], "threads or memory count: {arguments:?}");
    std::mem::take(&mut answers[0])
}

#[test]
fn a_reduction_lies_as_what_it_came_from_unless_told_otherwise() {
    let folder = Folder::new();
    let input = folder.write("in.fasta", families());
    let [plain, small, output] = ["plain.talaria", "small.talaria", "out.talaria"].map(|name| folder.path(name));
    assert_eq!(run(&[&"build", &input, &"-o", &plain, &"-q"]).code, 0);
    assert_eq!(run(&[&"build", &input, &"-o", &small, &"-q", &"--preset=small"]).code, 0);
    let clusters: &[&'static str] = &["--method=cluster", "--min-identity=0.7"];
    let cases: [(&Path, &[&'static str], &str); 6] = [
        (&plain, &[], "input"),
        (&plain, &["--order=similarity"], "similarity"),
        (&small, &[], "similarity"),
        (&small, &["--order=input"], "input"),
        (&small, &["--no-deltas"], "similarity"),
        (&input, &["--order=similarity"], "similarity"),
    ];
    for (from, more, order) in cases {
        let arguments = [clusters, more].concat();
        reduce_twice(from, &output, &arguments);
        let shown = run(&[&"inspect", &output, &"--json"]).json();
        assert_eq!(shown["header"]["order"], order, "{arguments:?}");
        assert_eq!(run(&[&"verify", &output]).code, 0, "{arguments:?}");
        if !more.contains(&"--no-deltas") {
            assert!(run(&[&"export", &output]).stdout == std::fs::read(&input).unwrap(), "{arguments:?}");
            let member = run(&[&"get", &output, &"f7m3", &"f39m1:20-60"]);
            assert!(member.stdout == run(&[&"get", &plain, &"f7m3", &"f39m1:20-60"]).stdout, "{arguments:?}");
        }
    }
    let [in_order, placed] =
        [&["--order=input"], &["--order=similarity"]].map(|order| reduce_twice(&plain, &output, order).len());
    assert!(placed < in_order, "{placed} and {in_order}");
}

#[test]
fn presets_are_what_they_say() {
    let folder = Folder::new();
    let input = folder.write("in.fasta", families());
    let lengths = ["fast", "balanced", "small"].map(|preset| {
        let path = folder.path(preset);
        assert_eq!(run(&[&"build", &input, &"-o", &path, &"-q", &"--preset", &preset, &"--verify"]).code, 0);
        assert!(run(&[&"export", &path]).stdout == std::fs::read(&input).unwrap(), "{preset}");
        std::fs::metadata(path).unwrap().len()
    });
    assert!(lengths[2] < lengths[1] && lengths[1] < lengths[0], "{lengths:?}");
    // What is said beside a preset counts.
    let path = folder.path("other");
    let build: [&dyn AsRef<std::ffi::OsStr>; 7] =
        [&"build", &input, &"-o", &path, &"-q", &"--preset=small", &"--order=input"];
    assert_eq!(run(&build).code, 0);
    assert_eq!(run(&[&"inspect", &path, &"--json"]).json()["header"]["order"], "input");
}

#[test]
fn parts_of_others_are_told_and_nothing_is_shared() {
    let (folder, mut numbers) = (Folder::new(), Numbers::new(9));
    let mut fasta = Vec::new();
    for whole in 0..30 {
        let residues = numbers.residues(b"ACDEFGHIKLMNPQRSTVWY", 200);
        fasta.extend(record(&format!("whole{whole}"), &residues, 60));
        fasta.extend(record(&format!("part{whole}"), &residues[whole..150], 60));
    }
    let (input, output) = (folder.write("in.fasta", &fasta), folder.path("out.talaria"));
    reduce_twice(&input, &output, &["--method=contain", "--order=similarity"]);
    assert_eq!(run(&[&"verify", &output]).code, 0);
    assert!(run(&[&"export", &output]).stdout == fasta);
    assert_eq!(run(&[&"export", &output, &"--references"]).text().matches('>').count(), 30);
}
