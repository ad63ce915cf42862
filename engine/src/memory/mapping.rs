//! What came of the pages that were asked for: read back from the system.
//!
//! The system takes most advice without a word and does as it can, so that only `/proc/self/smaps` tells which pages
//! bytes lie in. A look costs the system a walk over the page tables of the process (a millisecond for some hundred
//! MiB): for reports, not for loops.
//!
//! Pages of the file itself that were in memory before the container was opened stay as they are; where they are small
//! (a file that was just written), asking for large ones gets them only once the system has dropped and read them anew.

use std::fmt;
use std::ops::Range;

use crate::memory::settings::HugePages;

/// What was asked for about the columns, directories and indexes of a container, and what came of it. Its text is one
/// line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappingReport {
    /// Whether the file is mapped at all.
    pub mapped: bool,
    /// The pages that were asked for.
    pub asked: HugePages,
    /// Whether they were asked to be in memory from the start.
    pub populate: bool,
    /// Bytes of columns, directories and indexes.
    pub bytes: u64,
    /// Bytes of these that are in memory and in the page tables now.
    pub resident: u64,
    /// Bytes in large pages that the system made of small ones.
    pub transparent: u64,
    /// Bytes in reserved pages of 2 MiB.
    pub reserved_2m: u64,
    /// Bytes in reserved pages of 1 GiB.
    pub reserved_1g: u64,
    /// What was tried and could not be had, each with its reason.
    pub refused: Vec<String>,
}

impl MappingReport {
    /// Adds what `smaps`, the text of `/proc/self/smaps`, says of `addresses`, and says whether it has every byte of
    /// them.
    pub fn add(&mut self, smaps: &str, addresses: &Range<usize>) -> bool {
        let mut found = 0;
        for area in areas(smaps) {
            let start = area.addresses.start.max(addresses.start);
            let length = area.addresses.end.min(addresses.end).saturating_sub(start) as u64;
            // No more than what is asked for: an area may be larger, as reserved pages are.
            let part = |bytes: u64| bytes.min(length);
            found += length;
            if area.reserved > 0 {
                let of_size = if area.page >= 1 << 30 { &mut self.reserved_1g } else { &mut self.reserved_2m };
                *of_size += part(area.reserved);
                self.resident += part(area.reserved);
            } else {
                self.transparent += part(area.transparent);
                self.resident += part(area.resident);
            }
        }
        found == addresses.len() as u64
    }

    /// Bytes in pages of the size that was asked for.
    #[must_use]
    pub fn obtained(&self) -> u64 {
        match self.asked {
            HugePages::Off => 0,
            HugePages::Transparent => self.transparent,
            HugePages::TwoMiB => self.reserved_2m,
            HugePages::OneGiB => self.reserved_1g,
        }
    }
}

impl fmt::Display for MappingReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let all = mebibytes(self.bytes);
        let asked = match self.asked {
            HugePages::Off => "off",
            HugePages::Transparent => "thp asked",
            HugePages::TwoMiB => "2M asked",
            HugePages::OneGiB => "1G asked",
        };
        write!(out, "huge pages: {asked}")?;
        if !self.mapped {
            return out.write_str(", the file is read and not mapped");
        }
        if self.asked == HugePages::Off {
            write!(out, ", {:.1} MiB of {all:.1} MiB in memory", mebibytes(self.resident))?;
        } else {
            write!(out, ", {:.1} MiB of {all:.1} MiB obtained", mebibytes(self.obtained()))?;
        }
        // What came in place of it, or without having been asked for.
        if self.transparent > 0 && self.asked != HugePages::Transparent {
            write!(out, ", {:.1} MiB in pages that the system made large", mebibytes(self.transparent))?;
        }
        if !self.refused.is_empty() {
            write!(out, "; refused: {}", self.refused.join("; "))?;
        }
        Ok(())
    }
}

/// An area of the address space, as `smaps` describes it; sizes in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) addresses: Range<usize>,
    /// Size of its page table entries as the system would have it.
    pub(crate) page: u64,
    /// In memory, reserved pages excepted.
    pub(crate) resident: u64,
    /// Mapped in large pages, of a file or not.
    pub(crate) transparent: u64,
    /// In reserved pages.
    pub(crate) reserved: u64,
    /// Locked into memory.
    pub(crate) locked: u64,
}

