//! Files that broke other programs, from their test suites: each is refused with a line, or comes back.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::error::Error;

/// All files below the folder, in order.
fn files(folder: PathBuf) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.is_dir() { files(path) } else { vec![path] }).collect()
}

#[test]
fn weird_files_are_refused_or_come_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/weird");
    if !folder.is_dir() {
        println!("skipped: there is no {}", folder.display());
        return;
    }
    let (mut back, mut irregular, mut refused) = (0, 0, 0);
    for path in files(folder.clone()) {
        let text = fs::read(&path).unwrap();
        let parser = |long| Parser::new(path.strip_prefix(&folder).unwrap(), long, &Budget::new(1 << 26));
        match parse(parser(1 << 20), [&text[..]]) {
            Ok(source) => {
                assert!(reassemble(&source, 4096) == text, "{} does not come back", path.display());
                let mut chunked = parser(100);
                chunked.line_width = Some(source.layout.line_width);
                assert!(parse(chunked, text.chunks(61)).unwrap() == source, "{} in chunks", path.display());
                back += 1;
                irregular += source.records.iter().filter(|record| record.script.is_some()).count();
            }
            Err(error) => {
                assert!(matches!(error, Error::Input { line: 1.., .. }), "{error}");
                println!("{error}");
                refused += 1;
            }
        }
    }
    println!("{back} came back, with {irregular} irregular records; {refused} were refused");
}
