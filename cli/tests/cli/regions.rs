use crate::common::{Folder, Numbers, built, record, run};

/// Two chromosomes over several blocks, in all IUPAC letters and both cases, and how samtools would print their
/// regions.
fn genome() -> (Folder, std::path::PathBuf, [Vec<u8>; 2]) {
    let mut numbers = Numbers::new(5);
    let chromosomes = [
        numbers.residues(&[&b"ACGT".repeat(30)[..], b"acgtNRYKMSWBDHV"].concat(), 300_000),
        numbers.residues(b"ACGTn", 1234),
    ];
    let fasta = [record("chr1 first", &chromosomes[0], 70), record("chr2", &chromosomes[1], 70)].concat();
    let (folder, db) = built(fasta);
    (folder, db, chromosomes)
}

fn complement(residue: u8) -> u8 {
    let (from, to) = (b"ACGTRYKMSWBDHVNacgtn", b"TGCAYRMKSWVHDBNtgcan");
    to[from.iter().position(|&letter| letter == residue).unwrap()]
}

#[test]
fn against_slices() {
    let (folder, db, chromosomes) = genome();
    let mut numbers = Numbers::new(9);
    let (mut ids, mut forward, mut reverse) = (String::new(), Vec::new(), Vec::new());
    for _ in 0..300 {
        let chromosome = numbers.below(2) as usize;
        let residues = &chromosomes[chromosome];
        let from = 1 + numbers.below(residues.len() as u64) as usize;
        let most = if numbers.below(9) == 0 { 400_000 } else { 300 };
        let asked = from + numbers.below(most) as usize;
        let to = asked.min(residues.len());
        let name = format!("chr{}", chromosome + 1);
        ids.push_str(&format!("{name}:{from}-{asked}\n"));
        let part = &residues[from - 1..to];
        forward.extend_from_slice(&record(&format!("{name}:{from}-{to}"), part, 60));
        let part: Vec<u8> = part.iter().rev().map(|&residue| complement(residue)).collect();
        reverse.extend_from_slice(&record(&format!("{name}:{from}-{to}/rc"), &part, 60));
    }
    let ids = folder.write("ids.txt", ids);
    assert!(run(&[&"get", &db, &"-f", &ids]).stdout == forward);
    assert!(run(&[&"get", &db, &"-f", &ids, &"--no-mmap", &"--max-memory", &"8M"]).stdout == forward);
    assert!(run(&[&"get", &db, &"-f", &ids, &"-i"]).stdout == reverse);
    let whole: Vec<u8> = chromosomes[0].iter().rev().map(|&residue| complement(residue)).collect();
    assert!(run(&[&"get", &db, &"chr1", &"-i"]).stdout == record("chr1/rc first", &whole, 60));
}

#[test]
fn forms() {
    let (_folder, db) = built(">chr1 description\nACGTACGTAC\nGTACGT\n");
    for (region, expected) in [
        ("chr1:5", ">chr1:5-16\nACGTACGTACGT\n"),
        ("chr1:15-", ">chr1:15-16\nGT\n"),
        ("chr1:-7", ">chr1:1-7\nACGTACG\n"),
        ("chr1:1,0-1,2", ">chr1:10-12\nCGT\n"),
        ("chr1:15-99", ">chr1:15-16\nGT\n"),
        ("{chr1}:2-3", ">chr1:2-3\nCG\n"),
        ("{chr1}", ">chr1 description\nACGTACGTACGTACGT\n"),
    ] {
        let answer = run(&[&"get", &db, &region]);
        assert_eq!((answer.code, answer.text()), (0, expected), "{region}");
    }
    for region in ["chr1:17", "chr1:99-100"] {
        let answer = run(&[&"get", &db, &region]);
        let message = format!("talaria-db: not found: {region} (the sequence ends at 16)\n");
        assert_eq!((answer.code, answer.text(), answer.stderr.as_str()), (5, "", message.as_str()));
    }
    for region in ["chr1:5-3", "chr1:0-3", "chr1:0"] {
        assert_eq!(run(&[&"get", &db, &region]).code, 2, "{region}");
    }
    for region in ["chr1:", "chr1:-", "chr1:5x", "chr2:5-3", "chr2:1-2"] {
        assert_eq!(run(&[&"get", &db, &region]).code, 5, "{region}");
    }
}

#[test]
fn an_id_with_a_colon_comes_first() {
    let (_folder, db) = built(">a\nACGTACGT\n>a:1-2\nGGGG\n>{a}:1-2\nTTTT\n");
    assert_eq!(run(&[&"get", &db, &"a:1-2"]).text(), ">a:1-2\nGGGG\n");
    assert_eq!(run(&[&"get", &db, &"a:1-3"]).text(), ">a:1-3\nACG\n");
    assert_eq!(run(&[&"get", &db, &"{a}:1-2"]).text(), ">{a}:1-2\nTTTT\n");
    assert_eq!(run(&[&"get", &db, &"{a}:1-3"]).text(), ">a:1-3\nACG\n");
    assert_eq!(run(&[&"get", &db, &"{a:1-2}:1-3"]).text(), ">a:1-2:1-3\nGGG\n");
    assert_eq!(run(&[&"get", &db, &"a:1-2:1-3"]).text(), ">a:1-2:1-3\nGGG\n");
}

#[test]
fn the_other_strand() {
    let (folder, rna) = built(">r some RNA\nACGUu\nN\n");
    assert_eq!(run(&[&"get", &rna, &"r", &"-i"]).text(), ">r/rc some RNA\nNaACGU\n");
    let protein = folder.path("p.talaria");
    let input = folder.write("p.fasta", ">p\nMKLVE\n");
    assert_eq!(run(&[&"build", &input, &"-o", &protein, &"-q"]).code, 0);
    let answer = run(&[&"get", &protein, &"p", &"--reverse-complement"]);
    assert_eq!((answer.code, answer.text()), (2, ""));
    assert!(answer.stderr.contains("p: --reverse-complement"), "{}", answer.stderr);
}
