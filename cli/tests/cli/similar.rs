//! Clusters by similarity: the same whatever the way to them, everything back, and what is refused.

use crate::common::{Folder, Numbers, built, run};

const AMINO: &[u8] = b"ACDEFGHIKLMNPQRSTVWY";

/// Records of 24 families, many of them of one length and many the same, with distinct ids.
fn ties() -> Vec<String> {
    let mut numbers = Numbers::new(11);
    let mut records = Vec::new();
    for family in 0..24 {
        let ancestor = numbers.residues(AMINO, 120);
        for relative in 0..12 {
            let mut residues = ancestor.clone();
            for _ in 0..[0, 0, 4, 8, 20][relative % 5] {
                let at = numbers.below(120) as usize;
                residues[at] = AMINO[numbers.below(20) as usize];
            }
            records.push(format!(">f{family}r{relative}\n{}\n", String::from_utf8(residues).unwrap()));
        }
    }
    records
}

/// The sorted lines of the table of clusters.
fn clusters(folder: &Folder, input: &dyn AsRef<std::ffi::OsStr>, arguments: &[&'static str]) -> Vec<String> {
    let (output, table) = (folder.path("clustered.talaria"), folder.path("clusters.tsv"));
    let mut all: Vec<&dyn AsRef<std::ffi::OsStr>> =
        vec![&"reduce", input, &"-o", &output, &"-q", &"--method", &"cluster", &"--clusters", &table];
    all.extend(arguments.iter().map(|argument| argument as &dyn AsRef<std::ffi::OsStr>));
    let answer = run(&all);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{arguments:?}");
    let mut lines: Vec<String> = std::fs::read_to_string(table).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn the_same_clusters_whatever_the_way() {
    let mut records = ties();
    let (folder, db) = built(records.concat());
    let fasta = folder.path("in.fasta");
    let mut numbers = Numbers::new(5);
    for at in (1..records.len()).rev() {
        records.swap(at, numbers.below(at as u64 + 1) as usize);
    }
    let shuffled = folder.write("shuffled.fasta", records.concat());
    for identity in ["0.5", "0.9"] {
        let expected = clusters(&folder, &db, &["--min-identity", identity, "--threads", "1"]);
        let references = expected.iter().filter(|line| line.split('\t').next() == line.split('\t').nth(1)).count();
        assert!((24..records.len() / 2).contains(&references), "{references}");
        assert_eq!(expected.len(), records.len());
        for more in [["--threads", "2"], ["--max-memory", "64M"]] {
            assert!(clusters(&folder, &db, &["--min-identity", identity, more[0], more[1]]) == expected, "{more:?}");
        }
        for input in [&fasta, &shuffled] {
            assert!(clusters(&folder, input, &["--min-identity", identity]) == expected, "{}", input.display());
        }
        assert!(run(&[&"export", &folder.path("clustered.talaria")]).stdout == std::fs::read(&shuffled).unwrap());
    }
}

#[test]
fn flags_of_similarity_that_are_refused() {
    let (folder, proteins) = built(ties().concat());
    let nucleotides = folder.write("n.fasta", ">a\nACGTACGTACGGTACCATGA\n>b\nACGTACGTACGGTACCATGC\n");
    let out = folder.path("o.talaria");
    let code = |input: &dyn AsRef<std::ffi::OsStr>, more: &[&'static str]| {
        let mut all: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"reduce", input, &"-o", &out, &"-q"];
        all.extend(more.iter().map(|argument| argument as &dyn AsRef<std::ffi::OsStr>));
        run(&all).code
    };
    assert_eq!(code(&proteins, &["--method", "cluster", "--min-identity", "0.2"]), 2);
    assert_eq!(code(&nucleotides, &["--method", "cluster", "--min-identity", "0.5"]), 2);
    assert_eq!(code(&proteins, &["--method", "cluster", "--min-identity", "1.1"]), 2);
    for more in [["--min-identity", "0.9"], ["--coverage", "0.8"], ["--cov-mode", "both"]] {
        assert_eq!(code(&proteins, &more), 2, "{more:?}");
    }
    assert!(!out.exists());
    assert_eq!(code(&nucleotides, &["--method", "cluster", "--min-identity", "0.7"]), 0);
}

#[test]
fn longer_than_what_is_aligned() {
    let mut numbers = Numbers::new(3);
    let long = String::from_utf8(numbers.residues(AMINO, 100_000)).unwrap();
    let changed = format!("{}W", &long[..99_999]);
    let fasta = format!(">one\n{long}\n>changed\n{changed}\n>two\n{long}\n");
    let (folder, db) = built(&fasta);
    // Which of the same ones stands for both is decided by a hash of the header.
    let expected = ["changed\tchanged\t1.000\t1.000", "two\tone\t1.000\t1.000", "two\ttwo\t1.000\t1.000"];
    let found = clusters(&folder, &db, &["--min-identity", "0.5"]);
    assert_eq!(found, expected);
    assert!(run(&[&"export", &folder.path("clustered.talaria")]).text() == fasta);
}