/// The areas that `smaps` lists. Lines that make no sense are passed over.
pub(crate) fn areas(smaps: &str) -> impl Iterator<Item = Area> {
    let mut lines = smaps.lines().peekable();
    std::iter::from_fn(move || {
        let addresses = lines.find_map(first_line)?;
        let mut area = Area { addresses, ..Area::default() };
        while let Some(line) = lines.next_if(|line| first_line(line).is_none()) {
            let Some((name, rest)) = line.split_once(':') else { continue };
            let Some(kibibytes) = rest.trim().strip_suffix("kB") else { continue };
            let Ok(kibibytes) = kibibytes.trim().parse::<u64>() else { continue };
            let bytes = kibibytes.saturating_mul(1 << 10);
            match name {
                "KernelPageSize" => area.page = bytes,
                "Rss" => area.resident = bytes,
                "AnonHugePages" | "FilePmdMapped" | "ShmemPmdMapped" => {
                    area.transparent = area.transparent.saturating_add(bytes);
                }
                "Private_Hugetlb" | "Shared_Hugetlb" => area.reserved = area.reserved.saturating_add(bytes),
                "Locked" => area.locked = bytes,
                _ => {}
            }
        }
        Some(area)
    })
}

/// `7f0000000000-7f0000200000 r--p 00000000 fe:00 12 /a/file`
fn first_line(line: &str) -> Option<Range<usize>> {
    let (start, end) = line.split_ascii_whitespace().next()?.split_once('-')?;
    let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
10000000-10800000 r--s 00000000 fe:00 12 /srv/a: strange-name
Size:               8192 kB
KernelPageSize:        4 kB
Rss:                6144 kB
AnonHugePages:         0 kB
FilePmdMapped:      4096 kB
Locked:                0 kB
VmFlags: rd mr me ms hg
20000000-20400000 rw-p 00000000 00:10 31 /anon_hugepage (deleted)
Size:               4096 kB
KernelPageSize:     2048 kB
Rss:                   0 kB
Shared_Hugetlb:        0 kB
Private_Hugetlb:    4096 kB
40000000-80000000 rw-p 00000000 00:10 31 /anon_hugepage (deleted)
KernelPageSize:  1048576 kB
Private_Hugetlb: 1048576 kB
90000000-90200000 rw-p 00000000 00:00 0
KernelPageSize:        4 kB
Rss:                2048 kB
AnonHugePages:      2048 kB
Locked:              128 kB
";

    fn report(asked: HugePages, bytes: u64, addresses: Range<usize>) -> MappingReport {
        let mut report = MappingReport { mapped: true, asked, bytes, ..MappingReport::default() };
        assert!(report.add(SMAPS, &addresses));
        report
    }

    #[test]
    fn areas_are_told_apart() {
        let all: Vec<Area> = areas(SMAPS).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(all[0].addresses, 0x1000_0000..0x1080_0000);
        assert_eq!((all[0].transparent, all[1].reserved, all[3].locked), (4 << 20, 4 << 20, 128 << 10));
        assert_eq!(areas("nonsense\n1-0 x\n\nRss: 1 kB").count(), 0);
    }

    #[test]
    fn asked_and_obtained() {
        let thp = report(HugePages::Transparent, 8 << 20, 0x1000_0000..0x1080_0000);
        assert_eq!((thp.obtained(), thp.resident), (4 << 20, 6 << 20));
        assert_eq!(thp.to_string(), "huge pages: thp asked, 4.0 MiB of 8.0 MiB obtained");
        // Three MiB of an area of four.
        let reserved = report(HugePages::TwoMiB, 3 << 20, 0x2000_0000..0x2030_0000);
        assert_eq!((reserved.obtained(), reserved.resident), (3 << 20, 3 << 20));
        let gigantic = report(HugePages::OneGiB, 1 << 30, 0x4000_0000..0x8000_0000);
        assert_eq!((gigantic.reserved_1g, gigantic.reserved_2m), (1 << 30, 0));
        let off = report(HugePages::Off, 2 << 20, 0x9000_0000..0x9020_0000);
        let expected = "huge pages: off, 2.0 MiB of 2.0 MiB in memory, 2.0 MiB in pages that the system made large";
        assert_eq!(off.to_string(), expected);
    }

    #[test]
    fn what_came_in_place_of_it() {
        let mut fallen = report(HugePages::OneGiB, 8 << 20, 0x1000_0000..0x1080_0000);
        fallen.refused.push("1G: none are reserved".to_owned());
        let expected = "huge pages: 1G asked, 0.0 MiB of 8.0 MiB obtained, 4.0 MiB in pages that the system made large; \
                        refused: 1G: none are reserved";
        assert_eq!(fallen.to_string(), expected);
        let read = MappingReport { asked: HugePages::TwoMiB, ..MappingReport::default() };
        assert_eq!(read.to_string(), "huge pages: 2M asked, the file is read and not mapped");
        assert!(!MappingReport::default().add(SMAPS, &(0x0fff_f000..0x1000_1000)));
    }
}
