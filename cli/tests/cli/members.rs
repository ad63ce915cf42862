use std::io::Write;
use std::path::PathBuf;

use crate::common::{Folder, built, run, run_with_input};

/// Three distinct sequences: `a`, `c` and `e` are alike, `b` and `f`, and `d` is alone; `tw` is the id of two
/// references.
const FASTA: &str =
    ">a one\nMKV\n>sp|Q1|B_X two\nGGA\n>c\nMKV\n>d\nAAA\n>e\nMKV\n>f\nGGA\n>tw\nLLL\n>tw\nIII\n>g\nIII\n";

fn reduced() -> (Folder, PathBuf) {
    let (folder, db) = built(FASTA);
    let reduced = folder.path("r.talaria");
    assert_eq!(run(&[&"reduce", &db, &"-o", &reduced, &"-q"]).code, 0);
    (folder, reduced)
}

#[test]
fn members_of_representatives() {
    let (folder, db) = reduced();
    let answer = run(&[&"members", &db, &"a", &"Q1"]);
    assert_eq!((answer.code, answer.text(), answer.stderr.as_str()), (0, "a\nc\ne\nsp|Q1|B_X\nf\n", ""));
    let table = run(&[&"members", &db, &"--table", &"--number", &"1,3"]);
    assert_eq!(table.text(), "sp|Q1|B_X\tsp|Q1|B_X\t1.000\t1.000\nsp|Q1|B_X\tf\t1.000\t1.000\nd\td\t1.000\t1.000\n");
    assert_eq!(run(&[&"members", &db, &"B_X", &"--fasta"]).text(), ">sp|Q1|B_X two\nGGA\n>f\nGGA\n");
    let list = folder.write("list", "tw\nnobody\n\nc\n");
    let answer = run(&[&"members", &db, &"--file", &list, &"-n", &"9"]);
    assert_eq!((answer.code, answer.text()), (5, "tw\ntw\ng\n"));
    for said in ["not found: nobody", "no representative: c (a stands for it)", "not found: number 9"] {
        assert!(answer.stderr.contains(said), "{}", answer.stderr);
    }
}

#[test]
fn representatives_of_records() {
    let (folder, db) = reduced();
    let answer = run(&[&"representative", &db, &"e", &"a", &"tw", &"nobody"]);
    let expected = "e\ta\t1.000\t1.000\na\ta\t1.000\t1.000\ntw\ttw\t1.000\t1.000\ntw\ttw\t1.000\t1.000\n";
    assert_eq!((answer.code, answer.text()), (5, expected));
    assert!(answer.stderr.contains("not found: nobody"));
    let list = folder.write("list", "Q1\n");
    let answer = run(&[&"representative", &db, &"-f", &list, &"-n", &"4-5,7"]);
    let lines =
        ["sp|Q1|B_X\tsp|Q1|B_X", "e\ta", "f\tsp|Q1|B_X", "tw\ttw"].map(|pair| format!("{pair}\t1.000\t1.000\n"));
    assert_eq!((answer.code, answer.text()), (0, &lines.concat()[..]));
    // The same as the table that the reduction wrote.
    let all = run(&[&"representative", &db, &"-n", &"0-8"]);
    let mut swapped: Vec<String> = all.text().lines().map(str::to_owned).collect();
    let table = std::fs::read_to_string(folder.path("r.talaria.clusters.tsv")).unwrap();
    let mut table: Vec<String> = table
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|columns| [columns[1], columns[0], columns[2], columns[3]].join("\t"))
        .collect();
    swapped.sort();
    table.sort();
    assert_eq!(swapped, table);
}

const HITS: &str =
    "# BLASTP\nq1\ta\t99.0\t3\t0\t0\t1\t3\t1\t3\t1e-9\t50.1\n\nq1\tQ1\t90.0\textra\r\nq2\td\t80\nq2\tf\t7\nq3\ttw\t1";
const EXPANDED: &str = "# BLASTP\nq1\ta\t99.0\t3\t0\t0\t1\t3\t1\t3\t1e-9\t50.1\nq1\tc\t99.0\t3\t0\t0\t1\t3\t1\t3\t1e-9\t50.1\n\
    q1\te\t99.0\t3\t0\t0\t1\t3\t1\t3\t1e-9\t50.1\n\nq1\tsp|Q1|B_X\t90.0\textra\r\nq1\tf\t90.0\textra\r\nq2\td\t80\nq2\tf\t7\nq3\ttw\t1\nq3\ttw\t1\nq3\tg\t1\n";

