//! What environment variables say: `TALARIA_MAX_MEMORY`, `TALARIA_PROFILE`, and one for every key.
//!
//! Other programs may have variables that begin with `TALARIA_`; those that begin with `TALARIA_MEMORY_` are keys, or
//! mistakes. An empty variable says nothing.

use std::ffi::OsString;

use crate::config::keys::{KEYS, Key};
use crate::config::layers::{Entry, Layer, Origin, Problem};
use crate::config::nearest::nearest;

/// Variables with short names.
const SHORT: [(&str, &str); 2] = [("TALARIA_MAX_MEMORY", "memory.max_memory"), ("TALARIA_PROFILE", "memory.profile")];
/// What the names of all others begin with.
const PREFIX: &str = "TALARIA_MEMORY_";

/// What `variables` say, sorted by name, and all that is wrong with them.
pub(crate) fn parse(variables: impl Iterator<Item = (OsString, OsString)>) -> (Layer, Vec<Problem>) {
    let mut ours: Vec<(String, OsString)> = variables
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX) || SHORT.iter().any(|(short, _)| short == name))
        .collect();
    ours.sort_unstable();
    let (mut layer, mut problems) = (Layer::default(), Vec::new());
    for (name, value) in ours {
        let short = SHORT.iter().find(|(short, _)| *short == name).and_then(|(_, path)| Key::find(path));
        let origin = Origin::Environment(name.clone());
        let Some(key) = short.or_else(|| KEYS.iter().find(|key| key.variable() == name)) else {
            let names: Vec<String> = KEYS.iter().map(Key::variable).collect();
            let known = nearest(&name, names.iter().map(String::as_str)).unwrap_or_default();
            problems.push(Problem::new(origin, format!("unknown key; the nearest is {known}")));
            continue;
        };
        match value.to_str().ok_or_else(|| "not UTF-8".to_owned()).and_then(|text| key.kind.value_of_text(text)) {
            Ok(value) => layer.entries.push(Entry { key, value, origin }),
            Err(reason) => problems.push(Problem::new(origin, reason)),
        }
    }
    (layer, problems)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn parse(variables: &[(&str, &str)]) -> (Layer, Vec<Problem>) {
        super::parse(variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<String> = KEYS.iter().map(Key::variable).collect();
        assert_eq!(names.len(), KEYS.len());
    }

    #[test]
    fn ours_and_others() {
        let (layer, problems) = parse(&[
            ("TALARIA_MAX_MEMORY", "1G"),
            ("TALARIA_MEMORY_MAPPING_HUGE_PAGES", "2M"),
            ("TALARIA_MEMORY_THREADS", ""),
            ("TALARIA_HOME", "x"),
            ("PATH", "/"),
        ]);
        let paths: Vec<_> = layer.entries.iter().map(|entry| entry.key.path).collect();
        assert_eq!((paths.as_slice(), problems.len()), (&["memory.max_memory", "memory.mapping.huge_pages"][..], 0));
        let (_, problems) = parse(&[("TALARIA_MEMORY_THREDS", "1"), ("TALARIA_PROFILE", "lo")]);
        assert_eq!(
            problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "environment TALARIA_MEMORY_THREDS: unknown key; the nearest is TALARIA_MEMORY_THREADS",
                "environment TALARIA_PROFILE: \"lo\" is not one of \"high\", \"low\", \"balanced\"",
            ]
        );
    }
}
