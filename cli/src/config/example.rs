//! The example file: every key with what it is, as a comment, and its default.
//!
//! Keys are commented out, so that the file as it is changes nothing. The copy in the repository is compared with this
//! by a test.

use crate::config::keys::{Effect, KEYS};

/// The file.
pub(crate) fn text() -> String {
    let mut text = String::from(
        "# Configuration of talaria-db. To be used as ~/.config/talaria-db/config.toml, or with --config FILE.\n\
         # Defaults are overridden by this file, this file by TALARIA_* variables, those by flags; `talaria-db config show`\n\
         # says what is in force and from where. Every key is here, with its default, or an example (e.g.) if it has none.\n",
    );
    let mut current = "";
    for key in KEYS {
        let (table, name) = key.table_and_name();
        if table != current {
            text.push_str(&format!("\n[{table}]\n"));
            if table == "memory.low_memory" {
                text.push_str("# These count only with enabled = true.\n");
            }
            current = table;
        }
        text.push_str(&format!("# {}", key.about));
        if let Effect::Nothing(why) = key.effect {
            text.push_str(&format!(" (no effect: {why})"));
        }
        let (value, example) = key.default.map_or((key.other, " (e.g.)"), |default| (default, ""));
        text.push_str(&format!("{example}\n#{name} = {value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::file;

    const COPY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/talaria-db.toml");

    #[test]
    fn the_copy_in_the_repository_is_the_same() {
        if std::env::var_os("TALARIA_TEST_UPDATE").is_some() {
            std::fs::write(COPY, text()).unwrap();
        }
        let copy = std::fs::read_to_string(COPY).unwrap_or_default();
        assert!(copy == text(), "run the test with TALARIA_TEST_UPDATE=1 and look at the difference");
    }

    #[test]
    fn it_says_nothing_until_a_key_is_taken_out_of_its_comment() {
        let (layer, problems) = file::parse(Path::new("c"), &text());
        assert_eq!((layer.entries.len(), problems), (0, Vec::new()));
        let lines: Vec<String> = text()
            .lines()
            .map(|line| line.strip_prefix('#').filter(|line| !line.starts_with(' ')).unwrap_or(line).to_owned())
            .collect();
        let (layer, problems) = file::parse(Path::new("c"), &lines.join("\n"));
        assert_eq!(problems, []);
        let paths: Vec<&str> = layer.entries.iter().map(|entry| entry.key.path).collect();
        assert_eq!(paths, KEYS.iter().map(|key| key.path).collect::<Vec<_>>());
    }
}
