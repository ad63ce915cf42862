//! The memory that a process may use, as its surroundings and its user say it.
//!
//! A budget larger than the control group's limit ends in a kill without a message, so the default is read from where
//! the kernel keeps it: the least of the process's control groups and the machine's memory.
//!
//! Not looked at: the environment (batch systems are the business of the command line), swap, `ulimit`, `memory.high`,
//! and what other processes of the same group use.
//!
//! A look costs the reading of about ten files of a few bytes.

use std::path::Path;

use crate::error::{Error, Result};
use crate::memory::cgroup::{Group, Version, read};

/// What is assumed if nothing can be read: 1 GiB.
const FALLBACK: u64 = 1 << 30;

/// A limit and its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The limit, in bytes; at least 1.
    pub bytes: u64,
    /// Where it came from.
    pub source: LimitSource,
}

/// Where a [`MemoryLimit`] came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitSource {
    /// `memory.max` of the process's control group, version 2, or of an ancestor.
    CgroupV2,
    /// `memory.limit_in_bytes` of the process's control group, version 1, or of an ancestor.
    CgroupV1,
    /// `MemTotal` of `/proc/meminfo`, the machine's memory.
    MemTotal,
    /// Nothing could be read; 1 GiB is assumed.
    Fallback,
}

/// The least of the limits that the kernel sets for this process.
///
/// `root` is put before `/proc` and `/sys`; it is `/` but for tests. What is missing or unreadable is passed over; if
/// all of it is, the answer is 1 GiB.
#[must_use]
pub fn available(root: &Path) -> MemoryLimit {
    let mut limits = Vec::new();
    // Of equal limits the first one counts, so that the machine's memory stands before a group's that is as large.
    let total = read(&root.join("proc/meminfo")).as_deref().and_then(|meminfo| meminfo_bytes(meminfo, "MemTotal:"));
    limits.extend(total.map(|bytes| MemoryLimit { bytes, source: LimitSource::MemTotal }));
    for group in Group::all(root) {
        let source = match group.version {
            Version::V1 => LimitSource::CgroupV1,
            Version::V2 => LimitSource::CgroupV2,
        };
        limits.extend(group.limit().map(|bytes| MemoryLimit { bytes, source }));
    }
    let least = limits.into_iter().filter(|limit| limit.bytes > 0).min_by_key(|limit| limit.bytes);
    least.unwrap_or(MemoryLimit { bytes: FALLBACK, source: LimitSource::Fallback })
}

/// Reads a limit as users write it, as in `4G`, `512M`, `64MiB`, `1.5g`, `50%` or `1073741824`: a decimal number with
/// up to nine digits after the point, then a unit in any case. `K`, `M`, `G` and `T` are powers of 1024 whether or not
/// a `B` or `iB` follows; `%` is of `total` bytes. The result is rounded down to bytes.
///
/// # Errors
/// [`Error::Option`] of `--max-memory` if the text is empty or no such number (a sign makes it none), the unit is
/// unknown, the percentage is above 100, or the result is 0 or beyond 64 bits.
pub fn parse(text: &str, total: u64) -> Result<u64> {
    let refuse = |reason: &str| Error::Option { option: "--max-memory", reason: format!("'{text}' {reason}") };
    let not_a_number = || refuse("is not a number with a unit, as in 4G or 50%");
    let trimmed = text.trim();
    let unit_at = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(unit_at);
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(not_a_number()),
        None => (number, ""),
    };
    if whole.is_empty() || fraction.contains('.') {
        return Err(not_a_number());
    }
    if fraction.len() > 9 {
        return Err(refuse("has more than nine digits after the point"));
    }
    let (unit, divisor) = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => (1, 1),
        "k" | "kb" | "kib" => (1 << 10, 1),
        "m" | "mb" | "mib" => (1 << 20, 1),
        "g" | "gb" | "gib" => (1 << 30, 1),
        "t" | "tb" | "tib" => (1 << 40, 1),
        "%" => (u128::from(total), 100),
        _ => return Err(refuse("has an unknown unit; use K, M, G, T or %")),
    };
    // Exact: at most nine digits follow the point, so what leaves 128 bits here would leave 64 after the division.
    let scale = 10_u128.pow(fraction.len() as u32) * divisor;
    let digits = format!("{whole}{fraction}").parse::<u128>().ok();
    if divisor == 100 && digits.is_none_or(|digits| digits > scale) {
        return Err(refuse("is more than all memory"));
    }
    let bytes = digits.and_then(|digits| digits.checked_mul(unit)).map(|product| product / scale);
    match bytes.and_then(|bytes| u64::try_from(bytes).ok()) {
        Some(0) => Err(refuse("is nothing")),
        Some(bytes) => Ok(bytes),
        None => Err(refuse("is more than 64 bits can count")),
    }
}

