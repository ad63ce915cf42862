//! What the system says of the memory that this process uses, and whether that is getting scarce.
//!
//! The budget knows what was leased; the system knows what is really there. The monitor reads the process's resident
//! memory (anonymous and mapped apart, from `/proc/self/status`), the machine's memory, the control groups with a
//! limit, and the pressure stall information (PSI) of the machine or the group: the share of the last ten seconds in
//! which tasks waited for memory.
//!
//! It decides nothing; [`crate::memory::manager::MemoryManager`] does. What cannot be read is left out, so that on a
//! system without any of this the status is `Ok`. A look costs the reading of about ten files of a few bytes: tens of
//! microseconds.

use std::path::{Path, PathBuf};

use crate::memory::budget::Budget;
use crate::memory::cgroup::{Group, read};
use crate::memory::limits::meminfo_bytes;

/// Share of a limit from which on memory is scarce.
const WARNING: f64 = 0.85;
/// Share of a limit from which on it is about to run out.
const CRITICAL: f64 = 0.95;
/// Percentage of the last ten seconds that some task waited for memory, from which on it is scarce.
const SOME_STALLED: f64 = 10.0;
/// Percentage of the last ten seconds that all tasks waited for memory, from which on it is about to run out.
const ALL_STALLED: f64 = 10.0;

/// How scarce memory is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MemoryStatus {
    /// There is enough.
    Ok {
        /// Of the tightest limit, in percent.
        usage_percent: f64,
        /// Bytes below that limit.
        available: u64,
    },
    /// It is getting scarce.
    Warning {
        /// Of the tightest limit, in percent.
        usage_percent: f64,
        /// Bytes below that limit.
        available: u64,
    },
    /// It is about to run out.
    Critical {
        /// Of the tightest limit, in percent.
        usage_percent: f64,
        /// Bytes below that limit.
        available: u64,
    },
}

impl MemoryStatus {
    /// `ok`, `warning` or `critical`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ok { .. } => "ok",
            Self::Warning { .. } => "warning",
            Self::Critical { .. } => "critical",
        }
    }
}

/// Memory in use at one moment, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryUsage {
    /// Resident anonymous memory of the process: what the limit is about.
    pub anonymous: u64,
    /// Resident pages of mapped files, which the system may drop at any time.
    pub mapped: u64,
    /// Of the budget, what caches and pools hold.
    pub cache: u64,
    /// Temporary files.
    pub spill: u64,
    /// Leased of the budget.
    pub budget: u64,
}

impl MemoryUsage {
    /// The larger one of each number.
    #[must_use]
    pub fn most(self, other: Self) -> Self {
        Self {
            anonymous: self.anonymous.max(other.anonymous),
            mapped: self.mapped.max(other.mapped),
            cache: self.cache.max(other.cache),
            spill: self.spill.max(other.spill),
            budget: self.budget.max(other.budget),
        }
    }
}

/// Looks at the memory of this process and of what it runs in.
///
/// ```
/// use talaria_db::memory::budget::Budget;
/// use talaria_db::memory::monitor::MemoryMonitor;
///
/// let monitor = MemoryMonitor::new(Budget::new(1 << 40));
/// let (usage, status) = monitor.check_memory();
/// println!("{} bytes of anonymous memory: {}", usage.anonymous, status.name());
/// ```
#[derive(Debug, Clone)]
pub struct MemoryMonitor {
    root: PathBuf,
    budget: Budget,
    warning_threshold: f64,
    critical_threshold: f64,
}

impl MemoryMonitor {
    /// A monitor that measures against the limit of `budget`, and those of the system.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self { root: PathBuf::from("/"), budget, warning_threshold: WARNING, critical_threshold: CRITICAL }
    }

    /// Reads below `root` instead of `/`: for tests, and for those who look at the system from a container.
    #[must_use]
    pub fn root(mut self, root: impl AsRef<Path>) -> Self {
        self.root = root.as_ref().to_path_buf();
        self
    }

    /// Shares of a limit, from 0 to 1, from which on the status is `Warning` or `Critical`; 0.85 and 0.95 unless told
    /// otherwise.
    #[must_use]
    pub fn thresholds(mut self, warning: f64, critical: f64) -> Self {
        (self.warning_threshold, self.critical_threshold) = (warning, critical);
        self
    }

    /// What is in use, and how scarce memory is by the tightest of all limits and by what tasks wait for it.
    #[must_use]
    pub fn check_memory(&self) -> (MemoryUsage, MemoryStatus) {
        let process = read(&self.root.join("proc/self/status")).unwrap_or_default();
        let resident = |name| meminfo_bytes(&process, name).unwrap_or(0);
        let usage = MemoryUsage {
            anonymous: resident("RssAnon:"),
            mapped: resident("RssFile:") + resident("RssShmem:"),
            cache: self.budget.reclaimable(),
            spill: self.budget.temporary().now(),
            budget: self.budget.in_use(),
        };
        let groups = Group::all(&self.root);
        let (used, limit) = self.tightest(usage.anonymous, &groups);
        let share = used as f64 / limit.max(1) as f64;
        let (usage_percent, available) = (share * 100.0, limit.saturating_sub(used));
        let stalled = self.stalled(&groups);
        let status = if share >= self.critical_threshold || stalled.all >= ALL_STALLED {
            MemoryStatus::Critical { usage_percent, available }
        } else if share >= self.warning_threshold || stalled.some >= SOME_STALLED {
            MemoryStatus::Warning { usage_percent, available }
        } else {
            MemoryStatus::Ok { usage_percent, available }
        };
        (usage, status)
    }

    /// Use and limit of whatever has the largest part of its limit in use: budget, groups, machine.
    fn tightest(&self, anonymous: u64, groups: &[Group]) -> (u64, u64) {
        let mut all = vec![(anonymous, self.budget.limit())];
        all.extend(groups.iter().filter_map(|group| Some((group.in_use()?, group.limit()?))));
        let machine = read(&self.root.join("proc/meminfo")).unwrap_or_default();
        if let (Some(total), Some(available)) =
            (meminfo_bytes(&machine, "MemTotal:"), meminfo_bytes(&machine, "MemAvailable:"))
        {
            all.push((total.saturating_sub(available), total));
        }
        let share = |&(used, limit): &(u64, u64)| used as f64 / limit.max(1) as f64;
        all.into_iter().max_by(|left, right| share(left).total_cmp(&share(right))).unwrap_or((0, u64::MAX))
    }

    /// The most that tasks of the machine or of one of the groups wait for memory.
    fn stalled(&self, groups: &[Group]) -> Stalled {
        let machine = read(&self.root.join("proc/pressure/memory"));
        let texts = groups.iter().filter_map(Group::pressure).chain(machine);
        texts.map(|text| Stalled::parse(&text)).fold(Stalled::default(), |most, next| Stalled {
            some: most.some.max(next.some),
            all: most.all.max(next.all),
        })
    }
}

