//! `stage`: shards through files come to what one process comes to, and files that do not go together are refused.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::common::{Answer, Folder, run};
use crate::estimate::families;

fn stage(name: &str, files: &[&Path], output: &Path, more: &[&str]) -> Answer {
    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"stage", &name];
    arguments.extend(files.iter().map(|file| file as &dyn AsRef<OsStr>));
    arguments.extend([&"-o" as &dyn AsRef<OsStr>, &output, &"--threads", &"2"]);
    arguments.extend(more.iter().map(|flag| flag as &dyn AsRef<OsStr>));
    run(&arguments)
}

fn done(answer: &Answer) {
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
}

fn paths(folder: &Folder, names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| folder.path(name)).collect()
}

/// The records of a FASTA file in turn in so many shards, and containers of them.
fn dealt(folder: &Folder, fasta: &[u8], count: usize) -> Vec<PathBuf> {
    let text = String::from_utf8(fasta.to_vec()).unwrap();
    let mut shards = vec![String::new(); count];
    for (number, record) in text.split_inclusive("\n>").enumerate() {
        let record = record.strip_suffix('>').unwrap_or(record);
        shards[number * 7 % count].push_str(&format!(">{}", record.trim_start_matches('>')));
    }
    let build = |(number, shard): (usize, &String)| {
        let (input, output) =
            (folder.write(&format!("{number}.fasta"), shard), folder.path(&format!("{number}.talaria")));
        done(&run(&[&"build", &input, &"-o", &output, &"-q"]));
        output
    };
    shards.iter().enumerate().map(build).collect()
}

fn sorted(table: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(table).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn four_shards_come_to_what_one_comes_to() {
    let folder = Folder::new();
    let fasta = families(60);
    let all = folder.write("all.fasta", &fasta);
    let shards = dealt(&folder, &fasta, 4);
    let mut kmers = Vec::new();
    for (number, shard) in shards.iter().enumerate() {
        let path = folder.path(&format!("{number}.kmers"));
        done(&stage("kmers", &[shard], &path, &["-q", "--min-identity", "0.8"]));
        kmers.push(path);
    }
    let refs = |files: &[&[PathBuf]]| files.concat();
    let mut edges = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        let path = folder.path(&format!("{}.edges", &part[..1]));
        let files: Vec<&Path> = kmers.iter().rev().map(PathBuf::as_path).collect();
        done(&stage("edges", &files, &path, &["-q", "--partition", part]));
        edges.push(path);
    }
    let mut links = Vec::new();
    for part in ["2/2", "1/2"] {
        let path = folder.path(&format!("{}.links", &part[..1]));
        let files = refs(&[&edges, &shards, &kmers]);
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        done(&stage("verify", &files, &path, &["-q", "--partition", part, "--max-memory", "64M"]));
        links.push(path);
    }
    let (clusters, output) = (folder.path("clusters"), folder.path("staged.talaria"));
    let files = refs(&[&links, &kmers]);
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let answer = stage("cover", &files, &clusters, &[]);
    assert!(
        answer.code == 0 && answer.stderr.contains("240 records, ") && answer.stderr.contains(" references, "),
        "{answer:?}"
    );
    let files = refs(&[&shards, std::slice::from_ref(&clusters)]);
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    done(&stage("write", &files, &output, &["-q"]));

    // One file, in another order, in one process.
    let whole = folder.path("whole.talaria");
    let flags = [&"--method" as &dyn AsRef<OsStr>, &"cluster", &"--min-identity", &"0.8", &"-q"];
    done(&run(&[&[&"reduce" as &dyn AsRef<OsStr>, &all, &"-o", &whole][..], &flags].concat()));
    let table = folder.path("staged.talaria.clusters.tsv");
    assert_eq!(sorted(&table), sorted(&folder.path("whole.talaria.clusters.tsv")));
    assert!(sorted(&table).iter().any(|line| !line.ends_with("1.000\t1.000")));

    // The shards as one container: the same bytes.
    let (together, once) = (folder.path("together.talaria"), folder.path("once.talaria"));
    let [a, b, c, d] = &shards[..] else { panic!("four shards") };
    done(&run(&[&"build", a, b, c, d, &"-o", &together, &"-q"]));
    done(&run(&[&[&"reduce" as &dyn AsRef<OsStr>, &together, &"-o", &once][..], &flags].concat()));
    assert!(std::fs::read(&output).unwrap() == std::fs::read(&once).unwrap());
    let names = folder.names();
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");

    // FASTA of the references has them all.
    let references = folder.path("references.fasta");
    done(&stage("write", &files, &references, &["-q"]));
    let text = std::fs::read_to_string(&references).unwrap();
    let alone = sorted(&table).iter().filter(|line| line.split('\t').next() == line.split('\t').nth(1)).count();
    assert_eq!(text.matches('>').count(), alone);
}

