//! Values of keys: what kinds there are, how they are read from a file or from text, and how they are written.

use std::path::PathBuf;

use talaria_db::Error;
use talaria_db::memory::limits;

use crate::sizes;

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Count { least: u64, most: u64 },
    /// A number, maybe with a fraction, of this many bytes.
    Size { unit: u64 },
    /// A number from 0 to 1.
    Share,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A size, a percentage or `auto`.
    Limit,
    /// A size with a unit.
    SizeText,
    /// A folder.
    Folder,
    /// `true`, `false`, or a size of pages.
    Pages,
}

/// Words for sizes of pages.
pub(crate) const PAGES: &[&str] = &["off", "thp", "2M", "1G"];

/// The value of a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Switch(bool),
    Count(u64),
    Bytes(u64),
    Share(f64),
    Text(String),
    /// A name that need not be text.
    Folder(PathBuf),
    /// Of the limit in a profile: this many bytes, or what `auto` comes to if that is less.
    AtMost(u64),
}

/// A value as it stands in a file or variable, before its key is asked whether it makes sense.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw<'r> {
    Switch(bool),
    Integer(i64),
    Float(f64),
    Text(&'r str),
}

impl Value {
    /// Text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// As a file would say it, for a key of this kind.
    pub(crate) fn written(&self, kind: Kind) -> String {
        match (self, kind) {
            (Self::Bytes(bytes), Kind::Size { unit }) => (*bytes as f64 / unit as f64).to_string(),
            (Self::Bytes(bytes), _) => format!("\"{}\"", short_size(*bytes)),
            (Self::Switch(on), _) => on.to_string(),
            (Self::Count(count), _) => count.to_string(),
            (Self::Share(share), _) => share.to_string(),
            (Self::Text(text), _) => basic_string(text),
            (Self::Folder(folder), _) => basic_string(&folder.to_string_lossy()),
            (Self::AtMost(bytes), _) => format!("\"auto\", at most {}", short_size(*bytes)),
        }
    }
}

/// Text as a basic string of TOML, in one line. Rust escapes more, and what TOML refuses: `\'`, `\u{7f}`.
fn basic_string(text: &str) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => written.extend(['\\', character]),
            _ if character.is_control() => written.push_str(&format!("\\u{:04X}", u32::from(character))),
            _ => written.push(character),
        }
    }
    written.push('"');
    written
}

impl Value {
    /// As JSON, for a key of this kind: numbers are in the unit of the key.
    pub(crate) fn json(&self, kind: Kind) -> serde_json::Value {
        match (self, kind) {
            (Self::Bytes(bytes), Kind::Size { unit }) if bytes % unit == 0 => (bytes / unit).into(),
            (Self::Bytes(bytes), Kind::Size { unit }) => (*bytes as f64 / unit as f64).into(),
            (Self::Bytes(bytes), _) => short_size(*bytes).into(),
            (Self::Switch(on), _) => (*on).into(),
            (Self::Count(count), _) => (*count).into(),
            (Self::Share(share), _) => (*share).into(),
            (Self::Text(text), _) => text.as_str().into(),
            (Self::Folder(folder), _) => folder.to_string_lossy().into(),
            (Self::AtMost(_), _) => self.written(kind).into(),
        }
    }
}

impl Kind {
    /// The value, or what is wrong with it.
    pub(crate) fn value(self, raw: Raw<'_>) -> Result<Value, String> {
        match (self, raw) {
            (Self::Switch, Raw::Switch(on)) => Ok(Value::Switch(on)),
            (Self::Count { least, most }, Raw::Integer(number)) => match u64::try_from(number) {
                Ok(count) if (least..=most).contains(&count) => Ok(Value::Count(count)),
                _ => Err(format!("{number} is not a whole number from {least} to {most}")),
            },
            (Self::Size { unit }, Raw::Integer(number)) => number_of(unit, number as f64),
            (Self::Size { unit }, Raw::Float(number)) => number_of(unit, number),
            (Self::Share, Raw::Integer(number)) => share(number as f64),
            (Self::Share, Raw::Float(number)) => share(number),
            (Self::Choice(words), Raw::Text(word)) => one_of(words, word),
            (Self::Pages, Raw::Switch(on)) => Ok(Value::text(if on { "thp" } else { "off" })),
            (Self::Pages, Raw::Text(word)) => one_of(PAGES, word),
            (Self::Limit, Raw::Text(text)) => limit(text).map(|()| Value::text(text.trim())),
            (Self::SizeText, Raw::Text(text)) => sizes::parse(text).map(Value::Bytes),
            (Self::Folder, Raw::Text(text)) if !text.is_empty() => Ok(Value::Folder(text.into())),
            (kind, raw) => Err(format!("{} is not {}", raw.shown(), kind.described())),
        }
    }

