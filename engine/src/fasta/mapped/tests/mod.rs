//! Whatever a container built from a file says, the file says itself, or both refuse with the same words.

mod agreement;
mod changes;
mod saved;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{IndexOrigin, MappedFasta};
use crate::database::Database;
use crate::error::Result;
use crate::memory::budget::Budget;
use crate::memory::settings::MemorySettings;
use crate::write::builder::Builder;
use crate::write::encode::Compression;

fn open(path: &Path) -> Result<MappedFasta> {
    MappedFasta::open(path, &MemorySettings::default(), &Budget::new(1 << 30))
}

/// Not mapped.
fn open_read(path: &Path) -> Result<MappedFasta> {
    let mut settings = MemorySettings::default();
    settings.mapping.use_memory_mapping = false;
    MappedFasta::open(path, &settings, &Budget::new(1 << 30))
}

/// A file in a folder of its own.
fn write(text: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.fasta");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn build(path: &Path, folder: &Path) -> Result<Database> {
    let output = folder.join("x.talaria");
    Builder::new(&output).compression(Compression::Lz4).add_fasta(path).finish()?;
    Database::open(&output)
}

/// Compares everything that both can say.
fn compare(fasta: &MappedFasta, database: &Database) {
    assert_eq!((fasta.len(), fasta.residue_count()), (database.len(), database.residue_count()));
    let mut names: Vec<Vec<u8>> = vec![b"nobody".to_vec(), Vec::new()];
    for ordinal in 0..database.len() {
        let header = database.header(ordinal).unwrap();
        talaria_db_spec::keys::for_each_name(&header, |name, _| names.push(name.to_vec()));
        let record = database.record(ordinal).unwrap();
        assert_eq!(fasta.header(ordinal).unwrap(), header);
        assert_eq!(fasta.record(ordinal).unwrap(), record);
        let length = fasta.sequence_length(ordinal).unwrap();
        assert_eq!(length, record.sequence().len() as u64);
        let few = [0, length / 2, length];
        let many = [0, 1, length / 3, length / 2, length.saturating_sub(1), length];
        let steps = if length < 1 << 16 { &many[..] } else { &few };
        for (from, to) in steps.iter().flat_map(|from| steps.iter().map(move |to| (*from, *to))) {
            let (ours, theirs) = (fasta.region(ordinal, from..to), database.region(ordinal, from..to));
            assert_eq!(
                ours.map_err(|error| error.to_string()),
                theirs.map_err(|error| error.to_string()),
                "{from}..{to}"
            );
        }
        assert!(fasta.region(ordinal, 0..length + 1).is_err());
    }
    assert!(fasta.header(fasta.len()).is_err() && fasta.sequence_length(fasta.len()).is_err());
    let theirs = database.find_many(&names).unwrap();
    assert!(fasta.find_many(&names).unwrap().iter().eq(theirs.iter()));
    for (name, ordinals) in names.iter().zip(theirs.iter()) {
        assert_eq!(fasta.find(name).unwrap(), ordinals, "{}", name.escape_ascii());
    }
}

/// Compares a file mapped, read, and with a saved index with the container of it; says whether both took it.
fn agree(path: &Path) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let database = match build(path, folder.path()) {
        Ok(database) => database,
        Err(refused) => {
            assert_eq!(open(path).unwrap_err().to_string(), refused.to_string());
            assert_eq!(open_read(path).unwrap_err().to_string(), refused.to_string());
            return false;
        }
    };
    let fasta = open(path).unwrap();
    compare(&fasta, &database);
    compare(&open_read(path).unwrap(), &database);
    let copy = folder.path().join("copy.fasta");
    std::fs::copy(path, &copy).unwrap();
    open(&copy).unwrap().save_index().unwrap();
    for saved in [open(&copy).unwrap(), open_read(&copy).unwrap()] {
        assert!(matches!(saved.index_origin(), IndexOrigin::Saved), "{:?}", saved.index_origin());
        compare(&saved, &database);
        assert_eq!(saved.alphabet().unwrap(), fasta.alphabet().unwrap());
    }
    true
}
