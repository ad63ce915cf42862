//! The number of threads.

use clap::Args;
use talaria_db::Error;

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

    /// Starts them, if a number was given; else they start when they are first needed. To be called at most once.
    pub(crate) fn start(self) -> Result<()> {
        let Some(threads) = self.threads else { return Ok(()) };
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.into())
            .build_global()
            .map_err(|error| Error::Option { option: "--threads", reason: error.to_string() })?;
        Ok(())
    }
}
