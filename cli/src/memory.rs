//! The memory limit: flag, environment, batch system, control group, machine.

use std::path::Path;

use clap::Args;
use talaria_db::memory::budget::Budget;
use talaria_db::memory::limits;

use crate::failure::Result;

/// What is taken of the available memory unless told otherwise: one part in this many.
const SHARE: u64 = 4;

/// The flag of all commands that need memory.
#[derive(Debug, Args)]
pub(crate) struct MemoryFlags {
    /// Most memory to use: a size (512M, 4G), a percentage of what this process may use, or auto for a quarter of that
    ///
    /// What the process may use is the least of the machine's memory, its control groups' limits and SLURM_MEM_PER_NODE.
    #[arg(long, value_name = "SIZE", env = "TALARIA_MAX_MEMORY", default_value = "auto", help_heading = "Resources")]
    max_memory: String,
}

impl MemoryFlags {
    /// The budget of this process.
    pub(crate) fn budget(&self) -> Result<Budget> {
        let slurm = std::env::var("SLURM_MEM_PER_NODE").ok();
        let limit = resolve(&self.max_memory, || available(slurm.as_deref()))?;
        Ok(Budget::new(limit))
    }
}

/// Looks at what is available only if that matters, as a lookup of one record should not wait for it.
fn resolve(text: &str, available: impl FnOnce() -> u64) -> Result<u64> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("auto") {
        return Ok((available() / SHARE).max(1));
    }
    let total = if text.ends_with('%') { available() } else { 0 };
    Ok(limits::parse(text, total)?)
}

fn available(slurm: Option<&str>) -> u64 {
    let system = limits::available(Path::new("/")).bytes;
    // In MiB; 0 stands for all memory of the node.
    let job = slurm.and_then(|text| text.trim().parse::<u64>().ok()).filter(|&mebibytes| mebibytes > 0);
    job.map_or(system, |mebibytes| system.min(mebibytes.saturating_mul(1 << 20)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order() {
        let limit = |text| resolve(text, || 1 << 30).ok();
        assert_eq!(limit("auto"), Some(1 << 28));
        assert_eq!(limit(""), Some(1 << 28));
        assert_eq!(limit("50%"), Some(1 << 29));
        assert_eq!(limit("4G"), Some(4 << 30));
        assert_eq!(limit("lots"), None);
        assert_eq!(available(Some("1")), 1 << 20);
        assert_eq!([available(Some("0")), available(Some("x"))], [available(None); 2]);
    }
}
