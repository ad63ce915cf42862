//! Files that broke other programs: each comes back byte for byte, from a container and from reductions of it, or is
//! refused with its name and a place in it.
//!
//! They lie beside the workspace, in `../shared/data/weird`, and are not part of it: without them this test says so
//! and passes.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in the helpers of tests a fault is a failed test")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use talaria_db::align::Criterion;
use talaria_db::read::export::ExportOptions;
use talaria_db::reduce::{Clustering, Containment, Method, Output, Reduction};
use talaria_db::{Builder, Compression, Database, Error, Order};
use talaria_db_format_tests::fixtures;
use talaria_db_spec::alphabet::Alphabet;

/// Derived files that must be refused.
const MUST_BE_REFUSED: [&str; 3] = ["truncated.fa.gz", "trailing_garbage.fa.gz", "bgzf_no_eof.fa.gz"];

/// All files below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The text of a file, decompressed without the engine.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut read = |mut reader: Box<dyn Read + '_>| reader.read_to_end(&mut text).map(|_| ());
    match bytes {
        [0x1F, 0x8B, ..] => read(Box::new(flate2::read::MultiGzDecoder::new(bytes))),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => read(Box::new(zstd::stream::read::Decoder::new(bytes).unwrap())),
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => read(Box::new(liblzma::read::XzDecoder::new_multi_decoder(bytes))),
        [b'B', b'Z', b'h', ..] => read(Box::new(bzip2::read::MultiBzDecoder::new(bytes))),
        plain => read(Box::new(plain)),
    }
    .expect("what the engine takes decompresses");
    text
}

/// Builds a container from a file and reads it back, in one order of the residues and in the other.
fn export(path: &Path, output: &Path) -> talaria_db::Result<Vec<u8>> {
    let [exported, placed] = Order::ALL.map(|order| {
        Builder::new(output).compression(Compression::Lz4).order(order).add_fasta(path).verify(true).finish()?;
        let mut exported = Vec::new();
        Database::open(output)?.export(&mut exported, &ExportOptions::default())?;
        Ok(exported)
    });
    let exported = exported?;
    assert!(placed? == exported, "{} in another order", path.display());
    Ok(exported)
}

/// What comes back of a container that is reduced in one of these ways, each of which keeps every record.
fn reduced(container: &Path, output: &Path, methods: &[Method]) -> Vec<Vec<u8>> {
    let export = |&method: &Method| {
        Reduction::new(container, Output::Container(output.into())).method(method).run().unwrap();
        let mut exported = Vec::new();
        Database::open(output).unwrap().export(&mut exported, &ExportOptions::default()).unwrap();
        exported
    };
    methods.iter().map(export).collect()
}

/// All ways to reduce sequences of a kind, clusters from the least identity on.
fn methods(alphabet: Alphabet) -> [Method; 4] {
    let least = if alphabet == Alphabet::Protein { 5_000 } else { 7_000 };
    let cluster = |identity| {
        let criterion = Criterion { identity, ..Criterion::default() };
        Method::Cluster(Clustering { criterion, ..Clustering::default() })
    };
    [Method::Exact, Method::Contain(Containment { both_strands: false }), cluster(least), cluster(9_000)]
}

#[test]
fn weird_files_come_back_or_are_refused_by_name_and_place() {
    let folder = fixtures::workspace().join("../shared/data/weird");
    if !folder.is_dir() {
        eprintln!("skipped: there is no folder shared/data/weird beside the workspace");
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let [container, output] = ["weird.talaria", "reduced.talaria"].map(|name| temporary.path().join(name));
    let (mut back, mut refused) = (0, Vec::new());
    for path in files(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        match export(&path, &container) {
            Ok(exported) => {
                assert!(exported == plain(&fs::read(&path).unwrap()), "{name} does not come back");
                let methods = methods(Database::open(&container).unwrap().alphabet());
                for (method, of_reduced) in methods.iter().zip(reduced(&container, &output, &methods)) {
                    assert!(of_reduced == exported, "{name} does not come back from {method:?}");
                }
                assert!(!MUST_BE_REFUSED.contains(&name), "{name} is taken");
                back += 1;
            }
            Err(error @ (Error::Input { line: 1.., .. } | Error::Compressed { .. })) => {
                let message = error.to_string();
                assert!(message.contains(name), "{message} does not name {name}");
                refused.push(message.replace(&format!("{}/", folder.display()), ""));
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    for message in &refused {
        eprintln!("{message}");
    }
    eprintln!("{back} came back, from reductions too, {} were refused", refused.len());
    for name in MUST_BE_REFUSED {
        assert!(refused.iter().any(|message| message.contains(name)), "{name} is not among the refused");
    }
}
