//! Which nodes of the machine threads and memory lie on.
//!
//! A [`Plan`] is made once from the settings and the [`Topology`]; worker threads and large regions are then placed by
//! it. Threads are pinned to nodes in turn, so that what a thread touches first is near it; interleaving and binding
//! set where pages come from. On a machine with one node, or with a kernel that does not say, nothing is called and
//! nothing changes; the report says so. A call that the system refuses is in the report too and stops nothing:
//! placement changes speed, never results.
//!
//! The threads of the caller are never touched, only workers of [`crate::threads`] and what those start.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::memory::settings::{NumaSettings, Placement};
use crate::memory::topology::{Node, Topology};
use crate::sys::numa::{self, Policy};

/// What is done about the nodes of a machine. Clones share what was refused.
#[derive(Debug, Clone)]
pub struct Plan {
    aware: bool,
    placement: Placement,
    migration: bool,
    found: usize,
    /// Those that are used, if there is a choice; else none.
    nodes: Vec<Node>,
    /// Those of the machine that are not.
    unused: Vec<u32>,
    done: Arc<Mutex<Done>>,
}

#[derive(Debug, Default)]
struct Done {
    pinned: Vec<usize>,
    regions: usize,
    unmoved: Option<u64>,
    refused: Vec<String>,
}

impl Plan {
    /// For this machine.
    #[must_use]
    pub fn new(settings: &NumaSettings) -> Self {
        if !settings.aware {
            return Self::with(settings, Topology::default());
        }
        let mut topology = Topology::read(Path::new("/"));
        // Where this process may not run it cannot pin threads. If the system does not say, it refuses later.
        if let Ok(allowed) = numa::allowed_cpus() {
            for node in &mut topology.nodes {
                node.cpus.retain(|cpu| allowed.binary_search(cpu).is_ok());
            }
        }
        Self::with(settings, topology)
    }

    /// For a machine with these nodes.
    #[must_use]
    pub fn with(settings: &NumaSettings, topology: Topology) -> Self {
        let found = topology.nodes.len();
        let wanted = settings.nodes.map_or(found, |nodes| nodes.max(1) as usize);
        let active = settings.aware && found > 1;
        let mut nodes = if active { topology.nodes } else { Vec::new() };
        let unused = nodes.split_off(wanted.min(nodes.len())).iter().map(|node| node.number).collect();
        Self {
            aware: settings.aware,
            placement: settings.placement,
            migration: settings.migration,
            found,
            nodes,
            unused,
            done: Arc::default(),
        }
    }

    /// Whether anything is done at all.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// The node of worker `index`: those that have processors, in turn.
    #[must_use]
    pub fn node_of(&self, index: usize) -> Option<&Node> {
        let with_cpus = || self.nodes.iter().filter(|node| !node.cpus.is_empty());
        let turn = index.checked_rem(with_cpus().count())?;
        with_cpus().nth(turn)
    }

    /// Places the calling thread, which is worker `index`: where it runs, and where its memory comes from.
    pub fn place_worker(&self, index: usize) {
        if !self.is_active() {
            return;
        }
        if let Some(node) = self.node_of(index) {
            // The system moves a thread at once, and says where it is now.
            let pinned = numa::run_on(&node.cpus).and_then(|()| numa::current());
            if self.note("pinning a thread", pinned).is_some_and(|(_, now)| now == node.number) {
                self.done().pinned.push(index);
            }
        }
        let (policy, nodes) = self.policy();
        self.note("the policy of a thread", numa::set_policy(policy, &nodes));
        if index == 0 && self.migration && !self.unused.is_empty() {
            let moved = self.note("moving pages", numa::migrate(&self.unused, &nodes));
            self.done().unmoved = moved;
        }
    }

    /// Places memory that many threads will read: spread over the nodes, unless it is to be local, in which case it
    /// stays with whoever fills it. `memory` starts at a page.
    pub fn place_region(&self, memory: &[u8]) {
        let (policy, nodes) = self.policy();
        if !self.is_active() || policy == Policy::Local {
            return;
        }
        if self.note("the policy of a region", numa::bind(memory, policy, &nodes, self.migration)).is_some() {
            self.done().regions += 1;
        }
    }

    /// What was asked for and what came of it so far.
    #[must_use]
    pub fn report(&self) -> PlacementReport {
        let done = self.done();
        PlacementReport {
            aware: self.aware,
            placement: self.placement,
            nodes_found: self.found,
            nodes: self.nodes_with_memory(),
            threads_pinned: done.pinned.len(),
            regions_placed: done.regions,
            pages_not_moved: done.unmoved,
            refused: done.refused.clone(),
        }
    }

    fn policy(&self) -> (Policy, Vec<u32>) {
        let nodes = self.nodes_with_memory();
        match self.placement {
            // Some of the nodes only: local among them would not keep pages off the others.
            Placement::Local if !self.unused.is_empty() => (Policy::Bind, nodes),
            Placement::Local => (Policy::Local, nodes),
            Placement::Interleave => (Policy::Interleave, nodes),
            Placement::Bind => (Policy::Bind, nodes),
        }
    }

    fn nodes_with_memory(&self) -> Vec<u32> {
        self.nodes.iter().filter(|node| node.memory > 0).map(|node| node.number).collect()
    }

    /// The result, or a line in the report.
    fn note<T>(&self, what: &str, result: io::Result<T>) -> Option<T> {
        result
            .map_err(|error| {
                let line = format!("{what}: {error}");
                let refused = &mut self.done().refused;
                if !refused.contains(&line) {
                    refused.push(line);
                }
            })
            .ok()
    }

