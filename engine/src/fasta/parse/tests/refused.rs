//! What is not FASTA, and where it says so.

use super::*;
use crate::error::Error;

#[test]
fn what_is_no_record_is_refused() {
    let expected = "expected '>' at the start of a record, found";
    assert_eq!(refusal(b"@r\nACGT\n+\nIIII\n"), "x.fa: line 1, column 1: this looks like FASTQ, not FASTA");
    assert_eq!(refusal(b"\n@r\n"), format!("x.fa: line 2, column 1: {expected} '@'"));
    assert_eq!(refusal(b"ACGT\n"), format!("x.fa: line 1, column 1: {expected} 'A'"));
    assert_eq!(refusal(b"\n  x"), format!("x.fa: line 2, column 3: {expected} 'x'"));
    assert_eq!(refusal(b" >a\nA\n"), format!("x.fa: line 1, column 2: {expected} blanks before it"));
    assert_eq!(refusal(b"\x1F\x8B\x08"), format!("x.fa: line 1, column 1: {expected} byte 0x1F"));
    for cut in [&b"\xEF"[..], b"\xEF\xBB", b"\xEF>a\n", b"\xEF\xBB>a\n", b"\xEF\xEF\xBB\xBF>a\n"] {
        assert_eq!(refusal(cut), format!("x.fa: line 1, column 1: {expected} byte 0xEF"));
    }
    assert_eq!(refusal(b"\xEF\xBB\xBF\xEF\xBB\xBF>a\n"), format!("x.fa: line 1, column 4: {expected} byte 0xEF"));
    assert_eq!(refusal(b"\xEF\xBB\xBF@r\n"), "x.fa: line 1, column 4: this looks like FASTQ, not FASTA");
    assert_eq!(refusal(b"; only\n# comments\n"), "x.fa: line 3: no record, only comments");
}

#[test]
fn what_is_no_residue_is_refused() {
    for byte in [0, 0x08, 0x0E, 0x1F, 0x7F, 0x80, 0xC3, 0xFF] {
        for before in [0, 1, 31, 32, 33, 100] {
            let text = [b">a\nA\n", &vec![b'A'; before][..], &[byte], &[b'A'; 40], b"\n"].concat();
            let column = before + 1;
            let expected = format!("x.fa: line 3, column {column}: byte 0x{byte:02X} is not a residue");
            assert_eq!(refusal(&text), expected);
        }
    }
    let long = [b">a\n", &vec![b'A'; 100_000][..], b"\0\n"].concat();
    assert_eq!(refusal(&long), "x.fa: line 2, column 100001: byte 0x00 is not a residue");
}

#[test]
fn bare_carriage_returns_are_refused() {
    let places: [(&[u8], &str); 9] = [
        (b">a\nAC\rGT\n", "line 2, column 3"),
        (b">a\r\nAC\r\rGT\r\n", "line 2, column 3"),
        (b">a\nAC\r \n", "line 2, column 3"),
        (b">a\nAC\r>b\n", "line 2, column 3"),
        (b">a\n>b\rc\n", "line 2, column 3"),
        (b">a\n>b\r\rc\r\n", "line 2, column 3"),
        (b">a\n;x\r>b\n", "line 2, column 3"),
        (b"\n;\r>b\n", "line 2, column 2"),
        (b"\n \r>b\n", "line 2, column 2"),
    ];
    for (text, place) in places {
        let message = refusal(text);
        assert!(message.starts_with(&format!("x.fa: {place}: bare carriage return")), "{message}");
    }
}

#[test]
fn line_feeds_in_old_mac_files_are_refused() {
    let places: [(&[u8], &str); 6] = [
        (b">a\rAC\n", "line 2, column 3"),
        (b">a\r\r\nAC\n", "line 3, column 1"),
        (b">a\r>b\nA\r", "line 2, column 3"),
        (b">a\r;b\nA\r", "line 2, column 3"),
        (b";a\r \n>A\r", "line 2, column 2"),
        (b">a\rAC\r\nAC\r\n", "line 3, column 1"),
    ];
    for (text, place) in places {
        let expected = format!("x.fa: {place}: line feed in a file whose lines end in carriage returns");
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn headers_and_preambles_have_limits() {
    let chunk = vec![b'h'; 1 << 20];
    let mut long = parser(0);
    let mut batch = Batch::default();
    long.parse(b">a\n>", &mut batch).unwrap();
    for _ in 0..64 {
        batch.clear();
        long.parse(&chunk, &mut batch).unwrap();
    }
    let error = long.parse(b"h", &mut batch).unwrap_err();
    assert_eq!(error.to_string(), "x.fa: line 2: header line of more than 64 MiB");

    let preamble = |length: usize| [&vec![b' '; length - 1][..], b"\n>a\n"].concat();
    assert!(parse_whole(&preamble(1 << 20)).is_ok());
    assert_eq!(refusal(&preamble((1 << 20) + 1)), "x.fa: line 1: more than 1 MiB before the first record");
}

#[test]
fn scripts_stay_within_the_budget() {
    let text: Vec<u8> = b">a\n".iter().chain(b"A ".repeat(1 << 20).iter()).copied().collect();
    let tight = Parser::new(Path::new("x.fa"), 0, &Budget::new(2 << 20));
    assert!(matches!(parse(tight, text.chunks(1 << 16)), Err(Error::Memory { .. })));
    let source = parse(parser(0), text.chunks(1 << 16)).unwrap();
    assert_eq!(reassemble(&source, 1 << 16), text);
}
