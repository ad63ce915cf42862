//! Faults of the program that this one follows: each of these tests would fail there.

use crate::common::{Numbers, built, run};

const AMINO: &[u8] = b"ACDEFGHIKLMNPQRSTVWY";

fn text(residues: Vec<u8>) -> String {
    String::from_utf8(residues).unwrap()
}

/// Reduces at an identity; the sizes of the container before and after.
fn there_and_back(fasta: &str, identity: &str) -> (u64, u64, usize) {
    let (folder, db) = built(fasta);
    let (output, table) = (folder.path("r.talaria"), folder.path("r.tsv"));
    let answer = run(&[
        &"reduce",
        &db,
        &"-o",
        &output,
        &"-q",
        &"--method",
        &"cluster",
        &"--min-identity",
        &identity,
        &"--clusters",
        &table,
    ]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    assert!(run(&[&"export", &output]).stdout == fasta.as_bytes(), "not what went in");
    assert_eq!(run(&[&"verify", &output]).code, 0);
    let joined = std::fs::read_to_string(table).unwrap();
    let joined = joined.lines().filter(|line| line.split('\t').next() != line.split('\t').nth(1)).count();
    let size = |path: &std::path::Path| std::fs::metadata(path).unwrap().len();
    (size(&db), size(&output), joined)
}

#[test]
fn members_with_one_deletion_come_back() {
    let mut numbers = Numbers::new(1);
    let mut fasta = String::new();
    for pair in 0..20 {
        let residues = text(numbers.residues(AMINO, 200));
        let mut shorter = residues.clone();
        shorter.remove(1 + 9 * pair);
        fasta.push_str(&format!(">whole{pair}\n{residues}\n>less{pair}\n{shorter}\n"));
    }
    assert_eq!(there_and_back(&fasta, "0.9").2, 20);
}

#[test]
fn gaps_case_headers_and_layout_are_kept() {
    let residues = text(Numbers::new(2).residues(AMINO, 200));
    let lower = format!("{}{}", residues[..90].to_lowercase(), &residues[90..]);
    let gapped = format!("{}---{}*", &residues[..50], &residues[50..]);
    let fasta = format!(
        ">a the first one | with=much text\n{residues}\n>b\tother text\r\n{}\r\n{}\r\n>c  two blanks \n{gapped}\n>a again\n{residues}",
        &lower[..100],
        &lower[100..],
    );
    assert_eq!(there_and_back(&fasta, "0.9").2, 3);
}

#[test]
fn records_that_nobody_chose_do_not_vanish() {
    let mut numbers = Numbers::new(3);
    let mut fasta = String::from(">empty\n>one\nM\n>two\nMK\n");
    for index in 0..50 {
        let length = 3 + 4 * index;
        fasta.push_str(&format!(">r{index}\n{}\n", text(numbers.residues(AMINO, length))));
    }
    there_and_back(&fasta, "0.5");
}

/// Unrelated records have nothing to tell by: beyond the membership, of at most 8 bytes a record and two pages for the
/// sections, nothing is added.
#[test]
fn deltas_do_not_outgrow_the_data() {
    let mut numbers = Numbers::new(4);
    let fasta: String =
        (0..2_000).map(|index| format!(">r{index}\n{}\n", text(numbers.residues(AMINO, 250)))).collect();
    let (before, after, joined) = there_and_back(&fasta, "0.5");
    assert_eq!(joined, 0);
    assert!(after <= before + 2_000 * 8 + 2 * 4_096, "{before} {after}");
}
