use std::collections::BTreeMap;

use crate::common::{Folder, built, proteins, run};

/// Records of which every third repeats an earlier one, some far back, with odd layout and repeated ids.
fn repetitive() -> Vec<u8> {
    let text = String::from_utf8(proteins(300)).unwrap();
    let records: Vec<&str> = text.split_inclusive("\n>").collect();
    let body = |index: usize| records[index].trim_end_matches('>').split_once('\n').unwrap().1;
    let mut fasta = String::new();
    for index in 0..900 {
        let from = if index % 3 == 2 { (index * 7919) % 100 } else { index % 300 };
        fasta.push_str(&format!(">id{} record {index}\n{}", index % 850, body(from)));
    }
    fasta.push_str(">empty\n>blank\n\n\n>empty again\n>upper\nMKV\n>lower\nmkv\n>crlf\r\nMKV\r\n>last\nMKV");
    fasta.into_bytes()
}

/// Ids and sequences, by an independent way.
fn parse(fasta: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8(fasta.to_vec()).unwrap();
    text.split("\n>")
        .map(|record| {
            let (header, body) = record.trim_start_matches('>').split_once('\n').unwrap_or((record, ""));
            let id = header.split([' ', '\r']).next().unwrap().to_owned();
            (id, body.split_whitespace().collect())
        })
        .collect()
}

#[test]
fn one_copy_of_each_and_everything_back() {
    let fasta = repetitive();
    let (folder, db) = built(&fasta);
    let reduced = folder.path("reduced.talaria");
    let report = folder.path("report.json");
    let answer = run(&[&"reduce", &db, &"-o", &reduced, &"--report", &report]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(run(&[&"export", &reduced]).stdout == fasta);
    assert_eq!(run(&[&"verify", &reduced]).code, 0);

    // Against a plain model: the first of each distinct sequence is the reference.
    let records = parse(&fasta);
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, (_, sequence)) in records.iter().enumerate() {
        first.entry(sequence).or_insert(index);
    }
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["records"], records.len());
    assert_eq!(report["references"], first.len());

    let references = parse(&run(&[&"export", &reduced, &"--references"]).stdout);
    let mut expected: Vec<usize> = first.values().copied().collect();
    expected.sort_unstable();
    assert_eq!(references, expected.iter().map(|&index| records[index].clone()).collect::<Vec<_>>());

    let table = std::fs::read_to_string(folder.path("reduced.talaria.clusters.tsv")).unwrap();
    let mut lines: Vec<String> = Vec::new();
    for &reference in &expected {
        for (id, sequence) in &records[reference..] {
            if *sequence == records[reference].1 {
                lines.push(format!("{}\t{id}\t1.000\t1.000", records[reference].0));
            }
        }
    }
    assert_eq!(table.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn the_same_whatever_the_threads_the_memory_and_the_container() {
    let fasta = repetitive();
    let (folder, _) = built(&fasta);
    let (input, plain) = (folder.path("in.fasta"), folder.path("plain.talaria"));
    assert_eq!(run(&[&"build", &input, &"-o", &plain, &"--no-share", &"-q"]).code, 0);
    let reduce = |name: &str, arguments: &[&'static str]| {
        let output = folder.path(name);
        let mut all: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"reduce", &plain, &"-o", &output, &"-q"];
        all.extend(arguments.iter().map(|argument| argument as &dyn AsRef<std::ffi::OsStr>));
        let answer = run(&all);
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{name}");
        std::fs::read(&output).unwrap()
    };
    let reduced = reduce("a.talaria", &["--threads", "1"]);
    assert!(reduced == reduce("b.talaria", &["--threads", "2", "--max-memory", "64M"]));
    assert!(reduced == reduce("c.talaria", &["--no-mmap"]));
    assert!(reduced.len() < std::fs::read(&plain).unwrap().len());
}

