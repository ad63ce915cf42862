//! The engine against a plain model: whatever the records, the layout and the options, what comes back is what went in.
#![expect(clippy::unwrap_used, reason = "in the helpers of tests a fault is a failed test")]

mod fasta;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use talaria_db::read::export::{ExportOptions, Lines};
use talaria_db::read::filter::Filter;
use talaria_db::{BuildReport, Column, Compression, Database, Error, Order};
use talaria_db_format_tests::expected::Expected;
use talaria_db_format_tests::outcome;
use talaria_db_format_tests::recipe::Recipe;
use talaria_db_format_tests::text::Text;
use talaria_db_spec::section::SectionKind;

use fasta::text;

fn config(cases: u32) -> ProptestConfig {
    let failure_persistence = FileFailurePersistence::Direct("tests/model/regressions.txt");
    ProptestConfig { cases, failure_persistence: Some(Box::new(failure_persistence)), ..ProptestConfig::default() }
}

prop_compose! {
    fn recipe()(
        compression in prop::sample::select(vec![Compression::None, Compression::Packed, Compression::Lz4, Compression::Zstd(1), Compression::Auto]),
        block_size in prop::sample::select(vec![None, Some(1 << 10), Some(1 << 11), Some(1 << 14)]),
        share: bool,
        packed: bool,
        order in prop::sample::select(Order::ALL.to_vec()),
        columns in prop::sample::select(vec![&[][..], &Column::ALL, &[Column::Complexity]]),
        threads in 1_usize..3,
    ) -> Recipe {
        Recipe { compression, block_size, share, packed, order, columns, threads, ..Recipe::PLAIN }
    }
}

fn build(recipe: &Recipe, texts: &[Text]) -> Vec<u8> {
    let name = |index| format!("source-{index}.fa");
    let sources: Vec<_> = texts.iter().enumerate().map(|(index, text)| (name(index), text.bytes.clone())).collect();
    recipe.build(&sources)
}

fn expected(texts: &[Text]) -> Expected {
    let records = texts.iter().flat_map(|text| text.records.clone()).collect();
    Expected::new(records, texts.iter().flat_map(|text| text.bytes.clone()).collect())
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn a_database_answers_as_the_model(
        texts in prop::collection::vec(text(), 1..4),
        recipe in recipe(),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0.0..1.0, 0.0..1.0), 20),
    ) {
        let (database, expected) = (outcome::open(&build(&recipe, &texts)), expected(&texts));
        prop_assert_eq!(expected.compare(&database, true), Ok(()));
        prop_assert_eq!(outcome::problems(&database), Vec::<String>::new());
        same_as_model(&database, &expected, &picks);
        columns_are_of_the_residues(&database, &expected, recipe.columns);
        shared_records_have_an_earlier_one(&database, &expected);
        for (index, text) in texts.iter().enumerate() {
            let mut exported = Vec::new();
            database.export(&mut exported, &ExportOptions { source: Some(index), ..Default::default() }).unwrap();
            prop_assert!(exported == text.bytes, "source {index} does not come back");
        }
    }

    #[test]
    fn a_file_depends_on_its_sources_and_options_alone(
        texts in prop::collection::vec(text(), 1..3),
        recipe in recipe(),
    ) {
        let file = build(&Recipe { threads: 1, ..recipe }, &texts);
        prop_assert!(build(&Recipe { threads: 2, ..recipe }, &texts) == file, "another number of threads");
        prop_assert!(build(&Recipe { memory: 64 << 20, ..recipe }, &texts) == file, "another limit");
    }
}

/// Random regions, a batch in random order with repeats, and lines of random width.
fn same_as_model(database: &Database, expected: &Expected, picks: &[(prop::sample::Index, f64, f64)]) {
    let count = expected.records.len();
    if count == 0 {
        assert!(database.is_empty() && database.batch(&[]).unwrap().is_empty());
        return;
    }
    let ordinals: Vec<usize> = picks.iter().map(|(pick, ..)| pick.index(count)).collect();
    for (&ordinal, (_, start, length)) in ordinals.iter().zip(picks) {
        let residues = &expected.records[ordinal].1;
        let start = (residues.len() as f64 * start) as usize;
        let end = start + ((residues.len() - start) as f64 * length).ceil() as usize;
        let region = database.region(ordinal as u64, start as u64..end as u64).unwrap();
        assert!(*region == residues[start..end], "residues {start} to {end} of record {ordinal}");
    }
    let numbers: Vec<u64> = ordinals.iter().map(|&ordinal| ordinal as u64).collect();
    let mut batch = database.batch(&numbers).unwrap().into_iter();
    for &ordinal in &ordinals {
        let (record, (header, residues)) = (batch.next().unwrap(), &expected.records[ordinal]);
        assert_eq!(
            (record.ordinal(), &**record.header(), &**record.sequence()),
            (ordinal as u64, &header[..], &residues[..])
        );
    }
    let width = 1 + ordinals[0];
    let (mut exported, mut wrapped) = (Vec::new(), Vec::new());
    database.export(&mut exported, &ExportOptions { lines: Lines::Width(width as u64), ..Default::default() }).unwrap();
    for (header, residues) in &expected.records {
        wrapped.extend([b">", &header[..], b"\n"].concat());
        wrapped.extend(residues.chunks(width).flat_map(|line| [line, b"\n"].concat()));
    }
    assert!(exported == wrapped, "lines of {width}");
}

