//! What the commands that make a container have in common: memory, threads, temporary files, progress.

use std::time::Duration;

use clap::Args;

use crate::failure::Result;
use crate::monitor::{MonitorFlags, Voice};
use crate::resources::{MemoryFlags, Resources, SpillFlags};
use crate::threads::ThreadFlags;

/// Their flags.
#[derive(Debug, Args)]
pub(crate) struct WorkFlags {
    /// Seconds between lines of progress, if standard error is not a terminal
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    progress_every: u32,
    /// No progress, summary or warnings
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    memory: MemoryFlags,
    #[command(flatten)]
    threads: ThreadFlags,
    #[command(flatten)]
    spill: SpillFlags,
    #[command(flatten)]
    pub(crate) monitor: MonitorFlags,
}

impl WorkFlags {
    /// Who says what memory is in use.
    pub(crate) fn voice(&self) -> Voice {
        if self.quiet { Voice::Own } else { Voice::Progress }
    }

    /// What they come to with file and environment.
    pub(crate) fn resources(&self) -> Result<Resources> {
        Resources::new(&self.memory.configuration(Some(&self.spill), self.threads.given())?)
    }

    /// The time between lines of progress.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs(self.progress_every.into())
    }
}
