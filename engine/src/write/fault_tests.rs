//! Every lease in turn is refused, and every read of a container in turn fails, in builds, reductions and updates: what
//! comes of it is the right output, or that error and a folder as it was.

use std::path::Path;

use super::crash::{clustering, inputs, listed, old_result};
use crate::memory::budget::Budget;
use crate::memory::settings::MemorySettings;
use crate::planted::{Fault, at_each_place, is_planted, plant};
use crate::reduce::{Containment, Method, Output, Reduction, Selection};
use crate::write::builder::Builder;
use crate::write::place::Order;
use crate::{Column, Result};

/// Places that are tried each.
const EACH: u64 = 64;

/// What writes into a folder, with a budget.
type Work<'w> = &'w dyn Fn(&Path, &Budget) -> Result<()>;

fn sweep(name: &str, fault: Fault, work: Work<'_>) {
    let folder = tempfile::tempdir().unwrap();
    work(folder.path(), &budget()).unwrap();
    let right = listed(folder.path());
    let attempt = |when| {
        let context = format!("{name}, {fault:?} {when:?}");
        plant(fault, when, |planted| {
            let (folder, budget) = (tempfile::tempdir().unwrap(), budget());
            match work(folder.path(), &budget) {
                Ok(()) => assert!(listed(folder.path()) == right, "{context}: another output"),
                Err(error) => {
                    assert!(is_planted(&error, fault), "{context}: {error}");
                    let left: Vec<_> = listed(folder.path()).into_keys().collect();
                    assert_eq!(left, [""; 0], "{context}");
                }
            }
            assert_eq!(budget.in_use(), 0, "{context}");
            planted.was_met()
        })
    };
    let faults = at_each_place(EACH, attempt);
    eprintln!("{name}, {fault:?}: {faults} faults");
    assert!(faults > 10);
}

fn budget() -> Budget {
    Budget::new(64 << 20)
}

/// Reads fail only where nothing is mapped.
fn memory(fault: Fault) -> MemorySettings {
    let mut settings = MemorySettings::default();
    settings.mapping.use_memory_mapping = fault != Fault::Read;
    settings
}

#[test]
fn a_build_that_gets_no_memory_says_so() {
    let inputs = inputs();
    for order in [Order::Input, Order::Similarity] {
        sweep(&format!("build, {order:?}"), Fault::Lease, &|folder, budget| {
            let builder = Builder::new(folder.join("out.talaria")).threads(2).order(order).columns(Column::ALL);
            let builder = ["first.fasta", "more.fasta"]
                .iter()
                .fold(builder, |builder, name| builder.add_file(inputs.path().join(name)));
            builder.budget(budget.clone()).finish().map(|_| ())
        });
    }
}

#[test]
fn a_reduction_that_gets_no_memory_or_bytes_says_so() {
    let inputs = inputs();
    let fasta = inputs.path().join("first.fasta");
    let container = inputs.path().join("first.talaria");
    Builder::new(&container).add_fasta(&fasta).finish().unwrap();
    let selection = Selection { clustering: Default::default(), ratio: Some(3000) };
    let methods = [Method::Exact, clustering(), Method::Contain(Containment::default()), Method::Select(selection)];
    for method in methods {
        for (input, fault) in [(&fasta, Fault::Lease), (&container, Fault::Lease), (&container, Fault::Read)] {
            for name in ["out.talaria", "out.fasta"] {
                sweep(&format!("{} {} {name}", method.name(), input.display()), fault, &|folder, budget| {
                    let path = folder.join(name);
                    let output = if name == "out.talaria" { Output::Container(path) } else { Output::Fasta(path, 60) };
                    let reduction = Reduction::new(input, output).method(method).threads(2).budget(budget.clone());
                    reduction.memory(memory(fault)).clusters(folder.join("clusters.tsv")).run().map(|_| ())
                });
            }
        }
    }
}

#[test]
fn an_update_that_gets_no_memory_or_bytes_says_so() {
    let inputs = inputs();
    let old = old_result(inputs.path());
    for fault in [Fault::Lease, Fault::Read] {
        sweep("update", fault, &|folder, budget| {
            let output = Output::Container(folder.join("out.talaria"));
            let reduction = Reduction::new(inputs.path().join("more.fasta"), output).method(clustering());
            reduction.update(&old).memory(memory(fault)).threads(2).budget(budget.clone()).run().map(|_| ())
        });
    }
}
