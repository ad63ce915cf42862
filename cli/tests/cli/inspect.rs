use crate::common::{built, run};

const FASTA: &str = ">sp|P1.2|X_Y some\nACGTAC\nGT\n>odd one\nAC\n\nACGTA\nC";

#[test]
fn a_container() {
    let (_folder, db) = built(FASTA);
    let json = run(&[&"inspect", &db, &"--json"]).json();
    assert_eq!(json["header"]["records"], 2);
    assert_eq!(json["header"]["alphabet"], "dna");
    assert_eq!(json["header"]["required_features"], serde_json::json!(["packed-columns"]));
    let sections = json["sections"].as_array().unwrap();
    assert!(sections.iter().any(|section| section["name"] == "key entries" && section["kind"] == 21));
    assert_eq!(json["sources"][0]["name"], "in.fasta");
    assert_eq!(json["sources"][0]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(json["provenance"][0]["key"], "writer");
    assert!(json["provenance"][0]["value"].as_str().unwrap().starts_with("talaria-db "));
    assert_eq!(json["blocks"][0]["stream"], "sequence");
    let text = run(&[&"inspect", &db]);
    assert_eq!(text.code, 0);
    for part in ["sequence directory", "in.fasta", "two-bit DNA", "writer"] {
        assert!(text.text().contains(part), "{part} in {}", text.text());
    }
}

#[test]
fn records() {
    let (_folder, db) = built(FASTA);
    let json = run(&[&"inspect", &db, &"--record", &"P1", &"--json"]).json();
    assert_eq!((json["ordinal"].as_u64(), json["length"].as_u64()), (Some(0), Some(8)));
    assert_eq!(json["layout"]["form"], "regular");
    let names: Vec<_> = json["names"].as_array().unwrap().iter().map(|name| &name["name"]).collect();
    assert_eq!(names, ["sp|P1.2|X_Y", "P1.2", "P1", "X_Y"]);
    assert_eq!(json["names"][2]["rank"], "versionless accession");
    assert_eq!(json["sequence_block"]["packing"], "two-bit DNA");

    let json = run(&[&"inspect", &db, &"--record", &"1", &"--json"]).json();
    assert_eq!((&json["id"], &json["layout"]["form"]), (&"odd".into(), &"irregular".into()));
    assert_eq!(json["header_table"]["flags"][0], "irregular");
    let operations = ["lines 1 x 2", "lines 1 x 0", "lines 1 x 5", "residues 1"];
    assert_eq!(json["layout"]["operations"], serde_json::json!(operations));
    assert!(run(&[&"inspect", &db, &"--record", &"odd"]).text().contains("irregular"));
    for missing in ["2", "nope"] {
        let answer = run(&[&"inspect", &db, &"--record", &missing]);
        assert_eq!((answer.code, answer.stderr), (5, format!("talaria-db: not found: {missing}\n")));
    }
}
