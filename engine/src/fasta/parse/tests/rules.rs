//! What is text, what is a residue, what is layout.

use talaria_db_spec::layout::{Operation, Script};
use talaria_db_spec::source::LineEnd;

use super::*;

/// The source, after a check that it comes back.
fn parsed(text: &[u8]) -> Source {
    let source = parse_whole(text).unwrap();
    for piece in [1, 3, 1000] {
        assert_eq!(reassemble(&source, piece).escape_ascii().to_string(), text.escape_ascii().to_string());
    }
    source
}

fn texts(source: &Source) -> Vec<&[u8]> {
    source.records.iter().map(|record| &record.text[..]).collect()
}

fn residues(source: &Source) -> Vec<&[u8]> {
    source.records.iter().map(|record| &record.residues[..]).collect()
}

/// The header end and the operations of the record's script, readable; `regular` if it has none.
fn script(source: &Source, record: usize) -> String {
    let Some(item) = &source.records[record].script else { return "regular".into() };
    let mut rest = &item[..];
    varint::read(&mut rest).unwrap();
    let script = Script::parse(rest, u64::try_from(source.records[record].residues.len()).unwrap()).unwrap();
    let operations = script.operations().map(|operation| match operation {
        Operation::Lines { count, width } => format!(" {count}x{width}"),
        Operation::Residues(count) => format!(" {count}"),
        Operation::Bytes(bytes) => format!(" '{}'", bytes.escape_ascii()),
    });
    format!("'{}'", script.header_end().escape_ascii()) + &operations.collect::<String>()
}

#[test]
fn the_first_line_end_decides() {
    assert_eq!(parsed(b">a\nA\r\n").layout.line_end, LineEnd::Lf);
    assert_eq!(parsed(b">a\r\nA\n").layout.line_end, LineEnd::CrLf);
    assert_eq!(parsed(b">a\rA\r").layout.line_end, LineEnd::Cr);
    assert_eq!(parsed(b">a\r").layout.line_end, LineEnd::Cr);
    assert_eq!(parsed(b">a").layout.line_end, LineEnd::Lf);
    assert_eq!(parsed(b"\r\n>a\nA\n").layout.line_end, LineEnd::CrLf);
}

#[test]
fn header_texts_are_verbatim() {
    let source = parsed(b">a b\t\x01c \xC3\xA9\x00 \n>\n>>x\r\n> y\r\r\n>z");
    assert_eq!(texts(&source), [&b"a b\t\x01c \xC3\xA9\x00 "[..], b"", b">x", b" y", b"z"]);
    let scripts: Vec<_> = (0..5).map(|record| script(&source, record)).collect();
    assert_eq!(scripts, ["regular", "regular", r"'\r\n'", r"'\r\r\n'", "''"]);
    let source = parsed(b">a\r\n>b\n>c\r\r");
    let scripts: Vec<_> = (0..3).map(|record| script(&source, record)).collect();
    assert_eq!(scripts, ["regular", r"'\n'", r"'\r\r'"]);
    assert_eq!(texts(&parsed(b">a\nA\n>b\r")), [b"a", b"b"]);
    assert_eq!(parsed(&[b">", &vec![b'i'; 70_000][..], b"\n"].concat()).records[0].id_length, columns::LONG_ID);
}

#[test]
fn residues_are_printable_bytes_without_blanks() {
    let all: Vec<u8> = (0x21..=0x7E).collect();
    let source = parsed(&[b">a\nA", &all[..], b"\n"].concat());
    assert_eq!(residues(&source)[0][1..], all);
    assert_eq!(script(&source, 0), "regular");
    let source = parsed(b">a\n AC GT\x0B\x0CA\t\n");
    assert_eq!(residues(&source), [b"ACGTA"]);
    assert_eq!(script(&source, 0), r"'\n' ' ' 2 ' ' 2 '\x0b\x0c' 1 '\t\n'");
    assert_eq!(residues(&parsed(b">a\n >b\n ;c\n")), [b">b;c"], "only the first byte of a line is special");
}

#[test]
fn regular_records() {
    let source = parsed(b">a\nACGT\nACGT\n>b\n>c\nA\n>d\nACGT\n>e\nACGT\nAC\n");
    assert_eq!(source.layout.line_width, 4);
    assert!((0..5).all(|record| script(&source, record) == "regular"));
    let source = parsed(b">a\nACGT\n>b\nACGTACGT\n>c\n");
    assert_eq!(source.layout.line_width, 0);
    assert!((0..3).all(|record| script(&source, record) == "regular"));
    let source = parsed(b">a\rACG\rA\r");
    assert_eq!((source.layout.line_width, script(&source, 0)), (3, "regular".into()));
}

#[test]
fn irregular_records() {
    let source = parsed(b">a\nACGT\nA\n>b\nACGTA\n>c\nAC\nACGT\n>d\n\n\n>e\nACGT\n\n>f\nACGT\r\nA\r\n>g\nACGT\nACGT");
    let scripts: Vec<_> = (0..7).map(|record| script(&source, record)).collect();
    assert_eq!(
        scripts,
        [
            "regular",
            r"'\n' 1x5",
            r"'\n' 1x2 1x4",
            r"'\n' 2x0",
            r"'\n' 1x4 1x0",
            r"'\n' 4 '\r\n' 1 '\r\n'",
            r"'\n' 1x4 4"
        ]
    );
    let source = parsed(b">a\r\nAC\r\nA\r\n>b\r\nAC\nA\r\r\n\r\n");
    assert_eq!([script(&source, 0), script(&source, 1)], ["regular", r"'\r\n' 2 '\n' 1 '\r\r\n' 1x0"]);
    assert_eq!(script(&parsed(b">a\nAC\r"), 0), r"'\n' 2 '\r'");
}

#[test]
fn comments_are_layout() {
    let source = parsed(b">a\n;one \xC3\xA9\x00\r\n#two\nACGT\n;end\n\nAC\n; last");
    assert_eq!(residues(&source), [b"ACGTAC"]);
    assert_eq!(script(&source, 0), r"'\n' ';one \xc3\xa9\x00\r\n#two\n' 1x4 ';end\n' 1x0 1x2 '; last'");
}

#[test]
fn preambles_are_kept() {
    for preamble in ["", "\u{FEFF}", "\u{FEFF}\n", "\n \t\r\n", "\n; c \u{e9}\r\r\n#d\n\n", "\u{FEFF}#x\n"] {
        let source = parsed(&[preamble.as_bytes(), b">a\nA\n"].concat());
        assert_eq!((source.layout.preamble, source.records.len()), (preamble.into(), 1));
    }
    for blank in ["", "\n", " \t ", "\r", "\r\n\n", "\u{FEFF}", "\u{FEFF}\r\n"] {
        let source = parsed(blank.as_bytes());
        assert_eq!((source.layout.preamble, source.records.len()), (blank.into(), 0));
    }
}

#[test]
fn long_runs_of_blanks_and_returns_are_split() {
    let blanks = vec![b' '; 150_000];
    let returns = vec![b'\r'; 150_000];
    let source = parsed(&[b">a\nA", &blanks[..], b"A", &returns, b"\n>b", &returns, b"\nA"].concat());
    let mut rest = &source.records[0].script.clone().unwrap()[..];
    varint::read(&mut rest).unwrap();
    let longest = Script::parse(rest, 2).unwrap().operations().map(|operation| match operation {
        Operation::Bytes(bytes) => bytes.len(),
        _ => 0,
    });
    assert_eq!(longest.max(), Some(64 << 10));
}
