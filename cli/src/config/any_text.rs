//! Any text as a configuration: refused, a line a problem, or taken, and then the same when it is written and read
//! again.
//!
//! Called by a fuzzer (`format-tests/fuzz`), and with the inputs that are stored in `fixtures/fuzz/config` by the
//! suite.

use std::ffi::OsString;
use std::path::Path;

use crate::config::layers::{Layer, Problem};
use crate::config::resolve::Configuration;
use crate::config::{environment, file, show};

/// Takes what comes before the first NUL for a file, and what comes after it for variables, one a line.
pub(crate) fn run(input: &[u8]) {
    // What is not UTF-8 is refused where the file is read.
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (file, variables) = text.split_once('\0').unwrap_or((text, ""));
    let (from_file, mut problems) = file::parse(Path::new("c"), file);
    let pairs = variables.lines().filter_map(|line| line.split_once('='));
    let (from_environment, more) =
        environment::parse(pairs.map(|(name, value)| (OsString::from(name), OsString::from(value))));
    problems.extend(more);
    comes_back(&from_file);
    match Configuration::new(vec![from_file, from_environment]) {
        Ok(configuration) => {
            let _ = configuration.resolved();
            for row in show::rows(&configuration) {
                assert!(!row.written().is_empty(), "{} is shown as nothing", row.key.path);
            }
        }
        Err(conflicts) => problems.extend(conflicts),
    }
    assert!(problems.iter().all(is_a_line), "{problems:?}");
}

fn is_a_line(problem: &Problem) -> bool {
    !problem.to_string().contains(char::is_control)
}

/// What was taken is the same in a file that says it as `config show` does.
fn comes_back(layer: &Layer) {
    for entry in &layer.entries {
        let text = format!("{} = {}\n", entry.key.path, entry.value.written(entry.key.kind));
        let (again, problems) = file::parse(Path::new("c"), &text);
        assert!(problems.is_empty(), "{text}: {problems:?}");
        let values: Vec<_> = again.entries.iter().map(|entry| &entry.value).collect();
        assert_eq!(values, [&entry.value], "{text}");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/fuzz/config");

    #[test]
    fn stored_inputs() {
        let inputs: Vec<_> = fs::read_dir(Path::new(FOLDER)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "{FOLDER} is empty");
        inputs.iter().for_each(|path| super::run(&fs::read(path).unwrap()));
    }
}
