//! The control groups that count this process's memory, versions 1 and 2.
//!
//! Every ancestor group counts, as a limit holds for all that is below it. Groups are looked for where every current
//! distribution mounts them, below `/sys/fs/cgroup`; one mounted elsewhere is not found.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// From here on a limit of version 1 is none: it says "none" with the largest multiple of a page in 63 bits.
const V1_UNLIMITED: u64 = 1 << 62;

/// The two ways in which the kernel shows control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// A group that counts the memory of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) version: Version,
    folder: PathBuf,
}

impl Group {
    /// All groups of this process, from its own outwards. `root` is put before `/proc` and `/sys`.
    pub(crate) fn all(root: &Path) -> Vec<Self> {
        let membership = read(&root.join("proc/self/cgroup")).unwrap_or_default();
        let mount = root.join("sys/fs/cgroup");
        let mut groups = Vec::new();
        for line in membership.lines() {
            // `hierarchy:controllers:path`; the path may contain colons.
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            if controllers.is_empty() {
                // Beside version 1 the hierarchy of version 2 is one folder deeper.
                for mount in [&mount, &mount.join("unified")] {
                    groups.extend(upwards(Version::V2, mount, path));
                }
            } else if controllers.split(',').any(|controller| controller == "memory") {
                groups.extend(upwards(Version::V1, &mount.join("memory"), path));
            }
        }
        groups
    }

    /// Its limit, in bytes, if it has one.
    pub(crate) fn limit(&self) -> Option<u64> {
        match self.version {
            Version::V2 => self.number("memory.max"),
            Version::V1 => self.number("memory.limit_in_bytes").filter(|&bytes| bytes < V1_UNLIMITED),
        }
    }

    /// Bytes that it uses and that cannot be had by dropping cached pages of files that nobody uses at the moment.
    pub(crate) fn in_use(&self) -> Option<u64> {
        let (usage, inactive) = match self.version {
            Version::V2 => ("memory.current", "inactive_file "),
            Version::V1 => ("memory.usage_in_bytes", "total_inactive_file "),
        };
        let statistics = read(&self.folder.join("memory.stat")).unwrap_or_default();
        let inactive =
            statistics.lines().find_map(|line| line.strip_prefix(inactive)?.trim().parse().ok()).unwrap_or(0);
        Some(self.number(usage)?.saturating_sub(inactive))
    }

    /// What the kernel says of tasks in it that wait for memory; version 2 only.
    pub(crate) fn pressure(&self) -> Option<String> {
        read(&self.folder.join("memory.pressure"))
    }

    fn number(&self, name: &str) -> Option<u64> {
        read(&self.folder.join(name))?.trim().parse().ok()
    }
}

/// The group `path` and every group above it, up to the mount point.
///
/// Inside a container the path may be the host's, of which nothing exists here but the mount point itself; with a
/// namespace it may begin with `..`, for which the mount point is what can be seen, too.
fn upwards(version: Version, mount: &Path, path: &str) -> Vec<Group> {
    let mut group = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => group.push(part),
            Component::ParentDir => group.clear(),
            _ => {}
        }
    }
    // The last ancestor of a relative path is the empty one, which is the mount point.
    group.ancestors().map(|group| Group { version, folder: mount.join(group) }).collect()
}

/// The text of a small file; a group's name may be any bytes.
pub(crate) fn read(path: &Path) -> Option<String> {
    Some(String::from_utf8_lossy(&fs::read(path).ok()?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::limits::tests::tree;

    #[test]
    fn usage_without_pages_that_could_be_dropped() {
        let root = tree(&[
            ("proc/self/cgroup", "4:memory:/job\n0::/user\n"),
            ("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "1000\n"),
            ("sys/fs/cgroup/memory/job/memory.stat", "inactive_file 7\ntotal_inactive_file 300\n"),
            ("sys/fs/cgroup/unified/user/memory.current", "500\n"),
            ("sys/fs/cgroup/unified/user/memory.stat", "anon 1\ninactive_file 100\n"),
            ("sys/fs/cgroup/unified/user/memory.max", "max\n"),
            ("sys/fs/cgroup/unified/user/memory.pressure", "some avg10=1.00 avg60=0.00 avg300=0.00 total=1\n"),
        ]);
        let groups = Group::all(root.path());
        let seen: Vec<_> =
            groups.iter().filter_map(|group| Some((group.version, group.in_use()?, group.limit()))).collect();
        assert_eq!(seen, [(Version::V1, 700, None), (Version::V2, 400, None)]);
        assert_eq!(groups.iter().filter_map(Group::pressure).count(), 1);
    }
}
