//! The profiles: sets of values that lie beneath the keys of whoever names one.
//!
//! They are the three examples of the document that the keys come from, but for this:
//! - The document's memory (128, 4 and 16 GB) is the most that a profile takes; if `auto` comes to less, that. A
//!   profile is no statement about the machine.
//! - Its cache (32 GB, 256 MB, 4 GB) is never more than a quarter of the limit, as with every way to give one.
//! - `balanced` has a threshold of compression, so it compresses.

use crate::config::keys::Key;
use crate::config::layers::{Entry, Layer, Origin};
use crate::config::value::Value;

const HIGH: &[(&str, &str)] = &[
    ("memory.use_huge_pages", "true"),
    ("memory.numa_aware", "true"),
    ("memory.cache_size_gb", "32"),
    ("memory.prefetch_distance", "16"),
    ("memory.aggressive_gc", "false"),
];
const LOW: &[(&str, &str)] = &[
    ("memory.streaming_mode", "true"),
    ("memory.cache_size_mb", "256"),
    ("memory.compression_enabled", "true"),
    ("memory.swap_to_disk", "true"),
    ("memory.aggressive_gc", "true"),
];
const BALANCED: &[(&str, &str)] = &[
    ("memory.adaptive_mode", "true"),
    ("memory.cache_size_gb", "4"),
    ("memory.compression_enabled", "true"),
    ("memory.compression_threshold_mb", "64"),
    ("memory.gc_threshold", "0.8"),
];

/// The values of a profile that was named at `origin`.
pub(crate) fn layer(name: &str, origin: &Origin) -> Layer {
    let (gibibytes, values) = match name {
        "high" => (128, HIGH),
        "low" => (4, LOW),
        _ => (16, BALANCED),
    };
    let origin = Origin::Profile(name.to_owned(), Box::new(origin.clone()));
    let mut layer = Layer::default();
    layer.add("memory.max_memory", Value::AtMost(gibibytes << 30), origin.clone());
    for (path, text) in values {
        let Some(key) = Key::find(path) else { continue };
        // A unit test parses all of them.
        let Ok(value) = key.kind.value_of_text(text) else { continue };
        layer.entries.push(Entry { key, value, origin: origin.clone() });
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_one() {
        for (name, values) in [("high", HIGH), ("low", LOW), ("balanced", BALANCED)] {
            let layer = layer(name, &Origin::Default);
            assert_eq!(layer.entries.len(), values.len() + 1, "{name}");
            assert_eq!(layer.conflicts(false), [], "{name}");
        }
    }
}
