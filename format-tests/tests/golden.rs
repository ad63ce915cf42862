//! The golden containers: what is built from the sources of a rung is, byte for byte, the container beside them.
//!
//! Containers with Zstandard are compared as text only, since another version of its encoder may give other bytes,
//! and rightly so; what is stored must still decode to the same. `TALARIA_WRITE_GOLDEN=1` writes all of this anew:
//! containers, dumps, and the dump of the smallest file in `FORMAT.md`. The difference is then to be read before it
//! is committed, and `CHANGELOG.md` says that bytes have changed.

use insta::{Settings, assert_snapshot};
use talaria_db::read::export::ExportOptions;
use talaria_db_format_tests::draft::Draft;
use talaria_db_format_tests::ladder::{self, RUNGS, Rung};
use talaria_db_format_tests::{document, dump, fixtures, outcome};

#[test]
fn folders_and_ladder_agree() {
    let names: Vec<&str> = RUNGS.iter().map(|rung| rung.name).collect();
    assert_eq!(fixtures::names(&fixtures::golden()), names);
    for (index, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}-", index + 1)), "{name} is rung {}", index + 1);
    }
}

#[test]
fn what_is_built_is_what_is_stored() {
    for rung in RUNGS {
        let built = rung.recipe.build(&rung.sources());
        if fixtures::is_writing(fixtures::WRITE_GOLDEN) {
            fixtures::write(&rung.folder().join(Rung::CONTAINER), &built);
            write_dump(&rung, &built);
        }
        if rung.bytes_may_vary() {
            assert_eq!(outcome::problems(&outcome::open(&built)), Vec::<String>::new(), "{}", rung.name);
            continue;
        }
        let stored = rung.container();
        if let Some(at) = built.iter().zip(&stored).position(|(built, stored)| built != stored) {
            panic!("{}: byte {at} differs; {} bytes were built, {} are stored", rung.name, built.len(), stored.len());
        }
        assert_eq!(built.len(), stored.len(), "{}", rung.name);
    }
}

#[test]
fn what_is_stored_reads_as_its_dump_says() {
    for rung in RUNGS {
        let stored = rung.container();
        snapshots(&rung).bind(|| assert_snapshot!("dump", dump::dump(&stored)));
    }
}

// EVIDENCE: P-4
#[test]
fn what_is_stored_gives_its_sources_back() {
    for rung in RUNGS {
        let database = outcome::open(&rung.container());
        assert_eq!(outcome::problems(&database), Vec::<String>::new(), "{}", rung.name);
        for (index, (name, bytes)) in rung.sources().into_iter().enumerate() {
            let (mut exported, options) =
                (Vec::new(), ExportOptions { source: Some(index), ..ExportOptions::default() });
            database.export(&mut exported, &options).unwrap();
            assert_eq!(database.sources().unwrap()[index].name, name);
            assert!(exported == ladder::plain(&bytes), "{}: {name} does not come back", rung.name);
        }
    }
}

#[test]
fn a_draft_of_a_sound_container_is_that_container() {
    for rung in RUNGS {
        let stored = rung.container();
        assert!(Draft::parse(&stored).assemble().into_bytes() == stored, "{}", rung.name);
    }
}

#[test]
fn the_document_shows_the_smallest_file() {
    let text = fixtures::read_text(&document::path());
    let hex = document::hex_dump(&ladder::find("0001-empty").container());
    if fixtures::is_writing(fixtures::WRITE_GOLDEN) {
        fixtures::write(&document::path(), document::with_hex_block(&text, &hex));
        return;
    }
    assert_eq!(document::hex_block(&text).0, Some(hex.as_str()), "the dump in FORMAT.md is out of date");
}

/// Snapshots of a rung lie in its folder, beside its container.
fn snapshots(rung: &Rung) -> Settings {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(rung.folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// Writes a snapshot as `insta` does, but in every environment.
fn write_dump(rung: &Rung, built: &[u8]) {
    let head = "---\nsource: format-tests/tests/golden.rs\n---\n";
    fixtures::write(&rung.folder().join(Rung::DUMP), format!("{head}{}", dump::dump(built)));
}
