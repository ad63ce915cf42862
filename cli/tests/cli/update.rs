//! Reductions that go on from an earlier result: what was stays, all comes back, and what is refused.

use std::ffi::OsStr;
use std::path::Path;

use crate::common::{Answer, Folder, Numbers, run};

const AMINO: &[u8] = b"ACDEFGHIKLMNPQRSTVWY";

/// Records of families, three in four of them relatives of an earlier one, with ids that start with `name`.
fn records(name: &str, families: u64, seed: u64) -> String {
    let mut numbers = Numbers::new(seed);
    let mut text = String::new();
    for index in 0..120 {
        let mut of_family = Numbers::new(numbers.below(families) + 100);
        let mut residues = of_family.residues(AMINO, 110);
        for _ in 0..[0, 4, 8, 20][index % 4] {
            let at = numbers.below(110) as usize;
            residues[at] = AMINO[numbers.below(20) as usize];
        }
        text.push_str(&format!(">{name}{index} of {seed}\n{}\n", String::from_utf8(residues).unwrap()));
    }
    text
}

fn reduce(arguments: &[&dyn AsRef<OsStr>]) -> Answer {
    run(&[&[&"reduce" as &dyn AsRef<OsStr>], arguments].concat())
}

fn done(arguments: &[&dyn AsRef<OsStr>]) -> String {
    let answer = reduce(arguments);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    answer.stderr
}

/// Lines of member, representative, identity and coverage of the first records.
fn memberships(container: &Path, count: usize) -> Vec<String> {
    let answer = run(&[&"representative", &container, &"-n", &format!("0-{}", count - 1)]);
    answer.text().lines().map(str::to_owned).collect()
}

fn everything(container: &Path) -> String {
    assert_eq!(run(&[&"verify", &container]).code, 0);
    run(&[&"export", &container]).text().to_owned()
}

#[test]
fn two_updates_in_a_row_over_the_same_file() {
    let folder = Folder::new();
    let texts = [records("a", 12, 1), records("b", 15, 2), records("c", 18, 3)];
    let [first, second, third] = [0, 1, 2].map(|index| folder.write(&format!("{index}.fasta"), &texts[index]));
    let (db, report) = (folder.path("r.talaria"), folder.path("report.json"));
    for method in [&["--method", "cluster", "--min-identity", "0.7", "--cov-mode", "both"][..], &["--method", "exact"]]
    {
        let method: Vec<&dyn AsRef<OsStr>> = method.iter().map(|word| word as &dyn AsRef<OsStr>).collect();
        done(&[&[&first as &dyn AsRef<OsStr>, &"-o", &db, &"-q"], &method[..]].concat());
        for (round, more) in [(1, &second), (2, &third)] {
            let before = memberships(&db, 120 * round);
            let said = done(&[&"--update", &db, more, &"-o", &db, &"--report", &report]);
            assert!(said.contains("r.talaria: goes on with --method "), "{said}");
            assert!(said.contains(&format!("{} records of old, 120 new: ", 120 * round)), "{said}");
            assert!(before == memberships(&db, 120 * round), "{method:?}", method = said);
            assert!(everything(&db) == texts[..=round].concat());

            let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
            let update = &report["update"];
            let references = before.iter().filter(|line| line.split('\t').next() == line.split('\t').nth(1)).count();
            assert_eq!((&update["old_records"], &update["new_records"]), (&(120 * round).into(), &120.into()));
            assert_eq!(update["old_references"], references);
            let all = memberships(&db, 120 * round + 120);
            let new = &all[120 * round..];
            let joined =
                new.iter().filter(|line| before.iter().any(|old| old.split('\t').next() == line.split('\t').nth(1)));
            assert_eq!(update["joined_old"], joined.count());
            let own = new.iter().filter(|line| line.split('\t').next() == line.split('\t').nth(1)).count();
            assert_eq!(update["new_references"], own);
            assert!(own > 0 && update["joined_old"].as_u64().unwrap() > 0, "{update}");
            let table = std::fs::read_to_string(folder.path("r.talaria.clusters.tsv")).unwrap();
            assert_eq!(table.lines().count(), all.len());
        }
        let inspected = run(&[&"inspect", &db]);
        assert_eq!(inspected.text().matches("reduce --update").count(), 2, "{}", inspected.text());
    }
}

