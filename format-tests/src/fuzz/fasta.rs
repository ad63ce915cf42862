//! Any bytes as FASTA: refused with an error, or given back byte for byte, with the records that a plain reader finds,
//! by a container and by the index over the file itself.

use std::fs;
use std::io::Write;
use std::path::Path;

use arbitrary::Unstructured;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use talaria_db::fasta::mapped::MappedFasta;
use talaria_db::memory::budget::Budget;
use talaria_db::memory::settings::MemorySettings;
use talaria_db::read::export::ExportOptions;
use talaria_db::{Builder, Compression, Database, Error};

use super::{below, one_of, rest};
use crate::exercise::MEMORY;
use crate::expected::Expected;
use crate::outcome;

/// Most bytes of text that are compared.
const MOST_TEXT: u64 = 1 << 20;

/// See the module.
pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let gzip = below(&mut input, 4) == 0;
    let block_size = one_of(&mut input, &[None, Some(1 << 10)]);
    let text = rest(&mut input);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, output) = (folder.path().join("source.fa"), folder.path().join("output.talaria"));
    fs::write(&source, if gzip { compressed(text) } else { text.to_vec() }).expect("a source");
    let build = |source: &Path| {
        let mut builder = Builder::new(&output).compression(Compression::None).threads(1).budget(Budget::new(64 << 20));
        if let Some(size) = block_size {
            builder = builder.block_size(size);
        }
        builder.add_fasta(source).finish()
    };
    let report = match build(&source) {
        Ok(report) => report,
        Err(error) => return refused(&error, text, gzip),
    };
    let database = outcome::small_options().open(&output).expect("a container that was built");
    if report.sources.iter().map(|source| source.byte_length).sum::<u64>() > MOST_TEXT {
        return;
    }
    let exported = export(&database);
    if gzip || report.sources[0].compression == 0 {
        assert!(exported == text, "the source does not come back");
    } else {
        // A compressed file by its magic number: what came out of it is FASTA, and comes back from a container of its
        // own.
        fs::write(&source, &exported).expect("a source");
        build(&source).unwrap_or_else(|error| panic!("what was exported is refused: {error}"));
        assert!(export(&outcome::small_options().open(&output).expect("a container")) == exported, "a second round");
    }
    let expected = Expected::of_fasta(&exported);
    assert_eq!(expected.compare(&database, true), Ok(()));
    assert_eq!(outcome::problems(&database), Vec::<String>::new());
    fs::write(&source, &exported).expect("a source");
    mapped(&source, &expected);
}

fn export(database: &Database) -> Vec<u8> {
    let mut exported = Vec::new();
    database.export(&mut exported, &ExportOptions::default()).expect("a container that was built");
    exported
}

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// What is refused has something that FASTA has not, and the error is of a kind that an input can cause.
fn refused(error: &Error, text: &[u8], gzip: bool) {
    match error {
        Error::Input { .. } | Error::Memory { .. } => {}
        Error::Compressed { .. } if !gzip => {}
        other => panic!("{other}"),
    }
    let plain = |byte: &u8| matches!(byte, b'\n' | b' '..=b'~');
    assert!(!text.starts_with(b">") || !text.iter().all(plain), "a sound source is refused: {error}");
}

/// The index over the file itself says the same.
fn mapped(source: &Path, expected: &Expected) {
    let fasta =
        MappedFasta::open(source, &MemorySettings::default(), &Budget::new(MEMORY)).expect("FASTA that was built from");
    assert_eq!(fasta.len(), expected.records.len() as u64);
    for (ordinal, (header, residues)) in (0..).zip(&expected.records) {
        let record = fasta.record(ordinal).expect("a record");
        assert_eq!((&record.header()[..], &record.sequence()[..]), (&header[..], &residues[..]));
        let (start, end) = (residues.len() / 3, residues.len() - residues.len() / 4);
        let region = fasta.region(ordinal, start as u64..end as u64).expect("a region");
        assert_eq!(&region[..], &residues[start..end]);
    }
    for (name, ordinals) in &expected.names {
        assert_eq!(&fasta.find(name).expect("a search"), ordinals);
    }
}
