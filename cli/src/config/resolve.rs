//! From layers to what is in force: for each setting the value of the highest layer, and from there what the engine
//! takes.

use std::path::PathBuf;

use talaria_db::memory::settings::{Algorithm, HugePages, MemorySettings, Placement};

use crate::config::keys::{Key, Setting};
use crate::config::layers::{Entry, Layer, Origin, Problem};
use crate::config::profiles;
use crate::config::value::Value;

/// A value in force, in the terms of its setting.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    pub(crate) value: Value,
    pub(crate) key: &'static Key,
    pub(crate) origin: Origin,
}

/// All that was said, and what of it is in force.
#[derive(Debug, Clone, Default)]
pub(crate) struct Configuration {
    layers: Vec<Layer>,
    in_force: Vec<(Setting, InForce)>,
    pub(crate) low_memory: bool,
}

/// The limit, before the machine is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Limit {
    /// A share of what there is.
    #[default]
    Auto,
    /// The same, but not more than this.
    AtMost(u64),
    /// So much.
    Bytes(u64),
    /// A percentage of what there is.
    Percentage(String),
}

/// What commands take.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Resolved {
    pub(crate) limit: Limit,
    pub(crate) settings: MemorySettings,
    pub(crate) tmp_dir: Option<PathBuf>,
    pub(crate) max_spill: Option<u64>,
    pub(crate) threads: Option<u16>,
}

impl Configuration {
    /// Of layers, the lowest first.
    pub(crate) fn new(layers: Vec<Layer>) -> Result<Self, Vec<Problem>> {
        let low_memory = layers.iter().rev().find_map(Layer::low_memory).unwrap_or(false);
        let problems: Vec<Problem> = layers.iter().flat_map(|layer| layer.conflicts(low_memory)).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut configuration = Self { layers: Vec::new(), in_force: Vec::new(), low_memory };
        for layer in &layers {
            let profile = layer.asked(low_memory).find(|(setting, ..)| *setting == Setting::Profile);
            if let Some((_, Value::Text(name), entry)) = profile {
                configuration.put(&profiles::layer(&name, &entry.origin));
            }
            configuration.put(layer);
        }
        configuration.layers = layers;
        Ok(configuration)
    }

    fn put(&mut self, layer: &Layer) {
        for (setting, value, entry) in layer.asked(self.low_memory) {
            if self.is_less_already(setting, &value) {
                continue;
            }
            let in_force = InForce { value, key: entry.key, origin: entry.origin.clone() };
            self.in_force.retain(|(other, _)| *other != setting);
            self.in_force.push((setting, in_force));
        }
    }

    /// Whether a profile would raise a limit that somebody asked for: it only lowers it.
    fn is_less_already(&self, setting: Setting, value: &Value) -> bool {
        let (Setting::Limit, Value::AtMost(most)) = (setting, value) else { return false };
        match self.get(Setting::Limit).map(|in_force| &in_force.value) {
            Some(Value::Bytes(bytes)) => bytes <= most,
            Some(Value::Text(text)) => text.ends_with('%'),
            _ => false,
        }
    }

    /// What is in force of a setting, if anybody said anything.
    pub(crate) fn get(&self, setting: Setting) -> Option<&InForce> {
        self.in_force.iter().find(|(other, _)| *other == setting).map(|(_, in_force)| in_force)
    }

    /// What the highest layer that names a key says, whether or not it counts.
    pub(crate) fn given(&self, key: &Key) -> Option<&Entry> {
        self.layers.iter().rev().flat_map(|layer| &layer.entries).find(|entry| entry.key == key)
    }

    /// What commands take.
    pub(crate) fn resolved(&self) -> Resolved {
        let mut resolved = Resolved::default();
        for (setting, InForce { value, .. }) in &self.in_force {
            resolved.set(*setting, value);
        }
        let settings = &mut resolved.settings;
        let switched = |setting| self.get(setting).map(|in_force| in_force.value == Value::Switch(true));
        settings.numa.placement = match (switched(Setting::Interleave), switched(Setting::LocalAllocation)) {
            (Some(true), _) => Placement::Interleave,
            (_, Some(false)) => Placement::Bind,
            _ => Placement::Local,
        };
        if settings.streaming.only {
            settings.mapping.use_memory_mapping = false;
            settings.cache.capacity.get_or_insert(0);
        }
        resolved
    }
}

