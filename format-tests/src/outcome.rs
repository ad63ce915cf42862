//! What a reader says of a file: which rules it breaks, or none.

use std::collections::BTreeSet;
use std::path::Path;

use talaria_db::read::storage::Access;
use talaria_db::read::verify::Level;
use talaria_db::{Database, Error, OpenOptions};

/// The rules that a file in memory breaks: the one that opening refuses it for, else all that a full check finds.
#[must_use]
pub fn broken_rules(bytes: &[u8]) -> BTreeSet<String> {
    rules_of(small_options().from_bytes(bytes.to_vec()))
}

/// [`broken_rules`] of a file on disk, mapped or read.
#[must_use]
pub fn broken_rules_of_file(path: &Path, access: Access) -> BTreeSet<String> {
    rules_of(small_options().access(access).open(path))
}

/// Opens a sound container in memory.
#[must_use]
pub fn open(bytes: &[u8]) -> Database {
    small_options().from_bytes(bytes.to_vec()).unwrap_or_else(|error| panic!("a sound container is refused: {error}"))
}

/// A cache of 64 KiB: the usual one would be made and dropped a hundred thousand times.
#[must_use]
pub fn small_options() -> OpenOptions {
    OpenOptions::new().cache(64 << 10)
}

/// All problems that a full check finds, one a line.
#[must_use]
pub fn problems(database: &Database) -> Vec<String> {
    let verification = database.verify(Level::Everything).expect("memory for the check");
    assert_eq!(verification.is_sound(), verification.problems.is_empty(), "a count without problems");
    verification.problems.iter().map(ToString::to_string).collect()
}

fn rules_of(opened: talaria_db::Result<Database>) -> BTreeSet<String> {
    match opened {
        Ok(database) => {
            let verification = database.verify(Level::Everything).expect("memory for the check");
            verification.problems.iter().map(rule).collect()
        }
        Err(error) => BTreeSet::from([rule(&error)]),
    }
}

/// The rule that an error names; the whole message of an error that names none.
#[must_use]
pub fn rule(error: &Error) -> String {
    match error {
        Error::Format { violation, .. } => violation.rule().to_owned(),
        Error::Decode { .. } => "B-5".to_owned(),
        other => format!("no rule, but: {other}"),
    }
}
