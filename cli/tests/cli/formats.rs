use serde_json::{Value, json};

use crate::common::{built, command, run};

#[test]
fn line_widths() {
    let (_folder, db) = built(">a x\nACGTACGTAC\n>b\n");
    let with = |width: &'static str| run(&[&"get", &db, &"a", &"b", &"--line-width", &width]).text().to_owned();
    assert_eq!(with("4"), ">a x\nACGT\nACGT\nAC\n>b\n");
    assert_eq!(with("5"), ">a x\nACGTA\nCGTAC\n>b\n");
    assert_eq!(with("0"), ">a x\nACGTACGTAC\n>b\n");
    assert_eq!(with("18446744073709551615"), ">a x\nACGTACGTAC\n>b\n");
}

#[test]
fn tables() {
    let (_folder, db) = built(">a\tx\ty\nACGTAC\n>b\n");
    let answer = run(&[&"get", &db, &"a", &"a:2-3", &"-n", &"1", &"--format", &"tsv"]);
    let expected = "query\tordinal\tid\tdescription\tlength\tfrom\tto\tsequence\n\
                    a\t0\ta\tx y\t6\t\t\tACGTAC\n\
                    a:2-3\t0\ta\tx y\t6\t2\t3\tCG\n\
                    1\t1\tb\t\t0\t\t\t\n";
    assert_eq!((answer.code, answer.text()), (0, expected));
}

#[test]
fn json_that_parses() {
    let (_folder, db) = built(b">a \"quoted\" \xFF\\\nAC\\\"GT\n>b\n");
    let answer = run(&[&"get", &db, &"a", &"a:2-4", &"-n", &"1", &"--format", &"json"]);
    let lines: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let description = "\"quoted\" \u{FFFD}\\";
    assert_eq!(
        lines,
        [
            json!({"query": "a", "ordinal": 0, "id": "a", "description": description, "length": 6,
                   "sequence": "AC\\\"GT"}),
            json!({"query": "a:2-4", "ordinal": 0, "id": "a", "description": description, "length": 6, "from": 2,
                   "to": 4, "sequence": "C\\\""}),
            json!({"query": "1", "ordinal": 1, "id": "b", "description": "", "length": 0, "sequence": ""}),
        ]
    );
}

#[test]
fn headers_of_any_bytes() {
    let fasta = b">\xC3\xA4\xFF \x01other\xFE\nMK\n";
    let (folder, db) = built(fasta);
    let ids = folder.write("ids.txt", b"\xC3\xA4\xFF\n\xFE\n");
    let output = command(&[&"get", &db, &"-f", &ids]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(5), &fasta[..]));
    assert_eq!(output.stderr, b"talaria-db: not found: \xFE\n");
}