#[test]
fn what_is_mixed_up_damaged_cut_or_missing_is_refused() {
    let folder = Folder::new();
    let shards = dealt(&folder, &families(8), 2);
    let [kmers, other, edges, links, out] =
        &paths(&folder, &["0.kmers", "1.kmers", "all.edges", "all.links", "out"])[..]
    else {
        panic!("five files")
    };
    done(&stage("kmers", &[&shards[0]], kmers, &["-q"]));
    done(&stage("kmers", &[&shards[1]], other, &["-q", "--coverage", "0.7"]));
    let refused = |answer: &Answer, code: i32, parts: &[&str]| {
        assert_eq!(answer.code, code, "{}", answer.stderr);
        assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
        parts.iter().for_each(|part| assert!(answer.stderr.contains(part), "{part}: {}", answer.stderr));
        assert!(!out.exists());
    };
    refused(
        &stage("edges", &[kmers, other], out, &[]),
        2,
        &["0.kmers", " and ", "1.kmers", "--coverage 0.8", "--coverage 0.7"],
    );
    done(&stage("kmers", &[&shards[1]], other, &["-q"]));
    done(&stage("edges", &[kmers, other], edges, &["-q", "--partition", "1/2"]));
    let both: Vec<&Path> = vec![&shards[0], &shards[1], kmers, other, edges];
    refused(&stage("verify", &both, out, &[]), 2, &["all.edges", "part 2/2", "missing"]);
    refused(&stage("verify", &both[1..], out, &[]), 2, &["all.edges", "part 2/2"]);
    done(&stage("edges", &[kmers, other], edges, &["-q"]));
    refused(&stage("verify", &both[1..], out, &[]), 2, &[".kmers: ", "the shard 0.talaria is missing"]);
    refused(&stage("verify", &[&shards[0], &shards[1], kmers, edges], out, &[]), 2, &["all.edges and ", "1.talaria"]);
    done(&stage("verify", &both, links, &["-q"]));
    refused(&stage("cover", &[kmers, other, edges], out, &[]), 2, &["all.edges", "it has edges"]);
    refused(&stage("cover", &[kmers, other], out, &[]), 2, &["no file of links"]);
    refused(&stage("cover", &[kmers, other, &folder.path("0.fasta")], out, &[]), 4, &["0.fasta", "no file of a stage"]);
    refused(&stage("cover", &[kmers, other, &folder.path("none")], out, &[]), 1, &["none", "cannot open"]);

    let bytes = std::fs::read(links).unwrap();
    std::fs::write(links, &bytes[..bytes.len() - 1]).unwrap();
    refused(&stage("cover", &[kmers, other, links], out, &[]), 4, &["all.links", "cut short"]);
    let mut damaged = bytes;
    damaged[40] ^= 1;
    std::fs::write(links, damaged).unwrap();
    refused(&stage("cover", &[kmers, other, links], out, &[]), 4, &["all.links", "damaged"]);

    for (flags, part) in [
        (&["--min-identity", "0.5"][..], "0.65 for proteins and 0.85 for nucleotides"),
        (&["--sensitive"], "--sensitive"),
    ] {
        refused(&stage("kmers", &[&shards[0]], out, flags), 2, &[part]);
    }
    refused(&stage("kmers", &[&shards[0]], out, &["--max-memory", "1M"]), 140, &["--max-memory"]);
    for part in ["0/2", "3/2", "2", "a/b"] {
        assert_eq!(stage("edges", &[kmers, other], out, &["--partition", part]).code, 2, "{part}");
    }
    assert_eq!(stage("edges", &[kmers, other], kmers, &[]).code, 2, "it would be written over");
}

#[test]
fn help() {
    let help = run(&[&"stage", &"--help"]);
    assert_eq!(help.code, 0);
    for (name, part) in [
        ("kmers", "Similarity (the same for all shards)"),
        ("edges", "--partition <I/N>"),
        ("verify", "--partition <I/N>"),
        ("cover", "in any order"),
        ("write", "--no-deltas"),
    ] {
        assert!(help.text().contains(&format!("  {name} ")), "{name}");
        let own = run(&[&"stage", &name, &"--help"]);
        assert!(own.code == 0 && own.text().contains(part) && own.text().contains("--max-memory"), "{name}");
    }
    // The heading of the same flags elsewhere is its own.
    assert!(run(&[&"reduce", &"--help"]).text().contains("Similarity (for --method cluster and select)"));
}
