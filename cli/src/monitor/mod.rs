//! `--monitor-memory`: what memory a command uses while it runs, on its progress lines and as a series in a file.

mod series;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueHint};
use talaria_db::Database;
use talaria_db::memory::budget::Budget;
use talaria_db::memory::manager::MemoryManager;
use talaria_db::memory::monitor::{MemoryMonitor, MemoryUsage};
use talaria_db::memory::watch::{MemorySample, Watch};

use crate::failure::Result;
use crate::message::say;
use crate::resources::Resources;
use crate::{sizes, target};
use series::Series;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(100);
/// Time between two lines of a command that shows no progress.
const LINES: Duration = Duration::from_secs(5);

/// The flag.
#[derive(Debug, Args)]
pub(crate) struct MonitorFlags {
    /// Says what memory is in use, and at the end the most that was; with =FILE.json ten looks a second are kept there
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, help_heading = "Resources",
        value_hint = ValueHint::FilePath)]
    monitor_memory: Option<Option<PathBuf>>,
}

/// Who says what memory is in use while a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// The lines of progress do; see [`Monitor::words`].
    Progress,
    /// There are none: the monitor has lines of its own.
    Own,
}

/// Watches memory until the command is done. Without the flag only if caches are to follow the pressure, and then
/// silently.
#[derive(Debug)]
pub(crate) struct Monitor {
    watch: Option<Arc<Watch>>,
    series: Option<Arc<Series>>,
    says: bool,
    budget: Budget,
}

impl MonitorFlags {
    /// Starts to watch, if that is wanted.
    ///
    /// # Errors
    /// If the file for the series cannot be made, or is one of `files`, which the command reads or writes.
    pub(crate) fn start(&self, resources: &Resources, files: &[PathBuf], voice: Voice) -> Result<Monitor> {
        let (budget, collection) = (&resources.budget, &resources.settings.collection);
        let says = self.monitor_memory.is_some();
        let mut series = None;
        if let Some(path) = self.monitor_memory.as_ref().and_then(Option::as_ref) {
            series = Some(Arc::new(Series::create(&target::check(files, path)?, budget.limit())?));
        }
        let mut watch = None;
        if says || collection.adaptive {
            let manager = MemoryManager::new(budget.clone(), collection.clone());
            let (kept, mut last) = (series.clone(), Instant::now());
            let own_lines = says && voice == Voice::Own;
            let limit = budget.limit();
            let mut peak = MemoryUsage::default();
            let each = move |sample: &MemorySample| {
                if let Some(series) = &kept {
                    series.add(sample);
                }
                peak = peak.most(sample.usage);
                if own_lines && last.elapsed() >= LINES {
                    last = Instant::now();
                    say(format_args!("{}", words(sample, &peak, limit)));
                }
            };
            watch = Some(Arc::new(Watch::start(MemoryMonitor::new(budget.clone()), manager, INTERVAL, each)?));
        }
        Ok(Monitor { watch, series, says, budget: budget.clone() })
    }
}

impl Monitor {
    /// What makes the words about memory on a line of progress.
    pub(crate) fn words(&self) -> Words {
        Words { watch: self.watch.clone().filter(|_| self.says), budget: self.budget.clone() }
    }

    /// As [`Monitor::finish`], after what has become of a container's pages and cache. An error if the container
    /// changed meanwhile: what was said of it may be wrong then.
    pub(crate) fn finish_reading(self, database: &Database) -> Result<()> {
        database.check_unchanged()?;
        self.finish_unchanged(database)
    }

    /// The same where that has been asked before what was made of the container got its name: a question that fails
    /// afterwards would be an error that says nothing was made.
    pub(crate) fn finish_unchanged(self, database: &Database) -> Result<()> {
        if self.says {
            let cache = database.cache_statistics();
            say(format_args!("{}", database.mapping_report()));
            say(format_args!(
                "cache: {} hits, {} misses, {} evicted, {} of the second tier, {} held",
                sizes::number(cache.hits + cache.waits),
                sizes::number(cache.misses),
                sizes::number(cache.evictions),
                sizes::number(cache.second_tier_hits),
                sizes::bytes(cache.bytes),
            ));
        }
        self.finish()
    }

    /// Looks a last time, ends the series and says the most that was in use.
    pub(crate) fn finish(self) -> Result<()> {
        let Some(watch) = self.watch else { return Ok(()) };
        // The words of a line of progress may still hold it.
        watch.stop();
        let peak = watch.peak();
        if let Some(series) = self.series {
            series.finish(&peak)?;
        }
        if self.says {
            let limit = self.budget.limit();
            say(format_args!(
                "most memory: {}; budget's peak {}",
                parts(&peak, limit),
                sizes::bytes(self.budget.peak())
            ));
        }
        Ok(())
    }
}

/// Makes the words about memory on a line of progress.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    watch: Option<Arc<Watch>>,
    budget: Budget,
}

impl Words {
    /// As of now.
    pub(crate) fn now(&self) -> String {
        let limit = self.budget.limit();
        match &self.watch {
            Some(watch) => words(&watch.latest(), &watch.peak(), limit),
            None => format!("memory {} of {}", sizes::bytes(self.budget.in_use()), sizes::bytes(limit)),
        }
    }

    /// Whether there is more to say than fits beside a bar.
    pub(crate) fn is_detailed(&self) -> bool {
        self.watch.is_some()
    }
}

fn words(sample: &MemorySample, peak: &MemoryUsage, limit: u64) -> String {
    format!("memory {}: {} (peak: {})", sample.status.name(), parts(&sample.usage, limit), parts(peak, limit))
}

fn parts(usage: &MemoryUsage, limit: u64) -> String {
    format!(
        "anonymous {}, mapped {}, cache {}, spill {}, budget {} of {}",
        sizes::bytes(usage.anonymous),
        sizes::bytes(usage.mapped),
        sizes::bytes(usage.cache),
        sizes::bytes(usage.spill),
        sizes::bytes(usage.budget),
        sizes::bytes(limit),
    )
}
