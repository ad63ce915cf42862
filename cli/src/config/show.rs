//! What is in force, and why: a row a key.

use serde_json::{Value as Json, json};

use crate::config::keys::{Effect, KEYS, Key, Setting};
use crate::config::layers::Origin;
use crate::config::resolve::Configuration;
use crate::config::value::{Kind, Value};

/// What is said of a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) key: &'static Key,
    /// None if what the work at hand suggests is taken.
    pub(crate) value: Option<Value>,
    pub(crate) origin: Origin,
    pub(crate) note: Option<String>,
}

/// All keys.
pub(crate) fn rows(configuration: &Configuration) -> Vec<Row> {
    KEYS.iter().map(|key| row(configuration, key)).collect()
}

fn row(configuration: &Configuration, key: &'static Key) -> Row {
    let as_given = |note: Option<String>| match configuration.given(key) {
        Some(entry) => Row { key, value: Some(entry.value.clone()), origin: entry.origin.clone(), note },
        None => Row { key, value: default(key), origin: Origin::Default, note },
    };
    let setting = match key.effect {
        Effect::Nothing(why) => return as_given(Some(format!("no effect: {why}"))),
        Effect::Sets(_) if key.is_of_low_memory() && !configuration.low_memory => {
            return as_given(Some("no effect: counts only with memory.low_memory.enabled = true".to_owned()));
        }
        Effect::Sets(setting) => setting,
    };
    let Some(in_force) = configuration.get(setting) else {
        return as_given(None);
    };
    if let Some(entry) = configuration.given(key)
        && key.meaning(&entry.value).is_none()
        && key.saying(&in_force.value).as_ref() == Some(&entry.value)
    {
        // It asks for nothing, as a switch that is off, and nothing else has put it on.
        return as_given(None);
    }
    let note = (in_force.key != key).then(|| format!("by {}", in_force.key.path));
    let note = note.or_else(|| overruled(configuration, setting, &in_force.value));
    Row { key, value: key.saying(&in_force.value), origin: in_force.origin.clone(), note }
}

fn overruled(configuration: &Configuration, setting: Setting, value: &Value) -> Option<String> {
    let on = |setting| configuration.get(setting).is_some_and(|in_force| in_force.value == Value::Switch(true));
    let why = match (setting, value) {
        (Setting::Mapping, Value::Switch(true)) if on(Setting::Streaming) => "no effect: streaming does not map",
        (Setting::LocalAllocation, _) if on(Setting::Interleave) => "no effect: interleave goes before it",
        _ => return None,
    };
    Some(why.to_owned())
}

fn default(key: &Key) -> Option<Value> {
    let text = key.default?;
    match key.kind {
        Kind::Limit | Kind::SizeText | Kind::Folder | Kind::Choice(_) | Kind::Pages => {
            Some(Value::text(text.trim_matches('"')))
        }
        kind => kind.value_of_text(text).ok(),
    }
}

impl Row {
    /// The value as a file would say it; `-` for none.
    pub(crate) fn written(&self) -> String {
        self.value.as_ref().map_or_else(|| "-".to_owned(), |value| value.written(self.key.kind))
    }

    /// The row as JSON.
    pub(crate) fn json(&self) -> Json {
        json!({
            "key": self.key.path,
            "value": self.value.as_ref().map_or(Json::Null, |value| value.json(self.key.kind)),
            "source": self.origin.to_string(),
            "note": self.note,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_can_be_said() {
        for key in KEYS {
            assert_eq!(default(key).map(|value| value.written(key.kind)).as_deref(), key.default, "{}", key.path);
        }
    }
}
