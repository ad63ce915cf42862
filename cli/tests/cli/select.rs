//! `reduce --method select`: references up to a ratio, the others kept, and a reference of each taxon.

use crate::common::{Folder, Numbers, built, run};

/// Three families of 4, 3 and 2 relatives, and one record alone; 100 residues each.
fn families() -> String {
    let mut numbers = Numbers::new(3);
    let mut text = String::new();
    for (family, relatives) in [("a", 4), ("b", 3), ("c", 2), ("d", 1)] {
        let ancestor = numbers.residues(b"ACDEFGHIKLMNPQRSTVWY", 100);
        for relative in 0..relatives {
            let mut residues = ancestor.clone();
            residues[17 * relative + 5] = b'W';
            text.push_str(&format!(">{family}{relative}\n{}\n", String::from_utf8(residues).unwrap()));
        }
    }
    text
}

fn select(folder: &Folder, input: &dyn AsRef<std::ffi::OsStr>, more: &[&'static str]) -> (i32, String) {
    let output = folder.path("selected.talaria");
    let mut all: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"reduce", input, &"-o", &output, &"--method", &"select"];
    all.extend(more.iter().map(|argument| argument as &dyn AsRef<std::ffi::OsStr>));
    let answer = run(&all);
    (answer.code, answer.stderr)
}

/// How many records of the families are references.
fn references(folder: &Folder) -> String {
    let answer = run(&[&"export", &folder.path("selected.talaria"), &"--references"]);
    let text = String::from_utf8(answer.stdout).unwrap();
    text.lines().filter_map(|line| line.strip_prefix('>')).map(|id| &id[..1]).collect()
}

#[test]
fn up_to_a_ratio_and_nothing_is_lost() {
    let (folder, db) = built(families());
    let (code, said) = select(&folder, &db, &["-r", "0.2"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("10 records, 2 references, 200 of 1,000 residues"), "{said}");
    assert!(
        said.contains("3 records that no reference stands for; references and members have 700 of 1,000"),
        "{said}"
    );
    assert_eq!(references(&folder), "ab");
    let selected = folder.path("selected.talaria");
    assert!(run(&[&"export", &selected]).stdout == families().as_bytes());
    assert_eq!(run(&[&"verify", &selected]).code, 0);
    assert_eq!(run(&[&"representative", &selected, &"d0"]).code, 5);
    let table = std::fs::read_to_string(folder.path("selected.talaria.clusters.tsv")).unwrap();
    assert_eq!(table.lines().filter(|line| line.starts_with("-\t")).count(), 3);

    assert_eq!(select(&folder, &db, &["-q"]), (0, String::new()));
    assert_eq!(references(&folder), "abcd");
    let (code, said) = select(&folder, &db, &["-r", "0.1", "--no-deltas"]);
    assert!(code == 0 && said.contains("6 records that no reference stands for left out"), "{said}");
    assert!(run(&[&"export", &selected]).stdout.len() < 120);
}

#[test]
fn a_reference_of_each_taxon() {
    let (folder, db) = built(families());
    let map = folder.write("taxa.tsv", "a0\t1\nd0\t2\nc1\t3\nunheard\t4\n");
    let map: &'static str = Box::leak(map.to_string_lossy().into_owned().into_boxed_str());
    let (code, said) = select(&folder, &db, &["-r", "0.1", "--taxon-map", map]);
    assert!(code == 0 && said.contains("1 name that no record has"), "{said}");
    assert_eq!(references(&folder), "acd");
    folder.write("taxa.tsv", "a0\n");
    let (code, said) = select(&folder, &db, &["--taxon-map", map]);
    assert!(code == 3 && said.contains("taxa.tsv: line 1: no tab"), "{code} {said}");
}

#[test]
fn flags_that_go_with_select() {
    let (folder, db) = built(families());
    for flags in [&["-r", "1.5"][..], &["-r", "half"], &["--both-strands"], &["--update", "x.talaria"]] {
        let (code, said) = select(&folder, &db, flags);
        assert!(code != 0 && !said.is_empty(), "{flags:?}: {said}");
    }
    let out = folder.path("o.talaria");
    for flags in [["-r", "0.3"], ["--taxon-map", "x"]] {
        let answer = run(&[&"reduce", &db, &"-o", &out, &flags[0], &flags[1]]);
        assert!(answer.code == 2 && answer.stderr.contains("goes with --method select"), "{}", answer.stderr);
    }
}
