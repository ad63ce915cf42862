use crate::common::{Numbers, built, proteins, run};

#[test]
fn sound() {
    let (_folder, db) = built(">a\nACGT\n>b\nAC\n");
    let answer = run(&[&"verify", &db]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let expected = format!("{}: ok: 2 records, 6 residues, 7 pages, 2 blocks, 1 source digest\n", db.display());
    assert_eq!(answer.text(), expected);
    let answer = run(&[&"verify", &db, &"--quick"]);
    assert_eq!((answer.code, answer.text().contains(": ok: 2 records")), (0, true));
}

#[test]
fn damage_and_what_is_left() {
    let (_folder, db) = built(proteins(500));
    let mut bytes = std::fs::read(&db).unwrap();
    // The sequence blocks come first.
    bytes[4096 + 100] ^= 0x10;
    std::fs::write(&db, &bytes).unwrap();
    let answer = run(&[&"verify", &db]);
    assert_eq!(answer.code, 4);
    let text = answer.text();
    assert!(text.contains("[rule B-3]"), "{text}");
    assert!(text.contains("1 damaged block: sequence 0"), "{text}");
    assert!(text.contains(" of 500 records can be read"), "{text}");
    assert!(text.contains("not these, by number: 0-"), "{text}");
    assert!(text.ends_with("damaged: 1 problem\n"), "{text}");
    assert_eq!(run(&[&"verify", &db, &"--quick"]).code, 4);
    // What is not damaged can be had.
    assert_eq!(run(&[&"get", &db, &"p499"]).code, 0);
    let answer = run(&[&"get", &db, &"p0"]);
    assert_eq!(answer.code, 4);
    assert!(answer.stderr.contains("out.talaria: sequence 0: block checksum"), "{}", answer.stderr);
}

#[test]
fn not_a_container() {
    let (folder, db) = built(">a\nACGT\n");
    let bytes = std::fs::read(&db).unwrap();
    let cut = folder.write("cut.talaria", &bytes[..bytes.len() - 1]);
    let empty = folder.write("empty.talaria", "");
    let text = folder.write("text", "hello\n".repeat(1000));
    for path in [cut, empty, text, folder.path("in.fasta")] {
        let answer = run(&[&"verify", &path]);
        assert_eq!((answer.code, answer.text()), (4, ""), "{}", path.display());
        assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
    }
    assert_eq!(run(&[&"verify", &folder.path("gone")]).code, 1);
    assert_eq!(run(&[&"verify", &folder.path("")]).code, 1);
}

/// Whatever bit flips: `verify` sees it, and what is printed otherwise is right or refused.
#[test]
fn one_bit() {
    let fasta = [proteins(60).as_slice(), b">odd\nAC\n\nACGT\n"].concat();
    let (folder, db) = built(&fasta);
    let sound = std::fs::read(&db).unwrap();
    let mut numbers = Numbers::new(3);
    let flipped = folder.path("flipped.talaria");
    let wanted = run(&[&"get", &db, &"p7", &"odd"]).stdout;
    for _ in 0..150 {
        let (byte, bit) = (numbers.below(sound.len() as u64) as usize, numbers.below(8));
        let mut bytes = sound.clone();
        bytes[byte] ^= 1 << bit;
        std::fs::write(&flipped, bytes).unwrap();
        let at = format!("byte {byte}, bit {bit}");
        assert_eq!(run(&[&"verify", &flipped]).code, 4, "{at}");
        let export = run(&[&"export", &flipped]);
        assert!(export.code == 4 || (export.code == 0 && export.stdout == fasta), "export, {at}: {export:?}");
        let get = run(&[&"get", &flipped, &"p7", &"odd"]);
        assert!(get.code == 4 || (get.code == 0 && get.stdout == wanted), "get, {at}: {get:?}");
    }
}
