//! Power cuts at every moment of a run: what was there is there, or what is new, whole.
//!
//! A run is recorded ([`record`]) as it works on real files. Its operations are then done one by one to a model of a
//! disk ([`disk`]), and every state that a cut could leave is judged ([`states`]): all subsets of what was not synced
//! where there are few of them, else drawn ones, and torn sectors.

mod disk;
pub(crate) mod record;
mod states;

use std::path::{Path, PathBuf};

use self::disk::{Disk, Folder};
use self::record::{Fault, Operation};
use crate::database::Database;
use crate::read::verify::Level;
use crate::reduce::{Clustering, Method, Output, Reduction};
use crate::write::builder::Builder;
use crate::write::place::Order;

/// Families of proteins: some the same, some alike, some alone.
fn fasta(seed: u64, records: u64) -> String {
    let letters = b"ACDEFGHIKLMNPQRSTVWY";
    let letter = |number: u64| char::from(letters[(number >> 40) as usize % 20]);
    let next = |number: u64| number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let mut text = String::new();
    for record in 0..records {
        let mut state = next(seed + record / 4);
        let mut residues: Vec<char> = (0..150)
            .map(|_| {
                state = next(state);
                letter(state)
            })
            .collect();
        if record % 4 > 1 {
            residues[(record * 7 % 150) as usize] = 'W';
        }
        text.push_str(&format!(">r{seed}_{record}\n{}\n", residues.iter().collect::<String>()));
    }
    text
}

/// What a folder holds.
pub(super) fn listed(folder: &Path) -> Folder {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (record::name(&entry.path()), std::fs::read(entry.path()).unwrap())).collect()
}

/// The work: what writes into a folder.
type Work<'w> = &'w dyn Fn(&Path) -> crate::Result<()>;

/// A folder before a run and after it, and what the run did to it.
struct Ran {
    old: Folder,
    new: Folder,
    log: Vec<Operation>,
}

fn run(work: Work<'_>, before: &[Work<'_>], fault: Fault) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    before.iter().for_each(|work| work(&path).unwrap());
    let old = listed(&path);
    let (log, done) = record::record(&path, fault, || work(&path));
    done.unwrap();
    let new = listed(&path);
    // Nothing that was done went past the recording.
    let mut disk = Disk::new(&old);
    log.iter().for_each(|operation| disk.apply(operation));
    assert_eq!(disk.after_cut(|_, _| true), new);
    Ran { old, new, log }
}

/// Judges all states of `work`, after `before` has put there what is to be replaced; and planted faults must be found.
fn check(work: Work<'_>, before: &[Work<'_>]) {
    let Ran { old, new, log } = run(work, before, Fault::Nothing);
    let judged = states::judge(&old, &new, &log, true);
    assert_eq!(judged.violations, [""; 0]);
    eprintln!("{} moments, {} states", judged.moments, judged.states);
    assert!(judged.moments > 5 && judged.states > 100, "{judged:?}");
    for fault in [Fault::NoSync, Fault::NoFolderSync] {
        let Ran { old, new, log } = run(work, before, fault);
        assert!(!states::judge(&old, &new, &log, true).violations.is_empty(), "{fault:?} was not found");
    }
    // What is left is in nobody's way, and what is there opens and is sound.
    let mut disk = Disk::new(&old);
    for (moment, operation) in log.iter().enumerate() {
        disk.apply(operation);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        for (name, bytes) in disk.after_cut(|change, sector| (change + sector + moment) % 3 != 0) {
            std::fs::write(path.join(&name), bytes).unwrap();
            if name.ends_with(".talaria") {
                assert!(Database::open(path.join(&name)).unwrap().verify(Level::Everything).unwrap().is_sound());
            }
        }
        work(&path).unwrap();
        assert_eq!(listed(&path), new, "after a cut at {moment}");
    }
}

/// Inputs in a folder that is not recorded.
pub(super) fn inputs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("first", fasta(1, 40)), ("more", fasta(900, 8))] {
        std::fs::write(folder.path().join(format!("{name}.fasta")), text).unwrap();
    }
    folder
}

fn built(inputs: &Path, names: &[&str], order: Order, folder: &Path) -> crate::Result<()> {
    let start = Builder::new(folder.join("out.talaria")).threads(2).order(order);
    let builder = names.iter().fold(start, |builder, name| builder.add_file(inputs.join(name)));
    builder.finish().map(|_| ())
}

pub(super) fn clustering() -> Method {
    Method::Cluster(Clustering::default())
}

/// Beside the inputs, a result that an update goes on from.
pub(super) fn old_result(inputs: &Path) -> PathBuf {
    let old = inputs.join("old.talaria");
    let first = Reduction::new(inputs.join("first.fasta"), Output::Container(old.clone()));
    first.method(clustering()).run().unwrap();
    old
}

#[test]
fn a_build_is_old_or_new() {
    let inputs = inputs();
    let of = |names: &'static [&'static str], order| {
        let inputs = inputs.path();
        move |folder: &Path| built(inputs, names, order, folder)
    };
    let (first, both) = (of(&["first.fasta"], Order::Input), of(&["first.fasta", "more.fasta"], Order::Similarity));
    check(&first, &[]);
    check(&both, &[&first]);
}

#[test]
fn a_reduction_is_old_or_new() {
    let inputs = inputs();
    let fasta = inputs.path().join("first.fasta");
    let reduced = |method: Method, name: &'static str| {
        let fasta = fasta.clone();
        move |folder: &Path| {
            let output = if name.ends_with(".talaria") {
                Output::Container(folder.join(name))
            } else {
                Output::Fasta(folder.join(name), 60)
            };
            let reduction = Reduction::new(&fasta, output).method(method).threads(2);
            reduction.clusters(folder.join("clusters.tsv")).clstr(folder.join("out.clstr")).run().map(|_| ())
        }
    };
    let (exact, cluster) = (reduced(Method::Exact, "out.talaria"), reduced(clustering(), "out.talaria"));
    check(&exact, &[]);
    check(&cluster, &[&exact]);
    check(&reduced(clustering(), "out.fasta.gz"), &[]);
}

#[test]
fn an_update_is_old_or_new() {
    let inputs = inputs();
    let old = old_result(inputs.path());
    let copied = |folder: &Path| {
        std::fs::copy(&old, folder.join("out.talaria")).unwrap();
        Ok(())
    };
    let updated = |folder: &Path| {
        let output = Output::Container(folder.join("out.talaria"));
        let reduction = Reduction::new(inputs.path().join("more.fasta"), output).method(clustering());
        reduction.update(&old).threads(2).run().map(|_| ())
    };
    check(&updated, &[&copied]);
}