#[test]
fn the_same_whatever_the_threads_the_memory_and_the_form() {
    let folder = Folder::new();
    let (first, more) = (folder.write("a.fasta", records("a", 12, 4)), folder.write("b.fasta", records("b", 15, 5)));
    let (db, packed) = (folder.path("r.talaria"), folder.path("b.talaria"));
    done(&[&first, &"-o", &db, &"-q", &"--method", &"cluster", &"--min-identity", &"0.5"]);
    assert_eq!(run(&[&"build", &more, &"-o", &packed, &"-q"]).code, 0);
    let updated = |name: &str, more: &Path, arguments: &[&'static str]| {
        let output = folder.path(name);
        let mut all: Vec<&dyn AsRef<OsStr>> = vec![&"--update", &db, &more, &"-o", &output, &"-q"];
        all.extend(arguments.iter().map(|argument| argument as &dyn AsRef<OsStr>));
        assert_eq!(done(&all), "");
        memberships(&output, 240)
    };
    let expected = updated("1.talaria", &more, &["--threads", "1"]);
    let bytes = std::fs::read(folder.path("1.talaria")).unwrap();
    for arguments in [&["--threads", "2", "--max-memory", "64M"][..], &["--low-memory"], &["--no-mmap"], &["--stream"]]
    {
        assert!(updated("2.talaria", &more, arguments) == expected, "{arguments:?}");
        assert!(std::fs::read(folder.path("2.talaria")).unwrap() == bytes, "{arguments:?}");
    }
    assert!(updated("3.talaria", &packed, &[]) == expected);
    let answer = reduce(&[
        &"--update",
        &db,
        &more,
        &"-o",
        &folder.path("4.talaria"),
        &"--max-memory",
        &"8M",
        &"--threads",
        &"1",
    ]);
    assert_eq!(answer.code, 140, "{}", answer.stderr);
    assert!(answer.stderr.contains("reduce needs at least"), "{}", answer.stderr);
}

#[test]
fn names_that_are_there_already() {
    let folder = Folder::new();
    let text = records("a", 6, 6);
    let (input, db) = (folder.write("a.fasta", &text), folder.path("r.talaria"));
    done(&[&input, &"-o", &db, &"-q", &"--method", &"cluster"]);
    let references = run(&[&"export", &db, &"--references"]).stdout;
    let said = done(&[&"--update", &db, &input, &"-o", &db]);
    assert!(said.contains("120 joined references of old, 0 new references"), "{said}");
    assert!(run(&[&"export", &db, &"--references"]).stdout == references);
    assert!(everything(&db) == text.repeat(2));
    assert_eq!(run(&[&"get", &db, &"a7"]).text().matches('>').count(), 2);
}

#[test]
fn references_alone_stay_alone() {
    let folder = Folder::new();
    let (first, more) = (folder.write("a.fasta", records("a", 12, 7)), folder.write("b.fasta", records("b", 15, 8)));
    let (db, out, text) = (folder.path("r.talaria"), folder.path("out.talaria"), folder.path("out.fa"));
    done(&[&first, &"-o", &db, &"-q", &"--method", &"cluster", &"--no-deltas"]);
    let before = everything(&db);
    let said = done(&[&"--update", &db, &more, &"-o", &out]);
    assert!(said.contains("references only") && said.contains("r.talaria and "), "{said}");
    let after = everything(&out);
    assert!(after.starts_with(&before) && after.len() > before.len());
    assert!(after.matches(">b").count() < 120);
    // As FASTA.
    done(&[&"--update", &db, &more, &"-o", &text, &"-q"]);
    assert_eq!(std::fs::read_to_string(&text).unwrap(), after);
    // Over itself, where nothing is lost that it had.
    done(&[&"--update", &db, &more, &"-o", &db, &"-q"]);
    assert!(std::fs::read(&db).unwrap() == std::fs::read(&out).unwrap());
}