#[test]
fn hits_on_references_become_hits_on_members() {
    let (folder, db) = reduced();
    let hits = folder.write("hits.tsv", HITS);
    let answer = run(&[&"expand", &hits, &"-d", &db]);
    assert_eq!((answer.code, answer.text(), answer.stderr.as_str()), (0, EXPANDED, ""));
    assert_eq!(run_with_input(&[&"expand", &"-", &"--db", &db, &"--threads", &"1"], HITS).text(), EXPANDED);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(HITS.as_bytes()).unwrap();
    let packed = folder.write("hits.gz", gzip.finish().unwrap());
    assert_eq!(run(&[&"expand", &packed, &"-d", &db, &"--max-memory", &"64M"]).text(), EXPANDED);

    let lines = "q\tf\t1\nq\tQ1\t2\r\n";
    let answer =
        run_with_input(&[&"expand", &"-", &"-d", &db, &"--columns", &"representative,identity,coverage"], lines);
    let expected = "q\tf\t1\tsp|Q1|B_X\t1.000\t1.000\nq\tsp|Q1|B_X\t2\tsp|Q1|B_X\t1.000\t1.000\r\nq\tf\t2\tsp|Q1|B_X\t1.000\t1.000\r\n";
    assert_eq!((answer.code, answer.text()), (0, expected));
    assert_eq!(run_with_input(&[&"expand", &"-", &"-d", &db], "").text(), "");
}

#[test]
fn hits_on_what_is_not_there() {
    let (_folder, db) = reduced();
    let hits = "#\nq\tf\t1\nq\tnobody\t2\nq\td\t3\n";
    let answer = run_with_input(&[&"expand", &"-", &"-d", &db], hits);
    assert_eq!(answer.code, 3);
    assert!(answer.stderr.contains("-: line 3: nobody is not in "), "{}", answer.stderr);
    let answer = run_with_input(&[&"expand", &"-", &"-d", &db, &"--unknown", &"drop"], hits);
    assert_eq!((answer.code, answer.text()), (0, "#\nq\tf\t1\nq\td\t3\n"));
    assert!(answer.stderr.contains("1 hit on subjects that are not in the container: left out"), "{}", answer.stderr);
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 8] =
        [&"expand", &"-", &"-d", &db, &"--unknown", &"keep", &"--columns", &"identity"];
    let answer = run_with_input(&arguments, hits);
    assert_eq!(answer.text(), "#\nq\tf\t1\t1.000\nq\tnobody\t2\t\nq\td\t3\t1.000\n");
    let answer = run_with_input(&[&"expand", &"-", &"-d", &db], "no table\n");
    assert_eq!(answer.code, 3);
    assert!(answer.stderr.contains("-: line 1: no tab"), "{}", answer.stderr);
    let long = run_with_input(&[&"expand", &"-", &"-d", &db], vec![b'x'; 3 << 20]);
    assert!(long.code == 3 && long.stderr.contains("-: line 1: a line of more than"), "{}", long.stderr);
}

#[test]
fn many_hits_on_clusters_of_all_sizes() {
    let mut fasta = String::new();
    for index in 0..150_000 {
        // One cluster too large to be held, and many of a few.
        let sequence = if index % 15 == 0 { "MKVLAAGI".repeat(1 + index % 90) } else { "GGA".to_owned() };
        fasta.push_str(&format!(">r{index}\n{sequence}\n"));
    }
    let (folder, db) = built(&fasta);
    let reduced = folder.path("r.talaria");
    assert_eq!(run(&[&"reduce", &db, &"-o", &reduced, &"-q"]).code, 0);
    let table = std::fs::read_to_string(folder.path("r.talaria.clusters.tsv")).unwrap();
    let mut clusters: std::collections::BTreeMap<&str, Vec<&str>> = std::collections::BTreeMap::new();
    for line in table.lines() {
        let mut columns = line.split('\t');
        clusters.entry(columns.next().unwrap()).or_default().push(columns.next().unwrap());
    }
    assert!(clusters["r1"].len() > 131_072 && clusters.len() > 5);
    let (mut hits, mut expected) = (String::new(), String::new());
    for (index, (representative, members)) in clusters.iter().cycle().take(2 * clusters.len()).enumerate() {
        hits.push_str(&format!("q{index}\t{representative}\t1\n"));
        members.iter().for_each(|member| expected.push_str(&format!("q{index}\t{member}\t1\n")));
    }
    let answer = run_with_input(&[&"expand", &"-", &"-d", &reduced, &"--max-memory", &"64M"], hits);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    assert!(answer.text() == expected);
}