/// Percentages of the last ten seconds in which tasks waited for memory.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Stalled {
    some: f64,
    all: f64,
}

impl Stalled {
    /// Of the text of a pressure file, as the kernel's `accounting/psi` document shows it.
    fn parse(text: &str) -> Self {
        let average = |kind: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
            line.split_whitespace().find_map(|field| field.strip_prefix("avg10=")?.parse().ok())
        };
        Self { some: average("some ").unwrap_or(0.0), all: average("full ").unwrap_or(0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::limits::tests::tree;

    const STATUS: (&str, &str) =
        ("proc/self/status", "Name:\tx\nRssAnon:\t   1000 kB\nRssFile:\t   200 kB\nRssShmem:\t 4 kB\n");
    const CALM: &str =
        "some avg10=0.00 avg60=9.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n";
    const MIB: u64 = 1 << 20;

    fn status(files: &[(&str, &str)], limit: u64) -> MemoryStatus {
        MemoryMonitor::new(Budget::new(limit)).root(tree(files).path()).check_memory().1
    }

    #[test]
    fn the_process() {
        let root = tree(&[STATUS]);
        let budget = Budget::new(10 * MIB);
        let _lease = budget.lease("an example", MIB).unwrap();
        budget.temporary().add(77);
        let (usage, status) = MemoryMonitor::new(budget).root(root.path()).check_memory();
        let expected = MemoryUsage { anonymous: 1000 << 10, mapped: 204 << 10, cache: 0, spill: 77, budget: MIB };
        assert_eq!(usage, expected);
        assert_eq!(status.name(), "ok");
        assert_eq!(usage.most(MemoryUsage { mapped: MIB, ..Default::default() }).mapped, MIB);
    }

    #[test]
    fn against_the_budget() {
        assert_eq!(status(&[STATUS], 1200 << 10).name(), "ok");
        assert_eq!(status(&[STATUS], 1150 << 10).name(), "warning");
        let MemoryStatus::Critical { usage_percent, available } = status(&[STATUS], 1010 << 10) else { panic!() };
        assert_eq!((usage_percent.round(), available), (99.0, 10 << 10));
        assert_eq!(status(&[], MIB).name(), "ok");
        let monitor = MemoryMonitor::new(Budget::new(2000 << 10)).thresholds(0.4, 0.6);
        assert_eq!(monitor.root(tree(&[STATUS]).path()).check_memory().1.name(), "warning");
    }

    #[test]
    fn against_groups_and_the_machine() {
        let own = ("proc/self/cgroup", "0::/job\n");
        let max = ("sys/fs/cgroup/job/memory.max", "1000\n");
        let current = |text| ("sys/fs/cgroup/job/memory.current", text);
        assert_eq!(status(&[STATUS, own, max, current("800\n")], 100 * MIB).name(), "ok");
        assert_eq!(status(&[STATUS, own, max, current("900\n")], 100 * MIB).name(), "warning");
        assert_eq!(status(&[STATUS, own, max, current("990\n")], 100 * MIB).name(), "critical");
        let cached = ("sys/fs/cgroup/job/memory.stat", "inactive_file 500\n");
        assert_eq!(status(&[STATUS, own, max, current("990\n"), cached], 100 * MIB).name(), "ok");
        let machine = ("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 40 kB\n");
        assert_eq!(status(&[STATUS, machine], 100 * MIB).name(), "critical");
    }

    #[test]
    fn by_what_tasks_wait() {
        let pressure = |text| [STATUS, ("proc/pressure/memory", text)];
        assert_eq!(status(&pressure(CALM), 100 * MIB).name(), "ok");
        let some = CALM.replacen("avg10=0.00", "avg10=12.50", 1);
        assert_eq!(status(&pressure(&some), 100 * MIB).name(), "warning");
        let all = some.replace("full avg10=0.00", "full avg10=10.00");
        assert_eq!(status(&pressure(&all), 100 * MIB).name(), "critical");
        assert_eq!(status(&pressure("full avg10=lots"), 100 * MIB).name(), "ok");
        let group = [STATUS, ("proc/self/cgroup", "0::/job\n"), ("sys/fs/cgroup/job/memory.pressure", &all)];
        assert_eq!(status(&group, 100 * MIB).name(), "critical");
    }
}
