//! All keys of the configuration, in one table: what they hold, what they set, what they say about themselves.
//!
//! The parser, the environment, suggestions, `config show` and the example file are made from it. Names and tables are
//! those of the document that the memory systems were designed by; some mean the same setting, and `memory.max_memory`
//! and the four after it are added.

use crate::config::value::{Kind, Value};

/// What a key changes in the resolved configuration. Several keys may change the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Adaptive,
    Aggressive,
    Algorithm,
    Background,
    Buffers,
    Cache,
    ChunkRecords,
    CompressChunks,
    Compression,
    CompressionThreshold,
    GcThreshold,
    HugePages,
    Interleave,
    LeastCache,
    Level,
    Limit,
    LocalAllocation,
    Mapping,
    MappingThreshold,
    MaxSpill,
    Migration,
    Nodes,
    Numa,
    Populate,
    Prefetch,
    Profile,
    ReadAhead,
    Spill,
    Streaming,
    Threads,
    TmpDir,
}

/// Whether a key changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It sets this.
    Sets(Setting),
    /// It cannot, for this reason.
    Nothing(&'static str),
}

/// A key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// With its tables, separated by dots.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    pub(crate) effect: Effect,
    /// As it would be written; none if what the work at hand suggests is taken.
    pub(crate) default: Option<&'static str>,
    /// A value other than the default, as it would be written.
    pub(crate) other: &'static str,
    pub(crate) about: &'static str,
}

impl Key {
    /// The key of this path.
    pub(crate) fn find(path: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.path == path)
    }

    /// What it sets.
    pub(crate) fn setting(&self) -> Option<Setting> {
        match self.effect {
            Effect::Sets(setting) => Some(setting),
            Effect::Nothing(_) => None,
        }
    }

    /// The environment variable that sets it.
    pub(crate) fn variable(&self) -> String {
        format!("TALARIA_{}", self.path.replace('.', "_").to_ascii_uppercase())
    }

    /// The table that it is in, and its name there.
    pub(crate) fn table_and_name(&self) -> (&'static str, &'static str) {
        self.path.rsplit_once('.').unwrap_or(("", self.path))
    }

    /// Whether it is one of those that count only in low-memory mode.
    pub(crate) fn is_of_low_memory(&self) -> bool {
        self.path.starts_with("memory.low_memory.") && self.setting() != Some(Setting::Profile)
    }

    /// A value of this key as a value of its setting, in which keys of one setting can be compared; none if it asks for
    /// nothing.
    pub(crate) fn meaning(&self, value: &Value) -> Option<Value> {
        Some(match (self.setting()?, value) {
            (Setting::HugePages, Value::Switch(on)) => Value::text(if *on { "thp" } else { "off" }),
            (Setting::Cache, Value::Switch(true)) => Value::Bytes(0),
            (Setting::Profile, Value::Switch(true)) => Value::text("low"),
            (Setting::Cache | Setting::Profile, Value::Switch(false)) => return None,
            (Setting::Limit, Value::Text(text)) => match crate::sizes::parse(text) {
                Ok(bytes) => Value::Bytes(bytes),
                Err(_) => value.clone(),
            },
            _ => value.clone(),
        })
    }

    /// A value of its setting as a value of this key, as far as it can say it.
    pub(crate) fn saying(&self, meaning: &Value) -> Option<Value> {
        Some(match (self.setting()?, self.kind, meaning) {
            (Setting::HugePages, Kind::Switch, Value::Text(pages)) => Value::Switch(pages != "off"),
            (Setting::Cache, Kind::Switch, Value::Bytes(bytes)) => Value::Switch(*bytes == 0),
            (Setting::Profile, Kind::Switch, Value::Text(profile)) => Value::Switch(profile == "low"),
            (Setting::Limit, Kind::Size { .. }, Value::Text(_)) => return None,
            _ => meaning.clone(),
        })
    }
}

const SWITCH: Kind = Kind::Switch;
const MEBI: Kind = Kind::Size { unit: 1 << 20 };
const GIBI: Kind = Kind::Size { unit: 1 << 30 };
const FIXED: &str = "alignment and packing of columns and blocks are laid down by the format of the file";