    fn done(&self) -> std::sync::MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was asked for about nodes, and what came of it. Its text is one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlacementReport {
    /// Whether anything was asked for.
    pub aware: bool,
    /// Where memory should lie.
    pub placement: Placement,
    /// Nodes that the machine has; 0 if it does not say, or was not asked.
    pub nodes_found: usize,
    /// Numbers of the nodes that memory may come from; none if nothing was changed.
    pub nodes: Vec<u32>,
    /// Threads that are pinned to a node.
    pub threads_pinned: usize,
    /// Regions whose policy was set.
    pub regions_placed: usize,
    /// Pages that could not be moved off the nodes that are not used; none if there was nothing to move.
    pub pages_not_moved: Option<u64>,
    /// What the system refused, each with its reason.
    pub refused: Vec<String>,
}

impl fmt::Display for PlacementReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.aware {
            return out.write_str("nodes: off");
        }
        match self.nodes_found {
            0 => return out.write_str("nodes: the system names none, nothing to place"),
            1 => return out.write_str("nodes: one, nothing to place"),
            _ => {}
        }
        let placement = match self.placement {
            Placement::Local => "local",
            Placement::Interleave => "interleaved",
            Placement::Bind => "bound",
        };
        let nodes: Vec<String> = self.nodes.iter().map(u32::to_string).collect();
        write!(out, "nodes: memory {placement} on {} of {}", nodes.join(","), self.nodes_found)?;
        write!(out, ", {} threads pinned, {} regions placed", self.threads_pinned, self.regions_placed)?;
        if let Some(pages) = self.pages_not_moved {
            write!(out, ", moved all but {pages} pages")?;
        }
        if !self.refused.is_empty() {
            write!(out, "; refused: {}", self.refused.join("; "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(placement: Placement, nodes: Option<u32>) -> NumaSettings {
        NumaSettings { aware: true, nodes, placement, migration: true }
    }

    fn machine(nodes: &[(u32, &[u32], u64)]) -> Topology {
        let node = |&(number, cpus, memory): &(u32, &[u32], u64)| Node { number, cpus: cpus.to_vec(), memory };
        Topology { nodes: nodes.iter().map(node).collect() }
    }

    #[test]
    fn one_node_changes_nothing_and_says_so() {
        let topology = machine(&[(0, &[0, 1], 1 << 30)]);
        let plan = Plan::with(&settings(Placement::Bind, None), topology.clone());
        let before = numa::allowed_cpus().ok();
        plan.place_worker(0);
        plan.place_region(&[0; 16]);
        assert_eq!(numa::allowed_cpus().ok(), before);
        assert!(!plan.is_active() && plan.node_of(0).is_none());
        assert_eq!(plan.report().to_string(), "nodes: one, nothing to place");
        let unknown = Plan::with(&settings(Placement::Local, None), Topology::default());
        assert_eq!(unknown.report().to_string(), "nodes: the system names none, nothing to place");
        let off = Plan::with(&NumaSettings::default(), machine(&[(0, &[0], 1), (1, &[1], 1)]));
        assert!(!off.is_active());
        assert_eq!(off.report().to_string(), "nodes: off");
    }

    #[test]
    fn workers_go_round_the_nodes_that_have_processors() {
        let topology = machine(&[(0, &[0, 1], 1), (2, &[], 1), (5, &[2, 3], 1), (6, &[4], 0)]);
        let number = |plan: &Plan, index| plan.node_of(index).map(|node| node.number);
        let all = Plan::with(&settings(Placement::Interleave, None), topology.clone());
        assert_eq!([0, 1, 2, 3].map(|index| number(&all, index)), [Some(0), Some(5), Some(6), Some(0)]);
        assert_eq!(all.policy(), (Policy::Interleave, vec![0, 2, 5]));
        let some = Plan::with(&settings(Placement::Local, Some(2)), topology);
        assert_eq!([0, 1].map(|index| number(&some, index)), [Some(0), Some(0)]);
        // Two of four nodes: only binding keeps pages off the other two.
        assert_eq!((some.policy(), &some.unused[..]), ((Policy::Bind, vec![0, 2]), &[5, 6][..]));
        assert_eq!(
            Plan::with(&settings(Placement::Bind, Some(0)), machine(&[(0, &[0], 1), (1, &[1], 1)])).nodes.len(),
            1
        );
    }

    #[test]
    fn what_is_refused_is_reported_and_stops_nothing() {
        // Nodes and processors that no machine has.
        let topology = machine(&[(900, &[1000], 1), (901, &[1001], 1)]);
        let plan = Plan::with(&settings(Placement::Bind, None), topology);
        let worker = plan.clone();
        std::thread::spawn(move || {
            worker.place_worker(0);
            worker.place_worker(1);
        })
        .join()
        .unwrap();
        let memory = crate::sys::anonymous::AnonymousMemory::new(1, crate::sys::anonymous::PageSize::Base).unwrap();
        plan.place_region(memory.as_slice());
        let report = plan.report();
        assert_eq!((report.threads_pinned, report.regions_placed, report.refused.len()), (0, 0, 3), "{report}");
        let text = report.to_string();
        assert!(
            text.starts_with(
                "nodes: memory bound on 900,901 of 2, 0 threads pinned, 0 regions placed; refused: pinning"
            )
        );
    }

    #[test]
    fn this_machine() {
        let plan = Plan::new(&settings(Placement::Interleave, None));
        let worker = plan.clone();
        std::thread::spawn(move || worker.place_worker(0)).join().unwrap();
        let report = plan.report();
        assert_eq!(plan.is_active(), report.nodes_found > 1);
        assert_eq!(report.threads_pinned > 0 || !report.refused.is_empty(), plan.is_active(), "{report}");
    }
}
