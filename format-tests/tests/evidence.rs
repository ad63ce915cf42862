//! Every rule of `FORMAT.md` is cited by a test: a comment `EVIDENCE:` and the rules' identifiers, in test code.

use std::collections::BTreeMap;

use talaria_db_format_tests::{document, fixtures, tree};

/// Not written in one piece, so that this line is no citation.
const MARKER: &str = concat!("// ", "EVIDENCE:");

/// Which rules are cited, and where.
fn citations() -> BTreeMap<String, Vec<String>> {
    let mut citations: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in ["spec", "engine", "cli", "format-tests"].into_iter().flat_map(tree::rust_files) {
        let tests = source.tests_from();
        for (number, line) in source.lines() {
            let Some((_, list)) = line.split_once(MARKER) else { continue };
            let place = format!("{}:{number}", source.path);
            assert!(number >= tests, "{place}: evidence outside test code");
            let rules: Vec<&str> =
                list.split([',', ' ', ';', '(', ')']).filter(|word| document::is_rule(word)).collect();
            assert!(!rules.is_empty(), "{place}: evidence for nothing");
            for rule in rules {
                citations.entry(rule.to_owned()).or_default().push(place.clone());
            }
        }
    }
    citations
}

#[test]
fn every_rule_is_cited_and_every_citation_is_a_rule() {
    let rules = document::rules(&fixtures::read_text(&document::path()));
    let citations = citations();
    let uncited: Vec<&String> = rules.iter().filter(|rule| !citations.contains_key(*rule)).collect();
    assert_eq!(uncited, Vec::<&String>::new(), "no test cites these rules");
    let unknown: Vec<_> = citations.iter().filter(|(rule, _)| !rules.contains(*rule)).collect();
    assert!(unknown.is_empty(), "FORMAT.md has no such rules: {unknown:?}");
}

#[test]
fn rules_are_defined_once_and_numbered_without_gaps() {
    let text = fixtures::read_text(&document::path());
    let rules = document::rules(&text);
    for rule in &rules {
        let (letter, number) = rule.split_once('-').unwrap();
        let number: u32 = number.parse().unwrap();
        assert!(number == 1 || rules.contains(&format!("{letter}-{}", number - 1)), "there is no rule before {rule}");
    }
    // H-1 is the example of an identifier; B-11 is said to hold for other packings, too.
    let defined = |rule: &str| text.matches(&format!("**[{rule}]**")).count();
    let twice: Vec<&String> = rules.iter().filter(|rule| defined(rule) != 1).collect();
    assert_eq!(twice, ["B-11", "H-1"]);
}
