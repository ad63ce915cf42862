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
    /// The number, if one was given.
    pub(crate) fn given(self) -> Option<u16> {
        self.threads
    }
}

/// Starts `threads`; if there is no number, they start when they are first needed. To be called at most once.
pub(crate) fn start(threads: Option<u16>) -> Result<()> {
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.into())
        .build_global()
        .map_err(|error| Error::Option { option: "--threads", reason: error.to_string() })?;
    Ok(())
}