const fn key(
    path: &'static str,
    kind: Kind,
    setting: Setting,
    default: Option<&'static str>,
    other: &'static str,
    about: &'static str,
) -> Key {
    Key { path, kind, effect: Effect::Sets(setting), default, other, about }
}

const fn without_effect(
    path: &'static str,
    kind: Kind,
    why: &'static str,
    default: &'static str,
    other: &'static str,
    about: &'static str,
) -> Key {
    Key { path, kind, effect: Effect::Nothing(why), default: Some(default), other, about }
}

/// All keys, table by table.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    key("memory.profile", Kind::Choice(&["high", "low", "balanced"]), Setting::Profile, None, "\"low\"",
        "A set of values that lies beneath the other keys of this file"),
    key("memory.max_memory", Kind::Limit, Setting::Limit, Some("\"auto\""), "\"4G\"",
        "Most memory to use: a size, a percentage of what this process may use, or \"auto\" for a quarter of that"),
    key("memory.max_memory_gb", GIBI, Setting::Limit, None, "16", "The same in GiB"),
    key("memory.tmp_dir", Kind::Folder, Setting::TmpDir, None, "\"/scratch\"",
        "Folder for temporary files; that of the output unless given"),
    key("memory.max_spill", Kind::SizeText, Setting::MaxSpill, None, "\"100G\"", "Most bytes of temporary files"),
    key("memory.threads", Kind::Count { least: 1, most: 1024 }, Setting::Threads, None, "8",
        "Threads; as many as there are processors unless given"),
    key("memory.cache_size_gb", GIBI, Setting::Cache, None, "4",
        "Most decoded blocks to keep, in GiB; never more than a quarter of the limit"),
    key("memory.cache_size_mb", MEBI, Setting::Cache, None, "256", "The same in MiB"),
    key("memory.prefetch_distance", Kind::Count { least: 0, most: 4096 }, Setting::Prefetch, Some("8"), "16",
        "How many records ahead a lookup of many fetches entries of the index and columns, for speed only; 0: not"),
    key("memory.use_huge_pages", SWITCH, Setting::HugePages, Some("false"), "true",
        "Larger pages for columns and indexes; as memory.mapping.huge_pages"),
    key("memory.numa_aware", SWITCH, Setting::Numa, Some("false"), "true",
        "Whether [memory.numa] is followed, on machines with several memories"),
    key("memory.streaming_mode", SWITCH, Setting::Streaming, Some("false"), "true",
        "Hold nothing but the buffers of a pass: no mapping, and no cache unless its size is given"),
    key("memory.swap_to_disk", SWITCH, Setting::Spill, Some("true"), "false",
        "Whether what does not fit the limit goes to temporary files; if not, it is an error"),
    key("memory.compression_enabled", SWITCH, Setting::Compression, Some("false"), "true",
        "Keep blocks that leave the cache compressed; as memory.compression.enable_compression"),
    key("memory.compression_threshold_mb", MEBI, Setting::LeastCache, Some("0"), "64",
        "Caches smaller than this, in MiB, keep nothing compressed"),
    key("memory.adaptive_mode", SWITCH, Setting::Adaptive, Some("false"), "true",
        "Whether the sizes of caches and batches follow the pressure on memory"),
    key("memory.gc_threshold", Kind::Share, Setting::GcThreshold, Some("0.8"), "0.9",
        "Share of the limit above which caches are cut down to 70 % of it"),
    key("memory.aggressive_gc", SWITCH, Setting::Aggressive, Some("false"), "true",
        "Give freed memory back to the system after each step, and not only under pressure or between stages"),

    key("memory.mapping.use_memory_mapping", SWITCH, Setting::Mapping, Some("true"), "false",
        "Whether files are mapped; if not, they are read piece by piece"),
    key("memory.mapping.mmap_threshold_mb", MEBI, Setting::MappingThreshold, Some("0"), "100",
        "Files smaller than this, in MiB, are read and not mapped"),
    key("memory.mapping.populate_on_map", SWITCH, Setting::Populate, Some("false"), "true",
        "Whether columns and indexes are brought into memory when a container is opened"),
    key("memory.mapping.huge_pages", Kind::Pages, Setting::HugePages, Some("\"off\""), "\"2M\"",
        "Pages of columns and indexes: \"off\", \"thp\" (or true) for those that the system makes, \"2M\" or \"1G\" for reserved ones"),
    key("memory.mapping.numa_aware", SWITCH, Setting::Numa, Some("false"), "true", "As memory.numa_aware"),

    key("memory.streaming.chunk_size", Kind::Count { least: 1, most: 1 << 32 }, Setting::ChunkRecords, Some("10000"), "5000",
        "Most records in a chunk"),
    key("memory.streaming.buffer_count", Kind::Count { least: 1, most: 1024 }, Setting::Buffers, Some("3"), "4",
        "Chunks in memory at a time: one that is filled, one that waits, one that is worked on"),
    key("memory.streaming.read_ahead", SWITCH, Setting::ReadAhead, Some("true"), "false",
        "Whether what comes next is read before it is asked for"),
    key("memory.streaming.compress_chunks", SWITCH, Setting::CompressChunks, Some("false"), "true",
        "Whether chunks of an input that wait are kept compressed; a build then took 1.2 times as long (0.97 to 1.6)"),

    key("memory.numa.numa_aware", SWITCH, Setting::Numa, Some("false"), "true", "As memory.numa_aware"),
    key("memory.numa.numa_nodes", Kind::Count { least: 1, most: 1024 }, Setting::Nodes, None, "2",
        "Only the first so many nodes are used; all unless given"),
    key("memory.numa.interleave", SWITCH, Setting::Interleave, Some("false"), "true",
        "Spread memory over the nodes, page by page; goes before local_alloc"),
    key("memory.numa.local_alloc", SWITCH, Setting::LocalAllocation, Some("true"), "false",
        "Memory on the node of the thread that uses it; if not, bound to the nodes that are used"),
    key("memory.numa.migration", SWITCH, Setting::Migration, Some("false"), "true",
        "Whether pages that lie on another node than asked for are moved"),

    key("memory.compression.enable_compression", SWITCH, Setting::Compression, Some("false"), "true",
        "Keep blocks that leave the cache compressed"),
    key("memory.compression.algorithm", Kind::Choice(&["lz4", "zstd", "snappy"]), Setting::Algorithm, Some("\"lz4\""), "\"zstd\"",
        "With what"),
    key("memory.compression.level", Kind::Count { least: 1, most: 9 }, Setting::Level, Some("3"), "9",
        "How well, from 1 to 9; only zstd has levels"),
    key("memory.compression.threshold_kb", Kind::Size { unit: 1 << 10 }, Setting::CompressionThreshold, Some("4"), "64",
        "Blocks smaller than this, in KiB, are dropped and not compressed"),
    key("memory.compression.async_compression", SWITCH, Setting::Background, Some("true"), "false",
        "Whether it happens in the background"),

    key("memory.low_memory.enabled", SWITCH, Setting::Profile, Some("false"), "true",
        "The profile \"low\", with the other keys of this table, which count only then"),
    key("memory.low_memory.max_memory_mb", MEBI, Setting::Limit, None, "2048", "Most memory to use, in MiB"),
    key("memory.low_memory.streaming_only", SWITCH, Setting::Streaming, None, "false", "As memory.streaming_mode"),
    key("memory.low_memory.disable_cache", SWITCH, Setting::Cache, None, "true", "No cache at all"),
    key("memory.low_memory.aggressive_gc", SWITCH, Setting::Aggressive, None, "false", "As memory.aggressive_gc"),
    key("memory.low_memory.swap_to_disk", SWITCH, Setting::Spill, None, "false", "As memory.swap_to_disk"),

    key("memory.cache.prefetch_distance", Kind::Count { least: 0, most: 4096 }, Setting::Prefetch, Some("8"), "16",
        "As memory.prefetch_distance"),
    without_effect("memory.cache.cache_line_size", Kind::Count { least: 1, most: 4096 },
        "the length of a cache line is the processor's", "64", "128", "Bytes of a line of the processor's caches"),
    without_effect("memory.cache.align_structures", SWITCH, FIXED, "true", "false", "Align columns to lines"),
    without_effect("memory.cache.pack_data", SWITCH, FIXED, "true", "false", "Pack what is used together"),
];
