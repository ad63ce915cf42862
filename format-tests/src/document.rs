//! `FORMAT.md`, as far as a program can read it: its rules, its tables, its dump of the smallest file.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use crate::fixtures;

/// A structure as the document defines it.
#[derive(Debug)]
pub struct Structure {
    /// Its name in the marker above its table.
    pub name: String,
    /// Its size in the marker.
    pub size: usize,
    /// Offset, size and name of every field.
    pub fields: Vec<(usize, usize, String)>,
}

/// Where the document is.
#[must_use]
pub fn path() -> PathBuf {
    fixtures::workspace().join("spec/FORMAT.md")
}

/// The identifiers of all rules: `**[X-1]**` at their definition.
#[must_use]
pub fn rules(document: &str) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    for piece in document.split("**[").skip(1) {
        if let Some((rule, _)) = piece.split_once("]**").filter(|(rule, _)| is_rule(rule)) {
            rules.insert(rule.to_owned());
        }
    }
    rules
}

/// Whether a text has the form of a rule's identifier: a capital letter, a minus sign, a number.
#[must_use]
pub fn is_rule(text: &str) -> bool {
    let Some((letter, number)) = text.split_once('-') else { return false };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_uppercase()) && digits
}

/// All structures: the tables below `<!-- struct NAME SIZE -->`.
#[must_use]
pub fn structures(document: &str) -> Vec<Structure> {
    let pieces = document.split("<!-- struct ").skip(1);
    let structure = |piece: &str| {
        let (marker, rest) = piece.split_once(" -->").expect("a closed marker");
        let (name, size) = marker.split_once(' ').expect("a name and a size");
        let fields = rows(rest).into_iter().map(|cells| {
            let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{name}: {text} is no number"));
            (number(&cells[0]), number(&cells[1]), cells[2].clone())
        });
        Structure { name: name.to_owned(), size: size.parse().expect("a size"), fields: fields.collect() }
    };
    pieces.map(structure).collect()
}

/// The rows of the table whose first line has these cells.
#[must_use]
pub fn table(document: &str, head: &[&str]) -> Vec<Vec<String>> {
    let line = format!("| {} |\n", head.join(" | "));
    let (_, rest) = document.split_once(&line).unwrap_or_else(|| panic!("no table that starts with {line}"));
    rows(&format!("{line}{rest}"))
}

/// The cells of the first table in a text, without its head.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    lines.skip(2).map(cells).collect()
}

/// The marker above the dump of the smallest file.
const HEX_MARKER: &str = "<!-- hex empty -->";

/// The dump of the smallest file, if there is one, and where the document has it: what follows the marker, with its
/// fences.
#[must_use]
pub fn hex_block(document: &str) -> (Option<&str>, Range<usize>) {
    let start = document.find(HEX_MARKER).expect("the marker of the dump") + HEX_MARKER.len();
    let rest = &document[start..];
    let Some(body) = rest.strip_prefix("\n\n```text\n") else { return (None, start..start) };
    let end = body.find("```").expect("the end of the dump");
    (Some(&body[..end]), start..document.len() - body.len() + end + 3)
}

/// The document with another dump of the smallest file.
#[must_use]
pub fn with_hex_block(document: &str, dump: &str) -> String {
    let (_, range) = hex_block(document);
    format!("{}\n\n```text\n{dump}```{}", &document[..range.start], &document[range.end..])
}

/// Bytes as `hexdump -C` shows them: 16 a line, `*` for lines that repeat the one before.
#[must_use]
pub fn hex_dump(bytes: &[u8]) -> String {
    let (mut text, mut before, mut starred) = (String::new(), None, false);
    for (index, line) in bytes.chunks(16).enumerate() {
        if before == Some(line) {
            if !std::mem::replace(&mut starred, true) {
                text.push_str("*\n");
            }
            continue;
        }
        (before, starred) = (Some(line), false);
        let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let (left, right) = hex.split_at(hex.len().min(8));
        let shown = |&byte: &u8| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' };
        let letters: String = line.iter().map(shown).collect();
        text.push_str(&format!("{:08x}  {:23}  {:23}  |{letters}|\n", index * 16, left.join(" "), right.join(" ")));
    }
    text.push_str(&format!("{:08x}\n", bytes.len()));
    text
}
