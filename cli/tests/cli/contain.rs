//! Containment: who is in whom, everything back, and what is refused.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use crate::common::{Folder, Numbers, built, run};

/// The sorted pairs of representative and member, of a table that says that all members are wholly in theirs.
fn table(folder: &Folder, input: &dyn AsRef<OsStr>, arguments: &[&dyn AsRef<OsStr>]) -> BTreeSet<(String, String)> {
    let (output, table) = (folder.path("contained.talaria"), folder.path("clusters.tsv"));
    let usual: [&dyn AsRef<OsStr>; 9] =
        [&"reduce", input, &"-o", &output, &"-q", &"--method", &"contain", &"--clusters", &table];
    let answer = run(&[&usual, arguments].concat());
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let text = std::fs::read_to_string(table).unwrap();
    let pair = |line: &str| {
        let (representative, member) = line.strip_suffix("\t1.000\t1.000").unwrap().split_once('\t').unwrap();
        (representative.to_owned(), member.to_owned())
    };
    text.lines().map(pair).collect()
}

const FASTA: &str = ">whole x\nMKVLAAGITEGHQRHWW\nPLKMNDEYF\n>part\nITEGHqrhwwplk\n>same\nmkvlaagiteghqrhwwplkmndeyf\n>near\nITEGHQRHWX\n>tiny\nwW\n\
    >empty\n>odd\nA*C-\n>in\n*C\n>none\n\n>other\nGGG\n";

#[test]
fn members_are_inside_their_representatives() {
    let (folder, db) = built(FASTA);
    let pairs = table(&folder, &db, &[]);
    let found = |representative: &str| {
        let members = pairs.iter().filter(|pair| pair.0 == representative).map(|pair| pair.1.as_str());
        members.collect::<Vec<_>>()
    };
    // Which of those that are the same stands for the others is decided by a hash.
    let whole = if found("whole").is_empty() { "same" } else { "whole" };
    assert_eq!(found(whole), ["part", "same", "tiny", "whole"]);
    let empty = if found("empty").is_empty() { "none" } else { "empty" };
    assert_eq!(found(empty), ["empty", "none"]);
    assert_eq!((found("odd"), found("near"), found("other")), (vec!["in", "odd"], vec!["near"], vec!["other"]));

    let out = folder.path("contained.talaria");
    assert_eq!(run(&[&"export", &out]).text(), FASTA);
    assert_eq!(run(&[&"verify", &out]).code, 0);
    assert_eq!(run(&[&"representative", &out, &"tiny"]).text(), format!("tiny\t{whole}\t1.000\t1.000\n"));
    assert_eq!(run(&[&"members", &out, &"odd"]).text(), "odd\nin\n");
    assert_eq!(run(&[&"get", &out, &"part"]).text(), ">part\nITEGHqrhwwplk\n");
    let said = run(&[&"inspect", &out, &"--json"]).json().to_string();
    assert!(said.contains("reduce --method contain --codec"), "{said}");

    // The same from FASTA, with less memory and by one thread.
    let fasta = folder.path("in.fasta");
    for more in [["--threads", "1"], ["--max-memory", "64M"]] {
        assert_eq!(table(&folder, &fasta, &[&more[0], &more[1]]), pairs);
    }
}

#[test]
fn references_alone_and_other_forms() {
    let (folder, db) = built(">one\nACGTTGCATGGATCCAACC\n>two\nTTGCATGG\n>three\nCCATGCAA\n");
    let (only, text, clstr) = (folder.path("only.talaria"), folder.path("r.fa"), folder.path("r.clstr"));
    let reduce = |out: &dyn AsRef<OsStr>, more: &[&dyn AsRef<OsStr>]| {
        let usual: [&dyn AsRef<OsStr>; 7] = [&"reduce", &db, &"-o", out, &"-q", &"--method", &"contain"];
        let answer = run(&[&usual, more].concat());
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    };
    reduce(&only, &[&"--no-deltas", &"--clstr", &clstr]);
    let references = ">one\nACGTTGCATGGATCCAACC\n>three\nCCATGCAA\n";
    assert_eq!(run(&[&"export", &only]).text(), references);
    let expected = ">Cluster 0\n0\t19nt, >one... *\n1\t8nt, >two... at 100.00%\n>Cluster 1\n0\t8nt, >three... *\n";
    assert_eq!(std::fs::read_to_string(&clstr).unwrap(), expected);
    reduce(&text, &[]);
    assert_eq!(std::fs::read_to_string(&text).unwrap(), references);
    reduce(&text, &[&"--both-strands"]);
    assert_eq!(std::fs::read_to_string(&text).unwrap(), ">one\nACGTTGCATGGATCCAACC\n");
    reduce(&text, &[&"--prefer", &"two"]);
    assert_eq!(
        std::fs::read_to_string(&text).unwrap(),
        ">one\nACGTTGCATGGATCCAACC\n>two\nTTGCATGG\n>three\nCCATGCAA\n"
    );
    let pairs = table(&folder, &db, &[&"--both-strands"]);
    assert_eq!(pairs.iter().map(|pair| pair.0.as_str()).collect::<BTreeSet<_>>().len(), 1);
    let out = folder.path("contained.talaria");
    let said = run(&[&"inspect", &out, &"--json"]).json().to_string();
    assert!(said.contains("--method contain --both-strands"), "{said}");
    assert!(run(&[&"export", &out]).stdout == std::fs::read(folder.path("in.fasta")).unwrap());
}

#[test]
fn a_plasmid_and_a_chromosome() {
    let mut numbers = Numbers::new(17);
    let chromosome = String::from_utf8(numbers.residues(b"ACGT", 250_000)).unwrap();
    let plasmid = &chromosome[70_000..160_000];
    let near = format!("{}{}", &plasmid[..80_000], if plasmid.ends_with('A') { "C" } else { "A" });
    let fasta = format!(">plasmid\n{plasmid}\n>chromosome\n{chromosome}\n>near\n{near}\n>gene\n{}\n", &plasmid[..900]);
    let (folder, db) = built(&fasta);
    let pairs = table(&folder, &db, &[&"--max-memory", &"64M"]);
    let near_too = chromosome[70_000..].starts_with(&near);
    let expected = [
        ("chromosome", "chromosome"),
        ("chromosome", "gene"),
        ("chromosome", "plasmid"),
        (if near_too { "chromosome" } else { "near" }, "near"),
    ];
    assert_eq!(pairs, expected.map(|(left, right)| (left.to_owned(), right.to_owned())).into());
    let out = folder.path("contained.talaria");
    assert!(run(&[&"export", &out]).text() == fasta);
    assert_eq!(run(&[&"verify", &out]).code, 0);
}

#[test]
fn flags_that_do_not_go_with_it() {
    let (folder, db) = built(FASTA);
    let out = folder.path("o.talaria");
    for more in [["--method=contain", "--min-identity=0.9"], ["--method=contain", "--one-strand"]] {
        assert_eq!(run(&[&"reduce", &db, &"-o", &out, &more[0], &more[1]]).code, 2, "{more:?}");
    }
    for method in ["--method=exact", "--method=cluster"] {
        let answer = run(&[&"reduce", &db, &"-o", &out, &method, &"--both-strands"]);
        assert_eq!(answer.code, 2);
        assert!(answer.stderr.contains("--both-strands goes with --method contain"), "{}", answer.stderr);
    }
    assert!(!out.exists());
}