#[test]
fn what_was_never_reduced_takes_a_method() {
    let folder = Folder::new();
    let (first, more) = (folder.write("a.fasta", ">a\nMKV\n>b\nMKV\n"), folder.write("b.fasta", ">c\nMKV\n>d\nGGA\n"));
    let (db, out) = (folder.path("db.talaria"), folder.path("out.talaria"));
    assert_eq!(run(&[&"build", &first, &"-o", &db, &"-q"]).code, 0);
    // Of the same ones the first, or the one that a hash of the header puts first.
    for (method, home) in [("exact", "a"), ("cluster", "b")] {
        done(&[&"--update", &db, &more, &"-o", &out, &"-q", &"--method", &method]);
        let lines = [("a", "a"), ("b", "b"), ("c", home), ("d", "d")];
        let lines = lines.map(|(member, of)| format!("{member}\t{of}\t1.000\t1.000"));
        assert_eq!(memberships(&out, 4), lines, "{method}");
    }
    let said = done(&[&"--update", &db, &more, &"-o", &out]);
    assert!(!said.contains("goes on with"), "{said}");
    // Of what was merged it is not known either.
    let merged = folder.path("merged.talaria");
    assert_eq!(run(&[&"build", &out, &first, &"-o", &merged, &"-q"]).code, 0);
    let said = done(&[&"--update", &merged, &more, &"-o", &out]);
    assert!(said.contains("6 records of old, 2 new: 2 joined references of old, 0 new references"), "{said}");
}

#[test]
fn what_it_refuses() {
    let folder = Folder::new();
    let (first, more) = (folder.write("a.fasta", records("a", 12, 9)), folder.write("b.fasta", records("b", 15, 10)));
    let (db, exact, out) = (folder.path("r.talaria"), folder.path("exact.talaria"), folder.path("out.talaria"));
    done(&[&first, &"-o", &db, &"-q", &"--method", &"cluster", &"--prefer", &"a1"]);
    done(&[&first, &"-o", &exact, &"-q"]);
    let refused = |old: &Path, arguments: &[&'static str]| {
        let mut all: Vec<&dyn AsRef<OsStr>> = vec![&"--update", &old, &more, &"-o", &out];
        all.extend(arguments.iter().map(|argument| argument as &dyn AsRef<OsStr>));
        let answer = reduce(&all);
        assert!(!out.exists() && answer.code != 0, "{arguments:?}");
        (answer.code, answer.stderr)
    };
    for (flag, value) in
        [("--min-identity", "0.8"), ("--coverage", "0.9"), ("--cov-mode", "both"), ("--identity-definition", "cd-hit")]
    {
        let (code, said) = refused(&db, &[flag, value]);
        assert!(code == 2 && said.contains(&format!("{flag} contradicts how it was made: ")), "{said}");
        assert_eq!(refused(&exact, &[flag, value]).0, 2);
    }
    for flag in ["--sensitive", "--one-strand"] {
        assert_eq!(refused(&db, &[flag]).0, 2, "{flag}");
    }
    let (code, said) = refused(&db, &["--method", "exact"]);
    assert!(code == 2 && said.contains("it was made by --method cluster, not exact"), "{said}");
    assert_eq!(refused(&exact, &["--method", "cluster"]).0, 2);

    let (code, said) = refused(&first, &[]);
    assert!(code == 4 && said.contains("this is FASTA, not a container"), "{said}");
    assert_eq!(refused(&folder.path("none"), &[]).0, 1);
    let mut bytes = std::fs::read(&db).unwrap();
    bytes[4096] ^= 1;
    assert_eq!(refused(&folder.write("damaged", &bytes), &[]).0, 4);
    bytes.truncate(8000);
    assert_eq!(refused(&folder.write("short", &bytes), &[]).0, 4);
    let text = folder.write("text", "no FASTA\n");
    assert_eq!(reduce(&[&"--update", &db, &text, &"-o", &out]).code, 3);
    assert_eq!(reduce(&[&"--update", &db, &folder.path("none"), &"-o", &out]).code, 1);
    // What was there would be lost, or what comes.
    let before = std::fs::read(&db).unwrap();
    assert_eq!(reduce(&[&"--update", &db, &more, &"-o", &db, &"--no-deltas"]).code, 2);
    assert_eq!(reduce(&[&"--update", &db, &more, &"-o", &more]).code, 2);
    assert_eq!(reduce(&[&"--update", &db, &more, &"-o", &out, &"--clusters", &db]).code, 2);
    assert_eq!(reduce(&[&"--update", &db, &more, &"-o", &out, &"--report", &db]).code, 2);
    assert!(std::fs::read(&db).unwrap() == before && !out.exists());
    // The same said again contradicts nothing.
    let said = done(&[&"--update", &db, &more, &"-o", &out, &"--method", &"cluster", &"--min-identity", &"0.9"]);
    assert!(said.contains("what it preferred is not taken over"), "{said}");
}
