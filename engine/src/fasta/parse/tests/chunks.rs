//! Where chunks are cut changes nothing.

use super::*;

/// Small sources with everything that may be cut in two.
const SMALL: [&[u8]; 16] = [
    b">a b\nACGT\nAC\n>c\n\n>d\nA\n",
    b">a\r\nACGT\r\nAC\r\n>b\r\nAC\nA\r\r\n",
    b">a\rACGT\rAC\r>b\rA\r",
    b"\xEF\xBB\xBF;x\n\n>a\nA C\nG",
    b"\xEF\xBB\xBF\r\n>a\r\nA",
    b"\r\n \r\n#c\r\r\n>a\r\r\nAC\r",
    b">a\n;c\r\r\n#\nAC\n\n\nGT \n",
    b">a\n>b\r\n>c",
    b">a\r\r\nAC\n",
    b">a\nA\rC\n",
    b">a\r\n>b\rc\r\n",
    b">a\nAC\x00\n",
    b"\xEF\xBBx",
    b"; only\r\n",
    b"\r",
    b"\n @",
];

/// The source or the message, with the line width that the whole text has.
fn fixed<'a>(text: &[u8], long: usize, chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Source, String> {
    let mut parser = parser(long);
    parser.line_width = Some(parse_whole(text).map_or(0, |source| source.layout.line_width));
    parse(parser, chunks).map_err(|error| error.to_string())
}

#[test]
fn every_cut_of_small_sources() {
    for text in SMALL {
        let whole = parse_whole(text).map_err(|error| error.to_string());
        for long in [0, 1, 3, 1000] {
            assert_eq!(fixed(text, long, text.chunks(1)), whole, "{} by bytes", text.escape_ascii());
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let chunks = [&text[..first], &text[first..second], &text[second..]];
                    assert_eq!(fixed(text, long, chunks), whole, "{} cut at {first}, {second}", text.escape_ascii());
                }
            }
        }
    }
}

#[test]
fn long_records_come_in_pieces_and_others_do_not() {
    let mut parser = parser(4);
    let mut batch = Batch::default();
    parser.parse(b">a\nA\n>b\nACGT", &mut batch).unwrap();
    assert_eq!(batch.records.len(), 1, "b is held back");
    assert_eq!(batch.residues, b"A");
    parser.parse(b"A", &mut batch).unwrap();
    assert_eq!(batch.text, b"ab", "batches need not be cleared");
    let piece = &batch.records[1];
    assert_eq!((piece.starts, piece.ends, piece.residues.clone(), piece.total_residues), (true, false, 1..6, 5));
    batch.clear();
    parser.parse(b"\n \n", &mut batch).unwrap();
    assert!(batch.is_empty(), "no residues, no piece");
    parser.parse(b"\n>c", &mut batch).unwrap();
    let piece = &batch.records[0];
    assert_eq!((piece.starts, piece.ends, piece.residues.clone(), piece.total_residues), (false, true, 0..0, 5));
    assert!(piece.script.is_some());
    assert!(batch.text.is_empty(), "half a header is held back");
    batch.clear();
    assert_eq!(parser.finish(&mut batch).unwrap().record_count, 3);
    assert_eq!((&batch.text[..], batch.records.len()), (&b"c"[..], 1));
}

#[test]
fn the_line_width_is_that_of_the_first_chunk() {
    let text = b">a\nACGT\nAC\n";
    assert_eq!(parse_whole(text).unwrap().layout.line_width, 4);
    assert_eq!(parse(parser(0), [&text[..9], &text[9..]]).unwrap().layout.line_width, 4);
    assert_eq!(parse(parser(0), [&text[..0], &text[..8], &text[8..]]).unwrap().layout.line_width, 0);
}

#[test]
fn lines_longer_than_a_window() {
    for line_end in ["\n", "\r\n", "\r"] {
        for length in [16_383, 16_384, 16_385, 100_000] {
            let line = [&vec![b'A'; length - 1][..], b"C", line_end.as_bytes()].concat();
            let text = [b">", &line[..], &line, b">b", line_end.as_bytes(), &line, &line].concat();
            let source = parse_whole(&text).unwrap();
            assert_eq!(source.layout.line_width, u64::try_from(length).unwrap());
            assert!(source.records.iter().all(|record| record.script.is_none()));
            assert_eq!(reassemble(&source, 1000), text);
            assert_eq!(fixed(&text, 10, text.chunks(16_385)).unwrap(), source);
        }
    }
}
