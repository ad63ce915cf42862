//! The parser as a whole: its rules, and that nothing is lost or depends on chunks.

mod chunks;
mod refused;
mod round_trip;
mod rules;
mod weird;

use std::path::Path;

use talaria_db_spec::{columns, varint};

use super::{Parser, SourceLayout};
use crate::error::Result;
use crate::fasta::batch::Batch;
use crate::fasta::cursor::LayoutCursor;
use crate::memory::budget::Budget;

/// A record with its pieces joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Whole {
    text: Vec<u8>,
    id_length: u16,
    residues: Vec<u8>,
    script: Option<Vec<u8>>,
}

/// Everything that is in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    records: Vec<Whole>,
    layout: SourceLayout,
}

fn parser(long: usize) -> Parser {
    Parser::new(Path::new("x.fa"), long, &Budget::new(1 << 30))
}

/// Parses a source given in chunks, and checks what holds for every batch.
fn parse<'a>(mut parser: Parser, chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Source> {
    let mut records = Vec::new();
    let mut open = None;
    let mut batch = Batch::default();
    for chunk in chunks {
        parser.parse(chunk, &mut batch)?;
        join(&batch, parser.long, &mut open, &mut records);
        batch.clear();
    }
    let layout = parser.finish(&mut batch)?;
    join(&batch, parser.long, &mut open, &mut records);
    assert_eq!(open, None);
    assert_eq!(layout.record_count, u64::try_from(records.len()).unwrap());
    assert_eq!(parser.layout.budget_in_use(), 0);
    Ok(Source { records, layout })
}

fn join(batch: &Batch, long: usize, open: &mut Option<Whole>, records: &mut Vec<Whole>) {
    let (mut text, mut residues, mut scripts) = (0, 0, 0);
    for piece in &batch.records {
        assert_eq!((piece.text.start, piece.residues.start), (text, residues), "nothing is between records");
        (text, residues) = (piece.text.end, piece.residues.end);
        assert_eq!(piece.starts, open.is_none());
        let record = open.get_or_insert_default();
        if piece.starts {
            record.text = batch.text[piece.text.clone()].to_vec();
            record.id_length = piece.id_length;
            assert_eq!(piece.id_length, columns::id_length_field(&record.text));
        } else {
            assert!(piece.text.is_empty() && piece.id_length == 0);
        }
        record.residues.extend_from_slice(&batch.residues[piece.residues.clone()]);
        assert_eq!(piece.total_residues, u64::try_from(record.residues.len()).unwrap());
        if let Some(script) = piece.script.clone() {
            assert_eq!(script.start, scripts);
            scripts = script.end;
            record.script = Some(batch.scripts[script].to_vec());
        }
        if piece.ends {
            records.extend(open.take());
        } else {
            assert!(piece.script.is_none() && !piece.residues.is_empty());
            assert!(record.residues.len() > long, "only long records are cut");
        }
    }
    assert_eq!((text, residues, scripts), (batch.text.len(), batch.residues.len(), batch.scripts.len()));
}

/// The bytes of the source, the residues written in pieces of `piece`.
fn reassemble(source: &Source, piece: usize) -> Vec<u8> {
    let SourceLayout { preamble, line_width, line_end, .. } = &source.layout;
    let mut out = preamble.clone();
    for record in &source.records {
        out.push(b'>');
        out.extend_from_slice(&record.text);
        let (header_end, mut cursor) = match &record.script {
            None => (line_end.bytes().to_vec(), LayoutCursor::regular(*line_width, *line_end)),
            Some(item) => {
                let mut rest = &item[..];
                assert_eq!(usize::try_from(varint::read(&mut rest).unwrap()), Ok(rest.len()));
                LayoutCursor::script(rest, u64::try_from(record.residues.len()).unwrap(), *line_end).unwrap()
            }
        };
        out.extend(header_end);
        for residues in record.residues.chunks(piece) {
            cursor.write(residues, &mut out);
        }
        cursor.finish(&mut out);
    }
    out
}

/// Parses a source that is one chunk.
fn parse_whole(text: &[u8]) -> Result<Source> {
    parse(parser(0), [text])
}

/// The message with which a source that is one chunk is refused.
fn refusal(text: &[u8]) -> String {
    parse_whole(text).map(|source| format!("not refused: {source:?}")).unwrap_or_else(|error| error.to_string())
}
