//! `get` on a FASTA file says what it says on the container of that file.

use std::ffi::OsStr;
use std::fs;

use crate::common::{Folder, Numbers, built, proteins, record, run};

const FASTA: &str = "; made by hand\n>sp|P69905.2|HBA_HUMAN Hemoglobin alpha\nMVLSPADK\nTNVKA\n>dup first\nMA\n\nMC\n\
                     >empty nothing here\n>dup second\nMC\n>a:1-2\nGGGG\n>P69905\nMK\n";

/// Runs `get` with these arguments on both, and compares everything.
fn same(folder: &Folder, arguments: &[&str]) -> i32 {
    let get = |name: &str| {
        let path = folder.path(name);
        let mut all: Vec<&dyn AsRef<OsStr>> = vec![&"get", &path];
        all.extend(arguments.iter().map(|argument| argument as &dyn AsRef<OsStr>));
        let answer = run(&all);
        (answer.code, String::from_utf8(answer.stdout).unwrap(), answer.stderr)
    };
    let container = get("out.talaria");
    assert_eq!(get("in.fasta"), container, "{arguments:?}");
    container.0
}

#[test]
fn the_same_as_the_container() {
    let (folder, _db) = built(FASTA);
    let ids = folder.write("ids.txt", "dup\nHBA_HUMAN\nnobody\nHBA_HUMAN:2-4\n");
    let ids = ids.to_str().unwrap();
    for (arguments, code) in [
        (&["dup", "P69905.2", "HBA_HUMAN", "sp|P69905.2|HBA_HUMAN", "empty", "P69905"][..], 0),
        (&["dup", "--first", "nobody", "nor:this"], 5),
        (&["HBA_HUMAN:5-11", "HBA_HUMAN:-3", "HBA_HUMAN:13", "{dup}:2-3", "a:1-2", "{a:1-2}:2-3"], 0),
        (&["HBA_HUMAN:14", "dup:4-9"], 5),
        (&["HBA_HUMAN:5-3"], 2),
        (&["-n", "3,0-2", "--format", "tsv"], 0),
        (&["-n", "3-99,7"], 5),
        (&["-f", ids, "--format", "json"], 5),
        (&["dup", "HBA_HUMAN", "--line-width", "3"], 0),
        (&["dup", "--reverse-complement"], 2),
        (&["dup", "--no-mmap", "--threads", "3", "--max-memory", "8M"], 0),
        (&[], 2),
    ] {
        assert_eq!(same(&folder, arguments), code, "{arguments:?}");
    }
    assert_eq!(folder.names(), ["ids.txt", "in.fasta", "out.talaria"], "nothing is left behind");
}

#[test]
fn both_strands_of_regions() {
    let mut numbers = Numbers::new(3);
    let long = numbers.residues(b"ACGTNacgt", 300_000);
    let odd = [&record("odd", &long[..1000], 60)[..], b"\n", &long[1000..100_000], b"\n"].concat();
    let (folder, _db) = built([record("chr1 first", &long, 70), odd, record("chr2", &long[..500], 80)].concat());
    for strand in [&[][..], &["-i"]] {
        for names in
            [&["chr1", "chr2", "odd"][..], &["chr1:1-1", "chr1:69-72", "chr1:1000-290000", "odd:900-70000", "chr2:499"]]
        {
            assert_eq!(same(&folder, &[names, strand].concat()), 0);
        }
    }
}

#[test]
fn many_are_as_few() {
    let fasta = proteins(500);
    let folder = Folder::new();
    let path = folder.write("p.fasta", &fasta);
    let ids = folder.write("ids.txt", (0..500).map(|index| format!("p{index}\n")).collect::<String>());
    for more in ["--format=fasta", "--no-mmap", "--save-index", "--threads=3"] {
        let answer = run(&[&"get", &path, &"-f", &ids, &more]);
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
        assert!(answer.stdout == fasta, "{more}");
    }
}

#[test]
fn a_saved_index_is_used_while_it_fits() {
    let folder = Folder::new();
    let path = folder.write("x.fasta", FASTA);
    let saved = run(&[&"get", &path, &"--save-index"]);
    assert_eq!((saved.code, saved.text(), saved.stderr.as_str()), (0, "", ""));
    assert_eq!(folder.names(), ["x.fasta", "x.fasta.talaria-index"]);
    assert_eq!(run(&[&"get", &path, &"a:1-2"]).text(), ">a:1-2\nGGGG\n");
    // What is in the file counts: an index that was made while it was another one is named, and not used.
    folder.write("x.fasta", format!(">new\nACGT\n{FASTA}"));
    let stale = run(&[&"get", &path, &"new"]);
    assert_eq!((stale.code, stale.text()), (0, ">new\nACGT\n"));
    assert!(stale.stderr.contains("x.fasta.talaria-index: belongs to an earlier state"), "{}", stale.stderr);
    assert_eq!(stale.stderr.lines().count(), 1);
    assert_eq!(run(&[&"get", &path, &"new", &"--save-index"]).stderr, "");
    assert_eq!(run(&[&"get", &path, &"new"]).stderr, "");
    folder.write("x.fasta.talaria-index", "x");
    let damaged = run(&[&"get", &path, &"new"]);
    assert_eq!((damaged.code, damaged.text()), (0, ">new\nACGT\n"));
    assert!(damaged.stderr.contains("x.fasta.talaria-index: is damaged"), "{}", damaged.stderr);
}

#[test]
fn an_index_that_cannot_be_saved_is_no_failure() {
    let folder = Folder::new();
    let path = folder.write("x.fasta", FASTA);
    fs::create_dir(folder.path("x.fasta.talaria-index")).unwrap();
    let answer = run(&[&"get", &path, &"a:1-2", &"--save-index"]);
    assert_eq!((answer.code, answer.text()), (0, ">a:1-2\nGGGG\n"));
    assert!(answer.stderr.contains("the index is not saved"), "{}", answer.stderr);
    let (_folder, db) = built(FASTA);
    assert_eq!(run(&[&"get", &db, &"dup", &"--save-index"]).code, 2);
}

#[test]
fn what_is_refused() {
    let folder = Folder::new();
    let broken = folder.write("broken.fasta", ">a\nACGT\n>b\nAC\0GT\n");
    let answer = run(&[&"get", &broken, &"a"]);
    assert_eq!((answer.code, answer.text()), (3, ""));
    assert!(
        answer.stderr.ends_with("broken.fasta: line 4, column 3: byte 0x00 is not a residue\n"),
        "{}",
        answer.stderr
    );
    let gzip = folder.write("x.fasta.gz", b"\x1F\x8B\x08\0\0\0\0\0\0\x03");
    let answer = run(&[&"get", &gzip, &"a"]);
    assert_eq!(answer.code, 3);
    assert!(answer.stderr.contains("gzip") && answer.stderr.contains("talaria-db build"), "{}", answer.stderr);
    let large = folder.write("large.fasta", proteins(20_000));
    let answer = run(&[&"get", &large, &"p1", &"--max-memory", &"6400K"]);
    assert_eq!((answer.code, answer.text()), (140, ""));
    assert!(answer.stderr.contains("talaria-db build"), "{}", answer.stderr);
    let other = run(&[&"verify", &broken]);
    assert_eq!(other.code, 4);
    assert!(other.stderr.contains("this is FASTA, not a container"), "{}", other.stderr);
}
