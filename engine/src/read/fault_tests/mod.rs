//! Every lease in turn is refused, every read in turn fails, whatever a container is asked: the answer is the right one
//! or that error, nothing stays leased, and the same database answers rightly when it is asked again.

mod works;

use std::fs;
use std::path::{Path, PathBuf};

use self::works::WORKS;
use crate::memory::budget::Budget;
use crate::planted::{Fault, When, at_each_place, is_planted, plant};
use crate::read::storage::Access;
use crate::reduce::{Method, Output, Reduction};
use crate::write::place::Order;
use crate::{Builder, Column, Database, OpenOptions, Result};

/// Places that are tried each.
const EACH: u64 = 32;

const MEMORY: u64 = 64 << 20;

fn open(path: &Path, budget: &Budget, access: Access) -> Result<Database> {
    OpenOptions::new().access(access).cache(64 << 10).budget(budget.clone()).open(path)
}

/// All that the container at `path` can be asked, with this fault at every place; says how many there were.
fn sweep(path: &Path, fault: Fault, access: Access) -> u64 {
    let faults = WORKS.map(|(name, work)| {
        let right = work(&open(path, &Budget::new(MEMORY), access).unwrap()).unwrap();
        at_each_place(EACH, |when| attempt(path, access, fault, when, (name, work), &right))
    });
    faults.iter().sum()
}

/// One work with one fault; says whether it came to that.
fn attempt(path: &Path, access: Access, fault: Fault, when: When, work: (&str, works::Work), right: &str) -> bool {
    let (name, work) = work;
    let context = || format!("{}, {name}, {fault:?} {when:?}", path.display());
    plant(fault, when, |planted| {
        let budget = Budget::new(MEMORY);
        let judge = |result: Result<String>| match result {
            Ok(answer) => assert!(answer == right, "{}: {answer}\nin place of {right}", context()),
            Err(error) => assert!(is_planted(&error, fault), "{}: {error}", context()),
        };
        match open(path, &budget, access) {
            Ok(database) => {
                judge(work(&database));
                if matches!(when, When::At(_)) && planted.was_met() {
                    let again = work(&database).unwrap_or_else(|error| panic!("{}, again: {error}", context()));
                    assert!(again == right, "{}, again: {again}\nin place of {right}", context());
                }
            }
            Err(error) => judge(Err(error)),
        }
        assert_eq!(budget.in_use(), 0, "{}", context());
        planted.was_met()
    })
}

/// Containers of all forms that releases wrote.
fn stored() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/corpus/compat");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "talaria")).collect();
    paths.sort();
    assert!(paths.len() >= 40);
    paths
}

/// Records over many blocks: of families, some of them equal, some long, and with layouts of their own.
fn build(folder: &Path) -> PathBuf {
    let mut fasta = String::new();
    for number in 0..72_usize {
        let mut residues = "MKVLAAGITEGHQRHWWPLKGSTNQAEEDDKRHWYFIMVC".repeat(1 + number % 5).into_bytes();
        residues.rotate_left(number / 12);
        if number % 3 == 1 {
            residues[7 * number % 40] = b'P';
        }
        if number % 36 == 35 {
            residues = residues.repeat(20);
        }
        let residues = String::from_utf8(residues).unwrap();
        let (first, rest) = residues.split_at(number % 30);
        let end = if number % 9 == 0 { "\n" } else { "" };
        fasta += &format!(">sp|Q{number:05}|N{number}_X about {number}\n{first}{end}{rest}\n");
    }
    let (input, path) = (folder.join("many.fa"), folder.join("many.talaria"));
    fs::write(&input, &fasta).unwrap();
    let builder = Builder::new(&path).block_size(1024).text_block_size(1024).columns(Column::ALL).threads(1);
    builder.add_fasta(&input).add_fasta(&input).finish().unwrap();
    path
}

/// The same reduced: exactly, and with deltas in the order of similarity.
fn reduce(path: &Path) -> [PathBuf; 2] {
    let outputs = ["exact.talaria", "given.talaria"].map(|name| path.with_file_name(name));
    let [exact, given] = outputs.each_ref().map(|output| Reduction::new(path, Output::Container(output.clone())));
    exact.method(Method::Exact).threads(1).run().unwrap();
    let pairs = (0..144).filter(|number| number % 12 != 0).map(|number| (number / 12 * 12, number));
    let given = given.method(Method::Given).members(pairs).order(Order::Similarity).membership(true);
    given.threads(1).run().unwrap();
    outputs
}

/// All containers.
fn sweep_all(fault: Fault, accesses: &[Access]) {
    let folder = tempfile::tempdir().unwrap();
    let many = build(folder.path());
    let paths = stored().into_iter().chain(reduce(&many)).chain([many]);
    let faults: u64 = paths.map(|path| accesses.iter().map(|&access| sweep(&path, fault, access)).sum::<u64>()).sum();
    eprintln!("{fault:?}: {faults} faults");
    assert!(faults > 1000);
}

#[test]
fn a_lease_that_is_refused_is_told_and_nothing_else() {
    sweep_all(Fault::Lease, &[Access::Map, Access::Read]);
}

#[test]
fn a_read_that_fails_is_told_and_nothing_else() {
    sweep_all(Fault::Read, &[Access::Read]);
}