#[test]
fn fasta_on_either_side() {
    let fasta = repetitive();
    let (folder, db) = built(&fasta);
    let (input, container, text) = (folder.path("in.fasta"), folder.path("r.talaria"), folder.path("r.fasta"));
    assert_eq!(run(&[&"reduce", &input, &"-o", &container, &"-q"]).code, 0);
    assert!(run(&[&"export", &container]).stdout == fasta);

    let answer = run(&[&"reduce", &input, &"-o", &text, &"--line-width", &"0"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(answer.stderr.contains("references only"), "{}", answer.stderr);
    let references = run(&[&"export", &container, &"--references", &"--line-width", &"0"]).stdout;
    assert!(std::fs::read(&text).unwrap() == references);
    assert_eq!(
        folder.names(),
        ["in.fasta", "out.talaria", "r.fasta", "r.fasta.clusters.tsv", "r.talaria", "r.talaria.clusters.tsv"]
    );
    drop(db);
}

#[test]
fn what_it_refuses() {
    let (folder, db) = built(">a\nMKV\n");
    let out = folder.path("out2.talaria");
    assert_eq!(run(&[&"reduce", &db, &"-o", &db]).code, 2);
    assert_eq!(run(&[&"reduce", &db, &"-o", &folder.path("x.fasta.xz")]).code, 2);
    assert_eq!(run(&[&"reduce", &db, &"-o", &out, &"--method", &"magic"]).code, 2);
    assert_eq!(run(&[&"reduce", &db, &"-o", &out, &"--max-memory", &"1M"]).code, 140);
    assert_eq!(run(&[&"reduce", &folder.path("none"), &"-o", &out]).code, 1);
    let text = folder.write("text", "no FASTA\n");
    assert_eq!(run(&[&"reduce", &text, &"-o", &out]).code, 3);
    let mut bytes = std::fs::read(&db).unwrap();
    bytes[4096] ^= 1;
    let damaged = folder.write("damaged", bytes);
    assert_eq!(run(&[&"reduce", &damaged, &"-o", &out]).code, 4);
    assert_eq!(folder.names(), ["damaged", "in.fasta", "out.talaria", "text"]);
    assert_eq!(run(&[&"export", &db, &"--references"]).code, 2, "not a reduction");
}

#[test]
fn nothing_in_nothing_out() {
    let folder = Folder::new();
    let (input, output) = (folder.write("in.fa", ""), folder.path("r.talaria"));
    assert_eq!(run(&[&"reduce", &input, &"-o", &output, &"-q"]).code, 0);
    assert_eq!(run(&[&"export", &output]).stdout, b"");
    assert_eq!(std::fs::read(folder.path("r.talaria.clusters.tsv")).unwrap(), b"");
}

#[test]
fn references_of_sources_without_a_final_line_end_stay_apart() {
    let folder = Folder::new();
    let (first, second) = (folder.write("a.fa", ">a\nACGT"), folder.write("b.fa", ">b\nGGCC"));
    let (db, reduced) = (folder.path("both.talaria"), folder.path("reduced.talaria"));
    assert_eq!(run(&[&"build", &first, &second, &"-o", &db, &"-q"]).code, 0);
    assert_eq!(run(&[&"reduce", &db, &"-o", &reduced, &"-q"]).code, 0);
    assert_eq!(run(&[&"export", &reduced]).text(), ">a\nACGT>b\nGGCC");
    assert_eq!(run(&[&"export", &reduced, &"--references"]).text(), ">a\nACGT\n>b\nGGCC\n");
}

#[test]
fn a_sequence_that_is_in_the_file_very_often() {
    let fasta: String = (0..60_000).map(|index| format!(">r{index}\n{}\n", ["ACGT", "GGCC"][index % 2])).collect();
    let (folder, _) = built(fasta);
    let (input, plain, reduced) = (folder.path("in.fasta"), folder.path("plain.talaria"), folder.path("r.talaria"));
    assert_eq!(run(&[&"build", &input, &"-o", &plain, &"--no-share", &"-q"]).code, 0);
    let report = folder.path("report.json");
    let answer = run(&[&"reduce", &plain, &"-o", &reduced, &"--report", &report, &"--max-memory", &"64M", &"-q"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["references"], 2);
    assert_eq!(report["cluster_sizes"], serde_json::json!([{ "records_at_most": 32768, "clusters": 2 }]));
}

#[test]
fn no_output_goes_over_another_or_the_input() {
    let (folder, db) = built(">a\nMKV\n");
    let (out, input) = (folder.path("r.talaria"), folder.path("in.fasta"));
    assert_eq!(run(&[&"reduce", &db, &"-o", &out, &"--report", &db]).code, 2);
    assert_eq!(run(&[&"reduce", &db, &"-o", &out, &"--report", &out]).code, 2);
    assert_eq!(run(&[&"reduce", &db, &"-o", &out, &"--clusters", &db]).code, 2);
    assert_eq!(run(&[&"export", &db, &"-o", &db]).code, 2);
    assert_eq!(run(&[&"verify", &db]).code, 0);
    assert_eq!(folder.names(), ["in.fasta", "out.talaria"]);
    drop(input);
}

#[test]
fn compressed_fasta_by_name() {
    let fasta = repetitive();
    let (folder, db) = built(&fasta);
    let plain = folder.path("r.fasta");
    assert_eq!(run(&[&"reduce", &db, &"-o", &plain, &"-q"]).code, 0);
    let expected = std::fs::read(&plain).unwrap();
    for (name, magic) in [("r.fa.gz", &[0x1f, 0x8b][..]), ("R.FAA.ZST", &[0x28, 0xb5, 0x2f, 0xfd])] {
        let packed = folder.path(name);
        let answer = run(&[&"reduce", &db, &"-o", &packed]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(answer.stderr.contains("references only"), "{}", answer.stderr);
        let bytes = std::fs::read(&packed).unwrap();
        assert!(bytes.starts_with(magic) && bytes.len() < expected.len());
        // Through the decoders, which take nothing that is cut short.
        let back = folder.path("back.talaria");
        assert_eq!(run(&[&"build", &packed, &"-o", &back, &"-q"]).code, 0);
        assert!(run(&[&"export", &back]).stdout == expected, "{name}");
    }
}

#[test]
fn clusters_as_cd_hit_writes_them() {
    let (folder, db) = built(">a x\nMKV\n>b\nGGAG\n>c\nMKV\n>d\nMKV\n");
    let (out, clstr) = (folder.path("r.talaria"), folder.path("r.clstr"));
    assert_eq!(run(&[&"reduce", &db, &"-o", &out, &"--clstr", &clstr, &"-q"]).code, 0);
    let expected = ">Cluster 0\n0\t3aa, >a... *\n1\t3aa, >c... at 100.00%\n2\t3aa, >d... at 100.00%\n>Cluster 1\n0\t4aa, >b... *\n";
    assert_eq!(std::fs::read_to_string(&clstr).unwrap(), expected);
    assert_eq!(run(&[&"reduce", &db, &"-o", &out, &"--clstr", &db, &"-q"]).code, 2);
    let (nucleotides, clstr) = (built(">a\nACGTACGTACGT\n"), folder.path("n.clstr"));
    let out = nucleotides.0.path("r.fa");
    assert_eq!(run(&[&"reduce", &nucleotides.1, &"-o", &out, &"--clstr", &clstr, &"-q"]).code, 0);
    assert_eq!(std::fs::read_to_string(&clstr).unwrap(), ">Cluster 0\n0\t12nt, >a... *\n");
}

#[test]
fn references_alone_in_a_container() {
    // With a record that is longer than what is loaded together, and one of odd layout.
    let long = "MKVLAAGITE".repeat(300_000);
    let fasta =
        [repetitive(), format!("\n>long one\n{long}\n>odd\nAAAA\nAA\n\nA\n>long two\n{long}\n").into_bytes()].concat();
    let (folder, db) = built(&fasta);
    let (whole, only, text) = (folder.path("whole.talaria"), folder.path("only.talaria"), folder.path("text.fa"));
    assert_eq!(run(&[&"reduce", &db, &"-o", &whole, &"-q"]).code, 0);
    assert_eq!(run(&[&"reduce", &db, &"-o", &text, &"-q"]).code, 0);
    let report = folder.path("report.json");
    let answer = run(&[&"reduce", &db, &"-o", &only, &"--no-deltas", &"--report", &report]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(answer.stderr.contains("only.talaria: references only; the other "), "{}", answer.stderr);
    let references = run(&[&"export", &only]).stdout;
    assert!(references == std::fs::read(&text).unwrap());
    assert!(references == run(&[&"export", &whole, &"--references", &"--line-width", &"60"]).stdout);
    assert_eq!(run(&[&"verify", &only]).code, 0);
    let said = run(&[&"inspect", &only, &"--json"]).json();
    let said = said.to_string();
    assert!(said.contains("--no-deltas") && said.contains("left out") && !said.contains("\"reduced\""), "{said}");
    // It has no clusters to ask for.
    assert_eq!(run(&[&"members", &only, &"odd"]).code, 2);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["references_only"], true);
    assert_eq!(report["identity_quantiles"][0], serde_json::json!({ "percent": 0, "identity": 1.0 }));
    assert!(report["sequence_bytes"].as_u64().unwrap() > 1000 && report["delta_bytes"] == 0);
    for stage in report["stages"].as_array().unwrap() {
        assert!(stage["peak_memory"].as_u64().unwrap() <= report["peak_memory"].as_u64().unwrap(), "{stage}");
    }
}

#[test]
fn preferred_records_are_the_references() {
    let fasta = ">tr|A1|x\nMKV\n>tr|A2|x\nGGA\n>tr|A3|x\nMKV\n>sp|P1|x a\nMKV\n>sp|P2|x\nMKV\n>tr|A4|x\nGGA\n>tr|A5|x\nLL\n>e1\n>sp|E|x\n";
    let (folder, db) = built(fasta);
    let out = folder.path("r.talaria");
    let table = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
        let answer = run(&[&[&"reduce" as &dyn AsRef<_>, &db, &"-o", &out, &"-q"], arguments].concat());
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
        assert_eq!(run(&[&"export", &out]).text(), fasta);
        assert_eq!(run(&[&"verify", &out]).code, 0);
        let text = std::fs::read_to_string(folder.path("r.talaria.clusters.tsv")).unwrap();
        let mut pairs: Vec<String> =
            text.lines().map(|line| line.strip_suffix("\t1.000\t1.000").unwrap().to_owned()).collect();
        // What the container says is what the table says.
        let said = run(&[&"representative", &out, &"-n", &"0-8"]);
        let mut said: Vec<String> = said
            .text()
            .lines()
            .map(|line| line.split('\t').collect::<Vec<_>>())
            .map(|columns| format!("{}\t{}", columns[1], columns[0]))
            .collect();
        let references = run(&[&"export", &out, &"--references"]);
        for id in references.text().lines().filter_map(|line| line.strip_prefix('>')) {
            let id = id.split(' ').next().unwrap();
            assert!(pairs.contains(&format!("{id}\t{id}")), "{id}");
        }
        assert_eq!(references.text().matches('>').count(), 4);
        said.sort();
        pairs.sort();
        assert_eq!(said, pairs);
        pairs
    };
    let plain = table(&[]);
    assert!(plain.contains(&"tr|A1|x\tsp|P1|x".to_owned()));
    let bytes = std::fs::read(&out).unwrap();
    // Of several the first one.
    let preferred = table(&[&"--prefer", &"sp|"]);
    for pair in ["sp|P1|x\ttr|A1|x", "sp|P1|x\tsp|P2|x", "sp|P1|x\tsp|P1|x", "tr|A2|x\ttr|A4|x", "sp|E|x\te1"] {
        assert!(preferred.contains(&pair.to_owned()), "{pair}: {preferred:?}");
    }
    // A list before texts, an earlier text before a later one.
    let list = folder.write("list", "A4\nnobody\n");
    let preferred = table(&[&"--prefer", &"P2", &"--prefer", &"sp|", &"--prefer-list", &list]);
    for pair in ["sp|P2|x\ttr|A1|x", "tr|A4|x\ttr|A2|x"] {
        assert!(preferred.contains(&pair.to_owned()), "{pair}: {preferred:?}");
    }
    let answer = run(&[&"reduce", &db, &"-o", &out, &"--prefer-list", &list]);
    assert!(answer.stderr.contains("1 name that no record has"), "{}", answer.stderr);
    // Taxa before texts, an earlier one before a later one; a list before both.
    let map = folder.write("taxa.tsv", "A1\t9606\nA3\t10090\nP1\t10090\nA4\t10090\nnobody\t1\n");
    let taxa: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"--taxon-map", &map, &"--prefer-taxon", &"9606,10090", &"--prefer", &"sp|"];
    let preferred = table(&taxa);
    for pair in ["tr|A1|x\tsp|P1|x", "tr|A4|x\ttr|A2|x", "sp|E|x\te1"] {
        assert!(preferred.contains(&pair.to_owned()), "{pair}: {preferred:?}");
    }
    let preferred = table(&[&"--taxon-map", &map, &"--prefer-taxon", &"10090", &"--prefer-taxon", &"9606"]);
    assert!(preferred.contains(&"tr|A3|x\ttr|A1|x".to_owned()), "{preferred:?}");
    let answer = run(&[&"reduce", &db, &"-o", &out, &"--taxon-map", &map, &"--prefer-taxon", &"9606"]);
    assert!(answer.code == 0 && answer.stderr.contains("1 name that no record has"), "{}", answer.stderr);
    assert_eq!(run(&[&"reduce", &db, &"-o", &out, &"--prefer-taxon", &"9606"]).code, 2);
    // Rules that change nothing change no byte but those that say so.
    table(&[&"--prefer", &"nowhere"]);
    assert!(std::fs::read(&out).unwrap().len() <= bytes.len() + 64);
    // The references alone.
    let text = folder.path("r.fa");
    assert_eq!(run(&[&"reduce", &db, &"-o", &text, &"-q", &"--prefer", &"sp|"]).code, 0);
    assert_eq!(std::fs::read_to_string(&text).unwrap(), ">tr|A2|x\nGGA\n>sp|P1|x a\nMKV\n>tr|A5|x\nLL\n>sp|E|x\n");

    assert_eq!(run(&[&"reduce", &db, &"-o", &out, &"--prefer", &""]).code, 2);
    assert_eq!(run(&[&"reduce", &db, &"-o", &out, &"--prefer-list", &folder.path("none")]).code, 1);
    assert_eq!(run(&[&"reduce", &db, &"-o", &list, &"--prefer-list", &list]).code, 2);
}

#[test]
fn preferred_records_stand_for_longer_ones() {
    let protein = "MKVLAAGITEGHQRHWWPLKMNDEYFCSTRVAQLNDKEGTWYPHFSICVM".repeat(3);
    let fasta = format!(">tr|A|x\n{protein}\n>sp|P|x\n{}\n", &protein[..protein.len() - 4]);
    let (folder, db) = built(&fasta);
    let (text, clstr) = (folder.path("r.fa"), folder.path("r.clstr"));
    let reference = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
        let usual: [&dyn AsRef<std::ffi::OsStr>; 9] =
            [&"reduce", &db, &"-o", &text, &"-q", &"--method", &"cluster", &"--clstr", &clstr];
        let answer = run(&[&usual, arguments].concat());
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
        std::fs::read_to_string(&text).unwrap().lines().next().unwrap().to_owned()
    };
    assert_eq!(reference(&[]), ">tr|A|x");
    assert_eq!(reference(&[&"--prefer", &"sp|"]), ">sp|P|x");
    let expected = ">Cluster 0\n0\t146aa, >sp|P|x... *\n1\t150aa, >tr|A|x... at 100.00%\n";
    assert_eq!(std::fs::read_to_string(&clstr).unwrap(), expected);
}