#[test]
fn only_of_reductions() {
    let (_folder, db) = built(FASTA);
    for command in ["members", "representative"] {
        let answer = run(&[&command, &db, &"a"]);
        assert_eq!((answer.code, answer.text()), (2, ""));
        assert!(answer.stderr.contains("not the result of a reduction"), "{}", answer.stderr);
        assert_eq!(run(&[&command, &db]).code, 2);
    }
    assert_eq!(run_with_input(&[&"expand", &"-", &"-d", &db], "q\ta\n").code, 2);
    assert_eq!(run_with_input(&[&"expand", &"-"], "q\ta\n").code, 2);
}

/// A reduction in which `b` stands for itself and `c`, and none for `a` and `d`.
fn with_unrepresented() -> (Folder, PathBuf) {
    let folder = Folder::new();
    let (input, reduced) =
        (folder.write("in.fa", ">a one\nMKV\n>b\nGGA\n>c\nGGA\n>d\nAAA\n"), folder.path("r.talaria"));
    let output = talaria_db::reduce::Output::Container(reduced.clone());
    talaria_db::reduce::Reduction::new(input, output).members([(1, 2)]).unrepresented([0, 3]).run().unwrap();
    (folder, reduced)
}

#[test]
fn records_that_none_stands_for() {
    let (_folder, db) = with_unrepresented();
    let answer = run(&[&"representative", &db, &"a", &"c", &"-n", &"3"]);
    assert_eq!((answer.code, answer.text()), (5, "c\tb\t0.000\t0.000\n"));
    assert_eq!(answer.stderr, "talaria-db: no representative: a\ntalaria-db: no representative: d\n");
    let answer = run(&[&"members", &db, &"b", &"d"]);
    assert_eq!((answer.code, answer.text()), (5, "b\nc\n"));
    assert_eq!(answer.stderr, "talaria-db: no representative: d (no record stands for it)\n");
    assert_eq!(run(&[&"export", &db, &"--references"]).text(), ">b\nGGA\n");
    assert_eq!(run(&[&"get", &db, &"d", &"a"]).text(), ">d\nAAA\n>a one\nMKV\n");
    assert_eq!(run(&[&"verify", &db]).code, 0);
    let hits = "q\ta\t1\nq\tb\t2\n";
    assert_eq!(run_with_input(&[&"expand", &"-", &"-d", &db], hits).text(), "q\ta\t1\nq\tb\t2\nq\tc\t2\n");
    let answer = run_with_input(&[&"expand", &"-", &"-d", &db, &"--columns", &"representative,identity"], hits);
    assert_eq!(answer.text(), "q\ta\t1\t\t\nq\tb\t2\tb\t1.000\nq\tc\t2\tb\t0.000\n");
    let described = run(&[&"inspect", &db, &"--record", &"a", &"--json"]);
    let described: serde_json::Value = serde_json::from_slice(&described.stdout).unwrap();
    assert_eq!(described["membership"], serde_json::json!({ "representative": null }));
    let described = run(&[&"inspect", &db, &"--record", &"c", &"--json"]);
    let described: serde_json::Value = serde_json::from_slice(&described.stdout).unwrap();
    assert_eq!(described["membership"], serde_json::json!({ "representative": 1, "identity": 0.0, "coverage": 0.0 }));
    let counted = run(&[&"stats", &db, &"--json"]);
    let counted: serde_json::Value = serde_json::from_slice(&counted.stdout).unwrap();
    assert_eq!((&counted["references"], &counted["unrepresented"]), (&1.into(), &2.into()));
    let counted = run(&[&"stats", &db]);
    assert!(counted.text().contains("\n  references         1\n  unrepresented      2\n"), "{}", counted.text());
}
