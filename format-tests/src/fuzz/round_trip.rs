//! What goes in comes out, whatever the records, their layout and the options of the build, by every way to read.

use arbitrary::Unstructured;
use talaria_db::Error;
use talaria_db::read::export::ExportOptions;

use super::{below, records};
use crate::expected::Expected;
use crate::outcome;
use crate::text::Text;

/// Most records of an input.
const MOST_RECORDS: usize = 40;

/// See the module.
pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let recipe = records::recipe(&mut input);
    let texts: Vec<Text> = (0..=below(&mut input, 2))
        .map(|_| {
            let records = records::records(&mut input, MOST_RECORDS);
            records::text(&mut input, records)
        })
        .collect();
    let sources: Vec<(String, Vec<u8>)> =
        texts.iter().enumerate().map(|(index, text)| (format!("{index}.fa"), text.bytes.clone())).collect();
    let bytes = match recipe.try_build(&sources) {
        Ok((bytes, _)) => bytes,
        Err(Error::Memory { .. }) if recipe.memory < u64::MAX => return,
        Err(error) => panic!("a sound source is refused: {error}"),
    };
    let database = outcome::open(&bytes);
    let all = texts.iter().flat_map(|text| text.records.clone()).collect();
    let expected = Expected::new(all, texts.iter().flat_map(|text| text.bytes.clone()).collect());
    assert_eq!(expected.compare(&database, true), Ok(()));
    assert_eq!(outcome::problems(&database), Vec::<String>::new());
    for (index, text) in texts.iter().enumerate() {
        let mut exported = Vec::new();
        let options = ExportOptions { source: Some(index), ..ExportOptions::default() };
        database.export(&mut exported, &options).unwrap_or_else(|error| panic!("source {index}: {error}"));
        assert!(exported == text.bytes, "source {index} does not come back");
    }
}
