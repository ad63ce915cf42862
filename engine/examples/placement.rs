//! Builds a container with memory placed on the nodes of the machine, then says what was done and where the memory is.
//!
//! `cargo run --example placement -- IN.fasta OUT.talaria local|interleave|bind [NODES]`

use std::collections::BTreeMap;
use std::io::Write;

use talaria_db::memory::settings::{HugePages, MemorySettings, Placement};
use talaria_db::{Builder, OpenOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, placement, nodes @ ..] = &arguments[..] else {
        return Err("usage: placement IN.fasta OUT.talaria local|interleave|bind [NODES]".into());
    };
    let mut settings = MemorySettings::default();
    settings.numa.aware = true;
    settings.numa.migration = true;
    settings.numa.placement = match placement.as_str() {
        "local" => Placement::Local,
        "interleave" => Placement::Interleave,
        "bind" => Placement::Bind,
        other => return Err(format!("{other} is none of local, interleave, bind").into()),
    };
    settings.numa.nodes = nodes.first().map(|nodes| nodes.parse()).transpose()?;
    settings.mapping.huge_pages = HugePages::TwoMiB;
    let mut out = std::io::stdout().lock();

    let before = pages_by_node()?;
    // The fullest moment is in the midst of it.
    let during = std::sync::Mutex::new(BTreeMap::new());
    let note = |_: &_| {
        if let (Ok(mut kept), Ok(now)) = (during.lock(), pages_by_node())
            && now.values().sum::<u64>() > kept.values().sum()
        {
            *kept = now;
        }
    };
    let report = Builder::new(output).add_fasta(input).memory(settings.clone()).threads(4).progress(note).finish()?;
    writeln!(out, "{}", report.placement)?;
    writeln!(out, "anonymous pages by node: before {before:?}, while building {:?}", during.into_inner()?)?;

    let database = OpenOptions::new().memory(settings).open(output)?;
    writeln!(out, "{}", database.mapping_report())?;
    let maps = std::fs::read_to_string("/proc/self/numa_maps")?;
    for line in maps.lines().filter(|line| line.contains("huge")) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Pages of anonymous memory on each node, as the system counts them.
fn pages_by_node() -> std::io::Result<BTreeMap<String, u64>> {
    let mut pages = BTreeMap::new();
    let maps = std::fs::read_to_string("/proc/self/numa_maps")?;
    for line in maps.lines().filter(|line| line.contains(" anon=")) {
        for word in line.split_ascii_whitespace() {
            if let Some((node, count)) = word.strip_prefix('N').and_then(|word| word.split_once('=')) {
                *pages.entry(format!("node {node}")).or_insert(0) += count.parse().unwrap_or(0);
            }
        }
    }
    Ok(pages)
}
