//! The inputs that fuzzing found worth keeping, on every run: those that reach what others do not, and those that once
//! found a fault.
#![expect(clippy::expect_used, reason = "in the helpers of tests a fault is a failed test")]

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use talaria_db_format_tests::fixtures::{self, names};
use talaria_db_format_tests::fuzz::TARGETS;

/// Whose body is in the command, which replays it: `cli/src/config/any_text.rs`.
const ELSEWHERE: &str = "config";

/// Most bytes of all inputs.
const MOST: usize = 1 << 20;

/// Runs every stored input of a target.
fn replay(name: &str) {
    let (_, run) = TARGETS.iter().find(|(target, _)| *target == name).expect("a target");
    let folder = fixtures::workspace().join("fixtures/fuzz").join(name);
    let inputs = names(&folder);
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    let fails = |input: &&String| {
        let bytes = fixtures::read(&folder.join(input));
        catch_unwind(|| run(&bytes)).is_err()
    };
    let failed: Vec<&String> = inputs.iter().filter(fails).collect();
    assert!(failed.is_empty(), "{name}: {failed:?}");
}

#[test]
fn delta() {
    replay("delta");
}

#[test]
fn fasta() {
    replay("fasta");
}

#[test]
fn open() {
    replay("open");
}

#[test]
fn reduce() {
    replay("reduce");
}

#[test]
fn round_trip() {
    replay("round_trip");
}

#[test]
fn spill() {
    replay("spill");
}

#[test]
fn stage() {
    replay("stage");
}

#[test]
fn every_target_has_a_program_inputs_and_a_test() {
    let all: BTreeSet<String> =
        TARGETS.iter().map(|(name, _)| (*name).to_owned()).chain([ELSEWHERE.to_owned()]).collect();
    let root = fixtures::workspace();
    let is = |found: Vec<String>| found.into_iter().collect::<BTreeSet<_>>() == all;
    assert!(is(names(&root.join("fixtures/fuzz"))), "folders of inputs");
    let programs = names(&root.join("format-tests/fuzz/fuzz_targets"));
    assert!(is(programs.iter().map(|file| file.trim_end_matches(".rs").to_owned()).collect()), "programs");
    let manifest = fixtures::read_text(&root.join("format-tests/fuzz/Cargo.toml"));
    let this = fixtures::read_text(&root.join("format-tests/tests/fuzz_corpus.rs"));
    for name in &all {
        assert!(manifest.contains(&format!("\nname = \"{name}\"\n")), "{name} is not in the manifest");
        assert!(name == ELSEWHERE || this.contains(&format!("    replay(\"{name}\");")), "{name} has no test");
    }
}

#[test]
fn inputs_are_small() {
    let folder = fixtures::workspace().join("fixtures/fuzz");
    let of = |target: String| names(&folder.join(&target)).into_iter().map(move |input| format!("{target}/{input}"));
    let sizes: Vec<usize> =
        names(&folder).into_iter().flat_map(of).map(|input| fixtures::read(&folder.join(input)).len()).collect();
    assert!(
        sizes.iter().all(|size| *size < 64 << 10) && sizes.iter().sum::<usize>() <= MOST,
        "{} bytes",
        sizes.iter().sum::<usize>()
    );
}