    /// The value from text, as variables have it.
    pub(crate) fn value_of_text(self, text: &str) -> Result<Value, String> {
        let switch = match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Some(true),
            "false" | "0" | "off" | "no" => Some(false),
            _ => None,
        };
        let raw = match self {
            Self::Switch => switch.map(Raw::Switch),
            // "off" is a word of its own here.
            Self::Pages => switch.filter(|_| !PAGES.contains(&text)).map(Raw::Switch),
            Self::Count { .. } => text.parse().ok().map(Raw::Integer),
            Self::Size { .. } | Self::Share => text.parse().ok().map(Raw::Float),
            Self::Choice(_) | Self::Limit | Self::SizeText | Self::Folder => None,
        };
        self.value(raw.unwrap_or(Raw::Text(text)))
    }

    fn described(self) -> String {
        match self {
            Self::Switch => "true or false".to_owned(),
            Self::Count { least, most } => format!("a whole number from {least} to {most}"),
            Self::Size { .. } => "a number".to_owned(),
            Self::Share => "a number from 0 to 1".to_owned(),
            Self::Choice(words) => format!("one of \"{}\"", words.join("\", \"")),
            Self::Limit => "a text such as \"4G\", \"50%\" or \"auto\"".to_owned(),
            Self::SizeText => "a text such as \"20G\"".to_owned(),
            Self::Folder => "the name of a folder".to_owned(),
            Self::Pages => format!("true, false or one of \"{}\"", PAGES.join("\", \"")),
        }
    }
}

impl Raw<'_> {
    fn shown(&self) -> String {
        match self {
            Self::Switch(on) => on.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => format!("{text:?}"),
        }
    }
}

/// Bytes in the largest unit that divides them, as the flags take them: `4G`, `1536M`.
pub(crate) fn short_size(bytes: u64) -> String {
    let units = [(40, "T"), (30, "G"), (20, "M"), (10, "K")];
    let fits = units.into_iter().find(|&(shift, _)| bytes > 0 && bytes.trailing_zeros() >= shift);
    fits.map_or_else(|| bytes.to_string(), |(shift, unit)| format!("{}{unit}", bytes >> shift))
}

fn number_of(unit: u64, number: f64) -> Result<Value, String> {
    let bytes = number * unit as f64;
    if bytes.is_finite() && (0.0..9e18).contains(&bytes) {
        Ok(Value::Bytes(bytes as u64))
    } else {
        Err(format!("{number} is not a number of bytes that there could be"))
    }
}

fn share(number: f64) -> Result<Value, String> {
    if (0.0..=1.0).contains(&number) {
        Ok(Value::Share(number))
    } else {
        Err(format!("{number} is not a number from 0 to 1"))
    }
}

fn one_of(words: &[&str], word: &str) -> Result<Value, String> {
    if words.contains(&word) {
        Ok(Value::text(word))
    } else {
        Err(format!("{word:?} is not one of \"{}\"", words.join("\", \"")))
    }
}

/// Whether `--max-memory` takes it; a percentage is of something that is not known yet.
pub(crate) fn limit(text: &str) -> Result<(), String> {
    if text.trim().eq_ignore_ascii_case("auto") {
        return Ok(());
    }
    match limits::parse(text, u64::MAX) {
        Ok(_) => Ok(()),
        Err(Error::Option { reason, .. }) => Err(reason),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_text() {
        let size = Kind::Size { unit: 1 << 20 };
        assert_eq!(size.value_of_text("1.5"), Ok(Value::Bytes(3 << 19)));
        assert_eq!(Kind::Switch.value_of_text("ON"), Ok(Value::Switch(true)));
        assert_eq!(Kind::Pages.value_of_text("off"), Ok(Value::text("off")));
        assert_eq!(Kind::Pages.value_of_text("true"), Ok(Value::text("thp")));
        assert_eq!(Kind::Limit.value_of_text(" 50% "), Ok(Value::text("50%")));
        let refused = [
            (size, "-1"),
            (size, "inf"),
            (size, "NaN"),
            (size, "4G"),
            (Kind::Switch, "2"),
            (Kind::Share, "1.01"),
            (Kind::Count { least: 1, most: 9 }, "10"),
            (Kind::Count { least: 1, most: 9 }, "2.0"),
            (Kind::Pages, "4K"),
            (Kind::Limit, "lots"),
            (Kind::SizeText, "50%"),
            (Kind::Folder, ""),
        ];
        for (kind, text) in refused {
            assert!(kind.value_of_text(text).is_err(), "{kind:?} {text}");
        }
    }

    #[test]
    fn written_as_a_file_would() {
        assert_eq!(Value::Bytes(3 << 29).written(Kind::Size { unit: 1 << 30 }), "1.5");
        assert_eq!(Value::Bytes(3 << 29).written(Kind::Limit), "\"1536M\"");
        let folder = Value::text("/o'brien/\u{301}\"\\\n\u{7f}");
        assert_eq!(folder.written(Kind::Folder), "\"/o'brien/\u{301}\\\"\\\\\\u000A\\u007F\"");
        assert_eq!([short_size(0), short_size(1023), short_size(4 << 30)], ["0", "1023", "4G"]);
    }
}