impl Resolved {
    /// Values that are not of the kind of the setting cannot come here: keys check theirs.
    fn set(&mut self, setting: Setting, value: &Value) {
        let memory = &mut self.settings;
        match (setting, value) {
            (Setting::Limit, Value::Bytes(bytes)) => self.limit = Limit::Bytes(*bytes),
            (Setting::Limit, Value::AtMost(bytes)) => self.limit = Limit::AtMost(*bytes),
            (Setting::Limit, Value::Text(text)) if text.ends_with('%') => self.limit = Limit::Percentage(text.clone()),
            (Setting::Limit, Value::Text(_)) => self.limit = Limit::Auto,
            (Setting::TmpDir, Value::Folder(folder)) => self.tmp_dir = Some(folder.clone()),
            (Setting::MaxSpill, Value::Bytes(bytes)) => self.max_spill = Some(*bytes),
            (Setting::Threads, Value::Count(count)) => self.threads = u16::try_from(*count).ok(),
            (Setting::Cache, Value::Bytes(bytes)) => memory.cache.capacity = Some(*bytes),
            (Setting::Prefetch, Value::Count(count)) => memory.cache.prefetch_distance = size(*count),
            (Setting::HugePages, Value::Text(pages)) => memory.mapping.huge_pages = huge_pages(pages),
            (Setting::Mapping, Value::Switch(on)) => memory.mapping.use_memory_mapping = *on,
            (Setting::MappingThreshold, Value::Bytes(bytes)) => memory.mapping.threshold = *bytes,
            (Setting::Populate, Value::Switch(on)) => memory.mapping.populate = *on,
            (Setting::Streaming, Value::Switch(on)) => memory.streaming.only = *on,
            (Setting::ChunkRecords, Value::Count(count)) => memory.streaming.chunk_records = size(*count),
            (Setting::Buffers, Value::Count(count)) => memory.streaming.buffers = size(*count),
            (Setting::ReadAhead, Value::Switch(on)) => memory.streaming.read_ahead = *on,
            (Setting::CompressChunks, Value::Switch(on)) => memory.streaming.compress_chunks = *on,
            (Setting::Compression, Value::Switch(on)) => memory.compression.enabled = *on,
            (Setting::LeastCache, Value::Bytes(bytes)) => memory.compression.least_cache = *bytes,
            (Setting::Algorithm, Value::Text(name)) => memory.compression.algorithm = algorithm(name),
            (Setting::Level, Value::Count(level)) => memory.compression.level = u32::try_from(*level).unwrap_or(1),
            (Setting::CompressionThreshold, Value::Bytes(bytes)) => memory.compression.threshold = *bytes,
            (Setting::Background, Value::Switch(on)) => memory.compression.background = *on,
            (Setting::Numa, Value::Switch(on)) => memory.numa.aware = *on,
            (Setting::Nodes, Value::Count(count)) => memory.numa.nodes = u32::try_from(*count).ok(),
            (Setting::Migration, Value::Switch(on)) => memory.numa.migration = *on,
            (Setting::GcThreshold, Value::Share(share)) => memory.collection.threshold = *share,
            (Setting::Aggressive, Value::Switch(on)) => memory.collection.aggressive = *on,
            (Setting::Adaptive, Value::Switch(on)) => memory.collection.adaptive = *on,
            (Setting::Spill, Value::Switch(on)) => memory.spill.enabled = *on,
            // The profile is in the layers; where memory lies is told from two settings.
            _ => {}
        }
    }
}

fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn huge_pages(pages: &str) -> HugePages {
    match pages {
        "thp" => HugePages::Transparent,
        "2M" => HugePages::TwoMiB,
        "1G" => HugePages::OneGiB,
        _ => HugePages::Off,
    }
}

