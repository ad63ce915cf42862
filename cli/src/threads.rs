//! The number of threads.

use clap::Args;
use talaria_db::memory::budget::Budget;
use talaria_db::memory::settings::MemorySettings;
use talaria_db::threads::GlobalWorkers;

use crate::failure::Result;

/// The flag of all commands that work in parallel.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ThreadFlags {
    /// Threads; as many as there are processors unless given
    #[arg(long, value_name = "N", help_heading = "Resources", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl ThreadFlags {
    /// The number, if one was given.
    pub(crate) fn given(self) -> Option<u16> {
        self.threads
    }
}

/// Starts `threads`, or as many as there are processors, under this budget and these settings. To be called at most
/// once; the result is to be kept until all is done that they do.
pub(crate) fn start(threads: Option<u16>, budget: &Budget, settings: &MemorySettings) -> Result<GlobalWorkers> {
    Ok(GlobalWorkers::start(threads.map_or(0, usize::from), budget, settings)?)
}
