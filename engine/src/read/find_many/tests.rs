use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::memory::settings::MemorySettings;
use crate::{Builder, Error, OpenOptions};

const RECORDS: u64 = 20_000;

/// Records that have a name of their own, and one that they share with another.
fn container(folder: &Path) -> PathBuf {
    let path = folder.join("a.talaria");
    let records = (0..RECORDS).map(|number| {
        let header = format!("sp|Q{}|N{number}_X about it", number / 2);
        (header.into_bytes(), vec![b'M'; 1 + number as usize % 7])
    });
    Builder::new(&path).add_records("made", records).finish().unwrap();
    path
}

fn name(number: u64) -> String {
    match number % 3 {
        0 => format!("Q{}", number / 2),
        1 => format!("N{number}_X"),
        _ => format!("absent{number}"),
    }
}

/// Mapped, mapped and guarded, and not mapped.
fn opened(path: &Path) -> Vec<Database> {
    let open = |mapped, guarded| {
        let mut settings = MemorySettings::default();
        settings.mapping.use_memory_mapping = mapped;
        settings.mapping.guard = guarded;
        OpenOptions::new().memory(settings).open(path).unwrap()
    };
    vec![open(true, false), open(true, true), open(false, false)]
}

#[test]
fn many_names_are_found_as_each_of_them() {
    let folder = tempfile::tempdir().unwrap();
    for database in opened(&container(folder.path())) {
        // From all names, of which each bucket has some, to a few that lie far apart.
        for step in [1, 5, 300, 9000] {
            let names: Vec<String> = (0..RECORDS).rev().step_by(step).map(name).collect();
            let found = database.find_many(&names).unwrap();
            assert_eq!(found.len(), names.len());
            for (name, found) in names.iter().zip(found.iter()) {
                assert_eq!(found, database.find(name).unwrap(), "{name}");
            }
        }
    }
}

#[test]
fn records_beside_a_damaged_page_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = container(folder.path());
    let sound = fs::read(&path).unwrap();
    let sections = *Database::open(&path).unwrap().sections();
    for section in [&sections.key_buckets, &sections.key_entries, &sections.header_table] {
        let mut bytes = sound.clone();
        bytes[(section.offset + section.length / 2) as usize] ^= 1;
        fs::write(&path, bytes).unwrap();
        for database in opened(&path) {
            let names: Vec<String> = (0..RECORDS).map(name).collect();
            assert!(matches!(database.find_many(&names), Err(Error::Format { .. })));
            let (found, ordinals): (Vec<_>, Vec<_>) =
                names.iter().filter_map(|name| Some((name, database.find(name).ok()?))).unzip();
            assert!(found.len() < names.len() && found.len() > names.len() / 3, "{}", found.len());
            assert!(database.find_many(&found).unwrap().iter().eq(ordinals.iter().map(Vec::as_slice)));
            // And their columns.
            let ordinals: Vec<u64> = (0..RECORDS).filter(|&ordinal| database.header_entry(ordinal).is_ok()).collect();
            let sizes = database.sizes(&ordinals).unwrap();
            assert!(ordinals.iter().zip(sizes).all(|(ordinal, size)| size.residues == 1 + ordinal % 7));
        }
    }
}