fn algorithm(name: &str) -> Algorithm {
    match name {
        "zstd" => Algorithm::Zstd,
        "snappy" => Algorithm::Snappy,
        _ => Algorithm::Lz4,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::file;
    use crate::config::keys::{Effect, KEYS};

    fn layer(text: &str) -> Layer {
        let (layer, problems) = file::parse(Path::new("c"), text);
        assert_eq!(problems, [], "{text}");
        layer
    }

    fn resolved(text: &str) -> Resolved {
        Configuration::new(vec![layer(text)]).unwrap().resolved()
    }

    #[test]
    fn every_key_with_an_effect_has_one() {
        for key in KEYS {
            let mode = if key.is_of_low_memory() { "memory.low_memory.enabled = true\n" } else { "" };
            let with = resolved(&format!("{mode}{} = {}\n", key.path, key.other));
            let without = resolved(mode);
            match key.effect {
                // The profile sets what they set: they can only take it away.
                Effect::Sets(_) => assert_ne!(with, without, "{}", key.path),
                Effect::Nothing(why) => assert!(with == without && !why.is_empty(), "{}", key.path),
            }
            if let Some(default) = key.default {
                let default = resolved(&format!("{} = {default}\n", key.path));
                assert_eq!(default, Resolved::default(), "{}", key.path);
            }
        }
    }

    #[test]
    fn a_later_layer_goes_before_by_whatever_key() {
        let layers = vec![
            layer("memory.use_huge_pages = true\nmemory.gc_threshold = 0.5"),
            layer("memory.mapping.huge_pages = \"off\""),
        ];
        let resolved = Configuration::new(layers).unwrap().resolved();
        assert_eq!(resolved.settings.mapping.huge_pages, HugePages::Off);
        assert_eq!(resolved.settings.collection.threshold, 0.5);
    }

    #[test]
    fn a_profile_lies_beneath_the_keys_of_its_layer_and_above_those_before() {
        let layers = || {
            vec![
                layer("memory.prefetch_distance = 4\nmemory.gc_threshold = 0.5"),
                layer("memory.prefetch_distance = 5\nmemory.profile = \"high\"\nmemory.max_memory = \"1G\""),
            ]
        };
        let one = Configuration::new(layers()).unwrap().resolved();
        assert_eq!((one.settings.cache.prefetch_distance, one.settings.collection.threshold), (5, 0.5));
        assert_eq!(one.limit, Limit::Bytes(1 << 30));
        assert!(one.settings.numa.aware);
        let with_flags = [layers(), vec![layer("memory.profile = \"low\"")]].concat();
        let two = Configuration::new(with_flags).unwrap().resolved();
        assert_eq!(two.settings.cache.capacity, Some(256 << 20));
        assert!(two.settings.streaming.only && !two.settings.mapping.use_memory_mapping);
        assert_eq!(two.limit, Limit::Bytes(1 << 30), "a profile raises no limit");
        let lowered = vec![layer("memory.max_memory_gb = 8"), layer("memory.profile = \"low\"")];
        assert_eq!(Configuration::new(lowered).unwrap().resolved().limit, Limit::AtMost(4 << 30));
    }

    #[test]
    fn low_memory_keys_count_in_low_memory_mode() {
        let table = "[memory.low_memory]\nmax_memory_mb = 64\ndisable_cache = true\nswap_to_disk = false\n";
        assert_eq!(resolved(table), Resolved::default());
        let on = resolved(&format!("{table}enabled = true\n"));
        assert_eq!((on.limit, on.settings.cache.capacity), (Limit::Bytes(64 << 20), Some(0)));
        assert!(on.settings.streaming.only && !on.settings.spill.enabled);
        let off = Configuration::new(vec![
            layer(&format!("{table}enabled = true\n")),
            layer("memory.low_memory.enabled = false"),
        ]);
        assert_eq!(off.unwrap().resolved(), Resolved::default());
    }

    #[test]
    fn conflicts() {
        let conflicts = |text: &str| Configuration::new(vec![layer(text)]).map(|_| ()).unwrap_err();
        let problems = conflicts("[memory]\nmax_memory_gb = 4\nmax_memory = \"5G\"\n");
        assert_eq!(
            problems[0].to_string(),
            "c:3: memory.max_memory = \"5G\", but memory.max_memory_gb = 4 (c:2) means the same setting"
        );
        for text in [
            "[memory]\nuse_huge_pages = true\nmapping.huge_pages = \"2M\"",
            "[memory]\nnuma_aware = true\nnuma.numa_aware = false",
            "[memory]\nprefetch_distance = 1\ncache.prefetch_distance = 2",
            "[memory]\ncache_size_gb = 1\ncache_size_mb = 1",
            "[memory]\ncache_size_gb = 1\nlow_memory.enabled = true\nlow_memory.disable_cache = true",
            "[memory]\nprofile = \"high\"\nlow_memory.enabled = true",
            "[memory]\nstreaming_mode = false\nlow_memory.enabled = true\nlow_memory.streaming_only = true",
            "[memory]\ncompression_enabled = true\ncompression.enable_compression = false",
        ] {
            assert_eq!(conflicts(text).len(), 1, "{text}");
        }
        // The same said twice is none.
        for text in [
            "[memory]\nmax_memory_gb = 4\nmax_memory = \"4096M\"",
            "[memory]\nuse_huge_pages = true\nmapping.huge_pages = true",
            "[memory]\ncache_size_gb = 1\nlow_memory.disable_cache = false\nlow_memory.enabled = true",
            "[memory]\ncache_size_gb = 1\nlow_memory.disable_cache = true",
        ] {
            assert!(Configuration::new(vec![layer(text)]).is_ok(), "{text}");
        }
    }
}
