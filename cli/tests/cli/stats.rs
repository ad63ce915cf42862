use serde_json::json;

use crate::common::{Numbers, built, record, run};

#[test]
fn small_and_by_hand() {
    let (_folder, db) = built(">a\nACGTacgt\n>b\nACGTacgt\n>c\nNN\n>d\n");
    let answer = run(&[&"stats", &db, &"--json"]);
    let stats = answer.json();
    assert_eq!(stats["records"], 4);
    assert_eq!((&stats["residues"], &stats["stored_residues"]), (&json!(18), &json!(10)));
    assert_eq!((&stats["shared_records"], &stats["irregular_records"]), (&json!(1), &json!(0)));
    assert_eq!(stats["lower_case"], 8);
    assert_eq!(stats["gc"], 0.5);
    assert_eq!(stats["composition"], json!({"A": 4, "C": 4, "G": 4, "N": 2, "T": 4}));
    let length = &stats["length"];
    assert_eq!((&length["min"], &length["max"], &length["n50"]), (&json!(0), &json!(8), &json!(8)));
    assert_eq!(length["mean"], 4.5);
    assert_eq!(length["quantiles"], json!({"5": 0, "25": 0, "50": 2, "75": 8, "95": 8}));
    assert_eq!(stats["source_bytes"], 33);
    assert_eq!(stats["file_bytes"], std::fs::metadata(&db).unwrap().len());
    // A frame of 128 values of four bits, its width and least value, and where it starts.
    assert_eq!(stats["sections"]["lengths"], 64 + 1 + 4 + 8);

    let text = run(&[&"stats", &db]);
    for line in [
        "records              4",
        "  GC                 50.00 %",
        "  N50                8",
        "  A                  4 (22.2 %)",
    ] {
        assert!(text.text().lines().any(|other| other == line), "{line:?} in {}", text.text());
    }
}

#[test]
fn of_nothing() {
    let (_folder, db) = built("");
    let stats = run(&[&"stats", &db, &"--json"]).json();
    assert_eq!((&stats["records"], &stats["length"]["n50"], &stats["ratio"]), (&json!(0), &json!(0), &json!(null)));
    assert_eq!(run(&[&"stats", &db]).code, 0);
}

/// A long record among short ones, in more memory and less.
#[test]
fn against_counting() {
    let mut numbers = Numbers::new(2);
    let mut fasta = Vec::new();
    let mut all = Vec::new();
    for number in 0..200 {
        let length = if number == 100 { 3_000_000 } else { 1 + numbers.below(900) as usize };
        let residues = numbers.residues(b"ACGTacgtN", length);
        fasta.extend_from_slice(&record(&format!("r{number}"), &residues, 80));
        all.push(residues);
    }
    let (_folder, db) = built(fasta);
    let residues = all.concat();
    let count = |letter: u8| residues.iter().filter(|residue| residue.eq_ignore_ascii_case(&letter)).count();
    let expected = json!({"A": count(b'A'), "C": count(b'C'), "G": count(b'G'), "N": count(b'N'), "T": count(b'T')});
    for more in [["--threads", "2"], ["--max-memory", "6M"]] {
        let stats = run(&[&"stats", &db, &"--json", &more[0], &more[1]]).json();
        assert_eq!(stats["composition"], expected);
        assert_eq!(stats["length"]["n50"], 3_000_000);
        assert_eq!(stats["lower_case"], residues.iter().filter(|residue| residue.is_ascii_lowercase()).count());
    }
}
