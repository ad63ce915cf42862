//! What a command may use: its flags about memory, and what they come to with file and environment.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueHint};
use talaria_db::memory::budget::{Budget, Lease};
use talaria_db::memory::settings::MemorySettings;

use crate::config::layers::{Layer, Origin};
use crate::config::resolve::Configuration;
use crate::config::value::{self, PAGES, Value};
use crate::config::{self, Choice};
use crate::failure::{Failure, Result};
use crate::memory;
use crate::sizes;

/// Anonymous memory of the program itself: the allocator's, stacks, writable data. Most that commands were seen to have
/// beside what they lease is less.
const OWN: u64 = 4 << 20;
/// The block cache gets at most one part of the limit in this many, so that work has the rest.
const CACHE_SHARE: u64 = 4;

/// The flags of all commands that need memory.
#[derive(Debug, Args)]
#[command(next_help_heading = "Resources")]
pub(crate) struct MemoryFlags {
    /// Most memory to use: a size (512M, 4G), a percentage of what this process may use, or auto for a quarter of that
    ///
    /// What the process may use is the least of the machine's memory, its control groups' limits, and what SLURM gives
    /// the job. auto is never more than TALARIA_MAX_MEMORY.
    #[arg(long, value_name = "SIZE", value_parser = limit)]
    max_memory: Option<String>,
    /// Use little memory: stream, keep little, give back early; the same as --profile low
    #[arg(long, conflicts_with = "profile")]
    low_memory: bool,
    /// Settings for a machine with much memory, with little, or in between: high, low or balanced
    #[arg(long, value_name = "NAME", hide_short_help = true, value_parser = PossibleValuesParser::new(["high", "low", "balanced"]))]
    profile: Option<String>,
    /// Configuration file; TALARIA_CONFIG, else ~/.config/talaria-db/config.toml unless given
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, conflicts_with = "config", hide_short_help = true)]
    no_config: bool,
    /// Larger pages for columns and indexes: those that the system makes (thp), or reserved ones
    #[arg(long, value_name = "PAGES", hide_short_help = true, value_parser = PossibleValuesParser::new(PAGES.iter().copied()))]
    huge_pages: Option<String>,
    /// How many records ahead a lookup of many fetches entries of the index and columns; 0: not
    #[arg(long, value_name = "N", hide_short_help = true, value_parser = clap::value_parser!(u64).range(0..=4096))]
    prefetch_distance: Option<u64>,
    /// Most decoded blocks to keep; never more than a quarter of the limit
    #[arg(long, value_name = "SIZE", hide_short_help = true, value_parser = cache_size)]
    cache_size: Option<u64>,
    /// Hold nothing but the buffers of a pass: no mapping, and no cache unless its size is given
    #[arg(long)]
    stream: bool,
    /// On machines with several memories: on the node of the thread, spread over all, or bound to those that are used
    #[arg(long, value_name = "PLACE", hide_short_help = true, value_parser = PossibleValuesParser::new(["off", "local", "interleave", "bind"]))]
    numa: Option<String>,
    /// Read files piece by piece instead of mapping them, for file systems that cannot be relied on
    #[arg(long, hide_short_help = true)]
    no_mmap: bool,
}

/// The flags of commands that make temporary files.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Resources")]
pub(crate) struct SpillFlags {
    /// Folder for temporary files; the output's unless given
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    tmp_dir: Option<PathBuf>,
    /// Most bytes of temporary files
    #[arg(long, value_name = "SIZE", value_parser = sizes::parse)]
    max_spill: Option<u64>,
}

/// What they come to.
#[derive(Debug)]
pub(crate) struct Resources {
    pub(crate) budget: Budget,
    pub(crate) settings: MemorySettings,
    pub(crate) tmp_dir: Option<PathBuf>,
    pub(crate) max_spill: Option<u64>,
    pub(crate) threads: Option<u16>,
    /// For the program itself, as long as it runs.
    _own: Lease,
}

