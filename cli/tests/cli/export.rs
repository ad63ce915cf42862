use std::os::unix::fs::symlink;

use crate::common::{Folder, built, proteins, record, run};

#[test]
fn the_very_bytes() {
    let long = record("long", &vec![b'G'; 400_000], 70);
    let mut mixed = proteins(50);
    mixed.extend_from_slice(b">ragged\nAC\nACGT\n\nA\n>crlf\r\nAC\r\n>no end\nAC");
    let cases: [&[u8]; 10] = [
        b"",
        b"\n\n",
        b">a\nACGT\n",
        b">a\nACGT",
        b">a\r\nACGT\r\nAC\r\n>b\r\n",
        b">a\n\n\n>b\nAC GT\n",
        b">\nAC\n>a\n>a\nac\n",
        b">a\nAC-*.NN\nacgt\n>b desc \t\nAC\n",
        &long,
        &mixed,
    ];
    for fasta in cases {
        let (folder, db) = built(fasta);
        let shown = String::from_utf8_lossy(&fasta[..fasta.len().min(40)]);
        assert!(run(&[&"export", &db]).stdout == fasta, "{shown:?}");
        assert!(run(&[&"export", &db, &"--no-mmap", &"--threads", &"1"]).stdout == fasta, "{shown:?}");
        let out = folder.path("back.fasta");
        let answer = run(&[&"export", &db, &"-o", &out]);
        assert_eq!((answer.code, answer.text(), answer.stderr.as_str()), (0, "", ""));
        assert!(std::fs::read(&out).unwrap() == fasta, "{shown:?}");
    }
}

#[test]
fn other_lines() {
    let (_folder, db) = built(">a x\r\nACG\r\nT\r\n\r\n>b\r\n");
    assert_eq!(run(&[&"export", &db, &"--line-width", &"3"]).text(), ">a x\nACG\nT\n>b\n");
    assert_eq!(run(&[&"export", &db, &"--line-width", &"0"]).text(), ">a x\nACGT\n>b\n");
}

#[test]
fn one_source() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("other")).unwrap();
    let inputs = [("a.fa", ">a\nAC\n"), ("b.fa", ">b\nGG\n"), ("other/b.fa", ">c\nTT\n"), ("1", ">d\nAA\n")];
    let paths = inputs.map(|(name, text)| folder.write(name, text));
    let db = folder.path("all.talaria");
    assert_eq!(run(&[&"build", &paths[0], &paths[1], &paths[2], &paths[3], &"-o", &db, &"-q"]).code, 0);
    let from = |source: &'static str| run(&[&"export", &db, &"--source", &source]);
    assert_eq!(run(&[&"export", &db]).text(), ">a\nAC\n>b\nGG\n>c\nTT\n>d\nAA\n");
    assert_eq!(from("a.fa").text(), ">a\nAC\n");
    assert_eq!(from("2").text(), ">c\nTT\n");
    assert_eq!(from("1").text(), ">d\nAA\n", "a name comes before a number");
    for refused in ["b.fa", "4", "-x", "nope"] {
        assert_eq!(run(&[&"export", &db, &format!("--source={refused}")]).code, 2, "{refused}");
    }
}

#[test]
fn references_of_what_is_not_reduced() {
    let (_folder, db) = built(">a\nAC\n");
    let answer = run(&[&"export", &db, &"--references"]);
    assert_eq!((answer.code, answer.text()), (2, ""));
    assert!(answer.stderr.contains("not reduced"), "{}", answer.stderr);
}

#[test]
fn outputs_of_all_kinds() {
    let (folder, db) = built(">a\nAC\n");
    // A pipe, by name: it is written to and not replaced.
    assert_eq!(run(&[&"export", &db, &"-o", &"/dev/stdout"]).text(), ">a\nAC\n");
    let (target, link) = (folder.write("target", "old"), folder.path("link"));
    symlink(&target, &link).unwrap();
    assert_eq!(run(&[&"export", &db, &"-o", &link]).code, 0);
    assert!(link.is_symlink());
    assert_eq!(std::fs::read(&target).unwrap(), b">a\nAC\n");
    assert_eq!(run(&[&"export", &db, &"-o", &folder.path("")]).code, 1);
    assert_eq!(run(&[&"export", &db, &"-o", &folder.path("no/folder")]).code, 1);
    assert_eq!(folder.names(), ["in.fasta", "link", "out.talaria", "target"]);
}

#[test]
fn damage_leaves_the_old_file() {
    let (folder, db) = built(proteins(100));
    let mut bytes = std::fs::read(&db).unwrap();
    bytes[4100] ^= 1;
    std::fs::write(&db, bytes).unwrap();
    let out = folder.write("out.fasta", "old");
    assert_eq!(run(&[&"export", &db, &"-o", &out]).code, 4);
    assert_eq!(std::fs::read(&out).unwrap(), b"old");
    assert_eq!(folder.names(), ["in.fasta", "out.fasta", "out.talaria"]);
}
