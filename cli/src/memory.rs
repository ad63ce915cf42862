//! The memory limit: what was asked for, and what the machine, its control groups and the batch system allow.

use std::path::Path;

use talaria_db::memory::limits::{self, LimitSource};

use crate::config::resolve::Limit;
use crate::failure::Result;

/// What is taken of the available memory unless told otherwise: one part in this many.
pub(crate) const SHARE: u64 = 4;

/// Memory that this process may use, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Available {
    pub(crate) bytes: u64,
    pub(crate) source: &'static str,
}

/// The limit, in bytes, and how it was found if the machine was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) bytes: u64,
    pub(crate) of: Option<Available>,
}

/// Looks at what is available only if that matters, as a lookup of one record should not wait for it.
///
/// `variable` is what `TALARIA_MAX_MEMORY` says; it bounds `auto` where something else has overruled it.
pub(crate) fn find(limit: &Limit, variable: Option<&str>, available: impl FnOnce() -> Available) -> Result<Found> {
    let most = match limit {
        Limit::Bytes(bytes) => return Ok(Found { bytes: *bytes, of: None }),
        Limit::Percentage(text) => {
            let of = available();
            return Ok(Found { bytes: limits::parse(text, of.bytes)?, of: Some(of) });
        }
        Limit::Auto => u64::MAX,
        Limit::AtMost(bytes) => *bytes,
    };
    let mut of = available();
    let mut bytes = (of.bytes / SHARE).max(1).min(most);
    // What is no size there is refused by the configuration, or is `auto`.
    if let Some(said) = variable.and_then(|text| limits::parse(text, of.bytes).ok()).filter(|&said| said < bytes) {
        bytes = said;
        of.source = "TALARIA_MAX_MEMORY";
    }
    Ok(Found { bytes, of: Some(of) })
}

/// The least of what the batch system, the control groups and the machine allow.
pub(crate) fn available() -> Available {
    let system = limits::available(Path::new("/"));
    let source = match system.source {
        LimitSource::CgroupV2 => "cgroup v2",
        LimitSource::CgroupV1 => "cgroup v1",
        LimitSource::MemTotal => "RAM",
        _ => "nothing could be read; assumed",
    };
    let system = Available { bytes: system.bytes, source };
    let variable = |name| std::env::var(name).ok();
    least(
        system,
        [
            ("SLURM_MEM_PER_NODE", variable("SLURM_MEM_PER_NODE"), Some("1".to_owned())),
            ("SLURM_MEM_PER_CPU", variable("SLURM_MEM_PER_CPU"), variable("SLURM_CPUS_ON_NODE")),
        ],
    )
}

/// Of the system and the batch system, which says MiB, and of what they are how many; 0 stands for all memory of the
/// node.
fn least(system: Available, jobs: [(&'static str, Option<String>, Option<String>); 2]) -> Available {
    let number = |text: Option<String>| text?.trim().parse::<u64>().ok().filter(|&number| number > 0);
    let mut least = system;
    for (source, mebibytes, count) in jobs {
        let (Some(mebibytes), Some(count)) = (number(mebibytes), number(count)) else { continue };
        let bytes = mebibytes.saturating_mul(count).saturating_mul(1 << 20);
        if bytes < least.bytes {
            least = Available { bytes, source };
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn bytes(limit: Limit, variable: Option<&str>) -> u64 {
        find(&limit, variable, || Available { bytes: 16 * GIB, source: "RAM" }).unwrap().bytes
    }

    #[test]
    fn the_least_that_matters() {
        assert_eq!(bytes(Limit::Auto, None), 4 * GIB);
        assert_eq!(bytes(Limit::Auto, Some("auto")), 4 * GIB);
        assert_eq!(bytes(Limit::Auto, Some("1G")), GIB);
        assert_eq!(bytes(Limit::Auto, Some("8G")), 4 * GIB);
        assert_eq!(bytes(Limit::Percentage("50%".into()), Some("1G")), 8 * GIB);
        assert_eq!(bytes(Limit::AtMost(2 * GIB), None), 2 * GIB);
        assert_eq!(bytes(Limit::AtMost(128 * GIB), None), 4 * GIB);
        assert_eq!(bytes(Limit::AtMost(2 * GIB), Some("1G")), GIB);
        let unasked = find(&Limit::Bytes(9), Some("1"), || unreachable!()).unwrap();
        assert_eq!(unasked, Found { bytes: 9, of: None });
    }

    #[test]
    fn batch_systems() {
        let with = |node: Option<&str>, each: Option<&str>, count: Option<&str>| {
            let text = |text: Option<&str>| text.map(str::to_owned);
            let system = Available { bytes: GIB, source: "RAM" };
            let jobs = [("node", text(node), Some("1".to_owned())), ("each", text(each), text(count))];
            let least = least(system, jobs);
            (least.bytes, least.source)
        };
        assert_eq!(with(None, None, None), (GIB, "RAM"));
        assert_eq!(with(Some("1"), None, None), (1 << 20, "node"));
        assert_eq!(with(None, Some("4"), Some("2")), (8 << 20, "each"));
        assert_eq!(with(None, Some("4"), None), (GIB, "RAM"));
        assert_eq!([with(Some("0"), None, None), with(Some("x"), None, None)], [(GIB, "RAM"); 2]);
        assert_eq!(with(Some("999999"), None, None), (GIB, "RAM"));
    }
}