impl MemoryFlags {
    /// Which file to read.
    pub(crate) fn choice(&self) -> Choice<'_> {
        match &self.config {
            _ if self.no_config => Choice::None,
            Some(path) => Choice::Named(path),
            None => Choice::Usual,
        }
    }

    /// What file, environment and these flags come to.
    pub(crate) fn configuration(&self, spill: Option<&SpillFlags>, threads: Option<u16>) -> Result<Configuration> {
        let mut layer = self.layer();
        if let Some(spill) = spill {
            spill.add_to(&mut layer);
        }
        if let Some(threads) = threads {
            layer.add("memory.threads", Value::Count(threads.into()), Origin::Flag("--threads"));
        }
        config::load(self.choice(), layer)
    }

    fn layer(&self) -> Layer {
        let mut layer = Layer::default();
        let mut add = |path, value, flag| layer.add(path, value, Origin::Flag(flag));
        if let Some(text) = &self.max_memory {
            add("memory.max_memory", Value::text(text.trim()), "--max-memory");
        }
        if self.low_memory {
            add("memory.profile", Value::text("low"), "--low-memory");
        }
        if let Some(name) = &self.profile {
            add("memory.profile", Value::text(name), "--profile");
        }
        if let Some(pages) = &self.huge_pages {
            add("memory.mapping.huge_pages", Value::text(pages), "--huge-pages");
        }
        if let Some(distance) = self.prefetch_distance {
            add("memory.prefetch_distance", Value::Count(distance), "--prefetch-distance");
        }
        if let Some(bytes) = self.cache_size {
            add("memory.cache_size_mb", Value::Bytes(bytes), "--cache-size");
        }
        if self.stream {
            add("memory.streaming_mode", Value::Switch(true), "--stream");
        }
        if let Some(place) = self.numa.as_deref() {
            add("memory.numa_aware", Value::Switch(place != "off"), "--numa");
            add("memory.numa.interleave", Value::Switch(place == "interleave"), "--numa");
            add("memory.numa.local_alloc", Value::Switch(place != "bind"), "--numa");
        }
        if self.no_mmap {
            add("memory.mapping.use_memory_mapping", Value::Switch(false), "--no-mmap");
        }
        layer
    }
}

impl SpillFlags {
    fn add_to(&self, layer: &mut Layer) {
        if let Some(folder) = &self.tmp_dir {
            layer.add("memory.tmp_dir", Value::Folder(folder.clone()), Origin::Flag("--tmp-dir"));
        }
        if let Some(bytes) = self.max_spill {
            layer.add("memory.max_spill", Value::Bytes(bytes), Origin::Flag("--max-spill"));
        }
    }
}

impl Resources {
    /// The budget, with what the program itself takes taken from it already, and the rest.
    ///
    /// # Errors
    /// [`Failure::Memory`] if the limit is too little for even that.
    pub(crate) fn new(configuration: &Configuration) -> Result<Self> {
        let resolved = configuration.resolved();
        let variable = std::env::var("TALARIA_MAX_MEMORY").ok();
        let found = memory::find(&resolved.limit, variable.as_deref(), memory::available)?;
        let limit = found.bytes;
        let budget = Budget::new(limit);
        let Ok(own) = budget.lease("the program itself", OWN) else {
            return Err(Failure::Memory { limit, what: "the program itself", least: OWN });
        };
        let mut settings = resolved.settings;
        // The process is this program's, and so are its signals.
        settings.mapping.guard = true;
        settings.mapping.lease = true;
        // What is allowed beside the limit is what the system has for pages of files.
        let available = found.of.unwrap_or_else(memory::available).bytes;
        settings.mapping.page_cache = Some(available.saturating_sub(limit));
        if let Some(capacity) = &mut settings.cache.capacity {
            *capacity = (*capacity).min(budget.free() / CACHE_SHARE);
        }
        let (tmp_dir, max_spill, threads) = (resolved.tmp_dir, resolved.max_spill, resolved.threads);
        Ok(Self { budget, settings, tmp_dir, max_spill, threads, _own: own })
    }

    /// Settings with a cache of up to `bytes`, unless its size was given.
    pub(crate) fn settings_with_cache(&self, bytes: u64) -> MemorySettings {
        let mut settings = self.settings.clone();
        settings.cache.capacity.get_or_insert(bytes.min(self.budget.free() / CACHE_SHARE));
        settings
    }

    /// Fails at once if `what` could not be done with the limit.
    ///
    /// # Errors
    /// [`Failure::Memory`] with the least that would do.
    pub(crate) fn check(&self, what: &'static str, least: u64) -> Result<()> {
        if least <= self.budget.free() {
            return Ok(());
        }
        Err(Failure::Memory { limit: self.budget.limit(), what, least: self.budget.in_use().saturating_add(least) })
    }
}

fn limit(text: &str) -> Result<String, String> {
    value::limit(text).map(|()| text.to_owned())
}

fn cache_size(text: &str) -> Result<u64, String> {
    if text.trim() == "0" { Ok(0) } else { sizes::parse(text) }
}
