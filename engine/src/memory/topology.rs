//! The nodes of a machine: which processors are near which memory.
//!
//! Read from where Linux says it, below `/sys/devices/system/node`. A machine with one memory has one node or does not
//! say. Costs the reading of two small files a node.

use std::fs;
use std::path::Path;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its number. Numbers may have holes.
    pub number: u32,
    /// Its processors, in rising order. None: memory without processors.
    pub cpus: Vec<u32>,
    /// Bytes of its memory. 0: processors without memory.
    pub memory: u64,
}

/// The nodes of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// The nodes that are there, by number. None if the system does not say.
    pub nodes: Vec<Node>,
}

impl Topology {
    /// Reads it below `root`, which is `/` but for tests. What is missing or makes no sense is passed over.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let folder = root.join("sys/devices/system/node");
        let online = read(&folder.join("online")).unwrap_or_default();
        let node = |number: u32| {
            let folder = folder.join(format!("node{number}"));
            let cpus = read(&folder.join("cpulist"))?;
            let memory = read(&folder.join("meminfo")).as_deref().and_then(total).unwrap_or(0);
            Some(Node { number, cpus: numbers(&cpus).unwrap_or_default(), memory })
        };
        Self { nodes: numbers(&online).unwrap_or_default().into_iter().filter_map(node).collect() }
    }
}

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// `Node 0 MemTotal:  1024 kB`, in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let rest = meminfo.lines().find_map(|line| line.split_once("MemTotal:"))?.1;
    rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
}

/// Most numbers in a list; no kernel knows more processors.
const MOST: usize = 1 << 16;

/// A list of numbers and ranges as in `0-3,8,10-11`; none if it is not one. Empty is a list.
fn numbers(text: &str) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.trim().parse::<u32>().ok()?, last.trim().parse::<u32>().ok()?);
        if first > last || (last - first) as usize >= MOST - all.len() {
            return None;
        }
        all.extend(first..=last);
    }
    all.sort_unstable();
    all.dedup();
    Some(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A machine: what `online` says, and number, processors and MiB of each node.
    fn machine(online: &str, nodes: &[(u32, &str, u64)]) -> Topology {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sys/devices/system/node");
        for (number, cpus, mebibytes) in nodes {
            let folder = folder.join(format!("node{number}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("cpulist"), format!("{cpus}\n")).unwrap();
            let kibibytes = mebibytes << 10;
            let meminfo = format!(
                "Node {number} MemTotal:       {kibibytes} kB\nNode {number} MemFree:        {} kB\n",
                kibibytes / 2
            );
            fs::write(folder.join("meminfo"), meminfo).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("online"), format!("{online}\n")).unwrap();
        Topology::read(root.path())
    }

    fn node(number: u32, cpus: &[u32], mebibytes: u64) -> Node {
        Node { number, cpus: cpus.to_vec(), memory: mebibytes << 20 }
    }

    #[test]
    fn one_and_two_nodes() {
        assert_eq!(machine("0", &[(0, "0-1", 512)]).nodes, [node(0, &[0, 1], 512)]);
        let two = machine("0-1", &[(0, "0-1,4", 512), (1, "2-3,5", 256)]);
        assert_eq!(two.nodes, [node(0, &[0, 1, 4], 512), node(1, &[2, 3, 5], 256)]);
    }

    #[test]
    fn nodes_without_memory_or_processors_and_holes() {
        let odd = machine("0,2-3", &[(0, "0", 64), (1, "9", 64), (2, "", 128), (3, "1", 0)]);
        assert_eq!(odd.nodes, [node(0, &[0], 64), node(2, &[], 128), node(3, &[1], 0)]);
        // Said to be there, but gone.
        assert_eq!(machine("0-2", &[(1, "0", 64)]).nodes, [node(1, &[0], 64)]);
    }

    #[test]
    fn a_system_that_does_not_say() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Topology::read(root.path()), Topology::default());
        for online in ["", "x", "3-1", "0-4000000000", "-", "1,,"] {
            assert_eq!(machine(online, &[(0, "0", 64)]).nodes, [], "{online:?}");
        }
        let no_list = machine("0", &[(0, "zero", 64)]);
        assert_eq!(no_list.nodes, [node(0, &[], 64)]);
    }

    proptest! {
        #[test]
        fn lists_come_back(wanted in prop::collection::btree_set(0_u32..300, 0..40)) {
            let single: Vec<String> = wanted.iter().map(u32::to_string).collect();
            prop_assert_eq!(numbers(&single.join(",")), Some(wanted.iter().copied().collect()));
            let (first, last) = (wanted.first().copied().unwrap_or(0), wanted.last().copied().unwrap_or(0));
            prop_assert_eq!(numbers(&format!("{first}-{last}")), Some((first..=last).collect()));
        }

        #[test]
        fn any_text_is_fine(text in "[0-9,-]{0,30}") {
            prop_assert!(numbers(&text).is_none_or(|list| list.len() <= MOST));
        }
    }
}
