//! What the commands that make a container have in common: memory, threads, temporary files, progress.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::memory::MemoryFlags;
use crate::monitor::{MonitorFlags, Voice};
use crate::sizes;
use crate::threads::ThreadFlags;

/// Their flags.
#[derive(Debug, Args)]
pub(crate) struct WorkFlags {
    #[command(flatten)]
    pub(crate) memory: MemoryFlags,
    #[command(flatten)]
    pub(crate) threads: ThreadFlags,
    #[command(flatten)]
    pub(crate) monitor: MonitorFlags,
    /// Folder for temporary files; the output's unless given
    #[arg(long, help_heading = "Resources", value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) tmp_dir: Option<PathBuf>,
    /// Most bytes of temporary files
    #[arg(long, help_heading = "Resources", value_name = "SIZE", value_parser = sizes::parse)]
    pub(crate) max_spill: Option<u64>,
    /// Seconds between lines of progress, if standard error is not a terminal
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    progress_every: u32,
    /// No progress, summary or warnings
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl WorkFlags {
    /// Who says what memory is in use.
    pub(crate) fn voice(&self) -> Voice {
        if self.quiet { Voice::Own } else { Voice::Progress }
    }

    /// The time between lines of progress.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs(self.progress_every.into())
    }
}
