//! Whatever is not refused comes back byte for byte.

use super::*;
use proptest::prelude::*;

/// Cuts `text` into chunks of the given lengths, over and over.
fn cut<'a>(text: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = text;
    let mut lengths = lengths.iter().cycle();
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let length = lengths.next().map_or(rest.len(), |&length| length.min(rest.len()));
        let (chunk, after) = rest.split_at(length);
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

/// Refused in any chunks, or back in any chunks and pieces.
fn check(text: &[u8], lengths: &[usize], long: usize, piece: usize) -> Result<(), TestCaseError> {
    let whole = parse_whole(text);
    let mut fixed = parser(long);
    fixed.line_width = Some(whole.as_ref().map_or(0, |source| source.layout.line_width));
    let chunked = parse(fixed, cut(text, lengths));
    let guessed = parse(parser(long), cut(text, lengths));
    match (whole, chunked, guessed) {
        (Ok(whole), Ok(chunked), Ok(guessed)) => {
            prop_assert_eq!(reassemble(&whole, piece), text);
            prop_assert_eq!(reassemble(&guessed, piece), text);
            prop_assert_eq!(whole, chunked);
        }
        (Err(whole), Err(chunked), Err(guessed)) => {
            prop_assert_eq!(whole.to_string(), chunked.to_string());
            prop_assert_eq!(whole.to_string(), guessed.to_string());
        }
        other => prop_assert!(false, "{other:?}"),
    }
    Ok(())
}

/// Something that looks like FASTA: usual lines mostly, now and then something odd.
fn fasta() -> impl Strategy<Value = Vec<u8>> {
    let width = prop::sample::select(vec![0_usize, 1, 3, 8, 40]);
    let line_end = prop::sample::select(vec!["\n", "\n", "\r\n", "\r"]);
    let record = (".{0,12}", 0_usize..100);
    let odd =
        prop::sample::select(vec![" ", "\t", "\n", "\r\n", "\r", ";c\n", "#\r\n", "\n\n", ">", "  \n", "\0", "A"]);
    let odds = prop::collection::vec((0_usize..1000, odd), 0..3);
    let preamble = prop::sample::select(vec!["", "", "\u{FEFF}", "\n", ";note\n", " \n"]);
    (width, line_end, prop::collection::vec(record, 0..6), odds, preamble).prop_map(
        |(width, line_end, records, odds, preamble)| {
            let mut text = preamble.as_bytes().to_vec();
            for (header, residues) in records {
                let header = header.replace(['\r', '\n'], "");
                text.extend([b">", header.as_bytes(), line_end.as_bytes()].concat());
                let residues: Vec<u8> = b"ACGTacgtN-*".iter().copied().cycle().take(residues).collect();
                for line in residues.chunks(if width == 0 { 1000 } else { width }) {
                    text.extend([line, line_end.as_bytes()].concat());
                }
            }
            for (at, odd) in odds {
                let at = at % (text.len() + 1);
                text.splice(at..at, odd.bytes());
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn of_any_bytes(
        start in prop::sample::select(vec!["", ">", ">a\n", ">a\r\nAC\r\n", ">a\r", ";\n>"]),
        bytes in prop::collection::vec(prop::sample::select(b">AcN-*1\n\n\r ;#\t@\0\xEF\xBB\xBF".to_vec()), 0..40),
        lengths in prop::collection::vec(1_usize..20, 0..5),
        long in 0_usize..10,
        piece in 1_usize..10,
    ) {
        check(&[start.as_bytes(), &bytes].concat(), &lengths, long, piece)?;
    }

    #[test]
    fn of_likely_bytes(
        start in prop::sample::select(vec![">a\n", ">a\r\nAC\r\n"]),
        bytes in prop::collection::vec(
            prop::sample::select(vec!["A", "c", "AC", "\n", "\r\n", " ", "\n>", "\n;"]),
            0..60,
        ),
        lengths in prop::collection::vec(1_usize..20, 0..5),
        long in 0_usize..10,
        piece in 1_usize..10,
    ) {
        let text = [start, &bytes.concat()].concat();
        prop_assert!(parse_whole(text.as_bytes()).is_ok());
        check(text.as_bytes(), &lengths, long, piece)?;
    }

    #[test]
    fn of_fasta(
        text in fasta(),
        lengths in prop::collection::vec(1_usize..200, 0..5),
        long in 0_usize..200,
        piece in 1_usize..100,
    ) {
        check(&text, &lengths, long, piece)?;
    }
}