/// The optional columns, and lengths, against floating point and a plain count.
// EVIDENCE: O-2, O-3
fn columns_are_of_the_residues(database: &Database, expected: &Expected, columns: &[Column]) {
    assert!(database.columns_kept().iter().eq(columns.iter().copied()));
    let most = if database.alphabet().is_nucleotide() { 2.0 } else { 20_f64.log2() };
    let mut halves = Vec::new();
    for (ordinal, (_, residues)) in expected.records.iter().enumerate() {
        let folded = residues.to_ascii_uppercase();
        let count = |letters: &[u8]| folded.iter().filter(|residue| letters.contains(residue)).count() as f64;
        let gc = count(b"GCS") / count(b"ACGTUSW").max(1.0);
        let shares = (b'!'..=b'~').map(|residue| count(&[residue]) / folded.len().max(1) as f64);
        let bits: f64 = shares.filter(|share| *share > 0.0).map(|share| -share * share.log2()).sum();
        for (column, value) in [(Column::GcContent, gc), (Column::Complexity, (bits / most).min(1.0))] {
            let found = database.measure(column, ordinal as u64).unwrap();
            assert_eq!(found.is_some(), columns.contains(&column));
            assert!(found.is_none_or(|found| (f64::from(found) - value).abs() < 1e-6), "{column:?} of {ordinal}");
        }
        if (5..=50).contains(&residues.len()) {
            halves.push(ordinal as u64);
        }
    }
    let found = database.select(&Filter { length: 5..=50, ..Filter::default() }).unwrap();
    assert_eq!(found.collect::<talaria_db::Result<Vec<_>>>().unwrap().concat(), halves);
}

// EVIDENCE: C-3
fn shared_records_have_an_earlier_one(database: &Database, expected: &Expected) {
    let mut copies = Vec::new();
    for (ordinal, (_, residues)) in expected.records.iter().enumerate() {
        let address = database.sequence_address(ordinal as u64).unwrap();
        if database.header_entry(ordinal as u64).unwrap().is_shared() {
            assert!(copies.contains(&(address, residues)), "record {ordinal} shares the copy of no earlier one");
        } else {
            copies.push((address, residues));
        }
    }
}

// EVIDENCE: C-2
#[test]
fn ids_longer_than_their_field_are_found() {
    let ids: Vec<Vec<u8>> = [65533, 65534, 65535, 65536, 70000].map(|length| vec![b'i'; length]).to_vec();
    let text = ids.iter().flat_map(|id| [b">", &id[..], b" rest\nMK\n"].concat()).collect::<Vec<u8>>();
    let database = outcome::open(&Recipe { compression: Compression::Lz4, ..Recipe::PLAIN }.build_one("ids.fa", &text));
    for (ordinal, id) in ids.iter().enumerate() {
        let field = database.header_entry(ordinal as u64).unwrap().id_length.get();
        assert_eq!(usize::from(field), id.len().min(65535));
        assert_eq!(database.find(id).unwrap(), [ordinal as u64]);
    }
    assert_eq!(outcome::problems(&database), Vec::<String>::new());
}

/// The build with the smallest limit, to 2 MiB, that is not refused.
fn smallest_build(recipe: &Recipe, sources: &[(String, Vec<u8>)]) -> (Vec<u8>, BuildReport) {
    for memory in (2..).step_by(2) {
        match (Recipe { memory: memory << 20, ..*recipe }).try_build(sources) {
            Err(Error::Memory { .. }) => {}
            built => return built.unwrap(),
        }
    }
    unreachable!("some limit suffices")
}

#[test]
fn a_small_budget_spills_and_gives_the_same_file() {
    // Twelve names a record: more than 2 MiB of them, the least that sorting holds in memory.
    let title = |number: u32, letter: char| format!("sp|{letter}{number:06}.2|N{letter}{number:06}_HUMAN text");
    let titles = |number: u32| ['A', 'B', 'C'].map(|letter| title(number, letter)).join("\x01");
    let text: String = (0..20_000).map(|number| format!(">{}\nMKV{number}L\n", titles(number))).collect();
    let sources = [("many.fa".to_owned(), text.into_bytes())];
    let recipe = Recipe { compression: Compression::Zstd(1), ..Recipe::PLAIN };
    let (file, roomy) = recipe.try_build(&sources).unwrap();
    let (same, tight) = smallest_build(&Recipe { threads: 2, ..recipe }, &sources);
    assert!(file == same, "the file depends on the budget");
    assert!(tight.peak_spill > roomy.peak_spill, "{} bytes were spilled, and {}", tight.peak_spill, roomy.peak_spill);
    let database = outcome::open(&file);
    assert!(database.container().section(SectionKind::DictionaryBytes).is_some(), "enough text for a dictionary");
    assert_eq!(database.find("A019999").unwrap(), [19_999]);
    assert_eq!(database.find("NC013416_HUMAN").unwrap(), [13_416]);
    assert_eq!(outcome::problems(&database), Vec::<String>::new());
}