/// A line of `/proc/meminfo`, or another file in its manner, in bytes.
pub(crate) fn meminfo_bytes(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;

    const GIB: u64 = 1 << 30;
    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:          123 kB\n");

    pub(crate) fn tree(files: &[(&str, &str)]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn check(files: &[(&str, &str)], bytes: u64, source: LimitSource) {
        assert_eq!(available(tree(files).path()), MemoryLimit { bytes, source }, "{files:?}");
    }

    #[test]
    fn without_groups() {
        check(&[], GIB, LimitSource::Fallback);
        check(&[("proc/meminfo", "MemTotal: many kB\n")], GIB, LimitSource::Fallback);
        check(&[MEMINFO], 16 * GIB, LimitSource::MemTotal);
        check(&[MEMINFO, ("proc/self/cgroup", "no colons\n0::/gone\n")], 16 * GIB, LimitSource::MemTotal);
    }

    #[test]
    fn version_2() {
        let own = ("proc/self/cgroup", "0::/job/step:1\n");
        let limit = ("sys/fs/cgroup/job/step:1/memory.max", "2147483648\n");
        check(&[MEMINFO, own, limit], 2 * GIB, LimitSource::CgroupV2);
        check(&[own, limit], 2 * GIB, LimitSource::CgroupV2);
        let none = (limit.0, "max\n");
        check(&[MEMINFO, own, none], 16 * GIB, LimitSource::MemTotal);
        check(&[own, none], GIB, LimitSource::Fallback);
        let large = (limit.0, "34359738368\n");
        check(&[MEMINFO, own, large], 16 * GIB, LimitSource::MemTotal);
        let zero = (limit.0, "0\n");
        check(&[MEMINFO, own, zero], 16 * GIB, LimitSource::MemTotal);
    }

    #[test]
    fn version_2_nested() {
        let own = ("proc/self/cgroup", "0::/a/b/c\n");
        let (a, b, c) =
            ("sys/fs/cgroup/a/memory.max", "sys/fs/cgroup/a/b/memory.max", "sys/fs/cgroup/a/b/c/memory.max");
        let three = "3221225472\n";
        check(&[MEMINFO, own, (a, three), (b, "max\n"), (c, "4294967296\n")], 3 * GIB, LimitSource::CgroupV2);
        check(&[MEMINFO, own, (a, "max\n"), (b, three), (c, "max\n")], 3 * GIB, LimitSource::CgroupV2);
        // In a container: the host's path, of which only the mount point exists.
        check(&[MEMINFO, own, ("sys/fs/cgroup/memory.max", three)], 3 * GIB, LimitSource::CgroupV2);
        let outside = ("proc/self/cgroup", "0::/../../a\n");
        check(&[MEMINFO, outside, (a, three)], 3 * GIB, LimitSource::CgroupV2);
    }

    #[test]
    fn version_1() {
        let own = ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:hugetlb,memory:/slurm/job\n1:name=systemd:/y\n");
        let job = "sys/fs/cgroup/memory/slurm/job/memory.limit_in_bytes";
        let top = "sys/fs/cgroup/memory/memory.limit_in_bytes";
        let unlimited = "9223372036854771712\n";
        check(&[MEMINFO, own, (job, "1073741824\n"), (top, unlimited)], GIB, LimitSource::CgroupV1);
        check(&[MEMINFO, own, (job, unlimited), (top, "2147483648")], 2 * GIB, LimitSource::CgroupV1);
        check(&[own, (job, unlimited), (top, unlimited)], GIB, LimitSource::Fallback);
    }

    #[test]
    fn hybrid() {
        let own = ("proc/self/cgroup", "4:memory:/job\n0::/user\n");
        let v1 = "sys/fs/cgroup/memory/job/memory.limit_in_bytes";
        let v2 = "sys/fs/cgroup/unified/user/memory.max";
        check(&[MEMINFO, own, (v1, "2147483648\n"), (v2, "max\n")], 2 * GIB, LimitSource::CgroupV1);
        check(&[MEMINFO, own, (v1, "2147483648\n"), (v2, "1073741824\n")], GIB, LimitSource::CgroupV2);
    }

    #[test]
    fn this_machine() {
        assert!(available(Path::new("/")).bytes > 0);
    }

    #[test]
    fn texts() {
        let cases = [
            ("4G", 4 * GIB),
            ("512M", GIB / 2),
            ("64MiB", 64 << 20),
            ("1.5g", 3 * GIB / 2),
            ("50%", 500),
            ("12.5 %", 125),
            ("100%", 1000),
            ("1073741824", GIB),
            (" 7 kb ", 7168),
            ("2T", 2 << 40),
            ("0.001k", 1),
            ("18446744073709551615", u64::MAX),
            ("16777215.999999999T", u64::MAX - 1099),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse(text, 1000).unwrap(), bytes, "{text}");
        }
        assert_eq!(parse("100%", u64::MAX).unwrap(), u64::MAX);
    }

    #[test]
    fn refused_texts() {
        let not_numbers = ["", " ", "-1", "+1", "G", ".5G", "5.G", ".", "1.2.3", "٣", "1e9", "0x10", "1,5G", "nan"];
        let units = ["4X", "4GiBs", "4 G B", "50%%", "1P"];
        let sizes = ["0", "0G", "0%", "0.1", "100.1%", "18446744073709551616", "16777216T", "1.0123456789G"];
        let long = "9".repeat(60);
        for text in not_numbers.into_iter().chain(units).chain(sizes).chain([long.as_str()]) {
            let error = parse(text, 1000).unwrap_err();
            assert!(matches!(error, Error::Option { option: "--max-memory", .. }), "{text}");
        }
        assert!(parse("50%", 1).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in "[-+.0-9kKMGTiB% ]{0,24}", total: u64) {
            prop_assert!(parse(&text, total).map_or(true, |bytes| bytes > 0));
        }
    }
}
