//! The configuration file: where it is, and what it says.
//!
//! TOML, with the tables of [`crate::config::keys`]. Whatever is not understood is refused, with its line: a key that
//! is passed over in silence is a limit that does not hold. Nothing is read if the file is not there; reading one of a
//! page takes some 50 microseconds.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_edit::{Document, Item, TableLike, Value as TomlValue};

use crate::config::keys::{KEYS, Key};
use crate::config::layers::{Entry, Layer, Origin, Problem};
use crate::config::nearest::nearest;
use crate::config::value::Raw;
use crate::failure::{Failure, Result};

/// Where the file is if nobody says otherwise, and the folders of the user are known.
pub(crate) fn usual_path() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // A relative XDG_CONFIG_HOME is invalid by its specification, and to be ignored.
    let folder =
        folder("XDG_CONFIG_HOME").filter(|path| path.is_absolute()).or_else(|| Some(folder("HOME")?.join(".config")));
    Some(folder?.join("talaria-db/config.toml"))
}

/// The text of a file that somebody named.
pub(crate) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(Failure::io(path, "read"))
}

/// The text of the usual file, if it is there.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        // A file in place of a folder is no configuration either.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Failure::io(path, "read")(error)),
    }
}

/// What a file says, and all that is wrong with it.
pub(crate) fn parse(path: &Path, text: &str) -> (Layer, Vec<Problem>) {
    let mut reader = Reader { path: Arc::new(path.to_path_buf()), text, layer: Layer::default(), problems: Vec::new() };
    match Document::parse(text) {
        Ok(document) => reader.table("", document.as_table()),
        Err(error) => {
            let reason = error.message().lines().next().unwrap_or("this is not TOML").to_owned();
            reader.refuse(error.span(), reason);
        }
    }
    (reader.layer, reader.problems)
}

struct Reader<'t> {
    path: Arc<PathBuf>,
    text: &'t str,
    layer: Layer,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn table(&mut self, above: &str, table: &dyn TableLike) {
        for (name, item) in table.iter() {
            let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
            let span = table.key(name).and_then(|key| key.span()).or_else(|| item.span());
            let is_table = |table: &str| KEYS.iter().any(|key| key.path.starts_with(&format!("{table}.")));
            match (Key::find(&path), item.as_table_like()) {
                (Some(key), None) => self.value(key, span, item),
                (Some(_), Some(_)) => self.refuse(span, format!("{path}: a table in place of a value")),
                (None, Some(below)) if is_table(&path) || !below.is_empty() => self.table(&path, below),
                (None, None) if is_table(&path) => self.refuse(span, format!("{path}: a value in place of a table")),
                (None, _) => self.refuse(span, unknown(&path)),
            }
        }
    }

    fn value(&mut self, key: &'static Key, span: Option<Range<usize>>, item: &Item) {
        let raw = match item.as_value() {
            Some(TomlValue::Boolean(on)) => Some(Raw::Switch(*on.value())),
            Some(TomlValue::Integer(number)) => Some(Raw::Integer(*number.value())),
            Some(TomlValue::Float(number)) => Some(Raw::Float(*number.value())),
            Some(TomlValue::String(text)) => Some(Raw::Text(text.value())),
            _ => None,
        };
        let value = match raw {
            Some(raw) => key.kind.value(raw),
            None => Err("neither a text nor a number nor true or false".to_owned()),
        };
        match value {
            Ok(value) => {
                let origin = self.origin(span);
                self.layer.entries.push(Entry { key, value, origin });
            }
            Err(reason) => self.refuse(span, format!("{}: {reason}", key.path)),
        }
    }

    fn refuse(&mut self, span: Option<Range<usize>>, reason: String) {
        self.problems.push(Problem::new(self.origin(span), reason));
    }

    fn origin(&self, span: Option<Range<usize>>) -> Origin {
        let before = self.text.as_bytes().get(..span.map_or(0, |span| span.start)).unwrap_or(self.text.as_bytes());
        Origin::File(Arc::clone(&self.path), 1 + before.iter().filter(|&&byte| byte == b'\n').count())
    }
}

/// What to say of an unknown key.
pub(crate) fn unknown(path: &str) -> String {
    let known = nearest(path, KEYS.iter().map(|key| key.path)).unwrap_or_default();
    format!("{path}: unknown key; the nearest is {known}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let (_, problems) = parse(Path::new("c"), text);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_forms_of_tables() {
        let forms = [
            "[memory]\nmax_memory_gb = 1.5\n[memory.mapping]\nhuge_pages = true\n",
            "memory.max_memory_gb = 1.5\nmemory.mapping.huge_pages = true\n",
            "memory = { max_memory_gb = 1.5, mapping = { huge_pages = true } }\n",
            "[memory]\nmax_memory_gb = 1.5\nmapping.huge_pages = true\n",
        ];
        for form in forms {
            let (layer, problems) = parse(Path::new("c"), form);
            let said: Vec<_> =
                layer.entries.iter().map(|entry| (entry.key.path, entry.value.written(entry.key.kind))).collect();
            let expected = [("memory.max_memory_gb", "1.5".into()), ("memory.mapping.huge_pages", "\"thp\"".into())];
            assert_eq!((said.as_slice(), problems.len()), (&expected[..], 0), "{form}");
        }
    }

    #[test]
    fn every_problem_with_its_line() {
        let text = "# one\n[memory]\nmax_memroy = \"4G\"\ngc_threshold = 2\n\n[memory.mapping]\nhuge_pages = \"4K\"\nnuma_aware = [1]\n\
            [momory.cache]\n[memory.gc_threshold2]\n[nothing]\nx = 1\n";
        let expected = [
            "c:3: memory.max_memroy: unknown key; the nearest is memory.max_memory",
            "c:4: memory.gc_threshold: 2 is not a number from 0 to 1",
            "c:7: memory.mapping.huge_pages: \"4K\" is not one of \"off\", \"thp\", \"2M\", \"1G\"",
            "c:8: memory.mapping.numa_aware: neither a text nor a number nor true or false",
            "c:10: memory.gc_threshold2: unknown key; the nearest is memory.gc_threshold",
        ];
        let problems = problems(text);
        assert_eq!(problems[..5], expected);
        assert_eq!(problems.len(), 7, "{problems:?}");
        assert!(
            problems[5].starts_with("c:9: momory.cache: unknown key") && problems[6].starts_with("c:12: nothing.x")
        );
    }

    #[test]
    fn a_problem_is_one_line_whatever_a_key_is_called() {
        let problems = problems("\"a\\n\\u001bb\" = 1\n");
        assert!(problems.len() == 1 && problems[0].starts_with("c:1: a\\n\\u{1b}b: unknown key"), "{problems:?}");
    }

    #[test]
    fn what_is_no_toml() {
        for (text, line) in [("[memory\n", 1), ("[memory]\na = \n", 2), ("[memory]\nthreads = 1\nthreads = 2\n", 3)] {
            let problems = problems(text);
            assert!(problems.len() == 1 && problems[0].starts_with(&format!("c:{line}: ")), "{problems:?}");
        }
        assert!(problems("memory = 1")[0].contains("a value in place of a table"));
        assert!(problems("[memory.threads]\nx=1")[0].contains("a table in place of a value"));
        assert!(problems("[[memory]]\nthreads=1")[0].contains("a value in place of a table"));
        assert!(problems("").is_empty());
    }
}
