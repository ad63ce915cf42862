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
    /// The number, 0 for as many as there are processors.
    pub(crate) fn count(self) -> usize {
        self.threads.map_or(0, usize::from)
    }

    /// Starts them under this budget and these settings. To be called at most once; the result is to be kept until all is done that
    /// they do.
    pub(crate) fn start(self, budget: &Budget, settings: &MemorySettings) -> Result<GlobalWorkers> {
        Ok(GlobalWorkers::start(self.count(), budget, settings)?)
    }
}
