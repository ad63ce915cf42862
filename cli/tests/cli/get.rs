use crate::common::{built, proteins, record, run, run_with_input};

const FASTA: &str =
    ">sp|P69905.2|HBA_HUMAN Hemoglobin alpha\nMVLSPADK\n>dup first\nMA\n>empty nothing here\n>dup second\nMC\n";

#[test]
fn by_every_name_in_the_order_asked_for() {
    let (_folder, db) = built(FASTA);
    let answer = run(&[&"get", &db, &"dup", &"P69905", &"HBA_HUMAN", &"sp|P69905.2|HBA_HUMAN", &"empty"]);
    let alpha = ">sp|P69905.2|HBA_HUMAN Hemoglobin alpha\nMVLSPADK\n";
    let expected = format!(">dup first\nMA\n>dup second\nMC\n{alpha}{alpha}{alpha}>empty nothing here\n");
    assert_eq!((answer.code, answer.text(), answer.stderr.as_str()), (0, expected.as_str(), ""));
    let answer = run(&[&"get", &db, &"--first", &"dup"]);
    assert_eq!((answer.code, answer.text()), (0, ">dup first\nMA\n"));
}

#[test]
fn what_is_missing_is_listed_and_the_rest_printed() {
    let (_folder, db) = built(FASTA);
    let answer = run(&[&"get", &db, &"nope", &"dup", &"--first", &"nor:this"]);
    assert_eq!((answer.code, answer.text()), (5, ">dup first\nMA\n"));
    assert_eq!(answer.stderr, "talaria-db: not found: nope\ntalaria-db: not found: nor:this\n");
}

#[test]
fn by_number() {
    let (_folder, db) = built(FASTA);
    let answer = run(&[&"get", &db, &"-n", &"3,0-1"]);
    let expected = ">dup second\nMC\n>sp|P69905.2|HBA_HUMAN Hemoglobin alpha\nMVLSPADK\n>dup first\nMA\n";
    assert_eq!((answer.code, answer.text()), (0, expected));
    let answer = run(&[&"get", &db, &"-n", &"3-99,7"]);
    assert_eq!((answer.code, answer.text()), (5, ">dup second\nMC\n"));
    assert_eq!(answer.stderr.lines().count(), 2);
    assert!(answer.stderr.contains("numbers 3-99 (there are 4 records, from 0)"), "{}", answer.stderr);
    for refused in ["", "x", "3-1", "-1"] {
        assert_eq!(run(&[&"get", &db, &"-n", &refused]).code, 2, "{refused}");
    }
}

#[test]
fn a_file_of_ids() {
    let (folder, db) = built(FASTA);
    let ids = folder.write("ids.txt", "\r\ndup\r\n\n  P69905\t\r\n\nnope\nempty");
    let expected = ">dup first\nMA\n>sp|P69905.2|HBA_HUMAN Hemoglobin alpha\nMVLSPADK\n>empty nothing here\n";
    let answer = run(&[&"get", &db, &"--first", &"-f", &ids]);
    assert_eq!((answer.code, answer.text(), answer.stderr.as_str()), (5, expected, "talaria-db: not found: nope\n"));
    let answer = run_with_input(&[&"get", &db, &"-f", &"-", &"empty", &"-n", &"2"], "dup\n");
    let empty = ">empty nothing here\n";
    assert_eq!(
        (answer.code, answer.text().to_owned()),
        (0, format!("{empty}>dup first\nMA\n>dup second\nMC\n{empty}"))
    );
    let gap = folder.write("gap.txt", format!("empty\n{}empty\n", "\r\n".repeat(70_000)));
    assert_eq!(run(&[&"get", &db, &"-f", &gap]).text(), empty.repeat(2));
    let nothing = folder.write("nothing.txt", "\n\n");
    assert_eq!((run(&[&"get", &db, &"-f", &nothing]).code, run(&[&"get", &db, &"-f", &nothing]).text()), (0, ""));
    assert_eq!(run(&[&"get", &db, &"-f", &folder.path("gone.txt")]).code, 1);
    let long = folder.write("long.txt", "x".repeat((1 << 20) + 2));
    assert_eq!(run(&[&"get", &db, &"-f", &long]).code, 2);
}

/// Many ids take another way than few; both, mapped or not, in a little memory or much, give the same.
#[test]
fn many_are_as_few() {
    let fasta = proteins(500);
    let (folder, db) = built(&fasta);
    let text = String::from_utf8(fasta).unwrap();
    let records: Vec<&str> = text.split_inclusive('>').map(|part| part.trim_end_matches('>')).skip(1).collect();
    let order: Vec<usize> = (0..2000).map(|index| index * 7919 % 500).collect();
    let expected: String = order.iter().map(|&index| format!(">{}", records[index])).collect();
    let ids: String = order.iter().map(|index| format!("p{index}\n")).collect();
    let ids = folder.write("ids.txt", ids);
    let list: Vec<String> = order.iter().map(usize::to_string).collect();
    let list = list.join(",");
    assert_eq!(run(&[&"get", &db, &"-f", &ids]).text(), expected);
    assert_eq!(run(&[&"get", &db, &"-f", &ids, &"--no-mmap", &"--threads", &"3"]).text(), expected);
    assert_eq!(run(&[&"get", &db, &"-f", &ids, &"--max-memory", &"6M"]).text(), expected);
    assert_eq!(run(&[&"get", &db, &"-n", &list]).text(), expected);
    assert_eq!(run(&[&"get", &db, &"-n", &"0-499"]).text(), text);
}

#[test]
fn long_records_and_short_ones_in_turn() {
    let long = vec![b'A'; 700_000];
    let fasta = [record("long one", &long, 60), record("short", b"ACGT", 60)].concat();
    let (folder, db) = built(&fasta);
    let ids = folder.write("ids.txt", "long\nshort\n".repeat(20));
    let answer = run(&[&"get", &db, &"-f", &ids]);
    assert_eq!(answer.stdout, fasta.repeat(20));
}

#[test]
fn usage_and_failure() {
    let (folder, db) = built(FASTA);
    assert_eq!(run(&[&"get", &db]).code, 2);
    assert_eq!(run(&[&"get", &folder.path("gone.talaria"), &"x"]).code, 1);
    let fasta = run(&[&"get", &folder.path("in.fasta"), &"x"]);
    assert_eq!(fasta.code, 4);
    assert!(fasta.stderr.contains("talaria-db build") && fasta.stderr.contains("in.fasta"), "{}", fasta.stderr);
    let neither = folder.write("neither", [7; 9000]);
    let neither = run(&[&"get", &neither, &"x"]);
    assert_eq!(neither.code, 4);
    assert!(!neither.stderr.contains("build"), "{}", neither.stderr);
}
